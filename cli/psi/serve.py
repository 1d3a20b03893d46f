"""`psi listen --serve`: a listener that stays up for many sessions (docs/serving.md)."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import click

from cli._output import say
from cli.psi import json_log
from cli.psi.options import Choices
from cli.psi.served import Sessions
from cli.psi.session import check_options, check_table, open_backend, read_job
from psi.serve.current_table import CurrentTable
from psi.serve.serving import SESSION_FIELD, House, Roster, Server
from psi.session.job import Job
from psi.transport.address import Address
from psi.transport.health import Health, HealthServer
from psi.transport.tls import Listener
from psiselect.base.errors import PsiselectError, TransportError, UsageError
from psiselect.base.events import event

LOGGER = json_log.LOGGER

_TICK_SECONDS = 1.0
_ABORT_SECONDS = 5.0  # how long sessions that were broken off may take to notice
_STOP = (signal.SIGTERM, signal.SIGINT)
_DAY = 86_400.0

Command = TypeVar("Command", bound=Callable[..., Any])
_SECONDS = click.FloatRange(0, min_open=True)


@dataclass(frozen=True)
class Service:
    """What is asked of a listener that stays up."""

    max_sessions: int
    peer_sessions: int
    max_duration: float
    grace: float
    health: Address | None
    log: Path | None

    @classmethod
    def parse(cls, given: dict[str, Any]) -> Self | None:
        """Take the options of `--serve` out of what was given; None without it. Names of files become those of a
        session's. Raises UsageError."""
        serving = given.pop("serve")
        found = {name: given.pop(name) for name in _DEFAULTS}
        if not serving:
            extra = next((name for name, value in found.items() if value is not None), None)
            if extra is not None:
                raise UsageError(f"--{extra.replace('_', '-')} is for a listener that stays up; add --serve")
            return None
        given["output"] = _named("--output", given["output"], ".csv")
        given["record"] = _named("--record", given["record"], ".json")
        chosen = {name: _DEFAULTS[name] if value is None else value for name, value in found.items()}
        return cls(**chosen)

    def house(self, stall_seconds: float) -> House:
        """The rules of the server."""
        return House(self.max_sessions, self.peer_sessions, stall_seconds, self.max_duration)


_DEFAULTS: dict[str, Any] = {
    "max_sessions": 4,
    "peer_sessions": 1,
    "max_duration": _DAY,
    "grace": 60.0,
    "health": None,
    "log": None,
}


class _HealthAddress(click.ParamType[Address]):
    name = "[HOST:]PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        try:
            return Address.parse(f"127.0.0.1:{value}" if str(value).isdecimal() else str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)


def options(command: Command) -> Command:
    """Add what only `--serve` takes to a command."""
    for decorate in reversed(
        (
            click.option(
                "--serve",
                is_flag=True,
                help="Stay up for many sessions, until SIGTERM or Ctrl-C. --output and --record then name a folder, or "
                "a file with {session} in its name. See docs/serving.md.",
            ),
            click.option(
                "--max-sessions", type=click.IntRange(1), metavar="N", help="serve: sessions at once [default: 4]."
            ),
            click.option(
                "--peer-sessions",
                type=click.IntRange(1),
                metavar="N",
                help="serve: sessions at once with one peer [default: 1].",
            ),
            click.option(
                "--max-duration",
                type=_SECONDS,
                metavar="SECONDS",
                help="serve: break a session off after so long [default: a day].",
            ),
            click.option(
                "--grace",
                type=click.FloatRange(0),
                metavar="SECONDS",
                help="serve: how long sessions may go on after SIGTERM [default: 60].",
            ),
            click.option(
                "--health",
                type=_HealthAddress(),
                metavar="[HOST:]PORT",
                help="serve: answer GET /healthz there with 200 or 503 [default host: 127.0.0.1].",
            ),
            click.option(
                "--log",
                type=click.Path(path_type=Path, dir_okay=False),
                metavar="FILE",
                help="serve: append the log, JSON lines, to this file instead of stderr.",
            ),
        )
    ):
        command = decorate(command)
    return command


def _named(option: str, path: Path | None, ending: str) -> Path | None:
    """A folder becomes a pattern in it. Raises UsageError for one file that all sessions would write."""
    if path is None:
        return None
    if path.is_dir():
        return path / f"{SESSION_FIELD}{ending}"
    if SESSION_FIELD not in path.name:
        raise UsageError(
            f"{option} {path}: with --serve, name a folder that exists, or a file with {SESSION_FIELD} in its name, "
            f"such as {path.with_name(f'{path.stem}-{SESSION_FIELD}{path.suffix or ending}')}"
        )
    return path


