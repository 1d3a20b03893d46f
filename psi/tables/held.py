"""Tables that the calling program holds, in any form that hands out Arrow data.

Frames in memory (pandas, polars, pyarrow) stay where they are. A stream or an iterator may be longer than memory and
comes only once, so its rows go to a file without a name.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from psi.tables import words_held
from psi.tables.kept import KeptRows
from psi.tables.source import BATCH_ROWS, distinct_names, rows_of
from psiselect.base.errors import InputError
from psiselect.base.rows import Fault, Row

_PLAIN = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}


class HeldSource:
    """A table as Arrow batches that can be streamed again and again; see `psi.tables.source.Source`.

    name: what errors call it. schema: of all batches. batches: called for each pass over the rows. disk_bytes: what
    they take on disk.
    """

    first_row = 1
    unit = "row"
    header_line = 0

    def __init__(
        self, name: str, schema: pa.Schema, batches: Callable[[], Iterable[pa.RecordBatch]], disk_bytes: int = 0
    ) -> None:
        distinct_names(schema.names, name)
        self.name = name
        self.schema = schema
        self.disk_bytes = disk_bytes
        self._batches = batches

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Stream the rows; see `Source.batches`."""
        wanted = self.schema.names if columns is None else list(columns)
        shape = pa.schema([self.schema.field(name) for name in wanted], self.schema.metadata)
        for batch in self._batches():
            chosen = _as(shape, batch.select(wanted))
            for start in range(0, len(chosen), BATCH_ROWS):
                yield chosen.slice(start, BATCH_ROWS)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Row | Fault]:
        """Stream the rows as text; see `Source.rows`."""
        return rows_of(self.batches(columns), self.first_row, self.name)


def frame_library(table: object) -> str | None:
    """The library of a frame, "pandas" or "polars"; None for anything else. Imports neither."""
    for name in ("pandas", "polars"):
        library = sys.modules.get(name)
        if library is not None and isinstance(table, library.DataFrame):
            return name
    return None


def hold(table: Any, folder: Path, name: str = "the table") -> HeldSource:
    """A table of the calling program as a source.

    table: a pandas, polars or pyarrow table, anything with `__arrow_c_stream__`, or an iterable of record batches.
    folder: where rows are kept that come only once. Raises UsageError for anything else, InputError for columns that
    Arrow has no one type for.
    """
    library = frame_library(table)
    if library == "pandas":
        return _in_memory(name, _from_pandas(table, name))
    if isinstance(table, pa.Table):
        return _in_memory(name, table)
    if isinstance(table, pa.RecordBatch):
        return _in_memory(name, pa.Table.from_batches([table]))
    if library == "polars":
        schema = _plain(pa.RecordBatchReader.from_stream(table).schema)
        return _in_memory(name, pa.RecordBatchReader.from_stream(table, schema=schema).read_all())
    if hasattr(table, "__arrow_c_stream__"):
        return _from_stream(name, table, folder)
    if isinstance(table, str | bytes | dict) or not isinstance(table, Iterable):
        more = words_held.COLUMNS_AS_LISTS if isinstance(table, dict) else ""
        more = words_held.COLLECT if type(table).__name__ == "LazyFrame" else more
        raise words_held.not_a_table(name, type(table), more)
    if isinstance(table, Sequence):
        batches = [_batch(item, name) for item in table]
        if not batches:
            raise words_held.no_batch(name)
        _require_one_schema(batches[0].schema, batches, name)
        return _in_memory(name, pa.Table.from_batches(batches))
    return _keep(name, (_batch(item, name) for item in table), folder)


def _in_memory(name: str, table: pa.Table) -> HeldSource:
    return HeldSource(name, _plain(table.schema), table.to_batches)


