"""How a command names a list: a file, or a database and a query."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from psi.tables import Source, open_source
from psi.tables.opening import scheme_of
from psi.tables.sqlite import sqlite_file

QUERY_HELP = "One SELECT, when the list is a database: what it returns is the list."


class TableName(click.ParamType[Path | str]):
    """A path, or a database's address as it is: a path would lose one of its slashes."""

    name = "TABLE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """The address as text, anything else as a path."""
        return value if isinstance(value, str) and scheme_of(value) is not None else Path(value)


@dataclass(frozen=True)
class Table:
    """A list that is not open yet."""

    where: Path | str
    query: str | None = None

    def __fspath__(self) -> str:
        """The path; no file has the name of a database, so that nobody takes one for unchanged."""
        return os.fspath(self.where)

    @property
    def file(self) -> Path | None:
        """The file that the list is in, which must not be written to; None for a server. Raises UsageError."""
        if isinstance(self.where, Path):
            return self.where
        return sqlite_file(self.where) if scheme_of(self.where) == "sqlite" else None

    def open(self, folder: Path) -> Source:
        """See `psi.tables.open_source`; folder: for what a database returns."""
        return open_source(self.where, query=self.query, folder=folder)
