"""A table of counts, sums and means by group, for one charge.

Each group has one number for each part that the statistics need: how many rows, their sum, and their sum around the
middle of the bounds (for a mean). A person has at most C rows, in up to C groups. With `rows_per_group` R, at most R of
them are in one group. Let w be the largest amount that one row adds to a part: 1 for a count, max(|a|, |b|) for a sum,
max(b - m, m - a) around the middle m. What one person changes in a part, over all groups together:

    relation      in L1      squared, in L2
    add-remove    C w        S w^2,  S = (C // R) R^2 + (C mod R)^2
    replace       2 C w      S (2 w^2 + 2 max(-a, 0) max(b, 0)), with a - m and b - m around the middle

Under replace a person leaves some groups and enters others, so both are counted. The parts share epsilon, or rho,
evenly. Groups are named beforehand, or those are shown whose noisy count reaches a threshold (`threshold_for`). Proofs
are in docs/privacy.md.
"""

from __future__ import annotations

import enum
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from dpselect import words, words_numbers
from dpselect.accounting import ApproximateDp, Cost, Event, PureDp, Zcdp
from dpselect.gaussian import DiscreteGaussian
from dpselect.grid import Grid
from dpselect.numeric import DiscreteLaplace
from dpselect.privacy import NeighbouringRelation
from psiselect.base.entropy import Entropy

_BITS = 128
Group = tuple[str, ...]


class Statistic(enum.Enum):
    """What a table holds for each group."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"


class CellPart(enum.Enum):
    """A number that a group has before the noise."""

    ROWS = "rows"
    TOTAL = "total"
    DEVIATION = "deviation"  # the total less the middle of the bounds for each row


_NEEDS = {
    Statistic.COUNT: (CellPart.ROWS,),
    Statistic.SUM: (CellPart.TOTAL,),
    Statistic.MEAN: (CellPart.ROWS, CellPart.DEVIATION),
}


class IntegerNoise(Protocol):
    """What both kinds of noise offer."""

    @abstractmethod
    def release(self, values: Sequence[int], entropy: Entropy) -> list[int]:
        """Each value with its own noise."""

    def error(self, miss: Fraction) -> int:
        """What the noise of one number stays within, but for a chance of `miss`."""
        ...

    def tail(self, at: int, bits: int) -> int:
        """An upper bound of 2^bits * Pr[noise >= at]."""
        ...

    @property
    def scale(self) -> Fraction:
        """In units."""
        ...


@dataclass(frozen=True, slots=True)
class Cell:
    """What a group holds: how many rows, and what their values add up to, in units."""

    rows: int
    total: int = 0


@dataclass(frozen=True, slots=True)
class Persons:
    """How many rows a person has at most, in all and in one group."""

    relation: NeighbouringRelation
    contributions: int
    rows_per_group: int | None = None

    def __post_init__(self) -> None:
        if self.contributions < 1:
            raise words_numbers.contributions()
        if self.rows_per_group is not None and not 1 <= self.rows_per_group <= self.contributions:
            raise words_numbers.rows_per_group(self.contributions)

    @property
    def in_one_group(self) -> int:
        """R: the most rows of one person in one group."""
        return self.contributions if self.rows_per_group is None else self.rows_per_group

    def absolute(self, low: int, high: int) -> int:
        """What a person changes in L1, when a row adds `low` to `high`."""
        moved = 2 if self.relation is NeighbouringRelation.REPLACE else 1
        return moved * self.contributions * max(abs(low), abs(high))

    def squared(self, low: int, high: int) -> int:
        """The square of what a person changes in L2."""
        full, rest = divmod(self.contributions, self.in_one_group)
        rows = full * self.in_one_group**2 + rest**2
        most = max(abs(low), abs(high)) ** 2
        if self.relation is NeighbouringRelation.ADD_REMOVE:
            return rows * most
        return rows * 2 * (most + max(-low, 0) * max(high, 0))


@dataclass(frozen=True)
class Grouped:
    """A table with its guarantee.

    Attributes:
        noises: the noise of each part.
        threshold: what a noisy count must reach for its group to be shown; None where the groups are named beforehand.
        delta: what the threshold costs.
    """

    persons: Persons
    statistics: tuple[Statistic, ...]
    grid: Grid | None
    noises: Mapping[CellPart, IntegerNoise]
    event: Event
    threshold: int | None = None
    delta: Fraction = Fraction(0)

    def release(
        self, cells: Mapping[Group, Cell], entropy: Entropy, groups: Sequence[Group] | None = None
    ) -> dict[Group, tuple[Fraction, ...]]:
        """The noisy statistics of each group, in the order of `statistics`.

        Args:
            cells: what each group holds.
            groups: the groups that were named beforehand. All are shown, in this order. None where a threshold finds
                groups: then those with a row and a noisy count that reaches the threshold are shown, in the order of
                names.
            entropy: the source of random bits.
        """
        if (groups is None) != (self.threshold is not None):
            raise words_numbers.groups()
        shown = sorted(group for group, cell in cells.items() if cell.rows > 0) if groups is None else groups
        exact = [cells.get(group, Cell(0)) for group in shown]
        drawn = [noise.release([self._part(part, c) for c in exact], entropy) for part, noise in self.noises.items()]
        noisy = [dict(zip(self.noises, numbers, strict=True)) for numbers in zip(*drawn, strict=True)]
        return {
            group: tuple(self._value(statistic, numbers) for statistic in self.statistics)
            for group, numbers in zip(shown, noisy, strict=True)
            if self.threshold is None or numbers[CellPart.ROWS] >= self.threshold
        }

    def error95(self, statistic: Statistic) -> Fraction | None:
        """What one number stays within at 95 %; None for a mean, where it depends on the rows of the group."""
        if statistic is Statistic.MEAN:
            return None
        part = CellPart.ROWS if statistic is Statistic.COUNT else CellPart.TOTAL
        return self.noises[part].error(Fraction(1, 20)) * self._unit(part)

    @property
    def scales(self) -> dict[str, Fraction]:
        """Of the noise on each part, in the data's measure."""
        return {part.value: noise.scale * self._unit(part) for part, noise in self.noises.items()}

    def _unit(self, part: CellPart) -> Fraction:
        return Fraction(1) if part is CellPart.ROWS else self._grid.unit

    @property
    def _grid(self) -> Grid:
        if self.grid is None:
            raise words_numbers.no_bounds()
        return self.grid

    def _part(self, part: CellPart, cell: Cell) -> int:
        if part is CellPart.ROWS:
            return cell.rows
        return cell.total if part is CellPart.TOTAL else cell.total - self._grid.middle * cell.rows

    def _value(self, statistic: Statistic, noisy: dict[CellPart, int]) -> Fraction:
        if statistic is Statistic.COUNT:
            return Fraction(noisy[CellPart.ROWS])
        grid = self._grid
        if statistic is Statistic.SUM:
            return noisy[CellPart.TOTAL] * grid.unit
        mean = (grid.middle + Fraction(noisy[CellPart.DEVIATION], max(1, noisy[CellPart.ROWS]))) * grid.unit
        return min(grid.upper, max(grid.lower, mean))


