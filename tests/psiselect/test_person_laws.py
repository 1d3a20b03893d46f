"""What one person can change in each release, exactly, from the rows of a table to the numbers before the noise.

All tables of three persons, with up to three rows each, go through `psiselect.release`. The test takes the whole
numbers that would get noise, and the noise, from the draw itself. So the choice of a person's rows is part of it, as
are the groups of a row and each factor. Losses of privacy follow from the laws of the noise:

- a change of d costs exponent * d with discrete Laplace noise, and d^2/(2 v) of rho with discrete Gaussian noise;
- a group that only one of two neighbours has is shown with a probability that delta must cover;
- for thresholds and quantiles algebra decides it, on the exact law.

The short version gives two of the three persons two lists each: no row or one, or one row of either kind. It takes
persons with two rows and `person`, and persons with one row without it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from mpmath import mp, mpf
from support.laws import keeps

from dpselect.gaussian import DiscreteGaussian
from dpselect.grouped import Cell, CellPart, Group, Grouped
from dpselect.numeric import DiscreteLaplace
from dpselect.persons import PersonRows
from dpselect.quantile import Quantile
from dpselect.threshold import AboveThreshold
from psiselect import release
from psiselect.base import threads

EPSILON, RHO, DELTA = Fraction(2, 3), Fraction(1, 5), Fraction(1, 20)
PERSONS = ("Ada", "Ben", "Cem")
KINDS = (("a", "x", 1), ("b", "y", 3))  # of rows: a group, a second one, a value
LISTS = [rows for size in range(4) for rows in itertools.product(KINDS, repeat=size)]
Rows = tuple[tuple[str, str, int], ...]
People = tuple[Rows, ...]


@dataclass(frozen=True)
class Seen:
    """What a release was about to draw from.

    Attributes:
        numbers: each whole number, with the noise that it gets.
        found: for groups that are not named: the table, and what each group holds.
        law: of a threshold or a quantile: the measurement, and what it looks at.
    """

    numbers: tuple[tuple[int, Any], ...] = ()
    found: tuple[Any, tuple[tuple[Group, Cell], ...]] | None = None
    law: tuple[Any, tuple[int, ...]] | None = None


@dataclass(frozen=True)
class Statistic:
    """One way to release. tight: under which relation some person of these tables loses all of epsilon, or rho."""

    call: Callable[..., object]
    given: Mapping[str, Any]
    tight: tuple[str, ...] = ()


BOTH = ("add-remove", "replace")
BOUNDS = {"lower": 1, "upper": 3, "unit": 1}
NAMED = {"groups": {"g": ["a", "b"], "h": ["x", "y"]}, "by": ["g", "h"]}
ALL = {"statistics": ["count", "sum", "mean"], "column": "v", **BOUNDS}
GAUSSIAN = {"noise": "gaussian", "rho": RHO, "epsilon": None}
STATISTICS = {
    "count of all": Statistic(release.count, {}, BOTH[:1]),
    "count of a value": Statistic(release.count, {"column": "g", "equals": "a"}, BOTH),
    "count within bounds": Statistic(release.count, {"column": "v", "lower": 2}, BOTH),
    "sum": Statistic(release.sum, {"column": "v", **BOUNDS}, BOTH[:1]),
    "mean": Statistic(release.mean, {"column": "v", **BOUNDS}, BOTH),
    "histogram of categories": Statistic(release.histogram, {"column": "g", "categories": ["a"], "other": "o"}, BOTH),
    "histogram of bins": Statistic(release.histogram, {"column": "v", "bins": [1, 2, 3]}, BOTH),
    "threshold": Statistic(release.threshold, {"column": "g", "categories": ["a", "b"], "at_least": 6}),
    "quantile": Statistic(release.quantile, {"column": "v", "q": "1/4", **BOUNDS}),
    "counts by group": Statistic(release.table, {"by": "g", "groups": ["a", "b"]}, BOTH),
    "sums by group": Statistic(
        release.table, {"by": "g", "groups": ["a", "b"], **ALL, "statistics": ["sum"]}, BOTH[:1]
    ),
    "all by two columns": Statistic(release.table, {**NAMED, **ALL}, BOTH[:1]),
    "counts by two columns, gaussian": Statistic(release.table, {**NAMED, **GAUSSIAN}, BOTH),
    "all by two columns, gaussian": Statistic(release.table, {**NAMED, **ALL, **GAUSSIAN}, BOTH[:1]),
    "counts of found groups": Statistic(release.table, {"by": "g", "delta": DELTA}),
    "all of found groups of two columns": Statistic(release.table, {"by": ["g", "h"], "delta": DELTA, **ALL}),
    "counts of found groups, gaussian": Statistic(release.table, {"by": "g", "delta": DELTA, **GAUSSIAN}),
}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Seen]:
    """What has been seen; nothing is drawn."""
    found: list[Seen] = []
    law_of.cache_clear()

    def numbers(noise: Any, values: Sequence[int], _: object) -> list[int]:
        found.append(Seen(numbers=tuple((value, noise) for value in values)))
        return list(values)

    whole = Grouped.release

    def table(made: Grouped, cells: Mapping[Group, Cell], entropy: Any, groups: Any = None) -> Any:
        if groups is not None:
            return whole(made, cells, entropy, groups)
        found.append(Seen(found=(Same(made), tuple(sorted(cells.items(), key=lambda item: item[0])))))
        return {}

    def threshold(made: AboveThreshold, answers: Sequence[int], _: object) -> None:
        found.append(Seen(law=(Same(made), tuple(answers))))

    def quantile(made: Quantile, at: Any, _: object) -> Fraction:
        found.append(Seen(law=(Same(made), tuple(map(int, at)))))
        return Fraction(1)

    monkeypatch.setattr(threads, "require", lambda _: None)  # a probe that looks at no data
    monkeypatch.setattr(DiscreteLaplace, "release", numbers)
    monkeypatch.setattr(DiscreteGaussian, "release", numbers)
    monkeypatch.setattr(Grouped, "release", table)
    monkeypatch.setattr(AboveThreshold, "release", threshold)
    monkeypatch.setattr(Quantile, "release_counts", quantile)
    return found


class Same:
    """A measurement, which compares as equal to every other one: within one test they are alike."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same)

    def __hash__(self) -> int:
        return 0


