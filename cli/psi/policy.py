"""`--policy`: what this side allows."""

from __future__ import annotations

from pathlib import Path

import click

OPTION = click.option(
    "--policy",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Allow only what this TOML file allows: peers, modes, columns, sizes, sessions in a period. The rest is "
    "refused with exit 6.",
)
