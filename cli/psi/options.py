"""Options that the `psi` commands share, and what they mean taken together."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self, TypeVar

import click

from cli._output import json_option
from cli.psi import columns as column_options
from cli.psi import values as value_options
from cli.psi.policy import OPTION as _POLICY
from cli.psi.policy import Guard
from cli.psi.table import QUERY_HELP, Table, TableName
from cli.psi.trust import OPTIONS as _TRUST
from cli.psi.trust import Papers
from dpselect.privacy import parse_fraction
from psi.accounts.policy import Request
from psi.agreement.outcomes import Comparer, Learner, Matching, Reveal, Side
from psi.agreement.terms import MAX_KEYS, MAX_SIZE
from psi.normalize import KeySpec, parse_key
from psi.session.job import Agreement, Limits, Memory, key_terms
from psi.tables import Source
from psi.tables.writing import check_target
from psiselect.base.errors import UsageError

STALL_SECONDS = 60.0

Command = TypeVar("Command", bound=Callable[..., Any])
_PATH = click.Path(path_type=Path)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


class ByteSize(click.ParamType[int]):
    """A number of bytes such as 800M, 1.5G or 2GiB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The size in bytes; plain letters are powers of 1000, with an i powers of 1024."""
        if isinstance(value, int):
            return value
        found = _SIZE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is not a size; write it like 800M, 1.5G or 2GiB", param, ctx)
        number, letter, binary = found.groups()
        return int(float(number) * (1024 if binary else 1000) ** " kmgt".index(letter.lower() or " "))


def _stack(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def apply(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


_REVEAL = click.option(
    "--reveal",
    type=click.Choice([reveal.value for reveal in Reveal]),
    default=Reveal.MATCHES.value,
    show_default=True,
    help="What the learner gets; both sides must say the same.",
)
_NOISE = (
    click.option("--epsilon", metavar="E", help="noisy-count: privacy of a key, exact: 1, 0.5 or 1/3."),
    click.option("--delta", metavar="D", help="noisy-count: how likely epsilon may fail, such as 1e-6."),
)
_MATCHING = click.option(
    "--matching",
    type=click.Choice([matching.value for matching in Matching]),
    default=Matching.ONE_TO_MANY.value,
    show_default=True,
    help="Whether a record matches one record of the peer at most, by its first key that can; both sides the same.",
)
_COMPARER = click.option(
    "--min-matches-by",
    type=click.Choice([comparer.value for comparer in Comparer]),
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
_MEANS = (
    click.option(
        "--memory-limit",
        type=ByteSize(),
        metavar="SIZE",
        help="Memory for keys and masked values, such as 512M; the rest goes to disk [default: a quarter of the RAM].",
    ),
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
_WHAT = (
    click.option(
        "--key",
        "keys",
        multiple=True,
        required=True,
        metavar="COLUMN[:RULE]",
        help="Column to match by and the rule that normalises it, the same on both sides: raw, text, email, phone, "
        "name, date or sha256. Options follow: phone:phone,region=PL. Columns joined by + make one key. Given several "
        "times, any of the keys matches, the first ones first.",
    ),
    _MATCHING,
    _REVEAL,
    *_NOISE,
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
    click.option("--output", type=_PATH, help="Write my matched rows here: .csv or .parquet."),
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


def session_options(side: Side) -> Callable[[Command], Command]:
    """Everything that `listen` and `connect` have in common."""
    return _stack(
        click.option("--identity", required=True, type=_PATH, metavar="DIR/NAME", help="My identity."),
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
            help="My list: .csv, .parquet, .txt; or, with --query, sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
        ),
        click.option("--query", metavar="SQL", help=QUERY_HELP),
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
            default=Limits().max_peer_size,
            show_default=True,
            metavar="N",
            help="Refuse a peer that declares a longer list.",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(0, min_open=True),
            metavar="SECONDS",
            help=f"Give up after so long without progress [default: {STALL_SECONDS:.0f}"
            + (" in a session, never while waiting for a peer]." if side is Side.LISTEN else "]."),
        ),
        _POLICY,
        *_TRUST,
        _RESUME,
        json_option,
    )


local_options = _stack(*_WHAT, json_option)

estimate_options = _stack(
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
    click.option("--keys", type=click.IntRange(1, MAX_KEYS), default=1, show_default=True, help="Keys a record has."),
    click.option("--min-matches", type=click.IntRange(1), metavar="N", help="As for a session."),
    _COMPARER,
    column_options.ESTIMATED,
    click.option("--key-bytes", type=click.IntRange(1), default=32, show_default=True, help="Mean length of a key."),
    *_MEANS,
    json_option,
)


@dataclass(frozen=True)
class Choices:
    """What the user asked for, checked."""

    side: Side
    identity: Path
    peers: tuple[Path, ...]
    source: Table
    keys: tuple[KeySpec, ...]
    agreement: Agreement
    limits: Limits
    learn: str
    value: str | None
    output: Path | None
    strict: bool
    backend: str
    threads: int | None
    memory: Memory
    timeout: float | None
    guard: Guard
    papers: Papers
    as_json: bool
    workdir: Path | None = None
    resume: bool = False

    @classmethod
    def parse(cls, side: Side, given: dict[str, Any]) -> Self:
        """Check the options together. Raises UsageError."""
        if len(given["keys"]) > MAX_KEYS:
            raise UsageError(f"{len(given['keys'])} keys; {MAX_KEYS} are the most", term="keys")
        learn = given.get("learn", "me")
        reveal = Reveal(given["reveal"])
        value_options.check_column(reveal, learn, given["value"])
        columns, label_bytes = column_options.asked(side, given)
        decimals, largest = value_options.asked(reveal, given)
        choices = cls(
            side=side,
            identity=given["identity"],
            peers=given["peers"],
            source=Table(given["source"], given.get("query")),
            keys=tuple(parse_key(key) for key in given["keys"]),
            agreement=Agreement(
                reveal,
                _learner(side, learn),
                epsilon=exact(given, "epsilon"),
                delta=exact(given, "delta"),
                min_matches=given["min_matches"],
                min_matches_by=Comparer(given["min_matches_by"]),
                matching=Matching(given["matching"]),
                pad_to=given["pad_to"],
                columns=columns,
                label_bytes=label_bytes,
                value_decimals=decimals,
                value_max=largest,
            ),
            limits=Limits(given["max_peer_size"]) if "max_peer_size" in given else Limits(),
            learn=learn,
            value=given["value"],
            output=given["output"],
            strict=given["strict"],
            backend=given["backend"],
            threads=given["threads"],
            memory=memory(given["memory_limit"], given["workdir"]),
            timeout=given.get("timeout"),
            guard=Guard.load(given.get("policy")),
            papers=Papers(given.get("audit"), given.get("record"), again=given.get("resume", False)),
            as_json=given["as_json"],
            workdir=given["workdir"],
            resume=given.get("resume", False),
        )
        choices.agreement.terms(key_terms(choices.keys))  # refuses what these keys cannot have together
        if choices.resume and choices.workdir is None:
            raise UsageError("--resume needs --workdir, the folder where the session is kept", term="workdir")
        if choices.output is not None and (learn == "peer" or choices.agreement.reveal is not Reveal.MATCHES):
            raise UsageError("this side will not learn which rows match, so there is nothing to write to --output")
        return choices

    def request(self, own_size: int | None) -> Request:
        """What this side's policy is asked about."""
        agreement = self.agreement
        used = (*(column for key in self.keys for column in key.columns), *([self.value] if self.value else []))
        columns = tuple(dict.fromkeys(used))
        sent = () if agreement.columns is None else agreement.columns.given_by(self.side)
        peer_counts = agreement.min_matches_by is Comparer.OTHER and self.learn == "me"
        reveals = (agreement.reveal, Reveal.COUNT) if peer_counts else (agreement.reveal,)
        return Request(reveals, columns, sent, self.output is not None, agreement.min_matches, own_size)

    @property
    def stall_seconds(self) -> float:
        """How long a session may go without progress."""
        return self.timeout or STALL_SECONDS

    def among(self, sessions: int) -> Self:
        """The same, with a share of the memory for each of so many sessions at once."""
        return replace(self, memory=replace(self.memory, limit=self.memory.limit // sessions))

    def check_output(self, source: Source) -> None:
        """Refuse, before the session, an output that could not be written. Raises InputError, UsageError."""
        if self.output is None:
            return
        check_target(self.output, source.schema)
        file = self.source.file
        if file is not None and file.exists() and self.output.exists() and self.output.samefile(file):
            raise UsageError(f"--output {self.output} is the input file itself; choose another name")


def exact(given: dict[str, Any], name: str) -> Fraction | None:
    """An option's value as an exact fraction. Raises UsageError."""
    return None if given[name] is None else parse_fraction(given[name], name)


def _learner(side: Side, learn: str) -> Learner:
    if learn == "both":
        return Learner.BOTH
    return Learner((side if learn == "me" else side.other).value)


def memory(limit: int | None, folder: Path | None) -> Memory:
    """The memory limit as asked for, defaults filled in."""
    default = Memory.default()
    return Memory(default.limit if limit is None else limit, folder or default.folder)
