"""Vector oblivious linear evaluation over F_q for many columns at once: the subspace VOLE of Roy (Crypto 2022, section
3), before any code is put on top.

For each column the receiver has q seeds r_0 .. r_(q-1), and the sender, with a secret symbol Delta, all but r_Delta. A
seed gives a stream of pseudo-random symbols. For each row (all arithmetic in F_q, where x counts as a symbol)

    receiver   u = sum of r_x            v = sum of x * r_x
    sender     w = sum of i * r_(Delta ^ i) over i from 1 to q - 1, so that w = v + Delta * u

and u is pseudo-random to the sender. The sender's seeds are numbered by i = x ^ Delta, so that Delta itself is not
needed for w. With q = 2 this is the extension of Ishai, Kilian, Nissim and Petrank (psi.oblivious.extension).

Symbols are taken slice by slice, as planes of bits (psi.oblivious.field); both sides must cut their rows alike, since
a stream's next bytes are all planes of the slice.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from psi.oblivious.columns import Streams
from psi.oblivious.field import Field
from psiselect.base.packed import U8

# Streams (q, degree, bytes) -> the two sums of Field.fold.
Fold = Callable[[U8], tuple[U8, U8]]

_BATCH_BYTES = 1 << 20  # of streams that are made at once, unless one column has more: they stay in the caches


class _Columns:
    """The streams of all columns. seeds: uint8, shape (columns, count, bytes of a seed)."""

    def __init__(self, seeds: U8, field: Field, fold: Fold | None) -> None:
        self._columns, self._present = seeds.shape[:2]
        self._streams = Streams(seeds.reshape(self._columns * self._present, -1))
        self._field, self._fold = field, fold
        self._buffer: U8 = np.zeros((0, field.size, field.degree, 0), np.uint8)  # the streams of some columns

    def folded(self, rows: int) -> tuple[U8, U8]:
        """Both sums of the next `rows` symbols, each of shape (columns, degree, rows/8)."""
        size, degree = self._field.size, self._field.degree
        sums = np.empty((2, self._columns, degree, rows // 8), np.uint8)
        if self._buffer.shape[3] != rows // 8:
            most = _BATCH_BYTES // max(1, size * degree * rows // 8) if self._fold is None else 1
            batch = max(1, min(self._columns, most))
            self._buffer = np.zeros((batch, size, degree, rows // 8), np.uint8)
        for start in range(0, self._columns, max(1, len(self._buffer))):
            some = self._buffer[: self._columns - start]
            for column, streams in enumerate(some):
                # The sender's number 0 is missing; it counts for nothing, and stays zero.
                present = streams[size - self._present :].reshape(self._present, -1)
                self._streams.fill(present, (start + column) * self._present)
                if self._fold is not None:
                    sums[0, start + column], sums[1, start + column] = self._fold(streams)
            if self._fold is None:
                stop = start + len(some)
                sums[0, start:stop], sums[1, start:stop] = self._field.fold(some)
        return sums[0], sums[1]


class VoleReceiver:
    """The side with all seeds: uint8, shape (columns, q, 16 or 32)."""

    def __init__(self, seeds: U8, field: Field, fold: Fold | None = None) -> None:
        if seeds.shape[1] != field.size:
            raise ValueError(f"a column needs {field.size} seeds, not {seeds.shape[1]}")
        self._columns = _Columns(seeds, field, fold)

    def take(self, rows: int) -> tuple[U8, U8]:
        """u and v of the next rows (a multiple of 8), each of shape (columns, degree, rows/8)."""
        return self._columns.folded(rows)


class VoleSender:
    """The side with all seeds but one: uint8, shape (columns, q - 1, 16 or 32), seed i - 1 being r_(Delta ^ i)."""

    def __init__(self, seeds: U8, field: Field, fold: Fold | None = None) -> None:
        if seeds.shape[1] != field.size - 1:
            raise ValueError(f"a column needs {field.size - 1} seeds, not {seeds.shape[1]}")
        self._columns = _Columns(seeds, field, fold)

    def take(self, rows: int) -> U8:
        """w of the next rows (a multiple of 8), shape (columns, degree, rows/8)."""
        return self._columns.folded(rows)[1]
