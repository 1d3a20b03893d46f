"""Releases against the exact laws, on every path of the samplers. Entropy is fixed; each outcome of each comparison has
a false-alarm rate of at most 1e-9 (`support.laws.FALSE_ALARM`)."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.laws import assert_follows
from support.played import Played

from dpselect import ladder as ladder_module
from dpselect.accounting import BoundedRange, Composed, PureDp
from dpselect.coins import exp_coin
from dpselect.committee import peeling, subset_exponential
from dpselect.law import Polynomial
from dpselect.mechanisms import Mechanism, exponential, permute_and_flip
from dpselect.privacy import NeighbouringRelation
from dpselect.quantile import median, quantile, quantile_bounds
from dpselect.sampling import uniform_below
from dpselect.scores import APPROVAL, Declared, ScoreBound, take
from dpselect.threshold import above_threshold
from psiselect.base.entropy import Entropy
from psiselect.base.errors import InputError, UsageError

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
SINGLE = [permute_and_flip, exponential]
# Scores of every kind that is taken, with ties, wide gaps, rests inside a step and the ends of the integer types.
SCORES: dict[str, Any] = {
    "list": [5, 3, 0, 5, 1],
    "tie": [2, 2, 2],
    "one": [7],
    "steps and rests": [100, 97, 80, 99, 100, 60, 93],
    "fractions": [Fraction(1, 3), Fraction(1, 2), 1, Fraction(-5, 6)],
    "decimals": [Decimal("0.1"), Decimal("0.30"), 0, Decimal("-1.25")],
    "int8": np.array([-128, 127, 120, 125], dtype=np.int8),
    "uint8": np.array([0, 255, 250, 253], dtype=np.uint8),
    "int64 ends": np.array([2**63 - 1, -(2**63), 2**63 - 4], dtype=np.int64),
    "uint64 ends": np.array([2**64 - 1, 0, 2**64 - 3], dtype=np.uint64),
    "big integers": [2**70, 2**70 - 3, 0, 2**70 - 1],
}


@pytest.fixture(params=["few", "many"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of drawing: a coin for each candidate, and binomials on the histogram, which few would not reach."""
    if request.param == "many":
        monkeypatch.setattr(ladder_module, "SMALL", 0)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("scores", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("epsilon", ["1/7", "1", "3"])
@pytest.mark.parametrize("make", SINGLE)
def test_releases_follow_the_law(
    make: Callable[..., Any], epsilon: str, scores: Any, fixed_entropy: FixedEntropy
) -> None:
    measurement = make(epsilon, ADD_REMOVE)
    law = measurement.probabilities(scores)
    assert_follows(law, measurement.release_many(scores, 2000, fixed_entropy).tolist())
    assert_follows(law, [measurement.release(scores, fixed_entropy) for _ in range(100)])


@pytest.mark.parametrize("make", SINGLE)
@pytest.mark.parametrize("epsilon", ["1/10", "1"])
def test_a_million_draws(make: Callable[..., Any], epsilon: str, fixed_entropy: FixedEntropy) -> None:
    measurement = make(epsilon, REPLACE)
    scores = [50, 47, 50, 30, 44, 20]
    draws = measurement.release_many(scores, 1_000_000, fixed_entropy)
    assert draws.shape == (1_000_000,)
    assert_follows(measurement.probabilities(scores), draws.tolist())


@pytest.mark.parametrize("make", SINGLE)
def test_a_million_draws_would_show_a_wrong_law(make: Callable[..., Any], fixed_entropy: FixedEntropy) -> None:
    """The comparison has teeth: ten percent more exponent, or the other mechanism's law, is told apart."""
    scores = [50, 47, 50, 30, 44, 20]
    draws = make("1/10", REPLACE).release_many(scores, 1_000_000, fixed_entropy).tolist()
    other = next(kind for kind in SINGLE if kind is not make)
    for wrong in (make("11/100", REPLACE), other("1/10", REPLACE)):
        with pytest.raises(AssertionError):
            assert_follows(wrong.probabilities(scores), draws)


def test_the_first_step_of_many_candidates(fixed_entropy: FixedEntropy) -> None:
    """Many equal candidates, by the histogram: a uniform one of those with the best score at a large epsilon, and by
    the law of 30 groups at a small one."""
    scores = np.repeat(np.arange(30), 400)
    sure = permute_and_flip("100", ADD_REMOVE).release_many(scores, 2000, fixed_entropy)
    assert set(scores[sure].tolist()) == {29}
    assert len(set(sure.tolist())) > 380  # of 400, of which 2000 draws miss 2.7 on average
    measurement = exponential("1/10", ADD_REMOVE)
    law = measurement.probabilities(np.arange(30))
    assert_follows(law, scores[measurement.release_many(scores, 5000, fixed_entropy)].tolist())


def test_permute_and_flip_over_many_candidates(fixed_entropy: FixedEntropy) -> None:
    """5000 candidates on 3 levels: the levels' probabilities by the exact polynomial on 3 x 5 would be another law, so
    they are computed here by the mean of a uniform head over independent binomials, in plain arithmetic."""
    scores = np.repeat([10, 8, 0], [3, 997, 4000])
    measurement = permute_and_flip("1", ADD_REMOVE)
    runs = 20_000
    level = scores[measurement.release_many(scores, runs, fixed_entropy)]
    t = (np.arange(4000) + 0.5) / 4000
    p = np.exp(-np.array([0.0, 2.0, 10.0]))
    survive = (1 - t) ** 3 * (1 - p[1] * t) ** 997 * (1 - p[2] * t) ** 4000
    expected = [float(np.mean(n * q * survive / (1 - q * t))) for n, q in zip((3, 997, 4000), p, strict=True)]
    assert abs(sum(expected) - 1) < 1e-4
    for value, probability in zip((10, 8, 0), expected, strict=True):
        sd = np.sqrt(runs * probability * (1 - probability))
        assert abs(np.count_nonzero(level == value) - runs * probability) < 6.5 * sd + 3


@pytest.mark.parametrize(("after", "winner"), [(-1, 1), (1, 0)])
def test_a_first_digit_that_does_not_decide_is_followed_by_the_next(after: int, winner: int) -> None:
    """It happens to one candidate in 65536, so it is played: the second candidate's random digit equals its coin's
    first one, the candidate is picked, and the next 64 bits, one below or above the coin's, decide."""
    coin = exp_coin(Fraction(1))
    first = coin.floor(16).to_bytes(2, "little")
    following = (coin.floor(80) & (2**64 - 1)) + after
    played = Played(bytes(2) + first + b"\x80" + following.to_bytes(8, "little"))
    assert permute_and_flip("1", ADD_REMOVE).release([1, 0], played) == winner
    assert not played.data


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(("after", "stands"), [(-1, True), (1, False)])
def test_an_upper_bound_of_a_weight_is_made_exact(after: int, stands: bool, many: bool) -> None:
    """Exponential mechanism: the one value in about 2^60 where the bound of the second weight exceeds the weight."""
    bits = 62 - 2  # two candidates
    coin = exp_coin(Fraction(1))
    drawn = 1 << bits  # the last unit of the second weight; the best's take the values below
    size = ((1 << bits) + coin.floor(bits)).bit_length()
    unused = (64 if many else size + -size % 8) - size
    following = (coin.floor(bits + 64) & (2**64 - 1)) + after
    played = Played((drawn << unused).to_bytes(8, "little") + following.to_bytes(8, "little"))
    measurement = exponential("1", ADD_REMOVE)

    def draw() -> int:
        return int(measurement.release_many([1, 0], 1, played)[0] if many else measurement.release([1, 0], played))

    if stands:
        assert draw() == 1
    else:
        with pytest.raises(EOFError):  # rejected: it starts again
            draw()


# ------------------------------------------------------------------------------------------ committees and the rest


@pytest.mark.parametrize("scores", [[1, 1, 0, 0, 0, 0, 0, 0, 0, 0], [3, 0, 3, 2, 0, 1]])
def test_a_run_draws_each_winner_from_those_who_are_left(
    monkeypatch: pytest.MonkeyPatch, scores: list[int], fixed_entropy: FixedEntropy
) -> None:
    """As two rounds of peeling do: while one of two tied at the top is left, a run of two does not end early. A draw
    that would never end fails."""
    calls = itertools.count()

    def counted(entropy: Entropy, below: int) -> int:
        assert next(calls) < 100_000
        return uniform_below(entropy, below)

    monkeypatch.setattr("dpselect.mechanisms.uniform_below", counted)
    monkeypatch.setattr(ladder_module, "SMALL", 0)
    winner, exact = permute_and_flip("1", ADD_REMOVE), take(scores)
    draws = [tuple(sorted(winner.draw_run(exact, 2, fixed_entropy))) for _ in range(2000)]
    assert_follows(peeling("2", ADD_REMOVE, 2).probabilities(scores), draws)


COMMITTEES = [
    ([6, 0, 11, 5], 2),
    ([5, 5, 5, 1, 0, 2, 5], 3),
    ([10, 20, 30, 40, 50], 4),
    ([2**70, 2**70 - 3, 0, 2**70 - 1], 2),
    (np.array([1, 2, 3, 4, 5, 6, 3], dtype=np.uint8), 5),
    ([Fraction(1, 2), Fraction(1, 3), 2, 1], 2),
    ([3, 1, 2], 3),
]


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(("scores", "seats"), COMMITTEES)
@pytest.mark.parametrize("epsilon", ["1/10", "2"])
@pytest.mark.parametrize("make", [subset_exponential, peeling])
def test_committees_follow_the_law(
    make: Callable[..., Any], epsilon: str, scores: Any, seats: int, fixed_entropy: FixedEntropy
) -> None:
    measurement = make(epsilon, ADD_REMOVE, seats)
    law = measurement.probabilities(scores)
    draws = measurement.release_many(scores, 150 if make is peeling else 1500, fixed_entropy)
    assert all(chosen == tuple(sorted(set(chosen))) and len(chosen) == seats for chosen in draws)
    assert_follows(law, draws)
    assert_follows(law, [measurement.release(scores, fixed_entropy) for _ in range(20)])


def test_many_draws_of_a_committee(fixed_entropy: FixedEntropy) -> None:
    measurement = subset_exponential("1", ADD_REMOVE, 2)
    scores = [12, 10, 11, 8, 12]
    assert_follows(measurement.probabilities(scores), measurement.release_many(scores, 30_000, fixed_entropy))


def test_committees_of_many_candidates(fixed_entropy: FixedEntropy) -> None:
    """Unsorted ties in one step of thousands: at a large epsilon the best are found; where all are equal, each
    candidate is in with probability k/m."""
    scores = np.arange(20_000) % 10_000
    best = {9_999, 19_999, 9_998, 19_998}
    for make in (subset_exponential, peeling):
        assert set(make("500", ADD_REMOVE, 4).release(scores, fixed_entropy)) == best
    equal = np.zeros(10_000, dtype=np.int64)
    seen = np.zeros(10_000)
    for chosen in subset_exponential("1", ADD_REMOVE, 3).release_many(equal, 2000, fixed_entropy):
        seen[list(chosen)] += 1
    assert seen.sum() == 6000
    assert seen.max() <= 12  # Poisson(0.6): above 12 with probability 1e-13 a candidate
    assert abs(seen[:5000].sum() - 3000) < 6.5 * np.sqrt(1500)


def test_above_threshold_follows_the_law(fixed_entropy: FixedEntropy) -> None:
    for monotone in (True, False):
        measurement = above_threshold("2", ADD_REMOVE, 4, Declared(ScoreBound.of(1, monotone=monotone)))
        answers = [1, 5, 3, 4]
        draws = [measurement.release(answers, fixed_entropy) for _ in range(5000)]
        assert_follows(measurement.probabilities(answers), draws)


def test_above_threshold_stops_after_its_one_answer(fixed_entropy: FixedEntropy) -> None:
    stream = above_threshold("1000", ADD_REMOVE, 10, APPROVAL).start(fixed_entropy)
    assert [stream.ask(answer) for answer in (1, 2, 3, 50)] == [False, False, False, True]
    with pytest.raises(UsageError):
        stream.ask(1)
    assert "threshold=" not in repr(stream).replace("threshold=10", "")  # the noisy one is not shown


def test_quantiles_follow_the_law(fixed_entropy: FixedEntropy) -> None:
    values = [1, 1, 2, 5, 7, -3, Decimal("5.5")]
    grid = [0, 1, 2, 3, 4, Fraction(11, 2)]
    for mechanism in (Mechanism.EXPONENTIAL, Mechanism.PERMUTE_AND_FLIP):
        measurement = quantile("2", ADD_REMOVE, "1/4", grid, mechanism)
        law = measurement.probabilities(values)
        named = dataclasses.replace(law, outcomes=tuple(map(Fraction, grid)))
        assert_follows(named, [measurement.release(values, fixed_entropy) for _ in range(3000)])


def test_quantile_scores_are_what_they_are_said_to_be() -> None:
    measurement = quantile("1", REPLACE, "1/4", [0, 2, 4])
    scores = measurement.scores([1, 2, 2, 5])
    expected = [-abs(Fraction(3, 4) * below - Fraction(1, 4) * above) for below, above in ((0, 3), (1, 1), (3, 0))]
    assert [Fraction(int(unit), scores.denominator) for unit in scores.units] == expected


def test_quantiles_without_values_are_uniform() -> None:
    law = median("1", ADD_REMOVE, [1, 2, 3]).probabilities([])
    assert law.floats() == pytest.approx([1 / 3] * 3)


def test_a_sharp_quantile_is_the_quantile(fixed_entropy: FixedEntropy) -> None:
    values = np.arange(1001)
    assert median("200", REPLACE, np.arange(1001)).release(values, fixed_entropy) == 500
    assert quantile("200", REPLACE, "0.9", np.arange(1001)).release(values, fixed_entropy) == 900


# ------------------------------------------------------------------------------------------ the guarantee's numbers


@pytest.mark.parametrize("relation", [ADD_REMOVE, REPLACE])
def test_factors_follow_from_the_relation(relation: NeighbouringRelation) -> None:
    half = 1 if relation is ADD_REMOVE else 2
    epsilon = Fraction(1, 10)
    assert permute_and_flip("0.1", relation).exponent == epsilon / half
    assert exponential(0.1, relation).exponent == epsilon / half
    assert subset_exponential(Decimal("0.1"), relation, 3).exponent == epsilon / 2 / half
    assert peeling("1/10", relation, 3).exponent == epsilon / 3 / half


def test_privacy_maps_and_events() -> None:
    third = Fraction(1, 3)
    winner = permute_and_flip("1/3", ADD_REMOVE)
    assert winner.privacy_map() == third
    assert winner.privacy_map(0) == 0
    assert winner.privacy_map(5) == 5 * third
    assert winner.event == PureDp(third)
    assert exponential("1/3", ADD_REMOVE).event == BoundedRange(third)
    assert subset_exponential("1/3", ADD_REMOVE, 2).event == BoundedRange(third)
    assert peeling("1/3", ADD_REMOVE, 2).event == Composed((PureDp(third / 2),) * 2)
    for wrong in (-1, True, 0.5):
        with pytest.raises(UsageError):
            winner.privacy_map(wrong)  # type: ignore[arg-type]


def test_a_measurement_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        permute_and_flip("1", ADD_REMOVE).epsilon = Fraction(2)  # type: ignore[misc]


@pytest.mark.parametrize(
    "call",
    [
        lambda: permute_and_flip("0", ADD_REMOVE),
        lambda: permute_and_flip("-1", ADD_REMOVE),
        lambda: permute_and_flip(float("nan"), ADD_REMOVE),
        lambda: permute_and_flip("1", None),
        lambda: subset_exponential("1", ADD_REMOVE, 1),
        lambda: peeling("1", ADD_REMOVE, 0),
        lambda: quantile("1", ADD_REMOVE, "1.5", [1, 2]),
        lambda: quantile("1", ADD_REMOVE, "1/2", [1, 1]),
        lambda: quantile("1", ADD_REMOVE, "1/2", [1, 2], Mechanism.PEELING),
        lambda: above_threshold("1", None, 0, Declared(ScoreBound.of("1/2", monotone=True))),
        lambda: permute_and_flip("1", ADD_REMOVE).probabilities(list(range(400))),
    ],
)
def test_senseless_calls_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        call()


def test_too_few_candidates_for_the_seats() -> None:
    for make in (subset_exponential, peeling):
        with pytest.raises(InputError, match="2 candidates cannot fill 3 seats"):
            make("1", ADD_REMOVE, 3).release([1, 2])
    with pytest.raises(UsageError, match="Use the mechanism 'peeling'"):
        subset_exponential("1", ADD_REMOVE, 5000).check(1_000_000)


# ------------------------------------------------------------------------------------------ faults seen elsewhere


@pytest.mark.parametrize("make", SINGLE)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), Decimal("NaN"), Decimal("Infinity")])
def test_no_score_that_is_not_a_number_ever_wins(make: Callable[..., Any], bad: Any) -> None:
    for scores in ([1, bad, 2], [bad], np.array([1.0, float(bad), 2.0])):
        with pytest.raises(InputError):
            make("1", ADD_REMOVE).release(scores)


