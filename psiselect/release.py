"""Numbers about private rows, which may then be shown to anyone: what `psiselect release` does, as functions.

Whoever calls these sees the rows. Each function takes a table and the column to use, charges the ledger if there is
one, draws once, and hands back the number with its guarantee. Call it a second time and it costs a second time.

Every function takes these arguments besides its own:

    epsilon        privacy, exact: "0.1" is very strong, 1 usual, 5 weak; no float
    neighbors      what one person can change: "add-remove", whether the row is there, or "replace", what it says
    contributions  protect a person with up to so many rows; costs so many times the noise [1]
    person         the column that says whose row it is: at most `contributions` rows of each person are kept
    on_invalid     a value that cannot be read: "error", or "drop" to leave it out ["error"]
    ledger         a budget that pays, as `psiselect.Ledger` or its path
    dataset        the name of these rows in the ledger
    plan           say the guarantee and the expected error, and draw nothing [False]
    query, format, delimiter, encoding, csv_escape, header, header_lines, sheet
                   what is said about a file (docs/tables.md)

Each raises UsageError for arguments that make no sense together, InputError for a table that cannot be read, and
BudgetError where the budget does not hold the cost. Then nothing was drawn or charged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar, Unpack

from dpselect.grouped import Statistic
from dpselect.names import clean
from dpselect.numeric import Invalid
from psiselect import words_arguments
from psiselect.arguments import (
    Neighbors,
    Reading,
    choice_of,
    epsilon_of,
    flag_of,
    given_table,
    in_python,
    relation_of,
    text_of,
    texts_of,
    whole,
)
from psiselect.budgets import AnyLedger, Charged, budget_file
from psiselect.exact import Exact, exact, signed
from psiselect.releases import numbers, tabling
from psiselect.releases.common import Bounds, Common, Outcome
from psiselect.results import ReleasedCells, ReleasedFirst, ReleasedNumber, ReleasedTable
from psiselect.tables import table_of

__all__ = ["count", "histogram", "mean", "quantile", "sum", "table", "threshold"]

_Value = TypeVar("_Value")
# The fields of `psiselect.results.Released`.
_About = tuple[str, Charged | None, tuple[str, ...], Mapping[str, object], Any, bool]


class Options(Reading, total=False):
    """What every function takes besides its own arguments; see `psiselect.release`."""

    contributions: int
    person: str
    on_invalid: str
    ledger: AnyLedger
    dataset: str
    plan: bool


@in_python
def count(
    table: Any,
    column: str | None = None,
    *,
    epsilon: Exact,
    neighbors: Neighbors,
    equals: str | None = None,
    lower: Exact | None = None,
    upper: Exact | None = None,
    **options: Unpack[Options],
) -> ReleasedNumber:
    """How many rows: all of them, or those whose column is not blank, equals a text, or lies within bounds.

    Args:
        table: a path, an address, or a table in memory.
        column: the column to look at; without it all rows count.
        epsilon: see `psiselect.release`, as for neighbors and further options.
        neighbors: "add-remove" or "replace".
        equals: count the rows whose column is this.
        lower: count the rows whose column is this or more.
        upper: count the rows whose column is this or less.
        options: see `psiselect.release`.
    """
    asked = _Asked("count", table, column, epsilon, neighbors, options)
    bounds = _bounds(lower, upper, None)
    wanted = None if equals is None else text_of(equals, "equals")
    return asked.number(lambda common: numbers.count(common, equals=wanted, bounds=bounds))


@in_python
def sum(  # noqa: A001 (said as psiselect.release.sum)
    table: Any,
    column: str,
    *,
    lower: Exact,
    upper: Exact,
    epsilon: Exact,
    neighbors: Neighbors,
    unit: Exact | None = None,
    **options: Unpack[Options],
) -> ReleasedNumber:
    """The sum of a column.

    Args:
        table: a path, an address, or a table in memory.
        column: the column to add up.
        lower: values below count as this. Public: not read off the data.
        upper: values above count as this. Public: not read off the data.
        epsilon: see `psiselect.release`, as for neighbors and further options.
        neighbors: "add-remove" or "replace".
        unit: values are rounded to multiples of this; by the bounds, if not given.
        options: see `psiselect.release`.
    """
    asked = _Asked("sum", table, column, epsilon, neighbors, options)
    bounds = _bounds(lower, upper, unit)
    return asked.number(lambda common: numbers.sum_(common, bounds))


@in_python
def mean(
    table: Any,
    column: str,
    *,
    lower: Exact,
    upper: Exact,
    epsilon: Exact,
    neighbors: Neighbors,
    n: int | None = None,
    unit: Exact | None = None,
    **options: Unpack[Options],
) -> ReleasedNumber:
    """The mean of a column. Under "replace" the number of rows is public, and `n` says it. Under "add-remove" it is
    private, and half of epsilon goes to a noisy count.

    Args:
        table: a path, an address, or a table in memory.
        column: the column to use.
        lower: values below count as this. Public: not read off the data.
        upper: values above count as this. Public: not read off the data.
        epsilon: see `psiselect.release`, as for neighbors and further options.
        neighbors: "add-remove" or "replace".
        n: the number of rows, with `person` of persons. Under "add-remove" a guess, for the expected error only.
        unit: values are rounded to multiples of this; by the bounds, if not given.
        options: see `psiselect.release`.
    """
    asked = _Asked("mean", table, column, epsilon, neighbors, options)
    bounds, rows = _bounds(lower, upper, unit), None if n is None else whole(n, "n")
    return asked.number(lambda common: numbers.mean(common, bounds, rows))


@in_python
def histogram(
    table: Any,
    column: str,
    *,
    epsilon: Exact,
    neighbors: Neighbors,
    categories: Sequence[str] = (),
    bins: Sequence[Exact] = (),
    other: str | None = None,
    **options: Unpack[Options],
) -> ReleasedCells:
    """How many rows fall into each of several cells that are named beforehand.

    Args:
        table: a path, an address, or a table in memory.
        column: the column to use.
        epsilon: see `psiselect.release`, as for neighbors and further options.
        neighbors: "add-remove" or "replace".
        categories: the values to count. A value that is none of them is an error, unless `other` or
            `on_invalid="drop"` says what becomes of it.
        bins: rising edges, in place of categories; a value beyond them is counted nowhere.
        other: the name of one more cell, for all other rows.
        options: see `psiselect.release`.
    """
    asked = _Asked("histogram", table, column, epsilon, neighbors, options)
    named = list(map(clean, texts_of(categories, "categories")))
    edges = [signed(edge, "bins") for edge in bins]
    found = asked.run(lambda common: numbers.histogram(common, edges=edges, categories=named, other=other))
    return ReleasedCells(*asked.about(found), found.value)


@in_python
def quantile(
    table: Any,
    column: str,
    *,
    lower: Exact,
    upper: Exact,
    epsilon: Exact,
    neighbors: Neighbors,
    q: Exact = "0.5",
    unit: Exact | None = None,
    **options: Unpack[Options],
) -> ReleasedNumber:
    """A quantile of a column, such as the median, from a public grid between the bounds.

    Args:
        table: a path, an address, or a table in memory.
        column: the column to use.
        lower: the lowest answer. Public: not read off the data.
        upper: the highest answer. Public: not read off the data.
        epsilon: see `psiselect.release`, as for neighbors and further options.
        neighbors: "add-remove" or "replace".
        q: which quantile; "0.5" is the median.
        unit: the step of the grid; by the bounds, if not given.
        options: see `psiselect.release`.
    """
    asked = _Asked("quantile", table, column, epsilon, neighbors, options)
    bounds = _bounds(lower, upper, unit)
    part = q if isinstance(q, str) else str(exact(q, "q"))
    return asked.number(lambda common: numbers.quantile(common, bounds, part))


@in_python
def threshold(
    table: Any,
    column: str,
    *,
    categories: Sequence[str],
    at_least: int,
    epsilon: Exact,
    neighbors: Neighbors,
    **options: Unpack[Options],
) -> ReleasedFirst:
    """The first of several values that stands in at least so many rows, and nothing else.

    Args:
        table: a path, an address, or a table in memory.
        column: the column to use.
        categories: the values to ask about, in this order.
        at_least: how many rows are enough.
        epsilon: see `psiselect.release`, as for neighbors and further options.
        neighbors: "add-remove" or "replace".
        options: see `psiselect.release`.
    """
    asked = _Asked("threshold", table, column, epsilon, neighbors, options)
    named = list(map(clean, texts_of(categories, "categories")))
    least = whole(at_least, "at_least", least=0)
    found = asked.run(lambda common: tabling.threshold(common, least=least, named=named))
    return ReleasedFirst(*asked.about(found), found.value)


@in_python
def table(
    table: Any,
    column: str | None = None,
    *,
    by: str | Sequence[str],
    neighbors: Neighbors,
    epsilon: Exact | None = None,
    rho: Exact | None = None,
    delta: Exact | None = None,
    noise: str = "laplace",
    statistics: Sequence[str] = ("count",),
    lower: Exact | None = None,
    upper: Exact | None = None,
    unit: Exact | None = None,
    groups: Sequence[str] | Mapping[str, Sequence[str]] = (),
    listed: Any = None,
    other: str | None = None,
    rows_per_group: int | None = None,
    **options: Unpack[Options],
) -> ReleasedTable:
    """Counts, sums and means by group, for one charge.

    Name the groups by `groups` or `listed`: then all are shown, empty ones too. Or give `delta`: then those are shown
    whose noisy count reaches a threshold, so that a group of one person stays hidden. Say `epsilon`, or `rho`.

    Args:
        table: a path, an address, or a table in memory.
        column: the column of sums and means.
        by: the column of groups, or two of them.
        neighbors: "add-remove" or "replace".
        epsilon: privacy, exact; see `psiselect.release`.
        rho: Gaussian noise: the zCDP parameter, in place of epsilon.
        delta: how likely a group of one person alone may be shown, or, for Gaussian noise with epsilon, how likely
            epsilon does not hold.
        noise: "laplace" or "gaussian".
        statistics: "count", "sum", "mean": what to show of each group.
        lower: values below count as this.
        upper: values above count as this.
        unit: values are rounded to multiples of this.
        groups: the names of the groups; with two columns, for each column its names.
        listed: in place of `groups`, a table with the columns `by`, a group in each row.
        other: with `groups`, one more group in each column for all other values.
        rows_per_group: of the rows of a person, at most so many are in one group.
        options: see `psiselect.release`.
    """
    asked = _Asked("table", table, column, epsilon, neighbors, options)
    columns = (by,) if isinstance(by, str) else texts_of(by, "by")
    kinds = [choice_of(Statistic, name, "statistics") for name in texts_of(statistics, "statistics")]
    if noise not in ("laplace", "gaussian"):
        raise words_arguments.not_a_noise()
    wish: dict[str, Any] = {
        "by": columns,
        "statistics": kinds,
        "bounds": _bounds(lower, upper, unit),
        "groups": _groups(groups, columns),
        "listed": None if listed is None else table_of(listed, name=words_arguments.OF_GROUPS),
        "other": other,
        "rho": None if rho is None else exact(rho, "rho"),
        "delta": None if delta is None else exact(delta, "delta"),
        "noise": noise,
        "rows_per_group": None if rows_per_group is None else whole(rows_per_group, "rows_per_group"),
    }
    found = asked.run(lambda common: tabling.table(common, **wish))
    shown = tuple(dict.fromkeys(kind.value for kind in kinds))
    return ReleasedTable(*asked.about(found), columns, shown, found.value)


def _groups(groups: Sequence[str] | Mapping[str, Sequence[str]], by: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The names of the groups of each column."""
    if not groups:
        return []
    if not isinstance(groups, Mapping):
        if len(by) > 1:
            raise words_arguments.names_of_which_column()
        return [texts_of(groups, "groups")]
    if set(groups) != set(by):
        raise words_arguments.names_of_other_columns()
    return [texts_of(groups[column], "groups") for column in by]


