"""Mutual TLS 1.3 between pinned identities: `Listener` on one side, `connect` on the other.

Whoever is not pinned is refused by the handshake and told why by a TLS alert; the listener logs the reason (logger
`psiselect.transport`) and goes on. Its one thread carries all handshakes at once without blocking, so that silent or
slow strangers cannot keep an honest peer waiting, and it holds a bounded number of them.
"""

from __future__ import annotations

import contextlib
import logging
import re
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

from psi.errors import TransportError, UsageError
from psi.identity import Identity, PeerIdentity
from psi.transport.pinning import PinnedSocket, Side, handshake_done, make_context, pin, pinned_peer, reason
from psi.transport.tlschannel import TlsChannel

LOGGER = logging.getLogger("psiselect.transport")

_HANDSHAKE_SECONDS = 10.0
_FAREWELL_SECONDS = 2.0
_FAREWELL_BYTES = 1 << 20
_MAX_VISITORS = 256  # unfinished handshakes at once; one more costs the oldest its place
_MAX_READY = 64  # peers that nobody has accepted yet
_RETRY_SECONDS = 0.2
_LONGEST_WAIT = 3600.0  # a condition cannot wait for ever at once


class Address(NamedTuple):
    """A host (name, IPv4 or IPv6 address) and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `HOST:PORT` or `[IPV6]:PORT`. Raises UsageError."""
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s:\[\]]+)):([0-9]{1,5})", text)
        if match is None or int(match[3]) > 65535:
            raise UsageError(f"{text!r} is not an address; expected HOST:PORT, such as 127.0.0.1:7000 or [::1]:7000")
        return cls(match[1] or match[2], int(match[3]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def connect(address: str, identity: Identity, peers: Iterable[PeerIdentity], *, timeout: float) -> TlsChannel:
    """Connect to the listener at `address` (`HOST:PORT`), trying again until it is up or `timeout` seconds are over;
    the channel's own deadline is the same `timeout`.

    Raises UsageError (a bad address, no peers or oneself among them), InputError (an expired certificate) or
    TransportError (nobody there, not a pinned peer). When the listener refuses this side's certificate, TLS 1.3 tells
    it at the first `receive`.
    """
    target = Address.parse(address)
    pins = pin(identity, peers)
    context = make_context(Side.CONNECTOR, identity, pins)
    deadline = time.monotonic() + timeout
    raw = _dial(target, deadline, timeout)
    sock: ssl.SSLSocket | None = None
    try:
        raw.settimeout(None)
        _tune(raw)
        sock = context.wrap_socket(raw, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        sock.setblocking(False)
        _finish_handshake(sock, deadline)
        peer = pinned_peer(sock, pins)
        handshake_done(sock)
    except OSError as error:
        _close(sock or raw)
        raise TransportError(f"no session with the listener at {target}: {reason(error, sock)}") from None
    except TransportError as error:
        _close(sock or raw)
        raise TransportError(f"no session with the listener at {target}: {error}") from None
    return TlsChannel(sock, own_fingerprint=identity.fingerprint, peer_fingerprint=peer.fingerprint, timeout=timeout)


@dataclass(slots=True, eq=False)
class _Visitor:
    """A connection on its way to being a peer: silent so far, in its handshake, or refused and being heard out."""

    sock: socket.socket  # a PinnedSocket once the first byte has arrived: a silent visitor costs no TLS state
    address: Address
    deadline: float
    refused: bool = False
    heard: int = 0  # bytes discarded since


class Listener:
    """Accepts pinned peers at an address; a context manager. All methods may be called from any thread.

    `address`: where it listens, with the real port if 0 was asked for. Raises TransportError when it cannot listen
    there, and otherwise as `connect`.
    """

    def __init__(self, address: str, identity: Identity, peers: Iterable[PeerIdentity], *, timeout: float) -> None:
        wanted = Address.parse(address)
        self._pins = pin(identity, peers)
        self._context = make_context(Side.LISTENER, identity, self._pins)
        self._own_fingerprint = identity.fingerprint
        self._timeout = timeout
        self._ready: deque[tuple[ssl.SSLSocket, PeerIdentity]] = deque()
        self._changed = threading.Condition()
        self._refusals = 0
        self._last_refusal = ""
        self._stopping = False
        self._visitors: dict[int, _Visitor] = {}  # by file descriptor, oldest first
        self._selector = selectors.DefaultSelector()
        self._socket = _listen(wanted)
        self._socket.setblocking(False)
        host, port = self._socket.getsockname()[:2]
        self.address = str(Address(host, port))
        self._waker, self._wakes = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="psiselect-listener", daemon=True)
        self._thread.start()

    def accept(self, wait: float | None = None) -> TlsChannel:
        """The next pinned peer's channel. Raises TransportError when none has come within `wait` seconds (default: the
        listener's timeout; `math.inf` for ever)."""
        wait = self._timeout if wait is None else wait
        deadline = time.monotonic() + wait
        with self._changed:
            while not self._ready:
                if self._stopping:
                    raise UsageError("this listener was closed")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TransportError(self._nobody_came(wait))
                self._changed.wait(min(left, _LONGEST_WAIT))
            sock, peer = self._ready.popleft()
        return TlsChannel(
            sock,
            own_fingerprint=self._own_fingerprint,
            peer_fingerprint=peer.fingerprint,
            timeout=self._timeout,
        )

    def close(self) -> None:
        """Stop listening; channels that were accepted live on. Safe to call twice."""
        if self._stopping:
            return
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._waker.send(b"\0")
        self._thread.join()
        self._waker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _nobody_came(self, wait: float) -> str:
        text = f"no pinned peer connected to {self.address} within {wait:g} s"
        if self._refusals:
            text += f"; {self._refusals} other connections were refused, the last because {self._last_refusal}"
        return text

    # From here on, everything runs in the listener's thread.

    def _run(self) -> None:
        try:
            self._selector.register(self._socket, selectors.EVENT_READ)
            self._selector.register(self._wakes, selectors.EVENT_READ)
            while not self._stopping:
                for key, _ in self._selector.select(self._until_next_deadline()):
                    if key.fileobj is self._socket:
                        self._welcome()
                    elif visitor := self._visitors.get(key.fd):
                        self._advance(visitor)
                self._expire()
        finally:
            self._selector.close()
            self._socket.close()
            self._wakes.close()
            for visitor in self._visitors.values():
                _close(visitor.sock)
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
                while self._ready:
                    _close(self._ready.popleft()[0])

    def _until_next_deadline(self) -> float | None:
        if not self._visitors:
            return None
        return max(0.0, min(visitor.deadline for visitor in self._visitors.values()) - time.monotonic())

    def _welcome(self) -> None:
        """Take what waits in the backlog, up to a round's worth."""
        for _ in range(_MAX_VISITORS):
            if len(self._visitors) >= _MAX_VISITORS:
                oldest = next(iter(self._visitors.values()))
                self._drop(oldest, "its handshake was the oldest unfinished one of too many")
            try:
                sock, name = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:  # out of file descriptors, or the visitor has left already
                LOGGER.warning("cannot accept a connection: %s", error.strerror)
                if self._visitors:
                    self._drop(next(iter(self._visitors.values())), "this side ran out of room")
                else:
                    time.sleep(_RETRY_SECONDS)
                return
            sock.setblocking(False)
            visitor = _Visitor(sock, Address(*name[:2]), time.monotonic() + min(_HANDSHAKE_SECONDS, self._timeout))
            self._visitors[sock.fileno()] = visitor
            self._selector.register(sock.fileno(), selectors.EVENT_READ)

    def _advance(self, visitor: _Visitor) -> None:
        """The visitor's socket has something to read, or room to write."""
        if visitor.refused:
            self._hear_out(visitor)
            return
        try:
            if not isinstance(visitor.sock, ssl.SSLSocket):
                _tune(visitor.sock)
                visitor.sock = self._context.wrap_socket(
                    visitor.sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
                )
            visitor.sock.do_handshake()
            peer = pinned_peer(visitor.sock, self._pins)
            handshake_done(visitor.sock)
        except ssl.SSLWantReadError:
            self._selector.modify(visitor.sock.fileno(), selectors.EVENT_READ)
        except ssl.SSLWantWriteError:
            self._selector.modify(visitor.sock.fileno(), selectors.EVENT_WRITE)
        except TransportError as error:
            self._refuse(visitor, str(error))
        except OSError as error:
            self._refuse(visitor, reason(error, visitor.sock if isinstance(visitor.sock, PinnedSocket) else None))
        else:
            self._admit(visitor, visitor.sock, peer)

    def _admit(self, visitor: _Visitor, sock: ssl.SSLSocket, peer: PeerIdentity) -> None:
        if len(self._ready) >= _MAX_READY:
            self._refuse(visitor, "too many peers wait to be accepted")
            return
        self._forget(visitor)
        LOGGER.info("accepted %s from %s", peer.name, visitor.address)
        with self._changed:
            self._ready.append((sock, peer))
            self._changed.notify_all()

    def _refuse(self, visitor: _Visitor, why: str) -> None:
        """Log it, then hear the visitor out for a moment: closing with its bytes unread would make a reset, which can
        overtake the alert that tells it why."""
        self._log_refusal(visitor, why)
        fd = visitor.sock.fileno()
        if fd < 0:  # the TLS layer has closed it already
            self._visitors = {k: v for k, v in self._visitors.items() if v is not visitor}
            return
        visitor.refused = True
        visitor.deadline = time.monotonic() + _FAREWELL_SECONDS
        try:
            if isinstance(visitor.sock, ssl.SSLSocket):
                visitor.sock = socket.socket(fileno=visitor.sock.detach())
            visitor.sock.shutdown(socket.SHUT_WR)
            self._selector.modify(fd, selectors.EVENT_READ)
        except OSError:
            self._forget(visitor)
            _close(visitor.sock)

    def _hear_out(self, visitor: _Visitor) -> None:
        try:
            count = len(visitor.sock.recv(1 << 16))
        except BlockingIOError:
            return
        except OSError:
            count = 0
        visitor.heard += count
        if count == 0 or visitor.heard > _FAREWELL_BYTES:
            self._forget(visitor)
            _close(visitor.sock)

    def _expire(self) -> None:
        now = time.monotonic()
        for visitor in [v for v in self._visitors.values() if v.deadline <= now]:
            self._drop(visitor, "its handshake did not end in time")

    def _drop(self, visitor: _Visitor, why: str) -> None:
        if not visitor.refused:
            self._log_refusal(visitor, why)
        self._forget(visitor)
        _close(visitor.sock)

    def _forget(self, visitor: _Visitor) -> None:
        fd = visitor.sock.fileno()
        self._selector.unregister(fd)
        del self._visitors[fd]

    def _log_refusal(self, visitor: _Visitor, why: str) -> None:
        LOGGER.warning("refused a connection from %s: %s", visitor.address, why)
        with self._changed:
            self._refusals += 1
            self._last_refusal = why


def _listen(address: Address) -> socket.socket:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, name = found[0]
        return socket.create_server(name, family=family, backlog=1024)
    except OSError as error:
        raise TransportError(f"cannot listen on {address}: {error.strerror or error}") from None


def _dial(address: Address, deadline: float, timeout: float) -> socket.socket:
    """A TCP connection, tried again while nobody listens there yet."""
    while True:
        try:
            return socket.create_connection(address, timeout=max(0.01, deadline - time.monotonic()))
        except socket.gaierror as error:
            raise TransportError(f"cannot find {address.host}: {error.strerror}") from None
        except OSError as error:
            if time.monotonic() + _RETRY_SECONDS > deadline:
                why = "no answer" if isinstance(error, TimeoutError) else error.strerror or error
                raise TransportError(f"nobody listened at {address} within {timeout:g} s ({why})") from None
        time.sleep(_RETRY_SECONDS)


def _finish_handshake(sock: ssl.SSLSocket, deadline: float) -> None:
    """Raises OSError (TimeoutError when the deadline passes)."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        while True:
            try:
                sock.do_handshake()
            except ssl.SSLWantReadError:
                selector.modify(sock, selectors.EVENT_READ)
            except ssl.SSLWantWriteError:
                selector.modify(sock, selectors.EVENT_WRITE)
            else:
                return
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.close()
