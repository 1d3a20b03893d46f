"""Groups whose commands are loaded when they are asked for."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli._lazy import LazyGroup

MODULE = """
import gc
import click

collected = gc.isenabled()

@click.command("run")
def command():
    pass
"""


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LazyGroup]:
    """With one command, in a module of its own. What the test freezes is collected again afterwards."""
    (tmp_path / "a_lazy_command.py").write_text(MODULE)
    (tmp_path / "a_broken_command.py").write_text("raise OSError('not to be loaded')")
    monkeypatch.syspath_prepend(tmp_path)
    yield LazyGroup(
        "group", lazy={"run": ("a_lazy_command:command", "Run."), "broken": ("a_broken_command:command", "Break.")}
    )
    sys.modules.pop("a_lazy_command", None)
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize("enabled", [True, False])
def test_no_cycles_are_searched_while_a_command_is_loaded(group: LazyGroup, enabled: bool) -> None:
    if not enabled:
        gc.disable()
    command = group.get_command(click.Context(group), "run")
    assert command is sys.modules["a_lazy_command"].command
    assert sys.modules["a_lazy_command"].collected is False
    assert gc.isenabled() is enabled
    assert gc.get_freeze_count() > 0


def test_searches_go_on_after_a_command_that_does_not_load(group: LazyGroup) -> None:
    with pytest.raises(OSError, match="not to be loaded"):
        group.get_command(click.Context(group), "broken")
    assert gc.isenabled()


def test_a_command_that_is_loaded_freezes_nothing(group: LazyGroup) -> None:
    group.get_command(click.Context(group), "run")
    gc.unfreeze()
    assert group.get_command(click.Context(group), "run") is not None
    assert gc.get_freeze_count() == 0
    assert group.get_command(click.Context(group), "nonsense") is None
