"""Rows of a table as text: what a reader of tables gives, and what the user of a table needs to know of it.

Readers (psi/tables) and users (ballots, polls, released numbers) share these types and do not know each other. A reader
never skips what it cannot read: it yields a `Fault` in the row's place, and each user applies its own rule to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psiselect.base import words
from psiselect.base.errors import InputError


class Row(NamedTuple):
    """One row. `line` is the number of its first line, from 1. A blank line of a CSV file has no cells."""

    line: int
    cells: Sequence[str]


class Fault(NamedTuple):
    """A row that cannot be read. `problem` completes "FILE, line 3: ..." and never holds what is in the row."""

    line: int
    problem: str


@dataclass(frozen=True)
class RowTable:
    """A table whose rows can be read once.

    name: what errors call it. header: the columns' names, which may repeat. header_line: 0 where no line holds the
    header. rows: as wide as the header, or without cells, or faults. unit: what the rows' numbers count, "line" or
    "row".
    """

    name: str
    header: tuple[str, ...]
    header_line: int
    rows: Iterable[Row | Fault]
    unit: str = "line"

    def place(self, line: int) -> str:
        """Where a row is, for messages: "line 3", "row 3"; 0 is the header of a table without lines."""
        return f"{self.unit} {line}" if line else words.COLUMN_NAMES

    def error(self, line: int, problem: str) -> InputError:
        """What is wrong in a row, as the error to raise."""
        return words.in_row(self.name, self.place(line), line, problem)
