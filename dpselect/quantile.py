"""Private quantiles and medians: the exponential mechanism over a public grid.

The score of a grid point t is -|(1 - q) * (values below t) - q * (values above t)|. A value that comes or goes moves
what is inside by (1 - q), by -q or not at all, so the score by at most max(q, 1 - q) and two scores against each other
by at most 2 * max(q, 1 - q): range 1 for a median under add/remove. A replaced value moves the inside by at most 1:
range 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from dpselect.accounting import Event
from dpselect.law import Law
from dpselect.mechanisms import Exponential, Guarantee, Mechanism, PermuteAndFlip, Selection
from dpselect.privacy import EpsilonLike, NeighbouringRelation, parse_epsilon, parse_fraction
from dpselect.scores import Bounds, ScoreBound, Scores, ScoresLike, take
from psiselect.base.entropy import Entropy, SystemEntropy
from psiselect.base.errors import UsageError

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
        """A grid point, drawn exactly. `values` as `dpselect.scores.take` accepts them; none gives a uniform point.
        Values beyond the grid count as beyond it. Costs `epsilon`."""
        return self.point(self.choose.release(self.scores(values), entropy))

    def probabilities(self, values: ScoresLike | Scores) -> Law:
        """The exact law; outcomes are positions in the grid."""
        return self.choose.probabilities(self.scores(values))

    def point(self, position: int) -> Fraction:
        """The grid point at a position."""
        return Fraction(int(self.grid.units[position]), self.grid.denominator)

    def scores(self, values: ScoresLike | Scores) -> Scores:
        """The score of every grid point, exactly."""
        if not isinstance(values, Scores) and len(values) == 0:
            return Scores(np.zeros(self.grid.units.size, dtype=np.int64), self.q.denominator)
        data = take(values)
        ordered = np.sort(_times(data.units, self.grid.denominator))
        points = _times(self.grid.units, data.denominator)
        below = _times(np.searchsorted(ordered, points, side="left"), self.q.denominator - self.q.numerator)
        above = _times(ordered.size - np.searchsorted(ordered, points, side="right"), self.q.numerator)
        return Scores(-abs(below - above), self.q.denominator)


def _times(units: Any, factor: int) -> Any:
    """units * factor, in Python integers where 62 bits might not do."""
    largest = max(abs(int(units.min())), abs(int(units.max())))
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
    fraction = parse_fraction(q, "quantile")
    if fraction > 1:
        raise UsageError(f"quantile: expected a number from 0 to 1, got {q}")
    points = take(grid)
    if np.any(points.units[1:] <= points.units[:-1]):
        raise UsageError("quantile: expected a grid of rising numbers")
    if mechanism not in _CHOOSERS:
        raise UsageError(f"quantile: expected {' or '.join(m.value for m in _CHOOSERS)}, got {mechanism.value}")
    exact, bound = parse_epsilon(epsilon), quantile_bounds(fraction).bound(relation)
    return Quantile(exact, relation, bound, fraction, points, _CHOOSERS[mechanism](exact, relation, bound))


def median(epsilon: EpsilonLike, relation: NeighbouringRelation, grid: ScoresLike | Scores) -> Quantile:
    """`quantile` at 1/2."""
    return quantile(epsilon, relation, Fraction(1, 2), grid)
