"""`psi listen --serve`: a listener that keeps running for many sessions (docs/serving.md)."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime

from cli._output import print_fields, print_json
from cli.psi import json_log, words
from cli.psi.log_writer import notice
from cli.psi.serve_options import Service
from psi.serve import heap
from psi.serve.expiry import days_left
from psi.tables import queries
from psi.transport.credentials import Credentials
from psiselect.matching import serving
from psiselect.matching.choices import Choices, PeerChoice
from psiselect.matching.own_side import check_options, gather, read, tell_of_rows
from psiselect.matching.serving import Order, Stay

_STOP = (signal.SIGTERM, signal.SIGINT)


def serve(
    choices: Choices, service: Service, addresses: Sequence[str], chosen: Callable[[], PeerChoice] | None = None
) -> None:
    """Run sessions until a signal says to stop. chosen: the files of certificates, asked at each renewal; without it,
    those of the choices. Raises for the listener's own troubles only."""
    heap.share(os.environ)
    parties = check_options(choices)
    tell_of_rows(choices)
    stay = Stay(service.limits(choices.means.stall_seconds), service.grace, service.health)

    def listening(places: Sequence[str]) -> None:
        if service.log is not None:
            notice(words.listening(places, service.log))

    signals = Signals()
    with json_log.started(service.log), signals.caught(signal.SIGHUP):
        heard = replace(choices, talk=replace(choices.talk, listening=listening))
        ended = serving.serve(heard, parties, stay, addresses, signals, chosen)
    if ended.hurried:
        sys.exit(128 + signals.last)


class Signals:
    """Signals as `psiselect.matching.serving.Orders`. Until the listener listens, those that stop end it as they end
    any command, since it may be waiting for a database. last: the last signal to stop."""

    def __init__(self) -> None:
        self._found: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.last = 0

    @contextlib.contextmanager
    def caught(self, *numbers: signal.Signals) -> Iterator[None]:
        """Take these signals as they come, instead of what they did before."""
        before = {number: signal.signal(number, lambda number, _: self._found.put(number)) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def taken(self) -> AbstractContextManager[None]:
        """See `Orders`."""
        return self.caught(*_STOP)

    def next(self, seconds: float) -> Order | None:
        """See `Orders`."""
        try:
            number = self._found.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        if number not in _STOP:
            return Order.RENEW
        self.last = number
        return Order.STOP

    def let_go(self) -> None:
        """See `Orders`."""
        queries.cancel_all()


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