@pytest.mark.parametrize("make", SINGLE)
def test_scores_far_apart_give_no_nan(make: Callable[..., Any], fixed_entropy: FixedEntropy) -> None:
    """[1000, 990, 10] made another library's probabilities NaN; here also far beyond what a double holds."""
    for scores in ([1000, 990, 10], [10**6, 10**6 - 1000, 0], [10**70, 10**70 - 1000, 0]):
        measurement = make("1", ADD_REMOVE)
        law = measurement.probabilities(scores)
        low, high = law.bounds(0)
        assert 0.99 < low <= high <= 1 + Fraction(1, 2**50)
        assert measurement.release(scores, fixed_entropy) in (0, 1)


def test_one_name_one_law() -> None:
    laws = {make("1", ADD_REMOVE).mechanism: make("1", ADD_REMOVE).probabilities([2, 1, 0]).floats() for make in SINGLE}
    assert laws[Mechanism.PERMUTE_AND_FLIP] != pytest.approx(laws[Mechanism.EXPONENTIAL], abs=0.01)
    names = {make("1", ADD_REMOVE).mechanism.value for make in SINGLE}
    assert names == {"permute-and-flip", "exponential"}


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("make", SINGLE)
def test_the_best_wins_not_the_worst(make: Callable[..., Any], fixed_entropy: FixedEntropy) -> None:
    measurement = make("1000", ADD_REMOVE)
    assert measurement.release([3, 1, 2], fixed_entropy) == 0
    assert measurement.release_many([3, 1, 2], 2, fixed_entropy).tolist() == [0, 0]
    assert measurement.release_many([3, 1, 2], 0, fixed_entropy).tolist() == []


