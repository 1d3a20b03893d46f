"""Fixed-width byte rows compared as big-endian numbers, a machine word at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from psiselect.base import sorting
from psiselect.base.packed import I64, U8


def words(rows: U8) -> npt.NDArray[np.uint64]:
    """(n, w) bytes -> (n, ceil(w/8)) native uint64 whose lexicographic order is that of the rows."""
    n, width = rows.shape
    columns = -(-width // 8)
    padded = rows
    if width != 8 * columns:
        padded = np.zeros((n, 8 * columns), np.uint8)
        padded[:, :width] = rows
    return np.ascontiguousarray(padded).view(">u8").astype(np.uint64)


def order(rows: U8) -> I64:
    """Indices that sort the rows, shape (n,), int64. Stable."""
    first = words(rows[:, :8])[:, 0]
    found = sorting.order(first)
    leading = first[found]
    if np.any(leading[1:] == leading[:-1]):  # rare for uniform rows: then all words decide
        return np.lexsort(words(rows).T[::-1]).astype(np.int64, copy=False)
    return found


def ascend(rows: U8) -> bool:
    """Whether no row is below the one before it."""
    columns = words(rows)
    before, after = columns[:-1], columns[1:]
    undecided = np.ones(len(before), np.bool_)
    for column in range(columns.shape[1]):
        if np.any(undecided & (after[:, column] < before[:, column])):
            return False
        undecided &= after[:, column] == before[:, column]
    return True


def repeats(ascending: U8) -> bool:
    """Whether two neighbours in rows already sorted are equal at full width."""
    return bool(np.any(np.all(ascending[1:] == ascending[:-1], axis=1)))


def in_chunks(blocks: Iterable[U8], size: int) -> Iterator[U8]:
    """The rows of all blocks, in full chunks of `size` rows and a last one."""
    waiting: list[U8] = []
    count = 0
    for block in blocks:
        for start in range(0, len(block), size):
            some = block[start : start + size]
            waiting.append(some)
            count += len(some)
            if count >= size:
                whole = np.concatenate(waiting)
                yield whole[:size]
                waiting, count = [whole[size:]], count - size
    if count:
        yield np.concatenate(waiting)