@cache
def table_of(people: People) -> pa.Table:
    """Their rows, in turn."""
    rows = [
        (person, *listed[place])
        for place in range(3)
        for person, listed in zip(PERSONS, people, strict=True)
        if place < len(listed)
    ]
    names, columns = ("p", "g", "h", "v"), [*zip(*rows, strict=True)] or [(), (), (), ()]
    types = [pa.string()] * 3 + [pa.int64()]
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, types, strict=True)], names)


def released(
    statistic: Statistic, people: People, neighbors: str, most: int, seen: list[Seen], by_person: bool
) -> Seen:
    """What this release draws from."""
    given = {"epsilon": EPSILON, "neighbors": neighbors, "contributions": most, **statistic.given}
    if by_person:
        given["person"] = "p"
    if statistic.call is release.mean and neighbors == "replace":
        given["n"] = len(PERSONS)
    del seen[:]
    statistic.call(table_of(people), **{name: value for name, value in given.items() if value is not None})
    if seen[0].numbers:
        return Seen(numbers=tuple(itertools.chain(*(each.numbers for each in seen))))
    (only,) = seen
    return only


def loss(here: Seen, there: Seen) -> Fraction:
    """Of epsilon with Laplace noise, of rho with Gaussian noise; more than epsilon where algebra finds a breach."""
    if here.law is not None and there.law is not None:
        return EPSILON if keeps(EPSILON, law_of(here), law_of(there)) else 2 * EPSILON
    pairs = list(zip(here.numbers, there.numbers, strict=True)) if here.found is None else list(in_both(here, there))
    return sum((price(noise, a - b) for (a, noise), (b, _) in pairs), Fraction(0))


@cache
def law_of(seen: Seen) -> Any:
    assert seen.law is not None
    made, looked_at = seen.law[0].made, seen.law[1]
    if isinstance(made, AboveThreshold):
        return made.probabilities(looked_at)
    return made.choose.probabilities(made.scores_of(np.array(looked_at)))


def price(noise: Any, moved: int) -> Fraction:
    if isinstance(noise, DiscreteGaussian):
        return moved * moved / (2 * noise.variance)
    assert isinstance(noise, DiscreteLaplace)
    return abs(moved) * noise.exponent


def in_both(here: Seen, there: Seen) -> Iterator[tuple[tuple[int, Any], tuple[int, Any]]]:
    """The numbers of the groups that both tables have."""
    assert here.found is not None
    assert there.found is not None
    made, (one, other) = here.found[0].made, (dict(here.found[1]), dict(there.found[1]))
    middle = 0 if made.grid is None else made.grid.middle
    for group in one.keys() & other.keys():
        for part, noise in made.noises.items():
            a, b = (part_of(part, cells[group], middle) for cells in (one, other))
            yield (a, noise), (b, noise)


def part_of(part: CellPart, cell: Cell, middle: int) -> int:
    return {
        CellPart.ROWS: cell.rows,
        CellPart.TOTAL: cell.total,
        CellPart.DEVIATION: cell.total - middle * cell.rows,
    }[part]


def alone(here: Seen, there: Seen, lower: int = 0) -> mpf:
    """The probability that a group is shown that only `here` has. lower: by how much the threshold is lower."""
    assert here.found is not None
    assert there.found is not None
    made, others = here.found[0].made, dict(there.found[1])
    noise, hidden = made.noises[CellPart.ROWS], mpf(1)
    for group, cell in here.found[1]:
        if group not in others:
            hidden *= 1 - tail(noise, made.threshold - lower - cell.rows)
    return 1 - hidden


