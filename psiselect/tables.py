"""Any table that a caller names or holds, as one object: what can be read, and what must not be written to.

    Table      named: a path, "-", an address, or a database and a query
    HeldTable  held by the program: pandas, polars, pyarrow, duckdb, any Arrow stream, record batches
    table_of   from what a caller gives to one of both

Both give a `psi.tables.Source`, which every room reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from psi.tables import ReadingOptions, Source, TableFile, frame_library, hold, open_file, open_source, table_at
from psi.tables.files import STANDARD_INPUT
from psi.tables.opening import is_address, is_stored, scheme_of
from psi.tables.sqlite import sqlite_file
from psiselect import words_arguments as words
from psiselect.base import working


@dataclass(frozen=True)
class Table:
    """A table that is not open yet. reading: what is said about it."""

    where: Path | str
    query: str | None = None
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    _kept: list[TableFile] = field(default_factory=list, compare=False, repr=False)

    def __fspath__(self) -> str:
        """The path; no file has the name of a database, so that nobody takes one for unchanged."""
        return os.fspath(self.where)

    @property
    def in_database(self) -> bool:
        """Whether it is what a query returns."""
        return isinstance(self.where, str) and not self.is_standard_input and not self.is_stored

    @property
    def is_standard_input(self) -> bool:
        """Whether it can be read only once; what was read is kept in a file without a name."""
        return self.where == STANDARD_INPUT

    @property
    def is_stored(self) -> bool:
        """Whether it is in an object store or on a web server; what was fetched is kept in a file without a name."""
        return isinstance(self.where, str) and is_stored(self.where)

    def afresh(self) -> Table:
        """The same, to be fetched again where it is in a store: a listener reads it for each session."""
        return Table(self.where, self.query, self.reading) if self.is_stored else self

    @property
    def file(self) -> Path | None:
        """The file that the list is in, which must not be written to; None for a server, a store and standard input.
        Raises UsageError."""
        if isinstance(self.where, Path):
            return self.where
        if self.is_standard_input or self.is_stored:
            return None
        return sqlite_file(self.where) if scheme_of(self.where) == "sqlite" else None

    def open(self, folder: Path | None = None, *, otherwise: str | None = None) -> Source:
        """See `psi.tables.open_source`."""
        if self._comes_once and self.query is None:
            return open_file(self.file_in(folder), otherwise, self.reading)
        return open_source(self.where, query=self.query, folder=folder, otherwise=otherwise, reading=self.reading)

    def file_in(self, folder: Path | None = None) -> TableFile:
        """The file that it is in, or the copy of standard input, or of what is in a store, in `folder`. Raises
        InputError."""
        if not self._comes_once:
            return table_at(self.where, copied=True, folder=folder)
        if not self._kept:
            self._kept.append(table_at(self.where, folder=folder))
        return self._kept[0]

    @property
    def _comes_once(self) -> bool:
        return self.is_standard_input or self.is_stored


@dataclass(frozen=True, eq=False)
class HeldTable:
    """A table that the calling program holds. name: what errors call it."""

    held: Any = field(repr=False)
    name: str = "the table"
    _opened: list[Source] = field(default_factory=list, repr=False)

    in_database = False
    is_standard_input = False
    is_stored = False
    file: Path | None = None  # nothing on disk has to be kept from being written to

    def __fspath__(self) -> str:
        """No file has this name, so that nobody takes one for unchanged."""
        return "\0"

    def afresh(self) -> HeldTable:
        """The same: it is as the program holds it."""
        return self

    def open(self, folder: Path | None = None, *, otherwise: str | None = None) -> Source:
        """See `psi.tables.hold`; rows that come only once are taken once."""
        if not self._opened:
            self._opened.append(hold(self.held, working.folder(folder), self.name))
        return self._opened[0]

    def file_in(self, folder: Path | None = None) -> TableFile:
        """Raises UsageError: there is no file."""
        raise words.in_memory(self.name)

    @property
    def library(self) -> str | None:
        """The library of a frame, "pandas" or "polars"; None for anything else."""
        return frame_library(self.held)


AnyTable = Table | HeldTable


class LookedAt:
    """A source that calls `look` before it hands out a batch; what that raises ends the reading."""

    def __init__(self, source: Source, look: Callable[[], None]) -> None:
        self._source = source
        self._look = look

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """See `psi.tables.Source`."""
        self._look()
        for batch in self._source.batches(columns):
            yield batch
            self._look()


def table_of(
    table: Any, *, query: str | None = None, reading: ReadingOptions | None = None, name: str = "the table"
) -> AnyTable:
    """A table as a caller gives it: a path, an address (with `query` for databases), "-" for standard input, or a table
    that the program holds; see `psi.tables.hold`.

    reading: what is said about a file. name: what errors call a table that has no name. Raises UsageError for what is
    said of a table that is no file.
    """
    if isinstance(table, str | os.PathLike):
        where = os.fspath(table)
        if not isinstance(where, str):
            raise words.not_a_path_as_text(name)
        text = where == STANDARD_INPUT or scheme_of(where) is not None or is_address(where)
        return Table(where if text else Path(where), query, reading or ReadingOptions())
    if query is not None:
        raise words.query_of_memory()
    if reading is not None and reading != ReadingOptions():
        raise words.not_a_file(name)
    return HeldTable(table, name)
