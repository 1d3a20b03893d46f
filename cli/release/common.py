"""What the `release` commands share: options, reading the column, charging the ledger, printing one number."""

from __future__ import annotations

import csv
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from cli._ledger import ledger_options, open_ledger, writing
from cli._options import choice, options
from cli._output import json_option, print_fields, print_json, say
from cli._reading import taking_reading
from cli._table import FILE_OR_DATABASE, query_option
from cli.release.rows import column_texts, person_texts, repeating_id
from dpselect import numeric
from dpselect.accounting import Event
from dpselect.decimals import number, parse_number, plain
from dpselect.grid import Grid
from dpselect.ledger import Ledger
from dpselect.names import clean
from dpselect.numeric import Invalid, Measurement, unbounded
from dpselect.privacy import NeighbouringRelation, parse_epsilon
from psi.tables import ReadingOptions, Source, distinct_names, require_names
from psi.tables.delimited import CsvSource
from psi.tables.lines import COLUMN as LINES_COLUMN
from psi.tables.lines import LinesSource
from psi.tables.reading import Kind, kind_by_ending
from psiselect.base.errors import InputError, UsageError
from psiselect.tables import Table

_MAX_CATEGORIES_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class GivenOptions:
    """The options that all statistics have, as they were given; named as click names them."""

    file: Path | str
    query: str | None
    said: ReadingOptions
    column: str | None
    epsilon: str | None
    neighbors: str
    contributions: int
    person: str | None
    on_invalid: str
    ledger: Path | None
    dataset: str | None
    plan: bool
    as_json: bool


_epsilon = click.option("--epsilon", required=True, metavar="E", help="Privacy parameter, exact: 0.1 or 1/10.")
_options = options(
    click.argument("file", type=FILE_OR_DATABASE),
    query_option,
    taking_reading(),
    click.option("--column", help="The column to use."),
    click.option(
        "--neighbors",
        type=choice(NeighbouringRelation),
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
        "--person",
        metavar="COLUMN",
        help="Whose row it is: keep at most --contributions rows of each person, chosen without looking at values.",
    ),
    click.option(
        "--on-invalid",
        type=choice(Invalid),
        default=Invalid.ERROR.value,
        show_default=True,
        help="A value that cannot be read, or an unknown category: stop and name its line, or leave it out silently.",
    ),
    ledger_options("these rows"),
    click.option("--plan", is_flag=True, help="Print the expected error and stop; nothing is spent."),
    json_option,
)


def common_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that all statistics have; the command's function takes them as `given`."""
    return _epsilon(options_without_epsilon(command))


def options_without_epsilon(command: Callable[..., None]) -> Callable[..., None]:
    """The same without --epsilon, which the command then has in its own words."""

    @functools.wraps(command)
    def called(**values: Any) -> None:
        given = GivenOptions(**{field.name: values.pop(field.name) for field in fields(GivenOptions)})
        command(given, **values)

    return _options(called)


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
    stated: Fraction | None
    relation: NeighbouringRelation
    contributions: int
    person: str | None
    invalid: Invalid
    ledger: Ledger | None
    dataset: str | None
    plan: bool
    as_json: bool

    @classmethod
    def of(cls, statistic: str, given: GivenOptions) -> Common:
        """As the options say. Raises UsageError, InputError."""
        return cls(
            statistic,
            Table(given.file, given.query, given.said),
            given.column,
            None if given.epsilon is None else parse_epsilon(given.epsilon),
            NeighbouringRelation.parse(given.neighbors),
            given.contributions,
            given.person,
            Invalid(given.on_invalid),
            open_ledger(given.ledger, given.dataset),
            given.dataset,
            given.plan,
            given.as_json,
        )

    @property
    def epsilon(self) -> Fraction:
        """Raises UsageError when none was given."""
        if self.stated is None:
            raise UsageError(f"release {self.statistic} needs --epsilon, such as --epsilon 1")
        return self.stated

    def open(self, *by: str) -> Source:
        """The table. by: more columns that it must have. Raises InputError when it does not have one, or two of one
        name."""
        source = self.table.open(otherwise=".csv")
        if isinstance(source, CsvSource) and self._is_list(source):
            source = LinesSource(source.file)
        distinct_names(source.schema.names, source.name)
        if self.column is not None:
            require_names(source, [self.column], "column")
        if self.person is not None:
            require_names(source, [self.person], "person")
        require_names(source, by, "by")
        return source

    def _is_list(self, source: CsvSource) -> bool:
        """Whether this is a text file of one value a line, as psi reads it: it is asked for the column of such files,
        and its first line does not name it."""
        names, said = source.schema.names, self.table.reading
        if kind_by_ending(source.name) is not Kind.TXT or said.form is not None or self.column != LINES_COLUMN:
            return False
        return len(names) == 1 and names != [LINES_COLUMN]

    def cells(self, source: Source) -> Iterator[tuple[int, str]]:
        """The column's cells of an open table, as they are compared, each with the number of its row: of all rows, or
        of those that are kept of each person."""
        if self.person is None:
            yield from column_texts(source, self.column)
        else:
            drop = self.invalid is Invalid.DROP
            yield from person_texts(source, self.column, self.person, self.contributions, drop=drop)

    def place(self, source: Source, line: int) -> str:
        """Where a cell of the column is, for errors."""
        return f"{source.name}, {source.unit} {line}: column {self.column!r}"

    def note_persons(self, source: Source) -> None:
        """Say so when a person seems to have more rows than are protected."""
        column = None if self.person is not None else repeating_id(source, self.column, self.contributions)
        if column is not None:
            say(
                f"note: column {column!r} looks like an identifier, and one is in more than {self.contributions} rows. "
                f"Persons with so many rows get less privacy than stated. --person '{column}' keeps at most "
                "--contributions rows of each"
            )

    def needs_column(self) -> None:
        if self.column is None:
            raise UsageError(f"release {self.statistic} needs --column")


