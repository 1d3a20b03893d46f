"""What a set of kernels must do, and how one is chosen."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from psiselect.base.packed import I64, U8, Packed

U64 = npt.NDArray[np.uint64]
WINDOW = 256  # bits of a band, and slots that it covers


class Kernels(Protocol):
    """The hot loops. Rows of 256 bits are uint64, shape (n, 4), bit b at bit b % 64 of word b // 64. All arrays are
    C-contiguous. Safe to call from several threads."""

    name: str

    def sha256(self, block: bytes, items: Packed) -> U8:
        """SHA-256(block || item) for each item: block of 64 bytes, n items -> (n, 32)."""
        ...

    def eliminate(self, bands: U64, values: U64, starts: I64, rows: U64, right: U64) -> bool:
        """Add equations to a system: equation i says that the slots from starts[i] on whose bits are set in rows[i] add
        up to right[i]. starts ascend, over all calls.

        bands (slots, 4) and values (slots + 256,): at slot c the equation whose first slot is c, bit 0 for c itself.
        Where there is none, and behind the last slot, there are zeros. rows and right may be changed. False when an
        equation follows from others, or contradicts them; the system is then of no use.
        """
        ...

    def substitute(self, bands: U64, values: U64) -> None:
        """Solve the system: values become the slots, before 256 zeros. A slot that no equation begins with is 0."""
        ...

    def decode(self, rows: U64, starts: I64, bands: U64) -> U64:
        """For each i the sum of rows[starts[i] + b] over the bits b of bands[i]: (r, 4), (n,), (n, 4) -> (n, 4).
        0 <= starts[i] <= r - 256, and starts ascend."""
        ...

    def combine(self, rows: U64, words: U64) -> U64:
        """For each word the sum of the rows whose bits are set: (64, 4), (n,) -> (n, 4)."""
        ...

    def to_rows(self, planes: U8) -> U64:
        """Bits (at most 256, k/8), k a multiple of 64, turned into rows with zeros at the end: (k, 4)."""
        ...

    def to_planes(self, rows: U64, planes: int) -> U8:
        """The first bits of k rows, k a multiple of 64, turned into planes: (k, 4) -> (planes, k/8)."""
        ...

    def fold(self, streams: U8) -> tuple[U8, U8]:
        """As Field.fold of F_16: (16, 4, bytes) -> two of (4, bytes); bytes is a multiple of 8."""
        ...

    def scale(self, added: U8, planes: U8, factors: U8) -> U8:
        """`added` plus F_16.scale(planes, factors): (n, 4, bytes) twice, (n,) -> (n, 4, bytes). Same time for all
        factors."""
        ...
