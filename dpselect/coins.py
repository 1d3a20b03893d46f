"""Probabilities known to as many certified bits as a draw happens to need.

A coin is a number p in [0, 1] that can give floor(2^bits * p) for any `bits`. Comparing a uniform U with p digit by
digit then decides U < p exactly: the first digit at which they differ settles it; p is refined only while they agree.

The two coins here are exp(-gamma) and 1/(1 + exp(gamma)) for rational gamma >= 0. For gamma > 0 both are transcendental
(Lindemann), so a floor is never a tie and refinement always ends.

Error bound of `_exp_interval`. Let x = gamma / 2^h <= 2^-8 and S = 2^P. The Taylor terms t_n = floor(t_(n-1) * x / n)
are below the true ones by less than e_n with e_0 = 0 and e_n <= e_(n-1) * x/n + 1 < 2, so n terms give an error below
2n; the terms alternate and fall, so what is left out is below the first dropped term, which is below 2 (it was rounded
to 0, and its own error is below 2). Hence the sum is off by less than 2n + 2. Squaring, s -> floor(s^2 / S), turns an
error e of a number <= S into at most 2e + e^2/S + 1 <= 2e + 2 whenever e^2 <= S. The code carries this integer along.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

_REDUCTION_BITS = 8
_GUARD_BITS = 16


def _exp_interval(gamma: Fraction, precision: int) -> tuple[int, int]:
    """Integers (low, high) with low <= 2^precision * exp(-gamma) <= high; gamma > 0. See the error bound above."""
    numerator, denominator = gamma.numerator, gamma.denominator
    halvings = max(0, numerator.bit_length() - denominator.bit_length() + 1 + _REDUCTION_BITS)
    scaled = denominator << halvings
    total = term = 1 << precision
    count = 0
    while term:
        count += 1
        term = term * numerator // (scaled * count)
        total += -term if count & 1 else term
    error = 2 * count + 2
    for _ in range(halvings):
        total = total * total >> precision
        error = 2 * error + 2
    if error * error >> precision:
        return 0, 1 << precision  # the bound's premise e^2 <= S fails: say nothing, let the caller raise the precision
    return max(0, total - error), min(1 << precision, total + error)


def exp_floor(gamma: Fraction, bits: int) -> int:
    """floor(2^bits * exp(-gamma)) for rational gamma >= 0, certified (2^bits itself when gamma is 0)."""
    if gamma == 0:
        return 1 << bits
    if gamma >= bits:
        return 0  # exp(-gamma) < 2^-gamma <= 2^-bits
    return _certified(gamma, bits, _exp_interval)


def logistic_floor(gamma: Fraction, bits: int) -> int:
    """floor(2^bits / (1 + exp(gamma))) for rational gamma >= 0, certified (exact at gamma 0, where it is 1/2)."""
    if gamma == 0:
        return (1 << bits) >> 1
    if gamma >= bits:
        return 0
    return _certified(gamma, bits, _logistic_interval)


def _logistic_interval(gamma: Fraction, precision: int) -> tuple[int, int]:
    # q / (1 + q) rises with q = exp(-gamma), so the ends of q's interval give the ends of this one.
    low, high = _exp_interval(gamma, precision)
    one = 1 << precision
    return (low << precision) // (one + low), -((-high << precision) // (one + high))


def _certified(gamma: Fraction, bits: int, interval: Callable[[Fraction, int], tuple[int, int]]) -> int:
    guard = _GUARD_BITS + max(0, gamma.numerator.bit_length() - gamma.denominator.bit_length() + 1) + _REDUCTION_BITS
    while True:
        low, high = interval(gamma, bits + guard)
        if low >> guard == high >> guard:
            return low >> guard
        guard *= 2


class Coin:
    """A probability with certified bits. Equal coins are the same object where they come from `exp_coin`."""

    __slots__ = ("_digits", "_floor", "gamma")

    def __init__(self, gamma: Fraction, floor: Callable[[Fraction, int], int]) -> None:
        self.gamma = gamma
        self._floor = floor
        self._digits: dict[tuple[int, int], int] = {}

    def floor(self, bits: int) -> int:
        """floor(2^bits * p)."""
        return self._floor(self.gamma, bits)

    def digit(self, index: int, width: int) -> int:
        """Digit number `index` (from 0) of p in base 2^width. p = 1 is written 0.111..., so that every digit exists."""
        digit = self._digits.get((index, width))
        if digit is None:
            floor = self.floor((index + 1) * width)
            ones = (1 << width) - 1
            digit = ones if floor >> ((index + 1) * width) else floor & ones
            self._digits[index, width] = digit
        return digit


@lru_cache(maxsize=4096)
def exp_coin(gamma: Fraction) -> Coin:
    """The coin exp(-gamma), gamma >= 0 rational."""
    return Coin(gamma, exp_floor)


@lru_cache(maxsize=4096)
def logistic_coin(gamma: Fraction) -> Coin:
    """The coin 1/(1 + exp(gamma)), gamma >= 0 rational."""
    return Coin(gamma, logistic_floor)
