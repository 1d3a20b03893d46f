"""A listener that stays up: which sessions run, each in a thread of its own, until it is told to stop.

What a session is, is the caller's business: `Server` hands each peer's channel to it and keeps the rules of the house.
No session, however it ends, ends the server; a peer has a bounded number of places, for a bounded time; and stopping
waits for those who are inside, but not for ever.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from psi.protocol.messages import BUSY
from psiselect.base.errors import InputError, TransportError, UsageError
from psiselect.base.events import event

LOGGER = logging.getLogger("psiselect.serving")

SESSION_FIELD = "{session}"
_RETRY_SECONDS = 0.2


class ServedChannel(Protocol):
    """What the server itself needs of a channel."""

    peer_fingerprint: bytes

    def break_off(self, why: str) -> None:
        """End it from another thread."""
        ...


class Doorkeeper(Protocol):
    """What the server needs of a listener."""

    @property
    def alive(self) -> bool: ...

    def accept(self, wait: float | None = None) -> ServedChannel: ...

    def reconsider(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class House:
    """The rules. total, each: sessions at once, in all and with one peer. proof_seconds: for a peer to say hello and
    prove who it is in a session. session_seconds: the longest that a session may take (math.inf: no limit).
    pause_seconds: how long a place stays taken after a session that failed, so that a peer that makes all its sessions
    fail cannot make thousands of them."""

    total: int
    each: int
    proof_seconds: float
    session_seconds: float = math.inf
    pause_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Counts:
    """Sessions since the start. failed: for whatever reason, refused ones included."""

    running: int
    done: int
    failed: int


class Roster:
    """Who has a place; the `Door` of a listener. All methods may be called from any thread, and none waits but
    `wait_empty`."""

    regret = BUSY

    def __init__(self, house: House) -> None:
        self._house = house
        self._inside: dict[bytes, int] = {}
        self._running = self._done = self._failed = 0
        self._changed = threading.Condition()

    def enter(self, peer: bytes) -> bool:
        """See `psi.transport.reception.Door`."""
        with self._changed:
            if sum(self._inside.values()) >= self._house.total or self._inside.get(peer, 0) >= self._house.each:
                return False
            self._inside[peer] = self._inside.get(peer, 0) + 1
            return True

    def leave(self, peer: bytes) -> None:
        """The place is free again."""
        with self._changed:
            left = self._inside.pop(peer) - 1
            if left:
                self._inside[peer] = left
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

    def wait_empty(self, seconds: float) -> bool:
        """Wait until nobody has a place; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._inside, seconds)


@dataclass(slots=True, eq=False)
class Visit:
    """One session at the server. number: from 1, in order of arrival. began: of `time.monotonic`, None while this side
    still prepares, which is no fault of the peer's."""

    number: int
    channel: ServedChannel
    began: float | None = None
    proven: bool = False

    def begin(self) -> None:
        """This side is ready; the clock runs."""
        self.began = time.monotonic()

    def prove(self) -> None:
        """The peer has proved in the session who it is."""
        self.proven = True

    def overdue(self, house: House, now: float) -> str | None:
        """Why it has to go, if it has; now is of `time.monotonic`."""
        if self.began is None:
            return None
        if now - self.began > house.session_seconds:
            return f"the session took longer than the {house.session_seconds:g} s that one may take"
        if not self.proven and now - self.began > house.proof_seconds:
            return f"the peer did not begin the session within {house.proof_seconds:g} s"
        return None


class Server:
    """Accepts peers from `listener`, whose door is `roster`, and runs `session(visit)` for each in a thread.

    session: returns whether the session ended well; it says itself what there is to say, and closes the channel.
    """

    def __init__(self, listener: Doorkeeper, roster: Roster, house: House, session: Callable[[Visit], bool]) -> None:
        self._listener = listener
        self._roster = roster
        self._house = house
        self._session = session
        self._visits: dict[int, Visit] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._accepting = threading.Thread(target=self._accept, name="psiselect-accept", daemon=True)

    def start(self) -> None:
        """Let peers in."""
        self._accepting.start()

    @property
    def alive(self) -> bool:
        """Whether new sessions can begin."""
        return not self._stopping.is_set() and self._listener.alive and self._accepting.is_alive()

    def expel_overdue(self) -> None:
        """Break off sessions that have had their time; call it now and then."""
        now = time.monotonic()
        for visit in self._inside():
            why = visit.overdue(self._house, now)
            if why is not None:
                visit.channel.break_off(why)

    def close_door(self) -> None:
        """Let nobody in any more; sessions go on."""
        self._stopping.set()
        self._listener.close()

    def break_off(self, why: str) -> None:
        """End all sessions."""
        for visit in self._inside():
            visit.channel.break_off(why)

    def _inside(self) -> list[Visit]:
        with self._lock:
            return list(self._visits.values())

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                channel = self._listener.accept(math.inf)
            except UsageError:  # closed
                return
            except TransportError as error:  # no room, for now
                LOGGER.error("%s", error, extra=event("no_room", reason=str(error)))
                time.sleep(_RETRY_SECONDS)
                continue
            number += 1
            visit = Visit(number, channel)
            with self._lock:
                self._visits[number] = visit
            self._roster.begun()
            try:
                threading.Thread(target=self._host, args=(visit,), name=f"psiselect-{number}", daemon=True).start()
            except RuntimeError as error:
                LOGGER.error("cannot start a thread: %s", error, extra=event("no_room", reason=str(error)))
                channel.break_off("this side has no room for a session")
                self._end(visit, well=False)  # with its pause: there is no room

    def _host(self, visit: Visit) -> None:
        well = False
        try:
            well = self._session(visit)
        finally:
            self._end(visit, well=well)

    def _end(self, visit: Visit, *, well: bool) -> None:
        with self._lock:
            del self._visits[visit.number]
        self._roster.ended(well=well)
        if not well:
            self._stopping.wait(self._house.pause_seconds)
        self._roster.leave(visit.channel.peer_fingerprint)
        self._listener.reconsider()


def new_file_of_session(path: Path, transcript: bytes, *, again: bool = False) -> Path:
    """The path with `{session}` in its name replaced by the first 16 hex digits of a session's transcript; other paths
    as they are. Raises InputError when there is such a file already: a session's file is never written over, unless
    `again` says that the very session is being put on file once more."""
    if SESSION_FIELD not in path.name:
        return path
    found = path.with_name(path.name.replace(SESSION_FIELD, transcript[:8].hex()))
    if os.path.lexists(found) and not again:
        raise InputError(f"{found} exists already, and a session's file is never written over; move it away")
    return found
