"""A listener that keeps running: what it does from its first table to its last session.

Who starts it says what it is to do by `Orders`: the command from signals, a program by an event.
"""

from __future__ import annotations

import contextlib
import enum
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from psi.agreement.modes import Comparer
from psi.protocol.messages import BUSY, STOPPED
from psi.serve.current_table import CurrentTable
from psi.serve.room import Room
from psi.serve.serving import ServeLimits, Server, SessionSlots
from psi.session.job import Job
from psi.transport.address import Address
from psi.transport.health import HealthServer
from psi.transport.heartbeat import Heartbeat
from psi.transport.tls import Listener
from psiselect.base import threads
from psiselect.base.errors import PsiselectError, ResourceError
from psiselect.base.events import event
from psiselect.matching import words
from psiselect.matching.choices import Choices, PeerChoice
from psiselect.matching.own_side import Parties, open_backend, read
from psiselect.matching.renewal import Renewal
from psiselect.matching.served import LOGGER, Sessions
from psiselect.matching.service_state import ServiceState

_TICK_SECONDS = 1.0
_ABORT_SECONDS = 5.0  # how long sessions that were broken off may take to notice


class Order(enum.Enum):
    """What a listener is told."""

    STOP = "stop"
    RENEW = "renew"


class Orders(Protocol):
    """Where a listener hears what to do."""

    def taken(self) -> AbstractContextManager[None]:
        """As long as the listener takes orders to stop: from when it listens."""
        ...

    def next(self, seconds: float) -> Order | None:
        """The next order, waiting so long for it; None where there is none by then."""
        ...

    def let_go(self) -> None:
        """End what this process waits for elsewhere, such as queries: the last sessions are broken off."""
        ...


@dataclass(frozen=True)
class ServiceEnd:
    """How a listener ended.

    Attributes:
        done: sessions that went well. failed: sessions that did not, refused ones included.
        left: sessions that would not end.
        hurried: whether it was told to stop a second time, while its last sessions ran.
    """

    done: int
    failed: int
    left: int
    hurried: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The same, in values that JSON has."""
        return {"done": self.done, "failed": self.failed, "left": self.left}


@dataclass(frozen=True)
class Stay:
    """How a listener keeps running. grace: seconds for which sessions go on when it is told to stop. health: where it
    answers health checks, None for nowhere."""

    limits: ServeLimits
    grace: float
    health: Address | None


def serve(
    choices: Choices,
    parties: Parties,
    stay: Stay,
    addresses: Sequence[str],
    orders: Orders,
    chosen: Callable[[], PeerChoice] | None = None,
) -> ServiceEnd:
    """Run sessions until there is an order to stop. chosen: the files of certificates, asked at each renewal; without
    it, those of the choices. Raises for the listener's own troubles only."""
    limits = stay.limits
    slots = SessionSlots(limits)
    shared = replace(choices, list=choices.list.among(limits.total))
    # Fewer bytes move when a side that compares withholds the result.
    measured = choices.terms.min_matches is None or choices.terms.min_matches_by is Comparer.LEARNER
    with (
        open_backend(choices.means, choices.talk) as backend,
        contextlib.closing(CurrentTable(choices.list.table, lambda: _read(shared))) as table,
    ):
        kept = choices.guard, choices.records, choices.results
        sessions = Sessions(parties, *kept, backend, table, talk=choices.talk, measured=measured)
        with table.lease() as job:
            sessions.own_side(job, parties).check_list()
        stall = choices.means.stall_seconds
        with (
            Listener(
                addresses, parties.identities, parties.peers, timeout=stall, slots=slots, busy_frame=BUSY
            ) as listener,
            contextlib.ExitStack() as stack,
            orders.taken(),
        ):
            server = Server(listener, slots, limits, sessions.run, busy_frame=BUSY)
            heart = Heartbeat()
            if stay.health is not None:
                state = ServiceState(server, heart, slots, sessions, table, limits.total)
                health = stack.enter_context(HealthServer(stay.health, state.ready, state.pages()))
                LOGGER.info(words.HEALTH_ON, health.address, extra=event("health", address=health.address))
            server.start()
            names = [peer.name for peer in parties.peers]
            known = event(
                "listening", address=listener.address, addresses=listener.addresses, peers=names, pid=os.getpid()
            )
            LOGGER.info("listening on %s", ", ".join(listener.addresses), extra=known)
            renewal = Renewal(listener, sessions, choices.guard, chosen or (lambda: choices.peers))
            try:
                choices.talk.listening(listener.addresses)
                _watch(server, heart, table, sessions.room, renewal, orders)
            except BaseException:
                _break_off(server, slots, orders)
                raise
            return _stop(server, slots, stay.grace, orders)


