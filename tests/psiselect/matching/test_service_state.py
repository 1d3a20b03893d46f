"""What a listener says of itself, asked of parts that a test sets."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from psi.identity.identity import Identity
from psi.serve.facts import Traffic
from psi.serve.serving import Counts, ServedSession
from psi.transport.health import Health, TextPage
from psiselect.base.errors import TransportError
from psiselect.matching import service_state
from psiselect.matching.choices import PeerChoice
from psiselect.matching.guard import Guard
from psiselect.matching.own_side import Parties
from psiselect.matching.records import SessionRecords
from psiselect.matching.renewal import Renewal
from psiselect.matching.served import Sessions
from psiselect.matching.service_state import ServiceState
from psiselect.talk import Talk

DAY = timedelta(days=1)
RECORDS = SessionRecords(None, None)


class Parts:
    """A state, and what it is asked of."""

    def __init__(self, folder: Path) -> None:
        self.first = Identity.create("first", folder, days=100)
        self.second = Identity.create("second", folder, days=200)
        self.server = SimpleNamespace(alive=True, live=True, turning=lambda: self.turns)
        self.turns = self.beats = True
        heart = SimpleNamespace(turning=lambda: self.beats)
        self.room = SimpleNamespace(there=True)
        self.table = SimpleNamespace(readable=True, age=3.0)
        parties = Parties(self.first, (), None, (self.second,))
        sessions = SimpleNamespace(parties=parties, traffic=Traffic(1, 2, 3.0), room=self.room)
        self.now = self.first.public.not_after - 10 * DAY
        given: Any = (self.server, heart, SimpleNamespace(counts=Counts(1, 2, 3)), sessions, self.table, 4)
        self.state = ServiceState(*given, clock=lambda: self.now)

    def status(self) -> tuple[bool, object]:
        health = self.state.ready()
        return health.healthy, health.facts["status"]


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


def test_a_listener_is_ready_when_a_session_can_begin(parts: Parts) -> None:
    assert parts.status() == (True, "serving")
    parts.table.readable = False
    assert parts.status() == (False, "table unreadable")
    parts.now = parts.first.public.not_after + DAY
    assert parts.status() == (False, "table unreadable")  # the second identity is still valid
    parts.now = parts.second.public.not_after
    parts.table.readable = True
    assert parts.status() == (True, "serving")
    parts.now += timedelta(seconds=1)
    assert parts.status() == (False, "certificate expired")
    parts.server.alive = False
    assert parts.status() == (False, "stopping")


def test_a_listener_without_room_for_results_is_not_ready_and_lives(parts: Parts) -> None:
    parts.room.there = False
    assert parts.status() == (False, "results unwritable")
    page = parts.state.metrics()
    assert isinstance(page, TextPage)
    assert b"psiselect_results_writable 0.0" in page.body
    assert parts.state.live().healthy
    parts.room.there = True
    assert parts.status() == (True, "serving")


def test_life_and_readiness_are_apart(parts: Parts) -> None:
    parts.table.readable = parts.server.alive = False
    parts.now = parts.second.public.not_after + DAY
    assert parts.state.live() == Health(True, {"status": "alive"})
    parts.server.live = False
    assert parts.state.live() == Health(False, {"status": "broken"})


def test_a_loop_that_stands_still_is_seen(parts: Parts) -> None:
    """The one that watches over sessions; once the listener is stopping, nothing is left to watch."""
    parts.beats = False
    assert parts.status() == (False, "held up")
    assert parts.state.live() == Health(False, {"status": "broken"})
    parts.server.alive = False
    assert parts.state.live() == Health(True, {"status": "alive"})
    parts.server.alive = parts.beats = True
    parts.turns = False
    assert parts.status() == (False, "held up")


def test_the_days_are_those_of_the_certificate_that_ends_first(parts: Parts) -> None:
    assert parts.state.ready().facts["certificate_days"] == 10
    assert parts.state.facts().traffic == Traffic(1, 2, 3.0)
    assert (parts.state.facts().places, parts.state.facts().table_age) == (4, 3.0)


def test_metrics_are_text_or_say_what_is_missing(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    page = parts.state.metrics()
    assert isinstance(page, TextPage)
    assert b"psiselect_ready 1.0" in page.body

    def missing(facts: object) -> None:
        raise ModuleNotFoundError("prometheus_client")

    monkeypatch.setattr(service_state, "exposition", missing)
    page = parts.state.metrics()
    assert isinstance(page, Health)
    assert (page.healthy, "pip install" in json.dumps(dict(page.facts))) == (False, True)


def test_a_session_finds_the_certificates_it_was_accepted_with(parts: Parts, tmp_path: Path) -> None:
    """Also when they were renewed a moment later; and never those of two changes mixed."""
    peers = [Identity.create(name, tmp_path).public for name in ("one", "two")]
    nothing: Any = None
    sessions = Sessions(
        Parties(parts.first, (peers[0],), None), nothing, RECORDS, nothing, nothing, nothing, talk=Talk()
    )
    sessions.renew(Parties(parts.second, (peers[1],), None, (parts.first,)))

    def accepted(own: Identity, peer: int) -> Parties:
        channel: Any = SimpleNamespace(own_fingerprint=own.fingerprint, peer_fingerprint=peers[peer].fingerprint)
        return sessions._accepted_as(channel)

    assert accepted(parts.first, 0) == Parties(parts.first, (peers[0],), None)
    assert accepted(parts.first, 1) == Parties(parts.first, (peers[1],), None)
    assert accepted(parts.second, 1) == Parties(parts.second, (peers[1],), None)
    with pytest.raises(TransportError, match="changed several times"):
        accepted(parts.second, 0)
    assert sessions.parties.identity is parts.second


def test_a_sessions_time_ends_with_its_last_byte_and_its_bytes_are_told_only_where_they_may(parts: Parts) -> None:
    nothing: Any = None
    parties = Parties(parts.first, (), None)
    channel: Any = SimpleNamespace(bytes_sent=10, bytes_received=20, closing_since=12.5)
    for measured, expected in ((True, Traffic(20, 40, 5.0)), (False, Traffic())):
        sessions = Sessions(parties, nothing, RECORDS, nothing, nothing, nothing, talk=Talk(), measured=measured)
        for began in (10.0, 10.0, None):  # the last one did not begin
            sessions._count(ServedSession(1, channel, began), channel)
        assert sessions.traffic == expected


def test_certificates_that_the_listener_cannot_use_are_not_given_to_sessions(
    parts: Parts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All of them are renewed, or none; here one's own certificate is named as a peer's."""
    renewed: list[object] = []
    given: Any = (SimpleNamespace(renew=renewed.append), SimpleNamespace(renew=renewed.append))
    chosen = PeerChoice((tmp_path / "first",), (tmp_path / "first.crt",), None)
    with caplog.at_level("ERROR", "psiselect"):
        Renewal(*given, Guard(None, Any), lambda: chosen).renew()
    assert renewed == []
    assert (
        "the old certificates, because it cannot use the new ones: the peer's certificate must not be your own"
        in caplog.text
    )
