"""Options that the `psi` commands share, as click takes them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from cli._ledger import ledger_options
from cli._options import choice, options
from cli._output import json_option
from cli._reading import reading_options, taking_reading
from cli._table import QUERY_HELP, OutputName, TableName
from cli.psi import columns as column_options
from cli.psi import policy as policy_options
from cli.psi import records as record_options
from cli.psi import shared_terms, words
from cli.psi import values as value_options
from psi.agreement.modes import Comparer, Matching, Reveal, SessionProtocol, Side
from psi.agreement.terms import MAX_KEYS, MAX_SIZE
from psi.session.job import LEAST_PEER_SIZE, MAX_PEER_SIZE
from psiselect.matching.choices import STALL_SECONDS
from psiselect.words import parse_size

Command = TypeVar("Command", bound=Callable[..., Any])
_PATH = click.Path(path_type=Path)
_IDENTITY_HELP = (
    "Show the peer this identity: DIR/NAME, a folder with one identity (a mounted secret), or /dev/fd/N with "
    "certificate and keys in PEM."
)


class ByteSize(click.ParamType[int]):
    """A number of bytes such as 800M, 1.5G or 2GiB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The size in bytes; plain letters are powers of 1000, with an i powers of 1024."""
        if isinstance(value, int):
            return value
        found = parse_size(str(value))
        if found is None:
            self.fail(words.not_a_size(value), param, ctx)
        return found


_REVEAL = click.option(
    "--reveal",
    type=choice(Reveal),
    default=Reveal.MATCHES.value,
    show_default=True,
    help="Choose what the result shows. Both sides must use the same value. count and sum hide nothing from a side "
    "that "
    "gets the result and does not follow the protocol.",
)
_PROTOCOL = click.option(
    "--protocol",
    type=choice(SessionProtocol),
    default=SessionProtocol.ECDH.value,
    show_default=True,
    help="Choose how matches are found. Both sides must use the same value. fast takes a fraction of the time for "
    "--reveal matches. It is experimental, not reviewed, and protects nothing against a side that gets the result and "
    "does not follow the protocol.",
)
_NOISE = (
    click.option(
        "--epsilon",
        metavar="E",
        help="Set the noise of noisy-count. It limits what the number can give away about one key: smaller is safer "
        "and less accurate; 1 is usual. Both sides must use the same value.",
    ),
    click.option(
        "--delta",
        metavar="D",
        help="Set how likely the protection of noisy-count may fail; use something like 1e-6. Both sides must use the "
        "same value.",
    ),
)
_MATCHING = click.option(
    "--matching",
    type=choice(Matching),
    default=Matching.ONE_TO_MANY.value,
    show_default=True,
    help="Match each row once, by its first matching key (one-to-one), or by every key (one-to-many). Both sides must "
    "use the same value.",
)
_COMPARER = click.option(
    "--min-matches-by",
    type=choice(Comparer),
    default=Comparer.LEARNER.value,
    show_default=True,
    help="Choose who checks the result against --min-matches. `other` is the side that does not get the result; it "
    "then "
    "learns the number of matches. Both sides must use the same value.",
)
_PAD_TO = click.option(
    "--pad-to",
    type=click.IntRange(1, MAX_SIZE),
    metavar="N",
    help="Hide both list sizes: fill each list up to N with items that match nothing. Both sides must use the same "
    "value.",
)
_MEMORY_LIMIT = click.option(
    "--memory-limit",
    type=ByteSize(),
    metavar="SIZE",
    help="Use at most this much memory for keys and masked values, such as 512M; the rest goes to disk [default: a "
    "quarter of the machine's memory, or of the container's].",
)
_MEANS = (
    _MEMORY_LIMIT,
    click.option(
        "--backend",
        type=click.Choice(["auto", "lanes", "portable"]),
        default="auto",
        show_default=True,
        help="Choose the implementation of the cryptography; auto takes the fastest.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1),
        metavar="N",
        help="Compute with N threads or processes [default: all cores].",
    ),
)
_KEY = (
    click.option(
        "--key",
        "keys",
        multiple=True,
        required=True,
        metavar="COLUMN[:RULE]",
        help="Match by this column. RULE brings equal keys into one spelling: raw, text, email, phone, name, date or "
        "sha256 [default: raw]. Both sides must use the same rule. Options follow the rule: phone:phone,region=PL. "
        "Columns joined by + make one key. If repeated, rows match by any of the keys. If the peer's program is older, "
        "write the rule's version, such as email/1.",
    ),
    click.option(
        "--null",
        "nulls",
        multiple=True,
        metavar="TEXT",
        help="Take this text in a key column for an empty cell, such as NULL or nan. May be repeated. The peer does "
        "not see it.",
    ),
)
_WHAT = (
    *_KEY,
    shared_terms.OPTION,
    _MATCHING,
    _PROTOCOL,
    _REVEAL,
    *_NOISE,
    ledger_options("this list", "With noisy-count"),
    value_options.COLUMN,
    *value_options.TERMS,
    _PAD_TO,
    click.option(
        "--min-matches",
        type=click.IntRange(1),
        metavar="N",
        help="Withhold a result below N (exit 6). Both sides must use the same value. If the side that "
        "gets the result checks it, a changed program could still show the number.",
    ),
    _COMPARER,
    click.option(
        "--output",
        type=OutputName(),
        help="Write your matching rows here: .csv or .parquet, also in a store, as in s3://BUCKET/out.csv.",
    ),
    column_options.WRITTEN,
    *column_options.OPTIONS,
    click.option(
        "--strict", is_flag=True, help="Refuse a list with rows that the rule cannot read, instead of skipping them."
    ),
    click.option(
        "--workdir",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        metavar="DIR",
        help="Keep sessions with --resume here, and data that does not fit in memory [default: the system's folder "
        "for temporary files].",
    ),
    *_MEANS,
)


_RESUME = click.option(
    "--resume",
    is_flag=True,
    help="Keep the session in --workdir. After a lost link or a killed process, the same command goes on with it. Both "
    "sides must use this option, or neither.",
)


def _given(side: Side, *decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """These options, of which the command gets those of a session as one `GivenOptions`, named `given`. side: whose
    they are, for a file of terms."""

    def apply(command: Command) -> Command:
        @functools.wraps(command)
        def called(**values: Any) -> Any:
            given = shared_terms.taken(side, values)
            return command(given=given, **values)

        return options(*decorators)(cast(Command, called))

    return apply


def _own_identity(*, several: bool) -> Callable[[Command], Command]:
    if not several:
        return click.option(
            "--identity",
            required=True,
            type=_PATH,
            metavar="DIR/NAME",
            help=_IDENTITY_HELP,
        )
    return click.option(
        "--identity",
        "identities",
        multiple=True,
        required=True,
        type=_PATH,
        metavar="DIR/NAME",
        help=f"{_IDENTITY_HELP} Name a second one while peers change over to it.",
    )


def session_options(side: Side, *, several_identities: bool = False) -> Callable[[Command], Command]:
    """Everything that `listen` and `connect` have in common; the command gets it as `given`. several_identities:
    --identity may be repeated."""
    return _given(
        side,
        _own_identity(several=several_identities),
        click.option(
            "--peer",
            "peers",
            multiple=True,
            required=True,
            type=_PATH,
            metavar="PEER.crt",
            help="Accept the peer with this certificate. May be repeated.",
        ),
        click.option(
            "--input",
            "source",
            required=True,
            type=TableName(),
            metavar="FILE",
            help="Read your list from here: CSV, Parquet, a spreadsheet and others (docs/tables.md). - is standard "
            "input. "
            "With --query: sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
        ),
        click.option("--query", metavar="SQL", help=QUERY_HELP),
        *reading_options(),
        *_WHAT,
        click.option(
            "--learn",
            type=click.Choice(["me", "peer", "both"]),
            default="me" if side is Side.CONNECT else "peer",
            show_default=True,
            help="Choose who gets the result. If you say `me`, the peer must say `peer`. If you say `both`, the peer "
            "must, too.",
        ),
        click.option(
            "--max-peer-size",
            type=click.IntRange(0),
            metavar="N",
            help="Refuse a peer whose list has more than N keys; a row with two keys counts as two [default: "
            f"{MAX_PEER_SIZE:,}; if the peer gets the result, 4 times your list, and at least {LEAST_PEER_SIZE:,}].",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(0, min_open=True),
            metavar="SECONDS",
            help=f"Give up after so long without progress [default: {STALL_SECONDS:.0f}"
            + (" in a session, never while waiting for a peer]." if side is Side.LISTEN else "]."),
        ),
        policy_options.OPTION,
        *record_options.OPTIONS,
        _RESUME,
        json_option,
    )


check_options = options(
    click.option("--query", metavar="SQL", help=QUERY_HELP),
    taking_reading(),
    *_KEY,
    _MEMORY_LIMIT,
    click.option(
        "--workdir",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        metavar="DIR",
        help="Keep here what is beyond --memory-limit [default: the system's folder for temporary files].",
    ),
    json_option,
)

local_options = _given(Side.CONNECT, *reading_options(), *reading_options(second=True), *_WHAT, json_option)

estimate_options = options(
    _PROTOCOL,
    _REVEAL,
    *_NOISE,
    *value_options.TERMS,
    _PAD_TO,
    click.option(
        "--learn",
        type=click.Choice(["me", "peer", "both"]),
        default="me",
        show_default=True,
        help="Choose who gets the result in the session.",
    ),
    click.option(
        "--link",
        type=ByteSize(),
        metavar="BITS",
        help="Predict two machines like this one and a network of so many bits per second between them, such as 100M "
        "[default: both parties share this machine, as with `psi local`].",
    ),
    click.option(
        "--keys",
        type=click.IntRange(1, MAX_KEYS),
        default=1,
        show_default=True,
        metavar="N",
        help="Count N keys for each row, as a session with N times --key has.",
    ),
    click.option(
        "--min-matches",
        type=click.IntRange(1),
        metavar="N",
        help="Count what it costs to compare the result with a minimum, as --min-matches of a session does.",
    ),
    _COMPARER,
    column_options.ESTIMATED,
    click.option(
        "--key-bytes",
        type=click.IntRange(1),
        default=32,
        show_default=True,
        metavar="N",
        help="Take keys as N bytes long on average.",
    ),
    *_MEANS,
    json_option,
)
