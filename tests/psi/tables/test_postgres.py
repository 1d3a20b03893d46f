"""A real PostgreSQL server as a source, where one is installed."""

from __future__ import annotations

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
from support.sources import refusal, rows

from psi.inputs.items import collect
from psi.normalize import parse_key
from psi.tables import open_source, text_column, write_rows
from psiselect.base.errors import InputError


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres.server() as running:
        yield running


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
    with pytest.raises(InputError, match="'photo' has type binary, which cannot be written as text"):
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
        ("SELECT date 'infinity' AS d", "'d' has a date that is 'infinity'"),
        ("SELECT timestamptz '-infinity' AS d UNION ALL SELECT now()", "'d' has a date that is 'infinity'"),
        ("SELECT timestamp '294276-12-31' AS d", "'d' has a date that is 'infinity', or too far in the past"),
        ("SELECT 1 / (5 - i) AS q FROM generate_series(1, 9) AS i", "the database reports: division by zero"),
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
