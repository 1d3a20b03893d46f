"""The options that all `release` commands have, and how what was given becomes what a statistic is asked with."""

from __future__ import annotations

import csv
import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from cli._ledger import ledger_options, open_ledger, writing
from cli._numbers import WholeNumber
from cli._options import choice, options
from cli._output import json_option, print_fields, print_json, say
from cli._reading import taking_reading
from cli._table import FILE_OR_DATABASE, query_option
from cli.release import words
from cli.release.shown import number_lines
from dpselect.decimals import parse_number
from dpselect.names import clean
from dpselect.numeric import Invalid
from dpselect.privacy import NeighbouringRelation, parse_epsilon
from psi.tables import ReadingOptions
from psiselect.base.errors import InputError
from psiselect.base.words import cannot_read
from psiselect.releases.common import Bounds, Common, Outcome
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

    def common(self, statistic: str) -> Common:
        """What a statistic is asked with. Raises UsageError, InputError."""
        return Common(
            statistic,
            Table(self.file, self.query, self.said),
            self.column,
            None if self.epsilon is None else parse_epsilon(self.epsilon),
            NeighbouringRelation.parse(self.neighbors),
            self.contributions,
            self.person,
            Invalid(self.on_invalid),
            open_ledger(self.ledger, self.dataset),
            self.dataset,
            self.plan,
            say,
        )


EPSILON_HELP = (
    "Limit what the result can give away about one person: smaller is safer and less accurate; 1 is usual. Write a "
    "decimal number or a fraction: 0.1 or 1/10."
)
_epsilon = click.option("--epsilon", required=True, metavar="E", help=EPSILON_HELP)
_options = options(
    click.argument("file", type=FILE_OR_DATABASE),
    query_option,
    taking_reading(),
    click.option("--column", metavar="NAME", help="Use this column, such as salary."),
    click.option(
        "--neighbors",
        type=choice(NeighbouringRelation),
        default=NeighbouringRelation.REPLACE.value,
        show_default=True,
        help="Say what must stay hidden. add-remove: whether a person's row is in the file, and what the row says. "
        "replace: only what the row says.",
    ),
    click.option(
        "--contributions",
        type=WholeNumber(min=1),
        default=1,
        show_default=True,
        metavar="C",
        help="Say that one person may have up to C rows. This also protects a family of up to C people, with one row "
        "each, as if they were one person. The noise becomes at least C times as large.",
    ),
    click.option(
        "--person",
        metavar="COLUMN",
        help="Tell people apart by this column, such as their e-mail address. The command uses at most C rows of each "
        "person (--contributions C), and chooses these rows without looking at their values.",
    ),
    click.option(
        "--on-invalid",
        type=choice(Invalid),
        default=Invalid.ERROR.value,
        show_default=True,
        help="Choose what to do with a value that cannot be read. error: stop, and name the line. drop: do not use the "
        "value.",
    ),
    ledger_options("these rows"),
    click.option(
        "--plan",
        is_flag=True,
        help="Print how far off the result will probably be, and stop. This takes nothing from a budget.",
    ),
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


lower_option = click.option(
    "--lower",
    metavar="A",
    help="Set the lowest value, such as 0. Any value below A counts as A. Choose A without looking at the data, "
    "because A becomes public.",
)
upper_option = click.option(
    "--upper",
    metavar="B",
    help="Set the highest value, such as 5000. Any value above B counts as B. Choose B without looking at the data, "
    "because B becomes public.",
)
unit_option = click.option(
    "--unit",
    metavar="U",
    help="Round values to multiples of this, such as 0.01.  [default: computed from --lower and --upper]",
)


def read_bounds(lower: str | None, upper: str | None, unit: str | None) -> Bounds:
    """Public bounds and unit. Raises UsageError for text that is no number."""
    return Bounds(*map(_optional, (lower, upper, unit), ("lower", "upper", "unit")))


def _optional(text: str | None, name: str) -> Fraction | None:
    return None if text is None else read_bound(text, name)


def read_bound(text: str, name: str) -> Fraction:
    try:
        return parse_number(text, f"--{name}")
    except InputError as error:
        raise words.not_a_number(error) from None


def read_categories(row: str | None, file: Path | None) -> list[str]:
    """Public categories, of a row of CSV or of a file with one per line; none without either. Raises UsageError,
    InputError for a file that cannot be read."""
    if row is not None and file is not None:
        raise words.categories_twice()
    if file is None:
        try:
            return [] if row is None else list(map(clean, next(csv.reader([row], strict=True, skipinitialspace=True))))
        except csv.Error:
            raise words.not_a_row() from None
    return read_lines(file, words.CATEGORIES)


def read_lines(file: Path, what: str) -> list[str]:
    """A public list, one name per line; blank lines do not count. Raises InputError for a file that cannot be read."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_CATEGORIES_BYTES + 1)
        if len(content) > _MAX_CATEGORIES_BYTES:
            raise words.too_large(file, what, _MAX_CATEGORIES_BYTES >> 20)
        lines = content.decode("utf-8-sig").split("\n")
    except OSError as error:
        raise cannot_read(file, error.strerror) from None
    except UnicodeDecodeError:
        raise words.not_text(file) from None
    return [name for name in map(clean, lines) if name]


def show_number(outcome: Outcome[Fraction], as_json: bool) -> None:
    """Print one number, or nothing where only a plan was asked for."""
    value = outcome.value
    with writing(charged=outcome.charged is not None):
        if as_json:
            print_json(outcome.record)
        elif value is not None:
            print_fields(number_lines(outcome.statistic, value, outcome.record))
