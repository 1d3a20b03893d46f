"""Databases as sources: SQLite, addresses, and the file that rows are kept in. PostgreSQL: test_postgres.py."""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.sources import refusal, rows

from psi.tables import open_source, require_columns, write_rows
from psi.tables.kept import KeptRows
from psi.tables.opening import scheme_of
from psi.tables.postgres import PostgresAddress
from psiselect.base.errors import InputError, UsageError


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A SQLite file whose first rows say little about the types of later ones."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (id INTEGER, mail TEXT, phone, spent REAL, photo BLOB)")
        blank = [(number, None, None, None, None) for number in range(20_000)]
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?)", blank)
        told = [(7, "Ann@Example.com", "007", 1.5, b"\xff"), (8, "bob@example.com", 48, 2, b"ok")]
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?)", told)
    connection.close()
    return path


# -- SQLite -----------------------------------------------------------------------------------------------------------


def test_sqlite_types_follow_all_rows_not_the_first(shop: Path) -> None:
    source = open_source(f"sqlite:///{shop}", query="SELECT * FROM customers ORDER BY id, mail DESC -- all")
    assert source.name == str(shop)
    assert source.schema.types == [pa.int64(), pa.string(), pa.string(), pa.float64(), pa.binary()]
    found = rows(source)
    assert len(found) == 20_002
    ids = [row["id"] for row in found]
    assert ids == sorted(ids)  # type: ignore[type-var]
    assert found[7] == {"id": 7, "mail": "Ann@Example.com", "phone": "007", "spent": 1.5, "photo": b"\xff"}
    assert [row for row in found if row["mail"]][1]["phone"] == "48"


def test_relative_and_encoded_paths(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = shop.with_name("a? b%.db")
    shop.rename(odd)
    monkeypatch.chdir(odd.parent)
    assert len(rows(open_source("sqlite:///a%3F b%25.db", query="SELECT id FROM customers;"))) == 20_002


def test_every_pass_reads_what_the_first_one_read(shop: Path, tmp_path: Path) -> None:
    source = open_source(f"sqlite:///{shop}", query="SELECT mail, id FROM customers WHERE mail NOT NULL")
    assert rows(source, ["mail"]) == [{"mail": "Ann@Example.com"}, {"mail": "bob@example.com"}]
    with sqlite3.connect(shop) as connection:
        connection.execute("DELETE FROM customers")
    connection.close()
    shop.unlink()
    assert write_rows(source, np.array([False, True]), tmp_path / "out.csv") == 1
    assert (tmp_path / "out.csv").read_text() == "mail,id\nbob@example.com,8\n"


def test_nothing_can_be_written(shop: Path) -> None:
    before = shop.read_bytes()
    for query in ("DELETE FROM customers", "DELETE FROM customers RETURNING id", "SELECT 1; DELETE FROM customers"):
        assert "syntax error" in str(refusal(f"sqlite:///{shop}", query))
    assert shop.read_bytes() == before
    assert sorted(os.listdir(shop.parent)) == ["shop.db"]


def test_a_database_in_use_is_read_as_it_was_committed(shop: Path) -> None:
    writer = sqlite3.connect(shop)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("DELETE FROM customers WHERE id > 7")
    assert len(rows(open_source(f"sqlite:///{shop}", query="SELECT id FROM customers"))) == 20_002
    writer.commit()
    assert len(rows(open_source(f"sqlite:///{shop}", query="SELECT id FROM customers"))) == 9
    writer.close()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT nope FROM customers", "the database reports: no such column: nope"),
        ("SELEC 1", "syntax error"),
        ("SELECT id, id FROM customers", "several columns are named 'id'"),
        ("SELECT photo AS p FROM customers UNION ALL SELECT id FROM customers", "'p' has both bytes and numbers"),
        ("SELECT CAST(x'ff' AS TEXT) AS t", "column 't' holds bytes that are not UTF-8"),
        ("", "--query is empty"),
        (" ; ", "--query is empty"),
        (None, "needs --query"),
    ],
)
def test_queries_that_do_not_do(shop: Path, query: str | None, says: str) -> None:
    assert says in str(refusal(f"sqlite:///{shop}", query))


def test_files_that_are_no_databases(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"hello" * 1000)
    assert "not a database" in str(refusal(f"sqlite:///{tmp_path}/x.db", "SELECT 1"))
    assert "no such file" in str(refusal(f"sqlite:///{tmp_path}/y.db", "SELECT 1"))
    assert "is not an ordinary file" in str(refusal(f"sqlite:///{tmp_path}", "SELECT 1"))
    assert not (tmp_path / "y.db").exists()
    for where in ("sqlite:x.db", "sqlite://x.db", "sqlite:///", "sqlite:///x.db?mode=rw"):
        assert "must have the form sqlite:///FILE" in str(refusal(where, "SELECT 1"))


def test_an_empty_result(shop: Path) -> None:
    source = open_source(f"sqlite:///{shop}", query="SELECT mail FROM customers LIMIT 0")
    assert (rows(source), source.schema.names) == ([], ["mail"])


