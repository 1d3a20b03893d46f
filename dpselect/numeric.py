"""Noisy numbers: counts, sums, means and histograms with exact discrete Laplace noise.

Values are clamped to public bounds, rounded to a public unit and added up as integers; the noise is an integer too, so
nothing released has seen a floating-point number. With sensitivity D in units and exponent epsilon/D the release is
epsilon-DP (Ghosh, Roughgarden, Sundararajan 2009). What one person can change, in L1:

    statistic     add-remove                   replace
    count         1                            1
    sum           max(|lower|, |upper|)        upper - lower where each person has exactly one row that counts,
                                               else max(upper, 0) - min(lower, 0)
    histogram     1                            2
    mean          a noisy sum around the       upper - lower on the sum, divided by the public number of rows
                  middle of the bounds and a
                  noisy count, half of epsilon each

`contributions` multiplies it: for a person with up to that many rows, or to protect that many persons together (group
privacy). `dpselect.persons` keeps that many rows of each person. docs/privacy.md has the proofs.
"""

from __future__ import annotations

import bisect
import enum
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dpselect import words_numbers
from dpselect.accounting import Event, PureDp
from dpselect.coins import exp_floor
from dpselect.decimals import plain
from dpselect.grid import Added, Grid
from dpselect.privacy import NeighbouringRelation
from dpselect.sampling import discrete_laplace
from psiselect.base.entropy import Entropy
from psiselect.base.errors import UsageError

MAX_CELLS = 100_000
_BITS = 128


