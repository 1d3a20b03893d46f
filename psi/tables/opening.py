"""From a path or URI to a source."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from psi.errors import InputError, UsageError
from psi.tables.columnar import ArrowSource, ParquetSource
from psi.tables.delimited import CsvSource
from psi.tables.lines import LinesSource
from psi.tables.source import Source

# By ending, in lower case.
READERS: Mapping[str, Callable[[Path], Source]] = {
    ".csv": CsvSource,
    ".parquet": ParquetSource,
    ".txt": LinesSource,
    ".arrow": ArrowSource,
    ".feather": ArrowSource,
}


def open_source(where: str | os.PathLike[str], *, query: str | None = None) -> Source:
    """Open a table by its ending. Raises InputError when it is missing, malformed or of no known kind, UsageError for
    what only databases take."""
    if "://" in os.fspath(where):
        raise UsageError(f"{os.fspath(where).split('://')[0]}://...: databases cannot be read yet; export a table")
    if query is not None:
        raise UsageError("a query needs a database; a file is read whole")
    path = Path(where)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: cannot tell what kind of table this is; known endings: {', '.join(READERS)}")
    if not path.is_file():
        raise InputError(f"{path}: {'is not a file' if path.exists() else 'no such file'}")
    return reader(path)
