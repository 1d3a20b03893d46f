"""Matched rows out: CSV or Parquet, streamed and atomic."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from psi.tables.source import BATCH_ROWS, Source, as_text
from psiselect.base.atomic import replacing
from psiselect.base.errors import InputError

Mask = npt.NDArray[np.bool_]


def write_rows(source: Source, mask: Mask, target: str | os.PathLike[str]) -> int:
    """Write the rows of `source` for which `mask` holds, all columns, in their order; returns how many.

    mask: bool, shape (rows of the source,). target: `.csv` or `.parquet`; appears whole or not at all. Raises
    InputError when the target's kind is unknown, a column cannot be written as CSV, or the source is not what it was.
    """
    path = Path(target)
    check_target(path, source.schema)
    write_batches(path, source.schema, delimiter_of(source), _filtered(source, mask))
    return int(np.count_nonzero(mask))


def write_batches(
    path: Path, schema: pa.Schema, delimiter: str, batches: Iterator[pa.RecordBatch], *, guarded: bool = False
) -> None:
    """Write batches of one schema as the path's ending says, atomically; `delimiter` is for CSV. guarded: a new file is
    for its owner only."""
    with replacing(path, guarded=guarded) as part:
        _WRITERS[path.suffix.lower()](part, schema, delimiter, batches)


def delimiter_of(source: Source) -> str:
    """What separates fields when rows of `source` are written as CSV: what did when they were read."""
    found: str = getattr(source, "delimiter", ",")
    return found


def check_target(target: str | os.PathLike[str], schema: pa.Schema) -> None:
    """Raise InputError now, not after a session, if rows of this schema could not be written there."""
    path = Path(target)
    kind = path.suffix.lower()
    if kind not in _WRITERS:
        raise InputError(f"{path}: cannot tell how to write this; known endings: {', '.join(_WRITERS)}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist")
    if kind == ".csv":
        for field in schema:
            if pa.types.is_nested(field.type):
                raise InputError(f"{path}: column {field.name!r} has type {field.type}, which CSV cannot hold")


def _filtered(source: Source, mask: Mask) -> Iterator[pa.RecordBatch]:
    at = 0
    for batch in source.batches():
        if at + len(batch) > len(mask):
            break
        yield batch.filter(pa.array(mask[at : at + len(batch)]))
        at += len(batch)
    else:
        if at == len(mask):
            return
    raise InputError(f"{source.name}: has not the {len(mask)} rows it had; start again")


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
    return pc.fill_null(as_text(column, name, "CSV"), "")


def _csv_lines(columns: list[pa.Array], delimiter: str) -> memoryview:
    """Rows as CSV. Only fields that need quotes get them, so that a plain file's lines come out byte for byte (Arrow's
    own writer quotes every text)."""
    # In a file of one column an unquoted empty value would be a blank line, which readers skip.
    special = f'["\r\n{delimiter}]' + ("|^$" if len(columns) == 1 else "")
    ends = pa.scalar("\n", pa.large_string())
    nothing = pa.scalar("", pa.large_string())
    fields = [_quoted(column, special) for column in columns]
    rows = pc.binary_join_element_wise(*fields, pa.scalar(delimiter, pa.large_string()))
    rows = pc.binary_join_element_wise(rows, ends, nothing)
    if not len(rows):
        return memoryview(b"")
    _, offsets, data = rows.buffers()
    first, last = np.frombuffer(offsets, np.int64)[[rows.offset, rows.offset + len(rows)]]
    return memoryview(data)[first:last]


def _quoted(column: pa.Array, special: str) -> pa.Array:
    hit = pc.match_substring_regex(column, special)
    if not pc.any(hit).as_py():
        return column
    quote = pa.scalar('"', column.type)
    doubled = pc.replace_substring(column.filter(hit), '"', '""')
    return pc.replace_with_mask(
        column, hit, pc.binary_join_element_wise(quote, doubled, quote, pa.scalar("", column.type))
    )


_WRITERS: Mapping[str, Callable[[Path, pa.Schema, str, Iterator[pa.RecordBatch]], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