def test_scores_are_not_changed(fixed_entropy: FixedEntropy) -> None:
    scores = np.arange(10)
    for measurement in (
        permute_and_flip("1", ADD_REMOVE),
        exponential("1", ADD_REMOVE),
        subset_exponential("1", ADD_REMOVE, 3),
        peeling("1", ADD_REMOVE, 3),
    ):
        measurement.release(scores, fixed_entropy)
        assert scores.tolist() == list(range(10))


def test_polynomials_print_and_compare() -> None:
    assert repr(Polynomial({0: 1, 2: Fraction(-1, 2)})) == "1*z^0 + -1/2*z^2"
    assert repr(Polynomial({})) == "0"
    assert len({Polynomial({1: 1}), Polynomial({1: 1, 2: 0})}) == 1


def test_a_run_over_many_tied_candidates_draws_as_many_winners_as_asked_for() -> None:
    scores = take(np.full(5000, 4))
    chosen = permute_and_flip("1", REPLACE).draw_run(scores, 5, FixedEntropy("run"))
    assert len(chosen) == len(set(chosen)) == 5
    # After the only best candidate the run ends.
    scores = take(np.r_[np.full(4999, 4), 10**6])
    assert permute_and_flip("1", REPLACE).draw_run(scores, 5, FixedEntropy("run")) == [4999]


@pytest.mark.parametrize("relation", [ADD_REMOVE, REPLACE])
def test_the_score_of_a_quantile_is_not_monotone(relation: NeighbouringRelation) -> None:
    assert not quantile_bounds(Fraction(1, 4)).bound(relation).monotone