def _read(choices: Choices) -> Job:
    """The table as it is now, with what it gives beside its keys: here, where one thread at a time is."""
    began = time.monotonic()
    talk = replace(choices.talk, tell=_warn, table=None)
    job = read(replace(choices, list=replace(choices.list, table=choices.list.table.afresh()), talk=talk))
    with contextlib.ExitStack() as on_error:
        on_error.enter_context(job)
        job.gather()
        on_error.pop_all()
    facts = {"rows": job.reports[0].rows, "distinct": job.size, "seconds": round(time.monotonic() - began, 3)}
    LOGGER.info("read the table", extra=event("table_read", **facts))
    return job


def _watch(server: Server, heart: Heartbeat, table: CurrentTable, room: Room, renewal: Renewal, orders: Orders) -> None:
    """Until there is an order to stop. Raises TransportError when nobody can come any more."""
    reading = _Aside("psiselect-reading", lambda: _refresh(table))
    looking = _Aside("psiselect-room", room.look)
    wanted = False
    while True:
        heart.beat()
        order = orders.next(_TICK_SECONDS)
        if order is Order.STOP:
            return
        if not server.alive:
            raise words.listener_ended()
        server.expel_overdue()
        renewal.look(datetime.now(UTC))
        if order is Order.RENEW:
            renewal.renew()
        wanted |= table.look() or order is Order.RENEW
        if wanted:
            wanted = not reading.begin()
        if room.due():
            looking.begin()


class _Aside:
    """Work that may wait for a disk or a database: in a thread of its own, one at a time."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self._thread: threading.Thread | None = None

    def begin(self) -> bool:
        """Whether it has begun; not while the last time still lasts, nor when the system grants no thread."""
        if self._thread is not None and self._thread.is_alive():
            return False
        try:
            self._thread = threads.start(self._work, name=self._name)
        except ResourceError as error:
            LOGGER.error("%s", error, extra=event("no_room", reason=str(error)))
            return False
        return True


def _refresh(table: CurrentTable) -> None:
    """Read a table that was replaced before a peer has to wait for it."""
    try:
        table.refresh()
    except PsiselectError as error:
        LOGGER.error("%s", error, extra=event("table_unreadable", reason=str(error)))
    except Exception:  # noqa: BLE001 - the listener goes on
        LOGGER.exception(words.TABLE_BUG, extra=event("bug"))


def _stop(server: Server, slots: SessionSlots, grace: float, orders: Orders) -> ServiceEnd:
    """Let nobody in, let the sessions that run end; after `grace` seconds, or at a second order to stop, break them
    off."""
    deadline = time.monotonic() + grace
    LOGGER.info("stopping", extra=event("stopping", running=slots.counts.running, grace=grace))
    server.stop_accepting()
    hurried = False
    while not slots.wait_empty(0.05) and not hurried and time.monotonic() < deadline:
        hurried = orders.next(max(0.0, min(0.2, deadline - time.monotonic()))) is Order.STOP
    _break_off(server, slots, orders)
    counts = slots.counts
    left = counts.running + slots.unwritten
    LOGGER.info("stopped", extra=event("stopped", done=counts.done, failed=counts.failed, left=left))
    return ServiceEnd(counts.done, counts.failed, left, hurried)


def _break_off(server: Server, slots: SessionSlots, orders: Orders) -> None:
    """End the sessions that run."""
    server.stop_accepting()
    orders.let_go()
    server.break_off(words.STOPPED, STOPPED)
    slots.wait_empty(_ABORT_SECONDS)
    server.join(_ABORT_SECONDS)


def _warn(text: str) -> None:
    LOGGER.warning("%s", text, extra=event("rows_left_out"))
