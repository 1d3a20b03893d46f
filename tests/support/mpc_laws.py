"""The laws of shared noise from scipy, and the comparison of many draws with them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
from scipy import stats

FALSE_ALARM = 1e-10  # of one cell; fewer than 1000 cells are compared in the tests of mpc
_KEPT = 400  # values of one side that a law keeps; what is beyond is below 1e-12 at the exponents used here


def one_sided(size: Fraction, exponent: Fraction) -> dict[int, float]:
    """Pr[NB(size, exp(-exponent)) = x]."""
    law = stats.nbinom(float(size), 1 - math.exp(-float(exponent))).pmf(np.arange(_KEPT))
    return dict(enumerate(map(float, law)))


def two_sided(size: Fraction, exponent: Fraction) -> dict[int, float]:
    """Pr[X - Y = x] for independent X and Y of NB(size, exp(-exponent))."""
    one = np.array(list(one_sided(size, exponent).values()))
    both = np.convolve(one, one[::-1])
    return {x - _KEPT + 1: float(p) for x, p in enumerate(both)}


def assert_follows(law: Mapping[int, float], draws: Sequence[int], kept: int = 8) -> None:
    """Each value of at most `kept` in size as often as the law says, and the rest together.

    By Bernstein's inequality each cell raises a false alarm with probability below FALSE_ALARM.
    """
    counts = Counter(x if abs(x) <= kept else None for x in draws)
    cells: dict[int | None, float] = {x: p for x, p in law.items() if abs(x) <= kept}
    cells[None] = max(0.0, 1 - sum(cells.values()))
    assert counts.keys() <= cells.keys(), sorted(counts.keys() - cells.keys(), key=str)
    for cell, p in cells.items():
        _assert_near(counts[cell], p, len(draws), cell)


def assert_independent(law: Mapping[int, float], draws: Sequence[int]) -> None:
    """Neighbours in a vector are equal as often as independent draws are: false alarm below FALSE_ALARM."""
    pairs = list(zip(draws[::2], draws[1::2], strict=False))
    _assert_near(sum(a == b for a, b in pairs), sum(p * p for p in law.values()), len(pairs), "equal neighbours")


def _assert_near(count: int, p: float, total: int, what: object) -> None:
    log = math.log(2 / FALSE_ALARM)
    slack = log / 3 + math.sqrt(log * log / 9 + 2 * total * p * (1 - p) * log)
    assert abs(count - total * p) <= slack, (what, count, total * p)
