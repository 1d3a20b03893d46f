"""`--send`, `--receive`, `--label-bytes`: columns that travel with a match."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any, TypeVar

import click

from psi.agreement.column_terms import DEFAULT_LABEL_BYTES, MAX_LABEL_BYTES, MIN_LABEL_BYTES

Command = TypeVar("Command", bound=Callable[..., Any])


def _label_bytes(words: str) -> Callable[[Command], Command]:
    return click.option("--label-bytes", type=click.IntRange(MIN_LABEL_BYTES, MAX_LABEL_BYTES), metavar="N", help=words)


OPTIONS = (
    click.option(
        "--send",
        "sent",
        multiple=True,
        metavar="COLUMN",
        help="Give the peer this column of my matching rows; may be repeated. The peer must --receive it. Its name is "
        "told to the peer.",
    ),
    click.option(
        "--receive",
        "received",
        multiple=True,
        metavar="COLUMN",
        help="Get this column of the peer's matching rows, by the peer's name of it; may be repeated. --output then "
        "has the joined table, with the peer's columns as peer_COLUMN.",
    ),
    _label_bytes(
        "Length to which what is sent for a key is padded, so that it says nothing; both sides must say the same "
        f"[default: {DEFAULT_LABEL_BYTES}]."
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
            self.fail(f"{value!r} are no columns; write their names with commas between them", param, ctx)
        return tuple(rows[0])


WRITTEN = click.option(
    "--columns",
    type=ColumnNames(),
    metavar="A,B",
    help="Write only these columns of mine to --output, in this order. matched_by adds the keys by which a row "
    "matched.",
)
ESTIMATED = _label_bytes("Columns travel along with matches to whoever learns, padded to N bytes.")
