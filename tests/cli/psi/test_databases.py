"""`psiselect psi` with databases: the same session as with files, and no password anywhere."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import postgres
from support.postgres import PASSWORD, QUOTED, Server
from support.program import Run
from support.psi_processes import address, ended, psiselect, run

ROWS = (
    "SELECT i AS id, 'c' || (i * 7) % {n} || '@Example.com' AS mail, i::numeric / 4 AS spent "
    "FROM generate_series(1, {n}) i"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres.server() as running:
        yield running


@pytest.fixture
def members(tmp_path: Path) -> Path:
    path = tmp_path / "members.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE members (id INTEGER, mail TEXT, joined TEXT)")
        rows = [(i, f"C{i}@example.com", "2020") for i in range(0, 3000, 3)] + [(9999, "", None), (9998, "none", None)]
        connection.executemany("INSERT INTO members VALUES (?, ?, ?)", rows)
    connection.close()
    return path


def customers(rows: int, path: Path) -> None:
    """What ROWS makes, as a Parquet file."""
    numbers = range(1, rows + 1)
    mails = [f"c{i * 7 % rows}@Example.com" for i in numbers]
    pq.write_table(pa.table({"id": pa.array(numbers, pa.int32()), "mail": mails}), path)


def test_a_session_between_two_databases(server: Server, place: Path, members: Path) -> None:
    server.run(f"CREATE TABLE customers AS {ROWS.format(n=2000)}")
    papers = [place / name for name in ("acme.audit", "acme.json", "globex.audit", "globex.json")]
    with psiselect(
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", place / "acme", "--peer", place / "globex.crt"),
        *("--input", server.uri(), "--query", "SELECT mail, spent FROM customers", "--key", "mail:email"),
        *("--learn", "both", "--output", place / "common.csv", "--audit", papers[0], "--record", papers[1], "--json"),
    ) as listener:
        there = run(
            *("psi", "connect", address(listener), "--identity", place / "globex", "--peer", place / "acme.crt"),
            *("--input", f"sqlite:///{members}", "--query", "SELECT * FROM members ORDER BY id DESC"),
            *("--key", "mail:email", "--learn", "both", "--output", place / "theirs.csv"),
            *("--audit", papers[2], "--record", papers[3], "--json"),
        )
        here = ended(listener)
    assert (here.code, there.code) == (0, 0), (here, there)
    assert here.json["matches"] == there.json["matches"] == 667
    lines = (place / "theirs.csv").read_text().splitlines()
    assert lines[:2] == ["id,mail,joined", "1998,C1998@example.com,2020"]
    assert [int(line.split(",")[0]) for line in lines[1:]] == list(range(1998, -1, -3))
    spent = sorted((place / "common.csv").read_text().splitlines())
    assert len(spent) == 668
    assert "mail,spent" in spent
    assert f"{members}: of" in there.err
    shown = "".join([*(here.out, here.err, there.out, there.err), *(path.read_text() for path in papers)])
    assert not [word for word in (PASSWORD, QUOTED, json.dumps(PASSWORD)[1:-1]) if word in shown]


def compare(server: Server, folder: Path, rows: int) -> None:
    """One table from PostgreSQL and from Parquet, through the same command: the same result."""
    server.run(f"CREATE TABLE t{rows} AS {ROWS.format(n=rows)}")
    customers(rows, folder / "table.parquet")
    (folder / "other.txt").write_text("".join(f"C{i}@example.com\n" for i in range(0, rows + rows // 2, 2)))
    found = []
    tables = {"file": (folder / "table.parquet",), "base": (server.uri(), "--query", f"SELECT id, mail FROM t{rows}")}
    for name, table in tables.items():
        output = folder / f"{name}.csv"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "cli.main", "psi", "local", table[0], folder / "other.txt", *table[1:]),
                *("--key", "mail:email", "--key-b", "value:email", "--output", output, "--json"),
            ],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        lines = output.read_text().splitlines()
        assert len(lines) == said["matched_rows"] + 1
        same = ("own_size", "peer_size", "matches", "matched_rows", "input", "reveal", "learn")
        found.append(({key: said[key] for key in same}, lines[0], sorted(lines)))
    assert found[0] == found[1]
    assert found[0][0]["matches"] == rows // 2


def test_postgres_and_parquet_give_the_same_result(server: Server, tmp_path: Path) -> None:
    compare(server, tmp_path, 20_000)


@pytest.mark.soak
def test_a_million_rows_from_postgres_and_from_parquet(server: Server, tmp_path: Path) -> None:
    compare(server, tmp_path, 1_000_000)


READ = """
import resource, sys
from psi.tables import open_source
rows = 0
for batch in open_source(sys.argv[1], query=sys.argv[2]).batches():
    rows += len(batch)
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["postgres", "sqlite"])
def test_memory_does_not_grow_with_the_table(server: Server, tmp_path: Path, kind: str) -> None:
    numbers = "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < {n}) "
    where, query = f"sqlite:///{tmp_path}/empty.db", numbers + "SELECT i, hex(i * 1000003) AS k FROM t"
    if kind == "postgres":
        where, query = server.uri(), "SELECT i, md5(i::text) AS k FROM generate_series(1, {n}) AS i"
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE x (y)").connection.close()
    peaks = []
    for rows in (200_000, 3_200_000):
        done = subprocess.run(
            [sys.executable, "-c", READ, where, query.format(n=rows)],
            env={**os.environ, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            text=True,
            check=True,
        )
        read, peak = map(int, done.stdout.split())
        assert read == rows
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 32 << 10, peaks  # KiB; the larger table has more than 100 MB


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("psi", "local", "postgresql://ann:hush@127.0.0.1:1/crm", "b.txt", "--query", "SELECT 1"), 3, "refused"),
        (
            ("psi", "local", "postgresql://ann:hu/sh@h/crm", "b.txt", "--query", "SELECT 1"),
            2,
            "must have the form postgresql:",
        ),
        (("psi", "local", "postgresql://ann:hush@h/crm", "b.txt"), 2, "needs --query"),
        (("psi", "local", "mysql://ann:hush@h/crm", "b.txt", "--query", "SELECT 1"), 2, "mysql:// is not supported"),
        (("psi", "local", "b.txt", "postgresql://ann:hush@127.0.0.1:1/crm", "--query-b", "SELECT 1"), 3, "refused"),
        (("psi", "local", "b.txt", "b.txt", "--query", "SELECT 1"), 2, "needs a database"),
        (("psi", "local", "sqlite:///none.db", "b.txt", "--query", "SELECT 1"), 3, "no such file"),
    ],
)
def test_what_goes_wrong_is_said_without_passwords(
    program: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.txt").write_text("a\n")
    shown = program(*arguments, "--key", "value", "--json")
    assert (shown.code, says in shown.error) == (code, True), shown
    assert "hu" not in shown.out


def test_the_database_is_not_overwritten(program: Run, members: Path, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("a\n")
    base = members.rename(tmp_path / "members.csv")
    before = base.read_bytes()
    shown = program(
        *("psi", "local", f"sqlite:///{base}", tmp_path / "b.txt", "--query", "SELECT mail FROM members"),
        *("--key", "mail", "--key-b", "value", "--output", base, "--json"),
    )
    assert (shown.code, "which is also the input file" in shown.error) == (2, True)
    assert base.read_bytes() == before
