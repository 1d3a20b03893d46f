from __future__ import annotations

import builtins
import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import strategies as st

from dpselect.declaration_search import audit
from dpselect.privacy import NeighbouringRelation
from dpselect.quantile import quantile, quantile_bounds
from dpselect.scores import APPROVAL, ScoreBound, ScoreFunction, approval_scores
from psiselect.base.errors import UsageError

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
BALLOTS = [frozenset(chosen) for size in range(4) for chosen in itertools.combinations(range(3), size)]


def declared(bound: ScoreBound) -> ScoreFunction[Any]:
    """Approval of three candidates with another promise."""
    return ScoreFunction("approval", approval_scores(3).evaluate, {ADD_REMOVE: bound, REPLACE: bound})


@pytest.mark.parametrize("relation", [ADD_REMOVE, REPLACE])
def test_approval_keeps_its_promise_exactly(relation: NeighbouringRelation) -> None:
    found = audit(approval_scores(3), relation, BALLOTS, size=3)
    assert found.violation is None
    assert found.exhaustive
    assert found.pairs == sum(size * 8**size for size in (1, 2, 3)) * (1 if relation is ADD_REMOVE else 8)
    bound = APPROVAL.bound(relation)
    assert (found.sensitivity, found.range, found.monotone) == (bound.sensitivity, bound.range, bound.monotone)
    assert "no violation in all" in str(found)


@pytest.mark.parametrize("size", [3, 40])  # exhaustive, and by hypothesis
@pytest.mark.parametrize(
    ("bound", "relation", "broken"),
    [
        (ScoreBound.of("1/2", monotone=True), ADD_REMOVE, "sensitivity"),
        (ScoreBound.of(1, monotone=True), REPLACE, "monotonicity"),
        (ScoreBound.of(1, monotone=False, range_=1), REPLACE, "range"),
    ],
)
def test_a_false_promise_is_found_and_shown(
    bound: ScoreBound, relation: NeighbouringRelation, broken: str, size: int
) -> None:
    found = audit(declared(bound), relation, BALLOTS, size=size)
    violation = found.violation
    assert violation is not None
    assert found.exhaustive == (size == 3)
    assert violation.broken == broken
    assert len(violation.data) == 1  # shrunk, or found first
    # The counterexample speaks for itself: evaluated anew, it breaks the promise.
    scores = approval_scores(3)
    here, there = scores(violation.data), scores(violation.neighbour)
    moves = [int(b) - int(a) for a, b in zip(here, there, strict=True)]
    assert list(violation.scores) == list(here)
    assert {
        "sensitivity": max(map(abs, moves)) > bound.sensitivity,
        "monotonicity": min(moves) < 0 < max(moves),
        "range": max(moves) - min(moves) > bound.range,
    }[broken]
    assert broken in str(found)
    assert repr(list(violation.data)) in str(found)


def test_hypothesis_searches_an_endless_domain() -> None:
    """A sum of values clamped to 0..10 is said to move by 10; the clamp is forgotten below zero."""

    def evaluate(records: Sequence[int]) -> list[int]:
        return [sum(min(record, 10) for record in records), 0]

    function = ScoreFunction("sum", evaluate, {ADD_REMOVE: ScoreBound.of(10, monotone=False)})
    violation = audit(function, ADD_REMOVE, st.integers()).violation
    assert violation is not None
    assert violation.data == (-11,)
    right = audit(function, ADD_REMOVE, st.integers(0, 10**6))
    assert right.violation is None
    assert not right.exhaustive
    assert "a search of" in str(right)


def test_a_number_of_candidates_that_depends_on_the_data_is_found() -> None:
    function = ScoreFunction(
        "bad", lambda records: [1] * (1 + len(records)), {ADD_REMOVE: ScoreBound.of(1, monotone=True)}
    )
    violation = audit(function, ADD_REMOVE, [0]).violation
    assert violation is not None
    assert violation.broken == "candidates"


@pytest.mark.parametrize("q", [Fraction(1, 2), Fraction(1, 4)])
@pytest.mark.parametrize("relation", [ADD_REMOVE, REPLACE])
def test_quantile_scores_keep_their_promise(q: Fraction, relation: NeighbouringRelation) -> None:
    # Values go to their grid point, so the range is reached only with one between two others.
    measurement = quantile("1", relation, q, [0, 1, 2, 3, 4])
    function = ScoreFunction("quantile", measurement.scores, {relation: quantile_bounds(q).bound(relation)})
    found = audit(function, relation, [-1, 0, 2, 4], size=4)
    assert found.exhaustive
    assert found.violation is None
    assert found.range == measurement.bound.range  # reached, so nothing is given away


def test_hypothesis_is_asked_for_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.startswith("hypothesis"):
            raise ImportError(name)
        return load(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    assert audit(approval_scores(3), ADD_REMOVE, BALLOTS, size=2).violation is None
    with pytest.raises(UsageError, match="pip install hypothesis"):
        audit(approval_scores(3), ADD_REMOVE, BALLOTS, size=40)


def test_senseless_audits_are_refused() -> None:
    for records, size in (([], 3), (BALLOTS, 0)):
        with pytest.raises(UsageError):
            audit(approval_scores(3), ADD_REMOVE, records, size=size)
    with pytest.raises(UsageError):
        audit(ScoreFunction("f", lambda _: [1], {}), ADD_REMOVE, BALLOTS)
