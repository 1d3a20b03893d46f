"""How databases are opened and asked: read-only, in one transaction, with bounded batches. The drivers are fakes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from psi.tables import postgres, sqlite
from psi.tables.database import Database


class Driver:
    """Takes note of what it is asked for."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def connect(self, uri: str, **more: object) -> Driver:
        self.seen.append(" ".join([uri, *(f"{name}={value}" for name, value in more.items())]))
        return self

    @contextlib.contextmanager
    def cursor(self) -> Iterator[Any]:
        yield SimpleNamespace(execute=self.seen.append)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    made = Driver()
    for module in (postgres, sqlite):
        monkeypatch.setattr(module, "load_driver", lambda name: made)
    return made


def opened(database: Database) -> None:
    database.connect()


def test_sqlite_is_opened_for_reading_only(tmp_path: Path, driver: Driver) -> None:
    (tmp_path / "a b.db").touch()
    opened(sqlite.Sqlite(f"sqlite:///{tmp_path / 'a b.db'}"))
    opening, *pragmas = driver.seen
    assert opening == f"file://{tmp_path}/a%20b.db?mode=ro"
    assert sorted(pragmas) == ["PRAGMA busy_timeout = 10000", "PRAGMA query_only = ON"]
    assert sqlite.Sqlite.options == {"adbc.sqlite.query.batch_rows": "8192"}


def test_postgres_shows_one_state_for_reading_only(driver: Driver) -> None:
    opened(postgres.Postgres("postgresql://reader@db.example/crm"))
    address, begin = driver.seen
    assert address.startswith("postgresql://reader@db.example/crm")
    assert begin == "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
    assert set(postgres.Postgres.options) == {"adbc.postgresql.batch_size_hint_bytes"}
