"""The formulas that only the advisor has, against simulation and against the modules that do the work."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from cli.advisor import formulas, sources
from cli.advisor.numbers import Numbers
from cli.advisor.task import Facts
from dpselect.utility import Race, exponential_probability
from mpc.noise import SharedNoise

RUNS = 400_000
# Six standard errors: a false alarm has probability 2e-9 each, under 1e-7 for this file.
SIGMAS = 6.0


def close_share(hits: int, runs: int, expected: float) -> bool:
    return abs(hits / runs - expected) <= SIGMAS * math.sqrt(expected * (1 - expected) / runs) + 1e-12


def test_randomised_sets_by_simulation() -> None:
    rng = np.random.default_rng(1)
    shared, own, epsilon = 40, 200, 1.0
    keep = 1 / (1 + math.exp(-epsilon))
    truth = np.arange(own) < shared
    reported = truth ^ (rng.random((4000, own)) > keep)
    precision, recall = formulas.randomised_sets(shared, own, epsilon)
    hits = int((reported & truth).sum())
    assert close_share(hits, 4000 * shared, recall)
    assert hits / reported.sum() == pytest.approx(precision, rel=0.02)


def test_exponential_sets_by_enumeration() -> None:
    """All 2^own subsets, weighted by the mechanism's own law."""
    shared, own, epsilon = 2, 6, 1.3
    truth = [i < shared for i in range(own)]
    subsets = list(product((False, True), repeat=own))
    weights = [math.exp(-epsilon / 2 * sum(a != b for a, b in zip(s, truth, strict=True))) for s in subsets]
    total = sum(weights)
    right = sum(w * sum(a and b for a, b in zip(s, truth, strict=True)) for s, w in zip(subsets, weights, strict=True))
    size = sum(w * sum(s) for s, w in zip(subsets, weights, strict=True))
    precision, recall, exact = formulas.exponential_sets(shared, own, epsilon)
    assert recall == pytest.approx(right / total / shared)
    assert precision == pytest.approx(right / size)
    assert 10**exact == pytest.approx(weights[subsets.index(tuple(truth))] / total)


def test_item_by_item_response_is_the_best() -> None:
    """No epsilon-DP channel for one bit reports members more often at that ratio of right to wrong reports."""
    epsilon = 0.8
    _, keep = formulas.randomised_sets(1, 2, epsilon)
    other = np.linspace(0, 1, 100_001)  # P(report | not a member)
    member = np.minimum(math.exp(epsilon) * other, 1 - math.exp(-epsilon) * (1 - other))  # the most that privacy allows
    as_precise_as_can_be = member >= math.exp(epsilon) * other - 1e-12
    assert member[as_precise_as_can_be].max() == pytest.approx(keep, abs=1e-4)


@pytest.mark.parametrize(("n", "p"), [(3, 0.7), (12, 0.95)])
def test_unanimity_and_dissent_by_simulation(n: int, p: float) -> None:
    yes = np.random.default_rng(2).binomial(n, p, RUNS)
    assert close_share(int(((yes == 0) | (yes == n)).sum()), RUNS, formulas.unanimity(n, p))
    assert close_share(int(((yes == 1) | (yes == n - 1)).sum()), RUNS, formulas.lone_dissenter(n, p))


