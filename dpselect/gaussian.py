"""Discrete Gaussian noise: Pr[x] proportional to exp(-x^2/(2 v)) on the integers, drawn exactly.

Let one person move whole numbers by at most s in squared L2, all of them together. Then noise with v = s/(2 rho) gives
rho-zCDP (Canonne, Kamath, Steinke 2020, arXiv 2004.00010, Theorem 14 and Definition 3). v is a fraction, and close to
the variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from dpselect import words_numbers
from dpselect.coins import Coin, exp_floor
from dpselect.sampling import discrete_laplace, flip
from psiselect.base.entropy import Entropy

_TWO_PI = Fraction(62831853, 10**7)  # rounded down
_ROOT_BITS = 64


def discrete_gaussian(entropy: Entropy, variance: Fraction) -> int:
    """Draw X with Pr[X = x] proportional to exp(-x^2/(2 * variance)), exactly.

    Discrete Laplace noise of scale t is accepted with probability exp(-(|x| - variance/t)^2/(2 * variance)), where t is
    the root of the variance, rounded up. Every exponent is rational, so each coin is exact. Source: Canonne, Kamath,
    Steinke 2020, Algorithm 3.

    Args:
        variance: above 0.
    """
    scale = math.isqrt(variance.numerator // variance.denominator) + 1
    while True:
        drawn = discrete_laplace(entropy, Fraction(1, scale))
        # Not `exp_coin`: these coins differ from draw to draw and would fill its cache.
        if flip(entropy, Coin((abs(drawn) - variance / scale) ** 2 / (2 * variance), exp_floor)):
            return drawn


@dataclass(frozen=True, slots=True)
class DiscreteGaussian:
    """Adds discrete Gaussian noise to integers, for rho-zCDP.

    Attributes:
        rho: above 0.
        squared: the square of what one person can move all integers together, in L2.
    """

    rho: Fraction
    squared: int

    def __post_init__(self) -> None:
        if self.rho <= 0:
            raise words_numbers.rho(self.rho)
        if self.squared < 1:
            raise words_numbers.no_sensitivity()

    @property
    def variance(self) -> Fraction:
        """v, in units squared."""
        return self.squared / (2 * self.rho)

    @property
    def scale(self) -> Fraction:
        """The root of v, in units, rounded to a double: to be shown, not to be drawn with."""
        return Fraction(math.sqrt(self.variance))

    def error(self, miss: Fraction) -> int:
        """An e with Pr[|noise| > e] <= miss, in units. It is to be shown, so it is computed in doubles.

        Pr[x >= m] is at most the probability that a normal number of variance v is m - 1 or more (the same paper,
        Proposition 25).
        """
        return math.ceil(NormalDist().inv_cdf(1 - float(miss) / 2) * math.sqrt(self.variance))

    def tail(self, at: int, bits: int) -> int:
        """An upper bound of 2^bits * Pr[noise >= at].

        From `at` on, each weight is at most exp(-(2 at + 1)/(2 v)) of the one before; all weights together are at least
        1 and at least the root of 2 pi v (the same paper, Fact 19).
        """
        if at <= 0:
            return 1 << bits
        one, twice = 1 << bits, 2 * self.variance
        first, ratio = exp_floor(at * at / twice, bits) + 1, exp_floor((2 * at + 1) / twice, bits) + 1
        root = math.isqrt(math.floor(_TWO_PI * self.variance * 4**_ROOT_BITS))
        whole = max(1 << _ROOT_BITS, root)
        return min(one, -(-(first * one << _ROOT_BITS) // ((one - ratio) * whole)) if ratio < one else one)

    def release(self, values: Sequence[int], entropy: Entropy) -> list[int]:
        """Each value with its own noise. Costs rho once, for all."""
        return [value + discrete_gaussian(entropy, self.variance) for value in values]
