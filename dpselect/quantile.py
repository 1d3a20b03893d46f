"""Private quantiles and medians: the exponential mechanism over a public grid.

The score of a grid point t is -|(1 - q) * (values below t) - q * (values above t)|. A value that comes or goes moves
what is inside by (1 - q), by -q or not at all. So it moves the score by at most max(q, 1 - q), and two scores against
each other by at most 2 * max(q, 1 - q): range 1 for a median under add/remove. A replaced value moves the inside by at
most 1: range 2. Before that, each value by itself becomes the nearest point of the grid. This changes nothing of the
above. It also means that no value needs more digits than the grid, or lies between two points that all values would
then tie for.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from dpselect import words_choices
from dpselect.accounting import Event
from dpselect.law import Law
from dpselect.mechanisms import Exponential, Guarantee, Mechanism, PermuteAndFlip, Selection
from dpselect.privacy import EpsilonLike, NeighbouringRelation, parse_epsilon, parse_fraction
from dpselect.scores import Bounds, ScoreBound, Scores, ScoresLike, exact_number, take
from psiselect.base.entropy import Entropy, SystemEntropy

_SYSTEM = SystemEntropy()
_CHOOSERS: dict[Mechanism, type[Selection]] = {
    Mechanism.EXPONENTIAL: Exponential,
    Mechanism.PERMUTE_AND_FLIP: PermuteAndFlip,
}


@dataclass(frozen=True, eq=False)
class Quantile(Guarantee):
    """A measurement that releases one point of `grid`, near the quantile `q` of private values."""

    q: Fraction
    grid: Scores
    choose: Selection

    @property
    def mechanism(self) -> Mechanism:
        """What draws the point."""
        return self.choose.mechanism

    @property
    def event(self) -> Event:
        """What a ledger charges for one release."""
        return self.choose.event

    def release(self, values: ScoresLike | Scores, entropy: Entropy = _SYSTEM) -> Fraction:
        """Draw a grid point, exactly. It costs `epsilon`.

        Args:
            values: of the types that `dpselect.scores.take` accepts, with any number of digits. Each counts as the
                nearest grid point, and as the lower one in the middle of two. Without values, all points are alike
                likely.
            entropy: the source of random bits; None for the system's.
        """
        return self.point(self.choose.release(self.scores(values), entropy))

    def probabilities(self, values: ScoresLike | Scores) -> Law:
        """The exact law; outcomes are positions in the grid."""
        return self.choose.probabilities(self.scores(values))

    def point(self, position: int) -> Fraction:
        """The grid point at a position."""
        return Fraction(int(self.grid.units[position]), self.grid.denominator)

    def scores(self, values: ScoresLike | Scores) -> Scores:
        """The score of every grid point, exactly."""
        return self.scores_of(np.bincount(self._nearest(values), minlength=self.grid.units.size))

    def release_counts(self, at: npt.NDArray[np.int64], entropy: Entropy = _SYSTEM) -> Fraction:
        """As `release`, of values that are counted already: how many have each grid point as their nearest."""
        return self.point(self.choose.release(self.scores_of(at), entropy))

    def scores_of(self, at: npt.NDArray[np.int64]) -> Scores:
        """The score of every grid point, where `at` values have each of them as their nearest."""
        up_to = np.cumsum(at)
        below = _times(up_to - at, self.q.denominator - self.q.numerator)
        above = _times(up_to[-1] - up_to, self.q.numerator)
        return Scores(-abs(below - above), self.q.denominator)

    def _nearest(self, values: ScoresLike | Scores) -> npt.NDArray[np.int64]:
        """The position of each value's nearest grid point, decided by comparison of whole numbers.

        In units of 1/(2 * denominator) the borders between points are whole numbers. A value is beyond a border when
        it is so after rounding up to such a unit.
        """
        borders = _plus(self.grid.units[:-1], self.grid.units[1:])
        if isinstance(values, Scores):
            ratios = [(int(unit), values.denominator) for unit in values.units]
        else:
            ratios = [exact_number(value, place).as_integer_ratio() for place, value in enumerate(values)]
        scale = 2 * self.grid.denominator
        if borders.size == 0:
            return np.zeros(len(ratios), dtype=np.int64)
        least, most = int(borders[0]), int(borders[-1]) + 1
        rounded = [min(most, max(least, -(-scale * above // under))) for above, under in ratios]
        nearest: npt.NDArray[np.int64] = np.searchsorted(borders, np.array(rounded, dtype=borders.dtype), side="left")
        return nearest


def _plus(one: Any, other: Any) -> Any:
    """one + other, in Python integers where 62 bits might not do."""
    largest = max((abs(int(side[place])) for side in (one, other) if side.size for place in (0, -1)), default=0)
    kind = np.int64 if largest < 1 << 61 else object
    return one.astype(kind) + other.astype(kind)


def _times(units: Any, factor: int) -> Any:
    """units * factor, in Python integers where 62 bits might not do."""
    largest = int(units.max())
    exact = units.astype(np.int64 if largest * factor < 1 << 62 else object)
    return exact * factor


def quantile_bounds(q: Fraction) -> Bounds:
    """What the score promises for the quantile q, 0 <= q <= 1."""
    most = max(q, 1 - q)
    return Bounds(
        "quantile",
        {
            NeighbouringRelation.ADD_REMOVE: ScoreBound(most, False, 2 * most),
            NeighbouringRelation.REPLACE: ScoreBound(Fraction(1), False, Fraction(2)),
        },
    )


def quantile(
    epsilon: EpsilonLike,
    relation: NeighbouringRelation,
    q: EpsilonLike,
    grid: ScoresLike | Scores,
    mechanism: Mechanism = Mechanism.EXPONENTIAL,
) -> Quantile:
    """The quantile q (1/2 is the median) on a public, rising grid; `epsilon`-DP under `relation`. Raises UsageError."""
    fraction = parse_fraction(q, "q")
    if fraction > 1:
        raise words_choices.quantile(q)
    points = take(grid)
    if np.any(points.units[1:] <= points.units[:-1]):
        raise words_choices.grid_not_rising()
    if mechanism not in _CHOOSERS:
        raise words_choices.quantile_mechanism([each.value for each in _CHOOSERS], mechanism.value)
    exact, bound = parse_epsilon(epsilon), quantile_bounds(fraction).bound(relation)
    return Quantile(exact, relation, bound, fraction, points, _CHOOSERS[mechanism](exact, relation, bound))


def median(epsilon: EpsilonLike, relation: NeighbouringRelation, grid: ScoresLike | Scores) -> Quantile:
    """`quantile` at 1/2."""
    return quantile(epsilon, relation, Fraction(1, 2), grid)
