"""Columns of fixed-width rows, in memory or on disk, and how two of them are matched.

Rows are tags or masked elements, hence uniform: their first twelve bits cut a column into up to 4096 parts of equal
size. Parts are matched and sorted one at a time, so that the work space does not grow with the column. On disk a
column is a file of slices, each ordered by those twelve bits, so that one part of it is a few short reads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from psi.store import rows, words
from psi.store.scratch import Scratch, ScratchFile
from psiselect.base import sorting
from psiselect.base.packed import I64, U8

_PREFIX_BITS = 12
_PART_ROWS = 1 << 18  # a part is never meant to be larger
_MEMORY_PART_ROWS = 1 << 16  # in memory: it stays in the processor's caches, and more parts take no more reads
_PART_BYTES = 48 << 18  # nor larger than this, when rows are wide
_SKEW = 8  # a part this many times its expected size is no accident: uniform rows never get there
_LEAST_SLICE_ROWS = 4096
_LEAST_PART_ROWS = 256
_MOST_ALIKE = 8  # rows of a peer with one and the same beginning; honest ones have two with probability about 2^-40
_MEMORY_SLICE_ROWS = 1 << 18

Bools = npt.NDArray[np.bool_]


class Joined(NamedTuple):
    """What `Store.join` found for each own row: the number of a row of the peer's, int64, and whether the two are
    equal. A row that equals none has the number of a neighbour (0 if the peer has no rows), so that what is done with
    the numbers takes the same time whichever rows are equal."""

    rows: I64
    equal: Bools

    def pairs(self) -> tuple[I64, I64]:
        """Own rows (ascending) that equal one of the peer's, and for each the peer's. Takes time for each of them."""
        own = np.flatnonzero(self.equal)
        return own, self.rows[own]


@dataclasses.dataclass(frozen=True, slots=True)
class _Slice:
    """Consecutive rows of a column, ordered by prefix.

    first: the number of its first row. bounds: int32, (2^12 + 1,): where each prefix begins. order: int32, each ordered
    row's place in the slice. On disk the ordered rows and the order are in the file, at these bytes; in memory the rows
    stay where they were appended.
    """

    first: int
    bounds: npt.NDArray[np.int32]
    order: npt.NDArray[np.int32] | None = None
    rows_at: int = 0
    order_at: int = 0

    def __len__(self) -> int:
        return int(self.bounds[-1])


class Column:
    """An append-only array of rows, `width` bytes each, that a `Store` opened: slices on disk, then the pending rows in
    memory."""

    def __init__(self, store: Store, name: str, width: int) -> None:
        if width < 2:
            raise ValueError("rows have at least two bytes")
        self.width = width
        self.name = name
        self._store = store
        self._file: ScratchFile | None = None
        self._spilled: list[_Slice] = []
        self._on_disk = 0
        self._pending = bytearray()
        self._indexed: list[_Slice] | None = None  # the pending rows, once they are matched or sorted

    def __len__(self) -> int:
        return self._on_disk + len(self._pending) // self.width

    @property
    def in_memory(self) -> bool:
        """Whether none of its rows are on disk."""
        return not self._spilled

    @property
    def pending_bytes(self) -> int:
        """Bytes of the rows that are in memory."""
        return len(self._pending)

    def append(self, rows: U8) -> None:
        """Add rows, shape (k, width)."""
        if rows.ndim != 2 or rows.shape[1] != self.width or rows.dtype != np.uint8:
            raise ValueError(f"a column of width {self.width} was given rows {rows.shape} {rows.dtype}")
        self._indexed = None
        self._pending += np.ascontiguousarray(rows).reshape(-1).data
        self._store.grown()

    def read(self, start: int, stop: int) -> U8:
        """Rows start..stop, shape (stop - start, width)."""
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"rows {start} to {stop} of {len(self)}")
        pieces = []
        for piece in self._spilled:
            low, high = max(start - piece.first, 0), min(stop - piece.first, len(piece))
            if low < high:
                ordered, numbers = self._rows(piece, 0, len(piece))
                appended = np.empty_like(ordered)
                appended[numbers - piece.first] = ordered
                pieces.append(appended[low:high])
        low = max(start - self._on_disk, 0)
        pieces.append(self._memory()[low : max(low, stop - self._on_disk)].copy())
        return np.concatenate(pieces)

    def take(self, numbers: I64) -> U8:
        """The rows with these numbers, in their order, shape (len(numbers), width)."""
        out = np.empty((len(numbers), self.width), np.uint8)
        for piece in self._spilled:
            inside = (numbers >= piece.first) & (numbers < piece.first + len(piece))
            if inside.any():
                ordered, appended = self._rows(piece, 0, len(piece))
                place = np.empty(len(piece), np.int64)
                place[appended - piece.first] = np.arange(len(piece))
                out[inside] = ordered[place[numbers[inside] - piece.first]]
        inside = numbers >= self._on_disk
        out[inside] = self._memory()[numbers[inside] - self._on_disk]
        return out

    def part(self, number: int, bits: int, block: int) -> Iterator[tuple[U8, I64]]:
        """The rows whose first `bits` bits are `number`, with their row numbers, in blocks of at most `block` rows."""
        if self._indexed is None:
            self._indexed = list(self._index_memory())
        shift = _PREFIX_BITS - bits
        for piece in (*self._spilled, *self._indexed):
            start, stop = int(piece.bounds[number << shift]), int(piece.bounds[(number + 1) << shift])
            for low in range(start, stop, block):
                yield self._rows(piece, low, min(low + block, stop))

    def spill(self, scratch: Scratch, slice_rows: int) -> None:
        """Move the pending rows to disk."""
        if self._file is None:
            self._file = scratch.file(self.name)
        pending = self._memory()
        for start in range(0, len(pending), slice_rows):
            some = pending[start : start + slice_rows]
            order, bounds = _by_prefix(some)
            rows_at = self._file.append(np.take(some, order, axis=0))
            order_at = self._file.append(order)
            self._spilled.append(_Slice(self._on_disk, bounds, None, rows_at, order_at))
            self._on_disk += len(some)
        self._pending, self._indexed = bytearray(), None

    def close(self) -> None:
        """Give up what is on disk."""
        if self._file is not None:
            self._file.close()

    def _index_memory(self) -> Iterator[_Slice]:
        pending = self._memory()
        for start in range(0, len(pending), _MEMORY_SLICE_ROWS):
            order, bounds = _by_prefix(pending[start : start + _MEMORY_SLICE_ROWS])
            yield _Slice(self._on_disk + start, bounds, order)

    def _memory(self) -> U8:
        return np.frombuffer(self._pending, np.uint8).reshape(-1, self.width)

    def _rows(self, piece: _Slice, low: int, high: int) -> tuple[U8, I64]:
        """Ordered rows low..high of a slice, with their row numbers in the column."""
        if piece.order is not None:
            numbers = piece.order[low:high] + np.int64(piece.first)
            return np.take(self._memory(), numbers - self._on_disk, axis=0), numbers
        if self._file is None:
            raise RuntimeError("a slice on disk without a file")
        found = self._file.read(piece.rows_at + low * self.width, (high - low) * self.width, np.uint8)
        order = self._file.read(piece.order_at + 4 * low, high - low, np.int32)
        return found.reshape(-1, self.width), order + np.int64(piece.first)


class Store:
    """Where a session keeps its columns: in memory or, given a folder, partly on disk.

    The work space for matching and sorting is a part's, some tens of megabytes at most. On disk a row takes width + 4
    bytes. Appending raises InputError when the folder cannot be used or is full.

    Args:
        folder: where files go; None keeps all columns in memory.
        memory_limit: bytes in memory, work space included. Beyond it the largest column goes to disk. It has no meaning
            without a folder.
    """

    def __init__(self, folder: Path | None = None, memory_limit: int = 0) -> None:
        self._columns: dict[str, Column] = {}
        self._part_rows = _PART_ROWS
        self._scratch = None if folder is None else Scratch(folder)
        self._limit = memory_limit

    @property
    def disk_bytes(self) -> int:
        """The most that this store's files have held."""
        return 0 if self._scratch is None else self._scratch.peak_bytes

    def column(self, name: str, width: int) -> Column:
        """Open the column `name`, empty or as far as it was written."""
        found = self._columns.setdefault(name, Column(self, name, width))
        if found.width != width:
            raise ValueError(f"column {name} has rows of {found.width} bytes, not {width}")
        return found

    def join(self, own: Column, peer: Column) -> Joined:
        """For each row of `own`, in order, a row of `peer` and whether it has the same bytes. `own` holds uniform rows;
        `peer` may hold anything. The work depends on the two sizes and on `peer`, not on which rows are equal."""
        if own.width != peer.width:
            raise ValueError(f"rows of {own.width} bytes are matched with rows of {peer.width}")
        block = self._rows_in_part(own)
        bits = self._bits(len(own), block)
        joined = Joined(np.zeros(len(own), np.int64), np.zeros(len(own), np.bool_))
        for number in range(1 << bits):
            blocks = list(own.part(number, bits, block))
            if blocks:
                found = _partners(np.concatenate([some for some, _ in blocks]), peer.part(number, bits, block))
                numbers = np.concatenate([numbers for _, numbers in blocks])
                joined.rows[numbers], joined.equal[numbers] = found
        return joined

    def ascending(self, column: Column) -> Iterator[U8]:
        """The rows of `column` in ascending order (as big-endian numbers), in blocks of bounded size; equal rows are
        in one block. Used for tags and, in the modes that hide membership, for replies: the order of a sorted set says
        nothing beyond the set. Raises RemoteError when the rows are so far from uniform that a block would not be
        bounded: only a peer that repeats its elements can cause that."""
        most = self._rows_in_part(column)
        bits = self._bits(len(column), most)
        for number in range(1 << bits):
            blocks, size = [], 0
            for some, _ in column.part(number, bits, most):
                blocks.append(some)
                size += len(some)
                if size > _SKEW * most:
                    raise words.elements_repeat()
            if blocks:
                block = np.concatenate(blocks)
                yield np.take(block, rows.order(block), axis=0)

    def discard(self, column: Column) -> None:
        """Let go of one column, which is not to be used any more: its file now, its memory with the last reference."""
        self._columns.pop(column.name, None)
        column.close()

    def close(self) -> None:
        """Drop the columns and remove the files. Safe to call twice."""
        self._columns.clear()
        if self._scratch is not None:
            self._scratch.close()

    def grown(self) -> None:
        """A column was appended to. With a folder, the largest column goes to disk when all together take more than
        half of the limit; the rest is work space."""
        columns = self._columns.values()
        if self._scratch is None or sum(c.pending_bytes for c in columns) <= self._limit // 2:
            return
        largest = max(columns, key=lambda c: c.pending_bytes)
        largest.spill(self._scratch, max(_LEAST_SLICE_ROWS, self._limit // 16 // largest.width))
        # Matching a part holds about 9 copies of a row and 110 bytes of numbers and machine words for it.
        self._part_rows = min(self._part_rows, max(_LEAST_SLICE_ROWS, self._limit // 4 // (9 * largest.width + 110)))

    def _rows_in_part(self, column: Column) -> int:
        most = min(self._part_rows, max(_LEAST_PART_ROWS, _PART_BYTES // column.width))
        return min(most, _MEMORY_PART_ROWS) if column.in_memory else most

    def _bits(self, count: int, part_rows: int) -> int:
        """The number of prefix bits that cut so many uniform rows into parts of about `part_rows`."""
        return min(_PREFIX_BITS, max(0, (max(1, count) - 1) // part_rows).bit_length())


def _by_prefix(table: U8) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The order of rows by their first twelve bits, and where each of the 2^12 prefixes begins; see _Slice."""
    prefixes = table[:, 0].astype(np.uint16)
    prefixes <<= 4
    prefixes |= table[:, 1] >> 4
    bounds = np.zeros((1 << _PREFIX_BITS) + 1, np.int32)
    np.cumsum(np.bincount(prefixes, minlength=1 << _PREFIX_BITS), out=bounds[1:])
    return np.argsort(prefixes, kind="stable").astype(np.int32), bounds


def _partners(own: U8, peer: Iterator[tuple[U8, I64]]) -> Joined:
    """For each row of `own` the number of a row in the blocks of `peer`, one that equals it at full width if there is.

    A peer that could time this would learn what matches. So every own row is looked up in every block and compared at
    full width, found or not, as often as the peer's own rows make it: the work depends on the two sizes and on what the
    peer sent, not on which rows are equal. Raises RemoteError when many of the peer's rows share eight bytes.
    """
    mine = rows.words(own)
    order = sorting.order(mine[:, 0])
    lead, *rest = _columns(mine, order)
    found, known = np.zeros(len(own), np.int64), np.zeros(len(own), np.bool_)
    for block, numbers in peer:
        if not len(block):
            continue
        theirs = rows.words(block)
        ascending = np.argsort(theirs[:, 0], kind="stable")  # most peers sort, and then it is quick
        their_lead, *their_rest = _columns(theirs, ascending)
        their_numbers = numbers[ascending]
        starts = np.flatnonzero(np.append(True, their_lead[1:] != their_lead[:-1]))
        alike = int(np.diff(np.append(starts, len(block))).max())
        if alike > _MOST_ALIKE:
            raise words.tags_alike(alike)
        place = np.searchsorted(their_lead, lead)
        for step in range(alike):
            candidate = np.minimum(place + step, len(block) - 1)
            equal = their_lead.take(candidate) == lead
            for their_column, column in zip(their_rest, rest, strict=True):
                equal &= their_column.take(candidate) == column
            found = np.where(known, found, their_numbers.take(candidate))
            known |= equal
    out = Joined(np.empty_like(found), np.empty_like(known))
    out.rows[order], out.equal[order] = found, known
    return out


def _columns(table: npt.NDArray[np.uint64], order: I64) -> list[npt.NDArray[np.uint64]]:
    """The columns of a table, with its rows in this order."""
    return [np.ascontiguousarray(column) for column in table.take(order, axis=0).T]
