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
        help="Let Spark or Sail (the engine) do the work, and exchange directories of Parquet files with the peer. "
        "--input is then any path or address that the engine reads, or table:NAME (docs/spark.md).",
    ),
    click.option(
        "--master",
        metavar="URL",
        help="Say where Spark runs (Spark calls this the master), such as yarn or local[4] [default: local[*], all "
        "cores of this machine].",
    ),
    click.option(
        "--remote",
        metavar="sc://HOST:PORT",
        help="Use the Spark Connect server at this address. Spark and Sail both have such a server.",
    ),
    click.option(
        "--accept-plain-shuffle",
        is_flag=True,
        help="Accept that Sail writes your keys unencrypted to local disks while it rearranges them (the shuffle). "
        "Accept also that other users of the machine where Sail runs can connect to Sail.",
    ),
    click.option(
        "--engine-workdir",
        type=PlaceName(as_text=True),
        metavar="PLACE",
        help="Keep the engine's working files, which hold your keys, in this folder or at this address. Needed if the "
        "engine works on other machines; all of them must be able to read and write there.",
    ),
    click.option(
        "--task-key",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read a secret code for the engine from this file. Needed if the engine works on other machines: each of "
        "them must have the same file at this path. Make the code with `openssl rand -hex 32`.",
    ),
)
