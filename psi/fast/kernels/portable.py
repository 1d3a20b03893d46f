"""The kernels on NumPy, hashlib and Python's integers: for processors that the compiled ones do not know."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np

from psi.fast.kernels.interface import U64, WINDOW
from psi.oblivious.field import F16
from psiselect.base.packed import I64, U8, Packed

_GROUP = 4  # slots that a table of sums covers
_GROUPS = WINDOW // _GROUP + 1  # of them that a band touches, wherever it begins
_PIECE = 1 << 13  # rows that tables are made of at once


class PortableKernels:
    """See Kernels."""

    name = "portable"

    def sha256(self, block: bytes, items: Packed) -> U8:
        """See Kernels."""
        start = hashlib.sha256(block)
        data, offsets = np.ascontiguousarray(items.data).data, items.offsets.tolist()
        out = bytearray()
        for begin, end in itertools.pairwise(offsets):
            hasher = start.copy()
            hasher.update(data[begin:end])
            out += hasher.digest()
        return np.frombuffer(out, np.uint8).reshape(-1, 32)

    def eliminate(self, bands: U64, values: U64, starts: I64, rows: U64, right: U64) -> bool:
        """See Kernels."""
        known: dict[int, tuple[int, int]] = {}  # what these equations have met or made, as Python's integers

        def at(slot: int) -> tuple[int, int]:
            if slot not in known:
                known[slot] = int.from_bytes(bands[slot].astype("<u8").tobytes(), "little"), int(values[slot])
            return known[slot]

        whole, added = rows.astype("<u8").tobytes(), []
        for index, (slot, value) in enumerate(zip(starts.tolist(), right.tolist(), strict=True)):
            row = int.from_bytes(whole[32 * index : 32 * index + 32], "little")
            while row:
                zeros = (row & -row).bit_length() - 1
                row, slot = row >> zeros, slot + zeros  # noqa: PLW2901
                other, of_other = at(slot)
                if not other:
                    known[slot] = row, value
                    added.append(slot)
                    break
                row, value = row ^ other, value ^ of_other  # noqa: PLW2901
            else:
                return False
        if added:
            packed = b"".join(known[slot][0].to_bytes(32, "little") for slot in added)
            bands[added] = np.frombuffer(packed, "<u8").reshape(-1, 4)
            values[added] = [known[slot][1] for slot in added]
        return True

    def substitute(self, bands: U64, values: U64) -> None:
        """See Kernels."""
        numbers = np.arange(WINDOW, dtype=np.uint64)
        masks = np.empty(WINDOW, np.uint64)
        for slot in range(len(bands) - 1, -1, -1):
            band = bands[slot]
            if band[0] & np.uint64(1):
                masks[:] = np.uint64(0) - (np.repeat(band, 64) >> numbers % np.uint64(64) & np.uint64(1))
                # Bit 0 is the slot's own, and selects its value.
                values[slot] = np.bitwise_xor.reduce(values[slot : slot + WINDOW] & masks)

    def decode(self, rows: U64, starts: I64, bands: U64) -> U64:
        """See Kernels."""
        out = np.zeros((len(starts), 4), np.uint64)
        for first in range(0, max(0, len(rows) - WINDOW + 1), _PIECE):
            low, high = np.searchsorted(starts, [first, first + _PIECE])
            if low < high:
                piece = np.zeros((_PIECE + WINDOW + _GROUP, 4), np.uint64)
                some = rows[first : first + _PIECE + WINDOW]
                piece[: len(some)] = some
                out[low:high] = _looked_up(_sums(piece), starts[low:high] - first, bands[low:high])
        return out

    def combine(self, rows: U64, words: U64) -> U64:
        """See Kernels."""
        tables = _sums(rows)
        out = np.zeros((len(words), 4), np.uint64)
        for group in range(len(tables)):
            out ^= tables[group, (words >> np.uint64(_GROUP * group) & np.uint64(15)).astype(np.int64)]
        return out

    def to_rows(self, planes: U8) -> U64:
        """See Kernels."""
        count = planes.shape[1] * 8
        out = np.zeros((count, 32), np.uint8)
        bits = np.unpackbits(planes, axis=1, bitorder="little").T
        packed = np.packbits(bits, axis=1, bitorder="little")
        out[:, : packed.shape[1]] = packed
        return out.view("<u8").astype(np.uint64, copy=False)

    def to_planes(self, rows: U64, planes: int) -> U8:
        """See Kernels."""
        bits = np.unpackbits(rows.astype("<u8", copy=False).view(np.uint8), axis=1, bitorder="little", count=planes)
        return np.ascontiguousarray(np.packbits(bits.T, axis=1, bitorder="little"))

    def fold(self, streams: U8) -> tuple[U8, U8]:
        """See Kernels."""
        return F16.fold(streams)

    def scale(self, added: U8, planes: U8, factors: U8) -> U8:
        """See Kernels."""
        return added ^ F16.scale(planes, factors)


def _sums(rows: U64) -> U64:
    """For each group of four rows the sums of its 16 subsets: (r, 4) -> (r/4, 16, 4)."""
    groups = rows.reshape(-1, _GROUP, 4)
    tables = np.zeros((len(groups), 1 << _GROUP, 4), np.uint64)
    for bit in range(_GROUP):
        tables[:, 1 << bit : 2 << bit] = tables[:, : 1 << bit] ^ groups[:, bit, None]
    return tables


def _looked_up(tables: U64, starts: I64, bands: U64) -> U64:
    """The sums of `decode` from tables whose group 0 begins at slot 0."""
    shift = (starts % _GROUP).astype(np.uint64)
    words = np.zeros((len(starts), 5), np.uint64)
    words[:, :4] = bands << shift[:, None]
    # A shift by 64 is none in C; so by 63 and then by what is left.
    words[:, 1:] |= bands >> np.uint64(1) >> (np.uint64(63) - shift)[:, None]
    group = starts // _GROUP
    out = np.zeros((len(starts), 4), np.uint64)
    for number in range(_GROUPS):
        nibble = words[:, number // 16] >> np.uint64(_GROUP * (number % 16)) & np.uint64(15)
        out ^= tables[group + number, nibble.astype(np.int64)]
    return out
