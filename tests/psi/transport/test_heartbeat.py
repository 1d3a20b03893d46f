"""A loop that stands still shows, whatever holds it up, and one that only waits for callers does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from support.clocks import until
from support.handshakes import Parties

from psi.serve.serving import ServeLimits, Server, SessionSlots
from psi.transport.heartbeat import BEAT_SECONDS, Heartbeat
from psi.transport.listener import Listener
from psi.transport.tls import connect
from psiselect.base.errors import UsageError


class Hands:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_ten_seconds_without_a_beat_are_too_many() -> None:
    clock = Hands()
    heart = Heartbeat(clock=clock)
    clock.now += 10
    assert heart.turning()
    clock.now += 0.1
    assert not heart.turning()
    heart.beat()
    assert heart.turning()
    assert BEAT_SECONDS < 10 / 2


class Held:
    """Slots where the listener's thread gets stuck: what logging to a full pipe once did."""

    def __init__(self) -> None:
        self.inside = threading.Event()
        self.goes_on = threading.Event()

    def enter(self, peer: bytes) -> bool:
        self.inside.set()
        assert self.goes_on.wait(60)
        return True

    def leave(self, peer: bytes) -> None:
        pass


def test_a_listener_whose_thread_is_held_up_does_not_turn(parties: Parties) -> None:
    clock, slots = Hands(), Held()
    options = {"timeout": 30.0, "slots": slots}
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], **options) as listener:  # type: ignore[arg-type]
        listener._reception.heart = Heartbeat(clock=clock)
        with connect(listener.address, parties.globex, [parties.acme.public], timeout=30):
            assert slots.inside.wait(60)
            clock.now += 11
            assert not listener.turning()
            assert listener.alive
            slots.goes_on.set()
            until(listener.turning)
            listener.accept().close()


def test_a_listener_beats_while_nobody_calls(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psi.transport.reception.BEAT_SECONDS", 0.01)
    clock = Hands()
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listener:
        listener._reception.heart = Heartbeat(clock=clock)
        for _ in range(3):
            clock.now += 11
            until(listener.turning)


class Door:
    """A listener that hands out nobody; the test says where its caller gets stuck."""

    alive = True

    def __init__(self) -> None:
        self.stuck = threading.Event()
        self.goes_on = threading.Event()
        self.itself = True

    def turning(self) -> bool:
        return self.itself

    def ready(self, wait: float) -> bool:
        assert wait <= BEAT_SECONDS
        return self.stuck.wait(0.001)

    def accept(self, wait: float | None = None) -> None:
        assert self.goes_on.wait(60)
        raise UsageError("closed")

    def reconsider(self) -> None:
        pass

    def close(self) -> None:
        self.stuck.set()
        self.goes_on.set()


@pytest.fixture
def door() -> Iterator[Door]:
    found = Door()
    yield found
    found.close()


def test_a_server_turns_while_its_listener_and_its_own_loop_do(door: Door) -> None:
    clock, limits = Hands(), ServeLimits(1, 1, 10)
    server = Server(door, SessionSlots(limits), limits, lambda _: True, heart=Heartbeat(clock=clock))  # type: ignore[arg-type]
    server.start()
    clock.now += 11
    until(server.turning)
    door.itself = False
    assert not server.turning()
    door.itself = True
    door.stuck.set()
    held = threading.Event()
    while not held.wait(0.001):  # until it is in `accept`, where it stays
        clock.now += 11
        if not held.wait(0.02) and not server.turning():
            break
    assert server.alive
    assert not server.turning()
