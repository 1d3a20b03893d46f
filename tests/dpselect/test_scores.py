from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpselect.privacy import NeighbouringRelation
from dpselect.scores import APPROVAL, Declared, ScoreBound, ScoreFunction, approval_scores, parse_score, take
from psiselect.base.errors import InputError, UsageError

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
numbers = st.one_of(
    st.integers(-(10**30), 10**30),
    st.fractions(max_denominator=1000),
    st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9),
)


def values(scores: Any, **options: bool) -> list[Fraction]:
    exact = take(scores, **options)
    return [Fraction(int(unit), exact.denominator) for unit in exact.units]


@settings(max_examples=100, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=6))
def test_mixed_numbers_are_taken_exactly(given_: list[Any]) -> None:
    assert values(given_) == [Fraction(number) for number in given_]


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4", "<u2"])
def test_integer_arrays_of_any_width(kind: str) -> None:
    ends = np.iinfo(np.dtype(kind))
    assert values(np.array([ends.min, 0, ends.max], dtype=kind)) == [ends.min, 0, ends.max]


def test_other_containers() -> None:
    assert values((1, 2)) == [1, 2]
    assert values([np.int8(1), np.uint64(2**64 - 1)]) == [1, 2**64 - 1]
    assert values(np.array([1, Fraction(1, 2)], dtype=object)) == [1, Fraction(1, 2)]
    assert values(np.arange(10)[::-2]) == [9, 7, 5, 3, 1]


@pytest.mark.parametrize(
    "bad",
    [
        [0.5],
        [1.0, 2],
        np.array([1.0]),
        np.array([1], dtype=np.float32),
        [np.float16(1)],
        [float("nan")],
        [float("inf")],
        [Decimal("NaN")],
        [Decimal("sNaN")],
        [Decimal("-Infinity")],
        [True, 1],
        np.array([True]),
        ["1"],
        [None],
        [1 + 0j],
        [],
        np.array([], dtype=np.int64),
        np.ones((2, 2), dtype=np.int64),
        np.array(["1"]),
        [Decimal("1e-100")],
        [Decimal("1e1000000")],
        [Fraction(1, 2**129)],
        [Fraction(1, prime) for prime in (2**61 - 1, 2**31 - 1, 10**9 + 7, 10**9 + 9)],
        [2**257],
    ],
    ids=repr,
)
def test_what_is_no_score(bad: Any) -> None:
    with pytest.raises(InputError, match="scores"):
        take(bad)


def test_the_position_is_named() -> None:
    with pytest.raises(InputError, match="item 2 of scores is nan"):
        take([1, 2, float("nan")], exact_floats=True)


def test_floats_that_are_meant() -> None:
    assert values([0.1, 1.5], exact_floats=True) == [Fraction(0.1), Fraction(3, 2)]
    assert values(np.array([0.25, -2], dtype=np.float32), exact_floats=True) == [Fraction(1, 4), -2]
    for bad in ([float("nan")], [1e-300], [1e300]):
        with pytest.raises(InputError):
            take(bad, exact_floats=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        (" -3 ", -3),
        ("+4", 4),
        ("0.10", Fraction(1, 10)),
        ("1/3", Fraction(1, 3)),
        ("-2e2", -200),
        (".5", Fraction(1, 2)),
    ],
)
def test_scores_in_text(text: str, value: Fraction) -> None:
    assert parse_score(text) == value


@pytest.mark.parametrize(
    "text", ["", "nan", "inf", "1/0", "1e100", "0x10", "1_000", "1,5", "--1", "1 2", "9" * 81, "٣"]
)
def test_text_that_is_no_score(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a number|must be a number"):
        parse_score(text)


def test_bounds() -> None:
    assert ScoreBound.of("0.5", monotone=True).range == Fraction(1, 2)
    assert ScoreBound.of(2, monotone=False).range == 4
    assert ScoreBound.of(2, monotone=False, range_=3).range == 3
    for wrong in (
        lambda: ScoreBound.of(0, monotone=True),
        lambda: ScoreBound.of(1, monotone=True, range_=2),
        lambda: ScoreBound.of(1, monotone=False, range_=3),
        lambda: ScoreBound.of(1, monotone=False, range_=0),
        lambda: ScoreBound.of(-1, monotone=False),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_what_approval_promises() -> None:
    assert APPROVAL.bound(ADD_REMOVE) == ScoreBound(Fraction(1), True, Fraction(1))
    assert APPROVAL.bound(REPLACE) == ScoreBound(Fraction(1), False, Fraction(2))
    with pytest.raises(UsageError, match="with the score"):
        APPROVAL.bound(None)
    assert Declared(ScoreBound.of(1, monotone=True)).bound(None).range == 1


def test_functions_declare_for_a_relation() -> None:
    function = ScoreFunction("length", lambda records: [len(records), 0], {REPLACE: ScoreBound.of(1, monotone=True)})
    assert list(function([1, 2])) == [2, 0]
    assert function.bound(REPLACE).range == 1
    with pytest.raises(UsageError, match=r"length.*replace"):
        function.bound(ADD_REMOVE)


def test_approval_counts() -> None:
    scores = approval_scores(3)
    assert list(scores([[0, 2], [2, 2], []])) == [1, 0, 2]
    assert list(scores([])) == [0, 0, 0]
    with pytest.raises(InputError, match=r"numbers are 0 to 2"):
        scores([[3]])
