"""Rows of a table as columns of text: what a reader gives to those who count rows by the million.

A reader cuts its table into chunks. Each chunk holds the rows that could be read, and the lines of those that could
not, by what is wrong with them. A column is dictionary-encoded: its distinct texts, and which of them each row has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from psiselect.base import words
from psiselect.base.errors import InputError
from psiselect.base.rows import Fault, Row, RowTable

BLANK = "a blank line"
_CHUNK_ROWS = 1 << 16

Lines = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TextColumn:
    """One column of a chunk. texts: its distinct texts, an Arrow array of strings without nulls. codes: for each row,
    which of them it has, shape (rows,), dtype int32."""

    texts: pa.Array
    codes: npt.NDArray[np.int32]

    @classmethod
    def of(cls, values: pa.Array | pa.ChunkedArray) -> TextColumn:
        """From an Arrow array of strings, dictionary-encoded or not, without nulls."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if not pa.types.is_dictionary(values.type):
            values = values.dictionary_encode()
        return cls(values.dictionary, values.indices.to_numpy(zero_copy_only=False))


@dataclass(frozen=True)
class Chunk:
    """Some rows. lines: the number of each, shape (rows,). columns: those that were asked for, in that order.
    faults: what is wrong with other rows, and the numbers of these."""

    lines: Lines
    columns: Sequence[TextColumn]
    faults: Mapping[str, Lines] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnTable:
    """A table that can be read several times.

    name: what errors call it. header: the columns' names, which may repeat. header_line: 0 where no line holds them.
    chunks: takes the places of the columns that are wanted, and streams the rows. unit: what rows' numbers count.
    whole: whether one broken row breaks the file, since rows cannot be told apart without reading their cells.
    """

    name: str
    header: tuple[str, ...]
    header_line: int
    chunks: Callable[[Sequence[int]], Iterator[Chunk]]
    unit: str = "line"
    whole: bool = False

    def error(self, line: int, problem: str) -> InputError:
        """What is wrong in a row, as the error to raise; line 0 is the header of a table without lines."""
        place = f"{self.unit} {line}" if line else words.COLUMN_NAMES
        return words.in_row(self.name, place, line, problem)


def column_table(table: RowTable, rows: Callable[[], Iterable[Row | Fault]], *, whole: bool = False) -> ColumnTable:
    """A table of rows as one of columns. rows: streams the rows anew."""

    def chunks(places: Sequence[int]) -> Iterator[Chunk]:
        return chunks_of(rows(), places)

    return ColumnTable(table.name, table.header, table.header_line, chunks, table.unit, whole)


def chunks_of(rows: Iterable[Row | Fault], places: Sequence[int]) -> Iterator[Chunk]:
    """The columns at these places of rows that all have them."""
    lines: list[int] = []
    cells: list[list[str]] = [[] for _ in places]
    faults: dict[str, list[int]] = {}
    held = 0
    for row in rows:
        if isinstance(row, Fault):
            faults.setdefault(row.problem, []).append(row.line)
        elif not row.cells:
            faults.setdefault(BLANK, []).append(row.line)
        else:
            lines.append(row.line)
            for column, place in zip(cells, places, strict=True):
                column.append(row.cells[place])
        held += 1
        if held == _CHUNK_ROWS:
            yield _chunk(lines, cells, faults)
            lines, cells, faults, held = [], [[] for _ in places], {}, 0
    yield _chunk(lines, cells, faults)


def _chunk(lines: list[int], cells: list[list[str]], faults: dict[str, list[int]]) -> Chunk:
    columns = [TextColumn.of(pa.array(column, pa.string())) for column in cells]
    return Chunk(np.array(lines, np.int64), columns, {what: np.array(at, np.int64) for what, at in faults.items()})
