"""What every `mpc` command needs to know, and how it reads its numbers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click

from cli._ledger import ledger_options
from cli._numbers import Seconds
from cli._options import options
from cli._output import json_option, progress, say
from cli._reading import taking_reading
from cli._table import TableName, query_option
from cli.mpc import words
from mpc import parties
from mpc.fixedpoint import parse_decimal
from mpc.parties import PartyList
from mpc.session import DEFAULT_TIMEOUT, Progress
from mpc.terms import MAX_LENGTH
from psi.identity.identity import Identity
from psi.tables import ReadingOptions
from psiselect.base.words import cannot_read
from psiselect.identities import load_identity
from psiselect.sums.numbers import read_numbers
from psiselect.tables import Table

_Command = TypeVar("_Command", bound=Callable[..., Any])


# What every function needs to know.
common_options = options(
    click.option("--party", required=True, metavar="NAME", help="Take part as this party of the parties file."),
    click.option(
        "--parties",
        "parties_file",
        required=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read all parties from this TOML file, such as parties.toml. All parties must use the same file.",
    ),
    click.option(
        "--identity",
        required=True,
        type=click.Path(path_type=Path),
        metavar="DIR/NAME",
        help="Show the other parties this identity, which you made with `psiselect identity create`.",
    ),
    click.option(
        "--timeout",
        type=Seconds(1),
        default=DEFAULT_TIMEOUT,
        show_default=True,
        metavar="SECONDS",
        help="Give up after this many seconds, including the time that the command waits for the others.",
    ),
    json_option,
)


# For functions with noise. A server may charge a ledger too: it then counts the runs that it took part in.
charged_options = ledger_options("this party's data", "With --epsilon")


# `--values` with what goes with it; its words follow the command.
table_options = options(
    click.option(
        "--values",
        type=TableName(click.Path()),
        metavar="TABLE",
        help="Read your numbers from this file: a text file with one number on each line, or a table. With --query, "
        "it may be a database.",
    ),
    query_option,
    taking_reading(),
    click.option("--column", metavar="COLUMN", help="Read this column of --values, if the table has several columns."),
)


@dataclass(frozen=True, slots=True)
class Session:
    """The common options, read."""

    roster: PartyList
    party: str
    identity: Identity
    timeout: float
    as_json: bool

    @contextlib.contextmanager
    def waiting(self) -> Iterator[Progress]:
        """A progress display while the others connect."""
        with progress() as display:
            task = display.add_task(words.WAITING, total=len(self.roster.peers(self.party)))
            yield lambda done, _: display.update(task, completed=done)


def open_session(*, party: str, parties_file: Path, identity: Path, timeout: float, as_json: bool) -> Session:
    """Read the parties file and the identity. Raises InputError, UsageError."""
    roster = parties.load(parties_file)
    _ = roster[party]
    return Session(roster, party, load_identity(identity, say), timeout, as_json)


@dataclass(frozen=True, slots=True)
class Values:
    """`--value` or `--values` with its options: this party's numbers, not read yet."""

    value: str | None
    table: Table | None = None
    column: str | None = None

    @classmethod
    def of(
        cls,
        value: str | None,
        values: Path | str | None,
        query: str | None,
        column: str | None,
        reading: ReadingOptions | None = None,
    ) -> Values:
        """What the options say. Raises UsageError."""
        for name, given in (("query", query), ("column", column)):
            if given is not None and values is None:
                raise words.without_values(name)
        return cls(value, None if values is None else Table(values, query, reading or ReadingOptions()), column)

    def read(self, roster: PartyList, party: str) -> Sequence[Fraction] | None:
        """The numbers, None for a server. Raises UsageError or InputError."""
        if not roster[party].inputs:
            if self.value is not None or self.table is not None:
                raise words.server_with_values(party)
            return None
        if (self.value is None) == (self.table is None):
            raise words.no_numbers() if self.value is None else words.numbers_twice()
        if self.table is not None:
            return read_numbers(self.table, self.column)
        text = sys.stdin.readline() if self.value == "-" else self.value or ""
        return [parse_decimal(part, "value") for part in text.split(",")]


def read_lines(file: Path, what: str) -> list[str]:
    """The lines of a small text file, `what` on each. Raises InputError."""
    try:
        with file.open(encoding="utf-8-sig") as opened:
            lines = opened.read(128 * MAX_LENGTH).splitlines()
    except OSError as error:
        raise cannot_read(file, error.strerror) from None
    except UnicodeDecodeError:
        raise words.not_text(file, what) from None
    if not 1 <= len(lines) <= MAX_LENGTH:
        raise words.line_count(file, len(lines), MAX_LENGTH, what)
    return lines
