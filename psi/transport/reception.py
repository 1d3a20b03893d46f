"""Everybody who has connected and is not a peer with a channel yet: one thread, no waiting, bounded in number and time.

A caller is silent or in its handshake, then waits for a slot, and is admitted. Or it is refused, and read until it
closes. When there are too many callers, one gives way to the next (`_gives_way`, decision 0305).
"""

from __future__ import annotations

import contextlib
import enum
import ipaddress
import selectors
import socket
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from psi.identity.identity import Identity, PeerIdentity
from psi.transport import words
from psi.transport.address import Address, close, tune
from psi.transport.credentials import Credentials
from psi.transport.heartbeat import BEAT_SECONDS, Heartbeat
from psi.transport.pinning import handshake_done, pinned_peer, reason
from psi.transport.stream import TlsStream
from psi.transport.wire import Frame
from psiselect.base.errors import TransportError
from psiselect.base.events import SafeLogger, event

LOGGER = SafeLogger("psiselect.transport")

_HANDSHAKE_SECONDS = 10.0
_SLOT_SECONDS = 5.0  # how long a peer waits for a slot: longer than the end of a session takes
_REFUSAL_SECONDS = 2.0
_REFUSAL_BYTES = 1 << 20
_MAX_CALLERS = 256
_MAX_NEW = 32  # callers taken in between two looks at those who are here
_MAX_WAITING = 4  # callers of one peer that wait for a slot
_RETRY_SECONDS = 0.2


class Slots(Protocol):
    """Decides which pinned peers may come in now. Called in the listener's thread, so it must not block."""

    def enter(self, peer: bytes) -> bool:
        """Whether there is a slot for the peer (a fingerprint); then it has it, until `leave`."""
        ...

    def leave(self, peer: bytes) -> None:
        """A peer that had entered has gone, or got no channel after all."""
        ...


class _Stage(enum.Enum):
    """In the order in which they give way."""

    REFUSED = enum.auto()  # and being read until it closes
    HANDSHAKE = enum.auto()  # silent so far, or in its handshake
    WAITING = enum.auto()  # a pinned peer, for a slot


@dataclass(frozen=True, slots=True)
class Admitted:
    """A peer that was let in, the link to it, and the identity of this side that it was shown."""

    stream: TlsStream
    peer: PeerIdentity
    own: Identity


@dataclass(slots=True, eq=False)
class _Caller:
    sock: socket.socket
    address: Address
    deadline: float
    credentials: Credentials  # as they were when it came
    stage: _Stage = _Stage.HANDSHAKE
    stream: TlsStream | None = None  # over the socket; a caller that has sent nothing yet costs no TLS state
    peer: PeerIdentity | None = None  # from WAITING on
    own: Identity | None = None  # which it was shown; from WAITING on
    heard: int = 0  # bytes discarded since it was refused
    network: str = field(init=False)  # where it calls from, as `_gives_way` counts it

    def __post_init__(self) -> None:
        self.network = _network(self.address.host)

    def told(self) -> dict[str, str]:
        """What a log says of a peer."""
        peer = self.peer
        known = {} if peer is None else {"peer": peer.name, "fingerprint": peer.fingerprint.hex()[:16]}
        return {**known, "address": str(self.address)}


