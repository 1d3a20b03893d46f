"""The vectors of both sides, slice by slice: what the receiver sends of its store, and the rows that each side keeps.

For a slot of value p, with the code C and the vectors u, v, w of psi.oblivious.vole, the receiver sends C(p) + u and
keeps v. The sender gets w + Delta o (C(p) + u) = v + Delta o C(p), where o multiplies symbol by symbol.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psi.fast import hermitian
from psi.fast.kernels.interface import U64, Kernels
from psi.fast.parameters import PLANES, SLICE_SLOTS
from psi.oblivious.field import F16
from psi.oblivious.vole import VoleReceiver, VoleSender
from psiselect.base.packed import U8


def slices(slots: int) -> Iterator[int]:
    """The number of slots of each slice: full ones, and a last one."""
    for start in range(0, slots, SLICE_SLOTS):
        yield min(SLICE_SLOTS, slots - start)


class Encoder:
    """The receiver's side. seeds: (53, 16, 16). slots: uint64, the solved store."""

    def __init__(self, kernels: Kernels, seeds: U8, slots: U64) -> None:
        self._kernels, self._slots = kernels, slots
        self._vole = VoleReceiver(seeds, F16, kernels.fold)
        self._generator = hermitian.rows_of_bits()
        self._lengths = slices(len(slots))
        self._start = 0

    def next(self) -> tuple[U8, U64] | None:
        """For the next k slots: what is sent, planes (212, k/8), and own rows (k, 4); None after the last."""
        count = next(self._lengths, 0)
        if not count:
            return None
        u, v = (planes.reshape(PLANES, -1) for planes in self._vole.take(count))
        some = self._slots[self._start : self._start + count]
        self._start += count
        encoded = self._kernels.to_planes(self._kernels.combine(self._generator, some), PLANES)
        return encoded ^ u, self._kernels.to_rows(v)


class Opener:
    """The sender's side. seeds: (53, 15, 16), without Delta's, by distance from it. delta: uint8, shape (53,)."""

    def __init__(self, kernels: Kernels, seeds: U8, delta: U8) -> None:
        self._kernels, self._delta = kernels, delta
        self._vole = VoleSender(seeds, F16, kernels.fold)

    def rows(self, sent: U8) -> U64:
        """Rows (k, 4) of the next k slots, from planes (212, k/8)."""
        planes = sent.reshape(len(self._delta), F16.degree, -1)
        opened = self._kernels.scale(self._vole.take(8 * planes.shape[2]), planes, self._delta)
        return self._kernels.to_rows(np.ascontiguousarray(opened.reshape(PLANES, -1)))
