"""TLS over a socket that never blocks, in steps of bounded work.

`ssl.SSLSocket` reads from its socket until it has application data. A peer that sends records without any, such as the
KeyUpdate of TLS 1.3, keeps one such call from returning for as long as it likes. Here the TLS library has no socket:
each call hands it the bytes of one read. So each call returns, and whoever calls can keep its deadlines.

The stream also counts. A peer whose records carry next to no application data costs this side much work for nothing,
so its session ends.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

from psi.transport import words
from psi.transport.address import close

# What the peer may send before its handshake is done. One takes about 2 KiB.
_HANDSHAKE_BYTES = 1 << 16
_HANDSHAKE_READ = 1 << 12  # at once: one thread carries all handshakes
_READ_BYTES = 1 << 15
# What may arrive without application data: the largest record, and a few that the TLS library keeps to itself.
_SPARE_BYTES = 1 << 15
# Each byte of application data allows for so many more. The smallest honest record is a frame without a payload: 5 of
# its 27 bytes are data.
_ALLOWED_BY_BYTE = 8
# Answers of the TLS library that wait for a peer that does not read them.
_UNSENT_BYTES = 1 << 16


class TlsStream:
    """One end of a TLS connection over `sock`, which it takes over. For one thread at a time.

    sock: the socket below. tls: what the TLS library knows of the connection. server_name: what a caller asks the
    listener for; None for nothing. Methods raise `ssl.SSLWantReadError` or
    `ssl.SSLWantWriteError` when the socket must become readable or writable first, and OSError when the link fails.
    """

    def __init__(
        self, sock: socket.socket, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None
    ) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._arrived = ssl.MemoryBIO()
        self._leaving = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._arrived, self._leaving, server_side=server_side, server_hostname=server_name)
        self._unsent = memoryview(b"")
        self._allowed = _HANDSHAKE_BYTES
        self._handshaking = True

    def fileno(self) -> int:
        """The socket's number, for selectors."""
        return self.sock.fileno()

    def do_handshake(self) -> None:
        """Go on with the handshake. Raises TransportError when the peer sends too much in it."""
        try:
            self._step(self.tls.do_handshake)
        except ssl.SSLWantReadError:
            self.flush()
            raise
        if self._handshaking:
            self._handshaking, self._allowed = False, _SPARE_BYTES
        self.flush()

    def recv_into(self, buffer: memoryview) -> int:
        """The number of bytes written to `buffer`, which is not empty; 0 when the peer has closed. Raises RemoteError
        when the peer sends records without data."""
        count: int = self._step(self.tls.read, len(buffer), buffer)
        self._allowed = min(_SPARE_BYTES, self._allowed + _ALLOWED_BY_BYTE * count)
        return count

    def send(self, data: memoryview) -> int:
        """How many bytes at the start of `data` are on their way: at most one record, part of which may wait for
        `flush`."""
        self.flush()
        count = self.tls.write(data)
        with contextlib.suppress(ssl.SSLWantWriteError):
            self.flush()
        return count

    def flush(self) -> None:
        """Hand the socket what waits for it."""
        while self._unsent or self._leaving.pending:
            self._unsent = self._unsent or memoryview(self._leaving.read())
            try:
                count = self.sock.send(self._unsent)
            except BlockingIOError:
                raise ssl.SSLWantWriteError from None
            self._unsent = self._unsent[count:]

    def say_goodbye(self) -> None:
        """Send TLS's own end of the stream. The peer's is not waited for."""
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        self.flush()

    def close(self) -> None:
        """Close the socket, whatever state it is in."""
        close(self.sock)

    def _step(self, work: Callable[..., Any], *given: object) -> Any:
        """Let the TLS library work, with one read from the socket at most."""
        try:
            try:
                return work(*given)
            except ssl.SSLWantReadError:
                self._fill()
                return work(*given)
        except ssl.SSLError:
            with contextlib.suppress(OSError):  # what the peer is told, such as an alert
                self.flush()
            raise

    def _fill(self) -> None:
        """Give the TLS library what one read from the socket yields."""
        if self._allowed <= 0:
            if self._handshaking:
                raise words.too_much_before_handshake()
            raise words.empty_records()
        if self._leaving.pending > _UNSENT_BYTES:
            self.flush()
        try:
            data = self.sock.recv(min(self._allowed, _HANDSHAKE_READ if self._handshaking else _READ_BYTES))
        except BlockingIOError:
            raise ssl.SSLWantReadError from None
        self._allowed -= len(data)
        if data:
            self._arrived.write(data)
        else:
            self._arrived.write_eof()