def serve(choices: Choices, service: Service, address: str) -> None:
    """Run sessions until a signal says to stop. Raises for the listener's own troubles only."""
    identity, peers = check_options(choices)
    json_log.start(service.log)
    house = service.house(choices.stall_seconds)
    roster = Roster(house)

    def read() -> Job:
        began = time.monotonic()
        job = read_job(choices.among(house.total), choices.source, tell=_warn)
        with contextlib.ExitStack() as on_error:
            on_error.enter_context(job)
            job.gather(choices.side, choices.agreement)  # here, where one thread at a time is
            on_error.pop_all()
        facts = {"rows": job.reports[0].rows, "distinct": job.size, "seconds": round(time.monotonic() - began, 3)}
        LOGGER.info("read the table", extra=event("table_read", **facts))
        return job

    with (
        open_backend(choices) as backend,
        contextlib.closing(CurrentTable(choices.source, read)) as table,
        _signals() as signals,
    ):
        with table.lease() as job:
            check_table(choices, peers, job)
        sessions = Sessions(choices, identity, peers, backend, table)
        with (
            Listener(address, identity, peers, timeout=choices.stall_seconds, door=roster) as listener,
            contextlib.ExitStack() as stack,
        ):
            server = Server(listener, roster, house, sessions.run)
            if service.health is not None:
                health = HealthServer(service.health, lambda: _health(server, roster, table))
                stack.enter_context(health)
                LOGGER.info("health checks on %s", health.address, extra=event("health", address=health.address))
            server.start()
            known = event("listening", address=listener.address, peers=[peer.name for peer in peers], pid=os.getpid())
            LOGGER.info("listening on %s", listener.address, extra=known)
            if service.log is not None:
                say(f"listening on {listener.address}; the log is {service.log}")
            _watch(server, table, signals)
            _stop(server, roster, service.grace, signals)


@contextlib.contextmanager
def _signals() -> Iterator[queue.SimpleQueue[int]]:
    """Signals as they come, instead of what they did before; a second one of those that stop is not lost."""
    found: queue.SimpleQueue[int] = queue.SimpleQueue()
    before = {number: signal.signal(number, lambda number, _: found.put(number)) for number in (*_STOP, signal.SIGHUP)}
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _next(signals: queue.SimpleQueue[int], seconds: float) -> int | None:
    try:
        return signals.get(timeout=max(0.0, seconds))
    except queue.Empty:
        return None


def _watch(server: Server, table: CurrentTable, signals: queue.SimpleQueue[int]) -> None:
    """Until a signal says to stop. Raises TransportError when nobody can come any more."""
    reading: threading.Thread | None = None
    while True:
        number = _next(signals, _TICK_SECONDS)
        if number in _STOP:
            return
        if not server.alive:
            raise TransportError("the listener ended, which is a fault of its own; see the log")
        server.expel_overdue()
        if (reading is None or not reading.is_alive()) and (table.look() or number == signal.SIGHUP):
            reading = threading.Thread(target=_refresh, args=(table,), name="psiselect-reading", daemon=True)
            reading.start()


def _refresh(table: CurrentTable) -> None:
    """Read a table that was replaced before a peer has to wait for it."""
    try:
        table.refresh()
    except PsiselectError as error:
        LOGGER.error("%s", error, extra=event("table_unreadable", reason=str(error)))


def _stop(server: Server, roster: Roster, grace: float, signals: queue.SimpleQueue[int]) -> None:
    """Let nobody in, let those inside end; after `grace` seconds, or at a second signal, break them off."""
    deadline = time.monotonic() + grace
    LOGGER.info("stopping", extra=event("stopping", running=roster.counts.running, grace=grace))
    server.close_door()
    hurry: int | None = None
    while not roster.wait_empty(0.05) and hurry is None and time.monotonic() < deadline:
        number = _next(signals, min(0.2, deadline - time.monotonic()))
        hurry = number if number in _STOP else None
    server.break_off("this side's listener was told to stop")
    roster.wait_empty(_ABORT_SECONDS)
    counts = roster.counts
    LOGGER.info("stopped", extra=event("stopped", done=counts.done, failed=counts.failed, left=counts.running))
    if hurry is not None:
        sys.exit(128 + hurry)


def _health(server: Server, roster: Roster, table: CurrentTable) -> Health:
    counts = roster.counts
    status = "stopping" if not server.alive else "serving" if table.readable else "table unreadable"
    facts = {"status": status, "running": counts.running, "done": counts.done, "failed": counts.failed}
    return Health(status == "serving", facts)


def _warn(text: str) -> None:
    LOGGER.warning("%s", text, extra=event("rows_left_out"))
