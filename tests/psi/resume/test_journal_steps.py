"""A journal whose disk fails, and what a side says over a link: nothing that is not on disk."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from support.disk import Disk
from support.resuming import Switchboard, play, right, two_players

from psi.agreement.modes import Side
from psi.protocol.messages import MessageType as M
from psi.resume import folder, session
from psi.resume.greeting import Resume
from psi.resume.journal import EntryKind, Journal, Mark
from psi.transport.channel import Channel
from psi.transport.wire import MAX_FRAME_BYTES, Frame
from psiselect.base.errors import InputError

KEY = bytes(range(32))
LINKS = (M.RESUME, M.BYE, M.ALIVE, M.ABORT)


def test_the_largest_frame_is_kept(tmp_path: Path) -> None:
    frame = Frame(3, bytes(MAX_FRAME_BYTES - 5))
    for number in range(2):
        journal = Journal(tmp_path / "journal", KEY)
        journal.peer(frame)
        journal.own(frame)
        journal.sync()
        assert journal.own_frame(number).view() == frame.view()
        journal.close()
    again = Journal(tmp_path / "journal", KEY)
    assert [kind for kind, found in again.frames() if found.view() == frame.view()] == [
        *(EntryKind.PEER, EntryKind.OWN, EntryKind.PEER, EntryKind.OWN)
    ]
    again.close()


def test_a_torn_record_is_off_the_disk_before_anything_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "journal", KEY)
    journal.peer(Frame(1, b"whole"))
    journal.peer(Frame(1, b"torn"))
    journal.close()
    os.truncate(tmp_path / "journal", (tmp_path / "journal").stat().st_size - 1)
    with monkeypatch.context() as patch:
        disk = Disk(patch, tmp_path)
        journal = Journal(tmp_path / "journal", KEY)
    assert disk.events == ["cut journal", "sync journal", "sync ."]
    assert journal.peer_count == 1
    journal.close()


def test_what_could_not_be_synced_is_synced_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a mark that is not on disk is not set."""

    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    journal = Journal(tmp_path / "journal", KEY)
    journal.own(Frame(1, b"x"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        for step in (journal.sync, journal.sync, lambda: journal.mark(Mark.REPORTED)):
            with pytest.raises(InputError, match="Input/output error"):
                step()
    assert journal.marks == set()
    with monkeypatch.context() as patch:
        disk = Disk(patch, tmp_path)
        journal.sync()
        journal.sync()
    assert disk.events == ["sync journal"]
    journal.close()


def test_a_full_disk_counts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "journal", KEY)
    journal.own(Frame(1, b"x"))
    write = os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda handle, data, at: write(handle, data[:9], at))
        for step in (lambda: journal.own(Frame(1, b"y")), lambda: journal.peer(Frame(1, b"y"))):
            with pytest.raises(InputError, match="the disk is full"):
                step()
    assert (journal.own_count, journal.peer_count, journal.peer_types) == (1, 0, set())
    journal.close()
    again = Journal(tmp_path / "journal", KEY)
    assert (again.own_count, again.peer_count) == (1, 0)
    again.close()


class Durable(Journal):
    """Knows, for each folder, how many of the peer's messages are on disk."""

    on_disk: dict[str, int]

    def sync(self) -> None:
        super().sync()
        self.on_disk[self.path.parent.parent.name] = self.peer_count


class Asked(Switchboard):
    """Holds what RESUME and BYE say against what is on disk, and cuts each link after some frames."""

    def __init__(self, on_disk: dict[str, int]) -> None:
        super().__init__(self._cut)
        self.said: list[int] = []
        self._on_disk = on_disk
        self._passed = 0
        self._lock = threading.Lock()

    def open(self, side: Side, wait: float) -> Channel:
        channel = super().open(side, wait)
        put, received = channel.send, channel.receive
        arrived = 0

        def receive(wait: float | None = None) -> Frame | None:
            nonlocal arrived
            frame = received(wait)
            arrived += frame is not None and frame.type not in LINKS
            return frame

        def send(frame: Frame) -> None:
            if frame.type == M.RESUME:
                said = Resume.decode(frame.payload).received
                assert said <= self._on_disk[side.value]
                self.said.append(said)
            if frame.type == M.BYE:
                assert self._on_disk[side.value] >= arrived
            put(frame)

        channel.send, channel.receive = send, receive  # type: ignore[method-assign]
        return channel

    def _cut(self, frame: Frame) -> bool:
        if frame.type in LINKS:
            return False
        with self._lock:
            self._passed += 1
            return self._passed <= 40 and self._passed % 8 == 0


def test_resume_and_bye_say_what_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_disk = {side.value: 0 for side in Side}
    monkeypatch.setattr(Durable, "on_disk", on_disk, raising=False)
    monkeypatch.setattr(folder, "Journal", Durable)
    monkeypatch.setattr(session, "_RETRY_SECONDS", 0.01)
    board = Asked(on_disk)
    lists = [b"%d" % i for i in range(60)], [b"%d" % i for i in range(40, 100)]
    players = two_players(tmp_path, board, *lists)
    assert all(right(outcome, side) for side, outcome in play(players).items())
    assert max(board.said) > 2
