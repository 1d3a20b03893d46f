"""`psiselect release`: noisy numbers from a table that its holder may see and others may not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click

from cli._ledger import writing
from cli._output import print_fields, print_json, print_table, say
from cli.release.common import (
    Common,
    GivenOptions,
    announce,
    charge,
    common_options,
    finish,
    lower_option,
    print_plan,
    promise,
    read_bound,
    read_categories,
    read_grid,
    record_of,
    unit_option,
    upper_option,
)
from cli.release.streaming import added, cell_counts, counted, rows_within
from cli.release.tables import table_command, threshold_command
from dpselect import numeric
from dpselect.columnar import EdgePlaces, GridPlaces, bin_counts
from dpselect.decimals import number, plain
from dpselect.names import clean
from dpselect.numeric import Histogram, Invalid
from dpselect.privacy import NeighbouringRelation
from dpselect.quantile import Quantile, quantile
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError, UsageError

_MAX_GRID = 1_000_000
_GRID_STEPS = 1000
_UNIT_STEPS = 1_000_000


@click.group(name="release", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Release a number about private rows, with exact discrete Laplace noise.

    Whoever runs this sees the rows; what it prints may be shown to anyone. The expected error is printed before
    anything is drawn; --plan stops there and spends nothing.

    FILE is a table: CSV, Parquet, a spreadsheet and others (docs/tables.md), or a database with --query.

    \b
    Examples:
      psiselect release sum salaries.csv --column raise --lower 0 --upper 5000 --epsilon 1
      psiselect release count people.csv --column smoker --equals yes --epsilon 0.5 --neighbors add-remove
    """


@command.command("count")
@common_options
@click.option("--equals", metavar="TEXT", help="Count the rows whose column is this.")
@lower_option
@upper_option
def count_command(given: GivenOptions, equals: str | None, lower: str | None, upper: str | None) -> None:
    """How many rows: all of them, or those whose column is not blank, is TEXT, or lies from --lower to --upper.

    \b
    Examples:
      psiselect release count people.csv --epsilon 0.5 --neighbors add-remove
      psiselect release count people.csv --column smoker --equals yes --epsilon 0.5
    """
    common = Common.of("count", given)
    ranged = lower is not None or upper is not None
    if common.column is None:
        if equals is not None or ranged:
            raise UsageError("--equals, --lower and --upper look at a --column")
        if common.relation is NeighbouringRelation.REPLACE and (common.person is None or common.contributions == 1):
            whose = "rows" if common.person is None else "persons"
            raise UsageError(
                f"under replace the number of {whose} is public: count the rows of a kind (--column), or protect "
                "whether a person is there at all (--neighbors add-remove)"
            )
    wanted = None if equals is None else clean(equals)
    if equals is not None and ranged:
        raise UsageError("give either --equals or bounds")
    measurement = numeric.count(common.epsilon, common.relation, contributions=common.contributions)
    announce(common, measurement, measurement.error95)
    if ranged:
        low = None if lower is None else read_bound(lower, "lower")
        high = None if upper is None else read_bound(upper, "upper")
        rows = rows_within(common, low, high)
    else:
        cells, others = cell_counts(common, {"", wanted or ""})
        blank = 0 if common.column is None else cells[""]
        rows = others + sum(cells.values()) - blank if wanted is None else cells[wanted]
    entropy = SystemEntropy()
    finish(common, measurement, lambda: measurement.release(rows, entropy).values[0], measurement.error95)


@command.command("sum")
@common_options
@lower_option
@upper_option
@unit_option
def sum_command(given: GivenOptions, lower: str | None, upper: str | None, unit: str | None) -> None:
    """The sum of a column. Bounds are required: without them no noise would do.

    \b
    Examples:
      psiselect release sum salaries.csv --column raise --lower 0 --upper 5000 --epsilon 1
    """
    common = Common.of("sum", given)
    common.needs_column()
    grid = read_grid(common, lower, upper, unit, _UNIT_STEPS)
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
    finish(common, measurement, lambda: measurement.release(values, entropy).values[0], measurement.error95)


@command.command("mean")
@common_options
@lower_option
@upper_option
@unit_option
@click.option(
    "--n",
    "rows",
    type=click.IntRange(min=1),
    help="The number of rows, with --person of persons: public under replace; under add-remove a guess, used for the "
    "printed error only.",
)
def mean_command(given: GivenOptions, lower: str | None, upper: str | None, unit: str | None, rows: int | None) -> None:
    """The mean of a column. Bounds are required.

    Under replace, the number of rows is public and given with --n. All rows count: with --on-invalid drop, one without
    a value counts as the middle of the bounds. Under add-remove the number is private: half of epsilon goes to a noisy
    count.

    \b
    Examples:
      psiselect release mean salaries.csv --column raise --lower 0 --upper 5000 --n 40 --epsilon 1
    """
    common = Common.of("mean", given)
    common.needs_column()
    grid = read_grid(common, lower, upper, unit, _UNIT_STEPS)
    replace = common.relation is NeighbouringRelation.REPLACE
    if replace and common.person is not None and common.contributions > 1:
        raise UsageError(
            "under replace a mean is over a public number of rows. With several rows of a person, how many rows are "
            "kept is private: keep one row of each (--contributions 1, with --n the number of persons), or take "
            "--neighbors add-remove"
        )
    measurement = numeric.mean(common.epsilon, common.relation, grid, rows=rows, contributions=common.contributions)
    announce(common, measurement, measurement.error95)
    (values, found), entropy = added(common, grid), SystemEntropy()
    if replace and found != rows:
        whose = "rows" if common.person is None else "persons"
        raise InputError(f"the table does not have the public number of {whose}, --n {rows}; correct --n, or the table")
    finish(common, measurement, lambda: measurement.release(values, entropy).values[0], measurement.error95)


