"""Options that the `psi` commands share, as click takes them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from cli._ledger import ledger_options
from cli._numbers import Seconds, WholeNumber
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
    "Prove who you are with the files DIR/NAME.crt and DIR/NAME.key, which `psiselect identity create` writes. You "
    "can also give a folder with these two files (docs/serving-reference.md)."
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


_SHOWN_HELP = (
    "Choose what the result shows. matches: the rows that match. count: how many keys are in both lists. "
    "{sum}noisy-count: the count, changed by random noise. Both sides must use the same value. Even with {counts} or "
    "noisy-count, a side that gets the result can cheat, and so find out which keys match."
)
REVEAL_HELP = _SHOWN_HELP.format(sum="sum: the count, and the total of a column. ", counts="count, sum")
WITHOUT_SUM_HELP = _SHOWN_HELP.format(sum="", counts="count")
_REVEAL = click.option(
    "--reveal",
    type=choice(Reveal),
    default=Reveal.MATCHES.value,
    show_default=True,
    help=REVEAL_HELP,
)
_PROTOCOL = click.option(
    "--protocol",
    type=choice(SessionProtocol),
    default=SessionProtocol.ECDH.value,
    show_default=True,
    help="Choose how the program finds matches. Both sides must use the same value. fast takes only a "
    "fraction of the time that ecdh takes, but works only with --reveal matches. fast is an experiment that nobody "
    "outside the project has reviewed. If the side that gets the result cheats, fast does not protect the other list.",
)
_NOISE = (
    click.option(
        "--epsilon",
        metavar="E",
        help="With --reveal noisy-count: limit what the noisy count can give away about one key. Smaller is safer and "
        "less accurate; 1 is usual. Both sides must use the same value.",
    ),
    click.option(
        "--delta",
        metavar="D",
        help="With --reveal noisy-count: set the highest acceptable chance that the noise fails to hide a key, such as "
        "1e-6 (one in a million). Both sides must use the same value.",
    ),
)
_MATCHING = click.option(
    "--matching",
    type=choice(Matching),
    default=Matching.ONE_TO_MANY.value,
    show_default=True,
    help="Choose how to count matches if you give --key more than once. If a row matches in two key columns, "
    "one-to-one counts it once, for the --key that you gave first. With one-to-many, the program counts the matches of "
    "each key column separately, so this row counts twice. Both sides must use the same value.",
)
_COMPARER = click.option(
    "--min-matches-by",
    type=choice(Comparer),
    default=Comparer.LEARNER.value,
    show_default=True,
    help="Choose who compares the result with --min-matches: the side that gets the result (learner), or the other "
    "side (other). With `other`, the other side learns the number of matches. Both sides must use the same value.",
)
_PAD_TO = click.option(
    "--pad-to",
    type=WholeNumber(1, MAX_SIZE),
    metavar="N",
    help="Hide how long both lists are: add made-up keys, which match nothing, until each list has N keys. Both sides "
    "must use the same value.",
)
_MEMORY_LIMIT = click.option(
    "--memory-limit",
    type=ByteSize(),
    metavar="SIZE",
    help="Use at most this much memory, such as 512M, for keys and their encrypted forms. The rest goes to disk "
    "[default: a quarter of the memory of the machine or the container].",
)
_MEANS = (
    _MEMORY_LIMIT,
    click.option(
        "--backend",
        type=click.Choice(["auto", "lanes", "portable"]),
        default="auto",
        show_default=True,
        help="Choose how to compute; auto is right for most people. It uses the fast program code, lanes, if this "
        "processor can run it, and otherwise the slower code, portable.",
    ),
    click.option(
        "--threads",
        type=WholeNumber(1),
        metavar="N",
        help="Compute with N threads or processes [default: all cores].",
    ),
)
# What `--min-matches` says where the command has `--min-matches-by`.
OTHER_COMPARES_HELP = " --min-matches-by other prevents this."
_KEY = (
    click.option(
        "--key",
        "keys",
        multiple=True,
        required=True,
        metavar="COLUMN[:RULE]",
        help="Match rows by this column, the key column: its values are the keys. RULE makes different spellings of "
        "one key equal. The rules are raw (no change, the default), text, email, phone, name, date, and sha256. Use "
        "sha256 if the column holds SHA-256 codes (64 letters and digits) in place of the values themselves. Both "
        "sides must use the same rule. A rule can have options, such as a country: in tel:phone,region=PL, the column "
        "is tel, and the rule phone gets the option region=PL. Join columns with + if all of them must match. If you "
        "repeat --key, one matching key is enough. docs/normalization.md explains the rules.",
    ),
    click.option(
        "--null",
        "nulls",
        multiple=True,
        metavar="TEXT",
        help="Treat this text in a --key column, such as NULL or nan, as an empty cell. May be repeated. The peer does "
        "not see the text.",
    ),
)
_WHAT = (
    *_KEY,
    shared_terms.OPTION,
    _MATCHING,
    _PROTOCOL,
    _REVEAL,
    *_NOISE,
    ledger_options("this list", "With --reveal noisy-count"),
    value_options.COLUMN,
    *value_options.TERMS,
    _PAD_TO,
    click.option(
        "--min-matches",
        type=WholeNumber(1),
        metavar="N",
        help="Withhold the result if there are fewer than N matches, and end with exit code 6. Both sides must use the "
        "same value. The side that gets the result could change its program and see the result "
        f"anyway.{OTHER_COMPARES_HELP}",
    ),
    _COMPARER,
    click.option(
        "--output",
        type=OutputName(),
        help="Write your matching rows to this .csv or .parquet file. It may be in cloud storage, such as "
        "s3://BUCKET/out.csv.",
    ),
    column_options.WRITTEN,
    *column_options.OPTIONS,
    click.option("--strict", is_flag=True, help="Stop if the rule cannot read a row, instead of skipping the row."),
    click.option(
        "--workdir",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        metavar="DIR",
        help="Use this folder for data that does not fit in memory [default: the system's folder for temporary files].",
    ),
    *_MEANS,
)


_RESUME = click.option(
    "--resume",
    is_flag=True,
    help="Save the session's progress in a folder, which you must name with --workdir. If the connection is lost or "
    "the program is killed, run the same command again: the session goes on. Both sides must use --resume, or neither.",
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
        help=f"{_IDENTITY_HELP} When you replace your certificate, give --identity twice, the old one first, until "
        "each peer has the new one.",
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
            help="Accept the peer with this certificate, which the peer sent you. May be repeated.",
        ),
        click.option(
            "--input",
            "source",
            required=True,
            type=TableName(),
            metavar="FILE",
            help="Read your list from this file: CSV, Parquet, a spreadsheet and others (docs/tables.md). Write - to "
            "read from standard input. With --query, give a database: sqlite:///FILE or "
            "postgresql://USER@HOST/DATABASE.",
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
            "must say `both`, too.",
        ),
        click.option(
            "--max-peer-size",
            type=WholeNumber(0),
            metavar="N",
            help="Refuse a peer whose list has more than N keys. A row with two keys counts as two. If only you get "
            f"the result, the default is {MAX_PEER_SIZE:,}. If the peer gets the result, it is 4 times the length of "
            f"your list, and at least {LEAST_PEER_SIZE:,}.",
        ),
        click.option(
            "--timeout",
            type=Seconds(0, min_open=True),
            metavar="SECONDS",
            help=f"Give up after this many seconds without progress [default: {STALL_SECONDS:.0f}"
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
        help="Use this folder for data that does not fit in --memory-limit [default: the system's folder for temporary "
        "files].",
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
        help="Assume two machines like this one, with a network of this many bits per second between them, such "
        "as 100M [default: both parties share this machine, as with `psi local`].",
    ),
    click.option(
        "--keys",
        type=WholeNumber(1, MAX_KEYS),
        default=1,
        show_default=True,
        metavar="N",
        help="Assume N keys in each row, as in a session where --key is given N times.",
    ),
    click.option(
        "--min-matches",
        type=WholeNumber(1),
        metavar="N",
        help="Assume a session with --min-matches N, which withholds the result if there are fewer than N matches.",
    ),
    _COMPARER,
    column_options.ESTIMATED,
    click.option(
        "--key-bytes",
        type=WholeNumber(1),
        default=32,
        show_default=True,
        metavar="N",
        help="Assume that keys are N bytes long on average.",
    ),
    *_MEANS,
    json_option,
)
