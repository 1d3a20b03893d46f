"""`psiselect vote`: a private winner from a file of ballots, what to expect of it beforehand, and the exact tally."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click

from cli._ledger import ledger_options, open_ledger
from cli._output import json_option, print_json, print_table, say
from cli._reading import TABLE_FORMATS, format_option, taking_reading
from cli._table import FILE_OR_DATABASE, Table, query_option
from cli.vote.ballots import load
from cli.vote.plan import print_plan, save_plot
from dpselect.accounting import BudgetKind
from dpselect.approval import elect, epsilon_text, guarantee, not_private_tally
from dpselect.ballots import FORMATS, OnInvalid, Reading, load_candidates
from dpselect.mechanisms import Mechanism
from dpselect.planning import Task, choose, plan
from dpselect.privacy import NeighbouringRelation, parse_epsilon, parse_fraction
from psi.tables import ReadingOptions
from psiselect.base.errors import UsageError

MECHANISMS = ("permute-and-flip", "exponential", "subset-exponential", "peeling")

_ballots = click.argument("ballots", type=FILE_OR_DATABASE)
_candidates = click.option(
    "--candidates",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The public list of candidates, one a line. Needed for ballots in a table that hold names.",
)
_on_invalid = click.option(
    "--on-invalid",
    type=click.Choice([rule.value for rule in OnInvalid]),
    default=OnInvalid.ERROR.value,
    show_default=True,
    help="A ballot that breaks a rule: stop and name its line, or leave it out silently (inside the guarantee).",
)
_format = format_option((*(form for form in FORMATS if form not in TABLE_FORMATS), *TABLE_FORMATS))
_reading = taking_reading(formats=False)
_epsilon = click.option("--epsilon", required=True, metavar="E", help="Privacy parameter, exact: 0.1 or 1/10.")
_neighbors = click.option(
    "--neighbors",
    required=True,
    type=click.Choice([relation.value for relation in NeighbouringRelation]),
    help="What one voter can change: taking part at all (add-remove), or what the ballot says (replace).",
)
_seats = click.option(
    "--seats", type=click.IntRange(min=1), default=1, show_default=True, help="Size of the committee."
)


@click.group("vote")
def command() -> None:
    """Private winners of approval elections.

    \b
    Examples:
      psiselect vote plan --candidates 16 --gap 20 --epsilon 0.1 --neighbors add-remove
      psiselect vote winner ballots.csv --epsilon 0.1 --neighbors add-remove
    """


@command.command("winner", short_help="A private winner or committee from a file of ballots.")
@_ballots
@query_option
@_epsilon
@_neighbors
@click.option(
    "--mechanism",
    type=click.Choice(["auto", *MECHANISMS]),
    default="auto",
    show_default=True,
    help="auto goes by public parameters only, see `vote plan`.",
)
@_seats
@_candidates
@click.option(
    "--gap", metavar="G", help="Your guess, before counting, of the lead in votes; steers auto for seats > 1."
)
@_on_invalid
@_format
@_reading
@ledger_options("these ballots")
@json_option
def winner(
    ballots: Path | str,
    query: str | None,
    epsilon: str,
    neighbors: str,
    mechanism: str,
    seats: int,
    candidates: Path | None,
    gap: str | None,
    on_invalid: str,
    form: str | None,
    said: ReadingOptions,
    ledger: Path | None,
    dataset: str | None,
    as_json: bool,
) -> None:
    """The winner, or a committee of --seats, with differential privacy for the voters.

    Prints nothing else that depends on the ballots: no counts, no turnout, members in the order of names. Formats:
    tables (see docs/tables.md, or a database with --query), PrefLib (.cat, .toc, .toi), Pabulib (.pb),
    abcvoting (.abc.yaml).

    \b
    Examples:
      psiselect vote winner ballots.csv --epsilon 0.1 --neighbors add-remove
      psiselect vote winner election.cat --epsilon 1 --neighbors replace --seats 3 --gap 20
      psiselect vote winner votes.pb --epsilon 0.1 --neighbors add-remove --ledger budget.db --dataset town-2026
    """
    exact, relation, guess = parse_epsilon(epsilon), NeighbouringRelation.parse(neighbors), _gap(gap)
    book = open_ledger(ledger, dataset)
    reading = load(Table(ballots, query, said), candidates=candidates, on_invalid=OnInvalid(on_invalid), form=form)
    _tell(reading)
    task = Task(
        len(reading.profile.candidates), exact, relation, seats, guess, BudgetKind.PURE if book is None else book.kind
    )
    choice = choose(task, None if mechanism == "auto" else Mechanism(mechanism))
    remaining = None
    if book is not None and dataset is not None:
        what = f"vote winner: {choice.mechanism.value}, epsilon {epsilon_text(exact)}"
        remaining = book.spend(dataset, choice.measurement.event, neighbors=relation, what=what[:200]).remaining
    winners = elect(reading.profile, choice.measurement)
    exponent = choice.measurement.exponent
    if as_json:
        print_json(
            {
                "winners": winners,
                "seats": seats,
                "mechanism": choice.mechanism.value,
                "why": choice.why,
                "epsilon": float(exact),
                "epsilon_exact": str(exact),
                "neighbors": neighbors,
                "exponent_per_vote": float(exponent),
                "exponent_per_vote_exact": str(exponent),
                "sampling": "exact",
                "guarantee": guarantee(exact, relation),
                "ledger_remaining": None if remaining is None else float(remaining.amount),
                "ledger_remaining_exact": None if remaining is None else str(remaining.amount),
            }
        )
        return
    click.echo(f"Winner: {winners[0]}" if seats == 1 else "Committee, in the order of names: " + ", ".join(winners))
    click.echo(guarantee(exact, relation))
    say(f"{choice.mechanism.value}, exponent {exponent} per vote, sampled exactly; {choice.why}")
    if book is not None and remaining is not None:
        say(f"left for {dataset!r} in {ledger}: {book.describe(remaining)}")


@command.command("plan", short_help="What to expect, before any budget is spent.")
@click.option("--candidates", required=True, metavar="M|FILE", help="How many candidates, or the file that lists them.")
@click.option("--gap", required=True, metavar="G", help="Votes by which you expect the winners to lead.")
@_epsilon
@_neighbors
@_seats
@click.option(
    "--target", default="0.95", show_default=True, metavar="P", help="Probability wanted for the true winner."
)
@click.option(
    "--budget",
    type=click.Choice([kind.value for kind in BudgetKind]),
    default="pure",
    show_default=True,
    help="Kind of ledger that the winner will be charged to.",
)
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Also draw a PNG or SVG.")
@json_option
def plan_(
    candidates: str,
    gap: str,
    epsilon: str,
    neighbors: str,
    seats: int,
    target: str,
    budget: str,
    plot: Path | None,
    as_json: bool,
) -> None:
    """How likely is the true winner, and what epsilon would do, before any budget is spent.

    Works from public parameters only. All rivals are taken to be exactly the gap behind: the probability is a lower
    bound whenever all are at least that far behind, the expected loss is that example's.

    \b
    Examples:
      psiselect vote plan --candidates 16 --gap 20 --epsilon 0.1 --neighbors add-remove
      psiselect vote plan --candidates 40 --seats 5 --gap 30 --epsilon 1 --neighbors replace --plot plan.svg
    """
    task = Task(
        _count(candidates, seats),
        parse_epsilon(epsilon),
        NeighbouringRelation.parse(neighbors),
        seats,
        parse_fraction(gap, "gap"),
        BudgetKind(budget),
    )
    made = plan(task, _target(target))
    if plot is not None:
        save_plot(made, plot)
    print_plan(made, plot, as_json)


@command.command("count", short_help="The exact tally, not private.")
@_ballots
@query_option
@click.option("--not-private", is_flag=True, help="Say that you know: exact counts give no privacy.")
@_seats
@_candidates
@_on_invalid
@_format
@_reading
@json_option
def count(
    ballots: Path | str,
    query: str | None,
    not_private: bool,
    seats: int,
    candidates: Path | None,
    on_invalid: str,
    form: str | None,
    said: ReadingOptions,
    as_json: bool,
) -> None:
    """The exact tally, for the tallier: without privacy, and refused without --not-private.

    \b
    Examples:
      psiselect vote count ballots.csv --not-private
    """
    if not not_private:
        raise UsageError(
            "exact counts give the voters no privacy; say --not-private if that is meant, or use `vote winner`"
        )
    reading = load(Table(ballots, query, said), candidates=candidates, on_invalid=OnInvalid(on_invalid), form=form)
    _tell(reading)
    tally = not_private_tally(reading.profile, seats)
    if as_json:
        print_json(
            {
                "private": False,
                "winners": tally.winners,
                "tied": tally.tied,
                "seats": seats,
                "candidates": len(tally.counts),
                "voters": tally.voters,
                "counts": tally.counts,
                "format": reading.format,
                "notes": reading.notes,
                "warnings": reading.warnings,
            }
        )
        return
    marks = {name: "tied" if name in tally.tied else "elected" for name in tally.winners}
    print_table(
        ["candidate", "approvals", ""],
        [(name, approvals, marks.get(name, "")) for name, approvals in tally.counts.items()],
        title=f"{tally.voters} ballots, not private",
    )


def _gap(text: str | None) -> Fraction | None:
    return None if text is None else parse_fraction(text, "gap")


def _count(candidates: str, seats: int) -> int:
    """`--candidates` of a plan: a number, or a file to count."""
    number = candidates.isascii() and candidates.isdigit() and len(candidates) <= 9
    count = int(candidates) if number else len(load_candidates(Path(candidates)))
    if count <= seats:
        raise UsageError(f"--candidates: expected more than --seats {seats}, got {count}: there is nothing to choose")
    return count


def _target(text: str) -> float:
    """`--target` of a plan."""
    target = parse_fraction(text, "target")
    if not 0 < target < 1:
        raise UsageError(f"--target: expected a probability between 0 and 1, such as 0.95, got {text}")
    return float(target)


def _tell(reading: Reading) -> None:
    """Notes and warnings, to the tallier."""
    for line in (*reading.notes, *reading.warnings):
        say(f"note: {line}")
