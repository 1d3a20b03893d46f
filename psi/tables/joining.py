"""My rows beside the peer's rows of the same key: an inner join, CSV or Parquet, streamed and atomic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from psi.tables.source import Source
from psi.tables.writing import (
    ALL,
    Chosen,
    KeyNames,
    Target,
    check_target,
    chosen_batches,
    delimiter_of,
    place_of,
    write_batches,
)
from psiselect.base.packed import I64

PREFIX = "peer_"
_LINES = 1 << 16  # written at a time: a peer decides how many of its rows have one key


class Partners(Protocol):
    """The other table, by partner number."""

    @property
    def columns(self) -> Sequence[str]:
        """Its columns' names."""
        ...

    def counts(self, numbers: I64) -> I64:
        """How many rows each of these partners has."""
        ...

    def rows(self, numbers: I64) -> list[pa.Array]:
        """The rows of these partners, in order, as one text array a column (Arrow large_string)."""
        ...


def write_joined(
    source: Source,
    partner: I64,
    others: Partners,
    target: Target,
    chosen: Chosen = ALL,
    keys: KeyNames | None = None,
) -> int:
    """Write each row of `source` that has a partner once for each of the partner's rows: the chosen columns, then the
    partner's as text, in the order of `source`; returns how many lines.

    partner: int64, shape (rows of the source,), -1 for none. target, keys: as for `write_rows`, and raises like it;
    what `others` raises passes through, and then nothing is written.
    """
    path = place_of(target)
    own = chosen.shape(source.schema)
    check_target(path, own)
    schema = joined_schema(own, others.columns)
    lines = 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal lines
        for rows, own_batch in chosen_batches(source, len(partner), chosen, keys):
            for batch in _joined(own_batch, partner[rows], others, schema):
                lines += len(batch)
                yield batch

    write_batches(path, schema, delimiter_of(source), counted(), guarded=True, private=chosen.private)
    return lines


def read_joined(
    source: Source, partner: I64, others: Partners, chosen: Chosen = ALL, keys: KeyNames | None = None
) -> tuple[I64, pa.Table]:
    """The lines that `write_joined` would write, in memory, and for each the number of its row in the source, from 0.
    Raises InputError when the source is not what it was."""
    schema = joined_schema(chosen.shape(source.schema), others.columns)
    numbers = np.flatnonzero(partner >= 0)
    batches = [
        batch
        for rows, own_batch in chosen_batches(source, len(partner), chosen, keys)
        for batch in _joined(own_batch, partner[rows], others, schema)
    ]
    return np.repeat(numbers, others.counts(partner[numbers])), pa.Table.from_batches(batches, schema)


def joined_schema(own: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    """Own columns, then the peer's as text: `peer_NAME`, or `peer_NAME_2` and so on where that is taken."""
    names, fields = set(own.names), list(own)
    for column in columns:
        name = f"{PREFIX}{column}"
        number = 2
        while name in names:
            name, number = f"{PREFIX}{column}_{number}", number + 1
        names.add(name)
        fields.append(pa.field(name, pa.large_string()))
    return pa.schema(fields)


def _joined(batch: pa.RecordBatch, numbers: I64, others: Partners, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    kept = np.flatnonzero(numbers >= 0)
    counts = others.counts(numbers[kept])
    for some in _portions(counts):
        repeated = pa.array(np.repeat(kept[some], counts[some]))
        own = batch.take(repeated)
        yield pa.RecordBatch.from_arrays([*own.columns, *others.rows(numbers[kept[some]])], schema=schema)


def _portions(counts: I64) -> Iterator[slice]:
    """Consecutive rows with about `_LINES` lines in all; a row alone where it has more."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _LINES, "right")))
        yield slice(start, stop)
        start = stop
