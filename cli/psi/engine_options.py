"""`--engine` and what goes with it: an exchange by directories that Spark or Sail carries out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cli._options import choice, options
from cli._table import PlaceName
from psi.distributed.engines import EngineKind

Command = TypeVar("Command", bound=Callable[..., Any])

ENGINE_OPTIONS = options(
    click.option(
        "--engine",
        type=choice(EngineKind),
        help="Let Spark or Sail do the work, by directories of Parquet files. --input is then any path or address that "
        "the engine reads, or table:NAME (docs/spark.md).",
    ),
    click.option(
        "--master",
        metavar="URL",
        help="Start Spark with this master, such as yarn or local[4] [default: local[*], all cores of this machine].",
    ),
    click.option(
        "--remote",
        metavar="sc://HOST:PORT",
        help="Use this server of Spark Connect. It can be Spark's or Sail's.",
    ),
    click.option(
        "--accept-plain-shuffle",
        is_flag=True,
        help="Sail: accept that it writes keys to local disks in plain, and that other users of its machine can reach "
        "its port.",
    ),
    click.option(
        "--engine-workdir",
        type=PlaceName(as_text=True),
        metavar="PLACE",
        help="Keep the engine's working files, which hold your keys, at this folder or address. Needed if the engine "
        "works on other machines; all of them must read and write it.",
    ),
    click.option(
        "--task-key",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Take the engine's secret key from this file, at this path on each of its machines. Needed if it works "
        "on other machines. Make the content with `openssl rand -hex 32`.",
    ),
)
