"""How numbers, durations and chosen columns are written, and what databases say that cannot be read."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.postgres import server

from psi.tables import Chosen, KeyNames, check_bytes, open_source, write_rows, written_text
from psi.tables import sqlite as sqlite_tables
from psiselect.base.errors import InputError


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            pa.array([48601234567.0, 1e15, -5.0, -1e16, 0.0]),
            ["48601234567", f"1{'0' * 15}", "-5", f"-1{'0' * 16}", "0"],
        ),
        (pa.array([float(1 << 62), 0.5, 1e-7, None]), [str(1 << 62), "0.5", "1e-7", None]),
        (pa.array([float(1 << 63), float("inf"), float("nan")]), ["9.223372036854776e+18", "inf", "nan"]),
        (pa.array([90, None], pa.duration("s")), ["90 s", None]),
        (pa.array([1500], pa.duration("us")), ["1500 us"]),
    ],
)
def test_numbers_are_digits_and_durations_have_a_unit(values: pa.Array, expected: list[str | None]) -> None:
    assert written_text(values, "c", "t").to_pylist() == expected


@pytest.mark.parametrize("mark", ['"', "\r", "\n", ",", "a\r\nb"])
@pytest.mark.parametrize("columns", [1, 2])
def test_each_mark_that_needs_quotes_gets_them_when_it_is_the_only_one(tmp_path: Path, mark: str, columns: int) -> None:
    """Whatever other fields hold, each reader finds the fields that were written."""
    fields = ["plain", f"x{mark}", "end"]
    pq.write_table(pa.table({str(at): fields for at in range(columns)}), tmp_path / "in.parquet")
    source = open_source(tmp_path / "in.parquet")
    write_rows(source, np.ones(3, bool), tmp_path / "out.csv")
    quoted = '"x' + mark.replace('"', '""') + '"'
    lines = [",".join([field] * columns) for field in ("plain", quoted, "end")]
    header = ",".join(map(str, range(columns)))
    assert (tmp_path / "out.csv").read_bytes().decode() == "\n".join([header, *lines, ""])


def test_an_empty_field_is_in_quotes_only_where_it_is_the_only_one(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": ["x", "", "y"], "b": ["", "", "z"]}), tmp_path / "in.parquet")
    source = open_source(tmp_path / "in.parquet")
    write_rows(source, np.ones(3, bool), tmp_path / "two.csv")
    assert (tmp_path / "two.csv").read_text() == "a,b\nx,\n,\ny,z\n"
    write_rows(source, np.ones(3, bool), tmp_path / "one.csv", Chosen(("a",)))
    assert (tmp_path / "one.csv").read_text() == 'a\nx\n""\ny\n'


BYTES = pa.array([b"plain", b"\xff\xfe"], pa.binary())
COLUMNS_OF_BYTES = {
    "binary": BYTES,
    "large": BYTES.cast(pa.large_binary()),
    "fixed": pa.array([b"abcd", b"\xff\xfe\x00\x80"], pa.binary(4)),
    "dictionary": BYTES.dictionary_encode(),
}


@pytest.mark.parametrize("kind", COLUMNS_OF_BYTES)
def test_bytes_that_no_csv_file_can_hold_are_found_before_a_session(tmp_path: Path, kind: str) -> None:
    pq.write_table(pa.table({"a": ["x", "y"], "b": COLUMNS_OF_BYTES[kind]}), tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"column 'b' holds bytes that are not text.* with --columns"):
        check_bytes(source, tmp_path / "out.csv")
    check_bytes(source, tmp_path / "out.parquet")
    check_bytes(source, tmp_path / "out.csv", Chosen(("a",)))


def test_text_that_is_stored_as_bytes_can_be_written(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([b"x", "ł".encode()], pa.binary())}), tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    check_bytes(source, tmp_path / "out.csv")
    assert write_rows(source, np.array([True, True]), tmp_path / "out.csv") == 2
    assert (tmp_path / "out.csv").read_text() == "a\nx\nł\n"


def test_chosen_columns_and_keys(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"], "c": [0.5, 2.0, 1e12]}), tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    keys = KeyNames(np.array([1, 0, 3]), ["mail", "phone"])
    chosen = Chosen(("c", "matched_by", "a"))
    chosen.check(source)
    for ending in (".csv", ".parquet"):
        assert write_rows(source, keys.bits != 0, tmp_path / f"out{ending}", chosen, keys) == 2
    assert (tmp_path / "out.csv").read_text() == "c,matched_by,a\n0.5,mail,1\n1000000000000,mail;phone,3\n"
    written = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert written == {"c": [0.5, 1e12], "matched_by": ["mail", "mail;phone"], "a": [1, 3]}


def test_a_column_of_one_s_own_called_matched_by_is_that(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("matched_by\nme\n")
    source = open_source(tmp_path / "t.csv")
    write_rows(source, np.array([True]), tmp_path / "out.csv", Chosen(("matched_by",)), KeyNames(np.array([1]), ["k"]))
    assert (tmp_path / "out.csv").read_text() == "matched_by\nme\n"
    with pytest.raises(InputError, match="names a column twice"):
        Chosen(("matched_by", "matched_by")).check(source)


@pytest.fixture
def shop(tmp_path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    connection.execute("CREATE TABLE t (e TEXT)")
    return connection


def test_a_locked_file_is_waited_for_and_named(
    tmp_path: Path, shop: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_tables, "_BUSY_MILLISECONDS", 20)
    shop.close()
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN EXCLUSIVE'); print(); input()"
    holding = [sys.executable, "-c", program, str(tmp_path / "shop.db")]
    with subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(InputError, match="another program has locked the file for"):
            open_source(f"sqlite:///{tmp_path}/shop.db", query="SELECT e FROM t")
        other.kill()


def test_the_wait_is_asked_of_the_database(tmp_path: Path, shop: sqlite3.Connection) -> None:
    with sqlite_tables.Sqlite(f"sqlite:///{tmp_path}/shop.db").connect() as connection, connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        assert cursor.fetchone() == (10_000,)


def test_what_a_reader_without_rights_is_told(tmp_path: Path) -> None:
    told = sqlite_tables.Sqlite(f"sqlite:///{tmp_path}/shop.db").words("attempt to write a readonly database", None)
    assert "left the file 'shop.db-journal' in the same folder" in str(told)


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_file_in_wal_mode_that_cannot_be_opened(tmp_path: Path, mode: str) -> None:
    """It is in that mode although nothing is beside it: its last writer has taken that away."""
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as writer:
        writer.execute(f"PRAGMA journal_mode={mode}")
        writer.execute("CREATE TABLE t (e TEXT)")
    assert [path.name for path in tmp_path.iterdir()] == ["shop.db"]
    told = sqlite_tables.Sqlite(f"sqlite:///{tmp_path}/shop.db").words("unable to open database file", None)
    assert ("the database is in WAL mode" in str(told)) == (mode == "WAL")


def test_nothing_is_made_up_of_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    told = sqlite_tables.Sqlite(f"sqlite:///{tmp_path}/shop.db").words("unable to open database file", None)
    assert told == "the database reports: unable to open database file"


def test_bytes_in_a_database_that_checks_none() -> None:
    with server() as found:
        found.run("CREATE DATABASE unchecked TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
        found.run("CREATE TABLE t AS SELECT E'caf\\xe9' AS e", "unchecked")
        with pytest.raises(InputError, match="encoding SQL_ASCII, so it does not check") as refused:
            list(open_source(found.uri("unchecked"), query="SELECT e FROM t").batches())
        said = str(refused.value)
        remedy = said[said.index("convert_from") :].replace("COLUMN", "e")
        (batch,) = open_source(found.uri("unchecked"), query=f"SELECT {remedy} AS e FROM t").batches()
        assert batch.to_pydict() == {"e": ["café"]}
