"""Public bounds and unit: what values become before they are added up, and the values added up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from dpselect import words_numbers
from dpselect.privacy import NeighbouringRelation


@dataclass(frozen=True, slots=True)
class Grid:
    """Public bounds and unit: what values become before they are added up."""

    lower: Fraction
    upper: Fraction
    unit: Fraction

    def __post_init__(self) -> None:
        if self.unit <= 0:
            raise words_numbers.unit(self.unit)
        if self.lower >= self.upper:
            raise words_numbers.bounds()
        if self.low == self.high:
            raise words_numbers.unit_too_coarse()

    @property
    def low(self) -> int:
        """The lower bound in units."""
        return round(self.lower / self.unit)

    @property
    def high(self) -> int:
        """The upper bound in units."""
        return round(self.upper / self.unit)

    def snap(self, value: Fraction) -> int:
        """A value in units, within the bounds; halves to even."""
        return round(min(self.upper, max(self.lower, value)) / self.unit)

    @property
    def middle(self) -> int:
        """The middle of the bounds in units, rounded down."""
        return (self.low + self.high) // 2

    def sensitivity(self, relation: NeighbouringRelation, contributions: int, *, one_row_each: bool) -> int:
        """What one person can change in a sum, in units.

        Args:
            relation: what one person can change in the data.
            contributions: how many rows a person has at most.
            one_row_each: whether each person has exactly one row that counts. Otherwise a person's rows may be replaced
                by none, which adds nothing any more.
        """
        if relation is NeighbouringRelation.ADD_REMOVE:
            return contributions * max(abs(self.low), abs(self.high))
        if one_row_each:
            return contributions * (self.high - self.low)
        return contributions * (max(self.high, 0) - min(self.low, 0))


@dataclass(frozen=True, slots=True)
class Added:
    """Values on a grid, added up.

    Attributes:
        total: the sum, in units.
        rows: how many values there are.
        clamped: how many of them lie beyond the bounds, as far as that is counted.
    """

    total: int
    rows: int
    clamped: int = 0

    @classmethod
    def of(cls, values: Iterable[Fraction] | Added, grid: Grid) -> Added:
        """The values, which may have been added up before on the same grid."""
        if isinstance(values, Added):
            return values
        total = rows = clamped = 0
        for value in values:
            total += grid.snap(value)
            rows += 1
            clamped += not grid.lower <= value <= grid.upper
        return cls(total, rows, clamped)
