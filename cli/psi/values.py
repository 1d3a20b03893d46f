"""`--value`, `--value-decimals`, `--value-max`: the column whose values add up in `sum`."""

from __future__ import annotations

import click

from cli._numbers import WholeNumber
from psi.agreement.amounts import MAX_DECIMALS
from psiselect.matching.values import DEFAULT_DECIMALS, DEFAULT_LARGEST

COLUMN = click.option(
    "--value",
    metavar="COLUMN",
    help="With --reveal sum: add up this column of the matching rows. Its values look like 12.30 or -5, and an empty "
    "cell counts as 0. Only the side that does not get the result uses this option. With --learn both, both sides "
    "use it.",
)
TERMS = (
    click.option(
        "--value-decimals",
        type=WholeNumber(0, MAX_DECIMALS),
        metavar="N",
        help="With --reveal sum: use N decimal places for the values. Both sides must use the same value [default: "
        f"{DEFAULT_DECIMALS}].",
    ),
    click.option(
        "--value-max",
        metavar="M",
        help="With --reveal sum: set a limit. If a key is in several rows, the program first adds up their values. "
        f"This sum must lie between -M and M. Both sides must use the same value [default: {DEFAULT_LARGEST}].",
    ),
)
