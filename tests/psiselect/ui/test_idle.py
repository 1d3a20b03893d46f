"""The page ends after idle time, which does not run while something works."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import uvicorn
from support.paged import Page

from psiselect.ui.folder import Folder
from psiselect.ui.idle import Idle
from psiselect.ui.server import serve


def test_idle_time_runs_from_the_end_of_the_last_work() -> None:
    now = [100.0]
    idle = Idle(60.0, lambda: now[0])
    now[0] = 159.9
    assert not idle.over()
    now[0] = 160.0
    assert idle.over()
    with idle.working():
        now[0] = 10_000.0
        assert not idle.over()
        with idle.working():
            pass
        assert not idle.over()
    assert not idle.over()
    now[0] = 10_060.0
    assert idle.over()


def test_each_request_begins_idle_time_anew(tmp_path: Path) -> None:
    now = [0.0]
    page = Page(tmp_path, Idle(60.0, lambda: now[0]))
    now[0] = 59.0
    page.enter()
    now[0] = 118.0
    assert not page.idle.over()
    page.get()
    now[0] = 177.0
    assert not page.idle.over()
    now[0] = 178.0
    assert page.idle.over()


def test_the_server_ends_when_idle_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at its first tick, and without idle time nothing else would end it before the twentieth."""
    ticks: list[int] = []

    async def tick(server: uvicorn.Server, counter: int) -> bool:
        ticks.append(counter)
        return counter >= 20

    monkeypatch.setattr(uvicorn.Server, "on_tick", tick)
    keys: list[Path] = []
    said: list[bool] = []

    def opened(key: Path, port: int) -> None:
        keys.append(key)
        # What they say of an error may quote what a request holds.
        said.extend(logging.getLogger(name).isEnabledFor(logging.CRITICAL) for name in ("uvicorn.error", "uvicorn"))

    try:
        assert serve(0, Folder(tmp_path / "ui"), 0.0, opened)
    finally:
        for name in ("uvicorn", "python_multipart"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert ticks == [0]
    assert said == [False, False]
    assert [key.exists() for key in keys] == [False]