@dataclass(frozen=True, slots=True)
class DiscreteLaplace:
    """Adds discrete Laplace noise to integers, for epsilon-DP.

    Pr[x] = (1-z)/(1+z) * z^|x|, with z = exp(-epsilon/sensitivity).

    Attributes:
        epsilon: above 0.
        sensitivity: what one person can move all integers together, in L1.
    """

    epsilon: Fraction
    sensitivity: int

    def __post_init__(self) -> None:
        if self.epsilon <= 0:
            raise words_numbers.epsilon(self.epsilon)
        if self.sensitivity < 1:
            raise words_numbers.no_sensitivity()

    @property
    def exponent(self) -> Fraction:
        """lambda; z = exp(-lambda)."""
        return self.epsilon / self.sensitivity

    @property
    def scale(self) -> Fraction:
        """1/lambda, in units; the mean absolute error is close to it."""
        return 1 / self.exponent

    def error(self, miss: Fraction) -> int:
        """The least e with Pr[|noise| > e] <= miss: Pr[|noise| > e] = 2 z^(e+1)/(1+z). In units; decided by certified
        bounds of z."""
        low, high = 0, 1
        while not self._within(high, miss):
            low, high = high, 2 * high
        if self._within(0, miss):
            return 0
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._within(middle, miss) else (middle, high)
        return high

    def tail(self, at: int, bits: int) -> int:
        """An upper bound of 2^bits * Pr[noise >= at], which is z^at/(1+z) from 1 on."""
        if at <= 0:
            return 1 << bits
        above, below = exp_floor(self.exponent * at, bits) + 1, exp_floor(self.exponent, bits)
        return -(-(above << bits) // ((1 << bits) + below))

    def release(self, values: Sequence[int], entropy: Entropy) -> list[int]:
        """Each value with its own noise. Costs epsilon once, for all."""
        return [value + discrete_laplace(entropy, self.exponent) for value in values]

    def _within(self, e: int, miss: Fraction) -> bool:
        one = 1 << _BITS
        above = exp_floor(self.exponent * (e + 1), _BITS) + 1
        below = exp_floor(self.exponent, _BITS)
        return 2 * above * miss.denominator <= miss.numerator * (one + below)


class Invalid(enum.Enum):
    """What becomes of a row whose value cannot be read."""

    ERROR = "error"  # no release; what the error says is outside the guarantee
    DROP = "drop"  # the row counts nowhere, in a mean of public rows as the middle; nobody is told


@dataclass(frozen=True, slots=True)
class Released:
    """What a release has drawn.

    Attributes:
        values: what may be shown.
        private_clamped: how many values lie beyond the bounds. It is not part of the release. Show it only to those who
            may see the data.
    """

    values: tuple[Fraction, ...]
    private_clamped: int = 0


@dataclass(frozen=True, slots=True)
class Measurement:
    """A statistic with its guarantee.

    Attributes:
        noise: the noise of the integers.
        unit: what 1 of these integers is in the data's own measure.
        error95: what the noise of one number stays within at 95 %; None where that depends on the data.
    """

    epsilon: Fraction
    relation: NeighbouringRelation
    contributions: int
    noise: DiscreteLaplace
    unit: Fraction

    @property
    def event(self) -> Event:
        """What a ledger charges for one release."""
        return PureDp(self.epsilon)

    def privacy_map(self, changes: int = 1) -> Fraction:
        """Epsilon towards data sets that differ in `changes` persons."""
        return changes * self.epsilon

    @property
    def sensitivity(self) -> Fraction:
        """In the data's measure, contributions included."""
        return self.noise.sensitivity * self.unit

    @property
    def scale(self) -> Fraction:
        """Of the noise, in the data's measure."""
        return self.noise.scale * self.unit

    @property
    def error95(self) -> Fraction | None:
        """See the class."""
        return self.noise.error(Fraction(1, 20)) * self.unit


@dataclass(frozen=True, slots=True)
class Count(Measurement):
    """How many rows."""

    def release(self, rows: int, entropy: Entropy) -> Released:
        """The noisy count; may be negative, which keeps it unbiased."""
        return Released((Fraction(self.noise.release([rows], entropy)[0]),))


@dataclass(frozen=True, slots=True)
class Sum(Measurement):
    """The sum of a column."""

    grid: Grid

    def release(self, values: Iterable[Fraction] | Added, entropy: Entropy) -> Released:
        """The noisy sum of clamped, rounded values."""
        added = Added.of(values, self.grid)
        (noisy,) = self.noise.release([added.total], entropy)
        return Released((noisy * self.unit,), added.clamped)


@dataclass(frozen=True, slots=True)
class PublicMean(Measurement):
    """The mean of a column whose number of rows is public. A row without a value counts as the middle of the bounds."""

    grid: Grid
    rows: int

    def release(self, values: Iterable[Fraction] | Added, entropy: Entropy) -> Released:
        """The noisy sum over the public number of rows, within the bounds. `values`: of the rows that have one."""
        added = Added.of(values, self.grid)
        (noisy,) = self.noise.release([added.total + self.grid.middle * (self.rows - added.rows)], entropy)
        mean = Fraction(noisy, self.rows) * self.grid.unit
        return Released((min(self.grid.upper, max(self.grid.lower, mean)),), added.clamped)


@dataclass(frozen=True, slots=True)
class PrivateMean(Measurement):
    """The mean of a column whose number of rows is private: a noisy sum around the middle, divided by a noisy count.

    Attributes:
        noise: the noise of the sum, at half of epsilon.
        count: the noise of the count, at the other half.
        expected_rows: a public guess of the number of rows, for error95 only.
    """

    grid: Grid
    count: DiscreteLaplace
    expected_rows: int | None = None

    def release(self, values: Iterable[Fraction] | Added, entropy: Entropy) -> Released:
        """The quotient, within the bounds."""
        added = Added.of(values, self.grid)
        (deviation,) = self.noise.release([added.total - self.grid.middle * added.rows], entropy)
        (rows,) = self.count.release([added.rows], entropy)
        mean = (self.grid.middle + Fraction(deviation, max(1, rows))) * self.unit
        return Released((min(self.grid.upper, max(self.grid.lower, mean)),), added.clamped)

    @property
    def error95(self) -> Fraction | None:
        """A bound, by two times 97.5 %, for the guessed number of rows; None without a guess."""
        if self.expected_rows is None:
            return None
        miss = Fraction(1, 40)
        rows, deviation = self.count.error(miss), self.noise.error(miss)
        if rows >= self.expected_rows:
            return self.grid.upper - self.grid.lower
        half = self.grid.high - self.grid.middle
        within = Fraction(deviation + half * rows, self.expected_rows - rows) * self.unit
        return min(within, self.grid.upper - self.grid.lower)


@dataclass(frozen=True, slots=True)
class Histogram(Measurement):
    """Counts of public cells. A row that belongs to none of them is counted in `other`, or without it nowhere."""

    cells: tuple[str, ...]
    edges: tuple[Fraction, ...] | None = None
    other: str | None = None

    @property
    def error95_all(self) -> Fraction:
        """What all cells stay within together at 95 %: each with 5 % divided by their number."""
        return self.noise.error(Fraction(1, 20 * len(self.cells))) * self.unit

    def release(self, values: Iterable[str] | Iterable[Fraction], entropy: Entropy) -> Released:
        """Noisy counts in the order of `cells`, empty cells included; may be negative."""
        positions = {cell: i for i, cell in enumerate(self.cells)}
        rest = -1 if self.other is None else positions[self.other]
        counts = Counter(positions.get(v, rest) if isinstance(v, str) else self._bin(v) for v in values)
        noisy = self.release_counts([counts.get(i, 0) for i in range(len(self.cells))], entropy)
        return Released(noisy.values, counts.get(-1, 0))

    def release_counts(self, counts: Sequence[int], entropy: Entropy) -> Released:
        """The same of rows that are counted already: how many are in each cell."""
        return Released(tuple(map(Fraction, self.noise.release(counts, entropy))))

    def _bin(self, value: Fraction) -> int:
        edges = self.edges or ()
        at = bisect.bisect_right(edges, value) - 1
        if at == len(edges) - 1 and value == edges[-1]:
            return at - 1  # the last bin takes in its upper edge
        return at if 0 <= at < len(edges) - 1 else -1


def count(epsilon: Fraction, relation: NeighbouringRelation, *, contributions: int = 1) -> Count:
    """A noisy count."""
    return Count(
        epsilon,
        relation,
        _checked(contributions),
        DiscreteLaplace(epsilon, contributions),
        Fraction(1),
    )


def sum_(
    epsilon: Fraction,
    relation: NeighbouringRelation,
    grid: Grid,
    *,
    contributions: int = 1,
    invalid: Invalid = Invalid.ERROR,
    by_person: bool = False,
) -> Sum:
    """A noisy sum. by_person: the values are of at most `contributions` rows of each person, see `dpselect.persons`."""
    one = _checked(contributions) == 1 and invalid is Invalid.ERROR and not by_person
    noise = DiscreteLaplace(epsilon, grid.sensitivity(relation, contributions, one_row_each=one))
    return Sum(epsilon, relation, contributions, noise, grid.unit, grid)


def mean(
    epsilon: Fraction,
    relation: NeighbouringRelation,
    grid: Grid,
    *,
    rows: int | None = None,
    contributions: int = 1,
) -> PublicMean | PrivateMean:
    """A noisy mean. `rows`: the public number of rows under replace; under add-remove a guess, for the error only."""
    if rows is not None and rows < 1:
        raise words_numbers.no_rows()
    if relation is NeighbouringRelation.REPLACE:
        if rows is None:
            raise words_numbers.public_rows()
        # Each row counts as a value within the bounds, the middle where it has none.
        noise = DiscreteLaplace(epsilon, grid.sensitivity(relation, _checked(contributions), one_row_each=True))
        return PublicMean(epsilon, relation, contributions, noise, grid.unit / rows, grid, rows)
    half = epsilon / 2
    noise = DiscreteLaplace(half, max(grid.high - grid.middle, grid.middle - grid.low) * _checked(contributions))
    counter = DiscreteLaplace(half, contributions)
    return PrivateMean(epsilon, relation, contributions, noise, grid.unit, grid, counter, rows)


def histogram(
    epsilon: Fraction,
    relation: NeighbouringRelation,
    *,
    categories: Sequence[str] = (),
    edges: Sequence[Fraction] = (),
    other: str | None = None,
    contributions: int = 1,
) -> Histogram:
    """Noisy counts of public categories, or of the bins between rising edges.

    Args:
        epsilon: the strength of the guarantee.
        relation: what one person can change.
        categories: the values that are counted.
        edges: of the bins: [a, b), [b, c) and so on, and [y, z] for the last one.
        other: the name of one more cell, for all rows of no category.
        contributions: how many rows a person has at most.

    Raises:
        UsageError: the arguments do not go together, a cell is named twice, or there are too many cells.
    """
    if bool(categories) == bool(edges):
        raise words_numbers.cells()
    if edges:
        if other is not None:
            raise words_numbers.other_of_bins()
        if len(edges) < 2 or any(a >= b for a, b in itertools.pairwise(edges)):
            raise words_numbers.bins()
        cells = tuple(f"{plain(a)}..{plain(b)}" for a, b in itertools.pairwise(edges))
    else:
        cells = (*categories, *([] if other is None else [other]))
        if len(set(cells)) != len(cells):
            raise words_numbers.categories()
    if len(cells) > MAX_CELLS:
        raise words_numbers.too_many_cells(MAX_CELLS)
    moved = 2 if relation is NeighbouringRelation.REPLACE else 1
    noise = DiscreteLaplace(epsilon, moved * _checked(contributions))
    return Histogram(epsilon, relation, contributions, noise, Fraction(1), cells, tuple(edges) or None, other)


def unbounded(epsilon: Fraction, contributions: int = 1) -> UsageError:
    """Why a sum or mean without bounds is refused, with the arithmetic."""
    reach = 1_000_000
    error = DiscreteLaplace(epsilon, reach * contributions).error(Fraction(1, 20))
    per_width = float(Fraction(error, reach))
    return words_numbers.unbounded(epsilon, contributions, reach, error, per_width, float(1 / epsilon))


def _checked(contributions: int) -> int:
    if contributions < 1:
        raise words_numbers.contributions()
    return contributions
