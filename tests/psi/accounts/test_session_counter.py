"""Runs are counted once, for ever: over processes, kills and a clock that goes back."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from support.contenders import compete
from support.parties import pump, setup

from psi.accounts.policy import Allowance
from psi.accounts.session_counter import SessionCounter
from psi.agreement.modes import Side
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psiselect.base.errors import InputError, PolicyError

PEER, OTHER = b"\x11" * 32, b"\x22" * 32
DAY = 86_400
WEEKLY = Allowance(2, 7 * DAY, "7d")
NOW = 1_800_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def allowed(path: Path, now: int, peer: bytes = PEER, allowance: Allowance = WEEKLY) -> bool:
    """Whether a run may begin; each call opens the file anew, as a restarted program does."""
    try:
        SessionCounter(path).spend(peer, allowance, now)
    except PolicyError:
        return False
    return True


def test_two_a_week_and_no_third(path: Path) -> None:
    assert [allowed(path, NOW), allowed(path, NOW + DAY), allowed(path, NOW + 2 * DAY)] == [True, True, False]
    assert allowed(path, NOW + DAY, peer=OTHER)
    assert [allowed(path, NOW + 7 * DAY - 1), allowed(path, NOW + 7 * DAY)] == [False, True]
    assert [allowed(path, NOW + 8 * DAY - 1), allowed(path, NOW + 8 * DAY)] == [False, True]
    assert SessionCounter(path).count(PEER) == 4
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_refusal_says_when_the_next_may_begin(path: Path) -> None:
    for _ in range(2):
        SessionCounter(path).spend(PEER, WEEKLY, NOW)
    with pytest.raises(
        PolicyError,
        match=r"in 7 days, and 2 have begun already. The next one may begin at 2027-01-22",
    ) as caught:
        SessionCounter(path).spend(PEER, WEEKLY, NOW + 1)
    assert caught.value.term == "runs"


def test_no_run_is_forgotten_because_the_clock_moved_back(path: Path) -> None:
    assert allowed(path, NOW)
    assert allowed(path, NOW - 30 * DAY)  # counts as begun at NOW
    assert not allowed(path, NOW - 30 * DAY)
    assert not allowed(path, NOW + 1)  # the clock is right again
    assert not allowed(path, NOW + 7 * DAY - 1)
    assert allowed(path, NOW + 7 * DAY)


def test_a_refusal_too_shows_the_time_that_has_been(path: Path) -> None:
    """Otherwise a run at a clock set back after it would age too early."""
    day = Allowance(1, DAY, "1d")
    assert allowed(path, NOW, allowance=day)
    assert not allowed(path, NOW + DAY - 1, allowance=day)
    assert allowed(path, NOW - 5 * DAY, peer=OTHER, allowance=day)
    assert not allowed(path, NOW + 2 * DAY - 2, peer=OTHER, allowance=day)


def test_any_order_of_clocks_holds_the_limit(path: Path) -> None:
    """Against a model: by the time that never runs back, no window of a week holds a third run."""
    source = random.Random(7)
    latest, begun = 0, []
    for _ in range(300):
        now = NOW + source.randrange(60 * DAY)
        latest = max(latest, now)
        expected = len([at for at in begun if at > latest - WEEKLY.seconds]) < 2
        assert allowed(path, now) is expected
        if expected:
            begun.append(latest)
    assert len(begun) > 5
    assert all(later - earlier >= WEEKLY.seconds for earlier, later in zip(begun, begun[2:], strict=False))


def test_a_longer_period_finds_old_runs(path: Path) -> None:
    assert allowed(path, NOW)
    assert not allowed(path, NOW + 20 * DAY, allowance=Allowance(1, 28 * DAY, "4w"))


def test_processes_cannot_spend_one_run_twice(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    won, start = context.Value("i", 0), context.Barrier(3)
    racers = [context.Process(target=compete, args=(path, WEEKLY, NOW, won, start)) for _ in range(3)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0, 0, 0]
    assert won.value == 2 * 20


_SPENDER = """
import sys
from pathlib import Path
from psi.accounts.policy import Allowance
from psi.accounts.session_counter import SessionCounter
while True:
    SessionCounter(Path(sys.argv[1])).spend(b"\\x11" * 32, Allowance(1000000, 1, "1h"), 1)
    print("counted", flush=True)
"""


def test_a_killed_process_has_used_its_runs_up(path: Path) -> None:
    source = random.Random(3)
    said = 0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", _SPENDER, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(source.randint(1, 10)):
            assert process.stdout.readline() == "counted\n"
            said += 1
        os.kill(process.pid, signal.SIGKILL)
        said += len(process.communicate()[0].splitlines())
    assert said <= SessionCounter(path).count(PEER) <= said + 4


def test_the_run_is_counted_before_the_first_element_leaves(path: Path) -> None:
    """On both sides, whoever learns."""
    counters = {side: SessionCounter(path.with_name(side.value)) for side in Side}
    parties = {
        side: Party(setup(side, [b"a", b"b"], admit=lambda side=side: counters[side].spend(PEER, WEEKLY, NOW)))
        for side in Side
    }
    counted: list[int] = []
    data = {M.ELEMENTS, M.REPLIES, M.TAGS}
    pump(parties, lambda side, frame: counted.append(counters[side].count(PEER)) if frame.type in data else None)
    assert set(counted) == {1}


def test_other_files_are_refused_and_left(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"not a database, and longer than the header of one: " + b"x" * 100)
    before = path.read_bytes()
    with pytest.raises(InputError, match="cannot use this file"):
        SessionCounter(path)
    assert path.read_bytes() == before
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    connection.close()
    with pytest.raises(InputError, match="is not a file in which"):
        SessionCounter(other)
    with pytest.raises(InputError, match="'state'"):
        SessionCounter(tmp_path / "missing" / "runs")


def test_a_damaged_counter_allows_nothing(path: Path) -> None:
    assert allowed(path, NOW)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM clock")
    connection.close()
    with pytest.raises(InputError, match="the policy allows no session"):
        SessionCounter(path).spend(PEER, WEEKLY, NOW)
