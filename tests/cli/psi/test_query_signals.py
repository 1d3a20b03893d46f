"""A signal ends a query that runs, and the command with it, by the signal's exit code: SQLite and PostgreSQL."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import postgres
from support.clocks import until
from support.postgres import Server
from support.processes import Process
from support.psi_processes import ended, psiselect

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS mail FROM n"


def asking(where: str, query: str, folder: Path) -> Process:
    other = folder / "other.csv"
    other.write_text("mail\nann@example.com\n")
    return Process("psi", "local", where, other, "--query", query, "--key", "mail", "--json")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_query_of_sqlite(tmp_path: Path, number: int, code: int) -> None:
    path = tmp_path / "shop.db"
    sqlite3.connect(path).close()
    path.touch()
    process = asking(f"sqlite:///{path}", ENDLESS, tmp_path)
    try:
        until(lambda: str(path) in opened(process.pid))
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code, (out, err)
    assert "Traceback" not in err
    assert out == ""


def opened(pid: int) -> set[str]:
    found = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.readlink(handle))
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres.server() as running:
        yield running


def sleeping(server: Server) -> int:
    """Queries that sleep at the server."""
    return int(server.run("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'PgSleep'"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_cancels_a_query_of_postgresql(server: Server, tmp_path: Path, number: int, code: int) -> None:
    process = asking(server.uri(), "SELECT 'x'::text AS mail FROM (SELECT pg_sleep(600)) s", tmp_path)
    try:
        until(lambda: sleeping(server) == 1)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code, (out, err)
    assert "Traceback" not in err
    until(lambda: sleeping(server) == 0)


def test_a_listener_stops_while_a_session_asks_the_database(server: Server, place: Path) -> None:
    server.run("CREATE TABLE delays AS SELECT 0 AS seconds")
    query = "SELECT 'ann@example.com'::text AS mail FROM (SELECT pg_sleep(seconds) FROM delays) d"
    with psiselect(
        *("psi", "listen", "--serve", "--address", "127.0.0.1:0", "--identity", place / "acme", "--grace", "0"),
        *("--peer", place / "globex.crt", "--input", server.uri(), "--query", query, "--key", "mail", "--log"),
        *(place / "log",),
    ) as listener:
        where = listener.stderr.readline().split()[2].rstrip(";")
        server.run("UPDATE delays SET seconds = 600")
        with psiselect(
            *("psi", "connect", where, "--identity", place / "globex", "--peer", place / "acme.crt"),
            *("--input", place / "globex.parquet", "--key", "e", "--json"),
        ) as caller:
            until(lambda: sleeping(server) == 1)
            listener.terminate()
            told = ended(caller)
            assert ended(listener).code == 0
    assert told.code == 5
    assert "somebody, or the peer's computer, stopped the peer's program" in str(told.json["error"])
    log = (place / "log").read_text()
    assert "session_failed" in log
    assert '"done": 0, "failed": 1, "left": 0' in log
    until(lambda: sleeping(server) == 0)
