"""How a command names a table: a file, standard input, an address, or a database and a query."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from psi.tables.files import STANDARD_INPUT
from psi.tables.opening import is_address, is_stored, scheme_of

QUERY_HELP = "Read what this SELECT returns, when the list is in a database."


class TableName(click.ParamType[Path | str]):
    """A path, or as they are: "-" for standard input, an address, which as a path would lose a slash, and table:NAME.

    path: what a path must be like.
    """

    name = "TABLE"

    def __init__(self, path: click.Path | None = None) -> None:
        self._path = path

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """The address, or "-", as text, anything else as a path."""
        if isinstance(value, str) and (value == STANDARD_INPUT or scheme_of(value) is not None or is_address(value)):
            return value
        return Path(value if self._path is None else os.fspath(self._path(value, param, ctx)))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The shell completes names of files."""
        return [CompletionItem(incomplete, type="file")]


class OutputName(TableName):
    """A path, or the address of an object to be written, as text."""

    name = "FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """Addresses as text, anything else as a path: a database takes no rows."""
        return value if isinstance(value, str) and (is_stored(value) or is_address(value)) else Path(value)


class PlaceName(click.ParamType[Path | str]):
    """A path, or as text an address that only an engine may be able to open, or table:NAME.

    as_text: paths are text, too.
    """

    name = "PLACE"

    def __init__(self, *, as_text: bool = False) -> None:
        self._as_text = as_text

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """Addresses as text, anything else as a path."""
        return value if isinstance(value, str) and (self._as_text or is_address(value)) else Path(value)


# Of commands that read a CSV file by any name.
FILE_OR_DATABASE = TableName(click.Path())
query_option = click.option(
    "--query",
    metavar="SQL",
    help="Read the rows that this SELECT statement returns. Needed if the table is in a database.",
)
