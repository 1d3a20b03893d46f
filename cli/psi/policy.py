"""`--policy`: what this side allows."""

from __future__ import annotations

from pathlib import Path

import click

OPTION = click.option(
    "--policy",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Allow only the peers, results (--reveal), columns, list sizes and numbers of sessions that this TOML file "
    "allows (docs/policy.md). The program refuses everything else with exit code 6.",
)
