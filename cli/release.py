"""`psiselect release`: noisy numbers from a table that its holder may see and others may not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click

from cli._column import read_column
from cli._output import json_option, print_fields, print_json, print_table, say
from dpselect import numeric
from dpselect.accounting import Event
from dpselect.decimals import number, parse_number, plain
from dpselect.entropy import SystemEntropy
from dpselect.errors import InputError, UsageError
from dpselect.ledger import Ledger
from dpselect.numeric import Grid, Histogram, Invalid, Measurement, unbounded
from dpselect.privacy import NeighbouringRelation, parse_epsilon
from dpselect.quantile import Quantile, quantile

_MAX_GRID = 1_000_000
_GRID_STEPS = 1000
_UNIT_STEPS = 1_000_000

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group(name="release", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Release a number about private rows, with exact discrete Laplace noise.

    Whoever runs this sees the rows; what it prints may be shown to anyone. The expected error is printed before
    anything is drawn; --plan stops there and spends nothing.

    \b
    Examples:
      psiselect release sum salaries.csv --column raise --lower 0 --upper 5000 --epsilon 1
      psiselect release count people.csv --column smoker --equals yes --epsilon 0.5 --neighbors add-remove
    """


def _options(decorated: _Command) -> _Command:
    for option in reversed(
        (
            click.argument("file", type=click.Path(dir_okay=False, path_type=Path)),
            click.option("--column", help="The column to use."),
            click.option("--epsilon", required=True, metavar="E", help="Privacy parameter, exact: 0.1 or 1/10."),
            click.option(
                "--neighbors",
                type=click.Choice([r.value for r in NeighbouringRelation]),
                default=NeighbouringRelation.REPLACE.value,
                show_default=True,
                help="What one person can change: whether the row is there (add-remove), or what it says (replace).",
            ),
            click.option(
                "--contributions",
                type=click.IntRange(min=1),
                default=1,
                show_default=True,
                metavar="C",
                help="Protect a person with up to C rows, or C persons together; costs C times the noise.",
            ),
            click.option(
                "--on-invalid",
                type=click.Choice([rule.value for rule in Invalid]),
                default=Invalid.ERROR.value,
                show_default=True,
                help="A value that cannot be read: stop and name its line, or leave it out silently.",
            ),
            click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Charge this, or refuse."),
            click.option("--dataset", metavar="NAME", help="The name of these rows in the ledger."),
            click.option("--plan", is_flag=True, help="Print the expected error and stop; nothing is spent."),
            json_option,
        )
    ):
        decorated = option(decorated)
    return decorated


_lower = click.option("--lower", metavar="A", help="Values below count as this. Public: not read off the data.")
_upper = click.option("--upper", metavar="B", help="Values above count as this. Public: not read off the data.")
_unit = click.option("--unit", metavar="U", help="Values are rounded to multiples of this. Default: by the bounds.")


@dataclass(frozen=True, slots=True)
class _Common:
    """What every statistic is asked with."""

    statistic: str
    file: Path
    column: str | None
    epsilon: Fraction
    relation: NeighbouringRelation
    contributions: int
    invalid: Invalid
    ledger: Ledger | None
    dataset: str | None
    plan: bool
    as_json: bool

    @classmethod
    def of(cls, statistic: str, options: dict[str, Any]) -> _Common:
        if (options["ledger"] is None) != (options["dataset"] is None):
            raise UsageError("--ledger and --dataset go together: the ledger counts what each data set has spent")
        return cls(
            statistic,
            options["file"],
            options["column"],
            parse_epsilon(options["epsilon"]),
            NeighbouringRelation.parse(options["neighbors"]),
            options["contributions"],
            Invalid(options["on_invalid"]),
            None if options["ledger"] is None else Ledger.open(options["ledger"]),
            options["dataset"],
            options["plan"],
            options["as_json"],
        )

    def texts(self) -> Iterator[tuple[int, str]]:
        """The column's cells; stripped."""
        for line, text in read_column(self.file, self.column):
            yield line, text.strip()

    def numbers(self) -> Iterator[Fraction]:
        """The column as numbers, by the rule for invalid ones."""
        for line, text in self.texts():
            try:
                yield parse_number(text, f"{self.file}, line {line}: column {self.column!r}")
            except InputError as error:
                if self.invalid is Invalid.ERROR:
                    raise InputError(f"{error}; mend it, or say --on-invalid drop", line=line) from None

    def needs_column(self) -> None:
        if self.column is None:
            raise UsageError(f"release {self.statistic} needs --column")


