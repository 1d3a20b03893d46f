"""Peers that flood below the record layer: their session ends at once, and without that limit each deadline is kept."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from support import floods, rawtls
from support.floods import KINDS, Flooder, Make, Sealer
from support.handshakes import Parties, expect_honest_peer_served, wait_for_log

from psi.transport import reception, stream
from psi.transport.tls import Listener, connect
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame
from psiselect.base.errors import RemoteError, TransportError

FRAME = b"\0\0\0\x01\x07"  # the smallest
LATE = 2.0  # seconds by which a deadline may be missed on a busy machine


@contextlib.contextmanager
def at_listener(parties: Parties, timeout: float = 30.0) -> Iterator[tuple[TlsChannel, Flooder]]:
    """The listener's channel, with the connecting peer played by hand."""
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=timeout) as listening:
        peer = floods.client(listening.address, parties.acme.public, parties.globex)
        yield listening.accept(30), peer


@contextlib.contextmanager
def at_connector(parties: Parties, timeout: float = 30.0) -> Iterator[tuple[TlsChannel, Flooder]]:
    """The connecting party's channel, with the listener played by hand."""
    with floods.server(parties.acme, parties.globex.public) as (address, connected):
        channel = connect(address, parties.globex, [parties.acme.public], timeout=30, stall=timeout)
        yield channel, connected()


Ends = Callable[..., contextlib.AbstractContextManager[tuple[TlsChannel, Flooder]]]
both_ends = pytest.mark.parametrize("end", [at_listener, at_connector])
key_updates = pytest.mark.parametrize("make", [Sealer.key_update, Sealer.key_updates_asked])


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records without data may come for ever, so that only deadlines end a session."""
    monkeypatch.setattr(stream, "_SPARE_BYTES", 1 << 60)


def seconds(work: Callable[[], object], most: float = 10.0) -> float:
    """How long `work` takes, in a thread of its own."""
    began = time.monotonic()
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(most)
    return time.monotonic() - began


def raised(work: Callable[[], object]) -> Exception:
    with pytest.raises((RemoteError, TransportError)) as caught:
        work()
    return caught.value


def narrow(channel: TlsChannel, peer: Flooder) -> None:
    """The kernel takes little for a peer that does not read."""
    channel._stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 12)
    peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)


# ---- the limit


@both_ends
@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_of_records_without_data_ends_the_session_at_once(parties: Parties, end: Ends, kind: str) -> None:
    """Long before the deadline, and after a few bytes: what the peer had sent by then includes the kernel's buffers."""
    with end(parties) as (channel, peer), peer.flooding(KINDS[kind]):
        began = time.monotonic()
        error = raised(channel.receive)
        assert time.monotonic() - began < 5
        expected = "many TLS records without data" if kind.startswith("KeyUpdate") else r"\(TLS\) failed|without data"
        assert re.search(expected, str(error))
        channel.break_off("the test is over")
        assert seconds(channel.close) < LATE
        assert not channel._thread.is_alive()


@both_ends
def test_the_peer_hears_why(parties: Parties, end: Ends) -> None:
    """Its channel is read no more, but a last frame goes out."""
    with end(parties) as (channel, peer):
        while peer.sent < 1 << 15:
            peer.send(peer.sealer.key_update())
        assert isinstance(raised(channel.receive), RemoteError)
        channel.send(Frame(9, b"I refuse"))
        peer.sock.settimeout(10)
        assert len(peer.sock.recv(100)) == len(FRAME + b"I refuse") + 22
        peer.close()
        channel.close()


