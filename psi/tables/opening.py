"""From a path, or a database's address and a query, to a source."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from psi.tables.columnar import ArrowSource, ParquetSource
from psi.tables.database import Database, DatabaseSource
from psi.tables.delimited import CsvSource
from psi.tables.lines import LinesSource
from psi.tables.postgres import Postgres
from psi.tables.source import Source
from psi.tables.sqlite import Sqlite
from psiselect.base.errors import InputError, UsageError

# By ending, in lower case.
READERS: Mapping[str, Callable[[Path], Source]] = {
    ".csv": CsvSource,
    ".parquet": ParquetSource,
    ".txt": LinesSource,
    ".arrow": ArrowSource,
    ".feather": ArrowSource,
}

# By the scheme of their addresses.
DATABASES: Mapping[str, Callable[[str], Database]] = {"postgresql": Postgres, "postgres": Postgres, "sqlite": Sqlite}
# One slash too: a path library may have eaten the other, and such a text may hold a password.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(postgres(?:ql)?|sqlite):", re.IGNORECASE)


def scheme_of(where: str) -> str | None:
    """The scheme of a database's address, in lower case; None for a path."""
    found = _SCHEME.match(where)
    return None if found is None else (found[1] or found[2]).lower()


def open_source(where: str | os.PathLike[str], *, query: str | None = None, folder: Path | None = None) -> Source:
    """Open a table: a file by its ending, or what `query` returns from the database at sqlite:///FILE or postgresql://...

    folder: where the rows of a database are kept meanwhile [default: the system's folder for temporary files]. Raises
    InputError when it is missing, malformed or of no known kind, UsageError for what does not go together.
    """
    scheme = scheme_of(os.fspath(where))
    if scheme is not None:
        return _open_database(os.fspath(where), scheme, query, folder or Path(tempfile.gettempdir()))
    if query is not None:
        raise UsageError("--query needs a database, such as sqlite:///FILE; a file is read whole", term="query")
    path = Path(where)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: cannot tell what kind of table this is; known endings: {', '.join(READERS)}")
    if not path.is_file():
        raise InputError(f"{path}: {'is not a file' if path.exists() else 'no such file'}")
    return reader(path)


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
