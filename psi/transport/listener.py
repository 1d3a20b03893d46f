"""The listening end: a socket, the thread that receives callers there, and the peers that were let in.

Whoever is not pinned is refused by the handshake and told why by a TLS alert; the listener logs the reason (logger
`psiselect.transport`) and goes on. How callers are received is in `psi.transport.reception`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from psi.identity.identity import Identity, PeerIdentity
from psi.transport.address import Address, listening_socket
from psi.transport.pinning import LinkEnd, make_context, pin
from psi.transport.reception import Reception, Slots
from psi.transport.stream import TlsStream
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame
from psiselect.base import threads
from psiselect.base.errors import ResourceError, TransportError, UsageError

_MAX_READY = 64  # peers that nobody has accepted yet
_CLOSING_SECONDS = 5.0  # the thread needs a moment: it never waits for a caller
_LONGEST_WAIT = 3600.0  # a condition cannot wait for ever at once


class Listener:
    """Accepts pinned peers at an address; a context manager. All methods may be called from any thread.

    address: where it listens, with the real port if 0 was asked for. slots: who may come in now; without it, every
    pinned peer, as long as not too many wait to be accepted. busy_frame: what a pinned peer is told that gets no slot.
    Raises TransportError when it cannot listen there, and
    otherwise as `psi.transport.tls.connect`.
    """

    def __init__(
        self,
        address: str,
        identity: Identity,
        peers: Iterable[PeerIdentity],
        *,
        timeout: float,
        slots: Slots | None = None,
        busy_frame: Frame | None = None,
    ) -> None:
        wanted = Address.parse(address)
        pins = pin(identity, peers)
        context = make_context(LinkEnd.LISTENER, identity, pins)
        self._own_fingerprint = identity.fingerprint
        self._timeout = timeout
        self._ready: deque[tuple[TlsStream, PeerIdentity]] = deque()
        self._changed = threading.Condition()
        self._refusals = 0
        self._last_refusal = ""
        self._stopping = False
        self._slots = slots or _OpenSlots(self._ready)
        sock = listening_socket(wanted, "cannot listen on", backlog=1024)
        sock.setblocking(False)
        self.address = str(Address(*sock.getsockname()[:2]))
        self._reception = Reception(
            sock, context, pins, self._slots, timeout, self._admitted, self._refused, busy_frame=busy_frame
        )
        try:
            self._thread = threads.start(self._run, name="psiselect-listener")
        except ResourceError:
            self._reception.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether peers can still come."""
        return not self._stopping

    def turning(self) -> bool:
        """Whether the thread that receives callers is still at work, and not held up. Never waits."""
        return self._reception.heart.turning()

    def ready(self, wait: float) -> bool:
        """Wait up to `wait` seconds until `accept` would return, or raise, at once; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._ready) or self._stopping, wait)

    def accept(self, wait: float | None = None) -> TlsChannel:
        """The next pinned peer's channel. Raises TransportError when none has come within `wait` seconds (default: the
        listener's timeout; `math.inf` for ever), or when this side has no room for its channel; UsageError once the
        listener is closed."""
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
            stream, peer = self._ready.popleft()
        self.reconsider()
        try:
            return TlsChannel(
                stream,
                own_fingerprint=self._own_fingerprint,
                peer_fingerprint=peer.fingerprint,
                timeout=self._timeout,
            )
        except (OSError, ResourceError) as error:  # no file descriptors, or no thread, to be had
            self._turn_away(stream, peer)
            raise TransportError(f"no room for a session with {peer.name}: {error}") from None

    def reconsider(self) -> None:
        """A slot is free: peers that wait for one may come in now."""
        with self._changed:
            if not self._stopping:
                self._reception.call()

    def close(self) -> None:
        """Stop listening; channels that were accepted live on. Safe to call twice."""
        with self._changed:
            if not self._stopping:
                self._reception.call(stop=True)
                self._stopping = True
                self._changed.notify_all()
        self._thread.join(_CLOSING_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _nobody_came(self, wait: float) -> str:
        text = f"no pinned peer connected to {self.address} within {wait:g} s"
        if self._refusals:
            text += f"; {self._refusals} other connections were refused, the last because {self._last_refusal}"
        return text

    def _turn_away(self, stream: TlsStream, peer: PeerIdentity) -> None:
        """Back to the reception, which tells the peer to come later."""
        with self._changed:
            if not self._stopping:
                self._reception.take_back(stream, peer)
                self._slots.leave(peer.fingerprint)
                return
        self._lose(stream, peer)

    def _lose(self, stream: TlsStream, peer: PeerIdentity) -> None:
        stream.close()
        self._slots.leave(peer.fingerprint)

    # From here on, everything runs in the listener's thread.

    def _run(self) -> None:
        try:
            self._reception.run()
        finally:
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
                while self._ready:
                    self._lose(*self._ready.popleft())

    def _admitted(self, stream: TlsStream, peer: PeerIdentity) -> None:
        with self._changed:
            self._ready.append((stream, peer))
            self._changed.notify_all()

    def _refused(self, why: str) -> None:
        with self._changed:
            self._refusals += 1
            self._last_refusal = why


class _OpenSlots:
    """Lets everybody in who is pinned, until too many wait to be accepted."""

    def __init__(self, ready: deque[tuple[TlsStream, PeerIdentity]]) -> None:
        self._ready = ready

    def enter(self, peer: bytes) -> bool:
        return len(self._ready) < _MAX_READY

    def leave(self, peer: bytes) -> None:
        pass
