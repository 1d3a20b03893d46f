"""Exact intervals for the share of respondents who hold an option, from how many responses support it.

Each of t holders supports the option with probability `truth`, each of the n - t others with probability `lie`. The
number of supporting responses grows with t. So the interval is read off its two tails, as Clopper and Pearson (1934) do
for a binomial. It leaves out each t for which one tail, at the number seen, is at most half of what the interval may
miss. So it holds the true share at least as often as asked, for every share and every number of respondents. Tails are
computed in floating point, up to a relative error far below `_SLACK`, which widens the interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

_SLACK = 1e-9
_DEVIATIONS = 12  # beyond so many standard deviations, and 50 more, a binomial has less than 1e-30
_STEPS = 50  # halvings of the share of a population: to 1e-15

Floats = npt.NDArray[np.float64]


def respondents_interval(seen: int, total: int, truth: float, lie: float, confidence: float) -> tuple[float, float]:
    """For exactly these `total` respondents, of whom a fixed number holds the option: bounds of their share."""
    miss = (1 - confidence) / 2 * (1 - _SLACK)

    def at_least(t: int) -> float:
        return _upper_tail(seen, t, truth, total - t, lie)

    def at_most(t: int) -> float:
        return _upper_tail(total - seen, t, 1 - truth, total - t, 1 - lie)

    low = _first(lambda t: at_least(t) > miss, total)
    high = total - _first(lambda t: at_most(total - t) > miss, total)
    return low / total, high / total


def population_interval(seen: int, total: int, truth: float, lie: float, confidence: float) -> tuple[float, float]:
    """For the population that the respondents are a random sample of: bounds of its share."""
    miss = (1 - confidence) / 2 * (1 - _SLACK)

    def above(step: int) -> bool:
        share = step / (1 << _STEPS)
        return _upper_tail(seen, total, lie + share * (truth - lie), 0, 0.0) > miss

    def below(step: int) -> bool:
        share = 1 - step / (1 << _STEPS)
        return _upper_tail(total - seen, total, 1 - lie - share * (truth - lie), 0, 0.0) > miss

    whole = 1 << _STEPS
    # The last step that is still left out, so that rounding never cuts the interval short.
    low, high = max(0, _first(above, whole) - 1), max(0, _first(below, whole) - 1)
    return low / whole, 1 - high / whole


def _first(holds: Callable[[int], bool], last: int) -> int:
    """The first of 0 to `last` for which it holds, as it does for all after one; `last` when it holds for none."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _upper_tail(bound: int, one: int, p: float, other: int, q: float) -> float:
    """Pr[A + B >= bound] for independent binomials A of `one` and p, B of `other` and q."""
    first, weights = _binomial(one, p)
    start, others = _binomial(other, q)
    tails = np.cumsum(others[::-1])[::-1]  # tails[j] = Pr[B >= start + j]
    wanted = bound - first - np.arange(weights.size) - start
    inside = np.where(wanted < others.size, tails[np.clip(wanted, 0, others.size - 1)], 0.0)
    return float(weights @ inside)


def _binomial(size: int, p: float) -> tuple[int, Floats]:
    """The probabilities of a binomial around its mean, and the number that the first of them is of."""
    if size == 0 or p <= 0:
        return 0, np.ones(1)
    if p >= 1:
        return size, np.ones(1)
    reach = 50 + math.ceil(_DEVIATIONS * math.sqrt(size * p * (1 - p)))
    first, last = max(0, math.floor(size * p) - reach), min(size, math.ceil(size * p) + reach)
    k = np.arange(first, last, dtype=np.float64)
    logs = np.concatenate(([0.0], np.cumsum(np.log((size - k) / (k + 1)) + math.log(p) - math.log1p(-p))))
    weights = np.exp(logs - logs.max())
    return first, weights / weights.sum()