def _bounds(lower: Exact | None, upper: Exact | None, unit: Exact | None) -> Bounds:
    given = {"lower": lower, "upper": upper, "unit": unit}
    return Bounds(*(None if value is None else signed(value, name) for name, value in given.items()))


class _Asked:
    """One call: what is asked, and what is told meanwhile."""

    def __init__(
        self,
        statistic: str,
        table: Any,
        column: str | None,
        epsilon: Exact | None,
        neighbors: Neighbors,
        options: Options,
    ) -> None:
        self._told: list[str] = []
        reading = {name: value for name, value in options.items() if name in Reading.__annotations__}
        person = options.get("person")
        dataset = options.get("dataset")
        self._common = Common(
            statistic,
            given_table(table, reading, "the table"),  # type: ignore[arg-type]
            None if column is None else text_of(column, "column"),
            None if epsilon is None else epsilon_of(epsilon),
            relation_of(neighbors),
            whole(options.get("contributions", 1), "contributions"),
            None if person is None else text_of(person, "person"),
            choice_of(Invalid, options.get("on_invalid", Invalid.ERROR.value), "on_invalid"),
            budget_file(options.get("ledger"), dataset),
            dataset,
            flag_of(options.get("plan", False), "plan"),
            self._told.append,
        )

    def run(self, released: Callable[[Common], Outcome[_Value]]) -> Outcome[_Value]:
        """Ask for it."""
        return released(self._common)

    def number(self, released: Callable[[Common], Outcome[Fraction]]) -> ReleasedNumber:
        """Ask for one number."""
        found = self.run(released)
        return ReleasedNumber(*self.about(found), found.value)

    def about(self, found: Outcome[Any]) -> _About:
        """What all results have; the guarantee is told first."""
        guarantee, *notes = self._told
        return (
            guarantee,
            Charged.of(found.charged, found.balance),
            tuple(notes),
            found.record,
            found.record.get("error95"),
            self._common.plan,
        )
