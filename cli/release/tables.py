"""`psiselect release table` and `psiselect release threshold`: many numbers for one charge."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click

from cli._ledger import writing
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


@click.command("table", cls=ReleaseCommand)
@options_without_epsilon
@click.option("--by", "by", multiple=True, required=True, metavar="COLUMN", help="Group by this column; one or two.")
@click.option(
    "--statistic",
    "statistics",
    multiple=True,
    type=choice(Statistic),
    default=[Statistic.COUNT.value],
    show_default=True,
    help="Show this for each group; repeat for more. They share epsilon, or rho.",
)
@lower_option
@upper_option
@unit_option
@click.option(
    "--groups",
    multiple=True,
    metavar="X,Y,...",
    help="Show these groups of a --by column, written as a row of CSV; once per column, in its order. All crossings "
    "are shown.",
)
@click.option(
    "--groups-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Show the groups in this table, which has the --by columns and one group per row.",
)
@click.option("--other", metavar="NAME", help="Add a group for all other values to each column of --groups.")
@click.option("--epsilon", metavar="E", help=EPSILON_HELP)
@click.option("--rho", metavar="R", help="Set the strength as rho of zCDP, with Gaussian noise, in place of --epsilon.")
@click.option(
    "--delta",
    metavar="D",
    help="Allow this chance, such as 1e-6, that the guarantee fails. Without --groups, it is the chance that a group "
    "of one person is shown; with Gaussian noise and --epsilon, that epsilon does not hold. With both, each has half.",
)
@click.option(
    "--noise",
    type=click.Choice(["laplace", "gaussian"]),
    default="laplace",
    show_default=True,
    help="Choose the noise. Gaussian is better where a person is in many groups, and for many releases from one zcdp "
    "ledger.",
)
@click.option(
    "--rows-per-group",
    type=click.IntRange(min=1),
    metavar="R",
    help="Promise that at most R of a person's --contributions rows are in one group. Gaussian noise is then less.",
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
    """Count, add up and average by group, for one charge.

    \b
    Examples:
      psiselect release table people.csv --by smoker --groups yes,no --epsilon 1
      psiselect release table people.csv --by smoker --delta 1e-6 --epsilon 1 --neighbors add-remove

    Name the groups with --groups or --groups-file: then all are shown, empty ones too. Or give --delta: then those
    groups are shown whose noisy count reaches a threshold, so that a group of one person stays hidden.

    A row with a blank group is counted nowhere, and with --on-invalid drop one of an unnamed group. A person may have
    rows in up to --contributions groups; --person keeps that many rows of each.
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


@click.command("threshold", cls=ReleaseCommand)
@common_options
@click.option("--at-least", "least", type=int, required=True, metavar="T", help="Ask for at least so many rows.")
@click.option("--categories", metavar="X,Y,...", help="Ask about these values, in this order, written as a row of CSV.")
@click.option(
    "--categories-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ask about the values in this file, one per line.",
)
def threshold_command(given: GivenOptions, least: int, categories: str | None, categories_file: Path | None) -> None:
    """Find the first of several values that stands in T rows or more.

    \b
    Examples:
      psiselect release threshold people.csv --column smoker --categories yes,no --at-least 3 --epsilon 1

    The values are asked about in their order, until one is found to reach T. Only its name is released, so any number
    of values below T costs nothing more. Both T and each count have noise (the sparse vector technique).
    """
    named = read_categories(categories, categories_file)
    found = tabling.threshold(given.common("threshold"), least=least, named=named)
    with writing(charged=found.charged is not None):
        if given.as_json:
            print_json(found.record)
        elif not given.plan:
            print_fields({"first": words.first(found.value)})
