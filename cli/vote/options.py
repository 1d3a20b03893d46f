"""Options that say what ballots are in and how they are read: the same for every command that reads ballots."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import click

from cli._options import choice
from cli._reading import TABLE_FORMATS, format_option, taking_reading
from cli._table import FILE_OR_DATABASE, query_option
from cli.vote import words
from dpselect.ballots import FORMATS, OnInvalid, Other, Repeated, Rules, load_candidates
from dpselect.ballots.model import InvalidBallotsError
from psiselect.elections.ballots import GivenBallots, separator_of
from psiselect.tables import Table

candidates_option = click.option(
    "--candidates",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take the public list of candidates from this file, one per line. Needed where ballots hold names.",
)
_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("ballots", type=FILE_OR_DATABASE),
    query_option,
    candidates_option,
    click.option("--ballot-column", metavar="NAME", help="Read lists of names from the cells of this column."),
    click.option(
        "--separator",
        metavar="TEXT",
        help=r"Take only this between names in a cell; \n is a line break.  [default: any of ; , |]",
    ),
    click.option(
        "--other",
        type=choice(Other),
        default=Other.REFUSE.value,
        show_default=True,
        help="Refuse a ballot with a text that is no candidate, such as a form's free text, or ignore the text.",
    ),
    click.option(
        "--yes",
        metavar="TEXT",
        multiple=True,
        help="Take this text as approval, in a table with a column for each candidate, such as Ja.",
    ),
    click.option(
        "--no",
        metavar="TEXT",
        multiple=True,
        help="Take this text as no approval, in a table with a column for each candidate, such as Nein.",
    ),
    click.option(
        "--voter-column",
        metavar="NAME",
        help="Read the voter of each ballot from this column.  [default: voter_id, if there is one]",
    ),
    click.option(
        "--repeated-voter",
        type=choice(Repeated),
        help="Stop at several ballots of one voter, or count the last row or the first.  [default: error; with "
        "--on-invalid drop: last]",
    ),
    click.option(
        "--approve-category",
        metavar="NAME",
        multiple=True,
        help="Take this category of a PrefLib .cat file as approval, by name or number; may be repeated.  [default: 1]",
    ),
    click.option(
        "--on-invalid",
        type=choice(OnInvalid),
        default=OnInvalid.ERROR.value,
        show_default=True,
        help="Stop if ballots are invalid and say how many (for the tallier only), or leave them out silently.",
    ),
    click.option(
        "--line-breaks",
        is_flag=True,
        help="Allow line breaks in cells of a CSV file. A file with a stray quote then stops the command.",
    ),
    click.option("--show", is_flag=True, help="Show the first wrong cell, on a terminal only."),
    format_option((*(form for form in FORMATS if form not in TABLE_FORMATS), *TABLE_FORMATS)),
)


def ballot_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command's function receives `given`, a GivenBallots."""

    @functools.wraps(command)
    def called(**values: Any) -> Any:
        given = _given(values)
        try:
            return command(given=given, **values)
        except InvalidBallotsError as error:
            if not given.rules.show:
                error.args = (words.with_show(error),)
            raise

    added: Any = called
    for option in reversed((*_OPTIONS, taking_reading(formats=False))):
        added = option(added)
    return cast(Callable[..., Any], added)


def _given(values: dict[str, Any]) -> GivenBallots:
    """Take what belongs to ballots out of a command's options. Raises UsageError, and InputError for candidates."""
    taken = {name: values.pop(name) for name in _NAMES}
    if taken["show"] and not _on_a_terminal():
        raise words.not_on_a_terminal()
    repeated = taken["repeated_voter"]
    # Made before the list of candidates is read: what does not go together is told first.
    rules = Rules(
        on_invalid=OnInvalid(taken["on_invalid"]),
        ballot_column=taken["ballot_column"],
        separator=None if taken["separator"] is None else separator_of(taken["separator"]),
        other=Other(taken["other"]),
        yes=taken["yes"],
        no=taken["no"],
        voter_column=taken["voter_column"],
        repeated=None if repeated is None else Repeated(repeated),
        approve=taken["approve_category"],
        show=taken["show"],
    )
    if taken["candidates"] is not None:
        rules = replace(rules, candidates=load_candidates(taken["candidates"]))
    return GivenBallots(
        Table(taken["ballots"], taken["query"], taken["said"]), rules, taken["form"], taken["line_breaks"]
    )


_NAMES = (
    *("ballots", "query", "candidates", "ballot_column", "separator", "other", "yes", "no", "voter_column"),
    *("repeated_voter", "approve_category", "on_invalid", "line_breaks", "show", "form", "said"),
)


def _on_a_terminal() -> bool:
    return sys.stderr.isatty()
