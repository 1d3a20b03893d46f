"""Byte strings of any length, cut into 256 partitions, so that one partition at a time fits into memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from psi.store.scratch import ScratchFile
from psiselect.base.packed import I64, U8, Packed
from psiselect.base.sorting import U64

PARTITIONS = 256

# A polynomial in an odd constant modulo 2^64, by prefix sums: a few nanoseconds a byte without a loop over rows.
_BASE = 0x9E3779B97F4A7C15
_FINAL = np.uint64(0xD6E8FEB86659FD93)
_WINDOW = 1 << 18  # bytes hashed at a time


@dataclass(frozen=True, slots=True)
class _Segment:
    """One append, ordered by partition. rows, bytes: (257,), where each partition begins."""

    rows: I64
    bytes: I64
    first: int
    data_at: int
    lengths_at: int
    numbers_at: int


class PartitionedStrings:
    """Strings with their numbers, in partitions. Append first, then load partition by partition.

    A string takes its length and 8 bytes.
    """

    def __init__(self, file: ScratchFile) -> None:
        self._file = file
        self._segments: list[_Segment] = []
        self.counts = np.zeros(PARTITIONS, np.int64)

    def append(self, strings: Packed, numbers: I64, partition: U8) -> None:
        """Add strings, each to its partition (0 to 255). Their numbers are ascending and span less than 2^32."""
        if not len(strings):
            return
        order = np.argsort(partition, kind="stable")
        ordered = strings.take(order)
        rows = np.zeros(PARTITIONS + 1, np.int64)
        np.cumsum(np.bincount(partition, minlength=PARTITIONS), out=rows[1:])
        begin, end = ordered.offsets[0], ordered.offsets[-1]
        self._segments.append(
            _Segment(
                rows,
                ordered.offsets[rows] - begin,
                int(numbers[0]),
                self._file.append(ordered.data[begin:end]),
                self._file.append(np.diff(ordered.offsets).astype(np.uint32)),
                self._file.append((numbers[order] - numbers[0]).astype(np.uint32)),
            )
        )
        self.counts += np.diff(rows)

    def load(self, partition: int) -> tuple[Packed, I64]:
        """The strings of one partition and their numbers, in the order appended."""
        data, lengths = [np.zeros(0, np.uint8)], [np.zeros(1, np.uint32)]
        for segment in self._segments:
            begin, end = int(segment.bytes[partition]), int(segment.bytes[partition + 1])
            data.append(self._file.read(segment.data_at + begin, end - begin, np.uint8))
            lengths.append(self._words(segment, segment.lengths_at, partition))
        packed = Packed(np.concatenate(data), np.cumsum(np.concatenate(lengths), dtype=np.int64))
        return packed, self.numbers(partition)

    def numbers(self, partition: int) -> I64:
        """The numbers of one partition's strings, in the order appended: ascending if all appends were."""
        found = [np.zeros(0, np.int64)]
        for segment in self._segments:
            found.append(self._words(segment, segment.numbers_at, partition) + np.int64(segment.first))
        return np.concatenate(found)

    def _words(self, segment: _Segment, at: int, partition: int) -> npt.NDArray[np.uint32]:
        row, end = int(segment.rows[partition]), int(segment.rows[partition + 1])
        return self._file.read(at + 4 * row, end - row, np.uint32)

    def close(self) -> None:
        """Drop everything."""
        self._segments.clear()
        self._file.close()


class ContentPartition:
    """A number for each string by its content: equal strings have one number, others spread evenly over all."""

    def __init__(self) -> None:
        self._powers = np.multiply.accumulate(np.full(_WINDOW, _BASE, np.uint64))
        self._inverses = np.multiply.accumulate(np.full(_WINDOW + 1, pow(_BASE, -1, 2**64), np.uint64))

    def of(self, strings: Packed) -> U8:
        """The partition of each string, uint8, shape (n,)."""
        return (self.hashed(strings) >> np.uint64(56)).astype(np.uint8)

    def hashed(self, strings: Packed) -> U64:
        """64 bits of each string, shape (n,). Of a string beyond 256 KiB only that much counts. Whoever chooses the
        strings can choose different ones with the same bits."""
        offsets, out, start = strings.offsets, np.empty(len(strings), np.uint64), 0
        sums = np.zeros(_WINDOW + 1, np.uint64)
        while start < len(strings):
            begin = int(offsets[start])
            stop = max(start + 1, int(np.searchsorted(offsets, begin + _WINDOW, "right")) - 1)
            at = np.minimum(offsets[start : stop + 1] - begin, _WINDOW)
            here = sums[1 : int(at[-1]) + 1]
            np.multiply(strings.data[begin : begin + at[-1]], self._powers[: at[-1]], out=here)
            np.cumsum(here, out=here)
            out[start:stop] = (sums[at[1:]] - sums[at[:-1]]) * self._inverses[at[:-1]] * _FINAL
            start = stop
        return out
