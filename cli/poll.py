"""`psiselect poll`: questions that people answer with a randomised response, and what can be read off many of them."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import click

from cli import words
from cli._ledger import ledger_options, open_ledger, writing
from cli._options import options
from cli._output import json_option, print_fields, print_json, print_line, print_table, say
from cli._reading import taking_reading
from cli._table import TableName, query_option
from dpselect.local_dp import YES_NO, Poll, PollMechanism
from dpselect.privacy import parse_poll_epsilon
from psi.tables import ReadingOptions
from psiselect.base.atomic import write_bytes
from psiselect.polling import draw, poll_of, require_new, tables_at
from psiselect.polling import estimate as shares_of

_LONGEST_ANSWER = 10_000


@click.group(name="poll", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Run a poll in which nobody can be sure of any one person's true answer.

    Each person changes their own answer at random before anybody sees it, so nobody has to trust anybody else. A
    smaller --epsilon hides answers better, and makes the results less accurate.

    \b
    Examples:
      psiselect poll respond --answer yes --epsilon 'ln(3)' --output anna.csv
      psiselect poll estimate anna.csv ben.csv ... --epsilon 'ln(3)'
    """


def _poll(options: str | None, file: Path | None, epsilon: str, mechanism: str) -> Poll:
    if options is not None and file is not None:
        raise words.options_twice()
    named = YES_NO if options is None else tuple(o.strip() for o in options.split(","))
    if file is not None:
        from cli.release.options import read_lines

        named = tuple(read_lines(file, words.THE_ANSWERS))
    return poll_of(named, parse_poll_epsilon(epsilon), mechanism)


_epsilon = click.option(
    "--epsilon",
    required=True,
    metavar="E",
    help="Limit what one response can give away about the true answer: smaller is safer and less accurate; 1 is usual. "
    "Write it as 0.5, 1/2 or ln(3). With ln(3), a person whose true answer is yes is at most 3 times as likely to "
    "respond yes as a person whose true answer is no.",
)
_options = options(
    click.option(
        "--options",
        "named",
        metavar="A,B,...",
        help="Set the possible answers. The estimate and all responses must use the same answers in the same order "
        "[default: yes,no].",
    ),
    click.option(
        "--options-file",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Read the possible answers from this file, one per line. The estimate and all responses must use the same "
        "answers in the same order.",
    ),
)
_mechanism = click.option(
    "--mechanism",
    type=click.Choice(["auto", *(m.value for m in PollMechanism)]),
    default="auto",
    show_default=True,
    help="Choose how answers are changed at random. The estimate and all responses must use the same method. auto "
    "chooses the more accurate method from --epsilon and the number of options; most people need nothing else. "
    "docs/systems/polls.md explains the methods.",
)


@command.command()
@click.option(
    "--answer", required=True, help="Give your true answer, or - to type it unseen. The command does not store it."
)
@_epsilon
@_options
@_mechanism
@click.option("--poll", "name", default="", help="Give the question a name, so that polls are not mixed up.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the response to this file, ready to be sent.")
@ledger_options("your answers")
@json_option
def respond(
    answer: str,
    epsilon: str,
    named: str | None,
    options_file: Path | None,
    mechanism: str,
    name: str,
    output: Path | None,
    ledger: Path | None,
    dataset: str | None,
    as_json: bool,
) -> None:
    """Change your answer to a question at random, on your own machine. You can give the response to anyone.

    The response that the command prints says little about your true answer. Answer each question once and keep the
    response: two responses give away twice as much as one. With --ledger, the command first subtracts the epsilon from
    a budget that you keep for yourself.

    Other users of the machine can see an answer on the command line, and your shell keeps it. `--answer -` avoids both.

    \b
    Examples:
      psiselect poll respond --answer yes --epsilon 'ln(3)'
      psiselect poll respond --answer tram --options car,bus,tram,bicycle --epsilon 1 --output mine.csv
    """
    poll = _poll(named, options_file, epsilon, mechanism)
    require_new(output)
    truth = _typed_answer() if answer == "-" and "-" not in poll.options else answer
    found = draw(poll, truth, name, book=open_ledger(ledger, dataset), dataset=dataset)
    charge = found.charge
    if output is not None:
        with writing(charged=charge is not None, file=output):
            write_bytes(output, found.row.encode())
    with writing(charged=charge is not None):
        if as_json:
            print_json(found.to_json(output))
        elif output is None:
            print_line(found.response)
        else:
            say(words.response_written(output))
    if charge is not None:
        charge.tell(say)


def _typed_answer() -> str:
    """The line on standard input, not shown while it is typed. Raises UsageError for more than one line."""
    if sys.stdin.isatty():
        return getpass.getpass("Answer (not shown): ").strip()
    lines = sys.stdin.read(_LONGEST_ANSWER).strip().splitlines()
    if len(lines) != 1:
        raise words.no_answer_typed()
    return lines[0].strip()


@command.command(short_help="Estimate from the responses how many people gave each answer.")
@click.argument("responses", nargs=-1, required=True, type=TableName(click.Path()))
@query_option
@taking_reading()
@_epsilon
@_options
@_mechanism
@click.option(
    "--confidence",
    type=float,
    default=0.95,
    show_default=True,
    metavar="P",
    help="Set how often the interval must contain the true share: 0.95 means in at least 95 of 100 polls.",
)
@click.option(
    "--population",
    is_flag=True,
    help="Estimate for a whole population, which makes the interval wider. The respondents must be a random "
    "sample of this population.",
)
@json_option
def estimate(
    responses: tuple[Path | str, ...],
    query: str | None,
    said: ReadingOptions,
    epsilon: str,
    named: str | None,
    options_file: Path | None,
    mechanism: str,
    confidence: float,
    population: bool,
    as_json: bool,
) -> None:
    """Estimate what share of the people chose each answer, from tables of responses (or folders of *.csv). A response
    is an answer that was changed at random.

    A table is a CSV file, a Parquet file, a spreadsheet or another kind (docs/tables.md). With --query, it may be a
    database. All rows must be responses to the same question with the same options, and each response counts once.

    The estimate of a share can be too high or too low, and even below 0 or above 1. Each estimate comes with a range,
    the interval. With --confidence 0.95, the true share lies in this range in at least 95 of 100 polls. Without
    --population, the true share is the share among these respondents.

    \b
    Examples:
      psiselect poll estimate responses.csv --epsilon 'ln(3)'
      psiselect poll estimate folder/ --epsilon 1 --options car,bus,tram,bicycle --json
    """
    poll = _poll(named, options_file, epsilon, mechanism)
    found = shares_of(poll, tables_at(responses, query, said), confidence=confidence, population=population)
    if as_json:
        print_json(found.to_json())
        return
    print_line(words.shares(confidence))
    shown = found.shares[:1] if len(found.shares) == 2 else found.shares
    print_table(
        ("option", "estimate", "standard error", f"{confidence:.0%} interval"),
        [(e.option, f"{e.estimate:.4f}", f"{e.standard_error:.4f}", _interval(e.interval)) for e in shown],
    )
    about = found.about
    print_fields({"responses": found.responses, "mechanism": poll.mechanism.value, "error of": about["error_of"]})


def _interval(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}"
