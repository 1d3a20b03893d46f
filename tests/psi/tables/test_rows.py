"""Rows as text: every source gives the same, a fault has its line, and no line is swallowed."""

from __future__ import annotations

import csv
import io
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from support.damaged_csv import generated
from support.strict_csv import strict_rows
from support.tables import MemoryFile

from psi.tables import Source, delimited, layout, open_file, open_source, quotes, row_table
from psi.tables.delimited import CsvSource
from psiselect.base.errors import InputError
from psiselect.base.rows import Fault, Row

NAMES = ["id", "name", "note"]
CONTENT = [["1", "Ada", "x, y"], ["2", "Çelik; B", 'say "hi"'], ["3", "", "two\nlines"], ["4", " ", "\t"]]


def as_csv(delimiter: str) -> Callable[[Path], Source]:
    def write(folder: Path) -> Source:
        with (folder / "t.csv").open("w", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([NAMES, *CONTENT])
        return open_source(folder / "t.csv")

    return write


def as_table(ending: str) -> Callable[[Path], Source]:
    def write(folder: Path) -> Source:
        columns = dict(zip(NAMES, zip(*CONTENT, strict=True), strict=True))
        table = pa.table({**columns, "id": [1, 2, 3, 4], "name": [value or None for value in columns["name"]]})
        path = folder / f"t.{ending}"
        pq.write_table(table, path) if ending in ("parquet", "bin") else feather.write_feather(table, path)
        return open_source(path)

    return write


def as_database(folder: Path) -> Source:
    with sqlite3.connect(folder / "t.db") as connection:
        connection.execute("CREATE TABLE t (id INTEGER, name TEXT, note TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i, n or None, t) for i, n, t in CONTENT])
    connection.close()
    return open_source(f"sqlite:///{folder}/t.db", query="SELECT * FROM t ORDER BY id")


KINDS = {
    "comma": as_csv(","),
    "semicolon": as_csv(";"),
    "tab": as_csv("\t"),
    "parquet": as_table("parquet"),
    "parquet by content": as_table("bin"),
    "feather": as_table("feather"),
    "arrow": as_table("arrow"),
    "sqlite": as_database,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_source_gives_the_same_rows(tmp_path: Path, kind: str) -> None:
    source = KINDS[kind](tmp_path)
    in_lines = kind in ("comma", "semicolon", "tab")
    numbers = [2, 3, 4, 6] if in_lines else [1, 2, 3, 4]
    for _ in range(2):
        rows = list(source.rows())
        assert [list(row.cells) for row in rows if isinstance(row, Row)] == CONTENT
        assert [row.line for row in rows] == numbers
    chosen = [list(row.cells) for row in source.rows(["note", "id"]) if isinstance(row, Row)]
    assert chosen == [[row[2], row[0]] for row in CONTENT]
    table = row_table(source)
    assert (table.header, table.header_line) == (tuple(NAMES), 1 if in_lines else 0)
    assert table.place(numbers[-1]) == ("line 6" if in_lines else "row 4")


def test_lines_are_rows_of_one_column(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbfone\r\n two \n\n\xff\nlast")
    source = open_source(tmp_path / "t.txt")
    assert list(source.rows())[:3] == [(1, ("one",)), (2, (" two ",)), (3, ("",))]
    assert list(source.rows())[3:] == [Fault(4, layout.not_text(b"\xff", None)), Row(5, ("last",))]
    with pytest.raises(InputError, match=r"t\.txt, line 4: this is not UTF-8 text") as caught:
        list(source.batches())
    assert caught.value.line == 4


def test_numbers_and_dates_as_text(tmp_path: Path) -> None:
    table = pa.table(
        {
            "whole": [1e15, -3.0, None],
            "half": [0.5, 1e300, float("nan")],
            "decimal": pa.array([Decimal("1.50"), Decimal("-2.00"), None], pa.decimal128(9, 2)),
            "date": pa.array([0, None, 1], pa.date32()),
            "truth": [True, False, None],
            "coded": pa.array(["x", None, "y"]).dictionary_encode(),
            "list": [[1], [], None],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    cells = [row.cells for row in source.rows(table.column_names[:-1]) if isinstance(row, Row)]
    assert cells == [
        ("1000000000000000", "0.5", "1.50", "1970-01-01", "true", "x"),
        ("-3", "1e+300", "-2.00", "", "false", ""),
        ("", "nan", "", "1970-01-02", "", "y"),
    ]
    with pytest.raises(InputError, match="'list'"):
        list(source.rows())


# --- faults ---

LONG = b"x" * (delimited.MAX_ROW + 1)
FAULTS = [
    # what is in the file under the header `a,b`, and what comes out: cells, or the beginning of a problem
    (b"1,2\n3\n4,5\n", {2: ["1", "2"], 3: "the row has 1 field, but the header has 2", 4: ["4", "5"]}),
    (b"1,2,3\n4,5\n", {2: "the row has 3 fields, but the header has 2", 3: ["4", "5"]}),
    (b'1,"x\n3,4\n5,6\n', {2: "a quoted field is not closed", 3: ["3", "4"], 4: ["5", "6"]}),
    (b'"x"y,2\n3,4\n', {2: "text after a closing quote. Inside", 3: ["3", "4"]}),
    (b'"x" ,2\n3,4\n', {2: "text after a closing quote. Inside", 3: ["3", "4"]}),
    (b'"x\ny"z,2\n3,4\n', {2: "text after a closing quote in line 3", 3: ['y"z', "2"], 4: ["3", "4"]}),
    (b'"x\n3,4\n"y",5\n', {2: "text after a closing quote in line 4", 3: ["3", "4"], 4: ["y", "5"]}),
    (b"1,\xff\n3,4\n", {2: "this is not UTF-8 text", 3: ["3", "4"]}),
    (b'1,"x\n\xff"\n3,4\n', {3: "this is not UTF-8 text", 4: ["3", "4"]}),
    (b'1,"x\xff\ny"z\n3,4\n', {2: "this is not UTF-8", 3: "the row has 1 field, but the header has 2", 4: ["3", "4"]}),
    (b"1,x\0\n3,4\n", {2: "there is a NUL character", 3: ["3", "4"]}),
    (b"1," + LONG + b"\r\n3,4\n", {2: "a line longer than 4 MiB", 3: ["3", "4"]}),
    (b"1," + LONG + b"\r3,4", {2: "a line longer than 4 MiB"}),
    (b"1," + LONG, {2: "a line longer than 4 MiB"}),
    (b'1,"x\n' + LONG + b'"\n3,4\n', {2: "a quoted field is not closed", 3: "a line longer than 4 MiB", 4: ["3", "4"]}),
    (b'1,"' + (b"x" * 99 + b"\n") * 42_000, {2: "a quoted field is not closed, or the row is longer than 4 MiB"}),
    (b"\n1,2\n\r\n\n", {2: [], 3: ["1", "2"], 4: [], 5: []}),
    (b"1,2\r\r\n3,4\r", {2: "a carriage return or line feed", 3: ["3", "4"]}),
    (b"1,2\r3,4\n5,6\n", {2: "a carriage return or line feed", 3: ["5", "6"]}),
    (b'1,"2\r3",4\n1,"2\r3"\n', {2: "the row has 3 fields", 3: ["1", "2\r3"]}),
    (b'1,"2"\r3,"4"\n5,6\n', {2: "a carriage return or line feed", 3: ["5", "6"]}),
    (b'1,"2\n3"\r\r\n5,6\n', {2: "a carriage return or line feed", 3: "a carriage return", 4: ["5", "6"]}),
    (b'1,"6\\""\n2,"\n3,4\n5,",6\n', {2: "a field of several lines with a backslash", 3: "the row has 3 fields"}),
    (b'1,5" pipe\n"","""a"" ""b"""\n', {2: ["1", '5" pipe'], 3: ["", '"a" "b"']}),
    (b'1,"' + b"x" * 200_000 + b'\n"\n', {2: ["1", "x" * 200_000 + "\n"]}),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), FAULTS, ids=range(len(FAULTS)))
def test_each_fault_has_its_line_and_the_next_row_follows(content: bytes, expected: dict[int, list[str] | str]) -> None:
    source = open_file(MemoryFile(b"a,b\n" + content, "in.csv"))
    limit = csv.field_size_limit()
    found = list(source.rows())[: len(expected)]
    assert csv.field_size_limit() == limit
    assert [row.line for row in found] == list(expected)
    for row, wanted in zip(found, expected.values(), strict=True):
        if isinstance(row, Fault):
            assert isinstance(wanted, str)
            assert row.problem.startswith(wanted)
            assert "x" not in row.problem.replace("text", "").replace("fix", "")
        else:
            assert list(row.cells) == wanted
    first = next((line for line, wanted in expected.items() if isinstance(wanted, str)), None)
    if first is None:
        assert sum(map(len, source.batches())) == sum(wanted != [] for wanted in expected.values())
        return
    with pytest.raises(InputError, match=rf"in\.csv, line {first}: ") as caught:
        list(source.batches(["b"]))
    assert caught.value.line == first


def test_a_blank_line_of_one_column_is_a_value_to_psi_and_a_row_without_cells_to_others() -> None:
    source = open_file(MemoryFile(b'\n\na\n1\n\n""\n2', "in.csv"))
    assert [(row.line, list(row[1])) for row in source.rows()] == [(4, ["1"]), (5, []), (6, [""]), (7, ["2"])]
    assert [row["a"] for batch in source.batches() for row in batch.to_pylist()] == ["1", "", "", "2"]


@pytest.mark.parametrize("header", [LONG, b"\n" + LONG[:-1] + b",b"])
def test_a_header_that_is_too_long_is_refused(header: bytes) -> None:
    with pytest.raises(InputError, match="longer than 4 MiB"):
        open_file(MemoryFile(header + b"\n1\n", "in.csv"))


# --- nothing is swallowed ---


def check(data: bytes, outcomes: Counter[str]) -> None:
    try:
        source = open_file(MemoryFile(data, "in.csv"), ".csv")
    except InputError:
        outcomes["header"] += 1
        return
    assert isinstance(source, CsvSource)
    rows = list(source.rows())
    assert [(row.line, None if isinstance(row, Fault) else list(row.cells)) for row in rows] == strict_rows(
        data, source.delimiter
    )
    faults = [row.line for row in rows if isinstance(row, Fault)]
    outcomes["fault" if faults else "sound"] += 1
    names = source.schema.names
    if len(set(names)) < len(names):
        return
    if faults:
        with pytest.raises(InputError) as caught:
            list(source.batches())
        assert caught.value.line == faults[0]
    else:
        read = [list(row.values()) for batch in source.batches() for row in batch.to_pylist()]
        assert read == [list(row[1]) or [""] for row in rows if row[1] or len(names) == 1]


@pytest.mark.parametrize("seed", range(5))
def test_rows_and_faults_account_for_every_line_and_arrow_agrees(seed: int) -> None:
    rng, outcomes = random.Random(seed), Counter[str]()
    for _ in range(600):
        check(generated(rng, rng.randrange(8)), outcomes)
    assert min(outcomes.values()) > 20, outcomes


def test_the_ends_of_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "_BLOCK_BYTES", 150)
    monkeypatch.setattr(layout, "READ_BYTES", 7)
    monkeypatch.setattr(quotes, "_SLICE", 64)
    rng, outcomes = random.Random(7), Counter[str]()
    for _ in range(400):
        check(generated(rng, rng.randrange(10, 40)), outcomes)
    assert min(outcomes.values()) > 5, outcomes


def test_a_line_break_in_a_field_at_the_end_of_a_block_stays_whole() -> None:
    """Arrow took the LF away."""
    filled = b"a,b\n" + b"1,2\n" * (delimited._BLOCK_BYTES // 4 - 100)
    cell = b"x" * (delimited._BLOCK_BYTES - len(filled) - len(b'1,"\r')) + b"\r\ny"
    source = open_file(MemoryFile(filled + b'1,"' + cell + b'"\n', "in.csv"))
    assert [batch.column(1)[-1].as_py() for batch in source.batches()][-1] == cell.decode()


def test_lines_that_are_too_long_end_where_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_ROW", 9)
    rng = random.Random(3)
    for _ in range(2_000):
        data = b"".join(rng.choices([b"a", b"bcd", b"e" * 8, b"\n", b"\r\n", b"\r"], k=rng.randrange(12)))
        monkeypatch.setattr(layout, "READ_BYTES", rng.randrange(1, 12))
        expected = ["" if len(line) > 9 else line.decode() for line in re.findall(rb"[^\n]*\n|[^\n]+", data)]
        assert [text for text, _ in layout.text_lines(io.BytesIO(data))] == expected, data


@pytest.mark.parametrize("doubtful", [True, False])
def test_doubt_alone_is_no_fault(monkeypatch: pytest.MonkeyPatch, doubtful: bool) -> None:
    """Where bytes only look like a fault, `rows` decides, once; what was read whole is not watched again."""
    monkeypatch.setattr(delimited._Watched, "_has_long_line", lambda self, block: doubtful)
    source = open_file(MemoryFile(b"a,b\n1,2\n", "in.csv"))
    assert sum(map(len, source.batches())) == 1
    monkeypatch.setattr(delimited._Watched, "_watch", lambda self, block, ended: pytest.fail("watched again"))
    assert sum(map(len, source.batches())) == 1
