"""`--audit`, `--record`: what a session leaves for those who have to account for it."""

from __future__ import annotations

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)

OPTIONS = (
    click.option(
        "--audit",
        type=_PATH,
        metavar="FILE",
        help="Add one line about this session to this file, a list of all your sessions.",
    ),
    click.option(
        "--record",
        type=_PATH,
        metavar="FILE",
        help="Write to this file what both sides agreed on, signed by both (JSON).",
    ),
)
