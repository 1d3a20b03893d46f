"""Whole columns to whole numbers: on a grid, or between edges, each as the exact rule for one value has it.

NumPy does the work on int64, and on doubles where the column holds doubles or text. Doubles are only a filter: each
comparison has a written error bound, and a value that the bound does not decide is reported as not sure. The caller
decides that value with `exact`, on fractions. So every result is the exact one, and no result has been rounded.

Error bound of `GridPlaces.doubles`. The true value m, clamped, and its double c differ by at most u*|m|, u = 2^-53,
because rounding is monotone and so commutes with clamping. The double of 1/unit is off by a factor of at most 1 + u,
and so is the product. Hence |x - m/unit| <= 2^-51 * |x|, and 2^-500 more for what underflows. A value is sure when it
is farther than 2^-50 * |x| + 2^-400 from the middle between two grid points.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np
import numpy.typing as npt

from dpselect.grid import Grid

Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Sure = npt.NDArray[np.bool_]
WHOLE = 1 << 62  # sums and products stay below it, so that int64 does not overflow
_EXACT = 1 << 50  # whole doubles up to here have room for a fraction
# Beyond these sizes a double's text is no number that `decimals.parse_number` takes.
_SMALL, _LARGE = 1e-90, 1e99
_SCALES = 2.0**-400, 2.0**400


class Places(Protocol):
    """A rule that gives each number a whole number."""

    @property
    def wide(self) -> bool:
        """Whether these whole numbers may be too large for int64. Then `integers` and `doubles` are never sure."""
        ...

    def exact(self, value: Fraction) -> int:
        """Of one number."""
        ...

    def integers(self, values: Integers) -> tuple[Integers, Sure]:
        """Of whole numbers, and which of the results are sure."""
        ...

    def doubles(self, values: Doubles) -> tuple[Integers, Sure]:
        """Of numbers whose nearest doubles these are, and which of the results are sure."""
        ...


@dataclass(frozen=True)
class GridPlaces:
    """The place of the nearest grid point, in units. A value in the middle of two points goes to the even one.

    Attributes:
        down: whether a value in the middle goes to the lower point instead, as `dpselect.quantile` needs it. Otherwise
            the rule is that of `Grid.snap`.
    """

    grid: Grid
    down: bool = False

    @property
    def wide(self) -> bool:
        """Whether these whole numbers may be too large for int64. Then nothing is ever sure."""
        return max(abs(self.grid.low), abs(self.grid.high)) >= WHOLE

    def exact(self, value: Fraction) -> int:
        """Of one number."""
        if not self.down:
            return self.grid.snap(value)
        within = min(Fraction(self.grid.high), max(Fraction(self.grid.low), value / self.grid.unit))
        return math.ceil(within - Fraction(1, 2))

    def integers(self, values: Integers) -> tuple[Integers, Sure]:
        """Of whole numbers, and which of the results are sure."""
        grid = self.grid
        least, most = math.floor(grid.lower), math.ceil(grid.upper)
        times, over = grid.unit.denominator, grid.unit.numerator
        if max(-least, most) * times >= WHOLE or 2 * over >= WHOLE:
            return np.zeros(values.size, np.int64), np.zeros(values.size, np.bool_)
        scaled = np.clip(values, least, most) * times
        nearest = scaled // over
        twice = 2 * (scaled - nearest * over)
        nearest += (twice > over) | ((twice == over) & (nearest & 1 == 1) & (not self.down))
        if self.down:
            return np.clip(nearest, grid.low, grid.high), np.ones(values.size, np.bool_)
        nearest = np.where(values < math.ceil(grid.lower), grid.low, nearest)
        return np.where(values > math.floor(grid.upper), grid.high, nearest), np.ones(values.size, np.bool_)

    def doubles(self, values: Doubles) -> tuple[Integers, Sure]:
        """Of numbers whose nearest doubles these are, and which of the results are sure."""
        grid = self.grid
        bounds = (grid.low * grid.unit, grid.high * grid.unit) if self.down else (grid.lower, grid.upper)
        scale = _double(1 / grid.unit)
        sure = _are_numbers(values)
        if not _SCALES[0] < scale < _SCALES[1] or max(abs(grid.low), abs(grid.high)) >= _EXACT:
            return np.zeros(values.size, np.int64), np.zeros(values.size, np.bool_)
        clipped = np.clip(np.where(sure, values, 0.0), _double(bounds[0]), _double(bounds[1]))
        wanted = clipped * scale
        nearest = np.rint(wanted)
        sure &= 0.5 - np.abs(wanted - nearest) > np.abs(wanted) * 2.0**-50 + 2.0**-400
        return nearest.astype(np.int64), sure


@dataclass(frozen=True)
class EdgePlaces:
    """Where a number lies among rising edges: 2i below edge i and above the one before, 2i + 1 on edge i."""

    edges: Sequence[Fraction]
    wide = False

    def exact(self, value: Fraction) -> int:
        """Of one number."""
        return bisect.bisect_left(self.edges, value) + bisect.bisect_right(self.edges, value)

    def integers(self, values: Integers) -> tuple[Integers, Sure]:
        """Of whole numbers, and which of the results are sure."""
        floors, ceilings = [math.floor(e) for e in self.edges], [math.ceil(e) for e in self.edges]
        if max(map(abs, floors + ceilings), default=0) >= WHOLE:
            return np.zeros(values.size, np.int64), np.zeros(values.size, np.bool_)
        below = np.searchsorted(np.array(floors, np.int64), values, side="left")
        up_to = np.searchsorted(np.array(ceilings, np.int64), values, side="right")
        return below + up_to, np.ones(values.size, np.bool_)

    def doubles(self, values: Doubles) -> tuple[Integers, Sure]:
        """Places of numbers by their nearest doubles, and which of the places are sure.

        Rounding is monotone, so two numbers with different doubles compare as their doubles do.
        """
        edges = np.array([_double(edge) for edge in self.edges])
        below = np.searchsorted(edges, values, side="left")
        return 2 * below, _are_numbers(values) & (below == np.searchsorted(edges, values, side="right"))


def bin_counts(places: Integers) -> list[int]:
    """How many are in each bin, [a, b) and so on, the last one [y, z]. places: how many have each of `EdgePlaces`."""
    bins = places[1:-2:2] + places[2:-1:2]
    bins[-1] += places[-2]
    return [int(count) for count in bins]


def add(units: Integers, most: int) -> int:
    """The sum of whole numbers of at most `most` either way, exactly. units: int64, or Python's own numbers."""
    return int(units.sum()) if most * units.size < WHOLE else sum(units.tolist())


def _are_numbers(values: Doubles) -> Sure:
    """Which doubles have a text of ordinary length."""
    size = np.abs(values)
    ordinary: Sure = (size < _LARGE) & ((size > _SMALL) | (size == 0))
    return ordinary


def _double(value: Fraction) -> float:
    """The nearest double; infinite beyond them."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
