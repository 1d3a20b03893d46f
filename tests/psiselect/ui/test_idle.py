"""The page ends after idle time, which does not run while something works."""

from __future__ import annotations

from psiselect.ui.idle import Idle


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
