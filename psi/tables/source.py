"""What every table source offers, and what files among them share."""

from __future__ import annotations

import abc
import contextlib
import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from psi.tables import words
from psi.tables.files import TableFile
from psi.tables.key_text import digits_of_doubles, hexadecimal
from psiselect.base.errors import InputError
from psiselect.base.rows import Fault, Row, RowTable

BATCH_ROWS = 1 << 16
_WAITING_ROWS = 1 << 13
_SHOWN_COLUMNS = 30
EXACT = 1 << 53  # below it every whole floating-point number is exact


class Source(Protocol):
    """A table that can be streamed several times, with the same rows in the same order each time."""

    @property
    def name(self) -> str:
        """What errors call it: a path, or a database without its password."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """Columns and their types; names are distinct."""
        ...

    @property
    def first_row(self) -> int:
        """Number that people know the first row by: 2 under a header, else 1."""
        ...

    @property
    def unit(self) -> str:
        """What the numbers of `rows` count: "line" in a text file, else "row"."""
        ...

    @property
    def header_line(self) -> int:
        """The line that holds the columns' names; 0 where none does."""
        ...

    @property
    def disk_bytes(self) -> int:
        """What copies of its rows take on disk, for as long as it is in use."""
        ...

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the rows, with these columns in this order or all of them. Raises InputError at the first row that
        cannot be read, when the table is malformed, or when it is not the one that was opened any more."""
        ...

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row | Fault]:
        """Stream the same rows as text, slowly, with their numbers; a row that cannot be read is a Fault. Empty text
        stands for nulls. Raises InputError when a column has no text, and like `batches` for the table as a whole."""
        ...


class FileSource(abc.ABC):
    """A table in a file. Subclasses set `schema` in their constructor and read in `_read`, and in `_rows` where the
    file is text."""

    first_row = 1
    unit: ClassVar[str] = "row"
    disk_bytes: ClassVar[int] = 0
    header_line = 0
    schema: pa.Schema

    def __init__(self, file: TableFile) -> None:
        self.file = file

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return self.file.name

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the rows; see `Source.batches`."""
        wanted = self.schema.names if columns is None else list(columns)
        self.file.check_unchanged()
        shape = pa.schema([self.schema.field(name) for name in wanted])
        for batch in self._read(wanted):
            chosen = batch.select(wanted)
            yield chosen if chosen.schema.equals(shape) else chosen.cast(shape)
        self.file.check_unchanged()

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row | Fault]:
        """Stream the rows as text; see `Source.rows`."""
        self.file.check_unchanged()
        yield from self._rows(self.schema.names if columns is None else list(columns))
        self.file.check_unchanged()

    @abc.abstractmethod
    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Stream at least these columns."""

    def _rows(self, columns: list[str]) -> Iterator[Row | Fault]:
        """Stream these columns as text."""
        return rows_of(self.batches(columns), self.first_row, self.name)


def rows_of(batches: Iterable[pa.RecordBatch], first: int, name: str) -> Iterator[Row]:
    """The rows of batches as text, numbered from `first`. Raises InputError like `as_text`."""
    for batch in batches:
        texts = [cell_texts(values, column, name) for column, values in zip(batch.schema.names, batch, strict=True)]
        for number, cells in enumerate(zip(*texts, strict=True), first):
            yield Row(number, cells)
        first += len(batch)


def batches_of(
    rows: Iterable[Row | Fault], columns: Sequence[str], source: Source, *, blank: bool
) -> Iterator[pa.RecordBatch]:
    """Batches of rows as text, with these columns. blank: whether a row without cells is a row, of one empty value.
    Raises InputError at the first fault."""
    shape = pa.schema([source.schema.field(name) for name in columns])
    waiting: list[Sequence[str]] = []

    def batch() -> pa.RecordBatch:
        cells = zip(*waiting, strict=True)
        return pa.RecordBatch.from_arrays([pa.array(texts, pa.string()) for texts in cells], schema=shape)

    for row in rows:
        if isinstance(row, Fault):
            raise fault_error(source, row)
        if row.cells or blank:
            waiting.append(row.cells or ("",))
        if len(waiting) >= _WAITING_ROWS:
            yield batch()
            waiting.clear()
    if waiting:
        yield batch()


def fault_error(source: Source, fault: Fault) -> InputError:
    """A row that cannot be read, for those who stop at the first."""
    return words.faulty_row(source.name, source.unit, fault.line, fault.problem)


def row_table(source: Source, columns: Sequence[str] | None = None) -> RowTable:
    """A source as those see it who know nothing of sources; with these columns, or all of them."""
    header = tuple(source.schema.names if columns is None else columns)
    return RowTable(source.name, header, source.header_line, source.rows(columns), source.unit)


def without_views(schema: pa.Schema) -> pa.Schema:
    """The schema with plain text and bytes for the view layouts, for which Arrow lacks filters."""
    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    return pa.schema([field.with_type(plain.get(field.type, field.type)) for field in schema], schema.metadata)


def distinct_names(names: Sequence[str], name: str) -> None:
    """Raise InputError when two columns share a name."""
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise words.same_names(name, repeated)


def require_columns(source: Source, columns: Sequence[str], digests: Sequence[bool] = ()) -> None:
    """Raise InputError unless the source has these columns, with a type that `text_column` reads; digests: for each
    column, as there."""
    require_names(source, columns, "key")
    for column, some in zip(columns, digests or [False] * len(columns), strict=True):
        text_column(pa.nulls(0, source.schema.field(column).type), column, source.name, digests=some)


def require_names(source: Source, columns: Sequence[str], term: str) -> None:
    """Raise InputError, for the option `term`, unless the source has these columns."""
    names = source.schema.names
    for column in columns:
        if column not in names:
            near = difflib.get_close_matches(column.casefold(), [n.casefold() for n in names], n=1)
            close = [n for n in names if near and n.casefold() == near[0]]
            raise words.no_column(source.name, column, next(iter(close), None), names, _SHOWN_COLUMNS, term)


def text_column(
    values: pa.Array, column: str, name: str, *, local_time: bool = False, digests: bool = False
) -> pa.Array:
    """A key column as text.

    Text stays as it is. Whole numbers become decimal digits, of floating-point columns too as far as `digits_lost` does
    not hold; other numbers as Arrow writes them, not-a-number becomes null. Dates become YYYY-MM-DD; timestamps
    YYYY-MM-DD HH:MM:SS.ffffff (where they have a zone in UTC or, with local_time, as the clocks there show it); binary
    is read as UTF-8 or, with digests, 32 bytes that are no text as their hexadecimal digits. Anything else has no one
    way of being written, and raises InputError.
    """
    kind = values.type
    types = pa.types
    if types.is_dictionary(kind):
        return text_column(values.dictionary_decode(), column, name, local_time=local_time, digests=digests)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return values
    if types.is_integer(kind) or types.is_date(kind) or types.is_null(kind):
        return values.cast(pa.date32()).cast(pa.string()) if types.is_date(kind) else values.cast(pa.string())
    if types.is_decimal(kind):
        written = values.cast(pa.string())
        return pc.replace_substring_regex(written, r"\.0+$", "") if kind.scale > 0 else written
    if types.is_floating(kind):
        return digits_of_doubles(values)
    if types.is_timestamp(kind):
        zoned = values.cast(pa.timestamp("us", kind.tz), safe=False)
        if not (local_time and kind.tz):
            return pc.strftime(zoned.cast(pa.timestamp("us")), "%Y-%m-%d %H:%M:%S")
        try:
            return pc.strftime(pc.local_timestamp(zoned), "%Y-%m-%d %H:%M:%S")
        except pa.ArrowInvalid:
            raise words.unknown_zone(name, column, kind.tz) from None
    of_digests = digests and types.is_fixed_size_binary(kind)
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind) or of_digests:
        wide = values.cast(pa.large_binary())
        try:
            return (hexadecimal(wide) if digests else wide).cast(pa.large_string())
        except pa.ArrowInvalid:
            raise words.column_not_utf8(name, column, "key") from None
    raise words.key_not_text(name, column, kind)


def as_text(values: pa.Array, column: str, name: str) -> pa.Array:
    """Any column as text, Arrow large_string, nulls kept: as a CSV file would have it. Raises InputError for nested
    types, for bytes that are not UTF-8, and for what Arrow has no text for."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if not pa.types.is_nested(values.type):
        with contextlib.suppress(pa.ArrowException):
            return values.cast(pa.large_string())
    raise words.no_text_of(name, column, values.type)


def cell_texts(values: pa.Array, column: str, name: str) -> list[str]:
    """A column's cells as text, empty for nulls, and whole floating-point numbers below 2^53 as their digits."""
    texts = pc.fill_null(as_text(values, column, name), "")
    if pa.types.is_floating(values.type):
        wide = values.cast(pa.float64())
        whole = pc.and_(pc.equal(pc.floor(wide), wide), pc.less(pc.abs(wide), float(EXACT)))
        texts = pc.if_else(pc.fill_null(whole, False), pc.cast(wide, pa.int64(), safe=False).cast(texts.type), texts)
    found: list[str] = texts.to_pylist()
    return found