def _grid(options: dict[str, Any], common: _Common, steps: int) -> Grid:
    """Public bounds and unit. Raises UsageError, with the arithmetic, when a bound is missing."""
    if options["lower"] is None or options["upper"] is None:
        raise unbounded(common.epsilon, common.contributions)
    lower, upper = _bound(options["lower"], "lower"), _bound(options["upper"], "upper")
    if lower >= upper:
        raise UsageError("--lower must be below --upper")
    unit = _bound(options["unit"], "unit") if options["unit"] is not None else _default_unit(upper - lower, steps)
    return Grid(lower, upper, unit)


def _bound(text: str, name: str) -> Fraction:
    try:
        return parse_number(text, f"--{name}")
    except InputError as error:
        raise UsageError(str(error)) from None


def _default_unit(width: Fraction, steps: int) -> Fraction:
    """The largest power of ten that is at most 1 and a `steps`-th of the width."""
    unit = Fraction(1)
    while unit * steps > width:
        unit /= 10
    return unit


def _announce(common: _Common, measurement: Measurement, error: Fraction | None) -> None:
    """The guarantee and the error, before anything is drawn."""
    group = f", for {common.contributions} rows together" if common.contributions > 1 else ""
    say(
        f"{common.statistic}: epsilon {common.epsilon}, {common.relation.value}{group}, "
        f"sensitivity {plain(measurement.sensitivity)}, noise of scale {float(measurement.scale):.6g}"
    )
    if error is None:
        say("error at 95 %: depends on the private number of rows; give a public guess with --n to see it")
    else:
        say(f"error at 95 %: +-{float(error):.6g}")


def _record(common: _Common, measurement: Measurement, error: Fraction | None) -> dict[str, object]:
    return {
        "statistic": common.statistic,
        "epsilon": float(common.epsilon),
        "epsilon_exact": str(common.epsilon),
        "neighbors": common.relation.value,
        "contributions": common.contributions,
        "mechanism": "discrete-laplace",
        "sensitivity": number(measurement.sensitivity),
        "scale": float(measurement.scale),
        "error95": None if error is None else number(error),
        "unit": plain(measurement.unit)
        if not isinstance(measurement, numeric.PublicMean)
        else plain(measurement.grid.unit),
    }


def _charge(common: _Common, event: Event) -> dict[str, object]:
    """Spend before anything is drawn; what the ledger has left."""
    if common.ledger is None or common.dataset is None:
        return {"ledger_remaining": None}
    what = f"release {common.statistic}: epsilon {common.epsilon}, {common.contributions} contributions"
    balance = common.ledger.spend(common.dataset, event, neighbors=common.relation, what=what[:200])
    say(f"left for {common.dataset!r} in {common.ledger.path}: {common.ledger.describe(balance.remaining)}")
    return {
        "ledger_remaining": float(balance.remaining.amount),
        "ledger_remaining_exact": str(balance.remaining.amount),
    }


def _finish(
    common: _Common,
    measurement: Measurement,
    release: Callable[[], Fraction],
    error: Fraction | None,
) -> None:
    """Plan, or charge, draw and print one number. The data has been read by now: bad input costs no budget."""
    record = _record(common, measurement, error)
    if common.plan:
        _print_plan(common, record)
        return
    record |= _charge(common, measurement.event)
    value = release()
    if common.as_json:
        print_json({"value": number(value), "value_exact": plain(value)} | record)
    else:
        print_fields({common.statistic: plain(value) if value.denominator < 10**9 else f"{float(value):.10g}"})


