"""What all releases share: the table and its column, the guarantee in words, the charge, and one way to draw.

No click here: the command and `psiselect.release` both stand on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from dpselect import numeric
from dpselect.accounting import Cost, Event
from dpselect.decimals import number, plain
from dpselect.grid import Grid
from dpselect.ledger import Balance, Ledger
from dpselect.numeric import Invalid, Measurement, unbounded
from dpselect.privacy import NeighbouringRelation
from psi.tables import Source, distinct_names, require_names
from psi.tables.delimited import CsvSource
from psi.tables.lines import COLUMN as LINES_COLUMN
from psi.tables.lines import LinesSource
from psi.tables.reading import Kind, kind_by_ending
from psiselect.charges import saying_paid
from psiselect.releases import words
from psiselect.releases.rows import column_texts, person_texts, repeating_id
from psiselect.tables import AnyTable, Table
from psiselect.words import left_for

_Value = TypeVar("_Value")
_MOST_CONTRIBUTIONS = 10**9


@dataclass(frozen=True, slots=True)
class Bounds:
    """Public bounds of values, and the unit that they are rounded to; None for what is not given."""

    lower: Fraction | None = None
    upper: Fraction | None = None
    unit: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[_Value]):
    """What a release has found.

    Attributes:
        statistic: such as "sum".
        value: what was drawn; None where only a plan was asked for.
        record: what is public about the release, as --json prints it.
        charged: what a ledger has paid for it; None without one. balance: what it has then.
    """

    statistic: str
    value: _Value | None
    record: Mapping[str, object]
    charged: Cost | None = None
    balance: Balance | None = None


@dataclass(frozen=True, slots=True)
class Common:
    """What every statistic is asked with. Raises UsageError for more contributions than anybody has rows.

    stated: epsilon, None where it was not given. ledger, dataset: what pays; both None where nothing does. plan: stop
    before anything is charged or drawn. tell: hears one line at a time, the guarantee first.
    """

    statistic: str
    table: AnyTable
    column: str | None
    stated: Fraction | None
    relation: NeighbouringRelation
    contributions: int
    person: str | None
    invalid: Invalid
    ledger: Ledger | None
    dataset: str | None
    plan: bool
    tell: Callable[[str], None]

    def __post_init__(self) -> None:
        if self.contributions > _MOST_CONTRIBUTIONS:
            raise words.too_many_contributions(_MOST_CONTRIBUTIONS)

    @property
    def epsilon(self) -> Fraction:
        """Raises UsageError when none was given."""
        if self.stated is None:
            raise words.no_epsilon(self.statistic)
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
        names, named = source.schema.names, isinstance(self.table, Table) and self.table.reading.form is None
        if kind_by_ending(source.name) is not Kind.TXT or not named or self.column != LINES_COLUMN:
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
        return words.place(source.name, source.unit, line, str(self.column))

    def note_persons(self, source: Source) -> None:
        """Say so when a person seems to have more rows than are protected."""
        column = None if self.person is not None else repeating_id(source, self.column, self.contributions)
        if column is not None:
            self.tell(words.may_be_identifier(column, self.contributions))

    def needs_column(self) -> None:
        if self.column is None:
            raise words.no_column(self.statistic)

    def grid(self, bounds: Bounds, steps: int) -> Grid:
        """Public bounds and unit. Raises UsageError, with the arithmetic, when a bound is missing."""
        low, high = bounds.lower, bounds.upper
        if low is None or high is None:
            raise unbounded(self.epsilon, self.contributions)
        if low >= high:
            raise words.lower_not_below_upper()
        return Grid(low, high, default_unit(high - low, steps) if bounds.unit is None else bounds.unit)


def default_unit(width: Fraction, steps: int) -> Fraction:
    """The largest power of ten that is at most 1 and a `steps`-th of the width."""
    unit = Fraction(1)
    while unit * steps > width:
        unit /= 10
    return unit


def announce(common: Common, measurement: Measurement, error: Fraction | None) -> None:
    """The guarantee and the error, before anything is drawn."""
    group = words.for_rows(common.contributions) if common.contributions > 1 else ""
    if common.person is not None:
        group = words.for_persons(common.contributions)
    sensitivity, scale = plain(measurement.sensitivity), float(measurement.scale)
    common.tell(words.promised(common.statistic, common.epsilon, common.relation, group, sensitivity, scale))
    if error is None:
        common.tell(words.ERROR_IS_PRIVATE)
    else:
        common.tell(words.error_of_one(float(error)))


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


def charge(common: Common, event: Event, price: str = "") -> Balance | None:
    """Spend before anything is drawn; what the ledger has then. price: in words, epsilon if not said."""
    if common.ledger is None or common.dataset is None:
        return None
    what = words.spent_on(common.statistic, price or words.price(common.epsilon), common.contributions)
    balance = common.ledger.spend(common.dataset, event, neighbors=common.relation, what=what[:200])
    common.tell(left_for(common.dataset, common.ledger.path, common.ledger.describe(balance.remaining)))
    return balance


def _remaining(balance: Balance | None) -> dict[str, object]:
    if balance is None:
        return {"ledger_remaining": None}
    return {
        "ledger_remaining": float(balance.remaining.amount),
        "ledger_remaining_exact": str(balance.remaining.amount),
    }


def drawn(
    common: Common,
    record: dict[str, object],
    event: Event,
    draw: Callable[[], _Value],
    shown: Callable[[_Value], dict[str, object]],
    price: str = "",
) -> Outcome[_Value]:
    """Plan, or charge and draw. The data has been read by now: bad input costs no budget. shown: the value's fields in
    the record."""
    if common.plan:
        return Outcome(common.statistic, None, {"value": None} | record)
    paid = None if common.ledger is None else common.ledger.charged(event)
    balance = charge(common, event, price)
    with saying_paid(lambda: balance is not None):
        value = draw()
        found = shown(value)
    return Outcome(common.statistic, value, found | record | _remaining(balance) | found, paid, balance)


def finish(
    common: Common,
    measurement: Measurement,
    release: Callable[[], Fraction],
    error: Fraction | None,
) -> Outcome[Fraction]:
    """Plan, or charge and draw one number; see `drawn`."""
    return drawn(common, record_of(common, measurement, error), measurement.event, release, exact_number)


def exact_number(value: Fraction) -> dict[str, object]:
    """A number's fields in a record."""
    return {"value": number(value), "value_exact": plain(value)}
