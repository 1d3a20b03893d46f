"""The listening end: sockets, the thread that receives callers there, and the peers that were let in.

Whoever is not pinned is refused by the handshake and told why by a TLS alert; the listener logs the reason (logger
`psiselect.transport`) and goes on. How callers are received is in `psi.transport.reception`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from psi.identity.identity import Identity, PeerIdentity
from psi.transport import words
from psi.transport.address import Address
from psi.transport.credentials import Credentials
from psi.transport.listening import address_of, open_sockets
from psi.transport.reception import Admitted, Reception, Slots
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame
from psiselect.base import threads
from psiselect.base.errors import ResourceError

_MAX_READY = 64  # peers that nobody has accepted yet
_CLOSING_SECONDS = 5.0  # the thread needs a moment: it never waits for a caller
_LOOK_SECONDS = 0.2  # between two looks of a caller that may give up
_LONGEST_WAIT = 3600.0  # a condition cannot wait for ever at once


class Listener:
    """Accepts pinned peers at one or more addresses; a context manager. All methods may be called from any thread.

    Args:
        address: `HOST:PORT`, or several; the host `*` stands for all addresses of this machine. Port 0 picks one.
        identity: one's own, or several (see `psi.transport.credentials`).
        slots: who may come in now; without it, every pinned peer, as long as not too many wait to be accepted.
        busy_frame: what a pinned peer is told that gets no slot.

    Attributes:
        addresses: where it listens, with real ports. address: the first of them.

    Raises TransportError when it cannot listen there, and otherwise as `psi.transport.tls.connect`.
    """

    def __init__(
        self,
        address: str | Sequence[str],
        identity: Identity | Sequence[Identity],
        peers: Iterable[PeerIdentity],
        *,
        timeout: float,
        slots: Slots | None = None,
        busy_frame: Frame | None = None,
    ) -> None:
        wanted = [Address.parse(text, every=True) for text in ([address] if isinstance(address, str) else address)]
        credentials = Credentials([identity] if isinstance(identity, Identity) else identity, peers)
        self._timeout = timeout
        self._ready: deque[Admitted] = deque()
        self._changed = threading.Condition()
        self._refusals = 0
        self._last_refusal = ""
        self._stopping = False
        self._slots = slots or _OpenSlots(self._ready)
        sockets = open_sockets(wanted, "listen")
        self.addresses = [str(address_of(sock)) for sock in sockets]
        self.address = self.addresses[0]
        self._reception = Reception(
            sockets, credentials, self._slots, timeout, self._admitted, self._refused, busy_frame=busy_frame
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

    def accept(self, wait: float | None = None, *, look: Callable[[], None] | None = None) -> TlsChannel:
        """The next pinned peer's channel. look: called several times a second meanwhile; what it raises ends the wait.
        Raises TransportError when none has come within `wait` seconds (default: the
        listener's timeout; `math.inf` for ever), or when this side has no room for its channel; UsageError once the
        listener is closed."""
        wait = self._timeout if wait is None else wait
        deadline = time.monotonic() + wait
        with self._changed:
            while not self._ready:
                if self._stopping:
                    raise words.closed_listener()
                if look is not None:
                    look()
                left = deadline - time.monotonic()
                if left <= 0:
                    raise words.nobody_came(", ".join(self.addresses), wait, self._refusals, self._last_refusal)
                self._changed.wait(min(left, _LONGEST_WAIT if look is None else _LOOK_SECONDS))
            came = self._ready.popleft()
        self.reconsider()
        try:
            return TlsChannel(
                came.stream,
                own_fingerprint=came.own.fingerprint,
                peer_fingerprint=came.peer.fingerprint,
                timeout=self._timeout,
            )
        except (OSError, ResourceError) as error:  # no file descriptors, or no thread, to be had
            self._turn_away(came)
            raise words.no_room(came.peer.name, error) from None

    def renew(self, credentials: Credentials) -> None:
        """Show these identities and let these peers in, from the next caller on. Peers that were accepted stay."""
        self._reception.credentials = credentials
        self.reconsider()

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

    def _turn_away(self, came: Admitted) -> None:
        """Back to the reception, which tells the peer to come later."""
        with self._changed:
            if not self._stopping:
                self._reception.take_back(came)
                self._slots.leave(came.peer.fingerprint)
                return
        self._lose(came)

    def _lose(self, came: Admitted) -> None:
        came.stream.close()
        self._slots.leave(came.peer.fingerprint)

    # From here on, everything runs in the listener's thread.

    def _run(self) -> None:
        try:
            self._reception.run()
        finally:
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
                while self._ready:
                    self._lose(self._ready.popleft())

    def _admitted(self, came: Admitted) -> None:
        with self._changed:
            self._ready.append(came)
            self._changed.notify_all()

    def _refused(self, why: str) -> None:
        with self._changed:
            self._refusals += 1
            self._last_refusal = why


class _OpenSlots:
    """Lets everybody in who is pinned, until too many wait to be accepted."""

    def __init__(self, ready: deque[Admitted]) -> None:
        self._ready = ready

    def enter(self, peer: bytes) -> bool:
        return len(self._ready) < _MAX_READY

    def leave(self, peer: bytes) -> None:
        pass
