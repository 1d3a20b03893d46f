"""What a listener says of itself to whoever can reach its health address: these facts and no others.

None of them depends on which rows match, and none names a peer (decision 0157).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psi.serve import words

if TYPE_CHECKING:
    from prometheus_client import Metric


@dataclass(frozen=True, slots=True)
class Traffic:
    """What sessions that are over have moved. seconds: from both sides' being ready to the last byte."""

    bytes_sent: int = 0
    bytes_received: int = 0
    seconds: float = 0.0

    def plus(self, other: Traffic) -> Traffic:
        """Both together."""
        return Traffic(
            self.bytes_sent + other.bytes_sent,
            self.bytes_received + other.bytes_received,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """A listener at one moment.

    Attributes:
        status: what it is doing, or why no session can begin; "serving" if one can.
        live: whether the process works; if not, it has to be started again.
        running, done, failed: sessions; the latter two since the start.
        places: how many sessions may run at once.
        traffic: of the sessions that are over.
        certificate_days: whole days until one's own certificate expires, of several the first to expire.
        table_age: seconds since the table was read; None before that.
        table_readable: whether it could be read when that was last tried.
        results_writable: whether there was room for a session's result and audit line when that was last tried.
    """

    status: str
    live: bool
    running: int
    done: int
    failed: int
    places: int
    traffic: Traffic
    certificate_days: int
    table_age: float | None
    table_readable: bool
    results_writable: bool

    @property
    def ready(self) -> bool:
        """Whether a session can begin, as far as this side is concerned."""
        return self.status == READY

    def to_json(self) -> dict[str, object]:
        """What a health check says."""
        return {
            "status": self.status,
            "running": self.running,
            "done": self.done,
            "failed": self.failed,
            "certificate_days": self.certificate_days,
        }


READY = "serving"


def exposition(facts: ServiceFacts) -> tuple[str, bytes]:
    """The facts in Prometheus' text format, with their content type. Raises ImportError without prometheus-client."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collected(facts))
    return CONTENT_TYPE_LATEST, generate_latest(registry)


class _Collected:
    """A collector, as prometheus-client takes one."""

    def __init__(self, facts: ServiceFacts) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """Each fact as a metric."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        facts, traffic = self._facts, self._facts.traffic
        sessions = CounterMetricFamily("psiselect_sessions", words.SESSIONS, labels=["outcome"])
        sessions.add_metric(["done"], facts.done)
        sessions.add_metric(["failed"], facts.failed)
        yield sessions
        yield GaugeMetricFamily("psiselect_sessions_running", words.RUNNING, facts.running)
        yield GaugeMetricFamily("psiselect_places", words.PLACES, facts.places)
        yield CounterMetricFamily("psiselect_sent_bytes", words.SENT, traffic.bytes_sent)
        yield CounterMetricFamily("psiselect_received_bytes", words.RECEIVED, traffic.bytes_received)
        yield CounterMetricFamily("psiselect_session_seconds", words.SECONDS, traffic.seconds)
        yield GaugeMetricFamily("psiselect_ready", words.READY, int(facts.ready))
        yield GaugeMetricFamily("psiselect_certificate_days", words.CERTIFICATE_DAYS, facts.certificate_days)
        yield GaugeMetricFamily("psiselect_table_readable", words.TABLE_READABLE, int(facts.table_readable))
        yield GaugeMetricFamily(
            "psiselect_results_writable",
            words.RESULTS_WRITABLE,
            int(facts.results_writable),
        )
        if facts.table_age is not None:
            yield GaugeMetricFamily("psiselect_table_age_seconds", words.TABLE_AGE, facts.table_age)