def test_a_column_of_floating_point_may_be_a_key(shop: Path) -> None:
    source = open_source(f"sqlite:///{shop}", query="SELECT spent FROM customers")
    require_columns(source, ["spent"])


# -- what the rows are kept in ----------------------------------------------------------------------------------------


def test_kept_rows_have_no_name_and_go_with_their_source(tmp_path: Path, shop: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    source = open_source(f"sqlite:///{shop}", query="SELECT mail FROM customers", folder=folder)
    assert len(rows(source)) == 20_002
    assert list(folder.iterdir()) == []
    assert source.disk_bytes > 20_000
    assert open_in(folder)
    del source
    gc.collect()
    assert not open_in(folder)


def open_in(folder: Path) -> list[str]:
    """Files in a folder that this process has open, with a name or without."""
    found = []
    for handle in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # another thread's, or the listing's own
            found.append(os.readlink(f"/proc/self/fd/{handle}"))
    return [path for path in found if path.startswith(f"{folder}/")]


def test_a_folder_that_cannot_be_used(tmp_path: Path, shop: Path) -> None:
    source = open_source(f"sqlite:///{shop}", query="SELECT mail FROM customers", folder=tmp_path / "none")
    with pytest.raises(InputError, match=r"cannot use the folder for working files, .*none'") as caught:
        rows(source)
    assert caught.value.term == "workdir"


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, block: object) -> int:
            raise OSError(28, "No space left on device")

    kept = KeptRows(tmp_path, pa.schema([("a", pa.string())]))
    kept.close()
    monkeypatch.setattr(kept, "_file", Full())
    with pytest.raises(InputError, match="No space left"):
        kept.append(pa.record_batch({"a": ["x"]}))


# -- addresses --------------------------------------------------------------------------------------------------------


def test_what_is_an_address() -> None:
    assert [scheme_of(text) for text in ("postgresql://h/d", "POSTGRES://h", "sqlite:///x", "postgresql:/h")] == [
        "postgresql",
        "postgres",
        "sqlite",
        "postgresql",
    ]
    assert [scheme_of(text) for text in ("a.csv", "/data/a.csv", "a:b.csv", "./x://y")] == [None] * 4


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("postgresql://ann:hush@db.example:5433/crm", "postgresql://ann@db.example:5433/crm"),
        ("postgres://ann:hu%2Fsh@h1:1,h2:2/crm?sslmode=require", "postgresql://ann@h1:1,h2:2/crm"),
        ("postgresql://ann:hu@sh@[::1]:1/crm", "postgresql://ann@[::1]:1/crm"),
        ("postgresql://ann:50%off@h/crm", "postgresql://ann@h/crm"),
        ("postgresql://h/crm?user=ann&password=hush", "postgresql://h/crm"),
        ("postgresql://?service=warehouse", "postgresql:///"),
    ],
)
def test_a_name_shows_no_password(where: str, name: str) -> None:
    address = PostgresAddress.parse(where)
    assert address.name == name
    assert not any(secret in address.name + repr(address) for secret in address.secrets)
    assert ("hush" in address.secrets) == ("hush" in where)


@pytest.mark.parametrize(
    "where",
    [
        "postgresql://ann:hu/sh@h/crm",
        "postgresql://ann:hu?sh@h/crm",
        "postgresql://ann:hu#sh@h/crm",
        "postgresql://ann:hush",
        "postgresql://ann:hush@[::1/crm",
        "postgresql:/ann:hush@h/crm",
        "postgresql:ann:hush@h/crm",
        "mysql://ann:hush@h/crm",
    ],
)
def test_an_address_that_is_refused_is_not_repeated(where: str) -> None:
    error = refusal(where, "SELECT 1")
    assert isinstance(error, UsageError)
    assert "hu" not in str(error)


def test_messages_that_may_hold_a_password_are_dropped() -> None:
    address = PostgresAddress.parse("postgresql://ann:hu%2Fsh@h/crm")
    assert address.without_secrets("no route to host") == "no route to host"
    assert address.without_secrets("bad word hu/sh") is None
    assert address.without_secrets("bad word hu%2Fsh") is None
    assert address.without_secrets("bad URI postgresql://...") is None


def test_files_take_no_query(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert "For a file, leave out --query" in str(refusal(str(tmp_path / "a.csv"), "SELECT 1"))


@pytest.mark.parametrize("where", ["sqlite:///{}", "postgresql://h/d"])
def test_missing_drivers_are_named(shop: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("adbc_driver")]:
        monkeypatch.delitem(sys.modules, name)

    def without(found: Callable[..., object]) -> Callable[..., object]:
        def imported(name: str, *rest: object, **more: object) -> object:
            if name.startswith("adbc_driver"):
                raise ImportError(name)
            return found(name, *rest, **more)

        return imported

    monkeypatch.setattr(builtins, "__import__", without(builtins.__import__))
    monkeypatch.setattr("importlib.import_module", without(importlib.import_module))
    error = refusal(where.format(shop), "SELECT 1")
    assert isinstance(error, UsageError)
    assert "pip install 'psiselect[db]'" in str(error)
