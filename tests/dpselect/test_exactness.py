"""The guarantees, decided by algebra for every neighbour and every epsilon at once.

For all profiles of up to 4 voters and 3 candidates, under both relations, each probability is a polynomial, or a ratio
of two, in z = exp(-exponent); epsilon = r * exponent, so exp(-epsilon) = z^r, and p' - z^r * p >= 0 on (0, 1) is
decided with Bernstein coefficients and Sturm sequences over the rationals. Many of these differences are identically
zero, so no rounding could decide them. Each wrong factor is shown to fail.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from support.laws import keeps, nonnegative

from dpselect.coins import exp_floor
from dpselect.committee import Peeling, peeling, subset_exponential
from dpselect.law import ONE, Law, Polynomial, total
from dpselect.mechanisms import Guarantee, exponential, permute_and_flip
from dpselect.privacy import NeighbouringRelation
from dpselect.quantile import quantile, quantile_bounds
from dpselect.scores import Declared, ScoreBound
from dpselect.threshold import above_threshold

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
RELATIONS = [ADD_REMOVE, REPLACE]
EPSILONS = ["1/10", "1", "5/2"]
VOTERS = 4
SELECTIONS = [
    permute_and_flip("1", ADD_REMOVE),
    exponential("1", ADD_REMOVE),
    subset_exponential("1", ADD_REMOVE, 2),
    peeling("1", ADD_REMOVE, 2),
]
Scores = tuple[int, ...]


def scores_of(candidates: int, voters: int) -> list[Scores]:
    """The scores of all profiles of exactly or fewer than `voters` voters: any counts up to their number."""
    return list(itertools.product(range(voters + 1), repeat=candidates))


def ballots(candidates: int) -> list[Scores]:
    return list(itertools.product((0, 1), repeat=candidates))


@cache
def neighbours(candidates: int, voters: int, relation: NeighbouringRelation) -> list[tuple[Scores, Scores]]:
    """Ordered pairs of scores of neighbours, the first or the second of at most `voters` voters. One pair for each
    orbit: the laws treat candidates alike and depend on differences of scores only (`test_only_gaps_matter`)."""
    pairs = set()
    for rest in scores_of(candidates, voters if relation is ADD_REMOVE else voters - 1):
        for one, other in itertools.product(ballots(candidates), repeat=2):
            if relation is ADD_REMOVE and any(one) and any(other):
                continue  # one of the two stayed away
            here = tuple(a + b for a, b in zip(rest, one, strict=True))
            there = tuple(a + b for a, b in zip(rest, other, strict=True))
            pairs.add(tuple(sorted((a - min(here), b - min(there)) for a, b in zip(here, there, strict=True))))
    return [tuple(zip(*columns, strict=True)) for columns in sorted(pairs)]  # type: ignore[misc]


def law_of(measurement: Any) -> Callable[[Sequence[int]], Law]:
    return cache(lambda scores: measurement.probabilities(list(scores)))


def violations(measurement: Guarantee, pairs: list[tuple[Scores, Scores]]) -> Iterator[tuple[Scores, Scores]]:
    """The pairs for which epsilon-DP fails, at some epsilon with this exponent/epsilon."""
    law = law_of(measurement)
    return ((here, there) for here, there in pairs if not keeps(measurement.epsilon, law(here), law(there)))


def with_range(measurement: Any, range_: Fraction | int) -> Any:
    """The same measurement, made to believe another range."""
    bound = ScoreBound(max(measurement.bound.sensitivity, Fraction(range_)), False, Fraction(range_))
    return dataclasses.replace(measurement, bound=bound)


# ------------------------------------------------------------------------------------------ the test of the tests


def test_nonnegativity_is_decided() -> None:
    z = Polynomial.monomial(1)
    half = z - ONE.scaled(Fraction(1, 2))
    assert nonnegative(Polynomial({}))
    assert nonnegative(half * half)  # touches zero inside: no interval could tell
    assert nonnegative(z * (ONE - z))
    assert nonnegative((ONE - z) * (ONE - z) * (ONE - z))
    assert nonnegative(half * half + Polynomial({0: Fraction(1, 10**30)}))
    assert not nonnegative(half * half - Polynomial({0: Fraction(1, 10**30)}))
    assert not nonnegative(half)
    assert not nonnegative(half * half * half)
    assert not nonnegative(z * z - z)
    assert not nonnegative(ONE.scaled(-1))


def test_neighbours_cover_what_they_claim() -> None:
    pairs = neighbours(2, 2, ADD_REMOVE)
    assert ((0, 0), (0, 1)) in pairs
    assert ((0, 2), (0, 1)) in pairs
    assert ((0, 1), (0, 2)) in pairs
    assert ((0, 1), (1, 0)) not in pairs
    assert ((0, 1), (1, 0)) in neighbours(2, 2, REPLACE)


@pytest.mark.parametrize("measurement", SELECTIONS, ids=lambda m: m.mechanism.value)
def test_only_gaps_matter(measurement: Any) -> None:
    """The laws do not change when all scores rise together, and follow a renaming of the candidates."""
    law = law_of(measurement)
    for scores in scores_of(3, 2):
        here = dict(zip(law(scores).outcomes, law(scores).numerators, strict=True))
        assert law(tuple(s + 5 for s in scores)) == law(scores)
        for order in itertools.permutations(range(3)):
            renamed = law(tuple(scores[index] for index in order))
            assert renamed.denominator == law(scores).denominator
            for outcome, numerator in zip(renamed.outcomes, renamed.numerators, strict=True):
                old = order[outcome] if isinstance(outcome, int) else tuple(sorted(order[i] for i in outcome))
                assert numerator == here[old]


@pytest.mark.parametrize("measurement", SELECTIONS, ids=lambda m: m.mechanism.value)
def test_probabilities_add_up_to_one(measurement: Any) -> None:
    for scores in scores_of(3, 3):
        law = measurement.probabilities(list(scores))
        assert total(law.numerators) == law.denominator


# ------------------------------------------------------------------------------------------ one winner


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("make", [permute_and_flip, exponential])
def test_single_winner(make: Callable[..., Any], relation: NeighbouringRelation) -> None:
    for epsilon in EPSILONS:
        measurement = make(epsilon, relation)
        assert measurement.exponent == Fraction(epsilon) / (1 if relation is ADD_REMOVE else 2)
        assert measurement.privacy_map(1) == Fraction(epsilon)
    assert not list(violations(measurement, neighbours(3, VOTERS, relation)))


@pytest.mark.parametrize("make", [permute_and_flip, exponential])
def test_single_winner_with_factor_one_fails_under_replace(make: Callable[..., Any]) -> None:
    wrong = with_range(make("1", REPLACE), 1)
    assert wrong.exponent == 1
    assert any(violations(wrong, neighbours(3, VOTERS, REPLACE)))


@pytest.mark.parametrize(("relation", "range_"), [(ADD_REMOVE, Fraction(9, 10)), (REPLACE, Fraction(19, 10))])
@pytest.mark.parametrize("make", [permute_and_flip, exponential])
def test_no_larger_exponent_would_do(
    make: Callable[..., Any], relation: NeighbouringRelation, range_: Fraction
) -> None:
    """The factor is not wasteful either: 10 % (5 %) more fails."""
    assert any(violations(with_range(make("1", relation), range_), neighbours(3, VOTERS, relation)))


def test_the_known_losses_at_epsilon_one() -> None:
    """Worst loss over 4 voters and 3 candidates, exponential mechanism: 0.994 with exponent epsilon under add/remove;
    under replace 1.944 with exponent epsilon, 0.897 with epsilon/2."""

    def worst(measurement: Any, relation: NeighbouringRelation) -> Fraction:
        law = law_of(measurement)
        pairs = neighbours(3, VOTERS, relation)
        return max(
            law(here).bounds(index)[1] / law(there).bounds(index)[0] for here, there in pairs for index in range(3)
        )

    add_remove, right = exponential("1", ADD_REMOVE), exponential("1", REPLACE)
    assert round(math.log(worst(add_remove, ADD_REMOVE)), 3) == 0.994
    assert round(math.log(worst(with_range(right, 1), REPLACE)), 3) == 1.944
    assert round(math.log(worst(right, REPLACE)), 3) == 0.897


# ------------------------------------------------------------------------------------------ committees


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize(("candidates", "voters"), [(3, 4), (4, 2)])
def test_committee(candidates: int, voters: int, relation: NeighbouringRelation) -> None:
    for epsilon in EPSILONS:
        measurement = subset_exponential(epsilon, relation, 2)
        assert measurement.exponent == Fraction(epsilon) / (2 if relation is ADD_REMOVE else 4)
    assert not list(violations(measurement, neighbours(candidates, voters, relation)))


@pytest.mark.parametrize(("relation", "range_"), [(ADD_REMOVE, 1), (REPLACE, 2)])
def test_committee_at_epsilon_fails(relation: NeighbouringRelation, range_: int) -> None:
    """The single winner's factor is not enough for a committee, under either relation."""
    wrong = with_range(subset_exponential("1", relation, 2), range_)
    assert wrong.exponent == permute_and_flip("1", relation).exponent
    assert any(violations(wrong, neighbours(4, 3, relation)))


