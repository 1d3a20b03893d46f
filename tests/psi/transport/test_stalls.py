"""Peers that stall or drip once they are connected, and listeners that do so to those who call: on the test's clock."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

import pytest
from support import rawtls
from support.clocks import Clock, until
from support.handshakes import Parties, close_both

from psi.transport import listener, queue, tls, tlschannel
from psi.transport.memory import memory_pair
from psi.transport.queue import FrameQueue, ProgressDeadline
from psi.transport.tls import Listener, connect
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import HEADER_BYTES, MAX_FRAME_BYTES, Frame
from psiselect.base.errors import TransportError, UsageError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time that queues, and the connecting end, see."""
    return Clock().install(monkeypatch, queue, tls)


# ---- the deadline


def test_a_wait_ends_when_nothing_moved_for_its_whole_time(clock: Clock) -> None:
    """From the last progress, or from the wait's own beginning when that is later."""
    deadline = ProgressDeadline(30.0)
    began = clock.now
    clock.now += 29.0
    assert deadline.left(began) == 1.0
    assert deadline.left(clock.now) == 30.0
    deadline.progressed()
    assert deadline.left(began) == 30.0
    clock.now += 29.0
    assert deadline.require("the peer", began) == 1.0
    clock.now += 1.0
    with pytest.raises(
        TransportError, match=r"^the session made no progress for 30 s while this program waited for the peer$"
    ):
        deadline.require("the peer", began)


@pytest.mark.parametrize("awaited", ["room", "a frame"])
def test_a_queue_gives_up_at_the_deadline(awaited: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full one and an empty one, with an hour between any two looks at the clock."""
    Clock(step=3600.0).install(monkeypatch, queue)
    full, empty, deadline = FrameQueue(10), FrameQueue(10), ProgressDeadline(30.0)
    full.offer(Frame(1, bytes(10)))
    work = {
        "room": lambda: full.put(Frame(1, b""), deadline, awaited),
        "a frame": lambda: empty.get(deadline, awaited, None),
    }[awaited]
    raised: list[str] = []

    def wait() -> None:
        try:
            work()
        except TransportError as error:
            raised.append(str(error))

    assert not blocked(wait, 10)
    assert raised == [f"the session made no progress for 30 s while this program waited for {awaited}"]


def test_polling_towards_a_peer_that_takes_nothing_ends_at_the_deadline(clock: Clock) -> None:
    """A side that looks for frames while its own cannot leave waits for the peer as well."""
    first, second = memory_pair(fingerprints=(bytes(32), bytes(32)), timeout=30.0, queue_bytes=10)
    first.send(Frame(1, bytes(10)))
    clock.now += 29.0
    assert first.receive(0) is None
    clock.now += 1.0
    with pytest.raises(
        TransportError,
        match="no progress for 30 s while this program waited for the peer to read what this program had sent",
    ):
        first.receive(0)
    with pytest.raises(TransportError):
        first.send(Frame(1, b""))
    assert second.receive(0) == Frame(1, bytes(10))  # what arrived can still be read


def test_polling_an_idle_peer_is_no_stall(clock: Clock) -> None:
    first, _ = memory_pair(fingerprints=(bytes(32), bytes(32)), timeout=30.0, queue_bytes=10)
    clock.now += 1000.0
    assert first.receive(0) is None


@pytest.mark.parametrize("act", ["send", "receive"])
def test_a_frame_in_either_direction_is_progress(act: str, clock: Clock) -> None:
    first, second = memory_pair(fingerprints=(bytes(32), bytes(32)), timeout=30.0)
    second.send(Frame(1, b"x"))
    began = clock.now
    clock.now += 29.0
    if act == "send":
        first.send(Frame(1, b""))
    else:
        assert first.receive(0) == Frame(1, b"x")
    assert first._deadline.left(began) == 30.0


def test_each_byte_that_comes_over_the_link_is_progress(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/threat-model.md says so: a peer that sends a byte now and then keeps its session. Nothing else does."""
    clock = Clock()
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listening:
        sock = rawtls.client(listening.address, parties.acme.public, parties.globex)
        with monkeypatch.context() as patch, sock:
            channel = listening.accept()
            clock.install(patch, queue)
            channel._deadline.progressed()
            for byte in b"\0\0\0\x02\x07":
                clock.now += 29.0
                assert channel._deadline.left(0) == 1.0
                sock.sendall(bytes((byte,)))
                until(lambda: channel._deadline.left(0) == 30.0)
            assert channel.receive(0) is None
            clock.now += 31.0
            assert channel._deadline.left(0) == -1.0
            sock.close()
            channel.close()


# ---- closing


def blocked(work: Callable[[], object], seconds: float) -> bool:
    """Whether `work`, in a thread, is still running after so long."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return thread.is_alive()


@pytest.mark.parametrize(("timeout", "linger"), [(0.05, 600.0), (600.0, 0.05)])
def test_closing_waits_for_the_peers_end_no_longer_than_either_limit(
    parties: Parties, monkeypatch: pytest.MonkeyPatch, timeout: float, linger: float
) -> None:
    """The peer has taken everything and does not close."""
    monkeypatch.setattr(tlschannel, "_LINGER_SECONDS", linger)
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listening:
        sock = rawtls.client(listening.address, parties.acme.public, parties.globex)
        channel = listening.accept()
        channel._deadline.seconds = timeout
        assert not blocked(channel.close, 10)
        sock.close()


def test_giving_up_waits_two_seconds_for_a_peer_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the deadline of the session is; a shorter one stays."""
    assert queue._FAREWELL_SECONDS == 2.0
    for timeout, left in ((120.0, 2.0), (1.0, 1.0)):
        first, _ = memory_pair(fingerprints=(bytes(32), bytes(32)), timeout=timeout)
        first.abandon(None)
        assert first._deadline.seconds == left


def test_a_peer_that_closes_its_half_of_the_link_is_gone(parties: Parties) -> None:
    """At the level below TLS, without TLS's own end: a cut, which is told at once."""
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=600) as listening:
        sock = rawtls.client(listening.address, parties.acme.public, parties.globex)
        channel = listening.accept()
        with socket.socket(fileno=os.dup(sock.fileno())) as raw:
            raw.shutdown(socket.SHUT_WR)
        with pytest.raises(TransportError, match="the other program dropped the connection"):
            channel.receive()
        with pytest.raises(TransportError, match="the other program dropped the connection"):
            channel.send(Frame(1, b""))
        sock.close()
        channel.close()


