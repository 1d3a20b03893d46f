"""Tables by group: what one person changes, exactly, for groups named beforehand and for groups that are found.

A person has up to three rows, each in a group with a value; the rows are kept as `release table --person` keeps them.
Losses of privacy are worked out from the laws of the noise: for named groups from how far each number moves, for groups
that are found from the law of the whole table, in numbers of 40 digits.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from mpmath import mp, mpf
from support.entropy import FixedEntropy

from dpselect.accounting import ApproximateDp, BudgetKind, Cost, PureDp, Zcdp, epsilon_of_rho
from dpselect.gaussian import DiscreteGaussian
from dpselect.grid import Grid
from dpselect.grouped import (
    Cell,
    CellPart,
    Grouped,
    Persons,
    Statistic,
    gaussian_table,
    laplace_table,
    threshold_for,
)
from dpselect.numeric import DiscreteLaplace
from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import UsageError

mp.dps = 40
ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
RELATIONS = [ADD_REMOVE, REPLACE]
EPSILON, RHO = Fraction(2, 3), Fraction(1, 5)
GRIDS = [Grid(Fraction(1), Fraction(3), Fraction(1)), Grid(Fraction(-2), Fraction(1), Fraction(1))]
LIMITS = [(1, None), (2, None), (2, 1), (3, 2)]
ALL = list(Statistic)
Row = tuple[str, int]
Rows = tuple[Row, ...]


def kept_of(grid: Grid, persons: Persons) -> list[Rows]:
    """What may be kept of one person: multisets of rows in two or three groups, within both limits."""
    groups = "abc" if persons.contributions < 3 else "ab"
    rows = list(itertools.product(groups, (grid.low, grid.high)))
    found = []
    for size in range(persons.contributions + 1):
        for chosen in itertools.combinations_with_replacement(rows, size):
            if max(Counter(group for group, _ in chosen).values(), default=0) <= persons.in_one_group:
                found.append(chosen)
    return found


def parts_of(rows: Rows, grid: Grid) -> Counter[tuple[CellPart, str]]:
    """What these rows add to each part of each group, by the words of the docstring."""
    found: Counter[tuple[CellPart, str]] = Counter()
    for group, value in rows:
        found[CellPart.ROWS, group] += 1
        found[CellPart.TOTAL, group] += value
        found[CellPart.DEVIATION, group] += value - grid.middle
    return found


def moves(grid: Grid, persons: Persons) -> Iterator[dict[tuple[CellPart, str], int]]:
    """Every change that one person can make. What the others hold adds the same to both tables, for they are sums."""
    choices = [parts_of(rows, grid) for rows in kept_of(grid, persons)]
    for here, there in itertools.product(choices, repeat=2):
        if persons.relation is REPLACE or not here or not there:
            yield {key: here[key] - there[key] for key in here.keys() | there.keys()}


def laplace_loss(made: Grouped, grid: Grid) -> Fraction:
    """The largest loss of epsilon."""
    exponents = {part: noise.exponent for part, noise in made.noises.items() if isinstance(noise, DiscreteLaplace)}
    return max(
        sum((abs(by) * exponents[part] for (part, _), by in move.items() if part in exponents), Fraction(0))
        for move in moves(grid, made.persons)
    )


def gaussian_loss(made: Grouped, grid: Grid) -> Fraction:
    """The largest loss of rho: a number that moves by d costs d^2/(2 v)."""
    variances = {part: noise.variance for part, noise in made.noises.items() if isinstance(noise, DiscreteGaussian)}
    return max(
        sum((by * by / (2 * variances[part]) for (part, _), by in move.items() if part in variances), Fraction(0))
        for move in moves(grid, made.persons)
    )


@pytest.mark.parametrize("grid", GRIDS, ids=["1 to 3", "-2 to 1"])
@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("statistics", [ALL[:1], ALL[1:2], ALL[2:], ALL], ids=["count", "sum", "mean", "all"])
def test_no_person_loses_more_than_is_stated(
    statistics: list[Statistic], limits: tuple[int, int | None], relation: NeighbouringRelation, grid: Grid
) -> None:
    persons = Persons(relation, *limits)
    loss = laplace_loss(laplace_table(EPSILON, persons, statistics, grid), grid)
    assert loss <= EPSILON
    squared = gaussian_loss(gaussian_table(RHO, persons, statistics, grid), grid)
    assert squared <= RHO
    if len(statistics) == 1 and statistics != [Statistic.MEAN]:
        full = relation is ADD_REMOVE or limits[1] is None  # else there are too few groups to leave and enter
        assert not full or loss == EPSILON
        assert relation is REPLACE or squared == RHO


@pytest.mark.parametrize("relation", RELATIONS)
def test_rows_as_they_are_kept_lose_no_more(relation: NeighbouringRelation) -> None:
    """All tables of three persons with up to three rows each, in two groups, at most two rows kept of each."""
    made = laplace_table(EPSILON, Persons(relation, 2), [Statistic.COUNT])
    exponent = made.noises[CellPart.ROWS].scale ** -1
    worst = max(
        sum(abs(a - b) for a, b in zip(here, there, strict=True)) * exponent
        for here, there in pairs_of_counts(2, relation)
    )
    assert worst == EPSILON


WRONG: dict[str, Callable[[Grouped], Grouped]] = {
    "half of the change": lambda made: noises(made, lambda n: dataclasses.replace(n, **halved(n))),
    "each part at the whole price": lambda made: noises(
        made, lambda n: dataclasses.replace(n, **priced(n, len(made.noises)))
    ),
}


def halved(noise: object) -> dict[str, int]:
    name = "sensitivity" if isinstance(noise, DiscreteLaplace) else "squared"
    return {name: getattr(noise, name) // 2}


def priced(noise: object, parts: int) -> dict[str, Fraction]:
    name = "epsilon" if isinstance(noise, DiscreteLaplace) else "rho"
    return {name: getattr(noise, name) * parts}


def noises(made: Grouped, change: Callable[[object], object]) -> Grouped:
    return dataclasses.replace(made, noises={part: change(noise) for part, noise in made.noises.items()})  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("relation", RELATIONS)
def test_a_smaller_factor_fails(relation: NeighbouringRelation, wrong: str) -> None:
    grid, persons = GRIDS[0], Persons(relation, 2)
    statistics = ALL[:2]
    assert laplace_loss(WRONG[wrong](laplace_table(EPSILON, persons, statistics, grid)), grid) > EPSILON
    assert gaussian_loss(WRONG[wrong](gaussian_table(RHO, persons, statistics, grid)), grid) > RHO


def test_a_row_too_many_in_one_group_fails() -> None:
    grid = GRIDS[0]
    made = gaussian_table(RHO, Persons(ADD_REMOVE, 2, 1), [Statistic.COUNT], grid)
    beyond = dataclasses.replace(made, persons=Persons(ADD_REMOVE, 2))
    assert gaussian_loss(made, grid) == RHO
    assert gaussian_loss(beyond, grid) > RHO


# ------------------------------------------------------------------------------------------ groups that are found


@cache
def pairs_of_counts(most: int, relation: NeighbouringRelation) -> frozenset[tuple[tuple[int, int], tuple[int, int]]]:
    """Rows in each of two groups, for all tables of three persons with up to `most` rows that count, and neighbours."""
    persons = [c for c in itertools.product(range(most + 1), repeat=2) if sum(c) <= most]
    found = set()
    for one, two in itertools.product(persons, repeat=2):
        others = (one[0] + two[0], one[1] + two[1])
        for here, there in itertools.product(persons, repeat=2):
            if relation is REPLACE or not any(here) or not any(there):
                found.add(
                    (
                        (others[0] + here[0], others[1] + here[1]),
                        (others[0] + there[0], others[1] + there[1]),
                    )
                )
    return frozenset(found)


def weights(noise: object, reach: int) -> dict[int, mpf]:
    """The law of the noise, by its definition."""
    if isinstance(noise, DiscreteLaplace):
        rate = mpf(noise.exponent.numerator) / noise.exponent.denominator
        law = {x: mp.exp(-rate * abs(x)) for x in range(-reach, reach + 1)}
        whole = (1 + mp.exp(-rate)) / (1 - mp.exp(-rate))
    else:
        assert isinstance(noise, DiscreteGaussian)
        v = mpf(noise.variance.numerator) / noise.variance.denominator
        law = {x: mp.exp(-x * x / (2 * v)) for x in range(-reach, reach + 1)}
        whole = mp.fsum(law.values())
    return {x: p / whole for x, p in law.items()}


def shown_law(law: dict[int, mpf], rows: int, least: int, last: int) -> list[mpf]:
    """Of one group: hidden, then each number shown from `least` to `last`, then all above `last` together.

    Above all counts the ratio of two laws of Laplace noise no longer changes, so putting these together loses nothing.
    """
    if rows == 0:
        return [mpf(1)] + [mpf(0)] * (last - least + 2)
    shown = [law[v - rows] for v in range(least, last + 1)]
    hidden = mp.fsum(p for x, p in law.items() if rows + x < least)
    return [hidden, *shown, 1 - hidden - mp.fsum(shown)]


def worst_delta(made: Grouped, relation: NeighbouringRelation, epsilon: Fraction) -> mpf:
    """The largest delta at this epsilon, over all pairs of neighbours: the sum of what exceeds e^epsilon times."""
    assert made.threshold is not None
    law = weights(made.noises[CellPart.ROWS], 400)
    last = max(made.threshold, 3 * made.persons.contributions) + 1
    most = mp.exp(mpf(epsilon.numerator) / epsilon.denominator)
    group = cache(lambda rows: shown_law(law, rows, made.threshold or 0, last))
    return max(
        mp.fsum(
            max(mpf(0), p * q - most * r * s)
            for (p, r), (q, s) in itertools.product(
                zip(group(here[0]), group(there[0]), strict=True), zip(group(here[1]), group(there[1]), strict=True)
            )
        )
        for here, there in pairs_of_counts(made.persons.contributions, relation)
    )


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("delta", [Fraction(1, 20), Fraction(1, 5000)])
def test_found_groups_keep_epsilon_and_delta(most: int, relation: NeighbouringRelation, delta: Fraction) -> None:
    """And a threshold that is one lower does not."""
    made = laplace_table(EPSILON, Persons(relation, most), [Statistic.COUNT], delta=delta)
    assert made.threshold is not None
    stated = mpf(delta.numerator) / delta.denominator
    assert worst_delta(made, relation, EPSILON) <= stated
    lower = dataclasses.replace(made, threshold=made.threshold - 1)
    assert worst_delta(lower, relation, EPSILON) > stated


def worst_delta_of_three(made: Grouped, relation: NeighbouringRelation, epsilon: Fraction) -> float:
    """The same with a third person's row in a third group: each person has up to three rows, in three groups. In
    doubles, whose error is far below what is compared."""
    assert made.threshold is not None
    most, law = made.persons.contributions, weights(made.noises[CellPart.ROWS], 400)
    last = max(made.threshold, 3 * most) + 1
    group = [np.array(list(map(float, shown_law(law, rows, made.threshold, last)))) for rows in range(3 * most + 1)]
    persons = [c for c in itertools.product(range(most + 1), repeat=3) if sum(c) <= most]
    others = {tuple(a + b for a, b in zip(one, two, strict=True)) for one, two in itertools.product(persons, repeat=2)}
    pairs = {
        tuple(sorted((o + a, o + b) for o, a, b in zip(other, here, there, strict=True)))  # groups have no order
        for other in others
        for here, there in itertools.product(persons, repeat=2)
        if relation is REPLACE or not any(here) or not any(there)
    }
    factor, found = float(mp.exp(mpf(epsilon.numerator) / epsilon.denominator)), 0.0
    for pair in pairs:
        here, there = (
            np.multiply.outer(np.multiply.outer(group[pair[0][side]], group[pair[1][side]]), group[pair[2][side]])
            for side in (0, 1)
        )
        found = max(found, float(np.maximum(here - factor * there, 0).sum()))
    return found


@pytest.mark.parametrize("relation", RELATIONS)
def test_found_groups_of_three_rows_each_keep_epsilon_and_delta(relation: NeighbouringRelation) -> None:
    """And a threshold that is one lower does not."""
    delta = Fraction(1, 20)
    made = laplace_table(EPSILON, Persons(relation, 3), [Statistic.COUNT], delta=delta)
    assert made.threshold is not None
    assert worst_delta_of_three(made, relation, EPSILON) <= float(delta) * (1 + 1e-9)
    lower = dataclasses.replace(made, threshold=made.threshold - 1)
    assert worst_delta_of_three(lower, relation, EPSILON) > float(delta) * (1 + 1e-9)


@pytest.mark.parametrize("relation", RELATIONS)
def test_found_groups_with_gaussian_noise_keep_epsilon_and_delta(relation: NeighbouringRelation) -> None:
    """delta-approximate rho-zCDP gives (epsilon, delta + delta')-DP, where rho alone gives (epsilon, delta')."""
    delta = Fraction(1, 100)
    made = gaussian_table(RHO, Persons(relation, 2), [Statistic.COUNT], delta=delta)
    other = Fraction(1, 100)
    epsilon = epsilon_of_rho(RHO, other)
    assert worst_delta(made, relation, epsilon) <= mpf(1) / 50
    assert made.threshold is not None
    far = dataclasses.replace(made, threshold=made.threshold // 3)
    assert worst_delta(far, relation, epsilon) > mpf(1) / 50


@pytest.mark.parametrize("noise", [DiscreteLaplace(Fraction(1, 3), 2), DiscreteGaussian(Fraction(1, 9), 2)])
def test_tails_are_bounded_from_above_and_closely(noise: DiscreteLaplace | DiscreteGaussian) -> None:
    law = weights(noise, 900)
    for at in (1, 2, 5, 9, 14):
        exact = mp.fsum(p for x, p in law.items() if x >= at)
        bound = mpf(noise.tail(at, 100)) / 2**100
        assert exact <= bound
        assert bound <= exact * (mpf("1.000001") if isinstance(noise, DiscreteLaplace) else 3)
    assert noise.tail(0, 10) == noise.tail(-5, 10) == 1 << 10


@pytest.mark.parametrize("limits", LIMITS)
def test_the_threshold_covers_every_way_to_have_groups_alone(limits: tuple[int, int | None]) -> None:
    """All ways to spread a person's rows over groups that nobody else is in."""
    persons, delta = Persons(REPLACE, *limits), Fraction(1, 1000)
    noise = DiscreteLaplace(Fraction(1), persons.absolute(0, 1))
    least, law = threshold_for(noise, persons, delta), weights(noise, 400)

    def shown(threshold: int) -> mpf:
        found = mpf(0)
        for size in range(1, persons.contributions + 1):
            for spread in itertools.combinations_with_replacement(range(1, persons.in_one_group + 1), size):
                if sum(spread) <= persons.contributions:
                    hidden = [mp.fsum(p for x, p in law.items() if rows + x < threshold) for rows in spread]
                    found = max(found, 1 - mp.fprod(hidden))
        return found

    assert shown(least) <= mpf(1) / 1000 < shown(least - 1)


