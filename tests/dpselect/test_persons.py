"""Which rows of a person count, and what one person can change: exact losses for all tables of three persons.

Each person has up to three rows. The integers before the noise and the exponent of the noise are taken from the
release itself. A change of d costs exponent * d, exactly: the noise is Pr[x] proportional to exp(-exponent * |x|).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from support.entropy import FixedEntropy
from support.laws import keeps

from dpselect import numeric
from dpselect.grid import Grid
from dpselect.numeric import DiscreteLaplace, Invalid
from dpselect.persons import PersonRows
from dpselect.privacy import NeighbouringRelation
from dpselect.quantile import quantile

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
RELATIONS = [ADD_REMOVE, REPLACE]
PERSONS = ("Ada", "Ben", "Cem")
EPSILON = Fraction(2, 3)
GRIDS = [Grid(Fraction(1), Fraction(3), Fraction(1)), Grid(Fraction(-2), Fraction(1), Fraction(1))]
Rows = tuple[Fraction | None, ...]  # a person's values; None is one that cannot be read
Table = tuple[Rows, ...]
Read = tuple[tuple[Fraction, ...], int]
Exact = tuple[tuple[int, Fraction], ...]  # each integer before the noise, with the exponent of its noise


# ------------------------------------------------------------------------------------------ which rows


def kept(table: list[str], most: int) -> list[int]:
    chosen = PersonRows(most)
    for person in table:
        chosen.count(person)
    return [place for place, person in enumerate(table) if chosen.keeps(person)]


def test_of_each_person_so_many_rows_are_kept_and_no_more() -> None:
    table = [*"abcab", *"aaa", "d"]
    for most in range(1, 7):
        found = Counter(table[place] for place in kept(table, most))
        assert found == {person: min(most, rows) for person, rows in Counter(table).items()}


def test_the_rows_of_others_do_not_matter() -> None:
    """What is kept of one person is the same whoever else is in the table, and in whatever order they come."""
    alone = kept(["a"] * 9, 2)
    for others in ([0], [3, 4], [9, 9, 9], list(range(9))):
        table = ["a"] * 9
        for place in reversed(others):
            table.insert(place, "b")
        found = [place for place in kept(table, 2) if table[place] == "a"]
        assert [table[:place].count("a") for place in found] == alone


def test_every_choice_of_rows_is_as_likely() -> None:
    """Two of four rows, of 12,000 persons: each of the six pairs 2,000 times, give or take seven standard deviations;
    that happens by chance once in 1e11."""
    pairs = Counter(tuple(kept([f"person {k}"] * 4, 2)) for k in range(12_000))
    assert len(pairs) == 6
    assert all(abs(times - 2000) < 7 * (12_000 * 5 / 36) ** 0.5 for times in pairs.values())


def test_more_rows_than_were_counted_are_an_error() -> None:
    chosen = PersonRows(1)
    chosen.count("a")
    assert chosen.keeps("a")
    assert chosen.persons == 1
    for person in "ab":
        with pytest.raises(KeyError):
            chosen.keeps(person)


# ------------------------------------------------------------------------------------------ what one person changes


def lists(values: list[Fraction | None], least: int, most: int) -> tuple[Rows, ...]:
    return tuple(rows for size in range(least, most + 1) for rows in itertools.product(values, repeat=size))


def read(table: Table, most: int) -> Read:
    """The values of at most so many rows of each person, in rising order, and how many rows these are.

    As `release --person` reads them, from a file in which the persons' rows alternate.
    """
    pairs = [
        (person, rows[place])
        for place in range(3)
        for person, rows in zip(PERSONS, table, strict=True)
        if place < len(rows)
    ]
    places = kept([person for person, _ in pairs], most)
    values = [pairs[place][1] for place in places]
    return tuple(sorted(value for value in values if value is not None)), len(values)


@cache
def neighbours(choices: tuple[Rows, ...], relation: NeighbouringRelation, most: int) -> frozenset[tuple[Read, Read]]:
    """What is read of every table of three persons with these rows, and of every neighbour of it."""
    found = {table: read(table, most) for table in itertools.product(choices, repeat=len(PERSONS))}
    return frozenset(
        (found[table], found[(*table[:person], other, *table[person + 1 :])])
        for table in found
        for person in range(len(PERSONS))
        for other in choices
        if relation is REPLACE or not other or not table[person]
    )


@dataclasses.dataclass(frozen=True)
class Statistic:
    """A statistic for persons with up to `most` rows that count. release: takes what `read` returns."""

    measurement: Any
    release: Callable[[Any, tuple[Fraction, ...], int], object]

    def exact(self, monkeypatch: pytest.MonkeyPatch, values: tuple[Fraction, ...], rows: int) -> Exact:
        seen: list[tuple[int, Fraction]] = []

        def record(noise: DiscreteLaplace, values: list[int], _: object) -> list[int]:
            seen.extend((value, noise.exponent) for value in values)
            return values

        with monkeypatch.context() as patch:
            patch.setattr(DiscreteLaplace, "release", record)
            self.release(self.measurement, values, rows)
        return tuple(seen)


def number(measurement: Any, values: tuple[Fraction, ...], rows: int) -> object:
    return measurement.release(values, FixedEntropy())


def how_many(measurement: Any, values: tuple[Fraction, ...], rows: int) -> object:
    return measurement.release(len(values), FixedEntropy())


def make(name: str, relation: NeighbouringRelation, grid: Grid, most: int, invalid: Invalid) -> Statistic:
    if name == "count":
        return Statistic(numeric.count(EPSILON, relation, contributions=most), how_many)
    if name == "sum":
        made: Any = numeric.sum_(EPSILON, relation, grid, contributions=most, invalid=invalid, by_person=True)
    elif name == "mean":
        made = numeric.mean(EPSILON, relation, grid, rows=3 if relation is REPLACE else None, contributions=most)
    else:
        edges = [grid.lower, (grid.lower + grid.upper) / 2, grid.upper]
        made = numeric.histogram(EPSILON, relation, edges=edges, contributions=most)
    return Statistic(made, number)


def worst(
    monkeypatch: pytest.MonkeyPatch,
    statistic: Statistic,
    relation: NeighbouringRelation,
    choices: tuple[Rows, ...],
    most: int,
    kept_rows: int | None = None,
) -> Fraction:
    """The largest loss of privacy of a person, over all tables and both directions.

    most: of the statistic. kept_rows: of each person, where that differs.
    """
    pairs = neighbours(choices, relation, kept_rows or most)
    exact = {found: statistic.exact(monkeypatch, *found) for found in {found for pair in pairs for found in pair}}
    return max(
        sum(
            (exponent * abs(a - b) for (a, exponent), (b, _) in zip(exact[here], exact[there], strict=True)),
            Fraction(0),
        )
        for here, there in pairs
    )


def choices_of(grid: Grid, relation: NeighbouringRelation, invalid: Invalid) -> tuple[Rows, ...]:
    """Rows of one person: up to three, the bounds and, where that is allowed, one that cannot be read."""
    values: list[Fraction | None] = [grid.lower, grid.upper]
    if invalid is Invalid.DROP:
        return lists([*values, None], 0 if relation is ADD_REMOVE else 1, 2)
    return lists(values, 0 if relation is ADD_REMOVE else 1, 3)


@pytest.mark.parametrize("grid", GRIDS, ids=["1 to 3", "-2 to 1"])
@pytest.mark.parametrize("invalid", list(Invalid))
@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("name", ["count", "sum", "mean", "histogram"])
def test_no_person_loses_more_than_epsilon(
    name: str,
    most: int,
    relation: NeighbouringRelation,
    invalid: Invalid,
    grid: Grid,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "mean" and relation is REPLACE and most > 1:
        pytest.skip("refused by the command: the number of kept rows is not public")
    statistic = make(name, relation, grid, most, invalid)
    loss = worst(monkeypatch, statistic, relation, choices_of(grid, relation, invalid), most)
    assert loss <= EPSILON
    # Where a person's rows can be worth nothing, or the whole of the bounds, it is spent to the end.
    if (invalid is Invalid.DROP or relation is ADD_REMOVE) and not (name == "histogram" and relation is REPLACE):
        assert loss == EPSILON
    if name == "histogram":
        assert loss == EPSILON


@pytest.mark.parametrize("relation", RELATIONS)
def test_one_row_each_is_within_the_width_of_the_bounds(
    relation: NeighbouringRelation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --person, where each person has exactly one row: the smaller factor of a sum under replace."""
    for grid in GRIDS:
        statistic = Statistic(numeric.sum_(EPSILON, relation, grid), number)
        choices = lists([grid.lower, grid.upper, grid.lower - 9], 0 if relation is ADD_REMOVE else 1, 1)
        assert worst(monkeypatch, statistic, relation, choices, 1) == EPSILON


