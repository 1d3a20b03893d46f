"""Callers that drip, stall or hang up half-way, at the listening end: each deadline to the moment, on a clock that the
test moves. No test here waits for time to pass."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest
from support import rawtls
from support.clocks import Clock, until
from support.handshakes import Parties

from psi.identity.identity import PeerIdentity
from psi.transport import reception
from psi.transport.credentials import Credentials
from psi.transport.reception import Admitted, Reception
from psi.transport.stream import TlsStream
from psi.transport.wire import Frame

BUSY = Frame(15, b"busy")
HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(200)  # the start of a handshake
LATE = "the other program did not complete the beginning of the connection (TLS handshake) in time"


class Desk:
    """A reception in its thread, on a clock of the test's. free: slots that are left. open_now: or `open` is called."""

    def __init__(self, parties: Parties, clock: Clock, timeout: float, free: int, open_now: bool) -> None:
        self.parties, self.clock, self.free = parties, clock, free
        self.admitted: list[tuple[TlsStream, PeerIdentity]] = []
        self.refused: list[str] = []
        self._rounds = 0
        listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listening.setblocking(False)
        self.address = "{}:{}".format(*listening.getsockname())
        shown = Credentials([parties.acme], [parties.globex.public])
        self.reception = Reception([listening], shown, self, timeout, self._admit, self.refused.append, busy_frame=BUSY)
        expire = self.reception._expire

        def counted() -> None:
            expire()
            self._rounds += 1

        self.reception._expire = counted  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self.reception.run, daemon=True)
        if open_now:
            self.open()

    def open(self) -> None:
        """Receive callers, those first who have connected before."""
        self._thread.start()

    def enter(self, peer: bytes) -> bool:
        self.free -= 1
        return self.free >= 0

    def leave(self, peer: bytes) -> None:
        raise AssertionError("nobody leaves here")

    def _admit(self, came: Admitted) -> None:
        self.admitted.append((came.stream, came.peer))

    def offer(self, slots: int) -> None:
        """So many slots are free now."""
        self.free = slots
        self.turn()

    def turn(self) -> None:
        """At least one whole round, begun after this call."""
        for _ in range(2):
            done = self._rounds
            self.reception.call()
            until(lambda done=done: self._rounds > done)

    def after(self, seconds: float) -> list[reception._Stage]:
        """The clock moves on; the stages of those who are still here."""
        self.clock.now += seconds
        self.turn()
        return [caller.stage for caller in self.reception._callers.values()]

    def dial(self) -> socket.socket:
        """Somebody who has connected and said nothing."""
        before = set(self.reception._callers)
        sock = rawtls.dial(self.address)
        until(lambda: set(self.reception._callers) - before)
        return sock

    def peer(self) -> ssl.SSLSocket:
        """A pinned peer with its handshake done."""
        waiting = len(self.reception._waiting())
        come = len(self.admitted)
        sock = rawtls.client(self.address, self.parties.acme.public, self.parties.globex)
        until(lambda: len(self.admitted) > come or len(self.reception._waiting()) > waiting or not self.waits(sock))
        return sock

    def waits(self, sock: ssl.SSLSocket) -> bool:
        """Whether this peer is here and not refused yet."""
        here = sock.getsockname()[:2]
        found = [caller for caller in self.reception._callers.values() if tuple(caller.address) == here]
        return not found or found[0].stage is not REFUSED

    def close(self) -> None:
        self.reception.call(stop=True)
        self._thread.join(20)
        for stream, _ in self.admitted:
            stream.close()


REFUSED, HANDSHAKE, WAITING = reception._Stage


@pytest.fixture
def desk(parties: Parties, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Desk]]:
    """Makes a reception, and closes it in the end."""
    clock = Clock().install(monkeypatch, reception)
    with contextlib.ExitStack() as stack:

        def make(timeout: float = 60.0, free: int = 0, *, open_now: bool = True) -> Desk:
            made = Desk(parties, clock, timeout, free, open_now)
            stack.callback(made.close)
            return made

        yield make


MakeDesk = Callable[..., Desk]


def test_the_limits_are_those_of_the_threat_model() -> None:
    assert reception._MAX_CALLERS == 256
    assert reception._HANDSHAKE_SECONDS == 10


