"""Columns that one side gives to the other with each match: gathered before the session, joined after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from psi.labels import payloads, words
from psi.store.partitions import PARTITIONS, PartitionedStrings
from psi.store.scratch import Scratch, ScratchFile
from psi.tables import Source, require_names, written_text
from psiselect.base.packed import I64, U8


class SentColumns:
    """The payload of each number: the rows that belong to it, their chosen columns as text, in one width.

    24 bytes a number stay in memory, and of the rows' bytes as much as `memory` allows. `close` removes the rest.
    """

    def __init__(self, width: int, scratch: Scratch, data: ScratchFile, counts: I64, lengths: I64) -> None:
        self.width = width
        self._scratch, self._data = scratch, data
        # The last one of each stands for -1: no rows.
        self._counts, self._lengths = np.append(counts, 0), np.append(lengths, 0)
        self._starts = np.cumsum(self._lengths) - self._lengths

    @property
    def peak_disk_bytes(self) -> int:
        """The most that it took on disk."""
        return self._scratch.peak_bytes

    def payloads(self, numbers: I64) -> U8:
        """Payloads of these numbers, in this order, (k, width) uint8; -1 stands for an item without rows."""
        lengths = self._lengths[numbers]
        return payloads.fill(self.width, self._counts[numbers], lengths, self._read(self._starts[numbers], lengths))

    def close(self) -> None:
        """Drop everything. Safe to call twice."""
        self._scratch.close()

    def _read(self, starts: I64, lengths: I64) -> U8:
        if self._data.in_memory:
            found: U8 = self._data.take_memory()[payloads.spans(starts, lengths)]
            return found
        out, end = np.empty(int(lengths.sum()), np.uint8), 0
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            out[end : end + length] = self._data.read(start, length, np.uint8)
            end += length
        return out


class ReceivedColumns:
    """The peer's rows of each match, as `psi.tables.joining.Partners`.

    payloads: (matches, width) uint8, as opened; decoded strictly, when the rows are asked for, so that memory stays at
    what is asked for at a time. Then, raises RemoteError.
    """

    def __init__(self, columns: Sequence[str], opened: U8) -> None:
        self.columns = columns
        self._opened = opened

    def counts(self, numbers: I64) -> I64:
        """How many rows the peer has for each of these matches."""
        return payloads.row_counts(self._opened[:, : payloads.HEADER_BYTES][numbers])

    def rows(self, numbers: I64) -> list[pa.Array]:
        """The peer's rows of these matches, in order, a text array for each column."""
        return payloads.decode(self._opened[numbers], len(self.columns))


def gather(
    source: Source,
    columns: Sequence[str],
    owners: I64,
    count: int,
    width: int,
    *,
    folder: Path | None = None,
    memory_limit: int | None = None,
) -> SentColumns:
    """Stream the columns and gather the payloads of the numbers 0 to count - 1.

    owners: the number that each row belongs to, -1 for none, int64, shape (rows,). With `folder` and `memory_limit`
    (bytes), what is beyond it goes to files there. Raises InputError when a column is missing or cannot be written as
    text, or when a payload would be longer than `width`.
    """
    check_columns(source, columns)
    scratch = Scratch(folder if folder is not None else Path())
    memory = memory_limit // 2 if memory_limit is not None and folder is not None else 1 << 62
    try:
        rows = PartitionedStrings(scratch.file("columns", memory))
        lengths, at = np.zeros(count, np.int64), 0
        for batch in source.batches(list(columns)):
            owned = np.flatnonzero(owners[at : at + len(batch)] >= 0)
            owner = owners[at + owned]
            texts = [written_text(batch.column(name), name, source.name) for name in columns]
            encoded, bytes_of = payloads.encode_rows(texts)
            np.add.at(lengths, owner, bytes_of[owned])
            rows.append(encoded.take(owned), at + owned, (owner * PARTITIONS // max(1, count)).astype(np.uint8))
            at += len(batch)
        _check_lengths(source, owners, lengths, width)
        counts = np.bincount(owners[owners >= 0], minlength=count).astype(np.int64)
        return SentColumns(width, scratch, _in_order(rows, owners, scratch.file("payloads", memory)), counts, lengths)
    except BaseException:
        scratch.close()
        raise


def check_columns(source: Source, columns: Sequence[str]) -> None:
    """Raise InputError unless the source has these columns, of types that can be written as text."""
    require_names(source, columns, "send")
    for name in columns:
        written_text(pa.nulls(0, source.schema.field(name).type), name, source.name)


def _in_order(rows: PartitionedStrings, owners: I64, data: ScratchFile) -> ScratchFile:
    """The rows' bytes by owner, and in the table's order for each."""
    for number in range(PARTITIONS):
        strings, numbers = rows.load(number)
        ordered = strings.take(np.argsort(owners[numbers], kind="stable"))
        data.append(ordered.data[ordered.offsets[0] : ordered.offsets[-1]])
    rows.close()
    return data


def _check_lengths(source: Source, owners: I64, lengths: I64, width: int) -> None:
    needed = lengths + payloads.HEADER_BYTES
    long = np.append(needed > width, False)  # the last one stands for -1
    if not long.any():
        return
    row = int(np.argmax(long[owners]))
    most, others = int(needed.max()), int(long.sum()) - 1
    raise words.too_long(
        source.name, row + source.first_row, needed[owners[row]], width, others, most, payloads.MAX_WIDTH
    )
