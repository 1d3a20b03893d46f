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
from cli.psi import shared_terms
from cli.psi import values as value_options
from psi.agreement.modes import Comparer, Matching, Reveal, Side
from psi.agreement.terms import MAX_KEYS, MAX_SIZE
from psi.session.job import LEAST_PEER_SIZE, MAX_PEER_SIZE
from psiselect.matching.choices import STALL_SECONDS
from psiselect.matching.given import GivenOptions
from psiselect.words import parse_size

Command = TypeVar("Command", bound=Callable[..., Any])
_PATH = click.Path(path_type=Path)


class ByteSize(click.ParamType[int]):
    """A number of bytes such as 800M, 1.5G or 2GiB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The size in bytes; plain letters are powers of 1000, with an i powers of 1024."""
        if isinstance(value, int):
            return value
        found = parse_size(str(value))
        if found is None:
            self.fail(f"{value!r} is not a size; write it like 800M, 1.5G or 2GiB", param, ctx)
        return found


_REVEAL = click.option(
    "--reveal",
    type=choice(Reveal),
    default=Reveal.MATCHES.value,
    show_default=True,
    help="What the learner gets; both sides must say the same. count and sum hide nothing from a learner that does not "
    "follow the protocol.",
)
_NOISE = (
    click.option("--epsilon", metavar="E", help="noisy-count: privacy of a key, exact: 1, 0.5 or 1/3."),
    click.option("--delta", metavar="D", help="noisy-count: how likely epsilon may fail, such as 1e-6."),
)
_MATCHING = click.option(
    "--matching",
    type=choice(Matching),
    default=Matching.ONE_TO_MANY.value,
    show_default=True,
    help="Whether a row matches one row of the peer at most, by its first key that can; both sides the same.",
)
_COMPARER = click.option(
    "--min-matches-by",
    type=choice(Comparer),
    default=Comparer.LEARNER.value,
    show_default=True,
    help="Who holds the result against --min-matches; `other` is the side that does not learn, which then learns the "
    "number of matches. Both sides must say the same.",
)
_PAD_TO = click.option(
    "--pad-to",
    type=click.IntRange(1, MAX_SIZE),
    metavar="N",
    help="Hide both list sizes: each is filled up to N with items that match nothing; both sides must say the same.",
)
_MEMORY_LIMIT = click.option(
    "--memory-limit",
    type=ByteSize(),
    metavar="SIZE",
    help="Memory for keys and masked values, such as 512M; the rest goes to disk [default: a quarter of the "
    "machine's memory, or of the container's].",
)
_MEANS = (
    _MEMORY_LIMIT,
    click.option(
        "--backend",
        type=click.Choice(["auto", "lanes", "portable"]),
        default="auto",
        show_default=True,
        help="Implementation of the group.",
    ),
    click.option(
        "--threads", type=click.IntRange(1), help="Threads or processes to compute with [default: all cores]."
    ),
)
_KEY = (
    click.option(
        "--key",
        "keys",
        multiple=True,
        required=True,
        metavar="COLUMN[:RULE]",
        help="Column to match by and the rule that normalises it, the same on both sides: raw, text, email, phone, "
        "name, date or sha256. Options follow: phone:phone,region=PL. Columns joined by + make one key. Given several "
        "times, any of the keys matches, the first ones first. email/1 is version 1 of a rule, for a peer whose "
        "program is older.",
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
    _REVEAL,
    *_NOISE,
    ledger_options("this list", "noisy-count"),
    value_options.COLUMN,
    *value_options.TERMS,
    _PAD_TO,
    click.option(
        "--min-matches",
        type=click.IntRange(1),
        metavar="N",
        help="Withhold a result below N (exit 6); both sides must say the same. Advisory unless the other side "
        "compares.",
    ),
    _COMPARER,
    click.option(
        "--output",
        type=OutputName(),
        help="Write my matched rows here: .csv or .parquet, also in a store, as in s3://BUCKET/out.csv.",
    ),
    column_options.WRITTEN,
    *column_options.OPTIONS,
    click.option("--strict", is_flag=True, help="Refuse a table with rows that the rule cannot read."),
    click.option(
        "--workdir",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        metavar="DIR",
        help="Where sessions to be resumed are kept and what is beyond --memory-limit goes [default: the system's "
        "folder for temporary files].",
    ),
    *_MEANS,
)


_RESUME = click.option(
    "--resume",
    is_flag=True,
    help="Keep the session in --workdir and go on with it after a lost link or a killed process, by the same command; "
    "both sides must say so.",
)


def _given(side: Side, *decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """These options, of which the command gets those of a session as one `GivenOptions`, named `given`. side: whose
    they are, for a file of terms."""

    def apply(command: Command) -> Command:
        @functools.wraps(command)
        def called(**values: Any) -> Any:
            shared_terms.take(side, values)
            return command(given=GivenOptions.take(values), **values)

        return options(*decorators)(cast(Command, called))

    return apply


def _own_identity(*, several: bool) -> Callable[[Command], Command]:
    where = "DIR/NAME, a folder with one identity (a mounted secret), or /dev/fd/N with certificate and keys in PEM"
    if not several:
        return click.option(
            "--identity", required=True, type=_PATH, metavar="DIR/NAME", help=f"This side's identity: {where}."
        )
    return click.option(
        "--identity",
        "identities",
        multiple=True,
        required=True,
        type=_PATH,
        metavar="DIR/NAME",
        help=f"This side's identity: {where}. Name a second one while peers change over to it.",
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
            help="Certificate of a peer that is welcome; may be repeated.",
        ),
        click.option(
            "--input",
            "source",
            required=True,
            type=TableName(),
            metavar="FILE",
            help="My list: CSV, Parquet, a spreadsheet and others (docs/tables.md), - for standard input; or, with "
            "--query, sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
        ),
        click.option("--query", metavar="SQL", help=QUERY_HELP),
        *reading_options(),
        *_WHAT,
        click.option(
            "--learn",
            type=click.Choice(["me", "peer", "both"]),
            default="me" if side is Side.CONNECT else "peer",
            show_default=True,
            help="Who learns the result; the peer must say the complement.",
        ),
        click.option(
            "--max-peer-size",
            type=click.IntRange(0),
            metavar="N",
            help="Refuse a peer that declares more elements: items, times the keys of an item. "
            f"[default: {MAX_PEER_SIZE:,}; where the peer learns 4 times my own, at least {LEAST_PEER_SIZE:,}]",
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
        help="Where to keep what is beyond --memory-limit [default: the system's folder for temporary files].",
    ),
    json_option,
)

local_options = _given(Side.CONNECT, *reading_options(), *reading_options(second=True), *_WHAT, json_option)

estimate_options = options(
    _REVEAL,
    *_NOISE,
    *value_options.TERMS,
    _PAD_TO,
    click.option("--learn", type=click.Choice(["me", "peer", "both"]), default="me", show_default=True),
    click.option(
        "--link",
        type=ByteSize(),
        metavar="BITS",
        help="Predict two machines like this one and a network of so many bits a second between them, such as 100M "
        "[default: both parties share this machine, as with `psi local`].",
    ),
    click.option("--keys", type=click.IntRange(1, MAX_KEYS), default=1, show_default=True, help="Keys a row has."),
    click.option("--min-matches", type=click.IntRange(1), metavar="N", help="As for a session."),
    _COMPARER,
    column_options.ESTIMATED,
    click.option("--key-bytes", type=click.IntRange(1), default=32, show_default=True, help="Mean length of a key."),
    *_MEANS,
    json_option,
)
