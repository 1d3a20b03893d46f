"""How a command names a table: a file, standard input, an address, or a database and a query."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from psi.tables import Source, fault_error
from psi.tables.files import STANDARD_INPUT
from psi.tables.opening import is_stored, scheme_of
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
