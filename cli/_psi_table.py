"""How a command names a list: a file, or a database and a query."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from psi.tables import Source, open_source
from psi.tables.opening import scheme_of

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
        """The path, for looking at the file; there is none of this name when it is a database."""
        return os.fspath(self.where)

    @property
    def file(self) -> Path | None:
        """None for a database."""
        return self.where if isinstance(self.where, Path) else None

    def open(self, folder: Path) -> Source:
        """See `psi.tables.open_source`; folder: for what a database returns."""
        return open_source(self.where, query=self.query, folder=folder)
