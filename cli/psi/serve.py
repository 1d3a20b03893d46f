"""`psi listen --serve`: a listener that stays up for many sessions (docs/serving.md)."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from cli._output import print_fields, print_json
from cli.psi import json_log
from cli.psi.log_writer import notice
from cli.psi.renewal import Renewal
from cli.psi.serve_options import Service
from cli.psi.served import Sessions
from cli.psi.service_state import ServiceState
from psi.agreement.modes import Comparer
from psi.protocol.messages import BUSY, STOPPED
from psi.serve.current_table import CurrentTable
from psi.serve.expiry import days_left
from psi.serve.room import Room
from psi.serve.serving import Server, SessionSlots
from psi.session.job import Job
from psi.tables import queries
from psi.transport.credentials import Credentials
from psi.transport.health import HealthServer
from psi.transport.heartbeat import Heartbeat
from psi.transport.tls import Listener
from psiselect.base import threads
from psiselect.base.errors import PsiselectError, ResourceError, TransportError
from psiselect.base.events import event
from psiselect.matching.choices import Choices, PeerChoice
from psiselect.matching.own_side import check_options, gather, open_backend, read, tell_of_rows

LOGGER = json_log.LOGGER

_TICK_SECONDS = 1.0
_ABORT_SECONDS = 5.0  # how long sessions that were broken off may take to notice
_STOP = (signal.SIGTERM, signal.SIGINT)


def serve(
    choices: Choices, service: Service, addresses: Sequence[str], chosen: Callable[[], PeerChoice] | None = None
) -> None:
    """Run sessions until a signal says to stop. chosen: the files of certificates, asked at each renewal; without it,
    those of the choices. Raises for the listener's own troubles only."""
    stall = choices.means.stall_seconds
    limits = service.limits(stall)
    parties = check_options(choices)
    tell_of_rows(choices)
    slots = SessionSlots(limits)
    shared = replace(choices, list=choices.list.among(limits.total))
    # Fewer bytes move when a side that compares withholds the result.
    measured = choices.terms.min_matches is None or choices.terms.min_matches_by is Comparer.LEARNER
    signals: queue.SimpleQueue[int] = queue.SimpleQueue()
    with (
        json_log.started(service.log),
        open_backend(choices.means, choices.talk) as backend,
        contextlib.closing(CurrentTable(choices.list.table, lambda: _read(shared))) as table,
        _caught(signals, signal.SIGHUP),
    ):
        kept = choices.guard, choices.records, choices.results
        sessions = Sessions(parties, *kept, backend, table, talk=choices.talk, measured=measured)
        with table.lease() as job:
            sessions.own_side(job, parties).check_list()
        with (
            Listener(
                addresses, parties.identities, parties.peers, timeout=stall, slots=slots, busy_frame=BUSY
            ) as listener,
            contextlib.ExitStack() as stack,
            _caught(signals, *_STOP),
        ):
            server = Server(listener, slots, limits, sessions.run, busy_frame=BUSY)
            heart = Heartbeat()
            if service.health is not None:
                state = ServiceState(server, heart, slots, sessions, table, limits.total)
                health = stack.enter_context(HealthServer(service.health, state.ready, state.pages()))
                LOGGER.info("health checks on %s", health.address, extra=event("health", address=health.address))
            server.start()
            names = [peer.name for peer in parties.peers]
            known = event(
                "listening", address=listener.address, addresses=listener.addresses, peers=names, pid=os.getpid()
            )
            where = ", ".join(listener.addresses)
            LOGGER.info("listening on %s", where, extra=known)
            if service.log is not None:
                notice(f"listening on {where}; the log is {service.log}")
            renewal = Renewal(listener, sessions, choices.guard, chosen or (lambda: choices.peers))
            _watch(server, heart, table, sessions.room, renewal, signals)
            _stop(server, slots, service.grace, signals)


def check(choices: Choices, as_json: bool) -> None:
    """See that everything that was asked for is there and allowed, and say what it is; nobody is let in and nothing is
    written. Raises InputError, PolicyError, UsageError."""
    parties = check_options(choices)
    Credentials(parties.identities, parties.peers)  # raises for peers that could not be let in
    now = datetime.now(UTC)
    with read(choices) as job:
        for size in job.sizes:
            job.terms.declared_size(size)
        gather(job, choices.talk.tell)
        choices.guard.check(parties.peers, job.size)
        found = {
            "status": "ready to listen",
            "identities": [identity.name for identity in parties.identities],
            "certificate_days": min(days_left(identity.public, now) for identity in parties.identities),
            "peers": [peer.name for peer in parties.peers],
            "rows": job.reports[0].rows,
            "distinct": job.size,
        }
    if as_json:
        print_json(found)
    else:
        shown = {name: ", ".join(value) if isinstance(value, list) else value for name, value in found.items()}
        print_fields({name.replace("_", " "): value for name, value in shown.items()})


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


@contextlib.contextmanager
def _caught(found: queue.SimpleQueue[int], *numbers: signal.Signals) -> Iterator[None]:
    """Put these signals into a queue as they come, instead of what they did before. Until the listener listens, those
    that stop end it as they end any command, since it may be waiting for a database."""
    before = {number: signal.signal(number, lambda number, _: found.put(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _next(signals: queue.SimpleQueue[int], seconds: float) -> int | None:
    try:
        return signals.get(timeout=max(0.0, seconds))
    except queue.Empty:
        return None


def _watch(
    server: Server,
    heart: Heartbeat,
    table: CurrentTable,
    room: Room,
    renewal: Renewal,
    signals: queue.SimpleQueue[int],
) -> None:
    """Until a signal says to stop. Raises TransportError when nobody can come any more."""
    reading = _Aside("psiselect-reading", lambda: _refresh(table))
    looking = _Aside("psiselect-room", room.look)
    wanted = False
    while True:
        heart.beat()
        number = _next(signals, _TICK_SECONDS)
        if number in _STOP:
            return
        if not server.alive:
            raise TransportError("the listener ended, which is a fault of its own; see the log")
        server.expel_overdue()
        renewal.look(datetime.now(UTC))
        if number == signal.SIGHUP:
            renewal.renew()
        wanted |= table.look() or number == signal.SIGHUP
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
    except Exception:
        LOGGER.exception("reading the table met a bug", extra=event("bug"))


def _stop(server: Server, slots: SessionSlots, grace: float, signals: queue.SimpleQueue[int]) -> None:
    """Let nobody in, let the sessions that run end; after `grace` seconds, or at a second signal, break them off."""
    deadline = time.monotonic() + grace
    LOGGER.info("stopping", extra=event("stopping", running=slots.counts.running, grace=grace))
    server.stop_accepting()
    hurry: int | None = None
    while not slots.wait_empty(0.05) and hurry is None and time.monotonic() < deadline:
        number = _next(signals, min(0.2, deadline - time.monotonic()))
        hurry = number if number in _STOP else None
    queries.cancel_all()
    server.break_off("this side's listener was told to stop", STOPPED)
    slots.wait_empty(_ABORT_SECONDS)
    counts = slots.counts
    left = counts.running + slots.unwritten
    LOGGER.info("stopped", extra=event("stopped", done=counts.done, failed=counts.failed, left=left))
    if hurry is not None:
        sys.exit(128 + hurry)


def _warn(text: str) -> None:
    LOGGER.warning("%s", text, extra=event("rows_left_out"))
