"""`--value`, `--value-decimals`, `--value-max`: the column whose values add up in `sum`."""

from __future__ import annotations

import click

from psi.agreement.amounts import MAX_DECIMALS
from psiselect.matching.values import DEFAULT_DECIMALS, DEFAULT_LARGEST

COLUMN = click.option(
    "--value",
    metavar="COLUMN",
    help="Add up the values of this column in sum, such as 12.30 or -5; blank counts as 0. Only a side that does not "
    "get the result gives it; with --learn both, each side does.",
)
TERMS = (
    click.option(
        "--value-decimals",
        type=click.IntRange(0, MAX_DECIMALS),
        metavar="N",
        help="Use N decimal places for the values of sum. Both sides must use the same value [default: "
        f"{DEFAULT_DECIMALS}].",
    ),
    click.option(
        "--value-max",
        metavar="M",
        help="Limit the total of one key in sum: it must lie between -M and M. Both sides must use the same "
        f"value [default: {DEFAULT_LARGEST}].",
    ),
)
