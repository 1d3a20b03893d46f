"""Packs: many values in one cell of a table, so that an engine moves few rows where there are many values.

A bucket is an equal range of the first two bytes of a value. Values are uniform, so buckets are alike. A row has a
bucket's number and packs of as many things each:

    values   bytes of one width, end to end
    keys     their lengths, 4 bytes each, after 8 bytes that say how many; then the keys end to end
    numbers  8 bytes each

All numbers have their lowest byte first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from psi.offline.chunks import CHUNK_VALUES
from psiselect.base.packed import I64, U8, Packed

_BUCKET_VALUES = 8 * CHUNK_VALUES  # a task holds up to twice as many
_MOST_BUCKETS = 1 << 16  # what two bytes tell apart
MOST = 1 << 15  # things in a pack: an engine has a hundred cells in memory at a time
_COUNT, _LENGTH, _NUMBER = np.dtype("<i8"), np.dtype("<u4"), np.dtype("<i8")


def buckets_for(total: int) -> int:
    """How many buckets so many values take."""
    return min(max(1, total // _BUCKET_VALUES), _MOST_BUCKETS)


def most_of_a_peer() -> int:
    """Values in one bucket of a peer that may have chosen them: twice what uniform ones come to."""
    return 4 * _BUCKET_VALUES


def bucket_of(value: bytes, buckets: int) -> int:
    """Where one value is."""
    return int.from_bytes(value[:2], "big") * buckets >> 16


def split(values: U8, buckets: int) -> Iterator[tuple[int, I64]]:
    """The positions of each bucket's values, for each bucket that has some, `MOST` at a time."""
    if not len(values):
        return
    lead = values[:, :2].astype(np.int64)
    bucket = (lead[:, 0] << 8 | lead[:, 1]) * buckets >> 16
    order = np.argsort(bucket, kind="stable")
    found, starts = np.unique(bucket[order], return_index=True)
    for number, positions in zip(found, np.split(order, starts[1:]), strict=True):
        for start in range(0, len(positions), MOST):
            yield int(number), positions[start : start + MOST]


def of_keys(keys: Packed) -> bytes:
    """A pack of keys."""
    lengths = np.diff(keys.offsets).astype(_LENGTH)
    data = keys.data[keys.offsets[0] : keys.offsets[-1]]
    return np.array([len(keys)], _COUNT).tobytes() + lengths.tobytes() + data.tobytes()


def keys(packs: pa.Array | pa.ChunkedArray) -> Packed:
    """The keys of all packs; null stands for none."""
    lengths, data = [np.zeros(0, np.int64)], [np.zeros(0, np.uint8)]
    for pack in _cells(packs):
        count = int(np.frombuffer(pack, _COUNT, 1)[0])
        lengths.append(np.frombuffer(pack, _LENGTH, count, _COUNT.itemsize).astype(np.int64))
        data.append(np.frombuffer(pack, np.uint8, -1, _COUNT.itemsize + count * _LENGTH.itemsize))
    return Packed(np.concatenate(data), np.concatenate([[0], np.cumsum(np.concatenate(lengths))]))


def of_numbers(numbers: I64) -> bytes:
    """A pack of numbers."""
    return numbers.astype(_NUMBER).tobytes()


def numbers(packs: pa.Array | pa.ChunkedArray) -> I64:
    """The numbers of all packs."""
    return np.frombuffer(b"".join(_cells(packs)), _NUMBER).astype(np.int64)


def of_values(values: U8) -> bytes:
    """A pack of values."""
    return np.ascontiguousarray(values).tobytes()


def values(packs: pa.Array | pa.ChunkedArray, width: int) -> U8:
    """The values of all packs, shape (n, width)."""
    found: U8 = np.frombuffer(b"".join(_cells(packs)), np.uint8).reshape(-1, width)
    return found


def _cells(packs: pa.Array | pa.ChunkedArray) -> Iterator[Any]:
    """The content of each cell, copied nowhere."""
    for array in packs.chunks if isinstance(packs, pa.ChunkedArray) else (packs,):
        for cell in array:
            if cell.is_valid:
                yield cell.as_buffer()
