"""`psiselect psi local`: both parties on this machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from cli._groups import hiding, rewording
from cli._table import QUERY_HELP, TableName
from cli.psi import words
from cli.psi.help_groups import SessionCommand
from cli.psi.options import local_options
from cli.psi.results import Printed
from cli.psi.talk import TALK
from psi.tables import ReadingOptions
from psi.tables.files import STANDARD_INPUT
from psiselect.base.errors import InputError, UsageError
from psiselect.matching import both_here
from psiselect.matching.given import GivenOptions
from psiselect.tables import Table


@rewording(*words.SAID_LOCALLY)
@hiding("sent")  # A learns, so A has nobody to give columns to
@click.command("local", cls=SessionCommand)
@click.argument("source", metavar="A", type=TableName())
@click.argument("second", metavar="B", type=TableName())
@local_options
@click.option("--query", metavar="SQL", help=f"A: {QUERY_HELP[0].lower()}{QUERY_HELP[1:]}")
@click.option("--query-b", metavar="SQL", help="B: read what this SELECT returns.")
@click.option(
    "--key-b",
    "keys_b",
    multiple=True,
    metavar="COLUMN[:RULE]",
    help="Match by this column of B, if its name differs from the column of A. Give --key-b as often "
    "as --key, with the same rules.",
)
@click.option(
    "--null-b",
    "nulls_b",
    multiple=True,
    metavar="TEXT",
    help="B: treat this text as an empty cell [default: as for A].",
)
def local_(
    second: Path | str,
    query_b: str | None,
    keys_b: tuple[str, ...],
    nulls_b: tuple[str, ...],
    given: GivenOptions,
    **reading_b: Any,
) -> None:
    """Match two lists, A and B, on this machine, without a network, to try the program or to measure its speed.

    A takes the part of `psi connect`, the side that calls. B takes the part of `psi listen`. A gets the result, and
    --output has rows of A. An option about reading A also holds for B, unless you give the matching option for B, such
    as --delimiter-b.

    \b
    Examples:
      psiselect psi local customers.csv members.parquet --key email:email --output common.csv
      psiselect psi local customers.csv members.parquet --key email:email --key-b mail:email
      psiselect psi local customers.csv members.parquet --key email:email --receive plan --output joined.csv
      psiselect psi local customers.csv members.csv --key email:email --key phone:phone --matching one-to-one
      psiselect psi local sqlite:///shop.db members.parquet --query 'SELECT email FROM customers' --key email:email
      psiselect psi local customers.csv orders.csv --key email:email --reveal sum --value amount
    """
    if second == given.source == STANDARD_INPUT:
        raise words.both_from_stdin()
    table_b = _table_of_b(second, query_b, given.reading, reading_b)
    with _naming_options_of_b(table_b, given.source):
        both_here.match(given, both_here.Other(table_b, keys_b, nulls_b or given.nulls), TALK, Printed(given.as_json))


@contextlib.contextmanager
def _naming_options_of_b(table: Table, first: object) -> Iterator[None]:
    """Errors about B name the options that are for B alone."""
    try:
        yield
    except (InputError, UsageError) as error:
        name = "standard input" if table.is_standard_input else os.fspath(table)
        said = str(error)
        if name != str(first) and said.startswith((f"{name}: ", f"{name}, ")):
            error.args = (name + words.with_options_of_b(said.removeprefix(name)),)
        raise


def _table_of_b(where: Path | str, query: str | None, reading: ReadingOptions, said: dict[str, Any]) -> Table:
    """B's table: read as its own options say or, if there are none, as A's do, as far as they concern its kind. Raises
    UsageError."""
    own = {name.removesuffix("_b"): value for name, value in said.items() if value is not None}
    return Table(where, query, ReadingOptions.of(**own) if own else replace(reading, shared=True))
