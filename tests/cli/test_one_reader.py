"""Every command reads every kind of table, and the same data give the same result."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from support.mpc_processes import Group
from support.program import Run

from psiselect.base.errors import InputError, PsiselectError, UsageError
from psiselect.sums import numbers as joint_numbers
from psiselect.sums.numbers import read_numbers
from psiselect.tables import Table

Rows = Sequence[Sequence[str | int]]
# Where a table is, and the options that go with it.
Place = tuple[str, ...]


def delimited(delimiter: str, name: str) -> Callable[[Path, Rows], Place]:
    def write(folder: Path, rows: Rows) -> Place:
        with (folder / name).open("w", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)
        return (str(folder / name),)

    return write


def columnar(name: str) -> Callable[[Path, Rows], Place]:
    def write(folder: Path, rows: Rows) -> Place:
        columns = dict(zip(rows[0], map(list, zip(*rows[1:], strict=True)), strict=True))
        (feather.write_feather if name.endswith("feather") else pq.write_table)(pa.table(columns), folder / name)
        return (str(folder / name),)

    return write


def database(folder: Path, rows: Rows) -> Place:
    names = ", ".join(f'"{name}"' for name in rows[0])
    with sqlite3.connect(folder / "t.db") as connection:
        connection.execute(f"CREATE TABLE t ({names})")
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(rows[0]))})", rows[1:])
    connection.close()
    return (f"sqlite:///{folder}/t.db", "--query", "SELECT * FROM t")


KINDS = {
    "comma": delimited(",", "t.csv"),
    "semicolon": delimited(";", "t.csv"),
    "tab": delimited("\t", "t.csv"),
    "txt": delimited(",", "t.txt"),
    "no ending": delimited(";", "table"),
    "parquet": columnar("t.parquet"),
    "parquet by content": columnar("t.data"),
    "feather": columnar("t.feather"),
    "sqlite": database,
}

PEOPLE = [["name", "mail", "raise"], ["Ann, A.", "ann@x.example", 10], ["Bob", "bob@x.example", 20], ["Cy", "", 40]]
MATRIX = [["voter_id", "Ada", "Bo Jr"], [1, 1, 0], [2, 1, 1], [3, 0, 1], [4, 0, 1]]
LISTS = [["voter_id", "approved"], ["1", "Ada"], ["2", "Ada;Bo"], ["3", ""], ["4", "Bo"]]
SCORES = [["option", "score"], ["car, red", 10], ["bus", 300], ["tram", 20]]
ANSWERS = [["epsilon", "response"], ["ln(3)", "yes"], ["ln(3)", "no"], ["ln(3)", "yes"]]
LOUD = ["--epsilon", "1e10", "--json"]  # the noise is 0 but for probability e^-1000
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_vote(program: Run, tmp_path: Path, kind: str) -> None:
    place = KINDS[kind](tmp_path, MATRIX)
    shown = program("vote", "count", *place, "--not-private", "--json")
    found = json.loads(shown.out)
    assert (shown.code, found["counts"], found["voters"]) == (0, {"Bo Jr": 3, "Ada": 2}, 4)
    assert found["format"] == ("table" if kind in ("parquet", "parquet by content", "feather", "sqlite") else "csv")
    shown = program("vote", "winner", *place, "--epsilon", 1000, "--neighbors", "replace", "--no-ledger", "--json")
    assert json.loads(shown.out)["winners"] == ["Bo Jr"]


@every_kind
def test_vote_with_names_in_cells(program: Run, tmp_path: Path, kind: str) -> None:
    place = KINDS[kind](tmp_path, LISTS)
    (tmp_path / "names").write_text("Ada\nBo\n")
    shown = program("vote", "count", *place, "--candidates", tmp_path / "names", "--not-private", "--json")
    found = json.loads(shown.out)
    assert (found["counts"], found["voters"]) == ({"Ada": 2, "Bo": 2}, 4)


@every_kind
def test_release(program: Run, tmp_path: Path, kind: str) -> None:
    place = KINDS[kind](tmp_path, PEOPLE)
    bounds = ["--column", "raise", "--lower", 0, "--upper", 100]
    assert json.loads(program("release", "sum", *place, *bounds, *LOUD).out)["value"] == 70
    assert json.loads(program("release", "count", *place, *LOUD, "--neighbors", "add-remove").out)["value"] == 3
    assert json.loads(program("release", "count", *place, *LOUD, "--column", "mail").out)["value"] == 2
    missing = program("release", "sum", *place, "--column", "rise", *bounds[2:], *LOUD)
    assert missing.code == 3
    assert "Did you mean 'raise'" in missing.error


@every_kind
def test_select(program: Run, tmp_path: Path, kind: str) -> None:
    place = KINDS[kind](tmp_path, SCORES)
    asked = ["--label", "option", "--score", "score", "--sensitivity", 1, "--epsilon", 2000, "--seats", 2, "--json"]
    assert json.loads(program("select", *place, *asked).out)["winners"] == ["bus", "tram"]


@every_kind
def test_poll(program: Run, tmp_path: Path, kind: str) -> None:
    place = KINDS[kind](tmp_path, ANSWERS)
    found = json.loads(program("poll", "estimate", *place, "--epsilon", "ln(3)", "--json").out)
    assert (found["responses"], found["estimate"]) == (3, pytest.approx(2 * 2 / 3 - 1 / 2))


@every_kind
def test_psi(program: Run, tmp_path: Path, kind: str) -> None:
    place = KINDS[kind](tmp_path, PEOPLE)
    (tmp_path / "other.csv").write_text("mail\nBOB@x.example\neve@x.example\n")
    shown = program("psi", "local", *place, tmp_path / "other.csv", "--key", "mail:email", "--json")
    if kind in ("txt", "no ending"):  # psi reads a text file as one key a line, and guesses nothing
        assert shown.code == 3
    else:
        assert json.loads(shown.out)["matches"] == 1


@every_kind
def test_numbers_of_mpc(tmp_path: Path, kind: str) -> None:
    where, *query = KINDS[kind](tmp_path, PEOPLE)
    table = Table(where if query else Path(where), query[1] if query else None)
    if kind in ("txt", "no ending"):  # a number a line
        with pytest.raises(InputError, match="line 1: this is not a decimal number"):
            read_numbers(table, None)
        return
    assert read_numbers(table, "raise") == [10, 20, 40]
    with pytest.raises(UsageError, match=r"has 3 columns\. Add --column NAME"):
        read_numbers(table, None)
    with pytest.raises(InputError, match="no column 'rise'"):
        read_numbers(table, "rise")
    with pytest.raises(InputError, match="is not a decimal number"):
        read_numbers(table, "mail")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("txt", "no ending")])
def test_the_only_column_needs_no_name(tmp_path: Path, kind: str) -> None:
    where, *query = KINDS[kind](tmp_path, [["hours"], [1], [2]])
    table = Table(where if query else Path(where), query[1] if query else None)
    assert read_numbers(table, None) == read_numbers(table, "hours") == [1, 2]


@pytest.mark.parametrize(
    ("name", "content", "column", "expected"),
    [
        ("v.txt", "1\n-2.50\n", None, [1, Fraction(-5, 2)]),
        ("v.csv", "\ufeff1\r\n2\r\n", None, [1, 2]),
        ("v.csv", " 7 \n8\n", None, [7, 8]),
        ("v.csv", "2019\n5\n", "2019", [5]),
        ("v.dat", "1\n2", None, [1, 2]),
        ("v.dat", "1;2\n", None, "line 1: this is not a decimal number"),
        ("v.txt", "1\n\n2\n", None, "line 2: this is not a decimal number"),
        ("v.csv", "1\n\n2\n", None, "line 2: this is not a decimal number"),
        ("v.csv", "hours\n1\n\n2\n", None, "line 3: this is not a decimal number"),
        ("v.csv", "a,b\n1,2\n\n3\n", "a", "line 4: the row has 1 field, but the header has 2"),
        ("v.csv", "a,b\n1,2\n\n3,4\n", "b", [2, 4]),
        ("v.csv", "a,a\n1,2\n", "a", "several columns are named 'a'"),
        ("v.csv", "a\n", None, "has no numbers"),
        ("v.txt", "", None, "has no numbers"),
    ],
)
def test_files_of_numbers(
    tmp_path: Path, name: str, content: str, column: str | None, expected: list[Fraction] | str
) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode())
    if isinstance(expected, list):
        assert read_numbers(Table(path), column) == expected
    else:
        with pytest.raises(PsiselectError, match=expected):
            read_numbers(Table(path), column)


@pytest.mark.parametrize("ending", ["txt", "csv"])
def test_the_longest_file_of_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    assert joint_numbers.MAX_LENGTH == 1_000_000
    monkeypatch.setattr(joint_numbers, "MAX_LENGTH", 1000)
    path = tmp_path / f"v.{ending}"
    path.write_text("1\n" * 1000)
    assert read_numbers(Table(path), None) == [1] * 1000
    path.write_text("1\n" * 1001)
    with pytest.raises(InputError, match="has more than 1,000 numbers"):
        read_numbers(Table(path), None)


def test_a_sum_of_three_kinds(tmp_path: Path) -> None:
    group = Group(tmp_path, dict.fromkeys(("alice", "bob", "carol"), "both"))
    (tmp_path / "alice.txt").write_text("1\n2\n")
    own = {
        "alice": ["--values", str(tmp_path / "alice.txt")],
        "bob": ["--values", *columnar("bob.parquet")(tmp_path, [["h", "id"], [10, 7], [20, 8]]), "--column", "h"],
        "carol": ["--values", *database(tmp_path, [["h"], [100], [200]])],
    }
    for ended in group.run("sum", own).values():
        assert (ended.code, ended.record["value"]) == (0, [111, 222]), ended.stderr


# --- what commands could read before ---


@pytest.mark.parametrize(
    ("content", "asked", "expected"),
    [
        ("value\n1\n2\n", ["--column", "value"], 3),
        ("1\n2\n", ["--column", "value"], 3),
        ("raise,value\n7,1\n7,2\n", ["--column", "value"], 3),
        ("raise\n1\n2\n", ["--column", "raise"], 3),
        ("raise,x\n1,2\n", ["--column", "value"], None),
    ],
)
def test_a_text_file_has_a_header_or_is_a_list(
    program: Run, tmp_path: Path, content: str, asked: list[str], expected: int | None
) -> None:
    (tmp_path / "t.txt").write_text(content)
    shown = program("release", "sum", tmp_path / "t.txt", *asked, "--lower", 0, "--upper", 100, *LOUD)
    if expected is None:
        assert "no column 'value'" in shown.error
    else:
        assert json.loads(shown.out)["value"] == expected


@pytest.mark.parametrize(
    ("words", "key", "expected"),
    [
        (["vote", "count", "PIPE", "--not-private"], "counts", {"Bo Jr": 3, "Ada": 2}),
        (["release", "count", "PIPE", "--column", "Ada", "--equals", "1", "--epsilon", "1e10"], "value", 2),
        (["select", "PIPE", "--label", "voter_id", "--score", "Ada", "--sensitivity", "1", "--epsilon", "2000",
          "--seats", "2"], "winners", ["1", "2"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["semicolon", "parquet"])
def test_pipes_are_read(program: Run, tmp_path: Path, words: list[str], key: str, expected: object, kind: str) -> None:
    (written,) = KINDS[kind](tmp_path, MATRIX)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(Path(written).read_bytes()), daemon=True)
    writer.start()
    shown = program(*[str(pipe) if word == "PIPE" else word for word in words], "--json")
    writer.join(10)
    assert json.loads(shown.out)[key] == expected


def test_standard_input_is_read(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli.main", "vote", "count", "/dev/stdin", "--not-private", "--json"]
    for text in (b"A,B\n1,0\n", (b"META\nkey;value\nvote_type;approval\nPROJECTS\nproject_id\nA\nVOTES\nvote\nA\n")):
        ended = subprocess.run(command, input=text, capture_output=True, check=True)
        assert json.loads(ended.stdout)["counts"]["A"] == 1


def test_psi_reads_no_pipes(program: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    shown = program("psi", "local", tmp_path / "pipe.csv", tmp_path / "pipe.csv", "--key", "a", "--json")
    assert (shown.code, "is not an ordinary file" in shown.error) == (3, True)


# --- faults: each command's own rule ---

BROKEN = b'Ada,Bo\n1,0\n1,"x\n1,\xff\n1,1,1\n0,1\n'


@pytest.mark.parametrize(
    "words",
    [
        ["release", "sum", "FILE", "--column", "Ada", "--lower", "0", "--upper", "1", "--epsilon", "1"],
        ["release", "count", "FILE", "--epsilon", "1", "--neighbors", "add-remove", "--on-invalid", "drop"],
        ["select", "FILE", "--label", "Bo", "--score", "Ada", "--sensitivity", "1", "--epsilon", "1"],
        ["psi", "local", "FILE", "FILE", "--key", "Ada"],
    ],
)
def test_a_faulty_row_stops_with_its_line(program: Run, tmp_path: Path, words: list[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(BROKEN)
    shown = program(*[str(path) if word == "FILE" else word for word in words], "--json")
    assert shown.code == 3
    assert f"{path}, line 3: a quoted field is not closed" in shown.error


def test_faulty_rows_are_invalid_ballots(program: Run, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(BROKEN)
    shown = program("vote", "count", path, "--not-private", "--json")
    assert shown.code == 3
    for problem in (
        "3: a quoted field is not closed",
        "4: not UTF-8 text",
        "5: the row has 3 fields, but the header has 2",
    ):
        assert f"1 of 5 ballots is invalid, on line {problem}" in shown.error


def test_a_faulty_row_is_a_dropped_ballot(program: Run, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(BROKEN)
    shown = program("vote", "count", path, "--not-private", "--on-invalid", "drop", "--json")
    found = json.loads(shown.out)
    assert (found["counts"], found["voters"], found["warnings"]) == ({"Ada": 1, "Bo": 1}, 2, [])


def test_a_poll_stops_at_a_faulty_row(program: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'yes\nno\n"yes\n')
    shown = program("poll", "estimate", tmp_path / "t.csv", "--epsilon", "ln(3)", "--json")
    assert (shown.code, f"{tmp_path}/t.csv, line 3: " in shown.error) == (3, True)


# --- options ---


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["vote", "count", "FILE", "--not-private", "--query", "SELECT 1"], "--query needs a database"),
        (["release", "count", "FILE", "--epsilon", "1", "--neighbors", "add-remove", "--query", "x"], "--query needs"),
        (["select", "FILE", "--label", "a", "--score", "a", "--sensitivity", "1", "--epsilon", "1", "--query", "x"],
         "--query needs a database"),
        (["poll", "estimate", "FILE", "--epsilon", "1", "--query", "x"], "--query needs a database"),
        (["vote", "count", "sqlite:///t.db", "--not-private"], "needs --query"),
        (["vote", "count", "sqlite:///t.db", "--not-private", "--query", "x", "--format", "pb"], "--format pb is only"),
        (["vote", "count", "mysql://me:secret@host/db", "--not-private", "--query", "x"], "mysql:// is not supported"),
        (["vote", "count", "sftp://me:secret@host/v.csv", "--not-private"], "and send the file to standard input"),
        (["vote", "count", "s3a://lists/v.csv", "--not-private"], "s3a:// is not supported. Write s3://BUCKET/FILE"),
        (["vote", "count", "http://host/v.csv?k=secret", "--not-private"], "Write https://HOST/FILE"),
        (["poll", "estimate", "sqlite:///t.db", "sqlite:///t.db", "--query", "x", "--epsilon", "1"],
         "the same table of responses twice"),
        (["vote", "count", "FILE", "--not-private", "--sheet", "1"], "--sheet does not apply to"),
        (["psi", "local", "-", "-", "--key", "a"], "both tables, A and B, are '-' (standard input)"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(program: Run, tmp_path: Path, words: list[str], says: str) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    places = {"FILE": str(tmp_path / "t.csv"), "FOLDER": str(tmp_path)}
    shown = program(*[places.get(word, word) for word in words], "--json")
    assert (shown.code, says in shown.error) == (2, True), shown.error
    assert "secret" not in shown.error


def test_a_database_needs_no_password_in_messages(program: Run) -> None:
    where = "postgresql://ann:hush@127.0.0.1:1/crm"
    shown = program("release", "count", where, "--query", "SELECT 1", *LOUD, "--neighbors", "add-remove")
    assert shown.code in (2, 3)
    assert "hush" not in shown.out
