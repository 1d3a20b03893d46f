"""Quantiles: the nearest grid point, exact scores at every size, and what one person moves. Against plain fractions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from support.entropy import FixedEntropy

from dpselect.privacy import NeighbouringRelation
from dpselect.quantile import quantile, quantile_bounds
from psiselect.base.errors import UsageError

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
LARGE = 2**61 - 1
GRIDS: list[list[Fraction]] = [
    [Fraction(5)],
    [Fraction(0), Fraction(1)],
    [Fraction(-3, 2), Fraction(0), Fraction(1, 3), Fraction(7)],
    [Fraction(at) for at in (-1, 0, LARGE, 2**63 - 1)],  # two neighbours add up to more than 63 bits
    [Fraction(at) for at in (-(2**63), -LARGE, 0, 1)],
]
TINY = Fraction(1, 10**12)


def around(grid: Sequence[Fraction]) -> list[Fraction]:
    """Values at and next to each point and each middle, and beyond the ends."""
    middles = [(a + b) / 2 for a, b in itertools.pairwise(grid)]
    return [at + by for at in (*grid, *middles) for by in (-TINY, 0, TINY)] + [grid[0] - 10**30, grid[-1] + 10**30]


def nearest(grid: Sequence[Fraction], value: Fraction) -> int:
    return min(range(len(grid)), key=lambda place: (abs(grid[place] - value), place))


@pytest.mark.parametrize("grid", GRIDS, ids=range(len(GRIDS)))
def test_a_value_counts_as_the_nearest_point_and_in_the_middle_as_the_lower_one(grid: list[Fraction]) -> None:
    measurement, values = quantile("1", REPLACE, "1/2", grid), around(grid)
    assert measurement._nearest(values).tolist() == [nearest(grid, value) for value in values]


def test_values_are_taken_by_their_fractions() -> None:
    measurement = quantile("1", REPLACE, "1/2", [0, 1, 2, 3])
    values = [Fraction(1, 3), Decimal("1.75"), Decimal("2.5"), Fraction(7, 3), Fraction(-9, 7)]
    assert measurement._nearest(values).tolist() == [0, 2, 2, 2, 0]


@pytest.mark.parametrize(
    "q", [Fraction(0), Fraction(1, 2), Fraction(1), Fraction(1, 2**61 + 1), 1 - Fraction(1, 10**30)]
)
def test_scores_are_exact_at_every_size(q: Fraction) -> None:
    """The counts times the numerator or denominator may need more than 63 bits."""
    values = [0] * 9 + [1] * 2 + [2] * 7
    scores = quantile("1", ADD_REMOVE, q, [0, 1, 2]).scores(values)
    expected = [-abs((1 - q) * below - q * above) for below, above in ((0, 9), (9, 7), (11, 0))]
    assert [Fraction(int(unit), scores.denominator) for unit in scores.units] == expected


@pytest.mark.parametrize("grid", GRIDS[:2], ids=range(2))
def test_a_point_of_a_short_grid_is_drawn(grid: list[Fraction]) -> None:
    assert quantile("1000", REPLACE, "1/2", grid).release([grid[-1]] * 3, FixedEntropy()) == grid[-1]


@pytest.mark.parametrize("grid", [[0, 0], [1, 0], [0, 2, 1], [0, 1, 1], [0, 2, 2, 3]])
def test_a_grid_rises_at_every_point(grid: list[int]) -> None:
    with pytest.raises(UsageError, match="each larger than the one before"):
        quantile("1", REPLACE, "1/2", grid)


def moves(q: Fraction, pairs: Iterable[tuple[tuple[int, ...], tuple[int, ...]]]) -> tuple[Fraction, Fraction]:
    """The most that a score moves between two data sets, and the most that two scores move against each other."""
    measurement, most, apart = quantile("1", REPLACE, q, [0, 1, 2]), Fraction(0), Fraction(0)
    for here, there in pairs:
        units = [measurement.scores(values) for values in (here, there)]
        both = zip(units[0].units, units[1].units, strict=True)
        changes = [Fraction(int(a - b), q.denominator) for a, b in both]
        most, apart = max(most, *map(abs, changes)), max(apart, max(changes) - min(changes))
    return most, apart


@pytest.mark.parametrize("q", [Fraction(1, 2), Fraction(1, 4), Fraction(9, 10), Fraction(1)])
@pytest.mark.parametrize("relation", [ADD_REMOVE, REPLACE])
def test_a_score_moves_by_what_is_promised(relation: NeighbouringRelation, q: Fraction) -> None:
    """All data sets of up to five values on a grid of three points."""
    bound = quantile_bounds(q).bound(relation)
    sets = [values for size in range(1, 5) for values in itertools.combinations_with_replacement(range(3), size)]
    if relation is ADD_REMOVE:
        pairs = [(values, (*values, more)) for values in sets for more in range(3)]
    else:
        pairs = [((*values, a), (*values, b)) for values in sets for a in range(3) for b in range(3)]
    most, apart = moves(q, pairs)
    assert most == bound.sensitivity
    assert apart <= bound.range
