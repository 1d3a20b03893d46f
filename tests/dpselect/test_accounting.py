"""Costs are exact, conversions are upper bounds, and the two kinds agree with what is published."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpselect.accounting import (
    ApproximateDp,
    BoundedRange,
    BudgetKind,
    Composed,
    Cost,
    Event,
    PureDp,
    epsilon_of_rho,
    rho_of_epsilon,
    round_up,
    total,
)
from dpselect.committee import peeling, subset_exponential
from dpselect.mechanisms import exponential, permute_and_flip
from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import UsageError

PURE, ZCDP = BudgetKind.PURE, BudgetKind.ZCDP
E6 = Fraction(1, 10**6)
EVENTS: list[Event] = [
    PureDp(Fraction(1, 10)),
    BoundedRange(Fraction(1, 10)),
    ApproximateDp(Fraction(1, 10), E6),
    Composed((PureDp(Fraction(1, 3)), BoundedRange(Fraction(1, 7)))),
]


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_immutable_exact_and_grows_with_the_group(event: Event) -> None:
    assert dataclasses.is_dataclass(event)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, dataclasses.fields(event)[0].name, None)
    for kind, power in ((PURE, 1), (ZCDP, 2)):
        cost = event.cost(kind)
        assert isinstance(cost.amount, Fraction)
        assert isinstance(cost.delta, Fraction)
        assert event.for_group(1).cost(kind) == cost
        assert event.for_group(4).cost(kind).amount == 4**power * cost.amount
        assert event.for_group(4).cost(kind).delta >= 4 * cost.delta
    with pytest.raises(UsageError):
        event.for_group(0)


def test_the_price_list_of_every_mechanism() -> None:
    eps, relation = Fraction(1, 10), NeighbouringRelation.ADD_REMOVE
    assert permute_and_flip(eps, relation).event.cost(ZCDP) == Cost(eps**2 / 2)
    assert exponential(eps, relation).event.cost(ZCDP) == Cost(eps**2 / 8)
    assert subset_exponential(eps, relation, 5).event.cost(ZCDP) == Cost(eps**2 / 8)
    assert peeling(eps, relation, 5).event.cost(ZCDP) == Cost(5 * (eps / 5) ** 2 / 2)
    for mechanism in (permute_and_flip(eps, relation), exponential(eps, relation), peeling(eps, relation, 3)):
        assert mechanism.event.cost(PURE) == Cost(eps)


def test_group_privacy_of_an_approximate_release_is_rounded_up() -> None:
    grouped = ApproximateDp(Fraction(1), E6).for_group(3)
    assert grouped.epsilon == 3
    assert ApproximateDp(Fraction(1), E6).cost(PURE) == Cost(Fraction(1), E6)
    assert ApproximateDp(Fraction(1), E6).cost(ZCDP) == Cost(Fraction(1, 2), E6)
    assert 3 * math.exp(2) * 1e-6 <= grouped.delta <= 3 * math.exp(2) * 1e-6 * (1 + 1e-6)
    with pytest.raises(UsageError, match="a group of 5 persons"):
        ApproximateDp(Fraction(5), E6).for_group(5)


def test_a_hundred_exponential_mechanisms_under_zcdp() -> None:
    """100 releases at 0.1: epsilon 2.42 at delta 1e-6, against 10 by adding up."""
    events = Composed((BoundedRange(Fraction(1, 10)),) * 100)
    assert events.cost(ZCDP).amount == Fraction(1, 8)
    assert events.cost(PURE).amount == 10
    assert float(epsilon_of_rho(Fraction(1, 8), E6)) == pytest.approx(2.42, abs=0.005)


def loss_by_density(rho: float, epsilon: float) -> float:
    """delta(epsilon) of the Gaussian mechanism that is exactly rho-zCDP (Balle, Wang 2018): a lower bound for rho."""
    mu = math.sqrt(2 * rho)
    phi = lambda x: 0.5 * math.erfc(-x / math.sqrt(2))  # noqa: E731
    return phi(-epsilon / mu + mu / 2) - math.exp(epsilon) * phi(-epsilon / mu - mu / 2)


@pytest.mark.parametrize("rho", ["1e-6", "0.001", "0.125", "1", "20"])
@pytest.mark.parametrize("delta", ["1e-3", "1e-6", "1e-12"])
def test_conversion_lies_between_the_gaussian_and_the_textbook_bound(rho: str, delta: str) -> None:
    epsilon = float(epsilon_of_rho(Fraction(rho), Fraction(delta)))
    textbook = float(rho) + 2 * math.sqrt(float(rho) * math.log(1 / float(delta)))
    assert loss_by_density(float(rho), epsilon) <= float(delta)
    assert epsilon <= textbook + 2e-6


@pytest.mark.parametrize("rho", ["1/1000000", "0.001", "0.125", "1", "20"])
@pytest.mark.parametrize("delta", ["1/1000", "1e-6", "1e-12", "0.9"])
def test_the_rule_of_conversion_is_that_of_its_best_order(rho: str, delta: str) -> None:
    """The library minimises the same bound over other orders: what differs is the choice, and rounding up."""
    epsilon = float(epsilon_of_rho(Fraction(rho), Fraction(delta)))
    size, miss = float(Fraction(rho)), -math.log(Fraction(delta))
    orders = [1 + 10 ** (step / 500) for step in range(-2000, 3000)]
    best = min(a * size + (miss - math.log(a)) / (a - 1) + math.log1p(-1 / a) for a in orders)
    assert max(0.0, best) * 0.9999 - 1e-6 <= epsilon <= max(0.0, best) * 1.002 + 2e-6


@settings(max_examples=25, deadline=None)
@given(st.fractions(Fraction(1, 100), 20), st.sampled_from([Fraction(1, 10**4), E6, Fraction(1, 10**10)]))
def test_rho_of_epsilon_is_the_largest_that_fits(epsilon: Fraction, delta: Fraction) -> None:
    rho = rho_of_epsilon(epsilon, delta)
    assert epsilon_of_rho(rho, delta) <= epsilon
    assert epsilon_of_rho(rho * Fraction(10001, 10000), delta) > epsilon - Fraction(1, 10**5)


def test_zero_and_nonsense() -> None:
    assert epsilon_of_rho(Fraction(0), E6) == 0
    assert total([]) == Cost()
    for delta in (Fraction(0), Fraction(1), Fraction(-1)):
        with pytest.raises(UsageError):
            epsilon_of_rho(Fraction(1), delta)
        with pytest.raises(UsageError):
            rho_of_epsilon(Fraction(1), delta)
    with pytest.raises(UsageError):
        rho_of_epsilon(Fraction(0), E6)
    with pytest.raises(
        UsageError, match="is too small: the program cannot compute the noise"
    ):  # once searched for without end
        rho_of_epsilon(E6 / 2, E6)
    for value in (math.nan, math.inf, -1.0):
        with pytest.raises(UsageError):
            round_up(value)
    with pytest.raises(UsageError):
        ApproximateDp(Fraction(1), Fraction(1))


def test_importing_the_room_does_not_load_the_accounting_library() -> None:
    code = "import sys, dpselect.accounting, dpselect.ledger; sys.exit('dp_accounting' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
