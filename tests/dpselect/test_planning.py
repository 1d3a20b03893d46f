"""The rule that picks a mechanism, and what a plan promises."""

from __future__ import annotations

import inspect
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpselect import planning
from dpselect.accounting import BudgetKind
from dpselect.mechanisms import Mechanism
from dpselect.planning import Task, choose, plan, probability_curve
from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import UsageError

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
PF, EM, SUBSET, PEELING = (
    Mechanism.PERMUTE_AND_FLIP,
    Mechanism.EXPONENTIAL,
    Mechanism.SUBSET_EXPONENTIAL,
    Mechanism.PEELING,
)


def task(m: int, k: int = 1, epsilon: str = "1", gap: int | None = None, **more: object) -> Task:
    more.setdefault("neighbors", ADD_REMOVE)
    return Task(m, Fraction(epsilon), seats=k, gap=None if gap is None else Fraction(gap), **more)


@pytest.mark.parametrize(
    ("public", "expected"),
    [
        (task(2), PF),
        (task(1000, gap=5, neighbors=REPLACE), PF),
        (task(16, budget=BudgetKind.ZCDP), EM),
        # Few seats or a small lead: peeling. Many seats and a lead that the sets can use: the sets.
        (task(16, 2), PEELING),
        (task(16, 2, gap=1000), PEELING),
        (task(16, 5), PEELING),
        (task(16, 5, "2"), SUBSET),
        (task(16, 5, gap=20), SUBSET),
        (task(16, 5, gap=20, neighbors=REPLACE), PEELING),
        (task(16, 5, "2", gap=200), SUBSET),  # both are right with a probability that rounds to 1
        (task(16, 2, "2", gap=2000), PEELING),
        (task(199, 10, gap=30), PEELING),
        (task(199, 10, gap=100), SUBSET),
        (task(1000, 10, gap=100), PEELING),
        (task(36, 10, gap=0), PEELING),
        (task(20_000, 9_000, gap=1000), PEELING),
    ],
)
def test_the_rule(public: Task, expected: Mechanism) -> None:
    first, again = choose(public), choose(replace(public))
    assert first.mechanism is again.mechanism is expected
    assert first.why == again.why != ""
    assert first.measurement.epsilon == public.epsilon


def test_the_rule_cannot_see_a_ballot() -> None:
    """`choose` takes a Task, and a Task holds public parameters only."""
    assert list(inspect.signature(choose).parameters) == ["task", "wanted"]
    assert set(Task.__dataclass_fields__) == {"candidates", "epsilon", "neighbors", "seats", "gap", "budget"}
    assert not any(name.startswith("dpselect.ballots") for name in vars(planning))


def test_exponents_follow_from_the_relation() -> None:
    exponents = {
        (neighbors, row.mechanism): row.exponent
        for neighbors in (ADD_REMOVE, REPLACE)
        for k in (1, 4)
        for row in plan(task(9, k, gap=5, neighbors=neighbors), 0.95).rows
    }
    assert exponents == {
        (ADD_REMOVE, PF): 1,
        (ADD_REMOVE, EM): 1,
        (ADD_REMOVE, SUBSET): Fraction(1, 2),
        (ADD_REMOVE, PEELING): Fraction(1, 4),
        (REPLACE, PF): Fraction(1, 2),
        (REPLACE, EM): Fraction(1, 2),
        (REPLACE, SUBSET): Fraction(1, 4),
        (REPLACE, PEELING): Fraction(1, 8),
    }


@settings(max_examples=20, deadline=None)
@given(
    st.integers(2, 60),
    st.data(),
    st.integers(1, 60),
    st.fractions(Fraction(1, 50), 4, max_denominator=50),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_epsilon_for_target_is_enough_and_hardly_more(
    m: int, data: st.DataObject, gap: int, epsilon: Fraction, target: float
) -> None:
    public = task(m, data.draw(st.integers(1, m - 1)), str(epsilon), gap)
    try:
        made = plan(public, target)
    except UsageError:
        assert m == 2  # a uniform choice of two is right half the time, above no target here
        raise
    for row in made.rows:
        assert row.epsilon_for_target is not None
        enough, less = (
            plan(replace(public, epsilon=e), target)
            for e in (row.epsilon_for_target, row.epsilon_for_target * Fraction(99, 100))
        )
        assert next(r for r in enough.rows if r.mechanism is row.mechanism).probability.value >= target - 1e-9
        assert next(r for r in less.rows if r.mechanism is row.mechanism).probability.value < target
        led = plan(replace(public, gap=Fraction(row.gap_for_target)), target)
        found = next(r for r in led.rows if r.mechanism is row.mechanism)
        assert found.probability.value == pytest.approx(target, abs=1e-6)


def test_the_curve_goes_through_the_plan() -> None:
    public = task(16, gap=20, epsilon="1/10")
    made = plan(public, 0.95)
    for row in made.rows:
        at = probability_curve(public, row.mechanism, [0.1, float(row.epsilon_for_target or 0)])
        assert at[0] == pytest.approx(row.probability.value, rel=1e-12)
        assert at[1] == pytest.approx(0.95, abs=2e-4)


def test_what_is_asked_for_is_taken_or_refused() -> None:
    assert choose(task(9, 3), PF).mechanism is PEELING
    assert choose(task(9, 3), EM).mechanism is SUBSET
    assert choose(task(9, 3), SUBSET).mechanism is SUBSET
    assert choose(task(9), EM).why == "as asked"
    for wanted in (SUBSET, PEELING):
        with pytest.raises(UsageError, match="Use 'permute-and-flip' or 'exponential'"):
            choose(task(9), wanted)
    with pytest.raises(UsageError, match="too many ways to choose"):
        choose(task(20_000, 9_000), SUBSET)
    assert [row.mechanism for row in plan(task(4_000, 1_500, gap=9), 0.95).rows] == [PEELING]


@pytest.mark.parametrize(("m", "k"), [(1, 1), (0, 1), (5, 5), (5, 6), (5, 0)])
def test_nothing_to_choose_is_refused(m: int, k: int) -> None:
    with pytest.raises(UsageError, match="candidates"):
        task(m, k)


@pytest.mark.parametrize(("m", "k"), [(3000, 2), (2500, 110), (900, 300)])
def test_whatever_fits_by_public_size_can_be_sampled(m: int, k: int) -> None:
    """A refusal by the number of steps in use would depend on private scores; the public bound must come first."""
    public = task(m, k, "1")
    scores = np.arange(m, dtype=np.int64) * 3  # every score its own, so that all steps are in use
    committee = choose(public, SUBSET).measurement.release(scores)
    assert len(committee) == k