def read_grid(common: Common, lower: str | None, upper: str | None, unit: str | None, steps: int) -> Grid:
    """Public bounds and unit. Raises UsageError, with the arithmetic, when a bound is missing."""
    if lower is None or upper is None:
        raise unbounded(common.epsilon, common.contributions)
    low, high = read_bound(lower, "lower"), read_bound(upper, "upper")
    if low >= high:
        raise UsageError("--lower must be below --upper")
    return Grid(low, high, read_bound(unit, "unit") if unit is not None else _default_unit(high - low, steps))


def read_bound(text: str, name: str) -> Fraction:
    try:
        return parse_number(text, f"--{name}")
    except InputError as error:
        raise UsageError(str(error)) from None


def read_categories(row: str | None, file: Path | None) -> list[str]:
    """Public categories, of a row of CSV or of a file with one per line; none without either. Raises UsageError,
    InputError for a file that cannot be read."""
    if row is not None and file is not None:
        raise UsageError("give the categories once: --categories or --categories-file")
    if file is None:
        try:
            return [] if row is None else list(map(clean, next(csv.reader([row], strict=True, skipinitialspace=True))))
        except csv.Error:
            raise UsageError('--categories: expected one row of CSV, such as "Smith, Jones & Co",Sales') from None
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_CATEGORIES_BYTES + 1)
        if len(content) > _MAX_CATEGORIES_BYTES:
            raise InputError(f"{file}: a file of categories has at most {_MAX_CATEGORIES_BYTES >> 20} MiB")
        lines = content.decode("utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8; save it as UTF-8 text") from None
    return [name for name in map(clean, lines) if name]


def _default_unit(width: Fraction, steps: int) -> Fraction:
    """The largest power of ten that is at most 1 and a `steps`-th of the width."""
    unit = Fraction(1)
    while unit * steps > width:
        unit /= 10
    return unit


def announce(common: Common, measurement: Measurement, error: Fraction | None) -> None:
    """The guarantee and the error, before anything is drawn."""
    group = f", for {common.contributions} rows together" if common.contributions > 1 else ""
    if common.person is not None:
        group = f", {common.contributions} {'row' if common.contributions == 1 else 'rows'} of each person at most"
    say(
        f"{common.statistic}: epsilon {common.epsilon}, {common.relation.value}{group}, "
        f"sensitivity {plain(measurement.sensitivity)}, noise of scale {float(measurement.scale):.6g}"
    )
    if error is None:
        say("error at 95 %: depends on the private number of rows; give a public guess with --n to see it")
    else:
        say(f"error at 95 %: +-{float(error):.6g}")


def promise(common: Common) -> dict[str, object]:
    """What a release says of its guarantee."""
    return {
        "epsilon": float(common.epsilon),
        "epsilon_exact": str(common.epsilon),
        "neighbors": common.relation.value,
        "contributions": common.contributions,
        "person": common.person,
    }


def record_of(common: Common, measurement: Measurement, error: Fraction | None) -> dict[str, object]:
    return {
        "statistic": common.statistic,
        **promise(common),
        "mechanism": "discrete-laplace",
        "sensitivity": number(measurement.sensitivity),
        "scale": float(measurement.scale),
        "error95": None if error is None else number(error),
        "unit": plain(measurement.unit)
        if not isinstance(measurement, numeric.PublicMean)
        else plain(measurement.grid.unit),
    }


def charge(common: Common, event: Event, price: str = "") -> dict[str, object]:
    """Spend before anything is drawn; what the ledger has left. price: in words, epsilon if not said."""
    if common.ledger is None or common.dataset is None:
        return {"ledger_remaining": None}
    what = f"release {common.statistic}: {price or f'epsilon {common.epsilon}'}, {common.contributions} contributions"
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
    with writing(charged=common.ledger is not None):
        if common.as_json:
            print_json({"value": number(value), "value_exact": plain(value)} | record)
        else:
            print_fields({common.statistic: plain(value) if value.denominator < 10**9 else f"{float(value):.10g}"})


def print_plan(common: Common, record: dict[str, object]) -> None:
    if common.as_json:
        print_json({"value": None} | record)
