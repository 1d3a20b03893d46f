"""What commands let a user say about a table: how it is to be read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from cli._numbers import WholeNumber
from cli._options import options
from psi.tables.reading import MAX_HEADER_LINES, Kind, ReadingOptions

_Command = TypeVar("_Command", bound=Callable[..., Any])

TABLE_FORMATS = tuple(kind.value for kind in Kind)
# Of those below, as click names them.
_NAMES = ("delimiter", "encoding", "csv_escape", "header", "header_lines", "sheet")


def reading_options(*, formats: bool = True, second: bool = False) -> tuple[Callable[[_Command], _Command], ...]:
    """The options. formats: whether --format is among them. second: of a second table, by names that end in -b."""
    end, whose = ("-b", "B: ") if second else ("", "")
    made = [
        click.option(
            f"--delimiter{end}",
            metavar="C",
            help=f"{whose}Split each line at this character. You can also write comma, semicolon, tab, pipe or "
            "space [default: the program finds it in the header].",
        ),
        click.option(
            f"--encoding{end}",
            metavar="NAME",
            help=f"{whose}Read text in this encoding, such as cp1252 or utf-16 [default: utf-8].",
        ),
        click.option(
            f"--csv-escape{end}",
            type=click.Choice(["none", "backslash"]),
            help=f"{whose}Choose how to read \\ before a quotation mark or a separator. backslash: it makes "
            "the next character a part of the cell, as in files from Spark, MySQL or Hive. none: it is an ordinary "
            'character [default: none, but the program refuses a row with \\" in it if a cell of this row has a line '
            "break].",
        ),
        click.option(
            f"--header{end}/--no-header{end}",
            f"header{end}".replace("-", "_"),
            default=None,
            help=f"{whose}Say whether the first row holds the column names. Without names, the columns are called "
            "1, 2 and so on [default: the row holds names; the command stops if the row looks like data].",
        ),
        click.option(
            f"--header-lines{end}",
            type=WholeNumber(1, MAX_HEADER_LINES),
            metavar="N",
            help=f"{whose}Say that the first N rows hold the column names. If a column has text in several of these "
            "rows, its name is the text in the last of them [default: 1].",
        ),
        click.option(
            f"--sheet{end}",
            metavar="NAME",
            help=f"{whose}Read the sheet with this name or number from a spreadsheet [default: the first].",
        ),
    ]
    if formats:
        made.append(format_option(TABLE_FORMATS, second=second))
    return tuple(made)


def format_option(names: tuple[str, ...], *, second: bool = False) -> Callable[[_Command], _Command]:
    """`--format`; the command gets it as `form`."""
    end, whose = ("-b", "B: ") if second else ("", "")
    return click.option(
        f"--format{end}",
        f"form{end}".replace("-", "_"),
        type=click.Choice(names),
        help=f"{whose}Read this kind of file [default: the program recognises it by its content or name]. Needed for "
        "text from standard input.",
    )


def taking_reading(*, formats: bool = True) -> Callable[[_Command], _Command]:
    """These options, of which the command gets one `said`."""

    def apply(command: _Command) -> _Command:
        @functools.wraps(command)
        def called(**values: Any) -> Any:
            given = {name: values.pop(name) for name in _NAMES}
            return command(said=ReadingOptions.of(**given, form=values.pop("form") if formats else None), **values)

        return options(*reading_options(formats=formats))(cast(_Command, called))

    return apply
