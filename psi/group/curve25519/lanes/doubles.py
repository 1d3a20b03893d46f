"""The field of 2^255 - 19 on double-precision fused multiply-add.

A field element is five limbs of radix 2^51, one vector of doubles each, and each limb is an integer of either sign.
*Carried* limbs are at most 2^50 + 2^14 in magnitude; a sum or difference of two carried elements may enter a product.

A product of two limbs is split exactly at bit 51 with two roundings that cancel:

    h = fma(a, b, C)           C = 3*2^102: the unit in the last place is 2^51, so h = C + 2^51 * high
    l = fma(a, b, (C + M) - h) M = 3*2^51:  a*b - 2^51 * high + M, exact, with |low| <= 2^51

in any rounding mode, for |a*b| < 2^102. The bits of h and l, read as integers, are `high` and `low` plus constants, so
columns are summed with integer additions and the constants are taken off once a column. Nothing here is ever
subnormal, infinite or NaN, hence no operation is slow for some values: time does not depend on the data.

The split by two fused multiply-adds follows N. Emmart, F. Zheng, C. Weems, "Faster modular exponentiation using double
precision floating point arithmetic on the GPU", ARITH 2018.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from llvmlite import ir

from psi.group.curve25519.lanes.codegen import Code, Vec
from psi.group.curve25519.lanes.field import LIMBS, Limbs, Product, Square, Term

RADIX = 51
MASK = 2**RADIX - 1

Columns = list[Vec]  # five integers a lane, weights 2^(51 k), constants still on


def _encoding(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


HIGH = 3.0 * 2**102
LOW = 3.0 * 2**51
HIGH_BITS, LOW_BITS = _encoding(HIGH), _encoding(LOW)

# Added to a column before it is cut, so that it is positive and the cut rounds to nearest.
_POSITIVE = 2**60
_HALF = 2 ** (RADIX - 1)
# The bits of 2^52: a 51-bit integer below them is the double 2^52 + integer.
_INTEGER = _encoding(2.0**52)


class Accumulator:
    """Ten columns of a sum of products, with the constants that the encodings bring along counted."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.columns: list[Vec | None] = [None] * (2 * LIMBS)
        self.constants = [0] * (2 * LIMBS)
        self._high, self._low = code.doubles(HIGH), code.doubles(HIGH + LOW)

    def add_bits(self, column: int, bits: Vec, constant: int) -> None:
        held = self.columns[column]
        self.columns[column] = bits if held is None else held + bits
        self.constants[column] += constant

    def add_product(self, column: int, a: Vec, b: Vec) -> None:
        high = self.code.fma(a, b, self._high)
        low = self.code.fma(a, b, self._low - high)
        self.add_bits(column, low.bits(), LOW_BITS)
        self.add_bits(column + 1, high.bits(), HIGH_BITS)

    def folded(self) -> tuple[Columns, list[int]]:
        """Five columns: 2^255 = 19. Constants are still on; they are returned beside."""
        folded, constants = [], []
        for k in range(LIMBS):
            column, upper = self.columns[k], self.columns[k + LIMBS]
            if column is None:
                raise ValueError("an empty column")
            if upper is not None:
                column = column + times_19(upper)
            folded.append(column)
            constants.append(self.constants[k] + 19 * self.constants[k + LIMBS])
        return folded, constants


def times_19(x: Vec) -> Vec:
    return (x << 4) + (x + (x + x))


def carry(code: Code, columns: Sequence[Vec], constants: Sequence[int]) -> Limbs:
    """Carried limbs of sum (columns[k] - constants[k]) * 2^(51 k), for columns below 2^60 in magnitude.

    All carries are taken at once: they are below 2^10 (19 * 2^10 into limb 0), so a second round is not needed.
    """
    bias = _POSITIVE + _HALF
    cuts = [column + code.ints(bias - constant) for column, constant in zip(columns, constants, strict=True)]
    carries = [cut >> RADIX for cut in cuts]
    # The top carry is below 2^11: the low 32 bits hold it, which makes this one 32-bit-lane multiply.
    wrapped = carries[-1] * code.ints(19)
    limbs = []
    for k, incoming in enumerate([wrapped, *carries[:-1]]):
        low = (cuts[k] & code.ints(MASK)) | code.ints(_INTEGER)
        excess = (_POSITIVE >> RADIX) * (19 if k == 0 else 1)
        limbs.append((low + incoming).double() - code.doubles(float(2**52 + _HALF + excess)))
    return limbs


def from_integers(code: Code, columns: Sequence[Vec]) -> Limbs:
    """Carried limbs of non-negative integers below 2^60 at weights 2^(51 k)."""
    return carry(code, columns, [0] * LIMBS)


def _ripple(code: Code, t: Sequence[Vec]) -> list[Vec]:
    """Carries from limb 0 up to limb 4, which keeps what does not fit."""
    out = [t[0]]
    for limb in t[1:]:
        out.append(limb + (out[-1] >> RADIX))
        out[-2] = out[-2] & code.ints(MASK)
    return out


def products(code: Code, a: Limbs, b: Limbs) -> Accumulator:
    """The columns of a*b."""
    acc = Accumulator(code)
    for column in range(2 * LIMBS - 1):
        for i in range(max(0, column - LIMBS + 1), min(LIMBS, column + 1)):
            acc.add_product(column, a[i], b[column - i])
    return acc