def _print_plan(common: _Common, record: dict[str, object]) -> None:
    if common.as_json:
        print_json({"value": None} | record)


@command.command("count")
@_options
@click.option("--equals", metavar="TEXT", help="Count the rows whose column is this.")
@_lower
@_upper
def count_command(equals: str | None, lower: str | None, upper: str | None, **options: Any) -> None:
    """How many rows: all of them, or those whose column is not blank, is TEXT, or lies from --lower to --upper.

    \b
    Examples:
      psiselect release count people.csv --epsilon 0.5 --neighbors add-remove
      psiselect release count people.csv --column smoker --equals yes --epsilon 0.5
    """
    common = _Common.of("count", options)
    ranged = lower is not None or upper is not None
    if common.column is None:
        if equals is not None or ranged:
            raise UsageError("--equals, --lower and --upper look at a --column")
        if common.relation is NeighbouringRelation.REPLACE:
            raise UsageError(
                "under replace the number of rows is public: count the rows of a kind (--column), or protect whether "
                "a person is there at all (--neighbors add-remove)"
            )
    if equals is not None and ranged:
        raise UsageError("give either --equals or bounds")
    measurement = numeric.count(common.epsilon, common.relation, contributions=common.contributions)
    _announce(common, measurement, measurement.error95)
    if ranged:
        low = None if lower is None else _bound(lower, "lower")
        high = None if upper is None else _bound(upper, "upper")
        rows = sum((low is None or low <= v) and (high is None or v <= high) for v in common.numbers())
    elif common.column is None:
        rows = sum(1 for _ in common.texts())
    else:
        rows = sum(text == equals if equals is not None else text != "" for _, text in common.texts())
    entropy = SystemEntropy()
    _finish(common, measurement, lambda: measurement.release(rows, entropy).values[0], measurement.error95)


@command.command("sum")
@_options
@_lower
@_upper
@_unit
def sum_command(**options: Any) -> None:
    """The sum of a column. Bounds are required: without them no noise would do.

    \b
    Examples:
      psiselect release sum salaries.csv --column raise --lower 0 --upper 5000 --epsilon 1
    """
    common = _Common.of("sum", options)
    common.needs_column()
    grid = _grid(options, common, _UNIT_STEPS)
    measurement = numeric.sum_(
        common.epsilon, common.relation, grid, contributions=common.contributions, invalid=common.invalid
    )
    _announce(common, measurement, measurement.error95)
    values, entropy = list(common.numbers()), SystemEntropy()
    _finish(common, measurement, lambda: measurement.release(values, entropy).values[0], measurement.error95)


@command.command("mean")
@_options
@_lower
@_upper
@_unit
@click.option(
    "--n",
    "rows",
    type=click.IntRange(min=1),
    help="The number of rows: public under replace; under add-remove a guess, used for the printed error only.",
)
def mean_command(rows: int | None, **options: Any) -> None:
    """The mean of a column. Bounds are required.

    Under replace, the number of rows is public and given with --n. Under add-remove it is private: half of epsilon
    goes to a noisy count.

    \b
    Examples:
      psiselect release mean salaries.csv --column raise --lower 0 --upper 5000 --n 40 --epsilon 1
    """
    common = _Common.of("mean", options)
    common.needs_column()
    grid = _grid(options, common, _UNIT_STEPS)
    measurement = numeric.mean(
        common.epsilon, common.relation, grid, rows=rows, contributions=common.contributions, invalid=common.invalid
    )
    _announce(common, measurement, measurement.error95)
    values, entropy = list(common.numbers()), SystemEntropy()
    if common.relation is NeighbouringRelation.REPLACE and common.invalid is Invalid.ERROR and len(values) != rows:
        raise InputError(f"{common.file} does not have the public number of rows, {rows}")
    _finish(common, measurement, lambda: measurement.release(values, entropy).values[0], measurement.error95)


