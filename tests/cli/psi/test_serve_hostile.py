"""A listener that keeps running among clients that mean no good, and its memory over many sessions."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.hostile import Horde
from support.program import Run
from support.psi_processes import run
from support.served import PATIENCE, Served, serving

from psi.identity.identity import Identity

MIB = 1 << 20
HAVE_PROC = Path("/proc/self/statm").exists()


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for a horde's sockets."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1] if before[1] < 1 << 20 else 8192, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def honest(place: Path, served: Served) -> object:
    """What an honest client learns, at its first call: the crowd does not push it out (decision 0305)."""
    found = run(
        *("psi", "connect", served.address, "--identity", place / "globex", "--peer", place / "acme.crt"),
        *("--input", place / "globex.parquet", "--key", "e:email", "--json", "--timeout", "60"),
    )
    assert found.code == 0, found
    return found.json["matches"]


def siege(place: Path, *, each: int, total: int, seconds: float, held: int, pause: float, allowed: int) -> None:
    """Honest sessions before, during and after; then the listener is as it was."""
    options = ("--health", "0", "--json", "--max-sessions", "3", "--timeout", "5")
    with serving(place, *options, peers=("globex", "mallory")) as served:
        assert honest(place, served) == 2
        acme, mallory = Identity.load(place / "acme").public, Identity.load(place / "mallory")
        besiegers = Horde(served.address, acme, mallory, held=held, pause=pause)
        with besiegers.huge_frame():  # later it has to fight the others for mallory's one place
            assert "a message of 4294967295 bytes" in served.wait("session_failed")["reason"]
        with besiegers as horde:
            horde.wait(each)
            assert honest(place, served) == 2
            handles, memory = served.handles(), served.memory()
            began, sessions = time.monotonic(), 0
            while sessions < 2 or time.monotonic() - began < seconds or horde.connections < total:
                assert honest(place, served) == 2
                assert served.health()[0] == 200
                sessions += 1
                assert served.memory() < memory + allowed
            horde.wait(each, total)
            print(
                f"{horde.connections} connections, {sessions} honest sessions in {time.monotonic() - began:.0f} s, "
                f"memory {memory / MIB:.1f} to {served.memory() / MIB:.1f} MiB, files {handles} to {served.handles()}",
                file=sys.stderr,
            )
        assert honest(place, served) == 2
        deadline = time.monotonic() + PATIENCE
        while served.handles() > 40 or served.health()[1]["running"]:
            assert time.monotonic() < deadline, served.handles()
            time.sleep(0.1)
        assert served.memory() < memory + allowed
        assert served.stop() == 0
    shown = served.results()
    assert len(shown) == sessions + 3
    assert {result["peer_size"] for result in shown} == {3}
    failed = served.all("session_failed")
    assert {event["peer"] for event in failed} == {"mallory"}
    assert {event["code"] for event in failed} <= {4, 5}


@pytest.mark.skipif(not HAVE_PROC, reason="memory and handles are read from /proc")
def test_a_siege_does_not_keep_the_honest_out(place: Path, many_files: None) -> None:
    siege(place, each=10, total=150, seconds=0, held=20, pause=0.15, allowed=48 * MIB)


@pytest.mark.soak
def test_a_minutes_siege_of_a_thousand_connections(place: Path, many_files: None) -> None:
    siege(place, each=50, total=1000, seconds=60, held=200, pause=0.03, allowed=48 * MIB)


def sessions_in(program: Run, place: Path, served: Served, count: int) -> None:
    for _ in range(count):
        shown = program(
            *("psi", "connect", served.address, "--identity", place / "globex", "--peer", place / "acme.crt"),
            *("--input", place / "globex.parquet", "--key", "e:email", "--json", "--timeout", "60"),
        )
        assert shown.code == 0, shown.out


def grown(program: Run, place: Path, *, first: int, more: int) -> int:
    """Bytes by which the listener has grown in `more` sessions after `first` ones."""
    with serving(place, "--health", "0", "--json", "--audit", place / "acme.log") as served:
        sessions_in(program, place, served, first)
        memory, handles = served.memory(), served.handles()
        sessions_in(program, place, served, more)
        served.wait("session_done", first + more)  # a client is done a moment before its listener
        assert served.health()[1]["failed"] == 0
        deadline = time.monotonic() + PATIENCE
        while served.handles() > handles + 3:
            assert time.monotonic() < deadline, (handles, served.handles())
            time.sleep(0.1)
        growth = served.memory() - memory
        assert served.stop() == 0
    print(f"{more} sessions: {memory / MIB:.1f} MiB, grown by {growth / 1024:.0f} KiB", file=sys.stderr)
    return growth


@pytest.mark.skipif(not HAVE_PROC, reason="memory and handles are read from /proc")
def test_memory_is_flat_over_sessions(place: Path, program: Run) -> None:
    assert grown(program, place, first=10, more=30) < 4 * MIB


@pytest.mark.soak
def test_memory_is_flat_over_many_sessions(place: Path, program: Run) -> None:
    assert grown(program, place, first=50, more=400) < 4 * MIB
