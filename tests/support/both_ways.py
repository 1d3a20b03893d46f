"""The command in this process, and a table in every form in which a program may hold it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
from click.testing import CliRunner
from pyarrow import csv

from cli.main import root

# So large that the noise is 0 but for probability e^-1000, and that every draw is the best.
LOUD = "10000000000"


def printed(*words: object) -> tuple[dict[str, Any], str]:
    """What a command prints with --json, and what it says on stderr. Raises what the command raises."""
    done = CliRunner().invoke(root, [*map(str, words), "--json"], catch_exceptions=False, standalone_mode=False)
    record: dict[str, Any] = json.loads(done.stdout)
    return record, done.stderr


def said(*words: object) -> list[str]:
    """The lines that a command says on stderr, without --json."""
    done = CliRunner().invoke(root, [*map(str, words)], catch_exceptions=False, standalone_mode=False)
    return done.stderr.splitlines()


def _batches(path: Path) -> Any:
    return iter(csv.read_csv(path).to_batches())


HELD: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "text": str,
    "pandas": pandas.read_csv,
    "polars": polars.read_csv,
    "duckdb": lambda path: duckdb.read_csv(str(path)),
    "pyarrow": csv.read_csv,
    "batches": _batches,
}
