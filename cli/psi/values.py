"""`--value`, `--value-decimals`, `--value-max`: the column whose values add up in `sum`."""

from __future__ import annotations

import click

from psi.agreement.amounts import MAX_DECIMALS
from psiselect.matching.values import DEFAULT_DECIMALS, DEFAULT_LARGEST

COLUMN = click.option(
    "--value",
    metavar="COLUMN",
    help="sum: add up the values of this column, such as 12.30 or -5; blank counts as 0. Only a side that does not get "
    "the result gives it; with --learn both, each side does.",
)
TERMS = (
    click.option(
        "--value-decimals",
        type=click.IntRange(0, MAX_DECIMALS),
        metavar="N",
        help=f"sum: decimal places of the values. Both sides must use the same value [default: {DEFAULT_DECIMALS}].",
    ),
    click.option(
        "--value-max",
        metavar="M",
        help="sum: the most that the values of one key may add up to, with either sign. Both sides must use the same "
        f"value [default: {DEFAULT_LARGEST}].",
    ),
)