@command.command("histogram")
@common_options
@click.option("--bins", metavar="A,B,...", help="Rising edges; a value beyond them is counted nowhere.")
@click.option(
    "--categories", metavar="X,Y,...", help='The values to count, as a row of CSV: "Smith, Jones & Co",Sales.'
)
@click.option(
    "--categories-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The values to count, one per line.",
)
@click.option("--other", metavar="NAME", help="One more cell, for all other rows: other values, and blank cells.")
def histogram_command(
    given: GivenOptions, bins: str | None, categories: str | None, categories_file: Path | None, other: str | None
) -> None:
    """How many rows fall into each of several cells that are named beforehand.

    If you do not know the categories, use `release table` with --by and --delta: it finds those with enough rows.

    A value beyond the bins is counted nowhere, and so is a blank cell. A value that is none of the categories stops
    the release, unless --other or --on-invalid drop says what becomes of it.

    \b
    Examples:
      psiselect release histogram people.csv --column smoker --categories yes,no --epsilon 0.5
      psiselect release histogram people.csv --column age --bins 0,18,40,65,120 --epsilon 0.5 --neighbors add-remove
    """
    common = Common.of("histogram", given)
    common.needs_column()
    edges = [read_bound(e, "bins") for e in bins.split(",")] if bins is not None else []
    named = read_categories(categories, categories_file)
    measurement = numeric.histogram(
        common.epsilon,
        common.relation,
        categories=named,
        edges=edges,
        other=None if other is None else clean(other),
        contributions=common.contributions,
    )
    announce(common, measurement, measurement.error95)
    say(f"all {len(measurement.cells)} cells together at 95 %: +-{float(measurement.error95_all):.6g}")
    counts = _bins_of(common, edges) if edges else _categories_of(common, measurement)
    record = record_of(common, measurement, measurement.error95) | {"error95_all": number(measurement.error95_all)}
    if common.plan:
        print_plan(common, record)
        return
    record |= charge(common, measurement.event)
    released = measurement.release_counts(counts, SystemEntropy())
    with writing(charged=common.ledger is not None):
        _print_histogram(common, measurement, released.values, record)


def _bins_of(common: Common, edges: list[Fraction]) -> list[int]:
    return bin_counts(counted(common, EdgePlaces(edges), 0, 2 * len(edges) + 1))


def _categories_of(common: Common, measurement: Histogram) -> list[int]:
    """How many rows each cell has. Raises InputError for one that is no category, where that is an error."""
    known = {"", *measurement.cells}
    cells, others = cell_counts(common, known)
    if others and common.invalid is Invalid.ERROR and measurement.other is None:
        source = common.open()
        line = next(line for line, text in common.cells(source) if text not in known)
        raise InputError(
            f"{common.place(source, line)} is none of the categories; name it, give the rest a name with --other, "
            "or say --on-invalid drop",
            line=line,
        )
    if measurement.other is not None:
        cells[measurement.other] += others
        if "" not in measurement.cells:
            cells[measurement.other] += cells[""]
    return [cells[cell] for cell in measurement.cells]


def _print_histogram(
    common: Common, measurement: Histogram, values: tuple[Fraction, ...], record: dict[str, object]
) -> None:
    cells = dict(zip(measurement.cells, (number(v) for v in values), strict=True))
    if common.as_json:
        print_json({"value": cells} | record)
    else:
        print_table((common.column or "cell", "count"), list(cells.items()))


@command.command("quantile")
@common_options
@lower_option
@upper_option
@click.option("--unit", metavar="U", help="Step of the public grid of answers. Default: by the bounds.")
@click.option("--q", "q", default="0.5", show_default=True, help="Which quantile; 0.5 is the median.")
def quantile_command(given: GivenOptions, lower: str | None, upper: str | None, unit: str | None, q: str) -> None:
    """A quantile of a column, such as the median, from a public grid between the bounds.

    Each value counts as the nearest point of the grid. Drawn by the exponential mechanism on ranks: outliers cost
    nothing. How far off it is depends on how dense the values are; in ranks, the bound printed holds at 95 %.

    \b
    Examples:
      psiselect release quantile salaries.csv --column raise --lower 0 --upper 5000 --unit 10 --epsilon 1
    """
    common = Common.of("quantile", given)
    common.needs_column()
    grid = read_grid(common, lower, upper, unit, _GRID_STEPS)
    if grid.high - grid.low >= _MAX_GRID:
        raise UsageError(f"the grid has more than {_MAX_GRID:,} points; take a larger --unit")
    points = [step * grid.unit for step in range(grid.low, grid.high + 1)]
    # A person with C rows moves the score C times as far.
    measurement = quantile(common.epsilon / common.contributions, common.relation, q, points)
    ranks = _rank_error(measurement, len(points))
    say(
        f"quantile {q}: epsilon {common.epsilon}, {common.relation.value}; the answer's rank is off by at most "
        f"{float(ranks):.4g} rows more than the best grid point's, at 95 %"
    )
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
    if common.plan:
        print_plan(common, record)
        return
    record |= charge(common, measurement.event.for_group(common.contributions))
    value = measurement.release_counts(nearest, SystemEntropy())
    with writing(charged=common.ledger is not None):
        if common.as_json:
            print_json({"value": number(value), "value_exact": plain(value)} | record)
        else:
            print_fields({"quantile": plain(value)})


def _rank_error(measurement: Quantile, points: int) -> Fraction:
    """Dwork, Roth, Corollary 3.12, with the exponent in use: the score falls short by ln(20 m)/lambda at most, at 95 %;
    ln is bounded from above by 7/10 of log2."""
    return Fraction(7, 10) * (20 * points).bit_length() / measurement.exponent


command.add_command(table_command)
command.add_command(threshold_command)