@pytest.mark.parametrize(
    ("make", "frames"),
    [
        (lambda sealer: sealer.data(FRAME), 20_000),  # 22 bytes of TLS for 5
        (lambda sealer: sealer.key_update() + sealer.data(FRAME * 10), 4_000),
        (lambda sealer: sealer.data(b"\0\0\x3f\x01\x07" + bytes(0x3F00)) + sealer.key_update(), 200),
    ],
    ids=["smallest frames", "new keys for each few frames", "new keys for each full record"],
)
def test_honest_records_are_within_the_limit(parties: Parties, make: Make, frames: int) -> None:
    """Far more bytes than may come without data."""
    with at_listener(parties) as (channel, peer):

        def send() -> None:
            while peer.sent < frames * 27:
                peer.send(make(peer.sealer))
            peer.send(peer.sealer.data(b"\0\0\0\x01\x08"))

        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        while (frame := channel.receive()) != Frame(8, b""):
            assert frame is not None
            assert frame.type == 7
        sending.join(10)
        peer.close()
        channel.close()


def test_data_is_no_credit_for_a_later_flood(parties: Parties) -> None:
    with at_listener(parties) as (channel, peer):
        for _ in range(41):
            peer.send(peer.sealer.data(b"\0\0\x3f\x01\x07" + bytes(0x3F00)))
        for _ in range(41):
            assert channel.receive() == Frame(7, bytes(0x3F00))
        sent = peer.sent
        while peer.sent - sent < stream._SPARE_BYTES + 2700:
            peer.send(b"".join(peer.sealer.key_update() for _ in range(100)))
        with pytest.raises(RemoteError, match="without data"):
            channel.receive(10)
        peer.close()
        channel.break_off("the test is over")
        channel.close()


def test_answers_that_nobody_reads_do_not_fill_memory(parties: Parties, unlimited: None) -> None:
    """A peer that asks for new keys and reads none of the answers is read no more, once its socket is full."""
    with at_listener(parties) as (channel, peer):
        narrow(channel, peer)
        peer.sock.settimeout(1)
        peer.flood(Sealer.key_updates_asked, most=1 << 20)
        # A read begins with at most _UNSENT_BYTES waiting, and may come again after a full flush that moved them on.
        most = stream._UNSENT_BYTES + 2 * stream._READ_BYTES
        assert channel._stream._leaving.pending + len(channel._stream._unsent) < 2 * most
        peer.close()
        channel.break_off("the test is over")
        channel.close()


# ---- deadlines, were there no limit


@both_ends
@key_updates
def test_a_flood_is_no_progress(parties: Parties, unlimited: None, end: Ends, make: Make) -> None:
    with end(parties, timeout=0.5) as (channel, peer), peer.flooding(make):
        began = time.monotonic()
        with pytest.raises(
            TransportError, match=r"no progress for 0\.5 s while this program waited for the peer's next message"
        ):
            channel.receive()
        assert time.monotonic() - began < 0.5 + LATE
        assert seconds(channel.close) < LATE
        assert not channel._thread.is_alive()


ENDINGS: dict[str, Callable[[TlsChannel], object]] = {
    "close": TlsChannel.close,
    "abandon": lambda channel: channel.abandon(Frame(9, b"I refuse")),
    "break off": lambda channel: (channel.break_off("time is up"), channel._thread.join(20)),
}


@both_ends
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_flooded_channel_ends_when_this_side_ends_it(
    parties: Parties, unlimited: None, end: Ends, ending: str
) -> None:
    with end(parties, timeout=0.5) as (channel, peer), peer.flooding(Sealer.key_updates_asked):
        time.sleep(0.1)
        assert seconds(lambda: ENDINGS[ending](channel)) < 0.5 + LATE
        assert not channel._thread.is_alive()


@pytest.mark.parametrize("ending", ["close", "abandon"])
def test_data_that_keeps_coming_does_not_prolong_an_end(parties: Parties, ending: str) -> None:
    """From a peer that takes nothing of what is still to be sent."""
    with at_listener(parties, timeout=0.5) as (channel, peer):
        narrow(channel, peer)
        for _ in range(40):
            while channel.ready_to_send():
                channel.send(Frame(1, bytes(1 << 19)))
            time.sleep(0.01)
        with peer.flooding(lambda sealer: sealer.data(FRAME)):
            assert seconds(lambda: ENDINGS[ending](channel)) < 0.5 + LATE
            assert not channel._thread.is_alive()


