"""`--value`, `--value-decimals`, `--value-max`: the column whose values add up in `sum`."""

from __future__ import annotations

from typing import Any

import click

from psi.amounts import MAX_DECIMALS, Amounts, canonical
from psi.errors import UsageError
from psi.outcomes import Reveal

DEFAULT_DECIMALS = 2
DEFAULT_LARGEST = "1000000000"

COLUMN = click.option(
    "--value",
    metavar="COLUMN",
    help="sum: my column whose values add up, on the side that does not learn (with --learn both on each side): 12.30, "
    "-5; blank counts as nothing.",
)
TERMS = (
    click.option(
        "--value-decimals",
        type=click.IntRange(0, MAX_DECIMALS),
        metavar="N",
        help=f"sum: decimal places that values have; both sides must say the same [default: {DEFAULT_DECIMALS}].",
    ),
    click.option(
        "--value-max",
        metavar="M",
        help="sum: the most that the values of one key may add up to, with either sign; both sides must say the same "
        f"[default: {DEFAULT_LARGEST}].",
    ),
)


def asked(reveal: Reveal, given: dict[str, Any]) -> tuple[int | None, str | None]:
    """Decimal places and largest value of the terms; defaults in `sum` only. Raises UsageError."""
    decimals, largest = given["value_decimals"], given["value_max"]
    largest = None if largest is None else canonical(largest)
    if reveal is not Reveal.SUM:
        return decimals, largest
    return DEFAULT_DECIMALS if decimals is None else decimals, largest or DEFAULT_LARGEST


def check_column(reveal: Reveal, learn: str, column: str | None) -> None:
    """`learn`: me, peer or both. Raises UsageError for a --value that is missing, or that nobody would use."""
    if column is not None and reveal is not Reveal.SUM:
        raise UsageError(f"--value is for --reveal sum, not for {reveal.value}", term="value")
    if reveal is not Reveal.SUM:
        return
    if learn == "me" and column is not None:
        raise UsageError(
            "this side learns, so the other side's values are added up: --value belongs there (or say --learn both)",
            term="value",
        )
    if learn != "me" and column is None:
        raise UsageError("this side's values are to be added up: name the column with --value", term="value")


def text(amounts: Amounts, total: int) -> str:
    """A total for people, with separators: 1,234,567.50."""
    whole, point, places = amounts.text(total).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}{point}{places}"
