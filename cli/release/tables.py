"""`psiselect release table` and `psiselect release threshold`: many numbers for one charge."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click

from cli._ledger import writing
from cli._numbers import WholeNumber
from cli._options import choice
from cli._output import print_fields, print_json, print_line, print_table
from cli.release import words
from cli.release.help_groups import ReleaseCommand
from cli.release.options import (
    EPSILON_HELP,
    GivenOptions,
    common_options,
    lower_option,
    options_without_epsilon,
    read_bounds,
    read_categories,
    unit_option,
    upper_option,
)
from cli.release.shown import table_line
from dpselect.decimals import plain
from dpselect.grouped import Statistic
from dpselect.privacy import parse_fraction
from psiselect.releases import tabling
from psiselect.tables import Table


@click.command("table", cls=ReleaseCommand, short_help="Show counts, sums or averages for each group of rows.")
@options_without_epsilon
@click.option(
    "--by",
    "by",
    multiple=True,
    required=True,
    metavar="COLUMN",
    help="Group the rows by this column. You can give --by twice.",
)
@click.option(
    "--statistic",
    "statistics",
    multiple=True,
    type=choice(Statistic),
    default=[Statistic.COUNT.value],
    show_default=True,
    help="Show this number for each group. May be repeated: --epsilon (or --rho) then limits what all of these numbers "
    "together give away.",
)
@lower_option
@upper_option
@unit_option
@click.option(
    "--groups",
    multiple=True,
    metavar="X,Y,...",
    help="Show these groups of a --by column, written as a row of CSV. Give --groups once for each --by, in the same "
    "order. With two columns, the command shows all combinations.",
)
@click.option(
    "--groups-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Show the groups in this table, which has the --by columns and one group per row.",
)
@click.option("--other", metavar="NAME", help="Add a group with this name for all other values, in each --by column.")
@click.option("--epsilon", metavar="E", help=EPSILON_HELP)
@click.option(
    "--rho",
    metavar="R",
    help="Use rho instead of --epsilon. Rho is another measure of what a result can give away (docs/privacy.md). Needs "
    "--noise gaussian.",
)
@click.option(
    "--delta",
    metavar="D",
    help="Allow this chance, such as 1e-6 (one in a million), that the protection fails. Without --groups, D is the "
    "chance that a group of one person is shown. With --noise gaussian and --epsilon, D is the chance that the result "
    "gives away more than --epsilon allows. If D stands for both, each of the two chances is half of D.",
)
@click.option(
    "--noise",
    type=click.Choice(["laplace", "gaussian"]),
    default="laplace",
    show_default=True,
    help="Choose the kind of noise. gaussian is more accurate if one person can be in many groups. It is also more "
    "accurate if one budget pays for many results, and the budget has --kind zcdp (see `psiselect budget create`).",
)
@click.option(
    "--rows-per-group",
    type=WholeNumber(min=1),
    metavar="R",
    help="Promise that at most R rows of one person are in the same group. Then Gaussian noise is smaller.",
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
    """Show counts, sums or averages for each group of rows, with random noise that hides each person.

    \b
    Examples:
      psiselect release table people.csv --by smoker --groups yes,no --epsilon 1
      psiselect release table people.csv --by smoker --delta 1e-6 --epsilon 1 --neighbors add-remove

    If you name the groups with --groups or --groups-file, the command shows all of them, empty groups too. If you give
    --delta instead, it shows only groups whose count, with noise, is large enough. So a group of one person stays
    hidden: with --delta D, the chance that it is shown is at most D.

    A row with a blank group is not counted. With --on-invalid drop, a row of a group that you did not name is not
    counted either. With --contributions C, a person may have rows in up to C groups. With --person, the command uses at
    most C rows of each person.
    """
    found = tabling.table(
        given.common("table"),
        by=by,
        statistics=[Statistic(name) for name in statistics],
        bounds=read_bounds(lower, upper, unit),
        groups=[read_categories(row, None) for row in groups],
        listed=None if groups_file is None else Table(groups_file),
        other=other,
        rho=None if rho is None else parse_fraction(rho, "rho"),
        delta=None if delta is None else parse_fraction(delta, "delta"),
        noise=noise,
        rows_per_group=rows_per_group,
    )
    with writing(charged=found.charged is not None):
        if given.as_json:
            print_json(found.record)
        elif found.value is not None:
            rows = [(*group, *map(_shown, values)) for group, values in found.value.items()]
            print_line(table_line(list(dict.fromkeys(statistics)), found.record))
            print_table((*by, *dict.fromkeys(statistics)), rows)


def _shown(value: Fraction) -> str:
    return plain(value) if value.denominator < 10**9 and _is_short(value) else f"{float(value):.10g}"


def _is_short(value: Fraction) -> bool:
    return len(plain(value)) <= 16 and "/" not in plain(value)


@click.command(
    "threshold",
    cls=ReleaseCommand,
    short_help="Go through a list of values, and name the first that is in enough rows.",
)
@common_options
@click.option(
    "--at-least", "least", type=int, required=True, metavar="T", help="Ask for a value that is in at least T rows."
)
@click.option("--categories", metavar="X,Y,...", help="Ask about these values, in this order, written as a row of CSV.")
@click.option(
    "--categories-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ask about the values in this file, one per line.",
)
def threshold_command(given: GivenOptions, least: int, categories: str | None, categories_file: Path | None) -> None:
    """Go through a list of values in the order that you give, and name the first that is in at least T rows (--at-least
    T). Random noise hides each person.

    \b
    Examples:
      psiselect release threshold people.csv --column smoker --categories yes,no --at-least 3 --epsilon 1

    The command stops at the first value that seems to reach T, and shows only the name of this value. However long the
    list is, the answer gives away no more than --epsilon allows. Random noise is added to T and to each count. So the
    command may pass over a value that is in slightly more than T rows. It may also name a value that is in slightly
    fewer.
    """
    named = read_categories(categories, categories_file)
    found = tabling.threshold(given.common("threshold"), least=least, named=named)
    with writing(charged=found.charged is not None):
        if given.as_json:
            print_json(found.record)
        elif not given.plan:
            print_fields({"first": words.first(found.value)})
