"""Matched rows out: CSV or Parquet, streamed and atomic.

Numbers are written as digits where they are whole, and durations with their unit: a program that reads the file back
must not have to guess.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from psi.tables import words
from psi.tables.source import BATCH_ROWS, Source, as_text, require_names
from psi.tables.stores import StoreTarget
from psiselect.base import atomic, later
from psiselect.base.atomic import replacing
from psiselect.base.errors import InputError
from psiselect.base.packed import Packed, arrow_mask

if TYPE_CHECKING:
    import pyarrow.parquet as pq
else:
    pq = later.Module("pyarrow.parquet")

Mask = npt.NDArray[np.bool_]
Target = str | os.PathLike[str] | StoreTarget
MATCHED_BY = "matched_by"
_INT64_END = float(1 << 63)


@dataclass(frozen=True)
class Chosen:
    """Which columns are written of each row, in their order.

    Attributes:
        columns: of the own table, and MATCHED_BY, which names the keys that matched, unless the table has a column of
            that name; None for all of the table's.
        private: whether the file is for its owner only, even where it replaces one that is not.
    """

    columns: tuple[str, ...] | None = None
    private: bool = False

    def own(self, schema: pa.Schema) -> list[str]:
        """Those that are the table's."""
        return schema.names if self.columns is None else [name for name in self.columns if name in schema.names]

    def names_keys(self, schema: pa.Schema) -> bool:
        """Whether the keys that matched are written."""
        return self.columns is not None and MATCHED_BY in self.columns and MATCHED_BY not in schema.names

    def shape(self, schema: pa.Schema) -> pa.Schema:
        """What is written of a table with this schema."""
        if self.columns is None:
            return schema
        keys = pa.field(MATCHED_BY, pa.large_string())
        fields = [schema.field(name) if name in schema.names else keys for name in self.columns]
        return pa.schema(fields, schema.metadata if len(fields) == len(schema) else None)

    def check(self, source: Source) -> None:
        """Raise InputError unless the source has these columns."""
        wanted = self.columns or ()
        require_names(source, [name for name in wanted if name != MATCHED_BY], "columns")
        if len(set(wanted)) < len(wanted):
            raise words.column_twice()


ALL = Chosen()


@dataclass(frozen=True)
class KeyNames:
    """Which keys each row matched by. bits: int64, shape (rows,), bit i for key i. names: of the keys."""

    bits: npt.NDArray[np.int64]
    names: Sequence[str]

    def texts(self, rows: slice) -> pa.Array:
        """The names of each row's keys, joined by semicolons."""
        distinct, place = np.unique(self.bits[rows], return_inverse=True)
        words = [";".join(name for i, name in enumerate(self.names) if bits >> i & 1) for bits in distinct.tolist()]
        return pa.array(words, pa.large_string()).take(pa.array(place.reshape(-1)))


def write_rows(
    source: Source,
    mask: Mask,
    target: Target,
    chosen: Chosen = ALL,
    keys: KeyNames | None = None,
) -> int:
    """Write the rows of `source` for which `mask` holds, in their order; returns how many.

    mask: bool, shape (rows of the source,). target: `.csv` or `.parquet`, here or in a store; appears whole or not at
    all. keys: for MATCHED_BY. Raises InputError when the target's kind is unknown, a column cannot be written as CSV,
    or the source is not what it was, OutputError when the system or the store refuses.
    """
    path = place_of(target)
    check_target(path, chosen.shape(source.schema))
    batches = chosen_batches(source, len(mask), chosen, keys)
    kept = (batch.filter(arrow_mask(mask[rows])) for rows, batch in batches)
    write_batches(path, chosen.shape(source.schema), delimiter_of(source), kept, private=chosen.private)
    return int(np.count_nonzero(mask))


