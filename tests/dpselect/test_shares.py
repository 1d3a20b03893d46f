"""Intervals of shares: they hold the true share as often as they say, computed with exact probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from statistics import NormalDist

import pytest

from dpselect.local_dp import Poll
from dpselect.privacy import parse_poll_epsilon
from dpselect.shares import population_interval, respondents_interval

THREE_QUARTERS, QUARTER = Fraction(3, 4), Fraction(1, 4)
LEVELS = [Fraction(8, 10), Fraction(95, 100), Fraction(99, 100)]
# Truth and lie: two coins, k-ary at 5 options, unary.
RATES = [(THREE_QUARTERS, QUARTER), (Fraction(3, 7), Fraction(1, 7)), (Fraction(1, 2), Fraction(1, 10))]
Interval = Callable[[int, int, float, float, float], tuple[float, float]]


def binomial(size: int, p: Fraction) -> list[Fraction]:
    return [math.comb(size, k) * p**k * (1 - p) ** (size - k) for k in range(size + 1)]


def supports(holders: int, others: int, truth: Fraction, lie: Fraction) -> list[Fraction]:
    """The exact law of the number of responses that support an option."""
    law = [Fraction(0)] * (holders + others + 1)
    for i, p in enumerate(binomial(holders, truth)):
        for j, q in enumerate(binomial(others, lie)):
            law[i + j] += p * q
    return law


@pytest.mark.parametrize(("truth", "lie"), RATES)
@pytest.mark.parametrize("level", LEVELS)
def test_respondents_are_covered_whatever_their_share(truth: Fraction, lie: Fraction, level: Fraction) -> None:
    """For every number of holders among 12 respondents; and each interval is the one of the definition."""
    total = 12
    laws = [supports(t, total - t, truth, lie) for t in range(total + 1)]
    found = [respondents_interval(s, total, float(truth), float(lie), float(level)) for s in range(total + 1)]
    half = (1 - level) / 2
    for seen, (low, high) in enumerate(found):
        kept = [t for t in range(total + 1) if sum(laws[t][seen:]) > half and sum(laws[t][: seen + 1]) > half]
        assert (round(low * total), round(high * total)) == ((kept[0], kept[-1]) if kept else (low * total,) * 2)
    for t, law in enumerate(laws):
        assert sum(p for p, (low, high) in zip(law, found, strict=True) if low <= t / total <= high) >= level


@pytest.mark.parametrize(("truth", "lie"), RATES)
def test_populations_are_covered_whatever_their_share(truth: Fraction, lie: Fraction) -> None:
    total, level = 15, Fraction(95, 100)
    found = [population_interval(s, total, float(truth), float(lie), float(level)) for s in range(total + 1)]
    for share in (Fraction(k, 40) for k in range(41)):
        law = binomial(total, lie + share * (truth - lie))
        assert sum(p for p, (low, high) in zip(law, found, strict=True) if low <= share <= high) >= level


def test_without_noise_it_is_the_interval_of_clopper_and_pearson() -> None:
    """3 of 10, by the tables: 6.67 % to 65.25 %; 0 of 10: up to 30.85 %."""
    assert population_interval(3, 10, 1.0, 0.0, 0.95) == pytest.approx((0.066740, 0.652453), abs=1e-5)
    assert population_interval(0, 10, 1.0, 0.0, 0.95) == pytest.approx((0, 0.308497), abs=1e-5)
    assert population_interval(10, 10, 1.0, 0.0, 0.95) == pytest.approx((0.691503, 1), abs=1e-5)
    assert respondents_interval(3, 10, 1.0, 0.0, 0.95) == (0.3, 0.3)


@pytest.mark.parametrize("interval", [respondents_interval, population_interval])
def test_many_responses_come_close_to_the_normal_law(interval: Interval) -> None:
    """A million responses with two coins: 600,000 say yes, so 70 % do."""
    total, level = 10**6, 0.95
    low, high = interval(600_000, total, 0.75, 0.25, level)
    held = 0.0 if interval is respondents_interval else 0.7 * 0.3
    error = math.sqrt((0.75 * 0.25 / 0.25 + held) / total)
    reach = NormalDist().inv_cdf(0.975) * error
    assert (low, high) == pytest.approx((0.7 - reach, 0.7 + reach), abs=0.01 * reach)


def test_the_normal_approximation_would_not_cover() -> None:
    """What the interval replaces, at 12 respondents of whom nobody holds the option: 86 % in place of 95 %."""
    law = supports(0, 12, THREE_QUARTERS, QUARTER)
    poll = Poll.of(("yes", "no"), parse_poll_epsilon("ln(3)"))
    covered = Fraction(0)
    for seen, p in enumerate(law):
        (found, _) = poll.estimate(["yes"] * seen + ["no"] * (12 - seen))
        covered += p * (abs(found.estimate) <= 1.96 * found.standard_error)
    assert covered < Fraction(95, 100)