WRONG: dict[str, tuple[str, NeighbouringRelation, Invalid, int, Callable[[Any], Any]]] = {
    # Persons with fewer than C rows: 1 row of 1 makes way for 2 rows of 3.
    "sum by the width of the bounds": ("sum", REPLACE, Invalid.ERROR, 2, lambda m: with_noise(m, 4)),
    "sum of one row": ("sum", ADD_REMOVE, Invalid.ERROR, 2, lambda m: with_noise(m, 3)),
    "sum, dropped rows forgotten": ("sum", REPLACE, Invalid.DROP, 1, lambda m: with_noise(m, 2)),
    "count of one row": ("count", ADD_REMOVE, Invalid.ERROR, 2, lambda m: with_noise(m, 1)),
    "histogram, one cell moved": ("histogram", REPLACE, Invalid.ERROR, 2, lambda m: with_noise(m, 2)),
    "histogram of one row": ("histogram", ADD_REMOVE, Invalid.ERROR, 2, lambda m: with_noise(m, 1)),
    "mean by half the width": ("mean", REPLACE, Invalid.DROP, 1, lambda m: with_noise(m, 1)),
    "mean, counted once": (
        "mean",
        ADD_REMOVE,
        Invalid.ERROR,
        2,
        lambda m: dataclasses.replace(m, count=dataclasses.replace(m.count, sensitivity=1)),
    ),
}


