"""The distinct keys of a column of any length, and each row's key, in bounded memory.

    builder = DistinctBuilder(folder, memory_limit)
    for batch in batches: builder.add(batch)     # Arrow strings or binary; null where a row has no key
    distinct = builder.finish()                  # .keys: Packed or SpooledKeys, .row_to_key: int64, -1 for null

A column that fits into memory is sorted by 64 bits of each key, so that equal keys meet: less than half the time of
Arrow's encoder. A longer one is cut into partitions by content, in which equal keys meet, and Arrow encodes partition
by partition; for all of 10,000,000 keys of 32 bytes at once it needs about 2 GB, this less than half.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psi.store.partitions import PARTITIONS, ContentPartition, PartitionedStrings
from psi.store.scratch import Scratch, ScratchFile
from psiselect.base import sorting
from psiselect.base.packed import I64, Packed, arrow_mask, arrow_numbers

_DIRECT_BYTES = 256 << 20  # a column that takes up to this much is sorted in one go
_SORTED_ROW = 48  # bytes that sorting takes for a row, besides two copies of its key
_BATCH_BYTES = 8 << 20  # what is cut into partitions at a time
_INDEX_EVERY = 4096


@dataclass(frozen=True, slots=True)
class Distinct:
    """keys: each key once, in an order of no meaning. row_to_key: int64, shape (rows,), -1 where a row has none."""

    keys: Packed | SpooledKeys
    row_to_key: I64


class SpooledKeys:
    """Distinct keys on disk, read in chunks. `close` removes them.

    peak_disk_bytes: the most that this column took on disk, intermediate files included.
    """

    def __init__(self, scratch: Scratch, data: ScratchFile, lengths: ScratchFile, index: I64) -> None:
        self.scratch = scratch
        self._data, self._lengths, self._index = data, lengths, index

    def __len__(self) -> int:
        return self._lengths.size // 4

    @property
    def peak_disk_bytes(self) -> int:
        return self.scratch.peak_bytes

    def read(self, start: int, stop: int) -> Packed:
        """Keys start..stop."""
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"keys {start} to {stop} of {len(self)}")
        block = start // _INDEX_EVERY
        first = block * _INDEX_EVERY
        lengths = self._lengths.read(4 * first, stop - first, np.uint32)
        offsets = np.zeros(stop - first + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        offsets = offsets[start - first :]
        begin = int(self._index[block]) if len(self) else 0
        data = self._data.read(begin + int(offsets[0]), int(offsets[-1] - offsets[0]), np.uint8)
        return Packed(data, offsets - offsets[0])

    def close(self) -> None:
        """Remove the files. Safe to call twice."""
        self.scratch.close()


class DistinctBuilder:
    """Takes keys batch by batch. Needs about `memory_limit` bytes (at least 100 MB or so) and 16 bytes a row; what does
    not fit goes to files in a folder of its own under `folder`. memory_limit None: everything in memory.

    Raises InputError when the folder cannot be used or is full.
    """

    def __init__(self, folder: Path | None = None, memory_limit: int | None = None) -> None:
        self._scratch = Scratch(folder if folder is not None else Path())
        self._memory = memory_limit // 2 if memory_limit is not None and folder is not None else 1 << 62
        self._waiting: list[pa.Array] = []
        self._waiting_bytes = 0
        self._waiting_rows = 0
        self._rows = 0
        self._parts: PartitionedStrings | None = None
        self._partition: ContentPartition | None = None

    def add(self, values: pa.Array) -> None:
        """Append rows: Arrow string or binary; null where a row has no key."""
        values = values.cast(pa.large_binary())
        self._waiting.append(values)
        self._waiting_bytes += values.nbytes
        self._waiting_rows += len(values)
        if self._too_much_waits():
            self._cut()

    def finish(self) -> Distinct:
        """The distinct keys of all rows. The builder is used up."""
        if self._parts is None:
            return _at_once(self._take_waiting())
        self._cut()
        row_to_key = np.full(self._rows, -1, np.int64)
        data = self._scratch.file("keys", self._memory)
        lengths = self._scratch.file("key-lengths", self._memory // 8)
        count = 0
        for number in range(PARTITIONS):
            strings, rows = self._parts.load(number)
            encoded = strings.to_arrow().dictionary_encode()
            row_to_key[rows] = encoded.indices.to_numpy() + np.int64(count)
            keys = Packed.from_arrow(encoded.dictionary)
            data.append(keys.data[keys.offsets[0] : keys.offsets[-1]])
            lengths.append(np.diff(keys.offsets).astype(np.uint32))
            count += len(keys)
        self._parts.close()
        return Distinct(self._keys(data, lengths, count), row_to_key)

    def close(self) -> None:
        """Drop everything, if it is not to be finished. Safe to call twice."""
        self._scratch.close()

    def _keys(self, data: ScratchFile, lengths: ScratchFile, count: int) -> Packed | SpooledKeys:
        if data.in_memory:
            offsets = np.zeros(count + 1, np.int64)
            np.cumsum(lengths.read(0, count, np.uint32), out=offsets[1:])
            packed = Packed(data.take_memory(), offsets)
            self._scratch.close()
            return packed
        index, end = [0], 0
        for start in range(0, count, _INDEX_EVERY):
            end += int(lengths.read(4 * start, min(_INDEX_EVERY, count - start), np.uint32).sum(dtype=np.int64))
            index.append(end)
        return SpooledKeys(self._scratch, data, lengths, np.array(index, np.int64))

    def _too_much_waits(self) -> bool:
        if self._parts is not None:
            return self._waiting_bytes > _BATCH_BYTES
        return 2 * self._waiting_bytes + _SORTED_ROW * self._waiting_rows > min(_DIRECT_BYTES, self._memory)

    def _take_waiting(self) -> pa.LargeBinaryArray:
        """What waits as one array; afterwards nothing waits."""
        values = pa.concat_arrays(self._waiting) if self._waiting else pa.array([], pa.large_binary())
        self._waiting, self._waiting_bytes, self._waiting_rows = [], 0, 0
        return values

    def _cut(self) -> None:
        """Move what waits into the partitions."""
        if self._parts is None or self._partition is None:
            self._parts = PartitionedStrings(self._scratch.file("rows", self._memory))
            self._partition = ContentPartition()
        values = self._take_waiting()
        numbers = np.arange(self._rows, self._rows + len(values))
        self._rows += len(values)
        if values.null_count:
            numbers = numbers[pc.is_valid(values).to_numpy(zero_copy_only=False)]
            values = values.drop_null()
        strings = Packed.from_arrow(values)
        self._parts.append(strings, numbers, self._partition.of(strings))


def _at_once(values: pa.LargeBinaryArray) -> Distinct:
    """In order of first appearance."""
    filled = None
    if values.null_count:
        filled = pc.is_valid(values).to_numpy(zero_copy_only=False)
        values = values.drop_null()
    keys, numbers = _sorted(values) or _encoded(values)
    if filled is None:
        return Distinct(Packed.from_arrow(keys), numbers)
    row_to_key = np.full(len(filled), -1, np.int64)
    row_to_key[filled] = numbers
    return Distinct(Packed.from_arrow(keys), row_to_key)


def _sorted(values: pa.LargeBinaryArray) -> tuple[pa.LargeBinaryArray, I64] | None:
    """The distinct values and, for each value, which of them it is; None where different values have the same 64 bits,
    which hardly happens by chance, but somebody can make such values."""
    bits = ContentPartition().hashed(Packed.from_arrow(values))
    order = sorting.order(bits)
    bits = bits[order]
    repeats = bits[1:] == bits[:-1]  # in this order, the value before
    if not repeats.any():
        return values, np.arange(len(values))
    places = np.flatnonzero(repeats)
    before, after = (values.take(arrow_numbers(order[places + step])) for step in (0, 1))
    if not pc.all(pc.equal(before, after)).as_py():
        return None
    starts = np.append(True, ~repeats)
    first = np.zeros(len(values), np.bool_)
    first[order[starts]] = True  # each value's first row, since equal numbers stay in their order
    number = np.cumsum(first) - 1
    numbers = np.empty(len(values), np.int64)
    numbers[order] = number[order[starts]][np.cumsum(starts) - 1]
    return values.filter(arrow_mask(first)), numbers


def _encoded(values: pa.LargeBinaryArray) -> tuple[pa.LargeBinaryArray, I64]:
    """As `_sorted`, for any values."""
    coded = values.dictionary_encode()
    return coded.dictionary, coded.indices.to_numpy().astype(np.int64)