def test_the_known_counterexample() -> None:
    """Scores [6, 0, 11, 5], one more ballot for the third and fourth candidate: 1.38 epsilon with exponent epsilon."""
    pair = [((6, 0, 11, 5), (6, 0, 12, 6)), ((6, 0, 12, 6), (6, 0, 11, 5))]
    right = subset_exponential("1", ADD_REMOVE, 2)
    assert not list(violations(right, pair))
    assert any(violations(with_range(right, 1), pair))


@pytest.mark.parametrize("relation", RELATIONS)
def test_peeling(relation: NeighbouringRelation) -> None:
    measurement = peeling("1", relation, 2)
    assert measurement.exponent == Fraction(1, 2) / (1 if relation is ADD_REMOVE else 2)
    assert not list(violations(measurement, neighbours(3, 3, relation)))


class PeelingAtFullPrice(Peeling):
    """Each round at epsilon, as if seats were free."""

    @property
    def exponent(self) -> Fraction:  # type: ignore[override]
        return self.epsilon / self.bound.range


def test_peeling_without_dividing_epsilon_fails() -> None:
    right = peeling("1", ADD_REMOVE, 2)
    wrong = PeelingAtFullPrice(right.epsilon, right.relation, right.bound, right.seats)
    assert any(violations(wrong, neighbours(3, 3, ADD_REMOVE)))


