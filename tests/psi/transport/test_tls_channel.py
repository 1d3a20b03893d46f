"""What happens to a TLS channel whose peer, or network, misbehaves."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from support import rawtls

from psi.identity.identity import Identity
from psi.transport.queue import QUEUE_BYTES
from psi.transport.stream import TlsStream
from psi.transport.tls import Listener, connect
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import MAX_FRAME_BYTES, Frame
from psiselect.base.errors import RemoteError, TransportError

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity.create("acme", tmp_path_factory.mktemp("acme"))


@pytest.fixture(scope="module")
def globex(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity.create("globex", tmp_path_factory.mktemp("globex"))


@contextlib.contextmanager
def against_raw(acme: Identity, globex: Identity, timeout: float = 30.0) -> Iterator[tuple[TlsChannel, rawtls.Socket]]:
    """Acme's channel, with Globex played by `ssl` alone."""
    with Listener("127.0.0.1:0", acme, [globex.public], timeout=timeout) as listener:
        sock = rawtls.client(listener.address, acme.public, globex)
        with listener.accept() as channel, sock:
            yield channel, sock


def reset(sock: rawtls.Socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rawtls.vanish(sock)


def goodbye(sock: rawtls.Socket) -> None:
    sock.settimeout(0)
    with contextlib.suppress(OSError):
        sock.unwrap()
    rawtls.vanish(sock)


FRAME = b"\0\0\0\x04\x07abc"


@pytest.mark.parametrize(
    ("end", "error", "message"),
    [
        (rawtls.vanish, TransportError, "the connection to the peer broke: the other program dropped the connection"),
        (reset, TransportError, "the connection to the peer broke: the other program dropped the connection"),
        (goodbye, TransportError, "closed the connection before the session was over"),
    ],
)
@pytest.mark.parametrize("sent", [b"", FRAME, FRAME + FRAME[:2], FRAME + FRAME[:5], FRAME + FRAME[:7]])
def test_a_peer_that_goes_at_any_point_of_a_frame_gives_a_typed_error(
    acme: Identity,
    globex: Identity,
    end: Callable[[rawtls.Socket], None],
    error: type[Exception],
    message: str,
    sent: bytes,
) -> None:
    with against_raw(acme, globex) as (channel, sock):
        sock.sendall(sent)
        if sent:
            assert channel.receive() == Frame(7, b"abc")
        end(sock)
        if end is goodbye and len(sent) > len(FRAME):
            error, message = RemoteError, "in the middle of a message"
        with pytest.raises(error, match=message):
            channel.receive()
        with pytest.raises(error, match=message):
            channel.receive(0)


@pytest.mark.parametrize("length", [0, MAX_FRAME_BYTES - 3, 0xFFFFFFFF])
def test_what_is_not_a_frame_is_the_peers_fault_and_it_can_be_told(
    acme: Identity, globex: Identity, length: int
) -> None:
    with against_raw(acme, globex) as (channel, sock):
        sock.sendall(FRAME + length.to_bytes(4, "big") + b"garbage" * 1000)
        assert channel.receive() == Frame(7, b"abc")
        with pytest.raises(RemoteError, match=f"a message of {length} bytes"):
            channel.receive()
        channel.send(Frame(9, b"I refuse"))
        assert sock.recv(13) == b"\0\0\0\x09\x09I refuse"
        sock.close()


def test_closing_says_goodbye_after_what_was_sent(acme: Identity, globex: Identity) -> None:
    with against_raw(acme, globex) as (channel, sock):
        channel.send(Frame(9, bytes(500_000)))
        closing = threading.Thread(target=channel.close)
        closing.start()
        received = bytearray()
        while piece := sock.recv(1 << 16):  # an end without a goodbye would raise SSLEOFError
            received += piece
        assert len(received) == 500_005
        sock.close()
        closing.join()


def test_the_last_word_arrives_although_the_peer_is_still_sending(acme: Identity, globex: Identity) -> None:
    """Closing with unread bytes would reset the connection, and destroy it."""
    with against_raw(acme, globex) as (channel, sock):
        sock.sendall((b"\0\x0f\x00\x00\x01" + bytes(0x0EFFFF)) * 4)
        channel.send(Frame(9, b"I refuse"))
        closing = threading.Thread(target=channel.close)
        closing.start()
        sock.sendall((b"\0\x0f\x00\x00\x01" + bytes(0x0EFFFF)) * 4)
        assert sock.recv(13) == b"\0\0\0\x09\x09I refuse"
        assert sock.recv(1) == b""
        sock.close()
        closing.join()


def test_closing_towards_a_peer_that_does_not_read_ends_at_the_deadline(acme: Identity, globex: Identity) -> None:
    with against_raw(acme, globex, timeout=0.3) as (channel, _):
        with contextlib.suppress(TransportError):
            send_much(channel)
        started = time.monotonic()
        channel.close()
        assert time.monotonic() - started < 20


class Proxy:
    """Sits between the two ends and flips one bit of what the client sends, once `armed`."""

    def __init__(self, target: str) -> None:
        self._target = rawtls.address_of(target)
        self._server = socket.create_server(("127.0.0.1", 0))
        host, port = self._server.getsockname()
        self.address = f"{host}:{port}"
        self.armed = False
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        near, _ = self._server.accept()
        far = socket.create_connection(self._target)
        back = threading.Thread(target=self._pump, args=(far, near, False), daemon=True)
        back.start()
        self._pump(near, far, True)
        back.join()
        near.close()
        far.close()
        self._server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, spoil: bool) -> None:
        with contextlib.suppress(OSError):
            while data := bytearray(source.recv(1 << 16)):
                if spoil and self.armed:
                    data[-1] ^= 1
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def join(self) -> None:
        self._threads[0].join(20)


