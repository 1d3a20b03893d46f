"""Room for results and audit lines, on a clock that the test moves."""

from __future__ import annotations

import logging

import pytest
from support.clocks import Clock

from psi.serve.room import Room
from psiselect.base.errors import OutputError


class Disk:
    """full: what asking for room raises."""

    def __init__(self) -> None:
        self.full: Exception | None = None
        self.asked = 0

    def take(self) -> None:
        self.asked += 1
        if self.full is not None:
            raise self.full


def test_a_full_disk_shows_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    """Without any session; and each change is said once."""
    disk = Disk()
    room = Room(disk.take)
    assert room.there
    caplog.set_level(logging.INFO)
    for full in (True, True, False, False, True):
        disk.full = OutputError("the disk is full") if full else None
        room.look()
        assert room.there == (not full)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO", "ERROR"]
    assert "the disk is full" in caplog.records[0].message


def test_a_session_is_refused_without_room_and_notes_it() -> None:
    disk = Disk()
    room = Room(disk.take)
    disk.full = OutputError("the disk is full")
    with pytest.raises(OutputError, match="the disk is full"):
        room.take()
    assert not room.there
    disk.full = None
    room.take()
    assert room.there


def test_room_is_looked_for_every_five_seconds() -> None:
    clock = Clock()
    room = Room(Disk().take, clock.monotonic)
    assert not room.due()
    clock.now += 4.9
    assert not room.due()
    clock.now += 0.1
    assert room.due()
    assert not room.due()
    clock.now += 5
    assert room.due()


def test_a_bug_does_not_end_the_looking(caplog: pytest.LogCaptureFixture) -> None:
    disk = Disk()
    disk.full = ZeroDivisionError()
    Room(disk.take).look()
    assert disk.asked == 1
    assert "a bug in this program stopped" in caplog.text
