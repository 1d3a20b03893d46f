"""Options that say what ballots are in and how they are read, and others that several commands have."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import click

from cli._numbers import WholeNumber
from cli._options import choice
from cli._reading import TABLE_FORMATS, format_option, taking_reading
from cli._table import FILE_OR_DATABASE, query_option
from cli.vote import words
from dpselect.ballots import FORMATS, OnInvalid, Other, Repeated, Rules, load_candidates
from dpselect.ballots.model import InvalidBallotsError
from dpselect.privacy import NeighbouringRelation
from psiselect.elections.ballots import GivenBallots, separator_of
from psiselect.tables import Table

candidates_option = click.option(
    "--candidates",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Read the names of all candidates from this file, one per line. Needed if a cell of a table lists names, as "
    "in a file downloaded from an online form.",
)
epsilon_option = functools.partial(
    click.option,
    "--epsilon",
    metavar="E",
    help="Limit what the result can give away about one voter: smaller is safer and less accurate. 0.1 protects very "
    "well, 1 is usual, 5 protects little. A fraction such as 1/10 works too.",
)
neighbors_option = functools.partial(
    click.option,
    "--neighbors",
    type=choice(NeighbouringRelation),
    help="Say what must stay hidden. add-remove: whether somebody voted, and how. replace: only how.",
)
seats_option = click.option(
    "--seats",
    type=WholeNumber(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Elect N candidates.",
)
_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("ballots", type=FILE_OR_DATABASE),
    query_option,
    candidates_option,
    click.option(
        "--ballot-column", metavar="NAME", help="Read the ballots from this column: each cell lists candidates."
    ),
    click.option(
        "--separator",
        metavar="TEXT",
        help=r"Split the names in a cell at this text only; \n is a line break.  [default: a semicolon, a comma or a "
        "vertical bar]",
    ),
    click.option(
        "--other",
        type=choice(Other),
        default=Other.REFUSE.value,
        show_default=True,
        help="Choose what to do with text that is not a candidate's name, such as a form's free text. refuse: the "
        "ballot is invalid. ignore: leave out only this text.",
    ),
    click.option(
        "--yes",
        metavar="TEXT",
        multiple=True,
        help="Count this text, such as Ja, as approval. For tables with one column per candidate. May be repeated.",
    ),
    click.option(
        "--no",
        metavar="TEXT",
        multiple=True,
        help="Count this text, such as Nein, as no approval. For tables with one column per candidate. May be "
        "repeated.",
    ),
    click.option(
        "--voter-column",
        metavar="NAME",
        help="Tell voters apart by this column, such as their e-mail address.  [default: voter_id, if there is one]",
    ),
    click.option(
        "--repeated-voter",
        type=choice(Repeated),
        help="Stop if one voter has several ballots (error), or count only the last one (last) or the first one "
        "(first).  [default: error; with --on-invalid drop: last]",
    ),
    click.option(
        "--approve-category",
        metavar="NAME",
        multiple=True,
        help="Count the category with this name or number as approval. For PrefLib .cat files, where voters sort "
        "candidates into categories. May be repeated.  [default: 1]",
    ),
    click.option(
        "--on-invalid",
        type=choice(OnInvalid),
        default=OnInvalid.ERROR.value,
        show_default=True,
        help="Stop if ballots are invalid, and say how many (error), or leave them out without a message (drop). "
        "Because the error says something about the ballots, show it only to people who may see them.",
    ),
    click.option(
        "--line-breaks",
        is_flag=True,
        help="Allow line breaks inside quoted cells of a CSV file. Then one quotation mark in the wrong place stops "
        "the command, even with --on-invalid drop.",
    ),
    click.option(
        "--show",
        is_flag=True,
        help="Show the first invalid cell. This works only on the screen, so that no private cell gets into a file.",
    ),
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
