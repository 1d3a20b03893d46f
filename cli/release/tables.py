"""`psiselect release table` and `psiselect release threshold`: many numbers for one charge."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import click

from cli._ledger import writing
from cli._options import choice
from cli._output import print_fields, print_json, print_table, say
from cli.release.common import (
    Common,
    GivenOptions,
    charge,
    common_options,
    lower_option,
    options_without_epsilon,
    print_plan,
    promise,
    read_categories,
    read_grid,
    unit_option,
    upper_option,
)
from cli.release.groups import Grouping, Tabulation
from cli.release.streaming import cell_counts
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
from dpselect.privacy import NeighbouringRelation, parse_fraction
from dpselect.scores import Declared, ScoreBound
from dpselect.threshold import above_threshold
from psi.tables import fault_error
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError, UsageError
from psiselect.base.rows import Fault
from psiselect.tables import Table

_UNIT_STEPS = 1_000_000
_SHOWN_DELTA = Fraction(1, 10**6)


@click.command("table")
@options_without_epsilon
@click.option("--by", "by", multiple=True, required=True, metavar="COLUMN", help="A column of groups; one or two.")
@click.option(
    "--statistic",
    "statistics",
    multiple=True,
    type=choice(Statistic),
    default=[Statistic.COUNT.value],
    show_default=True,
    help="What to show for each group; repeat for more. They share epsilon, or rho.",
)
@lower_option
@upper_option
@unit_option
@click.option(
    "--groups",
    multiple=True,
    metavar="X,Y,...",
    help="The groups of a --by column, as a row of CSV; once for each column, in its order. All crossings are shown.",
)
@click.option(
    "--groups-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A table with the --by columns: the groups to show, one per row.",
)
@click.option("--other", metavar="NAME", help="With --groups: one more group in each column, for all other values.")
@click.option("--epsilon", metavar="E", help="Privacy parameter, exact: 0.1 or 1/10.")
@click.option("--rho", metavar="R", help="Gaussian noise: the zCDP parameter, in place of --epsilon. Exact.")
@click.option(
    "--delta",
    metavar="D",
    help="Without --groups: how likely a group of one person alone may be shown, such as 1e-6. Gaussian noise with "
    "--epsilon: the chance that epsilon does not hold; with both, each has half.",
)
@click.option(
    "--noise",
    type=click.Choice(["laplace", "gaussian"]),
    default="laplace",
    show_default=True,
    help="Gaussian is better where a person is in many groups, and for many releases from one zcdp ledger.",
)
@click.option(
    "--rows-per-group",
    type=click.IntRange(min=1),
    metavar="R",
    help="Of the --contributions rows of a person, at most R are in one group. Less Gaussian noise.",
)
def table_command(
    given: GivenOptions,
    by: tuple[str, ...],
    statistics: tuple[str, ...],
    lower: str | None,
    upper: str | None,
    unit: str | None,
    groups: tuple[str, ...],
    groups_file: Path | None,
    other: str | None,
    rho: str | None,
    delta: str | None,
    noise: str,
    rows_per_group: int | None,
) -> None:
    """Counts, sums and means by group, for one charge.

    Name the groups with --groups or --groups-file: then all are shown, empty ones too. Or give --delta: then those
    groups are shown whose noisy count reaches a threshold, so that a group of one person stays hidden.

    A row with a blank group is counted nowhere, and with --on-invalid drop one of an unnamed group. A person may have
    rows in up to --contributions groups; --person keeps that many rows of each.

    \b
    Examples:
      psiselect release table people.csv --by smoker --groups yes,no --epsilon 1
      psiselect release table people.csv --by smoker --delta 1e-6 --epsilon 1 --neighbors add-remove
    """
    common = Common.of("table", given)
    grouping = _grouping(common, by, groups, groups_file, other)
    wanted = [Statistic(name) for name in dict.fromkeys(statistics)]
    grid = None
    if any(statistic is not Statistic.COUNT for statistic in wanted):
        common.needs_column()
        grid = read_grid(common, lower, upper, unit, _UNIT_STEPS)
    elif lower is not None or upper is not None or unit is not None or common.column is not None:
        raise UsageError("--column, --lower, --upper and --unit are for --statistic sum and mean")
    persons = Persons(common.relation, common.contributions, rows_per_group)
    chance = None if delta is None else parse_fraction(delta, "delta")
    measurement, price = _measurement(common, persons, wanted, grid, rho, chance, noise, found=grouping.named is None)
    say(f"table: {price}, {common.relation.value}, {common.contributions} rows of each person at most")
    for part, scale in measurement.scales.items():
        say(f"{part}: {noise} noise of scale {float(scale):.6g}")
    for statistic in wanted:
        error = measurement.error95(statistic)
        if error is not None:
            say(f"error of each {statistic.value} at 95 %: +-{float(error):.6g}")
    if measurement.threshold is not None:
        say(f"groups are shown whose noisy count is {measurement.threshold} or more")
    cells = Tabulation(common, grouping, grid, rows_per_group).cells()
    record = _record(common, measurement, grouping, noise)
    if common.plan:
        print_plan(common, record)
        return
    record |= charge(common, measurement.event, price)
    named = None if grouping.named is None else list(grouping.named)
    released = measurement.release(cells, SystemEntropy(), named)
    with writing(charged=common.ledger is not None):
        _print(common, grouping, wanted, released, record)


def _measurement(
    common: Common,
    persons: Persons,
    wanted: Sequence[Statistic],
    grid: Grid | None,
    rho: str | None,
    delta: Fraction | None,
    noise: str,
    *,
    found: bool,
) -> tuple[Grouped, str]:
    """The measurement, and its price in words. Raises UsageError on options that do not go together."""
    if found and delta is None:
        raise UsageError("name the groups with --groups or --groups-file, or give --delta, such as 1e-6, to find them")
    if noise == "laplace":
        if rho is not None:
            raise UsageError("--rho is for --noise gaussian")
        if delta is not None and not found:
            raise UsageError("--delta is for groups that are not named, and for --noise gaussian with --epsilon")
        made = laplace_table(common.epsilon, persons, wanted, grid, delta=delta)
        return made, f"epsilon {common.epsilon}" + (f", delta {plain(delta)}" if delta is not None else "")
    if (rho is None) == (common.stated is None):
        raise UsageError("--noise gaussian takes --rho, or --epsilon with --delta")
    if rho is not None:
        exact = parse_fraction(rho, "rho")
        if delta is not None and not found:
            raise UsageError("--delta is for groups that are not named: --rho needs none")
        made = gaussian_table(exact, persons, wanted, grid, delta=delta if found else None)
        at = epsilon_of_rho(exact, _SHOWN_DELTA)
        price = f"rho {exact} (epsilon {float(at):.6g} at delta 1e-6)"
        return made, price + (f", delta {plain(delta)}" if delta is not None else "")
    if delta is None:
        raise UsageError("--noise gaussian with --epsilon needs --delta, such as 1e-6")
    share = delta / 2 if found else delta
    exact = rho_of_epsilon(common.epsilon, share)
    stated = Cost(common.epsilon, delta)
    made = gaussian_table(exact, persons, wanted, grid, delta=share if found else None, stated=stated)
    return made, f"epsilon {common.epsilon}, delta {plain(delta)}, rho {exact}"


def _grouping(
    common: Common, by: tuple[str, ...], groups: tuple[str, ...], file: Path | None, other: str | None
) -> Grouping:
    """Raises UsageError, InputError."""
    if len(by) > 2 or len(set(by)) != len(by):
        raise UsageError("--by: expected one column, or two different ones")
    if common.person in by:
        raise UsageError("--by: groups of one person each would hide nobody; take another column")
    if groups and file is not None:
        raise UsageError("give the groups once: --groups or --groups-file")
    if other is not None and not groups:
        raise UsageError("--other goes with --groups")
    if file is not None:
        return Grouping(by, dict.fromkeys(_groups_of(file, by)))
    if not groups:
        return Grouping(by)
    if len(groups) != len(by):
        raise UsageError("--groups: expected one row of names for each --by, in the same order")
    rest = None if other is None else clean(other)
    names = [[*read_categories(row, None), *([] if rest is None else [rest])] for row in groups]
    if any(len(set(column)) != len(column) or "" in column for column in names):
        raise UsageError("--groups: a name is blank, or given twice")
    if len(names[0]) * len(names[-1]) > MAX_CELLS:
        raise UsageError(f"a table has at most {MAX_CELLS:,} groups")
    return Grouping(by, dict.fromkeys(itertools.product(*names)), tuple(map(frozenset, names)), rest)


def _groups_of(file: Path, by: tuple[str, ...]) -> list[Group]:
    common = Table(file).open(otherwise=".csv")
    found = []
    for row in common.rows(list(by)):
        if isinstance(row, Fault):
            raise fault_error(common, row)
        if row.cells and all(map(clean, row.cells)):
            found.append(tuple(map(clean, row.cells)))
        if len(found) > MAX_CELLS:
            raise InputError(f"{common.name}: a table has at most {MAX_CELLS:,} groups")
    if not found:
        raise InputError(f"{common.name}: names no group")
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


def _print(
    common: Common,
    grouping: Grouping,
    wanted: Sequence[Statistic],
    released: dict[Group, tuple[Fraction, ...]],
    record: dict[str, object],
) -> None:
    names = [statistic.value for statistic in wanted]
    if common.as_json:
        rows = [
            {"group": dict(zip(grouping.by, group, strict=True))} | dict(zip(names, map(number, values), strict=True))
            for group, values in released.items()
        ]
        print_json({"value": rows} | record)
        return
    print_table(
        (*grouping.by, *names),
        [(*group, *(_shown(value) for value in values)) for group, values in released.items()],
    )


def _shown(value: Fraction) -> str:
    return plain(value) if value.denominator < 10**9 and _is_short(value) else f"{float(value):.10g}"


def _is_short(value: Fraction) -> bool:
    return len(plain(value)) <= 16 and "/" not in plain(value)


@click.command("threshold")
@common_options
@click.option("--at-least", "least", type=int, required=True, metavar="T", help="How many rows are enough.")
@click.option("--categories", metavar="X,Y,...", help="The values to ask about, in this order, as a row of CSV.")
@click.option(
    "--categories-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The values to ask about, one per line.",
)
def threshold_command(given: GivenOptions, least: int, categories: str | None, categories_file: Path | None) -> None:
    """The first of several values that stands in T rows or more.

    The values are asked about in their order, until one is found to reach T. Only its name is released, so any number
    of values below T costs nothing more. Both T and each count have noise (the sparse vector technique).

    \b
    Examples:
      psiselect release threshold people.csv --column smoker --categories yes,no --at-least 3 --epsilon 1
    """
    common = Common.of("threshold", given)
    common.needs_column()
    named = read_categories(categories, categories_file)
    if not named or len(set(named)) != len(named):
        raise UsageError("give the values to ask about, each once, with --categories or --categories-file")
    monotone = common.relation is NeighbouringRelation.ADD_REMOVE
    bound = Declared(ScoreBound.of(common.contributions, monotone=monotone))
    measurement = above_threshold(common.epsilon, common.relation, least, bound)
    scale = float(1 / measurement.exponent)
    say(
        f"threshold: epsilon {common.epsilon}, {common.relation.value}, {common.contributions} rows of each person at "
        f"most, noise of scale {scale:.6g} on each count"
    )
    counts, _ = cell_counts(common, named)
    record: dict[str, object] = {
        "statistic": "threshold",
        "position": None,
        "at_least": least,
        **promise(common),
        "mechanism": measurement.mechanism.value,
        "scale": scale,
    }
    if common.plan:
        print_plan(common, record)
        return
    record |= charge(common, measurement.event)
    position = measurement.release([counts[name] for name in named], SystemEntropy())
    found = None if position is None else named[position]
    with writing(charged=common.ledger is not None):
        if common.as_json:
            print_json({"value": found} | record | {"position": position})
        else:
            print_fields({"first": "none reaches it" if found is None else found})
