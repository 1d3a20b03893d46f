"""How a command names a table: a file, standard input, an address, or a database and a query."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from psi.tables import ReadingOptions, Source, TableFile, fault_error, open_file, open_source, table_at
from psi.tables.files import STANDARD_INPUT
from psi.tables.opening import is_stored, scheme_of
from psi.tables.sqlite import sqlite_file
from psiselect.base.rows import Fault

QUERY_HELP = "One SELECT, when the list is a database: what it returns is the list."


class TableName(click.ParamType[Path | str]):
    """A path, or as they are: "-" for standard input, and an address, which as a path would lose a slash.

    path: what a path must be like.
    """

    name = "TABLE"

    def __init__(self, path: click.Path | None = None) -> None:
        self._path = path

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """The address, or "-", as text, anything else as a path."""
        if isinstance(value, str) and (value == STANDARD_INPUT or scheme_of(value) is not None):
            return value
        return Path(value if self._path is None else os.fspath(self._path(value, param, ctx)))


class OutputName(TableName):
    """A path, or the address of an object to be written, as text."""

    name = "FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """Addresses as text, anything else as a path: a database takes no rows."""
        return value if isinstance(value, str) and is_stored(value) else Path(value)


# Of commands that read a CSV file by any name.
FILE_OR_DATABASE = TableName(click.Path())
query_option = click.option(
    "--query", metavar="SQL", help="Read what this SELECT returns, when the table is in a database."
)


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


def texts(source: Source, column: str | None = None, *, blanks: bool = False) -> Iterator[tuple[int, str]]:
    """The number of each row and its text in the column; without a column, the empty text.

    A blank line is no row, or with `blanks`, in a file of one column, an empty text. Raises InputError at the first row
    that cannot be read.
    """
    # Some column has to be read, to see that there are rows.
    for row in source.rows(source.schema.names[:1] if column is None else [column]):
        if isinstance(row, Fault):
            raise fault_error(source, row)
        if row.cells:
            yield row.line, "" if column is None else row.cells[0]
        elif blanks and len(source.schema) == 1:
            yield row.line, ""
