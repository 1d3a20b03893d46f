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
from cli._psi_policy import OPTION as _POLICY
from cli._psi_policy import Guard
from cli._psi_table import QUERY_HELP, Table, TableName
from cli._psi_trust import OPTIONS as _TRUST
from cli._psi_trust import Papers
from dpselect.privacy import parse_fraction
from psi.errors import UsageError
from psi.job import Agreement, Limits, Memory
from psi.normalize import KeySpec, parse_key
from psi.outcomes import Learner, Reveal, Side
from psi.policy import Request
from psi.tables import Source
from psi.tables.writing import check_target
from psi.terms import MAX_SIZE

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
        "name, date or sha256. Options follow: phone:phone,region=PL. Columns joined by + make one key.",
    ),
    _REVEAL,
    *_NOISE,
    _PAD_TO,
    click.option(
        "--min-matches",
        type=click.IntRange(1),
        metavar="N",
        help="Withhold a result below N (exit 6); both sides must say the same. Advisory: the learner's program obeys.",
    ),
    click.option("--output", type=_PATH, help="Write my matched rows here: .csv or .parquet."),
    click.option("--strict", is_flag=True, help="Refuse a table with rows that the rule cannot read."),
    click.option(
        "--workdir",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        metavar="DIR",
        help="Where what is beyond --memory-limit goes [default: the system's folder for temporary files].",
    ),
    *_MEANS,
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
        json_option,
    )


local_options = _stack(*_WHAT, json_option)

estimate_options = _stack(
    _REVEAL,
    *_NOISE,
    _PAD_TO,
    click.option("--learn", type=click.Choice(["me", "peer", "both"]), default="me", show_default=True),
    click.option(
        "--link",
        type=ByteSize(),
        metavar="BITS",
        help="Predict two machines like this one and a network of so many bits a second between them, such as 100M "
        "[default: both parties share this machine, as with `psi local`].",
    ),
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
    key: KeySpec
    agreement: Agreement
    limits: Limits
    learn: str
    output: Path | None
    strict: bool
    backend: str
    threads: int | None
    memory: Memory
    timeout: float | None
    guard: Guard
    papers: Papers
    as_json: bool

    @classmethod
    def parse(cls, side: Side, given: dict[str, Any]) -> Self:
        """Check the options together. Raises UsageError."""
        if len(given["keys"]) != 1:
            raise UsageError("several --key options are not supported yet; give one", term="keys")
        learn = given.get("learn", "me")
        choices = cls(
            side=side,
            identity=given["identity"],
            peers=given["peers"],
            source=Table(given["source"], given.get("query")),
            key=parse_key(given["keys"][0]),
            agreement=Agreement(
                Reveal(given["reveal"]),
                _learner(side, learn),
                epsilon=exact(given, "epsilon"),
                delta=exact(given, "delta"),
                min_matches=given["min_matches"],
                pad_to=given["pad_to"],
            ),
            limits=Limits(given["max_peer_size"]) if "max_peer_size" in given else Limits(),
            learn=learn,
            output=given["output"],
            strict=given["strict"],
            backend=given["backend"],
            threads=given["threads"],
            memory=memory(given["memory_limit"], given["workdir"]),
            timeout=given.get("timeout"),
            guard=Guard.load(given.get("policy")),
            papers=Papers(given.get("audit"), given.get("record")),
            as_json=given["as_json"],
        )
        if choices.output is not None and (learn == "peer" or choices.agreement.reveal is not Reveal.MATCHES):
            raise UsageError("this side will not learn which rows match, so there is nothing to write to --output")
        return choices

    def request(self, own_size: int | None) -> Request:
        """What this side's policy is asked about."""
        agreement = self.agreement
        return Request(agreement.reveal, self.key.columns, self.output is not None, agreement.min_matches, own_size)

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
    """An option's value as an exact fraction. Raises dpselect.errors.UsageError."""
    return None if given[name] is None else parse_fraction(given[name], name)


def _learner(side: Side, learn: str) -> Learner:
    if learn == "both":
        return Learner.BOTH
    return Learner((side if learn == "me" else side.other).value)


def memory(limit: int | None, folder: Path | None) -> Memory:
    """The memory limit as asked for, defaults filled in."""
    default = Memory.default()
    return Memory(default.limit if limit is None else limit, folder or default.folder)