# ---- the connecting end


class Dripping:
    """A listener that sends a byte of a handshake that never ends for each one it can; then it hangs up."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._server.getsockname())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        sock, _ = self._server.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for byte in b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03" + bytes(self._most):
                sock.sendall(bytes((byte,)))
                time.sleep(0.001)
        except OSError:
            pass
        sock.close()

    def close(self) -> None:
        self._thread.join(20)
        self._server.close()


def test_a_listener_that_drips_its_handshake_gains_no_time(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline is that of the whole call, however many bytes come; hanging up would be told in other words."""
    Clock(step=1.0).install(monkeypatch, tls)
    dripping = Dripping(2000)
    with pytest.raises(TransportError, match="the other program did not answer in time"):
        connect(dripping.address, parties.globex, [parties.acme.public], timeout=30)
    dripping.close()


def test_a_call_is_tried_again_until_its_time_is_over(parties: Parties, clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    began = clock.now
    with pytest.raises(TransportError, match=rf"no program was listening at 127.0.0.1:{port} within 30 s"):
        connect(f"127.0.0.1:{port}", parties.globex, [parties.acme.public], timeout=30)
    assert 29.5 <= clock.now - began <= 30.0


# ---- boundaries


def test_a_frame_of_exactly_the_cap_goes_out_and_one_byte_more_does_not() -> None:
    first, second = memory_pair(fingerprints=(bytes(32), bytes(32)))
    first.send(Frame(1, bytes(MAX_FRAME_BYTES - HEADER_BYTES)))
    frame = second.receive(0)
    assert frame is not None
    assert len(frame) == MAX_FRAME_BYTES
    with pytest.raises(UsageError, match=f"{MAX_FRAME_BYTES + 1} bytes; at most {MAX_FRAME_BYTES}"):
        first.send(Frame(1, bytes(MAX_FRAME_BYTES - HEADER_BYTES + 1)))


def test_a_queue_is_full_at_its_limit_and_not_below() -> None:
    cost = HEADER_BYTES + queue._FRAME_OVERHEAD
    for limit, full in ((cost + 10, True), (cost + 11, False)):
        filled = FrameQueue(limit)
        filled.offer(Frame(1, bytes(10)))
        assert filled.full is full
        assert filled.take() == Frame(1, bytes(10))
        assert filled._bytes == 0
        assert not filled.full


def test_the_decoder_takes_a_frame_of_one_byte_and_of_the_cap(parties: Parties) -> None:
    """Over the link: the smallest and the largest frame, and none beyond."""
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listening:
        sock = rawtls.client(listening.address, parties.acme.public, parties.globex)
        with listening.accept() as channel:
            assert isinstance(channel, TlsChannel)
            sock.sendall(b"\0\0\0\x01\x07" + (MAX_FRAME_BYTES - 4).to_bytes(4, "big") + b"\x08")
            assert channel.receive() == Frame(7, b"")
            sock.sendall(bytes(MAX_FRAME_BYTES - HEADER_BYTES))
            assert channel.receive() == Frame(8, bytes(MAX_FRAME_BYTES - HEADER_BYTES))
            sock.close()


@pytest.mark.parametrize(("stall", "seconds"), [(None, 30.0), (7.0, 7.0)])
def test_a_channels_own_deadline_is_the_one_that_was_asked_for(
    parties: Parties, stall: float | None, seconds: float
) -> None:
    with (
        Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=20) as listening,
        connect(listening.address, parties.globex, [parties.acme.public], timeout=30, stall=stall) as there,
        listening.accept() as here,
    ):
        assert there._deadline.seconds == seconds
        assert here._deadline.seconds == 20.0
        close_both(here, there)


def test_sixty_four_peers_wait_to_be_accepted_and_no_more() -> None:
    """Without slots of a server's, who may come in is bounded by who has not been accepted yet."""
    ready: deque[object] = deque()
    slots = listener._OpenSlots(ready)  # type: ignore[arg-type]
    for count in range(66):
        assert slots.enter(bytes(32)) is (count < 64)
        ready.append(None)
