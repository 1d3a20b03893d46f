"""What a listener says of itself: a fixed list of facts, as JSON and in Prometheus' text format."""

from __future__ import annotations

import builtins
import dataclasses
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from psi.serve.facts import ServiceFacts, Traffic, exposition

FACTS = ServiceFacts(
    status="serving",
    live=True,
    running=1,
    done=12,
    failed=2,
    places=4,
    traffic=Traffic(1000, 2000, 3.5),
    certificate_days=211,
    table_age=60.5,
    table_readable=True,
    results_writable=True,
)
METRICS = {
    ("psiselect_sessions_total", "done"): 12,
    ("psiselect_sessions_total", "failed"): 2,
    ("psiselect_sessions_running", None): 1,
    ("psiselect_places", None): 4,
    ("psiselect_sent_bytes_total", None): 1000,
    ("psiselect_received_bytes_total", None): 2000,
    ("psiselect_session_seconds_total", None): 3.5,
    ("psiselect_ready", None): 1,
    ("psiselect_certificate_days", None): 211,
    ("psiselect_table_readable", None): 1,
    ("psiselect_results_writable", None): 1,
    ("psiselect_table_age_seconds", None): 60.5,
}


def parsed(facts: ServiceFacts) -> dict[tuple[str, str | None], float]:
    content_type, body = exposition(facts)
    assert content_type.startswith("text/plain")
    found = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            assert sample.labels.keys() <= {"outcome"}
            found[sample.name, sample.labels.get("outcome")] = sample.value
    return found


def test_these_metrics_and_no_others() -> None:
    assert parsed(FACTS) == METRICS


def test_what_is_not_ready_shows() -> None:
    changed = dataclasses.replace(FACTS, status="table unreadable", table_readable=False, table_age=None)
    assert parsed(dataclasses.replace(FACTS, results_writable=False))["psiselect_results_writable", None] == 0
    found = parsed(changed)
    assert (found["psiselect_ready", None], found["psiselect_table_readable", None]) == (0, 0)
    assert ("psiselect_table_age_seconds", None) not in found
    assert not changed.ready
    assert FACTS.ready


def test_the_health_check_has_these_facts_and_no_others() -> None:
    assert FACTS.to_json() == {"status": "serving", "running": 1, "done": 12, "failed": 2, "certificate_days": 211}


def test_traffic_adds_up() -> None:
    assert Traffic(1, 2, 0.5).plus(Traffic(10, 20, 1.5)) == Traffic(11, 22, 2.0)
    assert Traffic() == Traffic(0, 0, 0.0)


def test_without_the_package_there_is_an_error_that_the_caller_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("prometheus_client"):
            raise ModuleNotFoundError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError):
        exposition(FACTS)
