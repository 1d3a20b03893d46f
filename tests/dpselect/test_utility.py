"""Planning numbers against exact laws, brute force, published figures and simulation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpselect import utility
from dpselect.law import ONE, Law
from dpselect.law import permute_and_flip_law as exact_law
from dpselect.utility import Basis, Race
from psiselect.base.errors import UsageError

FUNCTIONS = {
    "permute-and-flip": (utility.permute_and_flip_probability, utility.permute_and_flip_loss),
    "exponential": (utility.exponential_probability, utility.exponential_loss),
    "subset-exponential": (utility.subset_probability, utility.subset_loss),
    "peeling": (utility.peeling_probability, utility.peeling_loss),
}


def exact_pf(gaps: list[int], exponent: Fraction) -> list[float]:
    """From the polynomials that the guarantee is proved on, not from quadrature."""
    return Law(tuple(range(len(gaps))), tuple(exact_law(gaps)), ONE, exponent).floats()


# --- against published and independent figures ---


def test_figures_from_the_literature_and_the_design() -> None:
    race = Race(5, 1, 2)
    assert utility.exponential_probability(race, 0.5).value == pytest.approx(0.4046, abs=1e-4)
    assert utility.permute_and_flip_probability(race, 0.5).value == pytest.approx(0.4888, abs=1e-4)
    needed = utility.exponent_needed(utility.exponential_probability, Race(5, 1, 1), 0.95)
    assert needed == pytest.approx(math.log(19 * 4), rel=1e-8)


@pytest.mark.parametrize(
    ("m", "k", "subset", "peeling"), [(16, 2, 15.4, 10.8), (16, 5, 22.7, 28.7), (199, 10, 81, 89), (1000, 10, 114, 106)]
)
def test_gap_needed_for_a_committee_at_epsilon_one(m: int, k: int, subset: float, peeling: float) -> None:
    race = Race(m, k, 1)
    assert 2 * utility.exponent_needed(utility.subset_probability, race, 0.95) == pytest.approx(subset, abs=0.5)
    assert k * utility.exponent_needed(utility.peeling_probability, race, 0.95) == pytest.approx(peeling, abs=0.5)


def test_expected_loss_on_the_published_shape_of_an_election() -> None:
    """McKenna and Sheldon: permute-and-flip never loses more than the exponential mechanism, up to half as much."""
    for gap in range(1, 30):
        race = Race(50, 1, gap)
        ratio = utility.exponential_loss(race, 0.5).value / utility.permute_and_flip_loss(race, 0.5).value
        assert 1 <= ratio <= 2 + 1e-9


# --- against exact laws ---


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 7), st.integers(0, 12), st.fractions(Fraction(1, 20), 3, max_denominator=20))
def test_permute_and_flip_race_equals_the_exact_law(m: int, gap: int, exponent: Fraction) -> None:
    law = exact_pf([0] + [gap] * (m - 1), exponent)
    race = Race(m, 1, gap)
    assert utility.permute_and_flip_probability(race, float(exponent)).value == pytest.approx(law[0], abs=1e-12)
    loss = utility.permute_and_flip_loss(race, float(exponent))
    assert loss.value == pytest.approx(gap * sum(law[1:]), rel=1e-9, abs=1e-14)
    assert loss.error <= 1e-10


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.fractions(Fraction(1, 20), 3, max_denominator=20))
def test_quadrature_of_any_profile_equals_the_exact_law(rivals: list[int], exponent: Fraction) -> None:
    gaps = [0, *rivals]
    assert utility.permute_and_flip_law(gaps, float(exponent)) == pytest.approx(exact_pf(gaps, exponent), abs=1e-12)


def test_quadrature_sums_to_one_for_a_million_candidates() -> None:
    gaps = np.concatenate([[0], np.random.default_rng(3).integers(0, 300, 999_999)])
    for exponent in (0.001, 0.1, 2.0):
        law = utility.permute_and_flip_law(gaps, exponent)
        assert law.sum() == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("gap", [40, 200, 700, 5000])
def test_far_ahead_the_loss_does_not_vanish_by_cancellation(gap: int) -> None:
    race = Race(1000, 1, gap)
    assert utility.permute_and_flip_probability(race, 1.0).value == pytest.approx(1, abs=1e-12)
    assert utility.permute_and_flip_loss(race, 1.0).value == pytest.approx(999 / 2 * math.exp(-gap) * gap, rel=1e-9)


def committee_law(m: int, k: int, gap: int, exponent: float) -> dict[tuple[int, ...], float]:
    """The exponential mechanism over all sets of the race, by listing them."""
    weights = {
        chosen: math.exp(-exponent * (0 if chosen == tuple(range(k)) else gap))
        for chosen in itertools.combinations(range(m), k)
    }
    return {chosen: weight / sum(weights.values()) for chosen, weight in weights.items()}


@pytest.mark.parametrize(("m", "k"), [(2, 1), (4, 2), (7, 3), (9, 8)])
def test_subset_race_equals_the_sum_over_all_sets(m: int, k: int) -> None:
    gap, exponent = 3, 0.7
    law = committee_law(m, k, gap, exponent)
    race = Race(m, k, gap)
    assert utility.subset_probability(race, exponent).value == pytest.approx(law[tuple(range(k))], rel=1e-12)
    loss = sum(p * gap * sum(i >= k for i in chosen) for chosen, p in law.items())
    assert utility.subset_loss(race, exponent).value == pytest.approx(loss, rel=1e-12)
    scores = [gap] * k + [0] * (m - k)
    assert utility.subset_profile_loss(scores, k, exponent) == pytest.approx(loss, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=3, max_size=8), st.data(), st.floats(0.05, 2))
def test_subset_loss_of_any_profile_equals_the_sum_over_all_sets(
    scores: list[int], data: st.DataObject, exponent: float
) -> None:
    k = data.draw(st.integers(1, len(scores) - 1))
    best = sum(sorted(scores)[-k:])
    total = mean = 0.0
    for chosen in itertools.combinations(range(len(scores)), k):
        inside = [scores[i] for i in chosen]
        outside = [scores[i] for i in range(len(scores)) if i not in chosen]
        weight = math.exp(-exponent * max(0, max(outside) - min(inside)))
        total += weight
        mean += weight * (best - sum(inside))
    assert utility.subset_profile_loss(scores, k, exponent) == pytest.approx(mean / total, rel=1e-9, abs=1e-12)


def peeled(m: int, k: int, gap: int, exponent: Fraction) -> tuple[float, float]:
    """Probability of the best k, and expected loss, by peeling exact permute-and-flip laws round after round."""

    def rest(remaining: tuple[int, ...], seats: int) -> tuple[float, float]:
        if seats == 0:
            return 1.0, 0.0
        gaps = [max(remaining) - score for score in remaining]
        right = loss = 0.0
        for i, p in enumerate(exact_pf(gaps, exponent)):
            r, more = rest(remaining[:i] + remaining[i + 1 :], seats - 1)
            right += p * r * (remaining[i] == gap)
            loss += p * (more + gap - remaining[i])
        return right, loss

    return rest((gap,) * k + (0,) * (m - k), k)


@pytest.mark.parametrize(("m", "k"), [(2, 1), (4, 2), (5, 3), (5, 4)])
@pytest.mark.parametrize("exponent", [Fraction(1, 10), Fraction(3, 4)])
def test_peeling_race_equals_rounds_of_the_exact_law(m: int, k: int, exponent: Fraction) -> None:
    right, loss = peeled(m, k, 3, exponent)
    race = Race(m, k, 3)
    assert utility.peeling_probability(race, float(exponent)).value == pytest.approx(right, rel=1e-9)
    assert utility.peeling_loss(race, float(exponent)).value == pytest.approx(loss, rel=1e-9)


def test_simulation_agrees_with_quadrature_within_its_stated_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fixed seed; 6 standard errors, a false alarm in 5e8 over seeds."""
    race = Race(60, 12, 25)
    computed = utility.peeling_loss(race, 0.1)
    monkeypatch.setattr(utility, "MAX_QUADRATURE_SEATS", 5)
    simulated = utility.peeling_loss(race, 0.1)
    assert (computed.basis, simulated.basis) == (Basis.QUADRATURE, Basis.SIMULATION)
    assert 0 < simulated.error < 0.01 * simulated.value
    assert abs(computed.value - simulated.value) < 6 * simulated.error
    assert computed.error < 1e-9