# ------------------------------------------------------------------------------------------ what is shown


def test_named_groups_are_all_shown_in_their_order_and_no_other() -> None:
    made = laplace_table(Fraction(10**6), Persons(ADD_REMOVE, 1), ALL, GRIDS[0])
    cells = {("b",): Cell(2, 5), ("z",): Cell(9, 9)}
    found = made.release(cells, FixedEntropy(), [("b",), ("a",)])
    assert list(found.items()) == [(("b",), (2, 5, Fraction(5, 2))), (("a",), (0, 0, 2))]


def test_found_groups_are_in_the_order_of_their_names_and_empty_ones_never_shown() -> None:
    made = laplace_table(Fraction(50), Persons(ADD_REMOVE, 1), [Statistic.SUM], GRIDS[0], delta=Fraction(1, 1000))
    cells = {("b",): Cell(20, 45), ("a",): Cell(30, 60), ("c",): Cell(0), ("d",): Cell(1, 3)}
    found = made.release(cells, FixedEntropy())
    assert list(found) == [("a",), ("b",)]
    everything = dataclasses.replace(made, threshold=-1000).release(cells, FixedEntropy())
    assert list(everything) == [("a",), ("b",), ("d",)]
    with pytest.raises(UsageError, match="either groups= "):
        made.release(cells, FixedEntropy(), [("a",)])
    with pytest.raises(UsageError, match="either groups= "):
        laplace_table(EPSILON, Persons(ADD_REMOVE, 1), [Statistic.COUNT]).release(cells, FixedEntropy())