class Reception:
    """Runs in one thread (`run`), which alone touches it but for `call`, `take_back` and `heart`.

    credentials: what callers to come are shown, and who of them may come in; may be replaced from any thread.
    admitted(came): takes over the link to a peer that has entered.
    refused(why): called for every caller that is not let in. busy_frame: what a pinned peer is told when it gets no
    slot; None for nothing.
    """

    def __init__(
        self,
        listening: Sequence[socket.socket],
        credentials: Credentials,
        slots: Slots,
        timeout: float,
        admitted: Callable[[Admitted], None],
        refused: Callable[[str], None],
        *,
        busy_frame: Frame | None,
    ) -> None:
        self._sockets = tuple(listening)
        self.credentials = credentials
        self._slots = slots
        self._timeout = timeout
        self._admitted = admitted
        self._refused = refused
        self._busy = b"" if busy_frame is None else bytes(busy_frame.header()) + bytes(busy_frame.view())
        self._stopping = False
        self._returned: deque[_Caller] = deque()
        self.heart = Heartbeat()
        self._callers: dict[int, _Caller] = {}  # by file descriptor, oldest first
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakes = socket.socketpair()
        self._waker.setblocking(False)
        self._wakes.setblocking(False)

    def call(self, *, stop: bool = False) -> None:
        """From any thread, not after `run` has returned: offer the slots again, or stop."""
        self._stopping |= stop
        with contextlib.suppress(OSError):  # full: it has been called already
            self._waker.send(b"\0")

    def take_back(self, came: Admitted) -> None:
        """From any thread, not after `run` has returned: tell a peer that was admitted that it gets no slot after all.
        The slot itself is the caller's to give back."""
        stream = came.stream
        caller = _Caller(stream.sock, _peer_address(stream), 0.0, self.credentials, _Stage.WAITING, stream, came.peer)
        self._returned.append(caller)
        self.call()

    def close(self) -> None:
        """Instead of `run`."""
        self._selector.close()
        for listening in self._sockets:
            listening.close()
        self._wakes.close()
        self._waker.close()

    def run(self) -> None:
        """Receive callers until `call(stop=True)`; then everybody who is still here is sent away."""
        try:
            for listening in self._sockets:
                self._selector.register(listening, selectors.EVENT_READ)
            self._selector.register(self._wakes, selectors.EVENT_READ)
            while not self._stopping:
                self.heart.beat()
                ready = [key for key, _ in self._selector.select(self._until_next_deadline())]
                for key in ready:
                    if key.fileobj is self._wakes:
                        self._wakes.recv(64)
                        self._turn_back()
                        self._offer_slots()
                    elif caller := self._callers.get(key.fd):
                        self._advance(caller)
                for key in ready:  # after all others: a new caller may cost one of them its place
                    if key.fileobj in self._sockets:
                        self._accept_new(key.fileobj)
                self._expire()
        finally:
            for caller in (*self._callers.values(), *self._returned):
                self._say_busy(caller)
                close(caller.sock)
            self.close()

    def _until_next_deadline(self) -> float:
        """Or the next beat."""
        if not self._callers:
            return BEAT_SECONDS
        left = min(caller.deadline for caller in self._callers.values()) - time.monotonic()
        return max(0.0, min(left, BEAT_SECONDS))

    def _accept_new(self, listening: socket.socket) -> None:
        """Take what waits in the backlog, up to a round's worth."""
        for _ in range(_MAX_NEW):
            try:
                sock, name = listening.accept()
            except BlockingIOError:
                return
            except OSError as error:  # out of file descriptors, or the caller has left already
                known = event("no_room", reason=error.strerror)
                LOGGER.warning(words.NOT_ACCEPTED, error.strerror, extra=known)
                if self._callers:
                    self._drop(_gives_way(self._callers.values()), words.NO_ROOM_LEFT)
                else:
                    time.sleep(_RETRY_SECONDS)
                return
            if len(self._callers) >= _MAX_CALLERS:
                self._drop(_gives_way(self._callers.values()), words.GAVE_WAY)
            sock.setblocking(False)
            deadline = time.monotonic() + min(_HANDSHAKE_SECONDS, self._timeout)
            caller = _Caller(sock, Address(*name[:2]), deadline, self.credentials)
            self._callers[sock.fileno()] = caller
            self._selector.register(sock.fileno(), selectors.EVENT_READ)

    def _advance(self, caller: _Caller) -> None:
        """The caller's socket has something to read, or room to write."""
        if caller.stage is _Stage.REFUSED:
            self._read_out(caller)
            return
        try:
            if caller.stream is None:
                tune(caller.sock)
                caller.stream = TlsStream(caller.sock, caller.credentials.context, server_side=True)
            caller.stream.do_handshake()
            peer = pinned_peer(caller.stream.tls, caller.credentials.pins)
            caller.own = caller.credentials.shown(caller.stream.tls)
            handshake_done(caller.stream.tls)
        except ssl.SSLWantReadError:
            self._selector.modify(caller.sock.fileno(), selectors.EVENT_READ)
        except ssl.SSLWantWriteError:
            self._selector.modify(caller.sock.fileno(), selectors.EVENT_WRITE)
        except TransportError as error:
            self._refuse(caller, str(error))
        except OSError as error:
            self._refuse(caller, reason(error, None if caller.stream is None else caller.stream.tls))
        except Exception:
            # Nothing that one caller brings may end the listener, not even a fault of ours or of the TLS library.
            LOGGER.exception(words.BUG, caller.address, extra=event("bug"))
            self._drop(caller, words.BUG_HERE)
        else:
            self._await_slot(caller, peer)

    def _await_slot(self, caller: _Caller, peer: PeerIdentity) -> None:
        self._selector.unregister(caller.sock.fileno())  # what it says meanwhile is for the session
        caller.stage, caller.peer = _Stage.WAITING, peer
        caller.deadline = time.monotonic() + min(_SLOT_SECONDS, self._timeout)
        if not self._enter(caller) and sum(other.peer is peer for other in self._waiting()) > _MAX_WAITING:
            self._turn_away(caller)

    def _waiting(self) -> list[_Caller]:
        return [caller for caller in self._callers.values() if caller.stage is _Stage.WAITING]

    def _offer_slots(self) -> None:
        for caller in self._waiting():
            self._enter(caller)

    def _enter(self, caller: _Caller) -> bool:
        peer, stream, own = caller.peer, caller.stream, caller.own
        if peer is None or stream is None or own is None:
            return False
        if peer.fingerprint not in self.credentials.pins:  # no longer, while it waited
            self._turn_away(caller)
            return True
        if not self._slots.enter(peer.fingerprint):
            return False
        self._forget(caller)
        LOGGER.info(words.ACCEPTED, peer.name, caller.address, extra=event("accepted", **caller.told()))
        self._admitted(Admitted(stream, peer, own))
        return True

    def _turn_back(self) -> None:
        while self._returned:
            caller = self._returned.popleft()
            self._callers[caller.sock.fileno()] = caller
            self._say_busy(caller)
            self._refuse(caller, words.NO_ROOM_NOW)

    def _turn_away(self, caller: _Caller) -> None:
        self._say_busy(caller)
        self._refuse(caller, words.NO_SLOT)

    def _say_busy(self, caller: _Caller) -> None:
        """Tell a peer that waits for a slot, as far as its socket has room, that it gets none."""
        if caller.stage is _Stage.WAITING and caller.stream is not None:
            with contextlib.suppress(OSError):
                if self._busy:
                    caller.stream.send(memoryview(self._busy))
                caller.stream.say_goodbye()

    def _refuse(self, caller: _Caller, why: str) -> None:
        """Log it, then hear the caller out for a moment: closing with its bytes unread would make a reset, which can
        overtake the alert that tells it why."""
        self._log_refusal(caller, why)
        fd = caller.sock.fileno()
        caller.stage, caller.stream = _Stage.REFUSED, None
        caller.deadline = time.monotonic() + _REFUSAL_SECONDS
        try:
            caller.sock.shutdown(socket.SHUT_WR)
            self._unwatch(fd)
            self._selector.register(fd, selectors.EVENT_READ)
        except OSError:
            self._forget(caller)
            close(caller.sock)

    def _read_out(self, caller: _Caller) -> None:
        try:
            count = len(caller.sock.recv(1 << 16))
        except BlockingIOError:
            return
        except OSError:
            count = 0
        caller.heard += count
        if count == 0 or caller.heard > _REFUSAL_BYTES:
            self._forget(caller)
            close(caller.sock)

    def _expire(self) -> None:
        now = time.monotonic()
        for caller in [v for v in self._callers.values() if v.deadline <= now]:
            if caller.stage is _Stage.WAITING:
                self._turn_away(caller)
            else:
                self._drop(caller, words.TOO_SLOW)

    def _drop(self, caller: _Caller, why: str) -> None:
        self._say_busy(caller)
        if caller.stage is _Stage.HANDSHAKE:
            self._log_refusal(caller, why)
        elif caller.stage is _Stage.WAITING:
            self._log_refusal(caller, words.TOO_MANY_WAIT)
        self._forget(caller)
        close(caller.sock)

    def _forget(self, caller: _Caller) -> None:
        fd = caller.sock.fileno()
        self._unwatch(fd)
        del self._callers[fd]

    def _unwatch(self, fd: int) -> None:
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def _log_refusal(self, caller: _Caller, why: str) -> None:
        if caller.peer is None:
            known = event("refused", reason=why, **caller.told())
            LOGGER.warning(words.REFUSED, caller.address, why, extra=known)
        else:
            known = event("turned_away", reason=why, **caller.told())
            LOGGER.warning(words.TURNED_AWAY, caller.peer.name, caller.address, why, extra=known)
        self._refused(why)


def _gives_way(callers: Collection[_Caller]) -> _Caller:
    """Who loses its place to the next. callers: at least one, oldest first.

    Whoever is refused already comes first, and a peer that waits for a slot last. Among others it is one of the network
    with the most callers, so that a crowd pushes out its own. There it is one that has said nothing, and the oldest.
    """
    crowds = Counter(caller.network for caller in callers)
    return min(callers, key=lambda v: (v.stage.value, -crowds[v.network], v.stream is not None))


def _network(host: str) -> str:
    """An IPv4 address, or the half of an IPv6 address that is a network's: whoever has one address has all of it."""
    if ":" not in host:
        return host
    return ipaddress.IPv6Address(host.partition("%")[0]).packed[:8].hex()


def _peer_address(stream: TlsStream) -> Address:
    try:
        return Address(*stream.sock.getpeername()[:2])
    except OSError:  # it has left already
        return Address("?", 0)
