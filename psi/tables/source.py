"""What every table source offers, and what files among them share."""

from __future__ import annotations

import abc
import contextlib
import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from psiselect.base.durable import Stamp, stamp
from psiselect.base.errors import InputError

BATCH_ROWS = 1 << 16
_SHOWN_COLUMNS = 30


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
    def disk_bytes(self) -> int:
        """What copies of its rows take on disk, for as long as it is in use."""
        ...

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the rows, with these columns in this order or all of them. Raises InputError when the table is
        malformed, or is not the one that was opened any more."""
        ...


class FileSource(abc.ABC):
    """A table in a regular file. Subclasses set `schema` in their constructor and read in `_read`."""

    first_row: ClassVar[int] = 1
    disk_bytes: ClassVar[int] = 0
    schema: pa.Schema

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened_as = self._stamp()

    @property
    def name(self) -> str:
        """The path as the user gave it."""
        return str(self.path)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the rows; see `Source.batches`."""
        wanted = self.schema.names if columns is None else list(columns)
        self._check_unchanged()
        shape = pa.schema([self.schema.field(name) for name in wanted])
        for batch in self._read(wanted):
            chosen = batch.select(wanted)
            yield chosen if chosen.schema.equals(shape) else chosen.cast(shape)
        self._check_unchanged()

    @abc.abstractmethod
    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Stream at least these columns."""

    def _stamp(self) -> Stamp:
        try:
            return stamp(self.path)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror}") from None

    def _check_unchanged(self) -> None:
        if self._stamp() != self._opened_as:
            raise InputError(f"{self.path}: changed while it was in use; start again with a file that stays as it is")


def without_views(schema: pa.Schema) -> pa.Schema:
    """The schema with plain text and bytes for the view layouts, for which Arrow lacks filters."""
    plain = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    return pa.schema([field.with_type(plain.get(field.type, field.type)) for field in schema], schema.metadata)


def distinct_names(names: Sequence[str], name: str) -> None:
    """Raise InputError when two columns share a name."""
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise InputError(f"{name}: several columns are named {_quoted(repeated)}; give each its own name")


def require_columns(source: Source, columns: Sequence[str]) -> None:
    """Raise InputError unless the source has these columns, with a type that `text_column` reads."""
    require_names(source, columns, "key")
    for column in columns:
        text_column(pa.nulls(0, source.schema.field(column).type), column, source.name)


def require_names(source: Source, columns: Sequence[str], term: str) -> None:
    """Raise InputError, for the option `term`, unless the source has these columns."""
    names = source.schema.names
    for column in columns:
        if column not in names:
            near = difflib.get_close_matches(column.casefold(), [n.casefold() for n in names], n=1)
            close = [n for n in names if near and n.casefold() == near[0]]
            hint = f"did you mean {close[0]!r}? " if close else ""
            more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
            raise InputError(
                f"{source.name}: no column {column!r}; {hint}its columns: {_quoted(names[:_SHOWN_COLUMNS])}{more}",
                term=term,
            )


def text_column(values: pa.Array, column: str, name: str) -> pa.Array:
    """A key column as text.

    Text stays as it is. Integers, and decimals without places, become decimal digits; dates YYYY-MM-DD; timestamps
    YYYY-MM-DD HH:MM:SS.ffffff (in UTC where they have a zone); binary is read as UTF-8. Anything else has no one way
    of being written, and raises InputError.
    """
    kind = values.type
    types = pa.types
    if types.is_dictionary(kind):
        return text_column(values.dictionary_decode(), column, name)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return values
    if types.is_integer(kind) or types.is_date(kind) or types.is_null(kind):
        return values.cast(pa.date32()).cast(pa.string()) if types.is_date(kind) else values.cast(pa.string())
    if types.is_decimal(kind) and kind.scale == 0:
        return values.cast(pa.string())
    if types.is_timestamp(kind):
        zoned = values.cast(pa.timestamp("us", kind.tz), safe=False)
        return pc.strftime(zoned.cast(pa.timestamp("us")), "%Y-%m-%d %H:%M:%S")
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        try:
            return values.cast(pa.large_binary()).cast(pa.large_string())
        except pa.ArrowInvalid:
            raise InputError(f"{name}: column {column!r} holds bytes that are not UTF-8 text", term="key") from None
    raise InputError(f"{name}: column {column!r} has type {kind}, which is not text; store the key as text", term="key")


def as_text(values: pa.Array, column: str, name: str) -> pa.Array:
    """Any column as text, Arrow large_string, nulls kept: as a CSV file would have it. Raises InputError for nested
    types, for bytes that are not UTF-8, and for what Arrow has no text for."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if not pa.types.is_nested(values.type):
        with contextlib.suppress(pa.ArrowException):
            return values.cast(pa.large_string())
    raise InputError(
        f"{name}: column {column!r} of type {values.type} cannot be written as text; leave it out, or store it as text"
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(repr(n) for n in names)
