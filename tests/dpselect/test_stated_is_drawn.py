"""What a measurement states is what it draws and what it charges: the exponents that reach the samplers are captured
and compared with figures worked by hand, and with the measurement's own statements."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from support.entropy import FixedEntropy

from dpselect import committee, local_dp, mechanisms, numeric, threshold
from dpselect.accounting import BudgetKind
from dpselect.committee import peeling, subset_exponential
from dpselect.grid import Grid
from dpselect.local_dp import Poll, PollMechanism
from dpselect.mechanisms import Mechanism, exponential, permute_and_flip
from dpselect.numeric import DiscreteLaplace, Invalid
from dpselect.privacy import NeighbouringRelation, parse_poll_epsilon
from dpselect.quantile import quantile
from dpselect.scores import Declared, ScoreBound
from dpselect.threshold import above_threshold

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
EPSILON = Fraction(1, 2)
PURE, ZCDP = BudgetKind.PURE, BudgetKind.ZCDP
# What a zCDP ledger takes: epsilon^2/2, and epsilon^2/8 for the exponential mechanism.
FULL, QUARTER = EPSILON**2 / 2, EPSILON**2 / 8


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Fraction]:
    """The exponents that reach a sampler, in order."""
    seen: list[Fraction] = []

    def watched(module: Any, name: str, exponent_of: Callable[..., Fraction]) -> None:
        real = getattr(module, name)

        def call(*arguments: Any) -> Any:
            seen.append(exponent_of(*arguments))
            return real(*arguments)

        monkeypatch.setattr(module, name, call)

    for module in (numeric, threshold):
        watched(module, "discrete_laplace", lambda entropy, exponent: exponent)
    for module in (mechanisms, committee):
        watched(module, "ladder", lambda exponent, *reach: exponent)
    return seen


def fractions(*texts: object) -> list[Fraction]:
    return [Fraction(str(text)) for text in texts]


def grid(*texts: object) -> Grid:
    return Grid(*fractions(*texts))


# ------------------------------------------------------------------------------------------ noise on numbers


@dataclass(frozen=True)
class Number:
    """A noisy number: the measurement, its data, the sensitivity of each integer that gets noise (at all of epsilon, or
    at `share` of it), and how much one of these integers is in the data's measure."""

    measurement: Any
    data: Any
    sensitivities: list[int]
    unit: Fraction = Fraction(1)
    share: Fraction = Fraction(1)


AGES = fractions(20, 130)
NUMBERS = {
    "count": Number(numeric.count(EPSILON, REPLACE), 3, [1]),
    "count of 3": Number(numeric.count(EPSILON, ADD_REMOVE, contributions=3), 3, [3]),
    "sum": Number(numeric.sum_(EPSILON, REPLACE, grid(10, 90, "0.5")), AGES, [160], Fraction(1, 2)),
    "sum of 2": Number(numeric.sum_(EPSILON, REPLACE, grid(10, 90, 1), contributions=2), AGES, [180]),
    "sum, add-remove": Number(numeric.sum_(EPSILON, ADD_REMOVE, grid(-100, 90, 1), contributions=2), AGES, [200]),
    "sum, drop": Number(numeric.sum_(EPSILON, REPLACE, grid(10, 90, 1), invalid=Invalid.DROP), AGES, [90]),
    "sum, drop, below 0": Number(numeric.sum_(EPSILON, REPLACE, grid(-90, -1, 1), invalid=Invalid.DROP), AGES, [90]),
    "mean": Number(
        numeric.mean(EPSILON, REPLACE, grid(10, 90, 1), rows=4, contributions=3), AGES, [240], Fraction(1, 4)
    ),
    "mean, drop": Number(numeric.mean(EPSILON, REPLACE, grid(10, 90, 1), rows=3), AGES, [80], Fraction(1, 3)),
    # The middle of 10 and 91 is 50, from which 91 is 41 away; then the count.
    "mean, private n": Number(
        numeric.mean(EPSILON, ADD_REMOVE, grid(10, 91, 1), rows=1000, contributions=2),
        AGES,
        [82, 2],
        share=Fraction(1, 2),
    ),
    "histogram": Number(numeric.histogram(EPSILON, REPLACE, categories="abc", contributions=2), "ab", [4, 4, 4]),
    "histogram of bins": Number(numeric.histogram(EPSILON, ADD_REMOVE, edges=fractions(0, 1, 2)), AGES, [1, 1]),
}


def reach(exponent: Fraction, miss: float) -> int:
    """The least e with 2 z^(e+1)/(1+z) <= miss, from logarithms: independent of `DiscreteLaplace.error`."""
    z = math.exp(-exponent)
    return max(0, math.ceil(math.log(miss * (1 + z) / 2) / -float(exponent) - 1))


