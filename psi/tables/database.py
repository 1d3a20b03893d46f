"""What a query of a database returns, as a source (docs/decisions/0135)."""

from __future__ import annotations

import contextlib
import importlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from psi.tables import queries, words, words_remote
from psi.tables.kept import KeptRows
from psi.tables.source import BATCH_ROWS, distinct_names, rows_of
from psiselect.base.rows import Fault, Row

# PostgreSQL's first day, 4714-11-24 BC. Its infinite dates, and those past Arrow's last, arrive as earlier ones.
_FIRST_DAY = -2_440_588
_DAY_MICROSECONDS = 86_400_000_000

_T = TypeVar("_T")


@dataclass(frozen=True)
class Statement:
    """What is sent to the database: returns `skipped` rows of no meaning, then the query's, in columns of `schema`."""

    sql: str
    schema: pa.Schema
    skipped: int = 0


class Database(Protocol):
    """One kind of database. Connections are those of `adbc_driver_manager.dbapi`."""

    options: ClassVar[Mapping[str, str]]  # of each statement
    name: str

    def connect(self) -> Any:
        """A connection in a transaction that cannot write. Raises what the driver raises."""
        ...

    def prepare(self, cursor: Any, query: str) -> Statement:
        """Ask for the query's columns and pin their types. Raises InputError, and what the driver raises."""
        ...

    def words(self, message: str, sqlstate: str | None) -> str | None:
        """As much of the driver's message as cannot hold data or secrets."""
        ...


class DatabaseSource:
    """The rows of one query.

    They are fetched by one statement, when they are first asked for, into a nameless file; all passes read that file.
    So they are one state of the database, they stay the same in number and order, and no transaction stays open.
    """

    first_row: ClassVar[int] = 1
    unit: ClassVar[str] = "row"
    header_line: ClassVar[int] = 0

    def __init__(self, database: Database, query: str, folder: Path) -> None:
        """Ask the database for the query's columns. Raises InputError, UsageError."""
        self._database = database
        self._folder = folder
        self._kept: KeptRows | None = None
        query = query.strip().rstrip(";")
        if not query:
            raise words_remote.empty_query()
        self._statement = self._ask(lambda cursor: database.prepare(cursor, query))
        self.schema = self._statement.schema

    @property
    def name(self) -> str:
        """The database without its password."""
        return self._database.name

    @property
    def disk_bytes(self) -> int:
        """What the rows take on disk."""
        return 0 if self._kept is None else self._kept.disk_bytes

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the rows; see `Source.batches`."""
        if self._kept is None:
            self._kept = self._fetch()
        wanted = self.schema.names if columns is None else list(columns)
        for batch in self._kept:
            chosen = batch.select(wanted)
            for start in range(0, len(batch), BATCH_ROWS):
                yield chosen.slice(start, BATCH_ROWS)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row | Fault]:
        """Stream the rows as text; see `Source.rows`."""
        return rows_of(self.batches(columns), self.first_row, self.name)

    def _fetch(self) -> KeptRows:
        kept = KeptRows(self._folder, self.schema)
        weakref.finalize(self, kept.close)
        self._ask(lambda cursor: self._keep(cursor, kept))
        return kept

    def _keep(self, cursor: Any, kept: KeptRows) -> None:
        """Run the statement and keep its rows."""
        to_skip = self._statement.skipped
        cursor.execute(self._statement.sql)
        for batch in cursor.fetch_record_batch():
            rows = pa.RecordBatch.from_arrays(batch.columns, names=batch.schema.names).slice(to_skip)
            to_skip -= min(to_skip, len(batch))
            if not rows.schema.equals(self.schema):
                raise words_remote.of_database(self.name, words_remote.COLUMNS_CHANGED)
            self._check(rows)
            kept.append(rows)

    def _check(self, rows: pa.RecordBatch) -> None:
        """Raise InputError for values that did not survive the way here."""
        for column, values in zip(rows.schema.names, rows.columns, strict=True):
            try:
                values.validate(full=True)
            except pa.ArrowInvalid:
                raise words.column_not_utf8(self.name, column) from None
            if _before_time(values):
                raise words_remote.date_too_far(self.name, column)

    def _ask(self, work: Callable[[Any], _T]) -> _T:
        """What `work` makes of a cursor. A signal cancels what it waits for; see `queries`."""

        def asked(query: queries.RunningQuery) -> _T:
            with self._asking() as cursor, query.by(cursor):
                return work(cursor)

        return queries.run(asked)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[Any]:
        """A cursor, in a read-only transaction that ends with it; the driver's errors become InputError."""
        driver_error = load_driver("adbc_driver_manager").Error
        try:
            with self._database.connect() as connection, connection.cursor() as cursor:
                cursor.adbc_statement.set_options(**self._database.options)
                yield cursor
        except (driver_error, pa.ArrowException, OSError) as error:
            said = self._database.words(str(error), getattr(error, "sqlstate", None))
            raise words_remote.of_database(self.name, said or words_remote.NO_ROWS, "input") from None


def require_names(names: Sequence[str], name: str) -> None:
    """Raise InputError unless the query returns columns that can be told apart."""
    if not names:
        raise words_remote.query_without_columns(name)
    distinct_names(names, name)


def _before_time(values: pa.Array) -> bool:
    """Whether a date or timestamp lies before any that there can be."""
    if pa.types.is_date32(values.type):
        first = pc.min(values.cast(pa.int32())).as_py()
        return first is not None and first < _FIRST_DAY
    if pa.types.is_timestamp(values.type):
        first = pc.min(values.cast(pa.int64())).as_py()
        return first is not None and first < _FIRST_DAY * _DAY_MICROSECONDS
    return False


def bare(schema: pa.Schema) -> pa.Schema:
    """Names and types alone."""
    return pa.schema([pa.field(field.name, field.type) for field in schema])


def identifier(name: str) -> str:
    """A name as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def one_line(text: str) -> str:
    return " ".join(text.split())


def load_driver(module: str) -> Any:
    """A module of the drivers, loaded when needed: not everyone has a database. Raises UsageError."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise words_remote.no_driver(module.split(".")[0]) from None
