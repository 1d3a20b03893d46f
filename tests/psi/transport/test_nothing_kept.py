"""What is over is gone at once, and does not wait for the interpreter to look for what nobody uses.

A TLS connection has tens of KiB outside of Python, which Python's own count of objects does not see. A listener that
keeps those of old sessions for a while grows, and what it lets go later leaves gaps (decision 0304).
"""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from support import rawtls
from support.clocks import until
from support.handshakes import Parties

from psi.transport.credentials import Credentials
from psi.transport.stream import TlsStream
from psi.transport.tls import Listener
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame
from psiselect.base.errors import RemoteError, TransportError


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_credentials_that_were_replaced(parties: Parties) -> None:
    old = Credentials([parties.acme], [parties.globex.public])
    kept = weakref.ref(old.context)
    del old
    assert kept() is None


def hangs_up(sock: rawtls.Socket, channel: TlsChannel) -> None:
    rawtls.vanish(sock)
    with contextlib.suppress(TransportError):
        channel.receive()


def sends_garbage(sock: rawtls.Socket, channel: TlsChannel) -> None:
    sock.sendall(b"\xff\xff\xff\xff\x03")
    with contextlib.suppress(RemoteError):
        channel.receive()


def stays_silent(sock: rawtls.Socket, channel: TlsChannel) -> None:
    channel._deadline.seconds = 0
    with contextlib.suppress(TransportError):
        channel.receive()


def breaks_while_written_to(sock: rawtls.Socket, channel: TlsChannel) -> None:
    class Broken:
        """The stream, to a peer that is gone."""

        def __init__(self, stream: TlsStream) -> None:
            self.sock, self.recv_into, self.flush = stream.sock, stream.recv_into, lambda: None

        def send(self, data: memoryview) -> int:
            raise BrokenPipeError

    channel._stream = cast("TlsStream", Broken(channel._stream))
    with contextlib.suppress(TransportError):
        channel.send(Frame(1, b"x"))
    until(lambda: channel._writing_failed is not None)


@pytest.mark.parametrize("ending", [hangs_up, sends_garbage, stays_silent, breaks_while_written_to])
def test_a_channel_however_its_session_ended(
    parties: Parties, ending: Callable[[rawtls.Socket, TlsChannel], None]
) -> None:
    with Listener("127.0.0.1:0", parties.acme, [parties.globex.public], timeout=30) as listener:
        with rawtls.client(listener.address, parties.acme.public, parties.globex) as sock:
            channel = listener.accept()
            ending(sock, channel)
        channel.close()
        kept = weakref.ref(channel)
        del channel
        until(lambda: kept() is None)