def test_a_thread_that_does_not_end_does_not_hold_up_its_user(
    parties: Parties, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were there a call below that does not return, closing still would."""
    over = threading.Event()
    monkeypatch.setattr("psi.transport.tlschannel._LINGER_SECONDS", 0.1)
    with at_listener(parties, timeout=0.3) as (channel, peer):
        monkeypatch.setattr(channel._stream, "flush", over.wait)
        channel._wake()
        assert seconds(channel.close) < 0.5 + LATE
        over.set()
        peer.close()
        channel._thread.join(20)


# ---- callers who have no channel yet


class Slots:
    """Lets everybody in but one."""

    def __init__(self, kept_out: bytes) -> None:
        self._kept_out = kept_out

    def enter(self, peer: bytes) -> bool:
        return peer != self._kept_out

    def leave(self, peer: bytes) -> None:
        pass


@key_updates
def test_a_peer_that_floods_while_it_waits_for_a_slot_is_turned_away_in_time(
    parties: Parties, unlimited: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, make: Make
) -> None:
    """By the thread that carries all callers, which then serves the next one."""
    monkeypatch.setattr(reception, "_SLOT_SECONDS", 0.3)
    kept_out = Slots(parties.stranger.fingerprint)
    peers = [parties.globex.public, parties.stranger.public]
    with Listener("127.0.0.1:0", parties.acme, peers, timeout=30, slots=kept_out, busy_frame=Frame(15, b"x")) as here:
        began = time.monotonic()
        peer = floods.client(here.address, parties.acme.public, parties.stranger)
        with peer.flooding(make):
            wait_for_log(caplog, "turned away stranger")
            expect_honest_peer_served(here, parties)
            assert time.monotonic() - began < 0.3 + LATE
            assert seconds(here.close) < LATE
            assert not here._thread.is_alive()


def chopped(message: bytes) -> bytes:
    """A handshake message in clear, a byte to a record."""
    return b"".join(b"\x16\x03\x03\0\x01" + message[i : i + 1] for i in range(len(message)))


HELLO_WITHOUT_END = chopped(b"\x01\x01\xff\xff\x03\x03" + bytes(100_000))


def test_a_handshake_without_end_is_refused_by_its_size(
    listener: Listener, parties: Parties, caplog: pytest.LogCaptureFixture
) -> None:
    with rawtls.dial(listener.address) as caller:
        with contextlib.suppress(ConnectionError):
            caller.sendall(HELLO_WITHOUT_END)
        wait_for_log(caplog, "the other program sent too much data before the two programs")
        expect_honest_peer_served(listener, parties)


def test_a_listener_whose_handshake_has_no_end_is_refused_by_its_size(parties: Parties) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            sock, _ = server.accept()
            with sock, contextlib.suppress(OSError):
                sock.recv(1 << 16)
                sock.sendall(HELLO_WITHOUT_END)
                sock.recv(1)

        answering = threading.Thread(target=answer, daemon=True)
        answering.start()
        address = "{}:{}".format(*server.getsockname())
        began = time.monotonic()
        with pytest.raises(
            TransportError, match=r"the other program sent too much data before the two programs|\(TLS\) failed"
        ):
            connect(address, parties.globex, [parties.acme.public], timeout=20)
        assert time.monotonic() - began < 10
        answering.join(10)


def test_a_handshake_is_read_a_little_at_a_time() -> None:
    """By the thread that carries all handshakes: each step hands the TLS library one small read."""
    near, far = socket.socketpair()
    far.sendall(HELLO_WITHOUT_END[:20_000])
    waiting = stream.TlsStream(near, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), server_side=True)
    for _ in range(3):
        with pytest.raises(ssl.SSLWantReadError):
            waiting.do_handshake()
    assert len(near.recv(1 << 16)) == 20_000 - 3 * 4096
    waiting.close()
    far.close()
