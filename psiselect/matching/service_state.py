"""What a listener that keeps running says of itself at its health address (docs/serving.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from psi.serve import expiry
from psi.serve.current_table import CurrentTable
from psi.serve.facts import READY, ServiceFacts, exposition
from psi.serve.serving import Server, SessionSlots
from psi.transport.health import Health, Page, TextPage
from psi.transport.heartbeat import Heartbeat
from psiselect.matching import words
from psiselect.matching.served import Sessions


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class ServiceState:
    """Asks the parts of a listener. None of its methods waits. heart: of the loop that watches over sessions. places:
    sessions at once."""

    server: Server
    heart: Heartbeat
    slots: SessionSlots
    sessions: Sessions
    table: CurrentTable
    places: int
    clock: Callable[[], datetime] = utc_now

    def facts(self) -> ServiceFacts:
        """All of it, now."""
        counts = self.slots.counts
        days = [expiry.days_left(own.public, self.clock()) for own in self.sessions.parties.identities]
        return ServiceFacts(
            status=self._status(),
            live=self._live(),
            running=counts.running,
            done=counts.done,
            failed=counts.failed,
            places=self.places,
            traffic=self.sessions.traffic,
            certificate_days=min(days),
            table_age=self.table.age,
            table_readable=self.table.readable,
            results_writable=self.sessions.room.there,
        )

    def pages(self) -> dict[str, Callable[[], Page]]:
        """What there is beside /healthz."""
        return {"/livez": self.live, "/readyz": self.ready, "/metrics": self.metrics}

    def ready(self) -> Health:
        """Whether a session can begin."""
        facts = self.facts()
        return Health(facts.ready, facts.to_json())

    def live(self) -> Health:
        """Whether the process works. An unreadable table or an expired certificate is no reason to start it again."""
        live = self._live()
        return Health(live, {"status": "alive" if live else "broken"})

    def metrics(self) -> Page:
        """For Prometheus."""
        try:
            return TextPage(*exposition(self.facts()))
        except ImportError:
            return Health(False, {"error": words.NO_METRICS})

    def _status(self) -> str:
        now = self.clock()
        if not self.server.alive:
            return "stopping"
        if not (self.server.turning() and self.heart.turning()):
            return "held up"
        if all(expiry.expired(own.public, now) for own in self.sessions.parties.identities):
            return "certificate expired"
        if not self.table.readable:
            return "table unreadable"
        return READY if self.sessions.room.there else "results unwritable"

    def _live(self) -> bool:
        return self.server.live and (not self.server.alive or self.heart.turning())
