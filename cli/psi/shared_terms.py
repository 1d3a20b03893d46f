"""`--terms FILE`: what both sides agree on, in one file (`psiselect.matching.shared_terms`)."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from cli._output import say
from psi.agreement.modes import Side
from psiselect.matching.given import GivenOptions
from psiselect.matching.shared_terms import SharedTerms

_PATH = click.Path(path_type=Path, dir_okay=False)
OPTION = click.option(
    "--terms",
    type=_PATH,
    metavar="FILE",
    help="Read the settings that both sides must share from this file, in TOML format (docs/first-match.md). Both "
    "sides use the same file. The file holds the rules, so --key then names only the column. An option that "
    "contradicts the file is an error.",
)
FINISHED = click.option(
    "--terms",
    type=_PATH,
    metavar="FILE",
    help="Compare the offer first with this file, which holds the settings that both sides share. If they differ, the "
    "command stops: it does not read the answer, and keeps the --state file.",
)
_GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP)


def taken(side: Side, values: dict[str, Any]) -> GivenOptions:
    """Take the options of a session out of a command's values, with what `--terms` sets, and say what that is. Raises
    UsageError, InputError."""
    path = values.pop("terms", None)
    given = GivenOptions.take(values)
    if path is None:
        return given
    ctx = click.get_current_context()
    shared = SharedTerms.load(path)
    said = [item.name for item in fields(GivenOptions) if ctx.get_parameter_source(item.name) in _GIVEN]
    given = shared.apply(side, given, said, alone="keys_b" in values)
    if values.get("keys_b"):
        values["keys_b"] = shared.keys(values["keys_b"], "--key-b")
    tell(shared)
    return given


def tell(shared: SharedTerms) -> None:
    """Say what a file asks for."""
    for line in shared.told():
        say(line)