def _from_pandas(frame: Any, name: str) -> pa.Table:
    """A pandas frame with its named index levels as columns. Numbers as columns' names become text."""
    if not all(isinstance(column, str) for column in frame.columns):
        frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    distinct_names(list(frame.columns), name)
    named = [level for level in frame.index.names if level is not None]
    if named:
        dropped = [number for number, level in enumerate(frame.index.names) if level is None]
        frame = frame.reset_index(level=dropped, drop=True) if dropped else frame
        frame = frame.reset_index()
        distinct_names(list(frame.columns), name)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise _mixed(frame, name) from None


def _mixed(frame: Any, name: str) -> InputError:
    """Which column Arrow has no one type for. What Arrow itself says quotes values."""
    for column in frame.columns:
        try:
            pa.Array.from_pandas(frame[column])
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return words_held.mixed_types(name, column)
    return words_held.not_for_arrow(name)


def _from_stream(name: str, table: Any, folder: Path) -> HeldSource:
    try:
        reader = pa.RecordBatchReader.from_stream(table)
    except (pa.ArrowException, TypeError):
        raise words_held.no_table_in_arrow(name) from None
    return _keep(name, reader, folder, reader.schema)


def _keep(name: str, batches: Iterable[pa.RecordBatch], folder: Path, schema: pa.Schema | None = None) -> HeldSource:
    """Rows that come once, in a file without a name."""
    kept = None if schema is None else KeptRows(folder, _plain(schema, decoded=True))
    try:
        for batch in batches:
            if kept is None:
                schema, kept = batch.schema, KeptRows(folder, _plain(batch.schema, decoded=True))
            _require_one_schema(schema, [batch], name)
            kept.append(_as(kept.schema, batch))
    except (pa.ArrowException, OSError):  # its text may quote data
        raise words_held.stream_broke(name) from None
    if kept is None:
        raise words_held.no_batch(name)
    rows = kept
    source = HeldSource(name, rows.schema, lambda: rows, rows.disk_bytes)
    weakref.finalize(source, rows.close)
    return source


def _as(schema: pa.Schema, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with the types of a schema that `_plain` has made."""
    if batch.schema.equals(schema, check_metadata=False):
        return batch.replace_schema_metadata(schema.metadata)
    columns = []
    for column, kind in zip(batch.columns, schema.types, strict=True):
        found = column
        if pa.types.is_dictionary(found.type):  # Arrow takes no rows out of a dictionary in a view layout
            values = found.dictionary.cast(_PLAIN.get(found.type.value_type, found.type.value_type))
            found = pa.DictionaryArray.from_arrays(found.indices, values, ordered=found.type.ordered)
            found = found if pa.types.is_dictionary(kind) else found.dictionary_decode()
        columns.append(found if found.type == kind else found.cast(kind))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _batch(item: Any, name: str) -> pa.RecordBatch:
    if isinstance(item, pa.RecordBatch):
        return item
    if hasattr(item, "__arrow_c_array__"):
        return pa.record_batch(item)
    more = words_held.ROWS_AS_DICTIONARIES if isinstance(item, dict) else ""
    raise words_held.not_batches(name, type(item), more)


def _require_one_schema(schema: pa.Schema, batches: Sequence[pa.RecordBatch], name: str) -> None:
    if not all(batch.schema.equals(schema) for batch in batches):
        raise words_held.batches_apart(name)


def _plain(schema: pa.Schema, *, decoded: bool = False) -> pa.Schema:
    """The schema with plain text and bytes for the view layouts, for which Arrow lacks filters. decoded: also without
    dictionaries."""

    def plain(kind: pa.DataType) -> pa.DataType:
        if not pa.types.is_dictionary(kind):
            return _PLAIN.get(kind, kind)
        values = _PLAIN.get(kind.value_type, kind.value_type)
        return values if decoded else pa.dictionary(kind.index_type, values, kind.ordered)

    fields = [field.with_type(plain(field.type)) for field in schema]
    if decoded:  # a library's notes on its own categories make no sense on plain text
        return pa.schema([field.remove_metadata() for field in fields])
    return pa.schema(fields, schema.metadata)