@pytest.mark.parametrize(("timeout", "allowed"), [(60.0, 10.0), (3.0, 3.0)])
def test_a_silent_caller_has_its_time_and_no_more(desk: MakeDesk, timeout: float, allowed: float) -> None:
    here = desk(timeout)
    with here.dial() as sock:
        assert here.after(allowed - 0.01) == [HANDSHAKE]
        assert here.refused == []
        assert here.after(0.01) == []
        assert here.refused == [LATE]
        assert sock.recv(1) == b""


def test_a_handshake_that_drips_gains_no_time(desk: MakeDesk) -> None:
    """A byte each second: the deadline is that of the whole handshake."""
    here = desk()
    with here.dial() as sock:
        for second in range(9):
            sock.sendall(HELLO[second : second + 1])
            assert here.after(1.0) == [HANDSHAKE]
        sock.sendall(HELLO[9:10])
        assert here.after(0.99) == [HANDSHAKE]
        assert here.after(0.01) == []
        assert here.refused == [LATE]


def test_a_peer_comes_in_past_those_who_drip(desk: MakeDesk) -> None:
    here = desk(free=1)
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            sock = stack.enter_context(here.dial())
            sock.sendall(HELLO[:7])
        stack.enter_context(here.peer())
        assert [peer.name for _, peer in here.admitted] == ["globex"]
        assert here.after(0) == [HANDSHAKE] * 5


@pytest.mark.parametrize("sent", [b"", HELLO[:1], HELLO[:100]], ids=len)
def test_a_caller_that_closes_its_half_in_the_handshake_is_refused_at_once(desk: MakeDesk, sent: bytes) -> None:
    here = desk()
    with here.dial() as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        until(lambda: bool(here.refused))
        assert here.refused == ["the other program dropped the connection"]
        while sock.recv(100):  # an alert, and then the end
            pass


def test_who_was_refused_is_heard_for_two_seconds_and_one_mebibyte(
    desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the reason reaches it; then the connection is closed whatever it does, and nothing is logged twice."""
    monkeypatch.setattr(reception, "_REFUSAL_BYTES", 1 << 12)
    here = desk()
    for sent, seconds in ((0, 2.0), (1 << 12, 2.0), ((1 << 12) + 1, 0.0)):
        here.refused.clear()
        with here.dial() as sock:
            sock.sendall(b"GET /")  # as much as the TLS layer reads
            until(lambda: bool(here.refused))
            (caller,) = here.reception._callers.values()
            sock.sendall(bytes(sent))
            until(lambda caller=caller, sent=sent: caller.heard >= min(sent, 1 << 12))
            if seconds:
                assert here.after(seconds - 0.01) == [REFUSED]
                assert caller.heard == sent
                assert here.after(0.01) == []
            else:
                until(lambda: not here.reception._callers)
            assert here.refused == ["the other program does not use encryption (TLS) but HTTP"]


@pytest.mark.parametrize(("timeout", "allowed"), [(60.0, 5.0), (3.0, 3.0)])
def test_a_peer_waits_for_a_slot_and_is_told_in_the_end(desk: MakeDesk, timeout: float, allowed: float) -> None:
    """From when its handshake was done, however long that took."""
    here = desk(timeout)
    with here.dial():
        here.after(2.0)
        with here.peer() as sock:
            here.offer(0)
            assert WAITING in here.after(allowed - 0.01)
            assert here.refused == ([] if timeout > 10 else [LATE])
            assert WAITING not in here.after(0.01)
            assert here.refused[-1] == "there is no slot for one more session now"
            assert sock.recv(100) == BUSY.header() + BUSY.payload


def test_a_slot_that_is_free_in_time_lets_the_peer_in(desk: MakeDesk) -> None:
    here = desk()
    with here.peer() as sock:
        assert here.after(4.99) == [WAITING]
        here.offer(1)
        assert len(here.admitted) == 1
        assert here.after(100.0) == []
        assert here.refused == []
        sock.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            sock.recv(1)


def test_four_wait_for_one_peer_and_the_fifth_is_told_at_once(desk: MakeDesk) -> None:
    here = desk()
    with contextlib.ExitStack() as stack:
        for count in range(1, 5):
            stack.enter_context(here.peer())
            assert len(here.reception._waiting()) == count
        assert here.refused == []
        fifth = stack.enter_context(rawtls.client(here.address, here.parties.acme.public, here.parties.globex))
        until(lambda: bool(here.refused))
        assert fifth.recv(100) == BUSY.header() + BUSY.payload
        assert len(here.reception._waiting()) == 4


def test_one_caller_too_many_costs_the_oldest_its_place(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as may be here stay; the next one takes the place of the one who came first, and of no other."""
    monkeypatch.setattr(reception, "_MAX_CALLERS", 3)
    here = desk()
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(here.dial()) for _ in range(3)]
        assert here.after(0) == [HANDSHAKE] * 3
        assert here.refused == []
        stack.enter_context(here.dial())
        assert here.after(0) == [HANDSHAKE] * 3
        assert here.refused == [
            "too many connections had begun and were not complete (TLS handshake), and this one had to give way"
        ]
        assert socks[0].recv(1) == b""
        for sock in socks[1:]:
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(1)