def squares(code: Code, a: Limbs) -> Accumulator:
    """The columns of a*a: 15 products instead of 25."""
    acc = Accumulator(code)
    twice = [limb + limb for limb in a]
    for column in range(2 * LIMBS - 1):
        for i in range(max(0, column - LIMBS + 1), column // 2 + 1):
            j = column - i
            acc.add_product(column, twice[i] if i != j else a[i], a[j])
    return acc


def _pairwise(x: Sequence[int], y: Sequence[int], sign: int) -> list[int]:
    return [a + sign * b for a, b in zip(x, y, strict=True)]


class Doubles:
    """See PrimeField."""

    name = "doubles"
    prepared = 1

    def load(self, code: Code, element: ir.Value) -> Limbs:
        return [code.load(element, k) for k in range(LIMBS)]

    def store(self, code: Code, limbs: Limbs, element: ir.Value) -> None:
        for k, limb in enumerate(limbs):
            code.store(limb, element, k)

    def product(self, code: Code, a: Limbs, b: Limbs) -> Limbs:
        return carry(code, *products(code, a, b).folded())

    def square(self, code: Code, a: Limbs) -> Limbs:
        return carry(code, *squares(code, a).folded())

    def sum_and_difference(self, code: Code, first: Term, second: Term) -> tuple[Limbs, Limbs]:
        """At the price of two carries instead of four."""
        (x, x_constants), (y, y_constants) = (self._columns(code, term).folded() for term in (first, second))
        total = carry(code, [a + b for a, b in zip(x, y, strict=True)], _pairwise(x_constants, y_constants, 1))
        difference = carry(code, [a - b for a, b in zip(x, y, strict=True)], _pairwise(x_constants, y_constants, -1))
        return total, difference

    def _columns(self, code: Code, term: Term) -> Accumulator:
        if isinstance(term, Product):
            return products(code, term.a, term.b)
        if isinstance(term, Square):
            return squares(code, term.a)
        return products(code, self.load(code, term.rows), term.a)

    def prepare(self, code: Code, a: Limbs, rows: ir.Value) -> None:
        self.store(code, a, rows)

    def doubling(self, code: Code, u: Limbs, v: Limbs, factor: int) -> tuple[Limbs, Limbs, Limbs, Limbs]:
        uu, vv = self.square(code, u), self.square(code, v)
        return uu, vv, *self.end_of_doubling(code, uu, vv, factor)

    def end_of_doubling(self, code: Code, uu: Limbs, vv: Limbs, factor: int) -> tuple[Limbs, Limbs]:
        """uu - vv, which is not carried, and uu + factor * (uu - vv)."""
        e = [x - y for x, y in zip(uu, vv, strict=True)]
        return e, self.combination(code, [(uu, 1), (e, factor)])

    def combination(self, code: Code, terms: Sequence[tuple[Limbs, int]], constant: int = 0) -> Limbs:
        """Limbs may be sums of two carried ones, but with factor 1 or -1 they must be carried."""
        acc = Accumulator(code)
        for limbs, factor in terms:
            for k, limb in enumerate(limbs):
                if factor == 1:
                    acc.add_bits(k, (limb + code.doubles(LOW)).bits(), LOW_BITS)
                else:
                    acc.add_product(k, code.doubles(float(factor)), limb)
        columns, constants = acc.folded()
        constants[0] -= constant
        return carry(code, columns, constants)

    def small(self, code: Code, value: int) -> Limbs:
        return [code.doubles(float(value))] + [code.doubles(0.0)] * (LIMBS - 1)

    def select(self, code: Code, mask: Vec, first: Limbs, second: Limbs) -> Limbs:
        pairs = [(x.bits(), y.bits()) for x, y in zip(first, second, strict=True)]
        return [(x ^ ((x ^ y) & mask)).double() for x, y in pairs]

    def from_words(self, code: Code, words: Sequence[Vec]) -> Limbs:
        w0, w1, w2, w3 = words
        mask = code.ints(MASK)
        columns = [w0, (w0 >> 51) | (w1 << 13), (w1 >> 38) | (w2 << 26), (w2 >> 25) | (w3 << 39), w3 >> 12]
        return from_integers(code, [column & mask for column in columns])

    def from_wide(self, code: Code, words: Sequence[Vec]) -> Limbs:
        w0, w1, w2, w3, w4, w5 = words
        mask = code.ints(MASK)
        low = [w0, (w0 >> 51) | (w1 << 13), (w1 >> 38) | (w2 << 26), (w2 >> 25) | (w3 << 39)]
        # The upper 128 bits count 2^256 = 38 each.
        high = [w4 & mask, ((w4 >> 51) | (w5 << 13)) & mask, w5 >> 38]
        columns = [*(x & mask for x in low), w3 >> 12]
        for k, x in enumerate(high):
            times_38 = times_19(x)
            columns[k] = columns[k] + times_38 + times_38
        return from_integers(code, columns)

    def to_words(self, code: Code, limbs: Limbs) -> list[Vec]:
        mask = code.ints(MASK)
        # 4p, limb by limb, makes every column positive.
        fours = [4 * (2**51 - 19)] + [4 * (2**51 - 1)] * (LIMBS - 1)
        lifted = [code.ints(four - LOW_BITS) for four in fours]
        t = [(limb + code.doubles(LOW)).bits() + lift for limb, lift in zip(limbs, lifted, strict=True)]
        t = _ripple(code, t)
        t[0] = t[0] + times_19(t[4] >> RADIX)
        t[4] = t[4] & mask
        # Now 0 <= value < 2p: take p off if value + 19 reaches 2^255.
        reach = t[0] + code.ints(19)
        for limb in t[1:]:
            reach = limb + (reach >> RADIX)
        t[0] = t[0] + times_19(reach >> RADIX)
        t = _ripple(code, t)
        t[4] = t[4] & mask
        return [
            t[0] | (t[1] << 51),
            (t[1] >> 13) | (t[2] << 38),
            (t[2] >> 26) | (t[3] << 25),
            (t[3] >> 39) | (t[4] << 12),
        ]
