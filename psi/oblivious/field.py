"""The fields F_2 and F_16 on planes of bits: many symbols at once, bit k of each in plane k.

A symbol is a polynomial in alpha, bit k the coefficient of alpha^k. Planes are uint8 arrays of shape
(..., degree, bytes): symbol j is at bit j % 8 of byte j // 8 of each plane. No branch and no index depends on a symbol
or on a factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psiselect.base.packed import U8


@dataclass(frozen=True, slots=True)
class Field:
    """F_q with q = 2^degree.

    Attributes:
        degree: bits of a symbol.
        reduction: alpha^degree as a symbol.
    """

    degree: int
    reduction: int

    @property
    def size(self) -> int:
        """q."""
        return 1 << self.degree

    def times_alpha(self, planes: U8) -> U8:
        """Every symbol times alpha, shape as given."""
        out = np.empty_like(planes)
        top = planes[..., -1, :]
        out[..., 1:, :], out[..., 0, :] = planes[..., :-1, :], top
        for k in range(1, self.degree):
            if self.reduction >> k & 1:
                out[..., k, :] ^= top
        return out

    def scale(self, planes: U8, factors: U8) -> U8:
        """Row i of planes (n, degree, bytes) times symbol i of factors (n,); same time for all factors."""
        out = np.zeros_like(planes)
        for k in range(self.degree):
            out ^= planes & (np.uint8(0) - (factors >> k & 1))[:, None, None]
            planes = self.times_alpha(planes) if k + 1 < self.degree else planes
        return out

    def fold(self, streams: U8) -> tuple[U8, U8]:
        """Of q rows of planes r_0 .. r_(q-1), shape (..., q, degree, bytes): the sum of all, and that of all x * r_x.

        The number x stands for the symbol with the same bits. Both results have shape (..., degree, bytes).
        """
        sums = []
        for _ in range(self.degree):
            even, odd = streams[..., ::2, :, :], streams[..., 1::2, :, :]
            sums.append(np.bitwise_xor.reduce(odd, axis=-3))
            streams = even ^ odd
        weighted = sums.pop()
        while sums:
            weighted = self.times_alpha(weighted) ^ sums.pop()
        return streams[..., 0, :, :], weighted


F2 = Field(1, 1)
F16 = Field(4, 0b0011)  # alpha^4 = alpha + 1


def multiply(field: Field, a: int, b: int) -> int:
    """The product of two public symbols. Variable time."""
    product = 0
    for k in range(field.degree):
        product ^= (a << k) * (b >> k & 1)
    for k in range(2 * field.degree - 2, field.degree - 1, -1):
        if product >> k & 1:
            product ^= (1 << field.degree | field.reduction) << (k - field.degree)
    return product


def power(field: Field, a: int, exponent: int) -> int:
    """a to a power of 0 or more, by repeated products. Variable time."""
    out = 1
    for _ in range(exponent):
        out = multiply(field, out, a)
    return out
