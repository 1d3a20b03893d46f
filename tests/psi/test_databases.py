"""Databases as sources: SQLite always, a real PostgreSQL server where one is installed."""

from __future__ import annotations

import builtins
import gc
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import postgres
from support.postgres import PASSWORD, QUOTED, Server

from psi.errors import InputError, PsiError, UsageError
from psi.items import collect
from psi.normalize import parse_key
from psi.tables import Source, open_source, require_columns, text_column, write_rows
from psi.tables.kept import KeptRows
from psi.tables.opening import scheme_of
from psi.tables.postgres import Address


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres.server() as running:
        yield running


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


def rows(source: Source, columns: list[str] | None = None) -> list[dict[str, object]]:
    return [row for batch in source.batches(columns) for row in batch.to_pylist()]


def refusal(where: str, query: str | None) -> PsiError:
    with pytest.raises(PsiError) as caught:
        rows(open_source(where, query=query))
    return caught.value


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
        ("SELECT nope FROM customers", "no such column: nope"),
        ("SELEC 1", "syntax error"),
        ("SELECT id, id FROM customers", "several columns are named 'id'"),
        ("SELECT photo AS p FROM customers UNION ALL SELECT id FROM customers", "'p' holds both bytes and numbers"),
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
    assert "is not a file" in str(refusal(f"sqlite:///{tmp_path}", "SELECT 1"))
    assert not (tmp_path / "y.db").exists()
    for where in ("sqlite:x.db", "sqlite://x.db", "sqlite:///", "sqlite:///x.db?mode=rw"):
        assert "expected sqlite:///FILE" in str(refusal(where, "SELECT 1"))


def test_an_empty_result(shop: Path) -> None:
    source = open_source(f"sqlite:///{shop}", query="SELECT mail FROM customers LIMIT 0")
    assert (rows(source), source.schema.names) == ([], ["mail"])


def test_a_column_of_no_text_is_refused_as_key(shop: Path) -> None:
    source = open_source(f"sqlite:///{shop}", query="SELECT spent FROM customers")
    with pytest.raises(InputError, match="'spent' has type double"):
        require_columns(source, ["spent"])


# -- what the rows are kept in ----------------------------------------------------------------------------------------