def laplace_table(
    epsilon: Fraction,
    persons: Persons,
    statistics: Sequence[Statistic],
    grid: Grid | None = None,
    *,
    delta: Fraction | None = None,
) -> Grouped:
    """A table with discrete Laplace noise: epsilon-DP for groups named beforehand; with `delta`, (epsilon, delta)-DP
    for groups that are found. Raises UsageError."""
    parts = _parts(statistics, grid, found=delta is not None)
    share = epsilon / len(parts)
    noises = {part: DiscreteLaplace(share, persons.absolute(*ends)) for part, ends in parts.items()}
    if delta is None:
        return Grouped(persons, tuple(statistics), grid, noises, PureDp(epsilon))
    threshold = threshold_for(noises[CellPart.ROWS], persons, delta)
    return Grouped(persons, tuple(statistics), grid, noises, ApproximateDp(epsilon, delta), threshold, delta)


def gaussian_table(
    rho: Fraction,
    persons: Persons,
    statistics: Sequence[Statistic],
    grid: Grid | None = None,
    *,
    delta: Fraction | None = None,
    stated: Cost | None = None,
) -> Grouped:
    """A table with discrete Gaussian noise: rho-zCDP for groups named beforehand; with `delta`, delta-approximate
    rho-zCDP for groups that are found. stated: see `accounting.Zcdp`. Raises UsageError."""
    parts = _parts(statistics, grid, found=delta is not None)
    share = rho / len(parts)
    noises = {part: DiscreteGaussian(share, persons.squared(*ends)) for part, ends in parts.items()}
    event = Zcdp(rho, delta or Fraction(0), stated)
    threshold = None if delta is None else threshold_for(noises[CellPart.ROWS], persons, delta)
    return Grouped(persons, tuple(statistics), grid, noises, event, threshold, delta or Fraction(0))


def _parts(statistics: Sequence[Statistic], grid: Grid | None, *, found: bool) -> dict[CellPart, tuple[int, int]]:
    """What the statistics need, and the least and the most that a row adds to each part."""
    if not statistics or len(set(statistics)) != len(statistics):
        raise words_numbers.statistics()
    wanted = {part for statistic in statistics for part in _NEEDS[statistic]} | ({CellPart.ROWS} if found else set())
    if grid is None:
        if wanted != {CellPart.ROWS}:
            raise words_numbers.no_bounds()
        return {CellPart.ROWS: (0, 1)}
    ends = {
        CellPart.ROWS: (0, 1),
        CellPart.TOTAL: (grid.low, grid.high),
        CellPart.DEVIATION: (grid.low - grid.middle, grid.high - grid.middle),
    }
    return {part: ends[part] for part in CellPart if part in wanted}


def threshold_for(noise: IntegerNoise, persons: Persons, delta: Fraction) -> int:
    """The least threshold that hides the groups of one person alone, but for a chance of delta.

    With p(c) = Pr[c + noise >= T] and K = C/R rounded up, two chances must be at most delta: 1 - (1 - p(1))^C, and 1 -
    (1 - p(R))^K. Certified upper bounds of p decide it.

    Args:
        noise: of a group's count.
        persons: how many rows a person has at most: C in all, R in one group.
        delta: above 0 and below 1.

    Raises:
        UsageError: delta is out of range.
    """
    if not 0 < delta < 1:
        raise words.delta_range(delta)
    most, bits = persons.in_one_group, _BITS + delta.denominator.bit_length()
    cases = [(1, persons.contributions), (most, -(-persons.contributions // most))]

    def hides(threshold: int) -> bool:
        return all(
            (1 << bits) - _power((1 << bits) - noise.tail(threshold - rows, bits), groups, bits) <= delta * (1 << bits)
            for rows, groups in cases
        )

    low, high = most, most + 1
    while not hides(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if hides(middle) else (middle, high)
    return high


def _power(base: int, exponent: int, bits: int) -> int:
    """A lower bound of base^exponent, both in units of 2^-bits; base <= 1."""
    result = 1 << bits
    while exponent:
        if exponent & 1:
            result = result * base >> bits
        base, exponent = base * base >> bits, exponent >> 1
    return result
