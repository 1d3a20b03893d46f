"""What the `release` commands share: options, reading the column, charging the ledger, printing one number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import click

from cli._ledger import ledger_options, open_ledger
from cli._options import options
from cli._output import json_option, print_fields, print_json, say
from cli._reading import taking_reading
from cli._table import FILE_OR_DATABASE, Table, query_option, texts
from dpselect import numeric
from dpselect.accounting import Event
from dpselect.decimals import number, parse_number, plain
from dpselect.ledger import Ledger
from dpselect.numeric import Grid, Invalid, Measurement, unbounded
from dpselect.privacy import NeighbouringRelation, parse_epsilon
from psi.tables import Source, distinct_names, require_names
from psi.tables.delimited import CsvSource
from psi.tables.lines import COLUMN as LINES_COLUMN
from psi.tables.lines import LinesSource
from psi.tables.reading import Kind, kind_by_ending
from psiselect.base.errors import InputError, UsageError

_Command = TypeVar("_Command", bound=Callable[..., Any])


common_options = options(
    click.argument("file", type=FILE_OR_DATABASE),
    query_option,
    taking_reading(),
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
    ledger_options("these rows"),
    click.option("--plan", is_flag=True, help="Print the expected error and stop; nothing is spent."),
    json_option,
)


lower_option = click.option("--lower", metavar="A", help="Values below count as this. Public: not read off the data.")
upper_option = click.option("--upper", metavar="B", help="Values above count as this. Public: not read off the data.")
unit_option = click.option(
    "--unit", metavar="U", help="Values are rounded to multiples of this. Default: by the bounds."
)


@dataclass(frozen=True, slots=True)
class Common:
    """What every statistic is asked with."""

    statistic: str
    table: Table
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
    def of(cls, statistic: str, options: dict[str, Any]) -> Common:
        return cls(
            statistic,
            Table(options["file"], options["query"], options["said"]),
            options["column"],
            parse_epsilon(options["epsilon"]),
            NeighbouringRelation.parse(options["neighbors"]),
            options["contributions"],
            Invalid(options["on_invalid"]),
            open_ledger(options["ledger"], options["dataset"]),
            options["dataset"],
            options["plan"],
            options["as_json"],
        )

    def open(self) -> Source:
        """The table. Raises InputError when it does not have the column, or two of one name."""
        source = self.table.open(otherwise=".csv")
        if isinstance(source, CsvSource) and self._is_list(source):
            source = LinesSource(source.file)
        distinct_names(source.schema.names, source.name)
        if self.column is not None:
            require_names(source, [self.column], "column")
        return source

    def _is_list(self, source: CsvSource) -> bool:
        """Whether this is a text file of one value a line, as psi reads it: it is asked for the column of such files,
        and its first line does not name it."""
        names, said = source.schema.names, self.table.reading
        if kind_by_ending(source.name) is not Kind.TXT or said.form is not None or self.column != LINES_COLUMN:
            return False
        return len(names) == 1 and names != [LINES_COLUMN]

    def texts(self) -> Iterator[str]:
        """The column's cells; stripped."""
        for _, text in texts(self.open(), self.column):
            yield text.strip()

    def numbers(self) -> Iterator[Fraction]:
        """The column as numbers, by the rule for invalid ones."""
        source = self.open()
        for line, text in texts(source, self.column):
            try:
                yield parse_number(text, f"{source.name}, {source.unit} {line}: column {self.column!r}")
            except InputError as error:
                if self.invalid is Invalid.ERROR:
                    raise InputError(f"{error}; mend it, or say --on-invalid drop", line=line) from None

    def needs_column(self) -> None:
        if self.column is None:
            raise UsageError(f"release {self.statistic} needs --column")


def read_grid(options: dict[str, Any], common: Common, steps: int) -> Grid:
    """Public bounds and unit. Raises UsageError, with the arithmetic, when a bound is missing."""
    if options["lower"] is None or options["upper"] is None:
        raise unbounded(common.epsilon, common.contributions)
    lower, upper = read_bound(options["lower"], "lower"), read_bound(options["upper"], "upper")
    if lower >= upper:
        raise UsageError("--lower must be below --upper")
    unit = read_bound(options["unit"], "unit") if options["unit"] is not None else _default_unit(upper - lower, steps)
    return Grid(lower, upper, unit)


def read_bound(text: str, name: str) -> Fraction:
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


def announce(common: Common, measurement: Measurement, error: Fraction | None) -> None:
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


def record_of(common: Common, measurement: Measurement, error: Fraction | None) -> dict[str, object]:
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


def charge(common: Common, event: Event) -> dict[str, object]:
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


def finish(
    common: Common,
    measurement: Measurement,
    release: Callable[[], Fraction],
    error: Fraction | None,
) -> None:
    """Plan, or charge, draw and print one number. The data has been read by now: bad input costs no budget."""
    record = record_of(common, measurement, error)
    if common.plan:
        print_plan(common, record)
        return
    record |= charge(common, measurement.event)
    value = release()
    if common.as_json:
        print_json({"value": number(value), "value_exact": plain(value)} | record)
    else:
        print_fields({common.statistic: plain(value) if value.denominator < 10**9 else f"{float(value):.10g}"})


def print_plan(common: Common, record: dict[str, object]) -> None:
    if common.as_json:
        print_json({"value": None} | record)
