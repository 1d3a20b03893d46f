"""Everybody who has connected and is not a peer with a channel yet: one thread, no waiting, bounded in number and time.

A visitor is silent or in its handshake, then stands at the door, and enters; or it is refused and heard out. One that
is one too many costs the oldest its place.
"""

from __future__ import annotations

import contextlib
import enum
import logging
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from psi.identity.identity import PeerIdentity
from psi.transport.address import Address, close, tune
from psi.transport.pinning import PinnedSocket, Pins, handshake_done, pinned_peer, reason
from psi.transport.wire import Frame
from psiselect.base.errors import TransportError
from psiselect.base.events import event

LOGGER = logging.getLogger("psiselect.transport")

_HANDSHAKE_SECONDS = 10.0
_DOOR_SECONDS = 5.0  # how long a peer waits for a place: longer than the end of a session takes
_FAREWELL_SECONDS = 2.0
_FAREWELL_BYTES = 1 << 20
_MAX_VISITORS = 256
_MAX_WAITING = 4  # of one peer at the door
_RETRY_SECONDS = 0.2


class Door(Protocol):
    """Decides which pinned peers may come in now. Called in the listener's thread, so it must not block.

    regret: what a peer is told for whom there is no place.
    """

    regret: Frame

    def enter(self, peer: bytes) -> bool:
        """Whether there is a place for the peer (a fingerprint); then it has it, until `leave`."""
        ...

    def leave(self, peer: bytes) -> None:
        """A peer that had entered has gone, or got no channel after all."""
        ...


class _Stage(enum.Enum):
    HANDSHAKE = enum.auto()  # silent so far, or in its handshake
    WAITING = enum.auto()  # a pinned peer at the door
    REFUSED = enum.auto()  # and being heard out


@dataclass(slots=True, eq=False)
class _Visitor:
    sock: socket.socket  # a PinnedSocket once the first byte has arrived: a silent visitor costs no TLS state
    address: Address
    deadline: float
    stage: _Stage = _Stage.HANDSHAKE
    peer: PeerIdentity | None = None  # from WAITING on
    heard: int = 0  # bytes discarded since it was refused

    def told(self) -> dict[str, str]:
        """What a log says of a peer."""
        peer = self.peer
        known = {} if peer is None else {"peer": peer.name, "fingerprint": peer.fingerprint.hex()[:16]}
        return {**known, "address": str(self.address)}


