"""`--send`, `--receive`, `--label-bytes`: columns that travel with a match."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any, TypeVar

import click

from cli._numbers import WholeNumber
from cli.psi import words
from psi.agreement.column_terms import DEFAULT_LABEL_BYTES, MAX_LABEL_BYTES, MIN_LABEL_BYTES

Command = TypeVar("Command", bound=Callable[..., Any])


def _label_bytes(help_text: str) -> Callable[[Command], Command]:
    bound = WholeNumber(MIN_LABEL_BYTES, MAX_LABEL_BYTES)
    return click.option("--label-bytes", type=bound, metavar="N", help=help_text)


OPTIONS = (
    click.option(
        "--send",
        "sent",
        multiple=True,
        metavar="COLUMN",
        help="Send this column of your matching rows to the peer. Tell the peer the column's name: the peer must use "
        "--receive with this name. May be repeated.",
    ),
    click.option(
        "--receive",
        "received",
        multiple=True,
        metavar="COLUMN",
        help="Get this column of the peer's matching rows. Use the peer's name for the column. --output then has your "
        "columns and the peer's, which are called peer_COLUMN. May be repeated.",
    ),
    _label_bytes(
        help_text="With --send or --receive: send exactly N bytes for each match, to hide how long the sent values "
        "are. If they do not fit into N bytes, the command stops. Both sides must use the same value [default: "
        f"{DEFAULT_LABEL_BYTES}]."
    ),
)


class ColumnNames(click.ParamType[tuple[str, ...]]):
    """Names of columns, separated by commas; one that holds a comma stands in double quotes, as in a CSV file."""

    name = "A,B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names. Spaces after a comma are dropped."""
        if isinstance(value, tuple):
            return value
        try:
            rows = list(csv.reader([str(value)], skipinitialspace=True, strict=True))
        except csv.Error:
            rows = []
        if len(rows) != 1 or "" in rows[0]:
            self.fail(words.not_columns(value), param, ctx)
        return tuple(rows[0])


WRITTEN = click.option(
    "--columns",
    type=ColumnNames(),
    metavar="A,B",
    help="Write only these columns of your list to --output, in this order. Add matched_by to these names to get "
    "one more column: it says by which key columns each row matched.",
)
ESTIMATED = _label_bytes(
    help_text="Assume a session with --send, which sends exactly N bytes of other columns for each match."
)