def read_rows(source: Source, mask: Mask, chosen: Chosen = ALL, keys: KeyNames | None = None) -> pa.Table:
    """The rows that `write_rows` would write, in memory, with the types that they have in the source. Raises InputError
    when the source is not what it was."""
    shape = chosen.shape(source.schema)
    batches = chosen_batches(source, len(mask), chosen, keys)
    return pa.Table.from_batches([batch.filter(arrow_mask(mask[rows])) for rows, batch in batches], shape)


def chosen_batches(
    source: Source, rows: int, chosen: Chosen, keys: KeyNames | None
) -> Iterator[tuple[slice, pa.RecordBatch]]:
    """The chosen columns of all rows, and which rows a batch has. Raises InputError unless there are so many rows."""
    at, shape, names_keys = 0, chosen.shape(source.schema), chosen.names_keys(source.schema)
    if names_keys and keys is None:
        raise ValueError("the keys that matched are wanted and not given")
    for batch in source.batches(chosen.own(source.schema) or source.schema.names[:1]):
        where = slice(at, at + len(batch))
        if where.stop > rows:
            break
        if names_keys and keys is not None:
            columns = [keys.texts(where) if name == MATCHED_BY else batch.column(name) for name in shape.names]
            yield where, pa.RecordBatch.from_arrays(columns, schema=shape)
        else:
            yield where, batch
        at = where.stop
    else:
        if at == rows:
            return
    raise words.other_rows(source.name, rows)


def write_batches(
    path: Path | StoreTarget,
    schema: pa.Schema,
    delimiter: str,
    batches: Iterator[pa.RecordBatch],
    *,
    guarded: bool = False,
    private: bool = False,
) -> None:
    """Write batches of one schema as the path's ending says, atomically; `delimiter` is for CSV. guarded: a new file is
    for its owner only. private: any file is. Raises OutputError when the system refuses."""
    whole = path.replacing() if isinstance(path, StoreTarget) else replacing(path, guarded=guarded, secret=private)
    with whole as part:
        _WRITERS[path.suffix.lower()](part, schema, delimiter, batches)


def delimiter_of(source: Source) -> str:
    """What separates fields when rows of `source` are written as CSV: what did when they were read."""
    found: str = getattr(source, "delimiter", ",")
    return found


def place_of(target: Target) -> Path | StoreTarget:
    """A target as those take it who write there."""
    return target if isinstance(target, StoreTarget) else Path(target)


def check_target(target: Target, schema: pa.Schema) -> None:
    """Raise InputError now, not after a session, if rows of this schema could not be written there."""
    path = place_of(target)
    shown = path.name if isinstance(path, StoreTarget) else path
    kind = path.suffix.lower()
    if kind not in _WRITERS:
        raise words.unknown_ending(shown, _WRITERS)
    if isinstance(path, StoreTarget):
        path.check()
    else:
        if not path.parent.is_dir():
            raise words.no_folder(path)
        atomic.check(path)
    if kind == ".csv":
        for field in schema:
            if pa.types.is_nested(field.type):
                raise words.nested_in_csv(shown, field.name, field.type)


def check_bytes(source: Source, target: Target, chosen: Chosen = ALL) -> None:
    """Raise InputError now, not after a session, if a chosen column has bytes that are no text and CSV is wanted. It
    reads columns of bytes, and no others."""
    names = [field.name for field in chosen.shape(source.schema) if _is_bytes(field.type)]
    if names and place_of(target).suffix.lower() == ".csv":
        for batch in source.batches(names):
            for name in names:
                try:
                    as_text(batch.column(name), name, source.name)
                except InputError:
                    raise words.bytes_in_csv(source.name, name) from None


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
        or (types.is_dictionary(kind) and _is_bytes(kind.value_type))
    )


def _write_csv(part: Path, schema: pa.Schema, delimiter: str, batches: Iterator[pa.RecordBatch]) -> None:
    with part.open("wb") as file:
        header = [pa.array([name], pa.large_string()) for name in schema.names]
        file.write(_csv_lines(header, delimiter))
        for batch in batches:
            columns = zip(batch.columns, schema.names, strict=True)
            file.write(_csv_lines([_csv_text(column, name) for column, name in columns], delimiter))


