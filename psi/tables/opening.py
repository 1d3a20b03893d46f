"""From a path, an address, or a database's address and a query, to a source."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from psi.tables import words, words_remote
from psi.tables.columnar import ArrowSource, ParquetSource
from psi.tables.database import Database, DatabaseSource
from psi.tables.delimited import CsvSource
from psi.tables.files import TableFile
from psi.tables.folder import FolderSource, TableFolder
from psi.tables.lines import LinesSource
from psi.tables.postgres import Postgres
from psi.tables.reading import (
    CONTENT_BYTES,
    ENDINGS,
    SPREADSHEETS,
    Kind,
    ReadingOptions,
    kind_by_content,
    kind_by_ending,
)
from psi.tables.source import Source
from psi.tables.spreadsheet import SpreadsheetSource
from psi.tables.sqlite import Sqlite
from psi.tables.stores import fetch, is_read
from psi.tables.unpacking import UnpackedFile
from psiselect.base import threads, working

# What Arrow may start to read a table. Where it gets only some of them, it waits for ever.
_THREADS = 8

# Says nothing to commands with a kind of their own for such files.
_ANY_TEXT = Kind.TXT

# By the scheme of their addresses.
DATABASES: Mapping[str, Callable[[str], Database]] = {"postgresql": Postgres, "postgres": Postgres, "sqlite": Sqlite}
# One slash too: a path library may have eaten the other, and such a text may hold a password.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://|(postgres(?:ql)?|sqlite):", re.IGNORECASE)

TABLE = "table:"
# Two letters or more, since one is a drive; one slash, as in dbfs:/folder.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def scheme_of(where: str) -> str | None:
    """The scheme of a database's or a store's address, in lower case; None for a path."""
    found = _SCHEME.match(where)
    return None if found is None else (found[1] or found[2]).lower()


def is_stored(where: str) -> bool:
    """Whether it is the address of a file in an object store or on a web server."""
    return is_read(scheme_of(where))


def is_address(where: str) -> bool:
    """Whether it is an address that at least an engine such as Spark may open, or `table:NAME`, a table of one."""
    return where.startswith(TABLE) or _ADDRESS.match(where) is not None


def open_source(
    where: str | os.PathLike[str],
    *,
    query: str | None = None,
    folder: Path | None = None,
    otherwise: str | None = None,
    reading: ReadingOptions | None = None,
) -> Source:
    """Open a table: a file or a folder of Parquet files, here or at s3://, gs:// or abfs://; a file at https://; or
    what `query` returns from the database at sqlite:///FILE or postgresql://...

    folder: where what is fetched, the rows of a database, or a pipe, is kept meanwhile [default: the system's folder
    for temporary files]. otherwise: see `open_file`; with it, pipes are read too. "-" is standard input. reading: what
    is said about the file. Raises InputError when the table is missing, malformed or of no known kind, UsageError for
    what does not go together, ResourceError when the system grants too few threads to read it.
    """
    threads.require(_THREADS)
    if os.fspath(where).startswith(TABLE):
        raise words.table_of_engine(os.fspath(where))
    scheme = scheme_of(os.fspath(where))
    if scheme is not None and not is_read(scheme):
        (reading or ReadingOptions()).require_fit(f"{scheme}://...", None, "a database")
        return _open_database(os.fspath(where), scheme, query, working.folder(folder))
    if query is not None:
        raise words.query_of_a_file()
    return open_file(table_at(where, copied=otherwise is not None, folder=folder), otherwise, reading)


def table_at(where: str | os.PathLike[str], *, copied: bool = False, folder: Path | None = None) -> TableFile:
    """The file, or the folder of files, that is there; see `TableFile`. What is in a store is fetched. Raises
    InputError."""
    if is_stored(os.fspath(where)):
        return fetch(os.fspath(where), working.folder(folder))
    path = Path(where)
    return TableFolder(path) if path.is_dir() else TableFile(path, copied=copied, folder=folder)


def open_file(file: TableFile, otherwise: str | None = None, reading: ReadingOptions | None = None) -> Source:
    """Open a file by its content, which shows Parquet, Arrow and spreadsheets, or else as `reading` or its ending says.

    otherwise: an ending. A file whose own ending is unknown, or .txt, is read as if it had this one; then the columns'
    names of a CSV file may repeat. Raises InputError, UsageError for what is said of another kind of file.
    """
    reading = reading or ReadingOptions()
    if isinstance(file, TableFolder):
        reading.require_fit(file.name, Kind.PARQUET, words.A_FOLDER)
        return FolderSource(file)
    packed = UnpackedFile(file, reading.encoding)
    kind = _kind(packed, otherwise, reading)
    if kind in (Kind.CSV, Kind.TSV, Kind.TXT):
        reading.require_fit(file.name, kind, "a text file")
        if kind is Kind.TXT:
            return LinesSource(packed)
        return CsvSource(packed, reading, distinct=otherwise is None, tabs=kind is Kind.TSV)
    reading.require_fit(file.name, kind, words.of_kind(kind.value))
    if packed.words is not None:
        raise words.packed_kind(file.name, kind.value, packed.words)
    if kind in SPREADSHEETS:
        return SpreadsheetSource(file, reading, distinct=otherwise is None)
    return ParquetSource(file) if kind is Kind.PARQUET else ArrowSource(file)


def is_columnar(file: TableFile) -> bool:
    """Whether a file is a table of its own kind, no text, by its content. Raises InputError."""
    return isinstance(file, TableFolder) or kind_by_content(file.head(CONTENT_BYTES)) is not None


def _kind(file: UnpackedFile, otherwise: str | None, reading: ReadingOptions) -> Kind:
    shown = None if reading.encoding is not None else kind_by_content(file.head(CONTENT_BYTES))
    ending = kind_by_ending(file.name)
    if otherwise is not None and ending in (None, _ANY_TEXT):
        ending = ENDINGS[otherwise]
    found = shown or reading.form or ending
    if found is None:
        raise words.unknown_kind(file.name, ENDINGS, nameless=file.is_nameless)
    return found


def _open_database(where: str, scheme: str, query: str | None, folder: Path) -> Source:
    database = DATABASES.get(scheme)
    if database is None:  # the address itself may hold a password
        raise words_remote.unknown_scheme(scheme)
    if query is None:
        raise words.no_query(scheme)
    return DatabaseSource(database(where), query, folder)
