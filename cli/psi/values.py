"""`--value`, `--value-decimals`, `--value-max`: the column whose values add up in `sum`."""

from __future__ import annotations

import click

from psi.agreement.amounts import MAX_DECIMALS
from psiselect.matching.values import DEFAULT_DECIMALS, DEFAULT_LARGEST

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
