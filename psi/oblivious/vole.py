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


class _Columns:
    """The streams of all columns. seeds: uint8, shape (columns, count, bytes of a seed)."""

    def __init__(self, seeds: U8, field: Field, fold: Fold | None) -> None:
        self._streams = [Streams(of_column) for of_column in seeds]
        self._degree, self._size = field.degree, field.size
        self._fold = fold or field.fold
        self._absent = field.size - seeds.shape[1]  # 1 for the sender, whose number 0 counts for nothing

    def folded(self, rows: int) -> tuple[U8, U8]:
        """Both sums of the next `rows` symbols, each of shape (columns, degree, rows/8)."""
        buffer = np.zeros((self._size, self._degree, rows // 8), np.uint8)
        sums = np.empty((2, len(self._streams), self._degree, rows // 8), np.uint8)
        for column, streams in enumerate(self._streams):
            streams.fill(buffer[self._absent :].reshape(self._size - self._absent, -1))
            sums[0, column], sums[1, column] = self._fold(buffer)
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
