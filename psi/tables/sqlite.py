"""SQLite: a file, read through ADBC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import pyarrow as pa

from psi.tables import words, words_remote
from psi.tables.database import Statement, identifier, load_driver, one_line, require_names

_BATCH_ROWS = 1 << 13
_BUSY_MILLISECONDS = 10_000  # how long a program that writes to the file is waited for


class Sqlite:
    """A file of SQLite."""

    options: ClassVar[Mapping[str, str]] = {"adbc.sqlite.query.batch_rows": str(_BATCH_ROWS)}

    # What the values of a column may be, besides null, and the Arrow type and SQL value that stand for them. SQLite
    # has types for values only, and its driver goes by the first rows; so a row of these comes first.
    _TYPES: ClassVar[Mapping[frozenset[str], tuple[pa.DataType, str]]] = {
        frozenset(("integer",)): (pa.int64(), "0"),
        frozenset(("real",)): (pa.float64(), "0.5"),
        frozenset(("integer", "real")): (pa.float64(), "0.5"),
        frozenset(("blob",)): (pa.binary(), "x''"),
        frozenset(("blob", "text")): (pa.binary(), "x''"),
        frozenset(("text",)): (pa.string(), "''"),
        frozenset(("text", "integer")): (pa.string(), "''"),
        frozenset(("text", "real")): (pa.string(), "''"),
        frozenset(("text", "integer", "real")): (pa.string(), "''"),
        frozenset(): (pa.string(), "''"),
    }

    def __init__(self, where: str) -> None:
        self.path = sqlite_file(where)
        self.name = str(self.path)

    def connect(self) -> Any:
        if not self.path.is_file():
            raise words.not_a_file(self.name) if self.path.exists() else words.no_file(self.name)
        connection = load_driver("adbc_driver_sqlite.dbapi").connect(f"{self.path.absolute().as_uri()}?mode=ro")
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
            cursor.execute("PRAGMA query_only = ON")
        return connection

    def prepare(self, cursor: Any, query: str) -> Statement:
        cursor.execute(f"SELECT * FROM (\n{query}\n) LIMIT 0")  # noqa: S608
        names = cursor.fetch_record_batch().schema.names
        # Of columns that share a name SQLite calls the second NAME:1.
        bases = [name.rpartition(":")[0] for name in names]
        require_names([b if b in names else name for b, name in zip(bases, names, strict=True)], self.name)
        quoted = [identifier(name) for name in names]
        kinds = ", ".join(f"group_concat(DISTINCT typeof({column}))" for column in quoted)
        cursor.execute(f"SELECT {kinds} FROM (\n{query}\n)")  # noqa: S608
        found = cursor.fetch_arrow_table().to_pylist()[0].values()
        types = [self._type(column, kinds or "") for column, kinds in zip(names, found, strict=True)]
        pins = ", ".join(f"{pin} AS {column}" for (_, pin), column in zip(types, quoted, strict=True))
        sql = f"SELECT {pins} UNION ALL SELECT * FROM (\n{query}\n)"  # noqa: S608
        schema = pa.schema([pa.field(name, kind) for name, (kind, _) in zip(names, types, strict=True)])
        return Statement(sql, schema, skipped=1)

    def _type(self, column: str, kinds: str) -> tuple[pa.DataType, str]:
        try:
            return self._TYPES[frozenset(kinds.split(",")) - {"", "null"}]
        except KeyError:
            raise words_remote.bytes_and_numbers(self.name, column, identifier(column)) from None

    def words(self, message: str, sqlstate: str | None) -> str | None:
        if "Type mismatch" in message:
            return words_remote.COLUMNS_CHANGED
        if "database is locked" in message:
            return words_remote.locked(_BUSY_MILLISECONDS // 1000)
        if "readonly database" in message:
            return words_remote.journal_left(self.path.name)
        if "unable to open database file" in message and self._in_wal_mode():
            return words_remote.WAL
        first = message.partition("\nquery:")[0].strip()
        said = one_line(re.sub(r".*(?:Failed to [a-z]+ query|Failed to open[^:]*): ", "", first))
        return words_remote.reported(said)

    def _in_wal_mode(self) -> bool:
        """By the version for writing in its header; the file beside it may be gone, since its last writer removes it.
        (sqlite.org/fileformat.html, 1.3)"""
        try:
            with self.path.open("rb") as file:
                return file.read(20)[18:19] == b"\x02"
        except OSError:
            return False


def sqlite_file(where: str) -> Path:
    """The file of sqlite:///relative/path or sqlite:////absolute/path, percent-decoded. Raises UsageError."""
    path = where.partition(":")[2]
    if not path.startswith("///") or path == "///" or "?" in path:
        raise words_remote.no_sqlite_address()
    return Path(unquote(path[3:]))