def test_laplace_quantile_by_simulation() -> None:
    noise = np.abs(np.random.default_rng(3).laplace(0, 7.0, RUNS))
    assert close_share(int((noise > formulas.laplace_err95(7.0)).sum()), RUNS, 0.05)
    cells = np.abs(np.random.default_rng(4).laplace(0, 1.0, (RUNS // 20, 20))).max(axis=1)
    assert (cells > formulas.cells_err95(1.0, 20)).mean() <= 0.05


@pytest.mark.parametrize("shape", [1.0, 12 / 9, 8.0, 60.0])
def test_split_noise_by_simulation(shape: float) -> None:
    rng = np.random.default_rng(5)
    noise = np.abs(rng.gamma(shape, size=RUNS) - rng.gamma(shape, size=RUNS))
    outside = (noise > sources.split_noise_err95(shape)).mean()
    # Interpolation is allowed 1 % of the quantile, which moves the tail by less than 0.002.
    assert abs(outside - 0.05) < 0.002 + SIGMAS * math.sqrt(0.05 * 0.95 / RUNS)
    assert sources.split_noise_shape(sources.split_noise_err95(shape)) == pytest.approx(shape, rel=1e-6)


def test_split_noise_is_the_shared_noise_of_mpc() -> None:
    for parties, colluding in ((4, 1), (8, 7), (20, 10)):
        own = sources.split_noise_err95(parties / (parties - colluding))
        theirs = SharedNoise(parties, colluding, Fraction(1, 200)).error95() / 200
        assert own == pytest.approx(theirs, rel=0.01)


@pytest.mark.parametrize("candidates", [2, 5, 300])
def test_gap_needed_inverts_the_law(candidates: int) -> None:
    gap = formulas.em_gap_needed95(candidates, 0.4)
    assert exponential_probability(Race(candidates, 1, gap), 0.4).value == pytest.approx(0.95)
    assert sources.pf_winner(candidates, sources.pf_gap_needed95(candidates, 0.4), 0.4) == pytest.approx(0.95, abs=1e-6)


def test_shortfall_holds_by_simulation() -> None:
    """On the worst profile, one best and all others exactly at the bound, and on a spread one."""
    rng = np.random.default_rng(6)
    bound = formulas.em_shortfall95(10, 0.5)
    for gaps in (np.array([0.0] + [bound + 1e-9] * 9), np.linspace(0, 2 * bound, 10)):
        scores = -0.5 * gaps + rng.gumbel(size=(RUNS // 10, 10))
        missed = (gaps[scores.argmax(axis=1)] > bound).mean()
        assert missed <= 0.05 + SIGMAS * math.sqrt(0.05 * 0.95 / (RUNS // 10))


def test_thresholds_of_unknown_keys() -> None:
    """A key with one contributor shows with probability delta: Pr[Laplace(b) > threshold - 1] = delta."""
    for replace, factor in ((True, 2), (False, 1)):
        threshold = formulas.unknown_key_threshold(1.0, 1e-6, 1, replace)
        assert math.exp(-(threshold - 1) / factor) / 2 == pytest.approx(1e-6)
    assert formulas.unknown_key_threshold(1.0, 1e-6, 1, True) == pytest.approx(27.2, abs=0.1)


def test_clamp_is_best_where_one_over_epsilon_exceed() -> None:
    values = np.sort(np.random.default_rng(7).lognormal(3, 1, 5000))
    epsilon = 0.1
    errors = {c: float(np.maximum(values - c, 0).sum() + c / epsilon) for c in values[-300:]}
    best = min(errors, key=lambda clamp: errors[clamp])
    assert abs(int((values > best).sum()) - 1 / epsilon) <= 1


def test_numbers_follow_the_conventions() -> None:
    """Sensitivity: count 1, histogram 2, sum b - a; c and T multiply; mean over n."""

    def of(**fields: object) -> Numbers:
        return Numbers(Facts({"epsilon_total": 0.5, "n_units": 100, **fields}, asking=frozenset()))

    assert of(function="count").scale == pytest.approx(2)
    assert of(function="count", max_contrib=3, releases=4).scale == pytest.approx(24)
    assert of(function="count", releases=4, unit_per_release=True).scale == pytest.approx(2)
    assert of(function="histogram", output_dim=7).scale == pytest.approx(4)
    assert of(function="sum", bounds=[-3, 7]).scale == pytest.approx(20, rel=1e-5)
    assert of(function="mean", bounds=[0, 10]).scale == pytest.approx(0.2, rel=1e-5)
    assert of(function="proportion").scale == pytest.approx(0.02)
