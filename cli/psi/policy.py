"""`--policy`: what this side allows."""

from __future__ import annotations

from pathlib import Path

import click

OPTION = click.option(
    "--policy",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Allow only what this TOML file allows: which peers, which --reveal, which columns, how long lists, how many "
    "sessions (docs/policy.md). The program refuses everything else with exit code 6.",
)
