"""`--policy`: what this side allows."""

from __future__ import annotations

from pathlib import Path

import click

OPTION = click.option(
    "--policy",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What I allow, in TOML: peers, modes, columns, sizes, sessions in a period. Refuses the rest with exit 6.",
)