@command.command("histogram")
@_options
@click.option("--bins", metavar="A,B,...", help="Rising edges; a value beyond them is counted nowhere.")
@click.option("--categories", metavar="X,Y,...", help="The values to count; another value is counted nowhere.")
def histogram_command(bins: str | None, categories: str | None, **options: Any) -> None:
    """How many rows fall into each of several cells that are named beforehand.

    \b
    Examples:
      psiselect release histogram people.csv --column smoker --categories yes,no --epsilon 0.5
      psiselect release histogram people.csv --column age --bins 0,18,40,65,120 --epsilon 0.5 --neighbors add-remove
    """
    common = _Common.of("histogram", options)
    common.needs_column()
    edges = [_bound(e, "bins") for e in bins.split(",")] if bins is not None else []
    named = [c.strip() for c in categories.split(",")] if categories is not None else []
    measurement = numeric.histogram(
        common.epsilon, common.relation, categories=named, edges=edges, contributions=common.contributions
    )
    _announce(common, measurement, measurement.error95)
    say(f"all {len(measurement.cells)} cells together at 95 %: +-{float(measurement.error95_all):.6g}")
    values = list(common.numbers()) if edges else [text for _, text in common.texts()]
    record = _record(common, measurement, measurement.error95) | {"error95_all": number(measurement.error95_all)}
    if common.plan:
        _print_plan(common, record)
        return
    record |= _charge(common, measurement.event)
    released = measurement.release(values, SystemEntropy())
    _print_histogram(common, measurement, released.values, record)


def _print_histogram(
    common: _Common, measurement: Histogram, values: tuple[Fraction, ...], record: dict[str, object]
) -> None:
    cells = dict(zip(measurement.cells, (number(v) for v in values), strict=True))
    if common.as_json:
        print_json({"value": cells} | record)
    else:
        print_table((common.column or "cell", "count"), list(cells.items()))


@command.command("quantile")
@_options
@_lower
@_upper
@click.option("--unit", metavar="U", help="Step of the public grid of answers. Default: by the bounds.")
@click.option("--q", "q", default="0.5", show_default=True, help="Which quantile; 0.5 is the median.")
def quantile_command(q: str, **options: Any) -> None:
    """A quantile of a column, such as the median, from a public grid between the bounds.

    Drawn by the exponential mechanism on ranks: outliers cost nothing. How far off it is depends on how dense the
    values are; in ranks, the bound printed holds at 95 %.

    \b
    Examples:
      psiselect release quantile salaries.csv --column raise --lower 0 --upper 5000 --unit 10 --epsilon 1
    """
    common = _Common.of("quantile", options)
    common.needs_column()
    grid = _grid(options, common, _GRID_STEPS)
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
    values = list(common.numbers())
    record: dict[str, object] = {
        "statistic": "quantile",
        "q": q,
        "epsilon": float(common.epsilon),
        "epsilon_exact": str(common.epsilon),
        "neighbors": common.relation.value,
        "contributions": common.contributions,
        "mechanism": measurement.mechanism.value,
        "sensitivity": number(measurement.bound.range * common.contributions),
        "scale": float(measurement.bound.range * common.contributions / common.epsilon),
        "error95": float(ranks),
        "error_in": "ranks",
        "unit": plain(grid.unit),
    }
    if common.plan:
        _print_plan(common, record)
        return
    record |= _charge(common, measurement.event.for_group(common.contributions))
    value = measurement.release(values, SystemEntropy())
    if common.as_json:
        print_json({"value": number(value), "value_exact": plain(value)} | record)
    else:
        print_fields({"quantile": plain(value)})


def _rank_error(measurement: Quantile, points: int) -> Fraction:
    """Dwork, Roth, Corollary 3.12, with the exponent in use: the score falls short by ln(20 m)/lambda at most, at 95 %;
    ln is bounded from above by 7/10 of log2."""
    return Fraction(7, 10) * (20 * points).bit_length() / measurement.exponent
