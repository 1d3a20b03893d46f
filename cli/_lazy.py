"""Groups of commands whose modules are loaded when a command is asked for, so that their `--help` stays quick."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import click


def _load(place: str) -> ModuleType:
    """A module, loaded whole: another thread may be loading it now.

    Meanwhile Python does not search for unreachable cycles: it would look through all objects again and again. Later
    searches leave out what is there now, nearly all of which stays to the end.
    """
    if place in sys.modules:
        return importlib.import_module(place)
    before = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(place)
    finally:
        gc.freeze()
        if before:
            gc.enable()


class LazyGroup(click.Group):
    """A group that knows its commands by name.

    lazy: for each command where it is, as `module:name`, and its line in the overview, which has the order of `lazy`.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command. None where the group has none of this name."""
        if cmd_name not in self.lazy:
            return None
        module, _, name = self.lazy[cmd_name][0].partition(":")
        found: click.Command = getattr(_load(module), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview without loading a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.lazy.items()])