@pytest.mark.parametrize("case", NUMBERS.values(), ids=NUMBERS)
def test_the_noise_of_a_number_is_what_is_stated_and_charged(case: Number, drawn: list[Fraction]) -> None:
    measurement = case.measurement
    measurement.release(case.data, FixedEntropy())
    assert drawn == [case.share * EPSILON / sensitivity for sensitivity in case.sensitivities]
    assert measurement.scale == case.unit / drawn[0]
    assert measurement.sensitivity == case.sensitivities[0] * case.unit
    assert measurement.epsilon == measurement.privacy_map() == EPSILON
    assert (measurement.event.cost(PURE).amount, measurement.event.cost(ZCDP).amount) == (EPSILON, FULL)
    assert measurement.event.cost(ZCDP).delta == 0
    if not isinstance(measurement, numeric.PrivateMean):
        assert measurement.error95 == reach(drawn[0], 0.05) * case.unit
    if isinstance(measurement, numeric.Histogram):
        assert measurement.error95_all == reach(drawn[0], 0.05 / len(drawn))


def test_the_error_of_a_private_mean_follows_from_both_of_its_noises(drawn: list[Fraction]) -> None:
    """With 97.5 % each: (deviation + half of the width * error of the count) / (rows - error of the count)."""
    measurement = numeric.mean(Fraction(2), ADD_REMOVE, grid(10, 91, "0.5"), rows=1000)
    measurement.release(AGES, FixedEntropy())
    deviation, rows = (reach(exponent, 0.025) for exponent in drawn)
    half = 182 - (20 + 182) // 2
    assert measurement.error95 == Fraction(deviation + half * rows, 1000 - rows) / 2
    few = numeric.mean(Fraction(2), ADD_REMOVE, grid(10, 91, "0.5"), rows=rows)
    assert few.error95 == 81  # the count may be nothing: no better than the bounds
    assert numeric.mean(Fraction(2), ADD_REMOVE, grid(10, 91, "0.5")).error95 is None


@pytest.mark.parametrize("sensitivity", [1, 7])
def test_noise_itself(sensitivity: int, drawn: list[Fraction]) -> None:
    noise = DiscreteLaplace(EPSILON, sensitivity)
    noise.release([1, 2, 3], FixedEntropy())
    assert drawn == [EPSILON / sensitivity] * 3
    assert noise.scale == 1 / drawn[0]
    assert noise.exponent == drawn[0]


# ------------------------------------------------------------------------------------------ selections


@dataclass(frozen=True)
class Choice:
    """A selection: what is stated as its exponent, the data, the exponents drawn with, and its price in rho."""

    make: Callable[[], Any]
    data: Any
    exponent: Fraction
    drawn: list[Fraction]
    rho: Fraction


THIRDS = fractions("1/3", 2, 0, 1)
WHOLE = [3, 1, 2, 0]
HALF_STEP = Declared(ScoreBound.of("1/5", monotone=False))
ONE_WAY = Declared(ScoreBound.of(4, monotone=True))
E = EPSILON
CHOICES = {
    "permute-and-flip": Choice(lambda: permute_and_flip(E, ADD_REMOVE), WHOLE, E, [E], FULL),
    "permute-and-flip, replace": Choice(lambda: permute_and_flip(E, REPLACE), THIRDS, E / 2, [E / 6], FULL),
    "permute-and-flip, declared": Choice(
        lambda: permute_and_flip(E, None, HALF_STEP), WHOLE, E * 5 / 2, [E * 5 / 2], FULL
    ),
    "exponential": Choice(lambda: exponential(E, REPLACE), THIRDS, E / 2, [E / 6], QUARTER),
    "exponential, declared": Choice(lambda: exponential(E, None, ONE_WAY), WHOLE, E / 4, [E / 4], QUARTER),
    "subsets": Choice(lambda: subset_exponential(E, ADD_REMOVE, 2), WHOLE, E / 2, [E / 2], QUARTER),
    "subsets, replace": Choice(lambda: subset_exponential(E, REPLACE, 3), THIRDS, E / 4, [E / 12], QUARTER),
    "subsets, declared": Choice(
        lambda: subset_exponential(E, None, 2, HALF_STEP), WHOLE, E * 5 / 4, [E * 5 / 4], QUARTER
    ),
    "peeling": Choice(lambda: peeling(E, REPLACE, 3), WHOLE, E / 6, [E / 6], 3 * (E / 3) ** 2 / 2),
    "peeling, declared": Choice(lambda: peeling(E, None, 2, ONE_WAY), WHOLE, E / 8, [E / 8], 2 * (E / 2) ** 2 / 2),
    "above-threshold": Choice(
        lambda: above_threshold(E, None, 10**9, ONE_WAY), [0, 0], E / 8, [E / 8, E / 8, E / 8], FULL
    ),
    "above-threshold, any queries": Choice(
        lambda: above_threshold(E, None, 10**9, Declared(ScoreBound.of(3, monotone=False))),
        [0, 0],
        E / 12,
        [E / 6, E / 12, E / 12],
        FULL,
    ),
    # Scores of a quantile are counted in parts of 1/4 (1/2), so the exponent drawn with is a fourth (half).
    "quantile": Choice(lambda: quantile(E, ADD_REMOVE, "1/4", [0, 1, 2]), [1], E * 2 / 3, [E / 6], QUARTER),
    "median, replace": Choice(
        lambda: quantile(E, REPLACE, "1/2", [0, 1, 2], Mechanism.PERMUTE_AND_FLIP), [1], E / 2, [E / 4], FULL
    ),
}


