"""What a service sees of its sessions: events and spans, with facts of the fixed list and nothing that tables hold."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.library import ACME, GLOBEX, MATCHED, SLOW, parties, session

import psiselect
from psiselect import TransportError
from psiselect.matching.observing import FACTS


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    parties(folder)
    return folder


@pytest.fixture(scope="module")
def exported() -> Iterator[Any]:
    """Spans of the real library, as far as it is installed."""
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="opentelemetry-sdk is in the test extra")
    from opentelemetry import trace
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    yield exporter
    provider.shutdown()


def events(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, Any]]]:
    found = [(record.event, record.fields) for record in caplog.records if hasattr(record, "event")]  # type: ignore
    return [(name, fields) for name, fields in found if name.startswith("session_")]


def test_a_session_begins_and_ends_in_the_log_with_facts_alone(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="psiselect"):
        session(keys, pa.table(ACME), pa.table(GLOBEX))
    found = events(caplog)
    assert sorted(name for name, _ in found) == ["session_done"] * 2 + ["session_started"] * 2
    for name, fields in found:
        assert set(fields) <= set(FACTS), name
    done = next(fields for name, fields in found if name == "session_done" and fields["side"] == "connect")
    assert (done["peer"], done["own_size"], done["peer_size"], done["code"]) == ("acme", 3, 3, 0)
    assert all(name.startswith("psiselect") for name in {record.name for record in caplog.records})
    text = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert not [value for value in (*MATCHED, "gold", "Łódź", "bob@") if value in text]


def test_a_session_that_fails_is_told_by_its_kind(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="psiselect"):
        session(keys, pa.table(ACME), pa.table(GLOBEX), connect={"reveal": "count"})
    failed = [fields for name, fields in events(caplog) if name == "session_failed"]
    assert [(fields["code"], fields["kind"], fields["term"]) for fields in failed] == [(4, "peer", "reveal")] * 2
    assert all(set(fields) <= set(FACTS) for fields in failed)


def test_a_withheld_result_is_a_session_like_any_other_in_the_log(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That it was withheld is part of the result."""
    options = {"min_matches": 3}
    with caplog.at_level(logging.INFO, logger="psiselect"):
        pair = session(keys, pa.table(ACME), pa.table(GLOBEX), options, options)
    assert isinstance(pair.connector, psiselect.PolicyError)
    assert [name for name, _ in events(caplog)].count("session_done") == 2


def test_a_session_is_a_span_with_the_same_facts(keys: Path, exported: Any) -> None:
    exported.clear()
    session(keys, pa.table(ACME), pa.table(GLOBEX))
    spans = exported.get_finished_spans()
    assert [span.name for span in spans] == ["psiselect.session"] * 2
    for span in spans:
        assert {name.removeprefix("psiselect.") for name in span.attributes} <= set(FACTS)
        assert span.attributes["psiselect.code"] == 0
        assert (span.status.is_ok, list(span.events)) == (True, [])


def test_a_span_of_a_failed_session_has_its_kind_and_no_words(keys: Path, exported: Any) -> None:
    exported.clear()
    session(keys, pa.table(ACME), pa.table(GLOBEX), connect={"reveal": "count"})
    for span in exported.get_finished_spans():
        assert (span.status.is_ok, span.status.description, list(span.events)) == (False, "peer", [])


def test_without_the_library_there_is_no_span_and_no_error(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert session(keys, pa.table(ACME), pa.table(GLOBEX)).found.count == 2


def test_nothing_is_printed(keys: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session(keys, pa.table(ACME), pa.table(GLOBEX))
    with pytest.raises(TransportError):
        psiselect.connect(
            *("127.0.0.1:9", pa.table(GLOBEX)), key="e", identity=keys / "globex", peer=keys / "acme.crt", timeout=0.1,
            **SLOW,
        )  # type: ignore[call-overload]  # fmt: skip
    assert capfd.readouterr() == ("", "")