@pytest.mark.parametrize("exponent", [0.001, 0.05, 0.3, 0.8])
def test_log_odds_are_those_of_the_probability(exponent: float) -> None:
    race = Race(30, 4, 20)
    for log_odds, probability in (
        (utility.subset_log_odds, utility.subset_probability),
        (utility.peeling_log_odds, utility.peeling_probability),
    ):
        p = probability(race, exponent).value
        assert log_odds(race, exponent) == pytest.approx(math.log(p / (1 - p)), rel=1e-6)
    # Far beyond where probabilities round to 1, they still rise with the exponent.
    assert utility.peeling_log_odds(race, 9.0) > utility.peeling_log_odds(race, 8.0) > 100
    assert utility.subset_log_odds(race, 9.0) > utility.subset_log_odds(race, 8.0) > 100


# --- the bound is a bound ---


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.integers(0, 6), st.floats(0.1, 2))
def test_a_larger_lead_over_some_never_lowers_the_probability(more: list[int], gap: int, exponent: float) -> None:
    gaps = [0] + [gap + extra for extra in more]
    race = Race(len(gaps), 1, gap)
    assert utility.permute_and_flip_law(gaps, exponent)[0] >= (
        utility.permute_and_flip_probability(race, exponent).value - 1e-12
    )
    assert utility.exponential_law(gaps, exponent)[0] >= utility.exponential_probability(race, exponent).value - 1e-12


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=4, max_size=4), st.integers(1, 4))
def test_peeling_bound_holds_when_the_best_do_not_tie(more: list[int], gap: int) -> None:
    top, exponent = (gap + more[0], gap + more[1]), Fraction(1, 2)
    scores = (*top, -more[2], -more[3])

    def right(remaining: tuple[int, ...], seats: int) -> float:
        if seats == 0:
            return 1.0
        law = exact_pf([max(remaining) - s for s in remaining], exponent)
        return sum(p * right(remaining[:i] + remaining[i + 1 :], seats - 1) for i, p in enumerate(law[:seats]))

    assert right(scores, 2) >= utility.peeling_probability(Race(4, 2, gap), 0.5).value - 1e-12


