"""Sessions that have had their time are broken off, to the moment, on a clock that the test moves; others go on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pytest
from support.clocks import Clock, until

from psi.protocol.messages import BUSY
from psi.serve import serving
from psi.serve.serving import Counts, ServedSession, ServeLimits, Server, SessionSlots
from psi.transport.wire import Frame
from psiselect.base.errors import UsageError

LIMITS = ServeLimits(total=3, each=3, proof_seconds=10, session_seconds=100, pause_seconds=600)


class Channel:
    """A peer that is there until it is broken off."""

    def __init__(self) -> None:
        self.peer_fingerprint = bytes(32)
        self.why: list[str] = []
        self.last: Frame | None = None
        self.over = threading.Event()

    def break_off(self, why: str, last: Frame | None = None) -> None:
        self.why.append(why)
        self.last = last
        self.over.set()


class CallingListener:
    """A listener that hands out channels as the test calls."""

    def __init__(self, slots: SessionSlots) -> None:
        self.alive = True
        self._slots = slots
        self._coming: queue.SimpleQueue[Channel | None] = queue.SimpleQueue()
        self.reconsidered = 0

    def call(self) -> Channel:
        channel = Channel()
        assert self._slots.enter(channel.peer_fingerprint)
        self._coming.put(channel)
        return channel

    def turning(self) -> bool:
        return True

    def ready(self, wait: float) -> bool:
        return True  # `accept` waits

    def accept(self, wait: float | None = None) -> Channel:
        channel = self._coming.get()
        if channel is None:
            raise UsageError("closed")
        return channel

    def reconsider(self) -> None:
        self.reconsidered += 1

    def close(self) -> None:
        self.alive = False
        self._coming.put(None)


class Host:
    """A server whose sessions last until their channel is broken off; the test moves each of them on."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.well = False
        self.slots = SessionSlots(LIMITS)
        self.listener = CallingListener(self.slots)
        self.sessions: dict[int, ServedSession] = {}
        self.server = Server(self.listener, self.slots, LIMITS, self._run, busy_frame=BUSY)
        self.server.start()

    def _run(self, served: ServedSession) -> bool:
        self.sessions[id(served.channel)] = served
        assert isinstance(served.channel, Channel)
        served.channel.over.wait(60)
        return self.well

    def come(self) -> tuple[Channel, ServedSession]:
        channel = self.listener.call()
        until(lambda: id(channel) in self.sessions)
        return channel, self.sessions[id(channel)]

    def after(self, seconds: float) -> None:
        self.clock.now += seconds
        self.server.expel_overdue()


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    found = Host(Clock().install(monkeypatch, serving))
    yield found
    found.server.stop_accepting()
    found.server.break_off("the test is over")
    assert found.slots.wait_empty(30)


def test_a_peer_that_does_not_prove_itself_in_time_is_broken_off_alone(host: Host) -> None:
    """The clock runs from when this side is ready: preparing is no fault of the peer's."""
    silent, session = host.come()
    preparing, _ = host.come()
    proven, other = host.come()
    host.after(1000.0)
    assert not silent.why
    session.begin()
    other.begin()
    other.prove()
    host.after(10.0)
    assert not silent.why
    host.after(0.01)
    assert silent.why == ["the peer did not begin the session within 10 s"]
    assert not preparing.why
    assert not proven.why


def test_a_session_has_its_longest_time_whatever_moves(host: Host) -> None:
    channel, session = host.come()
    session.begin()
    session.prove()
    host.after(100.0)
    assert not channel.why
    host.after(0.01)
    assert channel.why == ["the session took longer than 1 min 40 s, the longest time that a session may take here"]


def test_a_failed_session_is_counted_at_once_and_its_slot_is_free_after_the_pause(host: Host) -> None:
    """While it lasts nobody comes in its place; a listener that stops does not wait for it."""
    channel, _ = host.come()
    assert host.slots.counts == Counts(running=1, done=0, failed=0)
    channel.break_off("gone")
    until(lambda: host.slots.counts == Counts(running=0, done=0, failed=1))
    assert host.listener.reconsidered == 0
    assert not host.slots.wait_empty(0)
    host.server.stop_accepting()
    assert host.slots.wait_empty(30)
    until(lambda: host.listener.reconsidered == 1)


@pytest.mark.parametrize("well", [True, False], ids=["written", "not written"])
def test_a_session_that_is_over_is_done_and_its_slot_free_before_its_result_is_written(host: Host, well: bool) -> None:
    channel, session = host.come()
    host.well = well
    session.begin()
    session.end()
    assert host.slots.counts == Counts(running=0, done=1, failed=0)
    assert host.listener.reconsidered == 1
    host.after(1000.0)
    assert not channel.why  # nobody is there any more
    assert not host.slots.wait_empty(0)  # a listener that stops waits for the result
    assert host.slots.unwritten == 1
    channel.over.set()
    assert host.slots.wait_empty(30)
    until(lambda: host.listener.reconsidered == 2)
    assert host.slots.counts == Counts(running=0, done=1, failed=0)


def test_all_who_are_overdue_go_at_once(host: Host) -> None:
    channels = []
    for _ in range(3):
        channel, session = host.come()
        session.begin()
        channels.append(channel)
    host.after(10.01)
    assert [len(channel.why) for channel in channels] == [1, 1, 1]


def test_no_thread_to_be_had_is_a_failed_session_with_its_pause(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    channel = host.listener.call()
    until(lambda: host.slots.counts.failed == 1)
    assert channel.why == ["this machine cannot run one more session now"]
    assert channel.last == BUSY
    assert host.server.alive
    assert not host.slots.wait_empty(0)
    assert host.listener.reconsidered == 0