def test_a_bit_changed_on_the_way_is_noticed_by_both_sides(acme: Identity, globex: Identity) -> None:
    with Listener("127.0.0.1:0", acme, [globex.public], timeout=30) as listener:
        proxy = Proxy(listener.address)
        with connect(proxy.address, globex, [acme.public], timeout=30) as there, listener.accept() as here:
            there.send(Frame(1, b"right"))
            assert here.receive() == Frame(1, b"right")
            proxy.armed = True
            there.send(Frame(1, b"wrong"))
            with pytest.raises(TransportError, match="changed the data in transit"):
                here.receive()
            with pytest.raises(TransportError, match="changed the data in transit"):
                there.receive()
        proxy.join()


class RefusedStream:
    """A TLS stream whose write fails before the alert that says why has been read: by chance a rare order."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._write_failed = False

    def recv_into(self, buffer: memoryview) -> int:
        if not self._write_failed:
            raise ssl.SSLWantReadError
        alert = ssl.SSLError(1, "alert")
        alert.reason = "TLSV1_ALERT_UNKNOWN_CA"
        raise alert

    def send(self, data: memoryview) -> int:
        self._write_failed = True
        raise BrokenPipeError

    def flush(self) -> None:
        pass


def test_the_peers_reason_is_read_although_writing_failed_first() -> None:
    near, far = socket.socketpair()
    far.send(b"alert")
    refused = cast("TlsStream", RefusedStream(near))
    with far, TlsChannel(refused, own_fingerprint=bytes(32), peer_fingerprint=bytes(32), timeout=30) as channel:
        with contextlib.suppress(TransportError):
            channel.send(Frame(1, b"x"))
        with pytest.raises(TransportError, match="the other program does not know your certificate"):
            channel.receive()


# Globex in a process of its own: connects, then does as told.
PEER = """
import sys, time
from psi.identity.identity import Identity, PeerIdentity
from psi.transport.tls import connect
from psi.transport.wire import Frame
address, own, peer, what = sys.argv[1:]
channel = connect(address, Identity.load(own), [PeerIdentity.load(peer)], timeout=60)
channel.send(Frame(1, b"ready"))
if what == "send":
    for i in range(1 << 30):
        channel.send(Frame(2, i.to_bytes(8, "big") * 50_000))
else:
    time.sleep(600)
"""


@contextlib.contextmanager
def peer_process(listener: Listener, acme: Identity, globex: Identity, what: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PEER, listener.address, globex.key_path, acme.certificate_path, what],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("what", ["send", "sleep"])
def test_a_killed_peer_is_noticed_at_once(acme: Identity, globex: Identity, what: str) -> None:
    """With a deadline that the test would not live to see."""
    with (
        Listener("127.0.0.1:0", acme, [globex.public], timeout=600) as listener,
        peer_process(listener, acme, globex, what) as process,
        listener.accept() as channel,
    ):
        assert channel.receive() == Frame(1, b"ready")
        process.kill()
        with pytest.raises(TransportError, match="the other program dropped the connection"):
            expect_numbered_frames(channel)


def expect_numbered_frames(channel: TlsChannel) -> None:
    for i in range(1 << 30):
        assert channel.receive() == Frame(2, i.to_bytes(8, "big") * 50_000)


def test_a_stopped_peer_ends_the_session_and_grows_no_memory(acme: Identity, globex: Identity) -> None:
    with (
        Listener("127.0.0.1:0", acme, [globex.public], timeout=1.0) as listener,
        peer_process(listener, acme, globex, "sleep") as process,
        listener.accept(60) as channel,
    ):
        assert channel.receive() == Frame(1, b"ready")
        before = peak_memory()
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(TransportError, match="no progress for 1 s while this program waited for the peer to read"):
            send_much(channel)
        assert peak_memory() - before < 4 * QUEUE_BYTES
        with pytest.raises(TransportError, match="no progress for 1 s"):
            channel.receive()
        process.send_signal(signal.SIGCONT)


def test_a_peer_that_outruns_this_side_grows_no_memory(acme: Identity, globex: Identity) -> None:
    """It sends for half a second, as fast as it can, while nobody receives."""
    with (
        Listener("127.0.0.1:0", acme, [globex.public], timeout=60) as listener,
        peer_process(listener, acme, globex, "send"),
        listener.accept() as channel,
    ):
        assert channel.receive() == Frame(1, b"ready")
        before = peak_memory()
        time.sleep(0.5)
        assert channel.receive() == Frame(2, bytes(8) * 50_000)
        assert peak_memory() - before < 4 * QUEUE_BYTES


def send_much(channel: TlsChannel) -> None:
    for _ in range(400):
        channel.send(Frame(1, bytes(1 << 19)))


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform == "linux" else 1)


def test_computing_overlaps_with_the_network(acme: Identity, globex: Identity) -> None:
    """A queue's worth is on its way while the caller does something else: `send` returns before anybody reads."""
    with against_raw(acme, globex) as (channel, sock):
        sent = 0
        while sent < 3 << 20:
            channel.send(Frame(1, bytes(1 << 19)))
            sent += 1 << 19
        received = 0
        while received < sent:
            received += len(sock.recv(1 << 16))
        sock.close()


def test_an_abandoned_channel_leaves_no_thread_behind(acme: Identity, globex: Identity) -> None:
    with against_raw(acme, globex) as (channel, sock):
        sock.close()
        with pytest.raises(TransportError):
            channel.receive()
        channel._thread.join(20)
        assert not channel._thread.is_alive()