# --- what is needed ---


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("target", [0.5, 0.95, 0.999])
def test_the_exponent_needed_is_enough_and_hardly_more(name: str, target: float) -> None:
    probability: Callable[[Race, float], utility.UtilityEstimate] = FUNCTIONS[name][0]
    race = Race(16, 1 if "-e" not in name and name != "peeling" else 3, 7)
    exponent = utility.exponent_needed(probability, race, target)
    assert probability(race, exponent).value >= target
    assert probability(race, exponent * (1 - 1e-6)).value < target


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_gap_of_nothing_is_a_uniform_choice_without_loss(name: str) -> None:
    probability, loss = FUNCTIONS[name]
    race = Race(6, 1 if name in ("permute-and-flip", "exponential") else 2, 0)
    assert probability(race, 1.0).value == pytest.approx(1 / math.comb(6, race.seats), rel=1e-12)
    assert loss(race, 1.0).value == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_extremes_stay_within_bounds(name: str) -> None:
    probability, loss = FUNCTIONS[name]
    for m, k in ((2, 1), (10**6, 1), (10**6, 20), (120, 60)):
        seats = 1 if name in ("permute-and-flip", "exponential") else k
        for gap in (0, 1, 10**9):
            for exponent in (0.0, 1e-12, 1.0, 1e9):
                race = Race(m, seats, gap)
                assert 0 <= probability(race, exponent).value <= 1
                assert 0 <= loss(race, exponent).value <= seats * gap * (1 + 1e-12)


def test_refusals() -> None:
    with pytest.raises(UsageError, match="the best candidates are equal"):
        utility.exponent_needed(utility.exponential_probability, Race(5, 1, 0), 0.95)
    for target in (0.1, 0.2, 1.0, 1.5, math.nan):
        with pytest.raises(UsageError, match="target"):
            utility.exponent_needed(utility.exponential_probability, Race(5, 1, 3), target)
    for bad in ((1, 1, 3), (5, 5, 3), (5, 0, 3), (5, 1, -1), (5, 1, math.inf), (5, 1, math.nan)):
        with pytest.raises(UsageError):
            Race(*bad)
