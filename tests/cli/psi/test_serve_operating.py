"""How a listener that keeps running is operated: health, metrics, certificates renewed in it, a database down."""

from __future__ import annotations

import os
import signal
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.processes import Process
from support.served import Call, Served, hold, serving

from cli.psi.serve import serve
from psi.identity.identity import Identity
from psi.serve import heap


def get(served: Served, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{served.wait('health')['address']}{path}", timeout=30) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def configure(place: Path, identities: list[str], peers: list[str], *more: str) -> Path:
    """Acme's configuration, replaced at once."""
    lines = (
        "serve = true",
        "json = true",
        'address = "127.0.0.1:0"',
        "health = 0",
        "grace = 0",
        f"identity = {[str(place / name) for name in identities]}",
        f"peer = {[str(place / f'{name}.crt') for name in peers]}",
        f'input = "{place / "acme.csv"}"',
        'key = ["Mail:email"]',
        *more,
    )
    (place / "new.toml").write_text("\n".join(lines))
    os.replace(place / "new.toml", place / "listen.toml")
    return place / "listen.toml"


@pytest.fixture
def configured(place: Path) -> Iterator[Served]:
    """A listener that was started with a configuration for Acme and Globex."""
    out = place / "out"
    with out.open("w") as file:
        process = Process("psi", "listen", "--config", configure(place, ["acme"], ["globex"]), stdout=file)
    yield Served(process, out)
    process.kill()
    process.wait()
    process.stderr.close()


def test_a_change_over_to_new_certificates_without_a_restart(configured: Served, place: Path, call: Call) -> None:
    """A second identity of one's own, a new peer; then files that cannot be used; then the old identity and peer go."""
    served, where = configured, configured.address
    assert call(where).code == 0
    new = Identity.create("acme-2", place)
    configure(place, ["acme", "acme-2"], ["globex", "mallory"])
    with hold(place, served):
        served.process.send_signal(signal.SIGHUP)
        renewed = served.wait("renewed")
        old = Identity.load(place / "acme")
        assert renewed["own"] == [old.fingerprint.hex()[:16], new.fingerprint.hex()[:16]]
        assert renewed["peers"] == ["globex", "mallory"]
        assert call(where, "mallory").code == 0  # who pins the old one
        (place / "acme.crt").rename(place / "acme.away")
        (place / "acme.crt").write_bytes((place / "acme-2.crt").read_bytes())
        assert call(where, "mallory").code == 0  # who pins the new one
        (place / "acme.crt").unlink()
        served.process.send_signal(signal.SIGHUP)
        failed = served.wait("not_renewed")
        assert "acme.crt" in failed["reason"]
        (place / "acme.crt").write_bytes((place / "acme.away").read_bytes())
        assert call(where, "mallory").code == 0  # all stay as they were
        configure(place, ["acme-2"], ["mallory"], "maximum = 2")
        served.process.send_signal(signal.SIGHUP)
        assert "'maximum' is not an option" in served.wait("not_renewed", 2)["reason"]
        configure(place, ["acme-2"], ["mallory"])
        served.process.send_signal(signal.SIGHUP)
        served.wait("renewed", 2)
        assert served.all("session_failed") == []  # the one that Globex holds goes on
    assert call(where, "mallory").code == 5  # the old identity is gone
    assert call(where).code == 5  # and so is Globex
    own = [event["own"] for event in served.all("session_done")]
    assert own == [one.fingerprint.hex()[:16] for one in (old, old, new, old)]


def test_health_and_metrics_as_probes_and_prometheus_see_them(place: Path, call: Call) -> None:
    """A database that is down leaves the process alive and not ready; it comes back by itself."""
    shop = place / "shop.db"
    with sqlite3.connect(shop) as database:
        database.execute("CREATE TABLE customers (mail TEXT)")
        database.execute("INSERT INTO customers VALUES ('ann@example.com')")
    query = ("--query", "SELECT mail FROM customers", "--input", f"sqlite:///{shop}")
    with serving(place, "--health", "0", *query, key="mail:email") as served:
        assert get(served, "/livez") == (200, '{"status": "alive"}\n')
        assert call(served.address).code == 0
        served.settle(200, status="serving", done=1, certificate_days=1094)
        assert get(served, "/readyz") == get(served, "/healthz")
        status, text = get(served, "/metrics")
        assert status == 200
        assert 'psiselect_sessions_total{outcome="done"} 1.0' in text
        moved = served.all("session_done")[0]
        assert f"psiselect_sent_bytes_total {moved['bytes_sent']:.1f}" in text
        assert not [word for word in ("globex", "acme", "match", moved["fingerprint"]) if word in text]
        shop.rename(place / "away.db")
        assert call(served.address).code == 4
        served.settle(503, status="table unreadable")
        assert get(served, "/livez")[0] == 200
        assert get(served, "/readyz")[0] == 503
        (place / "away.db").rename(shop)
        served.wait("table_read", 3)  # though nobody calls
        served.settle(200, status="serving")


def test_a_certificate_that_ends_soon_is_spoken_of_at_the_start(place: Path) -> None:
    for suffix in ("crt", "key"):
        (place / f"acme.{suffix}").unlink()
    Identity.create("acme", place, days=5, now=datetime.now(UTC) - timedelta(hours=1))
    with serving(place) as served:
        notice = served.wait("certificate_expires")
        assert (notice["certificate"], notice["days_left"], notice["level"]) == ("acme", 4, "warning")


def test_a_compared_minimum_shows_neither_in_health_nor_in_metrics(place: Path, call: Call) -> None:
    """Whether the result was withheld depends on the matches: such a session counts as done, and no byte is told."""
    terms = ("--reveal", "matches", "--min-matches-by", "other", "--min-matches")
    with serving(place, "--health", "0", *terms, "3") as served:
        assert call(served.address, "globex", *terms, "3").code == 6
        assert served.wait("session_failed")["code"] == 6
        served.settle(200, running=0, done=1, failed=0)
        text = get(served, "/metrics")[1]
        assert 'psiselect_sessions_total{outcome="failed"} 0.0' in text
        for name in ("sent_bytes", "received_bytes", "session_seconds"):
            assert f"psiselect_{name}_total 0.0" in text


def test_the_heap_is_shared_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that exist by then keep heaps of their own (decision 0304)."""

    class SharedError(Exception):
        pass

    def share(environment: Mapping[str, str]) -> bool:
        assert environment is os.environ
        raise SharedError

    monkeypatch.setattr(heap, "share", share)
    nothing: Any = None  # nobody asks for a choice before that
    with pytest.raises(SharedError):
        serve(nothing, nothing, [])