# ------------------------------------------------------------------------------------------ AboveThreshold


def answer_pairs(queries: int, *, monotone: bool) -> list[tuple[Scores, Scores]]:
    """Answers from -1 to 1 (the threshold is 0) and all that one person makes of them at sensitivity 1."""
    moves = [(0, 1), (-1, 0)] if monotone else [(-1, 0, 1)]
    return [
        (here, tuple(a + b for a, b in zip(here, move, strict=True)))
        for here in itertools.product((-1, 0, 1), repeat=queries)
        for steps in moves
        for move in itertools.product(steps, repeat=queries)
    ]


@pytest.mark.parametrize("monotone", [True, False])
def test_above_threshold(monotone: bool) -> None:
    queries = Declared(ScoreBound.of(1, monotone=monotone))
    measurement = above_threshold("1", None, 0, queries)
    assert measurement.exponent == Fraction(1, 2 if monotone else 4)
    pairs = answer_pairs(2, monotone=monotone)
    for here, _ in pairs:
        law = measurement.probabilities(here)
        assert total(law.numerators) == law.denominator
    assert not list(violations(measurement, pairs))


def test_above_threshold_with_the_monotone_factor_fails_on_other_queries() -> None:
    wrong = above_threshold("1", None, 0, Declared(ScoreBound.of(1, monotone=True)))
    pairs = [((-2, -2, -2, 0), (-1, -1, -1, -1)), ((-3,) * 4 + (0,), (-2,) * 4 + (-1,))]
    assert any(violations(wrong, pairs))


def test_the_law_of_above_threshold_is_the_sum_over_the_noise() -> None:
    """The closed form against its definition, the sum over the threshold's noise, with an exact bound on the tails."""
    measurement = above_threshold("2", None, 1, Declared(ScoreBound.of(1, monotone=False)))
    answers = [3, -1, 1]
    law = measurement.probabilities(answers)
    z = Fraction(*float.as_integer_ratio(2.718281828459045**-0.5))  # any rational near exp(-exponent) will do
    y = z * z

    def at_least(x: int) -> Fraction:
        return z**x / (1 + z) if x >= 1 else 1 - z ** (1 - x) / (1 + z)

    sums = [Fraction(0)] * 4
    for r in range(-40, 41):
        left = (1 - y) / (1 + y) * y ** abs(r)
        for position, answer in enumerate(answers):
            above = at_least(1 + r - answer)
            sums[position] += left * above
            left *= 1 - above
        sums[3] += left

    def value(polynomial: Polynomial) -> Fraction:
        return sum((c * z**power for power, c in polynomial.terms.items()), Fraction(0))

    for numerator, expected in zip(law.numerators, sums, strict=True):
        assert abs(value(numerator) / value(law.denominator) - expected) < 2 * y**41