def test_kept_rows_have_no_name_and_go_with_their_source(tmp_path: Path, shop: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    source = open_source(f"sqlite:///{shop}", query="SELECT mail FROM customers", folder=folder)
    assert len(rows(source)) == 20_002
    assert list(folder.iterdir()) == []
    assert source.disk_bytes > 20_000
    del source
    gc.collect()
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_folder_that_cannot_be_used(tmp_path: Path, shop: Path) -> None:
    source = open_source(f"sqlite:///{shop}", query="SELECT mail FROM customers", folder=tmp_path / "none")
    with pytest.raises(InputError, match=r"working folder .*none cannot be used") as caught:
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
    address = Address.parse(where)
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
    address = Address.parse("postgresql://ann:hu%2Fsh@h/crm")
    assert address.without_secrets("no route to host") == "no route to host"
    assert address.without_secrets("bad word hu/sh") is None
    assert address.without_secrets("bad word hu%2Fsh") is None
    assert address.without_secrets("bad URI postgresql://...") is None


def test_files_take_no_query(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert "a file is read whole" in str(refusal(str(tmp_path / "a.csv"), "SELECT 1"))


@pytest.mark.parametrize("where", ["sqlite:///{}", "postgresql://h/d"])
def test_missing_drivers_are_named(shop: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("adbc_driver")]:
        monkeypatch.delitem(sys.modules, name)
    found = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.startswith("adbc_driver"):
            raise ImportError(name)
        return found(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr("importlib.import_module", without)
    error = refusal(where.format(shop), "SELECT 1")
    assert isinstance(error, UsageError)
    assert "pip install 'psiselect[db]'" in str(error)


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


def test_postgres_types(server: Server) -> None:
    server.run("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    source = open_source(
        server.uri(),
        query="""SELECT 1::int2 a, 2::int4 b, 3::int8 c, 1.5::float8 d, 12.50::numeric(9, 2) e, 'x'::text f,
            'y'::varchar(5) g, 'z'::char(3) h, date '2020-02-29' i, timestamp '2020-01-01 10:00:00.5' j,
            timestamptz '2020-01-01 10:00:00+02' k, '0f10d314-b214-45d3-8d58-e65705ca0be0'::uuid l, '{"a": 1}'::jsonb m,
            '\\xff00'::bytea n, 'ok'::mood o, true p, array[1, 2] q, '10.0.0.1'::inet r, interval '1 day' s,
            time '10:00' t, null u, 1::oid v, 'Zo\u00eb' w -- and a comment""",
    )
    (row,) = rows(source)
    shown = {key: value for key, value in row.items() if key not in "ijkn"}
    assert shown == {
        **{"a": 1, "b": 2, "c": 3, "d": 1.5, "e": "12.50", "f": "x", "g": "y", "h": "z", "o": "ok", "p": True},
        **{"l": "0f10d314-b214-45d3-8d58-e65705ca0be0", "m": '{"a": 1}', "q": "{1,2}", "r": "10.0.0.1/32"},
        **{"s": "1 day", "t": "10:00:00", "u": None, "v": "1", "w": "Zo\u00eb"},
    }
    (batch,) = source.batches()
    as_keys = {name: text_column(batch.column(name), name, source.name)[0].as_py() for name in "ijk"}
    assert as_keys == {
        "i": "2020-02-29",
        "j": "2020-01-01 10:00:00.500000",
        "k": "2020-01-01 08:00:00.000000",
    }
    assert batch.column("n").to_pylist() == [b"\xff\x00"]
    assert all(not field.metadata for field in source.schema)


def test_bytes_go_into_parquet_and_not_into_csv(server: Server, tmp_path: Path) -> None:
    source = open_source(server.uri(), query="SELECT '\\xff00'::bytea AS photo")
    mask = np.ones(sum(map(len, source.batches())), bool)
    with pytest.raises(InputError, match="'photo' of type binary cannot be written as text"):
        write_rows(source, mask, tmp_path / "out.csv")
    assert write_rows(source, mask, tmp_path / "out.parquet") == 1
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == [{"photo": b"\xff\x00"}]
    assert os.listdir(tmp_path) == ["out.parquet"]


def test_a_server_in_another_encoding(server: Server) -> None:
    server.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    assert rows(open_source(server.uri("latin"), query="SELECT chr(235) AS e")) == [{"e": "\u00eb"}]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT nope FROM pg_class", 'column "nope" does not exist'),
        ("SELECT 1 AS a, 2 AS a", "several columns are named 'a'"),
        ("SELECT 1; SELECT 2", "multiple commands"),
        ("SHOW server_version", "syntax error"),
        ("COMMIT", "returns no columns"),
        ("SET TRANSACTION READ WRITE", "returns no columns"),
        ("SELECT date 'infinity' AS d", "'d' holds a date that is infinite"),
        ("SELECT timestamptz '-infinity' AS d UNION ALL SELECT now()", "'d' holds a date that is infinite"),
        ("SELECT timestamp '294276-12-31' AS d", "'d' holds a date that is infinite or too far off"),
        ("SELECT 1 / (5 - i) AS q FROM generate_series(1, 9) AS i", "division by zero"),
    ],
)
def test_queries_that_postgres_refuses(server: Server, query: str, says: str) -> None:
    error = refusal(server.uri(), query)
    assert isinstance(error, InputError)
    assert says in str(error)


def test_messages_hold_no_values(server: Server) -> None:
    server.run("CREATE TABLE people AS SELECT 'ann@example.com' AS mail")
    for query in ("SELECT mail::int FROM people", "SELECT 'ann@example.com'::int AS x"):
        assert "ann" not in str(refusal(server.uri(), query))


def test_postgres_cannot_be_written_to(server: Server) -> None:
    server.run("CREATE SEQUENCE counter; CREATE TABLE precious AS SELECT 1 AS id")
    server.run("CREATE FUNCTION sneaky() RETURNS int LANGUAGE sql VOLATILE AS $$ DELETE FROM precious RETURNING id $$")
    for query in (
        "DELETE FROM precious",
        "DELETE FROM precious RETURNING id",
        "WITH gone AS (DELETE FROM precious RETURNING id) SELECT * FROM gone",
        "SELECT sneaky() AS id",
        "SELECT nextval('counter') AS id",
        "SELECT 1) AS x; DELETE FROM precious; SELECT * FROM (SELECT 1",
    ):
        assert isinstance(refusal(server.uri(), query), InputError)
    assert server.run("SELECT count(*), (SELECT last_value FROM counter) FROM precious") == "1|1"


def test_postgres_passwords_stay_out_of_errors(server: Server) -> None:
    assert len(rows(open_source(server.uri(), query="SELECT 1 AS a"))) == 1
    wrong = refusal(server.uri(password="wrong%20word"), "SELECT 1")
    assert 'password authentication failed for user "psi"' in str(wrong)
    for error in (
        wrong,
        refusal(server.uri("nowhere"), "SELECT 1"),
        refusal(f"postgresql://psi:{QUOTED}@127.0.0.1:1/crm", "SELECT 1"),
        refusal(server.uri() + "&nonsense=1", "SELECT 1"),
        refusal(server.uri() + f"&port={QUOTED}", "SELECT 1"),
    ):
        assert isinstance(error, InputError)
        assert [part for part in (PASSWORD, QUOTED, "wrong word") if part in str(error)] == []


def test_a_password_file_serves(server: Server, tmp_path: Path) -> None:
    """What the documentation advises. In a process of its own: libpq reads the environment."""
    words = tmp_path / "pgpass"
    words.write_text(f"*:*:*:psi:{PASSWORD.replace(':', chr(92) + ':')}\n")
    words.chmod(0o600)
    code = (
        "import sys; from psi.tables import open_source\n"
        "print(sum(map(len, open_source(sys.argv[1], query='SELECT 1 AS a').batches())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"postgresql://psi@/postgres?host={server.sockets}"],
        env={**os.environ, "PGPASSFILE": str(words), "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("1", "")


def test_passes_agree_although_the_table_changes(server: Server) -> None:
    server.run(
        "CREATE TABLE moving AS SELECT i AS id, 'c' || i || '@example.com' AS mail FROM generate_series(1, 9000) i"
    )
    source = open_source(server.uri(), query="SELECT mail, id FROM moving")
    first = rows(source, ["mail"])
    deadline = time.monotonic() + 60  # a backend ends a moment after its client
    while server.run("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psiselect'") != "0":
        assert time.monotonic() < deadline, "a connection stays open"
    server.run("UPDATE moving SET mail = 'x' WHERE id < 4000; DELETE FROM moving WHERE id > 8000")
    server.run("VACUUM FULL moving")
    assert rows(source, ["mail"]) == first
    assert [row["mail"] for row in rows(source)] == [f"c{row['id']}@example.com" for row in rows(source)]
    assert len(rows(open_source(server.uri(), query="SELECT mail FROM moving"))) == 8000


def test_order_by_is_kept(server: Server) -> None:
    source = open_source(server.uri(), query="SELECT i, i::numeric AS n FROM generate_series(1, 5000) i ORDER BY -i")
    assert [row["i"] for row in rows(source)] == list(range(5000, 0, -1))


def test_the_same_keys_from_postgres_sqlite_and_parquet(server: Server, tmp_path: Path) -> None:
    server.run(
        "CREATE TABLE big AS SELECT i AS id, 'Customer' || i % 40000 || '@Example.com' AS mail "
        "FROM generate_series(1, 50000) i"
    )
    table = pa.table({"id": range(1, 50_001), "mail": [f"Customer{i % 40000}@Example.com" for i in range(1, 50_001)]})
    pq.write_table(table, tmp_path / "big.parquet")
    with sqlite3.connect(tmp_path / "big.db") as connection:
        connection.execute("CREATE TABLE big (id INTEGER, mail TEXT)")
        connection.executemany("INSERT INTO big VALUES (?, ?)", zip(*table.to_pydict().values(), strict=True))
    connection.close()
    query = "SELECT id, mail FROM big ORDER BY id"
    sources = [
        open_source(tmp_path / "big.parquet"),
        open_source(server.uri(), query=query),
        open_source(f"sqlite:///{tmp_path}/big.db", query=query),
    ]
    found = [collect(source, parse_key("mail:email")) for source in sources]
    assert [items.report for items in found] == [found[0].report] * 3
    assert found[0].report.distinct == 40_000
    for items, source in zip(found, sources, strict=True):
        assert (items.row_to_key == found[0].row_to_key).all()
        assert rows(source)[-1] == {"id": 50_000, "mail": "Customer10000@Example.com"}