class Reception:
    """Runs in one thread (`run`), which alone touches it but for `call`.

    admitted(sock, peer): takes over the socket of a peer that has entered; False when there is no room for it now.
    refused(why): called for every visitor that is not let in.
    """

    def __init__(
        self,
        listening: socket.socket,
        context: ssl.SSLContext,
        pins: Pins,
        door: Door,
        timeout: float,
        admitted: Callable[[ssl.SSLSocket, PeerIdentity], None],
        refused: Callable[[str], None],
    ) -> None:
        self._socket = listening
        self._context = context
        self._pins = pins
        self._door = door
        self._timeout = timeout
        self._admitted = admitted
        self._refused = refused
        self._stopping = False
        self._visitors: dict[int, _Visitor] = {}  # by file descriptor, oldest first
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakes = socket.socketpair()
        self._waker.setblocking(False)
        self._wakes.setblocking(False)

    def call(self, *, stop: bool = False) -> None:
        """From any thread, not after `run` has returned: look at the door again, or stop."""
        self._stopping |= stop
        with contextlib.suppress(OSError):  # full: it has been called already
            self._waker.send(b"\0")

    def run(self) -> None:
        """Receive visitors until `call(stop=True)`; then everybody who is still here is sent away."""
        try:
            self._selector.register(self._socket, selectors.EVENT_READ)
            self._selector.register(self._wakes, selectors.EVENT_READ)
            while not self._stopping:
                for key, _ in self._selector.select(self._until_next_deadline()):
                    if key.fileobj is self._socket:
                        self._welcome()
                    elif key.fileobj is self._wakes:
                        self._wakes.recv(64)
                        self._look_at_the_door()
                    elif visitor := self._visitors.get(key.fd):
                        self._advance(visitor)
                self._expire()
        finally:
            for visitor in self._visitors.values():
                self._say_farewell(visitor)
                close(visitor.sock)
            self._selector.close()
            self._socket.close()
            self._wakes.close()
            self._waker.close()

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
                known = event("no_room", reason=error.strerror)
                LOGGER.warning("cannot accept a connection: %s", error.strerror, extra=known)
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
        if visitor.stage is _Stage.REFUSED:
            self._hear_out(visitor)
            return
        try:
            if not isinstance(visitor.sock, ssl.SSLSocket):
                tune(visitor.sock)
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
        except Exception:
            # Nothing that one visitor brings may end the listener, not even a fault of ours or of the TLS library.
            LOGGER.exception("a connection from %s met a bug", visitor.address, extra=event("bug"))
            self._drop(visitor, "this side has a bug")
        else:
            self._bring_to_the_door(visitor, peer)

    def _bring_to_the_door(self, visitor: _Visitor, peer: PeerIdentity) -> None:
        self._selector.unregister(visitor.sock.fileno())  # what it says meanwhile is for the session
        visitor.stage, visitor.peer = _Stage.WAITING, peer
        visitor.deadline = time.monotonic() + min(_DOOR_SECONDS, self._timeout)
        if not self._enter(visitor) and sum(other.peer is peer for other in self._waiting()) > _MAX_WAITING:
            self._turn_away(visitor)

    def _waiting(self) -> list[_Visitor]:
        return [visitor for visitor in self._visitors.values() if visitor.stage is _Stage.WAITING]

    def _look_at_the_door(self) -> None:
        for visitor in self._waiting():
            self._enter(visitor)

    def _enter(self, visitor: _Visitor) -> bool:
        peer, sock = visitor.peer, visitor.sock
        if peer is None or not isinstance(sock, ssl.SSLSocket) or not self._door.enter(peer.fingerprint):
            return False
        self._forget(visitor)
        LOGGER.info("accepted %s from %s", peer.name, visitor.address, extra=event("accepted", **visitor.told()))
        self._admitted(sock, peer)
        return True

    def _turn_away(self, visitor: _Visitor) -> None:
        self._say_farewell(visitor)
        self._refuse(visitor, "there is no place for one more session with it now")

    def _say_farewell(self, visitor: _Visitor) -> None:
        """Tell a peer at the door, as far as its socket has room, that it stays out."""
        if visitor.stage is _Stage.WAITING and isinstance(visitor.sock, ssl.SSLSocket):
            with contextlib.suppress(OSError):  # SSLWantReadError in the end: its goodbye is not waited for
                visitor.sock.send(self._door.regret.header() + self._door.regret.view())
                visitor.sock.unwrap()

    def _refuse(self, visitor: _Visitor, why: str) -> None:
        """Log it, then hear the visitor out for a moment: closing with its bytes unread would make a reset, which can
        overtake the alert that tells it why."""
        self._log_refusal(visitor, why)
        fd = visitor.sock.fileno()
        if fd < 0:  # the TLS layer has closed it already
            self._visitors = {k: v for k, v in self._visitors.items() if v is not visitor}
            return
        visitor.stage = _Stage.REFUSED
        visitor.deadline = time.monotonic() + _FAREWELL_SECONDS
        try:
            if isinstance(visitor.sock, ssl.SSLSocket):
                visitor.sock = socket.socket(fileno=visitor.sock.detach())
            visitor.sock.shutdown(socket.SHUT_WR)
            self._unwatch(fd)
            self._selector.register(fd, selectors.EVENT_READ)
        except OSError:
            self._forget(visitor)
            close(visitor.sock)

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
            close(visitor.sock)

    def _expire(self) -> None:
        now = time.monotonic()
        for visitor in [v for v in self._visitors.values() if v.deadline <= now]:
            if visitor.stage is _Stage.WAITING:
                self._turn_away(visitor)
            else:
                self._drop(visitor, "its handshake did not end in time")

    def _drop(self, visitor: _Visitor, why: str) -> None:
        self._say_farewell(visitor)
        if visitor.stage is _Stage.HANDSHAKE:
            self._log_refusal(visitor, why)
        elif visitor.stage is _Stage.WAITING:
            self._log_refusal(visitor, "too many others came while it waited for a place")
        self._forget(visitor)
        close(visitor.sock)

    def _forget(self, visitor: _Visitor) -> None:
        fd = visitor.sock.fileno()
        self._unwatch(fd)
        del self._visitors[fd]

    def _unwatch(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def _log_refusal(self, visitor: _Visitor, why: str) -> None:
        if visitor.peer is None:
            known = event("refused", reason=why, **visitor.told())
            LOGGER.warning("refused a connection from %s: %s", visitor.address, why, extra=known)
        else:
            known = event("turned_away", reason=why, **visitor.told())
            LOGGER.warning("turned away %s from %s: %s", visitor.peer.name, visitor.address, why, extra=known)
        self._refused(why)