def _write_parquet(part: Path, schema: pa.Schema, delimiter: str, batches: Iterator[pa.RecordBatch]) -> None:
    with pq.ParquetWriter(part, schema, compression="zstd") as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in batches:
            waiting.append(batch)
            if sum(map(len, waiting)) >= BATCH_ROWS:
                writer.write_table(pa.Table.from_batches(waiting, schema))
                waiting.clear()
        writer.write_table(pa.Table.from_batches(waiting, schema))


def _csv_text(column: pa.Array, name: str) -> pa.Array:
    return pc.fill_null(written_text(column, name, "CSV"), "")


def written_text(values: pa.Array, column: str, name: str) -> pa.Array:
    """A column as text for people and programs, Arrow large_string, nulls kept.

    A whole floating-point number below 2^63 is its digits, without an exponent; a duration is a number and its unit,
    such as `90 s`. Otherwise, and in what it raises, like `as_text`.
    """
    texts = as_text(values, column, name)
    if pa.types.is_duration(values.type):
        return pc.binary_join_element_wise(texts, pa.scalar(values.type.unit, texts.type), pa.scalar(" ", texts.type))
    if pa.types.is_floating(values.type):
        wide = values.cast(pa.float64())
        whole = pc.and_(pc.equal(pc.floor(wide), wide), pc.less(pc.abs(wide), _INT64_END))
        texts = pc.if_else(pc.fill_null(whole, False), pc.cast(wide, pa.int64(), safe=False).cast(texts.type), texts)
    return texts


def _csv_lines(columns: list[pa.Array], delimiter: str) -> memoryview:
    """Rows as CSV. Only fields that need quotes get them, so that a plain file's lines come out byte for byte (Arrow's
    own writer quotes every text)."""
    # In a file of one column an unquoted empty value would be a blank line, which readers skip.
    alone = len(columns) == 1
    ends = pa.scalar("\n", pa.large_string())
    nothing = pa.scalar("", pa.large_string())
    fields = [_quoted(column, delimiter, alone) if _special(column, delimiter, alone) else column for column in columns]
    rows = pc.binary_join_element_wise(*fields, pa.scalar(delimiter, pa.large_string()))
    rows = pc.binary_join_element_wise(rows, ends, nothing)
    if not len(rows):
        return memoryview(b"")
    _, offsets, data = rows.buffers()
    first, last = np.frombuffer(offsets, np.int64)[[rows.offset, rows.offset + len(rows)]]
    return memoryview(data)[first:last]


def _special(column: pa.Array, delimiter: str, alone: bool) -> bool:
    """Whether any field needs quotes: a look at the bytes of all fields takes a tenth of the time of a regular
    expression for each."""
    fields = Packed.from_arrow(column)
    whole = fields.data[fields.offsets[0] : fields.offsets[-1]].tobytes()
    if any(mark.encode() in whole for mark in ('"', "\r", "\n", delimiter)):
        return True
    return alone and bool(np.any(fields.offsets[1:] == fields.offsets[:-1]))


def _quoted(column: pa.Array, delimiter: str, alone: bool) -> pa.Array:
    """The fields, those that need quotes in quotes."""
    hit = pc.match_substring_regex(column, f'["\r\n{delimiter}]' + ("|^$" if alone else ""))
    quote = pa.scalar('"', column.type)
    doubled = pc.replace_substring(column.filter(hit), '"', '""')
    return pc.replace_with_mask(
        column, hit, pc.binary_join_element_wise(quote, doubled, quote, pa.scalar("", column.type))
    )


_WRITERS: Mapping[str, Callable[[Path, pa.Schema, str, Iterator[pa.RecordBatch]], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
