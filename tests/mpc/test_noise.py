"""The law of shared noise, computed; sampling only checks that the sampler follows it."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from support.entropy import FixedEntropy

from mpc import noise
from mpc.noise import SharedNoise, coarsening, negative_binomials, widest_sensitivity
from psiselect.base.errors import UsageError

FALSE_ALARM = 1e-8
GROUPS = [(2, 1), (3, 1), (3, 2), (5, 2), (8, 7), (12, 3), (20, 1), (100, 10)]


def coefficients(size: Fraction, count: int) -> list[Fraction]:
    """c_x with Pr[NB(size, z) = x] = (1-z)^size * c_x * z^x."""
    made = [Fraction(1)]
    for x in range(1, count):
        made.append(made[-1] * (size + x - 1) / x)
    return made


def convolve(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    return [sum((a[i] * b[x - i] for i in range(x + 1)), Fraction(0)) for x in range(len(a))]


def power(a: list[Fraction], times: int) -> list[Fraction]:
    made = [Fraction(1)] + [Fraction(0)] * (len(a) - 1)
    for _ in range(times):
        made = convolve(made, a)
    return made


@pytest.mark.parametrize(("parties", "colluding"), GROUPS)
def test_honest_shares_add_up_to_exactly_one_geometric(parties: int, colluding: int) -> None:
    law = SharedNoise(parties, colluding, Fraction(1))
    honest = parties - colluding
    total = power(coefficients(law.share_size, 16), honest)
    # Geometric: (1-z) * 1 * z^x, for every z, since (1-z)^(1/h) multiplied h times is 1-z.
    assert total == [Fraction(1)] * 16
    assert law.share_size * honest == 1


def worst_ratio(size: Fraction, z: Fraction, shift: int, terms: int = 400) -> tuple[Fraction, Fraction]:
    """Bounds on max over d of Pr[N = d]/Pr[N = d + shift] for N = X - Y, both NB(size, z): the series for Pr[N = d] is
    cut after `terms`, and what is left out is at most a geometric series, since the coefficients do not exceed 1."""
    c = coefficients(size, terms + 20)
    lower = [sum((c[j] * c[j + d] * z ** (2 * j + d) for j in range(terms)), Fraction(0)) for d in range(12)]
    rest = z ** (2 * terms) / (1 - z * z)
    ratios = [(lower[abs(d)], lower[abs(d + shift)]) for d in range(-6, 3)]
    return max(a / (b + rest) for a, b in ratios), max((a + rest) / b for a, b in ratios)


def test_the_guarantee_holds_at_t_colluders_and_fails_at_one_more() -> None:
    # z = e^-lambda = 1/2 and sensitivity 2, so that e^epsilon = 4 and everything is rational.
    z, shift, e_epsilon = Fraction(1, 2), 2, Fraction(4)
    for parties, colluding in GROUPS[:6]:
        share = SharedNoise(parties, colluding, Fraction(1)).share_size
        for actual in range(parties):
            if (parties - actual) * share > 1:  # more honest ones than promised: shown below to be no worse
                continue
            low, high = worst_ratio((parties - actual) * share, z, shift, 60)
            if actual == colluding:
                assert high <= e_epsilon * (1 + Fraction(1, 2**60))
            else:
                assert low > e_epsilon, (parties, colluding, actual)


def test_more_honest_shares_are_no_worse() -> None:
    z, e_epsilon = Fraction(1, 2), Fraction(4)
    # Fewer colluders than promised: the noise is the promised one plus something independent of it.
    for size in (Fraction(1, 2), Fraction(1, 7)):
        one = coefficients(Fraction(1), 60)
        law = [sum((one[i] * c for i, c in enumerate(coefficients(size, 60)[: x + 1])), Fraction(0)) for x in range(60)]
        probabilities = [
            sum((law[j] * law[j + d] * z ** (2 * j + d) for j in range(40)), Fraction(0)) for d in range(12)
        ]
        for d in range(-6, 3):
            assert probabilities[abs(d)] <= e_epsilon * probabilities[abs(d + 2)] * (1 + Fraction(1, 2**30))


@pytest.mark.parametrize("holders", [2, 3, 4])
def test_the_urn_splits_a_total_exactly(holders: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every outcome of the urn's draws, one lane each, against the conditional law of independent shares."""
    total = 4
    outcomes = list(itertools.product(*(range(holders * (d + 1)) for d in range(total))))
    columns = iter(np.array(outcomes).T)
    monkeypatch.setattr(noise, "geometrics", lambda *_: np.full(len(outcomes), total))

    def every_draw(_: object, bounds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        column: npt.NDArray[np.int64] = next(columns)
        assert column.max() == bounds[0] - 1
        return column

    monkeypatch.setattr(noise, "uniforms_below", every_draw)
    shares = Counter(negative_binomials(FixedEntropy(), Fraction(1, holders), Fraction(1), len(outcomes)).tolist())
    mine, others = coefficients(Fraction(1, holders), total + 1), coefficients(1 - Fraction(1, holders), total + 1)
    for x in range(total + 1):
        assert Fraction(shares[x], len(outcomes)) == mine[x] * others[total - x]


def test_lanes_of_different_totals_are_not_mixed_up(fixed_entropy: FixedEntropy) -> None:
    totals = negative_binomials(FixedEntropy("same"), Fraction(1), Fraction(1, 5), 2000)
    shares = negative_binomials(FixedEntropy("same"), Fraction(1, 3), Fraction(1, 5), 2000)
    assert np.all(shares <= totals)
    assert np.all(shares >= 0)
    assert abs(np.corrcoef(shares, totals)[0, 1]) > 0.5


@pytest.mark.parametrize(("size", "exponent"), [(Fraction(1, 2), Fraction(1, 2)), (Fraction(1, 19), Fraction(1, 10))])
def test_draws_follow_the_law(size: Fraction, exponent: Fraction, fixed_entropy: FixedEntropy) -> None:
    count = 200_000
    drawn = negative_binomials(fixed_entropy, size, exponent, count)
    expected = stats.nbinom(float(size), 1 - math.exp(-exponent))
    edges = [0, 1, 2, 3, 4, 6, 9, 13, 20, 30]
    observed = [int(np.sum((drawn >= a) & (drawn < b))) for a, b in itertools.pairwise(edges)] + [
        int(np.sum(drawn >= 30))
    ]
    cumulative = [expected.cdf(e - 1) for e in edges]
    laws = [b - a for a, b in itertools.pairwise(cumulative)] + [1 - cumulative[-1]]
    kept = [(o, p) for o, p in zip(observed, laws, strict=True) if p * count > 20]
    rest = count - sum(o for o, _ in kept)
    observed, laws = [o for o, _ in kept] + [rest], [p for _, p in kept] + [1 - sum(p for _, p in kept)]
    if laws[-1] * count < 20:
        observed, laws = [*observed[:-2], sum(observed[-2:])], [*laws[:-2], sum(laws[-2:])]
    assert stats.chisquare(observed, np.array(laws) * count).pvalue > FALSE_ALARM


@pytest.mark.parametrize(("parties", "colluding", "exponent"), [(2, 1, 1), (8, 7, 1), (12, 3, 0.05), (20, 1, 0.3)])
def test_error95_is_that_of_all_shares_together(parties: int, colluding: int, exponent: float) -> None:
    """Against scipy's negative binomial, convolved."""
    law = SharedNoise(parties, colluding, Fraction(str(exponent)))
    one = stats.nbinom(float(law.total_size), 1 - math.exp(-exponent)).pmf(np.arange(law.reach(1)))
    both = np.convolve(one, one[::-1])
    middle = len(one) - 1
    e = int(law.error95())
    assert both[middle - e : middle + e + 1].sum() >= 0.95
    assert both[middle - e + 1 : middle + e].sum() < 0.95


def test_error95_of_the_article_and_of_a_fine_unit() -> None:
    assert SharedNoise(8, 7, Fraction(1)).error95() == 8
    fine = SharedNoise(8, 7, Fraction(1, 10**6)).error95()
    assert fine == pytest.approx(10 * SharedNoise(8, 7, Fraction(1, 10**5)).error95(), rel=1e-6)
    assert fine / 10**6 == pytest.approx(SharedNoise(8, 7, Fraction(1, 2000)).error95() / 2000, rel=2e-3)


@pytest.mark.parametrize(("parties", "colluding"), GROUPS)
def test_reach_is_passed_with_probability_below_2_to_minus_41(parties: int, colluding: int) -> None:
    law = SharedNoise(parties, colluding, Fraction(1, 10))
    tail = stats.nbinom(float(law.total_size), 1 - math.exp(-0.1)).logsf(law.reach(1000))
    assert 2 * 1000 * math.exp(tail) < 2**-41


def test_the_reach_is_the_stated_bound_worked_by_hand() -> None:
    """(7/5 / lambda) * (R + 41 + log2(2 count) rounded up to the next whole number above it)"""
    three = SharedNoise(3, 1, Fraction(1, 10))  # R is 3/2
    assert three.reach(1) == 623  # 14 * 44.5
    assert three.reach(3) == 637  # 14 * 45.5
    assert three.reach(8) == 665  # 14 * 47.5
    assert SharedNoise(2, 1, Fraction(7, 3)).reach(5) == 29  # 0.6 * (2 + 41 + 4) is 28.2


def test_coarsening_and_its_limits() -> None:
    assert [coarsening(Fraction(w), Fraction(1), 100) for w in (1, 100, 101, 201, 501, 2001, 10**6)] == [
        1, 1, 2, 5, 10, 50, 10**4,
    ]  # fmt: skip
    assert widest_sensitivity(Fraction(1), 1) == 4096
    assert widest_sensitivity(Fraction(1), 10**6) == 16


@pytest.mark.parametrize(("parties", "colluding"), [(3, 0), (3, 3), (3, -1), (2, 2)])
def test_impossible_collusions_are_refused(parties: int, colluding: int) -> None:
    with pytest.raises(UsageError, match=r"colluding .* must be (from 1 to|1)"):
        SharedNoise(parties, colluding, Fraction(1))


@pytest.mark.parametrize("exponent", [Fraction(1, 2), Fraction(1), Fraction(2), Fraction(204, 100), Fraction(5)])
def test_error95_of_coarse_noise_against_the_law_added_up(exponent: Fraction) -> None:
    law = SharedNoise(3, 1, exponent)
    one = stats.nbinom(float(law.total_size), 1 - math.exp(-float(exponent))).pmf(np.arange(200))
    differences = np.convolve(one, one[::-1])  # index 199 is a difference of 0
    beyond = [1 - differences[199 - e : 200 + e].sum() for e in range(60)]
    assert law.error95() == next(e for e, mass in enumerate(beyond) if mass <= 0.05)


def test_error95_is_a_whole_number_up_to_a_mean_of_4096_and_scaled_beyond() -> None:
    assert SharedNoise(3, 1, Fraction(1, 4095)).error95().is_integer()
    assert not SharedNoise(3, 1, Fraction(1, 4097)).error95().is_integer()


@pytest.mark.parametrize("exponent", [Fraction(0), Fraction(-1, 2)])
def test_no_exponent_at_all_is_refused(exponent: Fraction) -> None:
    with pytest.raises(UsageError):
        SharedNoise(3, 1, exponent)


@pytest.mark.parametrize("size", [Fraction(0), Fraction(-1, 2), Fraction(3, 2)])
def test_shares_of_no_size_or_of_more_than_all_are_refused(size: Fraction) -> None:
    with pytest.raises(UsageError):
        negative_binomials(FixedEntropy(), size, Fraction(1), 1)
