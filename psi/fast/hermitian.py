"""The code: one-point functions on the Hermitian curve over F_16, evaluated at 53 of its points.

The curve y^4 + y = x^5 has 64 affine points over F_16 and genus 6. The functions x^i * y^j with j < 4 have at infinity
a pole of order 4i + 5j and no other, and these orders all differ. Those with order at most 21 are 16 functions. A
function other than 0 that has a pole of order at most 21 has at most 21 zeros, so that each code word other than 0 has
at least 53 - 21 = 32 symbols other than 0 at any 53 points (Stichtenoth, Algebraic Function Fields and Codes, sections
2.2 and 8.3; the points are a choice of this project: the first 53).

A word is 16 symbols, a code word 53: 64 bits and 212. In a row of 32 bytes symbol j is at bits 4j to 4j + 3, counted
from the least significant bit of the first byte; the last 44 bits are zero.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from psi.oblivious.field import F16, multiply, power
from psiselect.base.packed import U8

DEGREE = 21  # most of a pole's order
WORD_SYMBOLS = 16
SYMBOLS = 53
DISTANCE = SYMBOLS - DEGREE

U64 = npt.NDArray[np.uint64]


@functools.cache
def points() -> list[tuple[int, int]]:
    """The affine points of the curve, in ascending order of x and y as numbers."""
    return [
        (x, y)
        for x in range(F16.size)
        for y in range(F16.size)
        if power(F16, y, 4) ^ y == power(F16, x, 5)
    ]  # fmt: skip


def functions() -> list[tuple[int, int]]:
    """The exponents (i, j) of the functions x^i * y^j, by the order of their pole."""
    found = [(4 * i + 5 * j, i, j) for j in range(4) for i in range(DEGREE // 4 + 1) if 4 * i + 5 * j <= DEGREE]
    return [(i, j) for _, i, j in sorted(found)]


@functools.cache
def generator() -> U8:
    """The code's matrix: symbols, uint8, shape (16, 53). Row k belongs to symbol k of a word."""
    rows = [[multiply(F16, power(F16, x, i), power(F16, y, j)) for x, y in points()[:SYMBOLS]] for i, j in functions()]
    return np.array(rows, np.uint8)


def rows_of_bits(factors: U8 | None = None) -> U64:
    """What each of a word's 64 bits adds to its code word, as a row of 256 bits: uint64, shape (64, 4).

    factors: a symbol for each of the 53 that it is multiplied by, uint8, shape (53,). No branch and no index depends on
    a factor.
    """
    alpha = np.array([1, 2, 4, 8], np.uint8)
    words = _products(np.repeat(generator(), 4, axis=0), np.tile(alpha, WORD_SYMBOLS)[:, None])
    if factors is not None:
        words = _products(words, factors)
    packed = np.zeros((64, 32), np.uint8)
    packed[:, : (SYMBOLS + 1) // 2] = words[:, ::2]
    packed[:, : SYMBOLS // 2] |= words[:, 1::2] << 4
    return packed.view("<u8").astype(np.uint64)


def _products(symbols: U8, factors: U8) -> U8:
    """Symbol by symbol, in the same time for all factors. The two shapes are broadcast."""
    out = np.zeros_like(symbols)
    for k in range(F16.degree):
        out ^= symbols & (np.uint8(0) - (factors >> k & 1))
        high = symbols >> (F16.degree - 1)
        symbols = np.asarray((symbols << 1 & 15) ^ high * np.uint8(F16.reduction), np.uint8)
    return out
