"""From a path, or a database's address and a query, to a source."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from psi.tables.columnar import ArrowSource, ParquetSource
from psi.tables.database import Database, DatabaseSource
from psi.tables.delimited import CsvSource
from psi.tables.files import TableFile
from psi.tables.lines import LinesSource
from psi.tables.postgres import Postgres
from psi.tables.source import Source
from psi.tables.sqlite import Sqlite
from psiselect.base import threads, working
from psiselect.base.errors import InputError, UsageError

# What Arrow may start to read a table. Where it gets only some of them, it waits for ever.
_THREADS = 8

# By ending, in lower case.
READERS: Mapping[str, Callable[[TableFile], Source]] = {
    ".csv": CsvSource,
    ".parquet": ParquetSource,
    ".txt": LinesSource,
    ".arrow": ArrowSource,
    ".feather": ArrowSource,
}
# Endings that say nothing to commands with a kind of their own for such files.
_ANY_TEXT = ".txt"
# How a file of that kind begins. The byte after PAR1 is binary: the text could begin the header of a CSV file.
_CONTENTS: tuple[tuple[re.Pattern[bytes], Callable[[TableFile], Source]], ...] = (
    (re.compile(rb"PAR1[\x00-\x08\x0e-\x1f]"), ParquetSource),
    (re.compile(rb"ARROW1\0\0"), ArrowSource),
)

# By the scheme of their addresses.
DATABASES: Mapping[str, Callable[[str], Database]] = {"postgresql": Postgres, "postgres": Postgres, "sqlite": Sqlite}
# One slash too: a path library may have eaten the other, and such a text may hold a password.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(postgres(?:ql)?|sqlite):", re.IGNORECASE)


def scheme_of(where: str) -> str | None:
    """The scheme of a database's address, in lower case; None for a path."""
    found = _SCHEME.match(where)
    return None if found is None else (found[1] or found[2]).lower()


def open_source(
    where: str | os.PathLike[str],
    *,
    query: str | None = None,
    folder: Path | None = None,
    otherwise: str | None = None,
) -> Source:
    """Open a table: a file, or what `query` returns from the database at sqlite:///FILE or postgresql://...

    folder: where the rows of a database, or a pipe, are kept meanwhile [default: the system's folder for temporary
    files]. otherwise: see `open_file`; with it, pipes are read too. Raises InputError when the table is missing,
    malformed or of no known kind, UsageError for what does not go together, ResourceError when
    the system grants too few threads to read it.
    """
    threads.require(_THREADS)
    scheme = scheme_of(os.fspath(where))
    if scheme is not None:
        return _open_database(os.fspath(where), scheme, query, working.folder(folder))
    if query is not None:
        raise UsageError("--query needs a database, such as sqlite:///FILE; a file is read whole", term="query")
    return open_file(TableFile(Path(where), copied=otherwise is not None, folder=folder), otherwise)


def open_file(file: TableFile, otherwise: str | None = None) -> Source:
    """Open a file by its content, which shows Parquet and Arrow, or else by its ending.

    otherwise: an ending. A file whose own ending is unknown, or .txt, is read as if it had this one; then the columns'
    names of a CSV file may repeat. Raises InputError.
    """
    ending = Path(file.name).suffix.lower()
    if otherwise is not None and (ending == _ANY_TEXT or ending not in READERS):
        ending = otherwise
    reader = _by_content(file) or READERS.get(ending)
    if reader is None:
        raise InputError(f"{file.name}: cannot tell what kind of table this is; known endings: {', '.join(READERS)}")
    return CsvSource(file, distinct=False) if reader is CsvSource and otherwise is not None else reader(file)


def is_columnar(file: TableFile) -> bool:
    """Whether a file is Parquet or Arrow, by its content. Raises InputError."""
    return _by_content(file) is not None


def _by_content(file: TableFile) -> Callable[[TableFile], Source] | None:
    head = file.head(8)
    return next((reader for begins, reader in _CONTENTS if begins.match(head)), None)


def _open_database(where: str, scheme: str, query: str | None, folder: Path) -> Source:
    database = DATABASES.get(scheme)
    if database is None:  # the address itself may hold a password
        raise UsageError(
            f"{scheme}://...: no such kind of database is known; known are sqlite:///FILE and postgresql://...; "
            "export the table to CSV or Parquet",
            term="input",
        )
    if query is None:
        raise UsageError(
            f"{scheme}://...: a database needs --query, one statement that selects the rows to match", term="query"
        )
    return DatabaseSource(database(where), query, folder)
