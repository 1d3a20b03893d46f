"""Links to all peers of a run: who listens, who connects, and one queue where everything that happens arrives.

Each pair of parties has one TLS 1.3 channel with both certificates pinned (`psi.transport.tls`). A thread for each
link only moves frames into the queue; every decision is the state machine's.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from mpc import words, words_messages
from mpc.messages import Cause, Failure
from mpc.parties import PartyList
from psi.identity.identity import Identity, PeerIdentity
from psi.transport.pinning import HungUpError
from psi.transport.tls import Listener, connect
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame
from psiselect.base import threads
from psiselect.base.errors import PsiselectError, RemoteError, ResourceError, TransportError

_RETRY_SECONDS = 0.2
_GOODBYE_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Connected:
    """The authenticated link to `peer` stands."""

    peer: str


@dataclass(frozen=True, slots=True)
class Received:
    """A frame from `peer`."""

    peer: str
    frame: Frame


@dataclass(frozen=True, slots=True)
class Lost:
    """The link to `peer` is gone, or what came over it was no frame."""

    peer: str
    error: PsiselectError


Event = Connected | Received | Lost


class Mesh:
    """One party's links. Leaving it as a context manager flushes and closes them.

    events: what happened, in order for each peer. problems: the last failed attempt to reach a peer, for messages.
    farewell: what a peer hears that gets its link while this party leaves; None for nothing.
    Raises InputError when the identity is not the roster's, TransportError when it cannot listen.
    """

    def __init__(self, roster: PartyList, me: str, identity: Identity, timeout: float) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.problems: dict[str, str] = {}
        self.farewell: Frame | None = None
        own = roster[me]
        if identity.fingerprint != own.fingerprint:
            raise words.other_identity(me)
        self._identity = identity
        self._me = me
        self._deadline = time.monotonic() + timeout
        self._channels: dict[str, TlsChannel] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener: Listener | None = None
        peers = {p.name: PeerIdentity.from_der(p.certificate, p.name) for p in roster.peers(me)}
        expected = {p.fingerprint: n for n, p in peers.items() if roster.listens(me, n)}
        if expected and own.address is not None:
            awaited = [peers[n] for n in expected.values()]
            self._listener = Listener(str(own.address), identity, awaited, timeout=timeout)
            self._start(self._accept, self._listener, expected)
        for name, peer in peers.items():
            if not roster.listens(me, name):
                self._start(self._connect, name, str(roster[name].address), peer)

    def send(self, peer: str, frame: Frame) -> None:
        """Queue a frame; blocks while the peer is slow. Raises TransportError when the link is down or not there."""
        with self._lock:
            channel = self._channels.get(peer)
        if channel is None:
            raise words_messages.no_link(peer)
        channel.send(frame)

    @property
    def bytes_sent(self) -> int:
        """Application bytes over all links, without TLS."""
        return sum(c.bytes_sent for c in self._channels.values())

    @property
    def bytes_received(self) -> int:
        """Application bytes over all links, without TLS."""
        return sum(c.bytes_received for c in self._channels.values())

    def close(self) -> None:
        """Stop listening; flush and close every link, all at once, for a few seconds at most."""
        with self._lock:
            self._closing.set()
            channels = list(self._channels.values())
        if self._listener is not None:
            self._listener.close()
        closers = []
        for channel in channels:
            try:
                closers.append(threads.start(channel.close, name="psiselect-closing"))
            except ResourceError:
                channel.close()  # one after the other, then
        until = time.monotonic() + _GOODBYE_SECONDS
        for closer in closers:
            closer.join(max(0.0, until - time.monotonic()))

    def __enter__(self) -> Mesh:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # From here on: threads, one for the listener and one for each link.

    @staticmethod
    def _start(target: Callable[..., object], *args: object) -> None:
        threads.start(target, *args, name="psiselect-mpc")

    def _accept(self, listener: Listener, expected: dict[bytes, str]) -> None:
        waiting = set(expected.values())
        while True:
            try:
                channel = listener.accept()
            except PsiselectError:
                return  # time is up, or the mesh was closed: the state machine knows who is missing
            name = expected[channel.peer_fingerprint]
            if name in waiting:
                waiting.discard(name)
                self._start(self._read, name, channel)
            else:  # a second connection of one party, as when it was restarted: the first one counts
                self._start(self._turn_away, name, channel)

    def _turn_away(self, name: str, channel: TlsChannel) -> None:
        """Say why, rather than leave a party to wait that was started again while its first run goes on or ends."""
        self._hang_up(channel, Failure(Cause.LOST, name, self._me).frame())

    @staticmethod
    def _hang_up(channel: TlsChannel, last: Frame | None) -> None:
        with contextlib.suppress(PsiselectError):
            if last is not None:
                channel.send(last)
        channel.close()

    def _connect(self, name: str, address: str, peer: PeerIdentity) -> None:
        while not self._closing.is_set() and (left := self._deadline - time.monotonic()) > 0:
            try:
                channel = connect(address, self._identity, [peer], timeout=left)
            except PsiselectError as error:
                self.problems[name] = str(error)
            else:
                if self._read(name, channel):
                    return
            self._closing.wait(_RETRY_SECONDS)

    def _read(self, name: str, channel: TlsChannel) -> bool:
        """Pass on what comes, to the end of the link. False when the peer hung up before it said anything: it was about
        to end, and may be started again."""
        heard = False
        with self._lock:
            if self._closing.is_set():
                closing = True
            else:
                closing, self._channels[name] = False, channel
        if closing:
            self._hang_up(channel, self.farewell)
            return True
        self.events.put(Connected(name))
        try:
            while not self._closing.is_set():
                frame = channel.receive(1.0)
                if frame is not None:
                    heard = True
                    self.events.put(Received(name, frame))
        except (TransportError, RemoteError) as error:
            self.problems[name] = str(error)
            self.events.put(Lost(name, error))
            return heard or not isinstance(error, HungUpError)
        except PsiselectError:
            pass  # closed by this side
        return True