# ------------------------------------------------------------------------------------------ quantiles


def value_pairs(relation: NeighbouringRelation) -> list[tuple[Scores, Scores]]:
    """Data sets of up to 3 values from 0 to 4 on the grid 0, 2, 4 and between its points."""
    pairs = []
    for size in range(3):
        for rest in itertools.combinations_with_replacement(range(5), size):
            if relation is ADD_REMOVE:
                pairs += [pair for one in range(5) for pair in ((rest, (*rest, one)), ((*rest, one), rest))]
            else:
                pairs += [((*rest, one), (*rest, other)) for one, other in itertools.permutations(range(5), 2)]
    return pairs


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("q", ["1/2", "1/4", "1"])
def test_quantile(q: str, relation: NeighbouringRelation) -> None:
    measurement = quantile("1", relation, q, [0, 2, 4])
    expected = 2 * max(Fraction(q), 1 - Fraction(q)) if relation is ADD_REMOVE else 2
    assert measurement.exponent == 1 / Fraction(expected)
    assert not list(violations(measurement, value_pairs(relation)))


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_quantile_with_half_the_range_fails(relation: NeighbouringRelation) -> None:
    right = quantile("1", relation, "1/2", [0, 2, 4])
    half = quantile_bounds(Fraction(1, 2)).bound(relation).range / 2
    wrong = dataclasses.replace(right, choose=with_range(right.choose, half))
    assert any(violations(wrong, value_pairs(relation)))


# ------------------------------------------------------------------------------------------ what is cited


def test_permute_and_flip_loses_no_more_than_the_exponential_mechanism() -> None:
    """Expected loss, for all profiles of up to 4 voters and every epsilon (McKenna, Sheldon 2020)."""
    for gaps in sorted({tuple(sorted(max(s) - x for x in s)) for s in scores_of(3, VOTERS)}):
        ours, theirs = (
            make("1", ADD_REMOVE).probabilities([-g for g in gaps]) for make in (permute_and_flip, exponential)
        )
        loss, other = (
            total(n.scaled(gap) for n, gap in zip(law.numerators, gaps, strict=True)) for law in (ours, theirs)
        )
        assert nonnegative(other - loss * theirs.denominator)


def test_the_exponential_mechanism_is_bounded_range() -> None:
    """Pr[i] Pr'[j] <= e^epsilon Pr[j] Pr'[i]: what the zCDP price of epsilon^2/8 rests on. Permute-and-flip is not."""

    def bounded(measurement: Any) -> bool:
        law = law_of(measurement)
        power = measurement.epsilon / measurement.exponent
        assert power.denominator == 1
        return all(
            nonnegative(
                law(here).numerators[j] * law(there).numerators[i]
                - (law(here).numerators[i] * law(there).numerators[j]).shifted(power.numerator)
            )
            for here, there in neighbours(3, 2, ADD_REMOVE)
            for i, j in itertools.permutations(range(3), 2)
        )

    assert bounded(exponential("1", ADD_REMOVE))
    assert not bounded(permute_and_flip("1", ADD_REMOVE))


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("make", [permute_and_flip, exponential])
def test_certified_bounds_agree(make: Callable[..., Any], relation: NeighbouringRelation, epsilon: str) -> None:
    """At single epsilons, with certified intervals of the probabilities: none contradicts the guarantee."""
    measurement = make(epsilon, relation)
    law = law_of(measurement)
    factor = Fraction(exp_floor(Fraction(epsilon), 80), 1 << 80)  # at most exp(-epsilon)
    for here, there in neighbours(3, 2, relation):
        for index in range(3):
            low, high = law(there).bounds(index)
            assert 0 <= low <= high
            assert high - low <= Fraction(1, 1 << 53)
            assert factor * law(here).bounds(index)[0] <= high
