"""Integer noise that never leaves [-t, t]: the discrete Laplace law, cut off and made to add up to 1 again.

It gives (epsilon, delta)-differential privacy to a number that one record changes by at most 1. Delta is exactly the
probability of an end of the range: shifted by one, the law covers all outcomes but that one within e^epsilon.
Where noise is made of items that a party adds or leaves out (psi, `noisy-count`), it must be bounded like this.

Everything is integers and certified bits of exp(-epsilon * k), without floating point. It is not constant-time, but one
draw takes one pass with probability above 1 - 2^-40 or so, whatever the value drawn.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate

from dpselect import words
from dpselect.coins import exp_coin
from dpselect.sampling import WIDTH, flip_on, uniform_below
from psiselect.base.entropy import Entropy

MAX_BOUND = 1 << 16


def truncated_laplace(entropy: Entropy, epsilon: Fraction, bound: int, *, bits: int = WIDTH) -> int:
    """Draw X in [-bound, bound] with Pr[X = x] proportional to exp(-epsilon * |x|), exactly.

    Each x has a sector of a wheel: its weight in units of 2^-bits, rounded up. A uniform unit is accepted if it lies
    below the floor of the weight. In the last unit, the remaining bits of the weight decide. `bits` changes no
    probability.

    Args:
        epsilon: above 0.
        bound: 0 or more.
    """
    ends = _sector_ends(epsilon, bound, bits)
    while True:
        drawn = uniform_below(entropy, ends[-1])
        sector = bisect_right(ends, drawn)
        coin = exp_coin(epsilon * abs(sector - bound))
        unit = ends[sector] - 1 - drawn
        if unit < coin.floor(bits) or flip_on(entropy, coin, bits):
            return sector - bound


@lru_cache(maxsize=16)
def _sector_ends(epsilon: Fraction, bound: int, bits: int) -> tuple[int, ...]:
    # The weight of 0 is 1, a whole number of units; all others are irrational and get one unit more than their floor.
    upper = [exp_coin(epsilon * distance).floor(bits) + (distance > 0) for distance in range(bound + 1)]
    return tuple(accumulate([*upper[:0:-1], *upper]))


@lru_cache(maxsize=64)
def truncation_bound(epsilon: Fraction, delta: Fraction) -> int:
    """The least t for which `truncated_laplace` gives (epsilon, delta)-DP to a number of sensitivity 1.

    It is decided exactly: the least t with alpha^t (1 - alpha) / (1 + alpha - 2 alpha^(t + 1)) <= delta, where alpha =
    exp(-epsilon).

    Args:
        epsilon: above 0.
        delta: above 0 and below 1.

    Raises:
        UsageError: an argument is out of range, or t would exceed MAX_BOUND.
    """
    if epsilon <= 0:
        raise words.not_positive("epsilon", epsilon)
    if not 0 < delta < 1:
        raise words.delta_range(delta)
    if not _suffices(epsilon, delta, MAX_BOUND):
        raise words.noise_beyond(MAX_BOUND)
    low, high = 0, MAX_BOUND  # at 0 there is no noise: delta would be 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _suffices(epsilon, delta, middle) else (middle, high)
    return high


def _suffices(epsilon: Fraction, delta: Fraction, bound: int) -> bool:
    """alpha^t (1 - alpha) + 2 delta alpha^(t + 1) <= delta (1 + alpha), by intervals that narrow until they decide. The
    sides are never equal: alpha is transcendental (Lindemann)."""
    bits = 64
    while True:
        one = 1 << bits
        alpha, power = exp_coin(epsilon).floor(bits), exp_coin(epsilon * bound).floor(bits)
        least = power * (one - alpha - 1) + 2 * delta * power * alpha
        most = (power + 1) * (one - alpha) + 2 * delta * (power + 1) * (alpha + 1)
        if most <= delta * one * (one + alpha):
            return True
        if least > delta * one * (one + alpha + 1):
            return False
        bits *= 2
