"""Tables and ballots that are in memory only."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from dpselect.ballots import Reading, Rules
from psi.tables import TableFile, open_file, row_table
from psiselect.base.rows import RowTable
from psiselect.elections.ballots import read_file


class MemoryFile(TableFile):
    """A file that nobody wrote to a disk."""

    def __init__(self, data: bytes, name: str) -> None:
        self.path, self.name, self._data = Path(name), name, data

    def open(self) -> BinaryIO:
        return io.BytesIO(self._data)

    def check_unchanged(self) -> None:
        pass


def table_of(data: bytes | str, name: str = "in.csv") -> RowTable:
    """The rows of a CSV file."""
    content = data.encode() if isinstance(data, str) else data
    return row_table(open_file(MemoryFile(content, name), ".csv"))


def ballots_of(
    data: bytes, rules: Rules | None = None, *, form: str | None = None, line_breaks: bool = False
) -> Reading:
    """Ballots of a file called "ballots"."""
    return read_file(MemoryFile(data, "ballots"), rules or Rules(), form, line_breaks=line_breaks)
