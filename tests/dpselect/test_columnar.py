"""Whole columns become the same whole numbers as each value by itself, and doubles never decide where they cannot."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpselect.columnar import EdgePlaces, GridPlaces, Integers, Places, Sure, add, bin_counts
from dpselect.grid import Added, Grid

UNITS = ["1", "10", "0.1", "0.01", "1/3", "7", "1e-38", "1e30", "3e-5"]
BOUNDS = [("0", "5000"), ("-3", "7.5"), ("-0.5", "0.5"), ("1e-38", "5e-38"), ("-1e30", "1e31"), ("0.25", "1000000")]


def grids() -> list[Grid]:
    found = []
    for low, high in BOUNDS:
        for unit in UNITS:
            lower, upper, step = Fraction(low), Fraction(high), Fraction(unit)
            if round(lower / step) < round(upper / step) < 10**17:
                found.append(Grid(lower, upper, step))
    return found


WIDE = Grid(Fraction(-(10**30)), Fraction(10**30), Fraction(1, 10**10))
RULES: list[Places] = [
    GridPlaces(WIDE),
    GridPlaces(WIDE, down=True),
    GridPlaces(Grid(Fraction(0), Fraction(1 << 62), Fraction(1))),
    GridPlaces(Grid(Fraction(0), Fraction((1 << 62) - 1), Fraction(1))),
    *(GridPlaces(grid, down=down) for grid in grids() for down in (False, True)),
    EdgePlaces([Fraction(0), Fraction(1, 3), Fraction(5), Fraction(5) + Fraction(1, 10**30)]),
    EdgePlaces([Fraction(-(10**25)), Fraction(1, 10)]),
    EdgePlaces([]),
]


def values_of(rule: Places) -> list[Fraction]:
    """Grid points, middles and edges, and what lies just beside them."""
    if isinstance(rule, EdgePlaces):
        near = list(rule.edges) or [Fraction(1)]
    else:
        assert isinstance(rule, GridPlaces)
        grid = rule.grid
        steps = [grid.low - 2, grid.low, grid.low + 1, grid.middle, grid.high - 1, grid.high, grid.high + 2]
        near = [grid.lower, grid.upper, *((step + part) * grid.unit for step in steps for part in (0, Fraction(1, 2)))]
    return [value * (1 + Fraction(k, 10**17)) for value in near for k in (-3, 0, 3)]


def check(rule: Places, values: list[Fraction], found: tuple[Integers, Sure]) -> None:
    for value, place, sure in zip(values, *found, strict=True):
        assert not sure or place == rule.exact(value)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_what_is_sure_is_exact_at_every_border(rule: Places) -> None:
    values = values_of(rule)
    places, sure = rule.doubles(np.array([float(v) for v in values]))
    exact = [rule.exact(v) for v in values]
    assert [int(p) for p, s in zip(places, sure, strict=True) if s] == [
        e for e, s in zip(exact, sure, strict=True) if s
    ]
    whole = [int(v) for v in values if abs(v) < 1 << 63]
    places, sure = rule.integers(np.array(whole, np.int64))
    exact = [rule.exact(Fraction(v)) for v in whole]
    assert [int(p) for p, s in zip(places, sure, strict=True) if s] == [
        e for e, s in zip(exact, sure, strict=True) if s
    ]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(RULES), st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=12), max_size=20))
def test_decimals_through_their_doubles(rule: Places, values: list[object]) -> None:
    exact = [Fraction(str(v)) for v in values]
    check(rule, exact, rule.doubles(np.array([float(v) for v in exact])))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(RULES), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_integers_of_any_size(rule: Places, values: list[int]) -> None:
    check(rule, list(map(Fraction, values)), rule.integers(np.array(values, np.int64)))


def test_most_values_are_sure() -> None:
    """The filter would be of no use if it sent everything to fractions."""
    rule = GridPlaces(Grid(Fraction(0), Fraction(5000), Fraction(1, 100)))
    cents = np.arange(0, 500_000, 7) / 100
    places, sure = rule.doubles(cents)
    assert sure.all()
    assert np.array_equal(places, np.arange(0, 500_000, 7))
    assert rule.integers(np.arange(-5, 6000))[1].all()
    assert EdgePlaces([Fraction(3), Fraction(9)]).integers(np.arange(12))[1].all()


def test_no_double_without_a_number_is_sure() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 1e99, -1e300, 1e-95, 5e-324])
    for rule in RULES:
        assert not rule.doubles(odd)[1].any()


def test_values_between_two_points() -> None:
    grid = Grid(Fraction(0), Fraction(5), Fraction(1))
    halves = np.array([1, 3, 5, 7])
    double = Grid(Fraction(0), Fraction(10), Fraction(2))
    assert GridPlaces(double).integers(halves)[0].tolist() == [0, 2, 2, 4]
    assert GridPlaces(double, down=True).integers(halves)[0].tolist() == [0, 1, 2, 3]
    assert [GridPlaces(grid, down=True).exact(Fraction(k, 2)) for k in (1, 3, 5)] == [0, 1, 2]
    assert [GridPlaces(grid).exact(Fraction(k, 2)) for k in (1, 3, 5)] == [0, 2, 2]


def test_bins_hold_their_lower_edge_and_the_last_one_both() -> None:
    rule = EdgePlaces([Fraction(0), Fraction(10), Fraction(20)])
    places, _ = rule.integers(np.array([-1, 0, 9, 10, 19, 20, 21]))
    assert bin_counts(np.bincount(places, minlength=7)) == [2, 3]


def test_a_wide_rule_is_never_sure() -> None:
    """Its whole numbers may be too large for int64."""
    for rule in RULES:
        assert rule.wide == (isinstance(rule, GridPlaces) and max(abs(rule.grid.low), rule.grid.high) >= 1 << 62)
        assert not rule.wide or not rule.integers(np.arange(-5, 5))[1].any()
        assert not rule.wide or not rule.doubles(np.arange(-5.0, 5.0))[1].any()
    assert sum(rule.wide for rule in RULES) >= 2


def test_sums_do_not_overflow() -> None:
    most = 1 << 61
    units = np.full(9, most)
    assert add(units, most) == 9 << 61
    assert add(-units, most) == -9 << 61
    assert add(np.zeros(0, np.int64), 5) == 0
    assert add(np.array([10**40, 7], object), 10**40) == 10**40 + 7


def test_values_are_added_up_once() -> None:
    grid = Grid(Fraction(0), Fraction(5), Fraction(1, 2))
    added = Added.of([Fraction(1), Fraction(9), Fraction(-2)], grid)
    assert added == Added(12, 3, 2)
    assert Added.of(added, grid) is added