@pytest.mark.parametrize("case", CHOICES.values(), ids=CHOICES)
def test_the_exponent_of_a_selection_is_what_is_stated_and_charged(case: Choice, drawn: list[Fraction]) -> None:
    measurement = case.make()
    measurement.release(case.data, FixedEntropy())
    assert list(dict.fromkeys(drawn)) == list(dict.fromkeys(case.drawn))
    if measurement.mechanism is Mechanism.ABOVE_THRESHOLD:
        assert drawn == case.drawn
    assert measurement.exponent == case.exponent
    assert measurement.epsilon == measurement.privacy_map() == EPSILON
    assert (measurement.event.cost(PURE).amount, measurement.event.cost(ZCDP).amount) == (EPSILON, case.rho)
    for size in (1, 3):
        assert measurement.event.for_group(size).cost(PURE).amount == measurement.privacy_map(size) == size * EPSILON


@pytest.mark.parametrize("case", CHOICES.values(), ids=CHOICES)
def test_many_draws_use_the_exponent_of_one(case: Choice, drawn: list[Fraction]) -> None:
    measurement = case.make()
    many = getattr(measurement, "release_many", None)
    if many is None:
        assert measurement.mechanism is Mechanism.ABOVE_THRESHOLD or "quantile" in type(measurement).__module__
    else:
        many(case.data, 3, FixedEntropy())
        assert set(drawn) == set(case.drawn)


# ------------------------------------------------------------------------------------------ answers to a poll


@pytest.fixture
def coins(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[Fraction]]:
    """What reaches the coins of a poll: probabilities, exponents of exp(-x), exponents of 1/(1 + exp(x))."""
    seen: dict[str, set[Fraction]] = {"rational": set(), "power": set(), "logistic": set()}
    heads = iter([True, False] * 1000)
    monkeypatch.setattr(local_dp, "bernoulli", lambda _, p: seen["rational"].add(p) or next(heads))
    monkeypatch.setattr(local_dp, "bernoulli_exp", lambda _, gamma: seen["power"].add(gamma) or next(heads))
    monkeypatch.setattr(local_dp, "flip", lambda _, coin: seen["logistic"].add(coin.gamma) or next(heads))
    return seen


@pytest.mark.parametrize("mechanism", list(PollMechanism))
@pytest.mark.parametrize("epsilon", ["0.7", "ln(4)"])
def test_the_coins_of_an_answer_are_those_of_its_epsilon(
    mechanism: PollMechanism, epsilon: str, coins: dict[str, set[Fraction]]
) -> None:
    options = "ab" if mechanism is PollMechanism.RANDOMISED_RESPONSE else "abcd"
    poll = Poll.of(tuple(options), parse_poll_epsilon(epsilon), mechanism)
    entropy = FixedEntropy()
    for _ in range(20):
        poll.respond("b", entropy)
    half, seven = Fraction(1, 2), Fraction(7, 10)
    if mechanism is PollMechanism.UNARY:
        expected = (
            {"rational": {half}, "logistic": {seven}} if epsilon == "0.7" else {"rational": {half, Fraction(1, 5)}}
        )
    else:
        expected = {"power": {seven}} if epsilon == "0.7" else {"rational": {Fraction(1, 4)}}
    assert {kind: values for kind, values in coins.items() if values} == expected
    z = math.exp(-0.7) if epsilon == "0.7" else 0.25
    truth, lie = (0.5, z / (1 + z)) if mechanism is PollMechanism.UNARY else (1 / (1 + 3 * z), z / (1 + 3 * z))
    if mechanism is PollMechanism.RANDOMISED_RESPONSE:
        truth, lie = 1 / (1 + z), z / (1 + z)
    assert poll.rates == pytest.approx((truth, lie))
