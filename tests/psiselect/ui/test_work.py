"""Work in a thread: how far it is, and how it ends."""

from __future__ import annotations

import threading

import pytest

from psiselect.ui.idle import Idle
from psiselect.ui.work import Work


def test_work_says_how_far_it_is() -> None:
    now, go, seen = [0.0], threading.Event(), threading.Event()

    def run(work: Work) -> None:
        work.say("Matching")
        work.progress(25, 100)
        seen.set()
        go.wait()
        work.look()

    work = Work(run, Idle(60, lambda: 0.0), "Reading", lambda: now[0])
    seen.wait()
    now[0] = 10.0
    found = work.seen()
    assert (found.words, found.percent, found.left, found.over) == ("Matching", 25, "about 30 s left", False)
    go.set()
    work.wait()
    assert work.seen().over
    assert work.failed is None


def test_a_bug_in_work_shows_and_logs_nothing_of_a_file(caplog: pytest.LogCaptureFixture) -> None:
    def run(work: Work) -> None:
        raise ValueError("secret-cell")

    work = Work(run, Idle(60, lambda: 0.0), "Reading")
    work.wait()
    assert isinstance(work.failed, ValueError)
    assert "secret" not in caplog.text
    assert "ValueError" in caplog.text
