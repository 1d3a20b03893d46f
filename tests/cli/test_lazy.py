"""Groups whose commands are loaded when they are asked for."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

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


def test_two_threads_may_ask_for_one_command(group: LazyGroup, tmp_path: Path) -> None:
    """The second one waits until the module is whole."""
    begun, go_on = threading.Event(), threading.Event()
    sys.modules["a_lazy_gate"] = SimpleNamespace(begun=begun, go_on=go_on)  # type: ignore[assignment]
    (tmp_path / "a_lazy_command.py").write_text(
        f"import a_lazy_gate\na_lazy_gate.begun.set()\na_lazy_gate.go_on.wait(60)\n{MODULE}"
    )
    try:
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(group.get_command, click.Context(group), "run")
            assert begun.wait(60)
            second = pool.submit(group.get_command, click.Context(group), "run")
            with pytest.raises(TimeoutError):
                second.result(0.1)
            go_on.set()
            assert first.result(60) is second.result(60) is sys.modules["a_lazy_command"].command
    finally:
        go_on.set()
        del sys.modules["a_lazy_gate"]


def test_a_command_that_is_loaded_freezes_nothing(group: LazyGroup) -> None:
    group.get_command(click.Context(group), "run")
    gc.unfreeze()
    assert group.get_command(click.Context(group), "run") is not None
    assert gc.get_freeze_count() == 0
    assert group.get_command(click.Context(group), "nonsense") is None