GAVE_WAY = "too many connections had begun and were not complete (TLS handshake), and this one had to give way"


def test_a_crowd_pushes_out_its_own(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller of another network stays, although it is the oldest."""
    monkeypatch.setattr(reception, "_MAX_CALLERS", 4)
    here = desk()
    with contextlib.ExitStack() as stack:
        alone = stack.enter_context(here.dial())
        (caller,) = here.reception._callers.values()
        caller.network = "elsewhere"
        crowd = [stack.enter_context(here.dial()) for _ in range(6)]
        assert here.after(0) == [HANDSHAKE] * 4
        assert here.refused == [GAVE_WAY] * 3
        assert [sock.recv(1) for sock in crowd[:3]] == [b""] * 3
        for sock in (alone, *crowd[3:]):
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(1)


def test_a_peer_that_waits_for_a_slot_gives_way_last(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused callers go first, then those who have said nothing, then those in their handshake."""
    monkeypatch.setattr(reception, "_MAX_CALLERS", 4)
    here = desk()
    with contextlib.ExitStack() as stack:
        peer = stack.enter_context(here.peer())
        begun = stack.enter_context(here.dial())
        begun.sendall(HELLO[:30])
        until(lambda: any(caller.stream and not caller.peer for caller in here.reception._callers.values()))
        stack.enter_context(here.dial())
        no_tls = stack.enter_context(here.dial())
        no_tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
        until(lambda: bool(here.refused))
        assert here.after(0) == [WAITING, HANDSHAKE, HANDSHAKE, REFUSED]
        stack.enter_context(here.dial())
        assert here.after(0) == [WAITING, HANDSHAKE, HANDSHAKE, HANDSHAKE]
        for count in (1, 2):
            stack.enter_context(here.dial())
            assert here.after(0) == [WAITING, HANDSHAKE, HANDSHAKE, HANDSHAKE]
            assert here.refused[1:] == [GAVE_WAY] * count
        assert here.waits(peer)
        assert any(caller.stream and not caller.peer for caller in here.reception._callers.values())


def test_who_speaks_gets_in_from_the_midst_of_a_crowd(desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several times as many as may be here have connected before the first of them is looked at, and say nothing."""
    monkeypatch.setattr(reception, "_MAX_CALLERS", 20)
    monkeypatch.setattr(reception, "_MAX_NEW", 8)
    here = desk(free=1, open_now=False)
    with contextlib.ExitStack() as stack:
        for _ in range(35):
            stack.enter_context(rawtls.dial(here.address))
        sock = rawtls.dial(here.address)
        sock.setblocking(False)
        honest = stack.enter_context(rawtls.begun(sock, here.parties.acme.public, here.parties.globex))
        for _ in range(60):
            stack.enter_context(rawtls.dial(here.address))
        here.open()
        honest.settimeout(20)
        honest.do_handshake()
        until(lambda: bool(here.admitted))


def test_networks_of_callers() -> None:
    assert reception._network("192.0.2.1") == "192.0.2.1"
    assert reception._network("2001:db8::1") == reception._network("2001:db8::ffff:2%eth0")
    assert reception._network("2001:db8::1") != reception._network("2001:db8:0:1::1")
