"""`psiselect psi offer | answer | finish`: the same exchange by files, for parties that cannot open a port."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cli._groups import hiding, rewording
from cli._output import json_option, print_fields, print_json
from cli._table import OutputName, PlaceName, TableName
from cli.psi import columns as column_options
from cli.psi import shared_terms, words
from cli.psi.engine_options import ENGINE_OPTIONS
from cli.psi.help_groups import SessionCommand
from cli.psi.options import OTHER_COMPARES_HELP, WITHOUT_SUM_HELP, session_options
from cli.psi.results import Printed, own_list, transcript_text, unit_of
from cli.psi.talk import TALK
from psi.agreement.modes import Reveal, Side
from psiselect.base.words import human_bytes, human_seconds
from psiselect.matching import exchanges
from psiselect.matching.by_files import Written
from psiselect.matching.given import GivenOptions
from psiselect.matching.shared_terms import SharedTerms

_PATH = click.Path(path_type=Path)
_Command = TypeVar("_Command", bound=click.Command)
# Options of a session that two files cannot carry out; see `psi.offline.exchange.require_offline`.
_REFUSED = ("protocol", "learn", "min_matches_by", "value", "value_decimals", "value_max", "resume")
# Options of a session that come with the answer only, or make no sense without a link.
_NOT_HERE = ("output", "columns", "record", "timeout")


def _without(*names: str) -> Callable[[_Command], _Command]:
    def apply(command: _Command) -> _Command:
        command.params = [param for param in command.params if param.name not in names]
        return command

    return apply


def _as_by_files(command: _Command) -> _Command:
    """Leave out of the help what two files cannot do: `sum`, and a comparison by the other side. `sum` is still a value
    of --reveal, so that its error says why it is refused."""
    options = {param.name: param for param in command.params if isinstance(param, click.Option)}
    reveal, least = options["reveal"], options["min_matches"]
    reveal.metavar = f"[{'|'.join(one.value for one in Reveal if one is not Reveal.SUM)}]"
    reveal.help = WITHOUT_SUM_HELP
    least.help = str(least.help).removesuffix(OTHER_COMPARES_HELP)
    return command


@rewording(*words.SAID_IN_OFFERS)
@_as_by_files
@hiding(*_REFUSED, "sent")  # the side that answers does not learn, so it gets no columns
@_without(*_NOT_HERE, "ledger", "dataset")  # the side that offers learns, so the noise protects the other side's list
@click.command("offer", cls=SessionCommand)
@session_options(Side.CONNECT)
@ENGINE_OPTIONS
@click.option(
    "--out",
    required=True,
    type=PlaceName(),
    metavar="OFFER",
    help="Write the offer to this file; send it to the peer. With --directory or --engine, it is a directory.",
)
@click.option(
    "--state",
    required=True,
    type=_PATH,
    metavar="FILE",
    help="Keep the secret part of the offer in this file until the answer arrives.",
)
@click.option(
    "--directory",
    is_flag=True,
    help="Write a directory of Parquet files, not one file. The peer can then answer with Spark.",
)
def offer(out: Path | str, state: Path, directory: bool, given: GivenOptions) -> None:
    """Begin an exchange of files, without a connection: write an offer for the peer to answer. The side that offers
    gets the result.

    Send the --out file to the peer (the other company), for example as an e-mail attachment. It is signed, and only the
    peer can decrypt it. Keep the --state file: `psi finish` needs it, and removes it.

    \b
    Examples:
      psiselect psi offer --identity keys/globex --peer acme.crt --input members.parquet \\
          --key mail:email --out offer.psi --state offer.state
    """
    made = exchanges.offer(given, out, state, TALK, Printed(given.as_json), directory=directory)
    _say_written(
        given.as_json,
        made,
        {
            "own list": own_list(made.job),
            "for the peer": words.send_to(out, human_bytes(made.result.bytes_sent), made.peer.name),
            "secret": words.keep_state(state),
            "time": human_seconds(made.result.seconds),
        },
    )


@rewording(*words.SAID_IN_ANSWERS)
@_as_by_files
@hiding(*_REFUSED, "received")
@_without(*_NOT_HERE)
@click.command("answer", cls=SessionCommand)
@click.argument("offer", metavar="OFFER", type=PlaceName())
@session_options(Side.LISTEN)
@ENGINE_OPTIONS
@click.option(
    "--out", required=True, type=PlaceName(), metavar="ANSWER", help="Write the answer to this file; send it back."
)
@click.option(
    "--state",
    type=_PATH,
    metavar="FILE",
    help="Keep the list of answered offers in this file [default: DIR/NAME.answered, from --identity DIR/NAME].",
)
def answer(offer: Path | str, out: Path | str, state: Path | None, given: GivenOptions) -> None:
    """Answer the peer's offer, a file that `psi offer` has written. The peer is the other company, and gets the result.
    You learn the size of the peer's list, and nothing else.

    Both sides must use the same settings. If the offer is a directory, the answer is a directory too.
    You can answer an offer only once: from two answers the peer could see how your list has changed in between.

    \b
    Examples:
      psiselect psi answer offer.psi --identity keys/acme --peer globex.crt --input customers.csv \\
          --key email:email --out answer.psi
    """
    made = exchanges.answer(given, offer, out, state, TALK, Printed(given.as_json))
    result, terms = made.result, made.job.terms
    padded = "" if terms.pad_to is None else words.PADDED
    _say_written(
        given.as_json,
        made,
        {
            "own list": own_list(made.job),
            "peer's list": f"{result.peer_size:,} {unit_of(terms)}{padded}",
            "for the peer": words.send_back(out, human_bytes(result.bytes_sent), made.peer.name),
            "time": human_seconds(result.seconds),
            "transcript": transcript_text(result),
        },
    )


@click.command("finish", cls=SessionCommand)
@click.argument("answer", metavar="ANSWER", type=PlaceName())
@click.option(
    "--state",
    required=True,
    type=_PATH,
    metavar="FILE",
    help="Read the file that you named as --state when you made the offer.",
)
@shared_terms.FINISHED
@click.option(
    "--input",
    "source",
    type=TableName(),
    metavar="FILE",
    help="Read your list from this file [default: the --input of `psi offer`].",
)
@click.option(
    "--identity", type=_PATH, metavar="DIR/NAME", help="Use this identity [default: the --identity of `psi offer`]."
)
@click.option(
    "--output",
    type=OutputName(),
    help="Write your matching rows to this .csv or .parquet file. It may be in cloud storage, such as "
    "s3://BUCKET/out.csv. With --engine, name a folder or table:NAME.",
)
@column_options.WRITTEN
@click.option(
    "--record", type=_PATH, metavar="FILE", help="Write to this file what both sides agreed on, signed by both (JSON)."
)
@ENGINE_OPTIONS
@json_option
def finish(
    answer: Path | str,
    state: Path,
    as_json: bool,
    output: Path | str | None,
    columns: tuple[str, ...] | None,
    record: Path | None,
    terms: Path | None,
    **moved: Any,
) -> None:
    """Read the peer's answer to your offer, and show the result. Then remove the secret --state file.

    The command uses the settings of your offer, such as --key, so you need not repeat them. Your list must be
    the same as when you made the offer.

    \b
    Examples:
      psiselect psi finish answer.psi --state offer.state --output common.csv
    """
    here = {name: value for name, value in moved.items() if value is not None and value is not False}
    now = {**here, "output": output, "columns": columns, "record": record, "as_json": as_json}
    shared = None if terms is None else SharedTerms.load(terms)
    if shared is not None:
        shared_terms.tell(shared)
    exchanges.finish(answer, state, now, TALK, Printed(as_json), shared)


def _say_written(as_json: bool, made: Written, words: dict[str, object]) -> None:
    if as_json:
        print_json(made.to_json())
    else:
        print_fields(words)