def test_what_is_charged() -> None:
    persons, count, delta = Persons(REPLACE, 3), [Statistic.COUNT], Fraction(1, 10**6)
    assert laplace_table(EPSILON, persons, count).event == PureDp(EPSILON)
    assert laplace_table(EPSILON, persons, count, delta=delta).event == ApproximateDp(EPSILON, delta)
    assert gaussian_table(RHO, persons, count).event.cost(BudgetKind.ZCDP) == Cost(RHO)
    found = gaussian_table(RHO, persons, count, delta=delta, stated=Cost(EPSILON, 2 * delta)).event
    assert found.cost(BudgetKind.ZCDP) == Cost(RHO, delta)
    assert found.cost(BudgetKind.PURE) == Cost(EPSILON, 2 * delta)
    with pytest.raises(UsageError, match="has no epsilon"):
        Zcdp(RHO).cost(BudgetKind.PURE)
    assert Zcdp(RHO).for_group(3) == Zcdp(9 * RHO)
    with pytest.raises(UsageError, match="how well it protects several persons together"):
        Zcdp(RHO, delta).for_group(2)


def test_nonsense_is_refused() -> None:
    persons = Persons(REPLACE, 1)
    for call in (
        lambda: Persons(REPLACE, 0),
        lambda: Persons(REPLACE, 2, 3),
        lambda: Persons(REPLACE, 2, 0),
        lambda: laplace_table(EPSILON, persons, []),
        lambda: laplace_table(EPSILON, persons, [Statistic.COUNT] * 2),
        lambda: laplace_table(EPSILON, persons, [Statistic.SUM]),
        lambda: laplace_table(EPSILON, persons, [Statistic.COUNT], delta=Fraction(0)),
        lambda: laplace_table(EPSILON, persons, [Statistic.COUNT], delta=Fraction(1)),
        lambda: laplace_table(Fraction(0), persons, [Statistic.COUNT]),
        lambda: gaussian_table(Fraction(0), persons, [Statistic.COUNT]),
        lambda: DiscreteGaussian(RHO, 0),
        lambda: Zcdp(Fraction(0)),
    ):
        with pytest.raises(UsageError):
            call()