def with_noise(measurement: Any, sensitivity: int) -> Any:
    assert measurement.noise.sensitivity > sensitivity
    return dataclasses.replace(measurement, noise=dataclasses.replace(measurement.noise, sensitivity=sensitivity))


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_smaller_factor_fails(
    wrong: tuple[str, NeighbouringRelation, Invalid, int, Callable[[Any], Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, relation, invalid, most, change = wrong
    statistic = make(name, relation, GRIDS[0], most, invalid)
    changed = dataclasses.replace(statistic, measurement=change(statistic.measurement))
    choices = choices_of(GRIDS[0], relation, invalid)
    assert worst(monkeypatch, statistic, relation, choices, most) <= EPSILON
    assert worst(monkeypatch, changed, relation, choices, most) > EPSILON


@pytest.mark.parametrize("name", ["count", "sum", "histogram"])
def test_a_row_too_many_fails(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    statistic = make(name, ADD_REMOVE, GRIDS[0], 2, Invalid.ERROR)
    choices = choices_of(GRIDS[0], ADD_REMOVE, Invalid.ERROR)
    assert worst(monkeypatch, statistic, ADD_REMOVE, choices, 2, kept_rows=3) > EPSILON


# ------------------------------------------------------------------------------------------ quantiles


def quantile_losses(relation: NeighbouringRelation, q: str, most: int, divisor: int) -> bool:
    """Whether every person keeps EPSILON, for `quantile` at EPSILON/divisor: decided by algebra, for every epsilon."""
    measurement = quantile(EPSILON / divisor, relation, q, [1, 2, 3])
    choices = choices_of(GRIDS[0], relation, Invalid.ERROR)
    pairs = {(here, there) for (here, _), (there, _) in neighbours(choices, relation, most)}
    law = cache(lambda rows: measurement.probabilities(list(rows)))
    return all(keeps(EPSILON, law(here), law(there)) for here, there in pairs)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("q", [pytest.param("1/2", marks=pytest.mark.soak), "1/4"])
def test_no_person_loses_more_than_epsilon_by_a_quantile(q: str, relation: NeighbouringRelation) -> None:
    for most in (1, 2):
        assert quantile_losses(relation, q, most, divisor=most)


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_quantile_of_two_rows_at_the_price_of_one_fails(relation: NeighbouringRelation) -> None:
    assert not quantile_losses(relation, "1/2", 2, divisor=1)
