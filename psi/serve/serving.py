"""A listener that keeps running: which sessions run, each in a thread of its own, until it is told to stop.

What a session is, is the caller's business: `Server` hands each peer's channel to it and keeps the limits. No session,
however it ends, ends the server. A peer has a bounded number of slots, for a bounded time. Stopping waits for the
sessions that run, but not for ever.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from psi.serve import words
from psi.transport.heartbeat import BEAT_SECONDS, Heartbeat
from psi.transport.wire import Frame
from psiselect.base import threads
from psiselect.base.errors import ResourceError, TransportError, UsageError
from psiselect.base.events import SafeLogger, event

LOGGER = SafeLogger("psiselect.serving")

_RETRY_SECONDS = 0.2
_UNWRITTEN = 1  # sessions for each slot that are over, and whose results are still being written


class ServedChannel(Protocol):
    """What the server itself needs of a channel."""

    peer_fingerprint: bytes
    own_fingerprint: bytes

    @property
    def closing_since(self) -> float | None:
        """When this side began to close it, of `time.monotonic`; None before that."""
        ...

    def break_off(self, why: str, last: Frame | None = None) -> None:
        """End it from another thread; the peer gets `last`, where there is one."""
        ...


class Acceptor(Protocol):
    """What the server needs of a listener."""

    @property
    def alive(self) -> bool: ...

    def turning(self) -> bool: ...

    def ready(self, wait: float) -> bool: ...

    def accept(self, wait: float | None = None) -> ServedChannel: ...

    def reconsider(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ServeLimits:
    """How many sessions, and for how long.

    Attributes:
        total: sessions at once.
        each: sessions at once with one peer.
        proof_seconds: for a peer to say hello and to prove in the session who it is.
        session_seconds: the longest that a session may take (math.inf: no limit).
        pause_seconds: how long a slot stays taken after a session that failed, so that a peer whose sessions all fail
            cannot start thousands of them.
    """

    total: int
    each: int
    proof_seconds: float
    session_seconds: float = math.inf
    pause_seconds: float = 1.0

    @property
    def most_unwritten(self) -> int:
        """Sessions at once that run, or whose results are still being written."""
        return self.total * (1 + _UNWRITTEN)


@dataclass(frozen=True, slots=True)
class Counts:
    """Sessions since the start. failed: for whatever reason, refused ones included."""

    running: int
    done: int
    failed: int


class SessionSlots:
    """Which peers have a slot; the `Slots` of a listener. All methods may be called from any thread, and none waits
    but `wait_empty`."""

    def __init__(self, limits: ServeLimits) -> None:
        self._limits = limits
        self._inside: Counter[bytes] = Counter()
        self._writing: Counter[bytes] = Counter()  # their sessions are over, their results are not yet written
        self._running = self._done = self._failed = 0
        self._changed = threading.Condition()

    def enter(self, peer: bytes) -> bool:
        """See `psi.transport.reception.Slots`."""
        total, each = self._limits.total, self._limits.each
        with self._changed:
            held = self._inside.total() + self._writing.total()
            if self._inside.total() >= total or held >= self._limits.most_unwritten:
                return False
            if self._inside[peer] >= each or self._inside[peer] + self._writing[peer] >= each * (1 + _UNWRITTEN):
                return False
            self._inside[peer] += 1
            return True

    def leave(self, peer: bytes) -> None:
        """The slot is free again."""
        with self._changed:
            self._inside -= Counter([peer])
            self._changed.notify_all()

    def vacate(self, peer: bytes) -> None:
        """The slot is free again, and this side still has to write what the session has found."""
        with self._changed:
            self._writing[peer] += 1
        self.leave(peer)

    def written(self, peer: bytes) -> None:
        """That is written."""
        with self._changed:
            self._writing -= Counter([peer])
            self._changed.notify_all()

    def begun(self) -> None:
        """Somebody's session has begun."""
        with self._changed:
            self._running += 1

    def ended(self, *, well: bool) -> None:
        """A session that had begun is over."""
        with self._changed:
            self._running -= 1
            if well:
                self._done += 1
            else:
                self._failed += 1

    @property
    def counts(self) -> Counts:
        """How many sessions so far."""
        with self._changed:
            return Counts(self._running, self._done, self._failed)

    @property
    def unwritten(self) -> int:
        """Sessions that are over and whose results are not yet written."""
        with self._changed:
            return self._writing.total()

    def wait_empty(self, seconds: float) -> bool:
        """Wait until nobody has a slot and all results are written; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._inside or self._writing), seconds)


def _nothing() -> None:
    """What is left to do for a session that has no slot."""


@dataclass(slots=True, eq=False)
class ServedSession:
    """One session at the server. number: from 1, in order of arrival. began: of `time.monotonic`, None while this side
    still prepares, which is no fault of the peer's. withheld: its result was, which counts as done, since only a
    session that works gets so far; its slot still stays taken for the pause. vacate: called once, when it is over."""

    number: int
    channel: ServedChannel
    began: float | None = None
    proven: bool = False
    withheld: bool = False
    vacate: Callable[[], None] = _nothing
    over: bool = False

    def begin(self) -> None:
        """This side is ready; the clock runs."""
        self.began = time.monotonic()

    def prove(self) -> None:
        """The peer has proved in the session who it is."""
        self.proven = True

    def end(self) -> None:
        """All went well and the peer is gone: the session is done and its slot is free. This side still writes what
        it has found, and how long that takes may depend on the matches, which is not for the peer to see."""
        self.over = True
        self.vacate()

    def overdue(self, limits: ServeLimits, now: float) -> str | None:
        """Why it has to go, if it has; now is of `time.monotonic`."""
        if self.began is None:
            return None
        if now - self.began > limits.session_seconds:
            return words.too_long(limits.session_seconds)
        if not self.proven and now - self.began > limits.proof_seconds:
            return words.not_begun(limits.proof_seconds)
        return None


class Server:
    """Accepts peers from `listener`, which asks `slots` who may come in, and runs each session in a thread.

    run: runs one session to its end, logs what happened, closes the channel, and returns whether it ended well.
    busy_frame: what a peer is told for whose session the system grants no thread; None for nothing.
    """

    def __init__(
        self,
        listener: Acceptor,
        slots: SessionSlots,
        limits: ServeLimits,
        run: Callable[[ServedSession], bool],
        *,
        busy_frame: Frame | None = None,
        heart: Heartbeat | None = None,
    ) -> None:
        self._listener = listener
        self._slots = slots
        self._limits = limits
        self._run = run
        self._busy = busy_frame
        self._heart = heart or Heartbeat()
        self._number = 0  # of the last session
        self._sessions: dict[int, ServedSession] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._accepting: threading.Thread | None = None

    def start(self) -> None:
        """Let peers in. Raises ResourceError when the system grants no thread."""
        self._heart.beat()
        self._accepting = threads.start(self._accept, name="psiselect-accept")

    @property
    def alive(self) -> bool:
        """Whether new sessions can begin."""
        return not self._stopping.is_set() and self._serving

    @property
    def live(self) -> bool:
        """Whether this process can still do its work, if only to let its last sessions end; otherwise it has to be
        started again."""
        return self._accepting is None or self._stopping.is_set() or (self._serving and self.turning())

    @property
    def _serving(self) -> bool:
        return self._listener.alive and self._accepting is not None and self._accepting.is_alive()

    def turning(self) -> bool:
        """Whether the loops that let peers in are at work, and not held up by anything. Never waits."""
        return self._heart.turning() and self._listener.turning()

    def expel_overdue(self) -> None:
        """Break off sessions that have had their time; call it now and then."""
        now = time.monotonic()
        for session in self._inside():
            why = session.overdue(self._limits, now)
            if why is not None:
                session.channel.break_off(why)

    def stop_accepting(self) -> None:
        """Let nobody in any more; sessions go on."""
        self._stopping.set()
        self._listener.close()

    def join(self, seconds: float) -> None:
        """After `stop_accepting`, wait until nobody is let in any more; at most so long."""
        if self._accepting is not None:
            self._accepting.join(seconds)

    def break_off(self, why: str, last: Frame | None = None) -> None:
        """End all sessions; each peer gets `last`, where there is one."""
        for session in self._inside():
            session.channel.break_off(why, last)

    def _inside(self) -> list[ServedSession]:
        with self._lock:
            return list(self._sessions.values())

    def _accept(self) -> None:
        while True:
            self._heart.beat()
            if not self._listener.ready(BEAT_SECONDS):
                continue
            try:
                self._begin(self._listener.accept(math.inf))
            except UsageError:  # closed
                return
            except TransportError as error:  # no room, for now
                LOGGER.error("%s", error, extra=event("no_room", reason=str(error)))
                time.sleep(_RETRY_SECONDS)
            except Exception:
                LOGGER.exception(words.BUG_IN_ACCEPTING, extra=event("bug"))
                time.sleep(_RETRY_SECONDS)

    def _begin(self, channel: ServedChannel) -> None:
        """In a frame of its own, so that nothing of a session is kept while the next one is waited for."""
        self._number += 1
        session = ServedSession(self._number, channel)
        session.vacate = functools.partial(self._vacate, session)
        with self._lock:
            self._sessions[session.number] = session
        self._slots.begun()
        try:
            threads.start(self._serve, session, name=f"psiselect-{session.number}")
        except ResourceError as error:
            LOGGER.error("%s", error, extra=event("no_room", reason=str(error)))
            channel.break_off(words.NO_ROOM, self._busy)
            self._end(session, well=False)  # with its pause: there is no room

    def _serve(self, session: ServedSession) -> None:
        well = False
        try:
            well = self._run(session)
        except Exception:
            LOGGER.exception(words.BUG_IN_SESSION, extra=event("bug", session=session.number))
        finally:
            self._end(session, well=well)

    def _vacate(self, session: ServedSession) -> None:
        with self._lock:
            del self._sessions[session.number]
        self._slots.ended(well=True)
        self._slots.vacate(session.channel.peer_fingerprint)
        self._listener.reconsider()

    def _end(self, session: ServedSession, *, well: bool) -> None:
        session.vacate = _nothing  # which holds the session: else it and its channel stay until they are looked for
        if session.over:
            self._slots.written(session.channel.peer_fingerprint)
            self._listener.reconsider()
            return
        with self._lock:
            del self._sessions[session.number]
        self._slots.ended(well=well or session.withheld)
        if not well:
            self._stopping.wait(self._limits.pause_seconds)
        self._slots.leave(session.channel.peer_fingerprint)
        self._listener.reconsider()
