"""A counter that has seen a wrong clock: what it says, and what mending changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from psi.accounts.policy import Allowance
from psi.accounts.session_counter import SessionCounter
from psiselect.base.errors import PolicyError

PEER, NOW, DAY = bytes(32), 1_800_000_000, 86_400
ONCE, TWICE = Allowance(1, 7 * DAY, "7d"), Allowance(2, 7 * DAY, "7d")


def test_a_mended_counter_forgets_no_session(tmp_path: Path) -> None:
    counter = SessionCounter(tmp_path / "runs")
    counter.spend(PEER, TWICE, NOW - DAY)
    counter.spend(PEER, TWICE, NOW + 360 * DAY)
    assert (counter.clock(), counter.later_than(NOW)) == (NOW + 360 * DAY, 1)
    with pytest.raises(
        PolicyError,
        match=r"which is later than now. If the clock was wrong at that session, `psiselect psi runs show` shows how",
    ):
        counter.spend(PEER, ONCE, NOW)
    counter.mend(NOW)
    assert (counter.clock(), counter.later_than(NOW), counter.count(PEER)) == (NOW, 0, 2)
    with pytest.raises(PolicyError, match="2 have begun") as refused:
        counter.spend(PEER, TWICE, NOW + 1)
    assert "runs show" not in str(refused.value)
    assert counter.next(PEER, TWICE, NOW) == NOW + 6 * DAY  # the first of the two is a day old
    counter.spend(PEER, TWICE, NOW + 6 * DAY)


def test_mending_turns_no_clock_forward(tmp_path: Path) -> None:
    counter = SessionCounter(tmp_path / "runs")
    counter.spend(PEER, ONCE, NOW)
    counter.mend(NOW + DAY)
    assert (counter.clock(), counter.later_than(NOW - 1)) == (NOW, 1)


def test_when_the_next_may_begin(tmp_path: Path) -> None:
    counter = SessionCounter(tmp_path / "runs")
    assert counter.next(PEER, ONCE, NOW) == NOW
    assert counter.next(PEER, Allowance(0, DAY, "1d"), NOW) is None
    counter.spend(PEER, ONCE, NOW)
    assert counter.next(PEER, ONCE, NOW + 1) == NOW + 7 * DAY
    assert counter.next(PEER, ONCE, NOW + 7 * DAY) == NOW + 7 * DAY
