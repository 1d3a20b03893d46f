"""Many numbers for one charge: by group, and the first value of several that is frequent enough."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

from dpselect.accounting import Cost, epsilon_of_rho, rho_of_epsilon
from dpselect.decimals import number, plain
from dpselect.grid import Grid
from dpselect.grouped import (
    Group,
    Grouped,
    Persons,
    Statistic,
    gaussian_table,
    laplace_table,
)
from dpselect.names import clean
from dpselect.numeric import MAX_CELLS
from dpselect.privacy import NeighbouringRelation
from dpselect.scores import Declared, ScoreBound
from dpselect.threshold import above_threshold
from psi.tables import fault_error
from psiselect.base.entropy import SystemEntropy
from psiselect.base.rows import Fault
from psiselect.releases import words
from psiselect.releases.common import Bounds, Common, Outcome, drawn, promise
from psiselect.releases.groups import Grouping, Tabulation
from psiselect.releases.numbers import UNIT_STEPS
from psiselect.releases.streaming import cell_counts
from psiselect.tables import AnyTable

_SHOWN_DELTA = Fraction(1, 10**6)
_UNBOUNDED = Bounds()


def table(
    common: Common,
    *,
    by: Sequence[str],
    statistics: Sequence[Statistic] = (Statistic.COUNT,),
    bounds: Bounds = _UNBOUNDED,
    groups: Sequence[Sequence[str]] = (),
    listed: AnyTable | None = None,
    other: str | None = None,
    rho: Fraction | None = None,
    delta: Fraction | None = None,
    noise: str = "laplace",
    rows_per_group: int | None = None,
) -> Outcome[dict[Group, tuple[Fraction, ...]]]:
    """Counts, sums and means by group, for one charge.

    groups: for each column of `by` its groups; listed: a table that lists them. Without either they are found, by
    `delta`. Raises UsageError, InputError, BudgetError.
    """
    grouping = _grouping(common, tuple(by), groups, listed, other)
    wanted = list(dict.fromkeys(statistics))
    grid = None
    if any(statistic is not Statistic.COUNT for statistic in wanted):
        common.needs_column()
        grid = common.grid(bounds, UNIT_STEPS)
    elif bounds != Bounds() or common.column is not None:
        raise words.bounds_of_a_count()
    persons = Persons(common.relation, common.contributions, rows_per_group)
    measurement, price = _measurement(common, persons, wanted, grid, rho, delta, noise, found=grouping.named is None)
    common.tell(words.table_promised(price, common.relation, common.contributions))
    for part, scale in measurement.scales.items():
        common.tell(words.noise_of(part, noise, float(scale)))
    for statistic in wanted:
        error = measurement.error95(statistic)
        if error is not None:
            common.tell(words.error_of_each(statistic.value, float(error)))
    if measurement.threshold is not None:
        common.tell(words.shown_from(measurement.threshold))
    cells = Tabulation(common, grouping, grid, rows_per_group).cells()
    record = _record(common, measurement, grouping, noise)
    named = None if grouping.named is None else list(grouping.named)

    def draw() -> dict[Group, tuple[Fraction, ...]]:
        return measurement.release(cells, SystemEntropy(), named)

    names = [statistic.value for statistic in wanted]

    def shown(released: dict[Group, tuple[Fraction, ...]]) -> dict[str, object]:
        rows = [
            {"group": dict(zip(grouping.by, group, strict=True))} | dict(zip(names, map(number, values), strict=True))
            for group, values in released.items()
        ]
        return {"value": rows}

    return drawn(common, record, measurement.event, draw, shown, price)


def _measurement(
    common: Common,
    persons: Persons,
    wanted: Sequence[Statistic],
    grid: Grid | None,
    rho: Fraction | None,
    delta: Fraction | None,
    noise: str,
    *,
    found: bool,
) -> tuple[Grouped, str]:
    """The measurement, and its price in words. Raises UsageError on options that do not go together."""
    if found and delta is None:
        raise words.no_groups()
    if noise == "laplace":
        if rho is not None:
            raise words.rho_is_for_gaussian()
        if delta is not None and not found:
            raise words.delta_of_laplace()
        made = laplace_table(common.epsilon, persons, wanted, grid, delta=delta)
        return made, words.price(common.epsilon, None if delta is None else plain(delta))
    if (rho is None) == (common.stated is None):
        raise words.rho_or_epsilon()
    if rho is not None:
        if delta is not None and not found:
            raise words.delta_beside_rho()
        made = gaussian_table(rho, persons, wanted, grid, delta=delta if found else None)
        at = epsilon_of_rho(rho, _SHOWN_DELTA)
        return made, words.price_of_rho(rho, float(at), None if delta is None else plain(delta))
    if delta is None:
        raise words.gaussian_needs_delta()
    share = delta / 2 if found else delta
    exact = rho_of_epsilon(common.epsilon, share)
    stated = Cost(common.epsilon, delta)
    made = gaussian_table(exact, persons, wanted, grid, delta=share if found else None, stated=stated)
    return made, words.price(common.epsilon, plain(delta), exact)


def _grouping(
    common: Common,
    by: tuple[str, ...],
    groups: Sequence[Sequence[str]],
    listed: AnyTable | None,
    other: str | None,
) -> Grouping:
    """Raises UsageError, InputError."""
    if len(by) > 2 or len(set(by)) != len(by):
        raise words.one_or_two_columns()
    if common.person in by:
        raise words.groups_of_one()
    if groups and listed is not None:
        raise words.groups_twice()
    if other is not None and not groups:
        raise words.other_needs_groups()
    if listed is not None:
        return Grouping(by, dict.fromkeys(_groups_of(listed, by)))
    if not groups:
        return Grouping(by)
    if len(groups) != len(by):
        raise words.names_for_each_column()
    rest = None if other is None else clean(other)
    names = [[*map(clean, row), *([] if rest is None else [rest])] for row in groups]
    if any(len(set(column)) != len(column) or "" in column for column in names):
        raise words.names_repeat()
    if len(names[0]) * len(names[-1]) > MAX_CELLS:
        raise words.too_many_groups(MAX_CELLS)
    return Grouping(by, dict.fromkeys(itertools.product(*names)), tuple(map(frozenset, names)), rest)


def _groups_of(table: AnyTable, by: tuple[str, ...]) -> list[Group]:
    source = table.open(otherwise=".csv")
    found = []
    for row in source.rows(list(by)):
        if isinstance(row, Fault):
            raise fault_error(source, row)
        if row.cells and all(map(clean, row.cells)):
            found.append(tuple(map(clean, row.cells)))
        if len(found) > MAX_CELLS:
            raise words.too_many_groups_in(source.name, MAX_CELLS)
    if not found:
        raise words.names_no_group(source.name)
    return found


def _record(common: Common, measurement: Grouped, grouping: Grouping, noise: str) -> dict[str, object]:
    errors = {s.value: measurement.error95(s) for s in measurement.statistics}
    return {
        "statistic": "table",
        "by": list(grouping.by),
        "epsilon": None if common.stated is None else float(common.stated),
        "epsilon_exact": None if common.stated is None else str(common.stated),
        "delta": float(measurement.delta) if common.stated is None or noise == "laplace" else None,
        "neighbors": common.relation.value,
        "contributions": common.contributions,
        "person": common.person,
        "mechanism": f"discrete-{noise}",
        "scale": {part: float(scale) for part, scale in measurement.scales.items()},
        "error95": {name: None if error is None else number(error) for name, error in errors.items()},
        "threshold": measurement.threshold,
    }


def threshold(common: Common, *, least: int, named: Sequence[str]) -> Outcome[str]:
    """The first of the named values that stands in so many rows; its value is None where none does. Raises UsageError,
    InputError, BudgetError."""
    common.needs_column()
    if not named:
        raise words.no_values_to_ask()
    if len(set(named)) != len(named):
        raise words.value_asked_twice()
    monotone = common.relation is NeighbouringRelation.ADD_REMOVE
    bound = Declared(ScoreBound.of(common.contributions, monotone=monotone))
    measurement = above_threshold(common.epsilon, common.relation, least, bound)
    scale = float(1 / measurement.exponent)
    common.tell(words.threshold_promised(common.epsilon, common.relation, common.contributions, scale))
    counts, _ = cell_counts(common, named)
    record: dict[str, object] = {
        "statistic": "threshold",
        "position": None,
        "at_least": least,
        **promise(common),
        "mechanism": measurement.mechanism.value,
        "scale": scale,
    }

    def draw() -> int | None:
        return measurement.release([counts[name] for name in named], SystemEntropy())

    def shown(position: int | None) -> dict[str, object]:
        return {"value": None if position is None else named[position], "position": position}

    found = drawn(common, record, measurement.event, draw, shown)
    name = None if found.value is None else named[found.value]
    return Outcome(found.statistic, name, found.record, found.charged, found.balance)
