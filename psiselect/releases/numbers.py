"""Counts, sums, means, histograms and quantiles: from what is asked to what may be shown.

In each the order is the same: the measurement with its guarantee, which is told; the table, which is read; then the
charge and the draw (`common.drawn`). So bad input costs no budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from dpselect import numeric
from dpselect.columnar import EdgePlaces, GridPlaces, bin_counts
from dpselect.decimals import number, plain
from dpselect.names import clean
from dpselect.numeric import Histogram, Invalid
from dpselect.privacy import NeighbouringRelation
from dpselect.quantile import Quantile
from dpselect.quantile import quantile as quantile_of
from psiselect.base.entropy import SystemEntropy
from psiselect.releases import words
from psiselect.releases.common import Bounds, Common, Outcome, announce, drawn, exact_number, finish, promise, record_of
from psiselect.releases.streaming import added, cell_counts, counted, rows_within

_MAX_GRID = 1_000_000
_GRID_STEPS = 1000
UNIT_STEPS = 1_000_000
_ALL = Bounds()


def count(common: Common, *, equals: str | None = None, bounds: Bounds = _ALL) -> Outcome[Fraction]:
    """How many rows: all, or those whose column is not blank, equals a text, or lies within bounds. Raises UsageError,
    InputError, BudgetError."""
    low, high = bounds.lower, bounds.upper
    ranged = low is not None or high is not None
    if common.column is None:
        if equals is not None or ranged:
            raise words.bounds_need_column()
        if common.relation is NeighbouringRelation.REPLACE and (common.person is None or common.contributions == 1):
            whose = "rows" if common.person is None else "persons"
            raise words.public_count(whose)
    wanted = None if equals is None else clean(equals)
    if equals is not None and ranged:
        raise words.equals_or_bounds()
    measurement = numeric.count(common.epsilon, common.relation, contributions=common.contributions)
    announce(common, measurement, measurement.error95)
    if ranged:
        rows = rows_within(common, low, high)
    else:
        cells, others = cell_counts(common, {"", wanted or ""})
        blank = 0 if common.column is None else cells[""]
        rows = others + sum(cells.values()) - blank if wanted is None else cells[wanted]
    entropy = SystemEntropy()
    return finish(common, measurement, lambda: measurement.release(rows, entropy).values[0], measurement.error95)


def sum_(common: Common, bounds: Bounds) -> Outcome[Fraction]:
    """The sum of the column. Raises UsageError, InputError, BudgetError."""
    common.needs_column()
    grid = common.grid(bounds, UNIT_STEPS)
    measurement = numeric.sum_(
        common.epsilon,
        common.relation,
        grid,
        contributions=common.contributions,
        invalid=common.invalid,
        by_person=common.person is not None,
    )
    announce(common, measurement, measurement.error95)
    (values, _), entropy = added(common, grid), SystemEntropy()
    return finish(common, measurement, lambda: measurement.release(values, entropy).values[0], measurement.error95)


def mean(common: Common, bounds: Bounds, rows: int | None = None) -> Outcome[Fraction]:
    """The mean of the column. rows: how many there are, public under replace. Raises UsageError, InputError,
    BudgetError."""
    common.needs_column()
    grid = common.grid(bounds, UNIT_STEPS)
    replace = common.relation is NeighbouringRelation.REPLACE
    if replace and common.person is not None and common.contributions > 1:
        raise words.mean_of_several_rows()
    measurement = numeric.mean(common.epsilon, common.relation, grid, rows=rows, contributions=common.contributions)
    announce(common, measurement, measurement.error95)
    (values, found), entropy = added(common, grid), SystemEntropy()
    if replace and found != rows:
        whose = "rows" if common.person is None else "persons"
        raise words.other_number(whose, rows)
    return finish(common, measurement, lambda: measurement.release(values, entropy).values[0], measurement.error95)


def histogram(
    common: Common, *, edges: Sequence[Fraction] = (), categories: Sequence[str] = (), other: str | None = None
) -> Outcome[dict[str, Fraction]]:
    """How many rows fall into each cell. Raises UsageError, InputError, BudgetError."""
    common.needs_column()
    measurement = numeric.histogram(
        common.epsilon,
        common.relation,
        categories=categories,
        edges=edges,
        other=None if other is None else clean(other),
        contributions=common.contributions,
    )
    announce(common, measurement, measurement.error95)
    common.tell(words.error_of_all(len(measurement.cells), float(measurement.error95_all)))
    counts = _bins_of(common, edges) if edges else _categories_of(common, measurement)
    record = record_of(common, measurement, measurement.error95) | {"error95_all": number(measurement.error95_all)}

    def draw() -> dict[str, Fraction]:
        released = measurement.release_counts(counts, SystemEntropy())
        return dict(zip(measurement.cells, released.values, strict=True))

    return drawn(common, record, measurement.event, draw, _cells)


def _cells(values: dict[str, Fraction]) -> dict[str, object]:
    return {"value": {cell: number(value) for cell, value in values.items()}}


def _bins_of(common: Common, edges: Sequence[Fraction]) -> list[int]:
    return bin_counts(counted(common, EdgePlaces(edges), 0, 2 * len(edges) + 1))


def _categories_of(common: Common, measurement: Histogram) -> list[int]:
    """How many rows each cell has. Raises InputError for one that is no category, where that is an error."""
    known = {"", *measurement.cells}
    cells, others = cell_counts(common, known)
    if others and common.invalid is Invalid.ERROR and measurement.other is None:
        source = common.open()
        line = next(line for line, text in common.cells(source) if text not in known)
        raise words.no_category(common.place(source, line), line)
    if measurement.other is not None:
        cells[measurement.other] += others
        if "" not in measurement.cells:
            cells[measurement.other] += cells[""]
    return [cells[cell] for cell in measurement.cells]


def quantile(common: Common, bounds: Bounds, q: str | Fraction) -> Outcome[Fraction]:
    """A quantile of the column, from the grid between the bounds. Raises UsageError, InputError, BudgetError."""
    common.needs_column()
    grid = common.grid(bounds, _GRID_STEPS)
    if grid.high - grid.low >= _MAX_GRID:
        raise words.grid_too_fine(_MAX_GRID)
    points = [step * grid.unit for step in range(grid.low, grid.high + 1)]
    # A person with C rows moves the score C times as far.
    measurement = quantile_of(common.epsilon / common.contributions, common.relation, q, points)
    ranks = _rank_error(measurement, len(points))
    common.tell(words.quantile_promised(q, common.epsilon, common.relation, float(ranks)))
    nearest = counted(common, GridPlaces(grid, down=True), grid.low, len(points))
    record: dict[str, object] = {
        "statistic": "quantile",
        "q": q,
        **promise(common),
        "mechanism": measurement.mechanism.value,
        "sensitivity": number(measurement.bound.range * common.contributions),
        "scale": float(measurement.bound.range * common.contributions / common.epsilon),
        "error95": float(ranks),
        "error_in": "ranks",
        "unit": plain(grid.unit),
    }
    return drawn(
        common,
        record,
        measurement.event.for_group(common.contributions),
        lambda: measurement.release_counts(nearest, SystemEntropy()),
        exact_number,
    )


def _rank_error(measurement: Quantile, points: int) -> Fraction:
    """Dwork, Roth, Corollary 3.12, with the exponent in use: the score falls short by ln(20 m)/lambda at most, at 95 %;
    ln is bounded from above by 7/10 of log2."""
    return Fraction(7, 10) * (20 * points).bit_length() / measurement.exponent