@cache
def tail(noise: Any, at: int) -> mpf:
    """Pr[noise >= at], by the definition of the law."""
    if isinstance(noise, DiscreteLaplace):
        z = mp.exp(-mpf(noise.exponent.numerator) / noise.exponent.denominator)
        assert at > 0
        return z**at / (1 + z)
    v = mpf(noise.variance.numerator) / noise.variance.denominator
    law = {x: mp.exp(-x * x / (2 * v)) for x in range(-400, 401)}
    return mp.fsum(p for x, p in law.items() if x >= at) / mp.fsum(law.values())


def choices(neighbors: str, most: int, by_person: bool, full: bool) -> list[list[Rows]]:
    """For each person the lists of rows. Under replace each person has a row; a release that takes the number of rows
    as public has as many as are promised."""
    least = 0 if neighbors == "add-remove" else 1
    longest = 3 if by_person else most
    everything = [rows for rows in LISTS if least <= len(rows) <= longest]
    few = everything if full else [rows for rows in everything if len(rows) <= 1][:2]
    return [everything, few, few]


def pairs(
    statistic: Statistic, neighbors: str, most: int, seen: list[Seen], by_person: bool, full: bool
) -> set[tuple[Seen, Seen]]:
    """What is drawn from, for all tables and all their neighbours."""
    lists = choices(neighbors, most, by_person, full)
    found = {
        people: released(statistic, people, neighbors, most, seen, by_person) for people in itertools.product(*lists)
    }
    return {
        (found[people], found[(*people[:person], other, *people[person + 1 :])])
        for people in found
        for person in range(len(PERSONS))
        for other in lists[person]
        if neighbors == "replace" or not other or not people[person]
    }


def refused(name: str, neighbors: str, most: int, by_person: bool) -> bool:
    """What the command refuses, because a number would be public that is not, or noise would hide what is public."""
    if neighbors == "add-remove":
        return False
    return (name == "mean" and most > 1) or (name == "count of all" and (most == 1 or not by_person))


CASES = [
    (name, neighbors, most, by_person)
    for name in STATISTICS
    for neighbors in ("add-remove", "replace")
    for most in (1, 2)
    for by_person in (True, False)
    if not refused(name, neighbors, most, by_person)
]


def within(statistic: Statistic, found: set[tuple[Seen, Seen]]) -> bool:
    """Whether no person loses more than is promised."""
    budget = RHO if "rho" in statistic.given else EPSILON
    if "delta" in statistic.given and max(alone(here, there) for here, there in found) > mpf(1) / 20:
        return False
    return max(loss(here, there) for here, there in found) <= budget


def check(name: str, neighbors: str, most: int, by_person: bool, seen: list[Seen], *, full: bool) -> None:
    statistic = STATISTICS[name]
    found = pairs(statistic, neighbors, most, seen, by_person, full)
    assert within(statistic, found)
    if neighbors in statistic.tight:
        assert max(loss(here, there) for here, there in found) == (RHO if "rho" in statistic.given else EPSILON)
    if "delta" in statistic.given and neighbors == "add-remove" and "gaussian" not in name:
        assert max(alone(here, there, lower=1) for here, there in found) > mpf(1) / 20


@pytest.mark.parametrize(("name", "neighbors", "most", "by_person"), [c for c in CASES if c[2] == 1 + c[3]])
def test_no_person_loses_more_than_is_promised(
    name: str, neighbors: str, most: int, by_person: bool, seen: list[Seen]
) -> None:
    check(name, neighbors, most, by_person, seen, full=False)


@pytest.mark.soak
@pytest.mark.parametrize(("name", "neighbors", "most", "by_person"), CASES)
def test_no_person_loses_more_than_is_promised_in_any_table(
    name: str, neighbors: str, most: int, by_person: bool, seen: list[Seen]
) -> None:
    check(name, neighbors, most, by_person, seen, full=True)


# Two rows more do what one row more does in other tables: `test_persons.py`, `test_exactness.py`.
TOO_MANY = dict.fromkeys(STATISTICS, 1) | {"threshold": 2, "quantile": 2}


@pytest.mark.parametrize(("name", "more"), TOO_MANY.items())
def test_too_many_rows_of_each_person_fail(
    name: str, more: int, seen: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = PersonRows.__init__
    monkeypatch.setattr(PersonRows, "__init__", lambda self, most: kept(self, most + more))
    found = pairs(STATISTICS[name], "add-remove", 1, seen, by_person=True, full=False)
    assert not within(STATISTICS[name], found)


@pytest.mark.parametrize("name", [name for name in STATISTICS if name.startswith(("hist", "counts", "all"))])
def test_the_factor_of_add_remove_fails_under_replace(name: str, seen: list[Seen]) -> None:
    lists, statistic = choices("replace", 1, True, full=False), STATISTICS[name]
    found = {p: released(statistic, p, "add-remove", 1, seen, True) for p in itertools.product(*lists)}
    changed = {
        (found[p], found[(*p[:person], other, *p[person + 1 :])])
        for p in found
        for person in range(len(PERSONS))
        for other in lists[person]
    }
    assert not within(statistic, changed)
