"""`psiselect release`: noisy numbers from a table that its holder may see and others may not."""

from __future__ import annotations

from pathlib import Path

import click

from cli._ledger import writing
from cli._numbers import WholeNumber
from cli._output import print_json, print_line, print_table
from cli.release.help_groups import ReleaseCommand
from cli.release.options import (
    GivenOptions,
    common_options,
    lower_option,
    read_bound,
    read_bounds,
    read_categories,
    show_number,
    unit_option,
    upper_option,
)
from cli.release.shown import histogram_line
from cli.release.tables import table_command, threshold_command
from dpselect.decimals import number
from psiselect.releases import numbers


@click.group(name="release", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Publish a number computed from private rows, with random noise that hides each person.

    \b
    Examples:
      psiselect release sum salaries.csv --column raise --lower 0 --upper 5000 --epsilon 1
      psiselect release count people.csv --column smoker --equals yes --epsilon 0.5 --neighbors add-remove

    These commands are for somebody who is allowed to see the rows. Anyone may see the printed number. --epsilon sets
    how well the noise hides each person: smaller is safer and less accurate.

    First the command says how far off the number will probably be. With --plan the command stops there.

    FILE is a table: CSV, Parquet, a spreadsheet or another kind (docs/tables.md). With --query, it may be a database.
    docs/privacy.md describes the noise.
    """


@command.command("count", cls=ReleaseCommand, short_help="Count rows: all, or only some.")
@common_options
@click.option("--equals", metavar="TEXT", help="Count only rows that have this text in the --column, such as yes.")
@click.option("--lower", metavar="A", help="Count only rows whose value in the --column is at least A, such as 18.")
@click.option("--upper", metavar="B", help="Count only rows whose value in the --column is at most B, such as 65.")
def count_command(given: GivenOptions, equals: str | None, lower: str | None, upper: str | None) -> None:
    """Count rows: all, or only some. Random noise is added to the count, to hide each person.

    \b
    Examples:
      psiselect release count people.csv --epsilon 0.5 --neighbors add-remove
      psiselect release count people.csv --column smoker --equals yes --epsilon 0.5

    Without --column, the command counts all rows. With --column alone, it counts the rows in which this column is not
    blank.
    """
    bounds = read_bounds(lower, upper, None)
    show_number(numbers.count(given.common("count"), equals=equals, bounds=bounds), given.as_json)


@command.command("sum", cls=ReleaseCommand)
@common_options
@lower_option
@upper_option
@unit_option
def sum_command(given: GivenOptions, lower: str | None, upper: str | None, unit: str | None) -> None:
    """Add up a column. Random noise is added to the sum, to hide each person.

    \b
    Examples:
      psiselect release sum salaries.csv --column raise --lower 0 --upper 5000 --epsilon 1

    Besides --epsilon, you must give --column, --lower and --upper. Without these limits, no noise could hide a very
    large value.
    """
    show_number(numbers.sum_(given.common("sum"), read_bounds(lower, upper, unit)), given.as_json)


@command.command("mean", cls=ReleaseCommand, short_help="Print the average of a column.")
@common_options
@lower_option
@upper_option
@unit_option
@click.option(
    "--n",
    "rows",
    type=WholeNumber(min=1),
    metavar="N",
    help="Give the number of rows or, with --person, of people. With --neighbors replace, this number is public and "
    "required. With add-remove it is your guess, used only to say how far off the result may be.",
)
def mean_command(given: GivenOptions, lower: str | None, upper: str | None, unit: str | None, rows: int | None) -> None:
    """Print the average of a column, changed by random noise that hides each person.

    \b
    Examples:
      psiselect release mean salaries.csv --column raise --lower 0 --upper 5000 --n 40 --epsilon 1

    Besides --epsilon, you must give --column, --lower and --upper. You must give --n too, unless you use --neighbors
    add-remove.

    By default (--neighbors replace), the number of rows is public. The command divides by this number, so it must use
    every row. If it cannot read a value, it stops. With --on-invalid drop, it uses the middle value in its place: the
    number halfway between --lower and --upper.

    With --neighbors add-remove, the number of rows stays hidden. The command must estimate this number too, and uses
    half of --epsilon for that. So the average is less accurate.
    """
    show_number(numbers.mean(given.common("mean"), read_bounds(lower, upper, unit), rows), given.as_json)


@command.command("histogram", cls=ReleaseCommand)
@common_options
@click.option(
    "--bins",
    metavar="A,B,...",
    help="Count the values in each range between these numbers, given from low to high. Values outside these ranges "
    "are not counted.",
)
@click.option(
    "--categories", metavar="X,Y,...", help='Count these values, written as a row of CSV: "Smith, Jones & Co",Sales.'
)
@click.option(
    "--categories-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Count the values in this file, one per line.",
)
@click.option(
    "--other",
    metavar="NAME",
    help="Add one more count, with this name, for all other rows: those with other values, and those with a blank.",
)
def histogram_command(
    given: GivenOptions, bins: str | None, categories: str | None, categories_file: Path | None, other: str | None
) -> None:
    """Count the rows in each range or category that you name. Random noise is added to each count, to hide each person.

    \b
    Examples:
      psiselect release histogram people.csv --column smoker --categories yes,no --epsilon 0.5
      psiselect release histogram people.csv --column age --bins 0,18,40,65,120 --epsilon 0.5 --neighbors add-remove

    If you do not know the categories, use `release table` with --by and --delta. It finds the categories that have
    enough rows.

    Values outside the --bins, and blank cells, are not counted. If a value is not one of the --categories, the command
    stops, unless you use --other or --on-invalid drop.
    """
    edges = [read_bound(e, "bins") for e in bins.split(",")] if bins is not None else []
    named = read_categories(categories, categories_file)
    found = numbers.histogram(given.common("histogram"), edges=edges, categories=named, other=other)
    with writing(charged=found.charged is not None):
        if given.as_json:
            print_json(found.record)
        elif found.value is not None:
            cells = [(cell, number(value)) for cell, value in found.value.items()]
            print_line(histogram_line(found.record))
            print_table((given.column or "cell", "count"), cells)


@command.command(
    "quantile",
    cls=ReleaseCommand,
    short_help="Find the median of a column or, for example, the value that nine in ten rows do not exceed.",
)
@common_options
@lower_option
@upper_option
@click.option(
    "--unit",
    metavar="U",
    help="Take the answer from the multiples of this number, such as 10.  [default: computed from --lower and --upper]",
)
@click.option(
    "--q",
    "q",
    default="0.5",
    show_default=True,
    help="Choose the quantile. 0.5 is the median: half of the "
    "values are not above it. With 0.9, nine in ten values are not above the answer.",
)
def quantile_command(given: GivenOptions, lower: str | None, upper: str | None, unit: str | None, q: str) -> None:
    """Find the median of a column, or another quantile (see --q). Chance plays a part, to hide each person.

    \b
    Examples:
      psiselect release quantile salaries.csv --column raise --lower 0 --upper 5000 --unit 10 --epsilon 1

    The answer is a multiple of --unit between --lower and --upper, and each value counts as the nearest multiple. The
    sorted column would have the answer some places above or below the exact one. The command prints a limit for this
    number of places, which holds in 19 of 20 runs. A few very high or very low values hardly change the median.
    """
    show_number(numbers.quantile(given.common("quantile"), read_bounds(lower, upper, unit), q), given.as_json)


command.add_command(table_command)
command.add_command(threshold_command)
