"""`psi check`: the counts of a session, its words, and no value where nobody looks."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.messy_contacts import KEYS, NULL, write_tables
from support.program import Run
from support.spreadsheets import write_spreadsheet

from cli.main import main
from psi.normalize import parse_key

Called = Callable[..., tuple[int, str, str]]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    """`psi check` in this process: exit code, stdout, stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["psiselect", "psi", "check", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return call


def counted(check: Called, *arguments: object) -> list[tuple[int, int]]:
    """For each key, how many rows and how many distinct keys there are."""
    code, out, err = check(*arguments, "--json")
    assert (code, err) == (0, ""), out
    return [(key["rows"], key["distinct"]) for key in json.loads(out)["keys"]]


def test_the_counts_are_those_of_a_session(tmp_path: Path, check: Called, program: Run) -> None:
    here, there = write_tables(tmp_path, 200, 50, seed=11)
    options = [word for rule in KEYS.values() for word in ("--key", rule)] + ["--null", NULL]
    session = json.loads(program("psi", "local", here.path, there.path, *options, "--json").out)["input"]
    code, out, err = check(here.path, *options, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    own = ("columns", "rule", "digest", "most_frequent", "advice")
    assert [{k: v for k, v in key.items() if k not in own} for key in found["keys"]] == session["keys"]
    assert [key["digest"] for key in found["keys"]] == [parse_key(rule).digest().hex() for rule in KEYS.values()]
    assert found["rows"] == session["rows"]


def test_people_see_rows_reasons_and_the_digest(place: Path, check: Called) -> None:
    code, out, err = check(place / "acme.csv", "--key", "Mail:email", "--key", "city")
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "rows 6, 0 of them without a key of any kind" in lines
    assert "no-at-sign 1 row: 6" in lines
    assert "1 2 rows: 2, 5" in lines
    assert {"distinct keys 3", "duplicates 1", "blank 1", "unreadable 1", "key 2 city"} <= set(lines)
    assert f"digest {parse_key('x:email').digest().hex()}" in lines


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_no_value_is_shown_unasked(place: Path, check: Called, form: tuple[str, ...]) -> None:
    _, out, err = check(place / "acme.csv", "--key", "Mail:email", "--key", "Mail", "--key", "city", *form)
    assert not any(value in (out + err).casefold() for value in ("ann@", "bob@", "eve@", "not an", "łódź", "paulo"))


def test_the_first_line_names_what_is_wrong_and_its_cure(tmp_path: Path, check: Called) -> None:
    (tmp_path / "t.csv").write_text("mail,phone\nA@example.org,601 234 567\nb@example.org,601 234 568\n,\n")
    code, out, _ = check(tmp_path / "t.csv", "--key", "mail:email", "--key", "phone:phone")
    assert code == 0
    assert out.startswith(
        "Key 2: the program cannot read the key in 2 of 3 rows (most frequent problem: a telephone number without its "
        "country), and the key is empty in 1 more. "
    )
    assert "--key phone:phone,region=PL" in out.splitlines()[0]
    _, out, _ = check(tmp_path / "t.csv", "--key", "mail")
    assert "Use --key mail:email" in out.splitlines()[0]
    _, out, _ = check(tmp_path / "t.csv", "--key", "mail:email")
    assert out.startswith("list ")


def test_a_list_without_any_key_ends_with_the_words_of_a_session(place: Path, check: Called, program: Run) -> None:
    session = program(
        "psi", "local", place / "acme.csv", place / "globex.parquet", "--key", "city:email", "--key-b", "e:email",
        "--json",
    )  # fmt: skip
    code, out, err = check(place / "acme.csv", "--key", "city:email")
    assert (code, err) == (session.code, f"psiselect: {session.error}\n") == (3, err)
    assert "6 rows: 2, 3, 4, 5, 6, 7" in out  # and yet the counts
    code, out, _ = check(place / "acme.csv", "--key", "city:email", "--json")
    assert (code, json.loads(out)["error"]["message"]) == (3, session.error)
    assert json.loads(out)["keys"][0]["unreadable"] == {"no-at-sign": 6}


def test_blank_rows_alone_are_no_list(tmp_path: Path, check: Called) -> None:
    (tmp_path / "t.csv").write_text("id,mail\n1,\n2, \n")
    code, _, err = check(tmp_path / "t.csv", "--key", "mail:email")
    assert code == 3
    assert "the key is empty in 2 of 2 rows" in err
    assert check(tmp_path / "t.csv", "--key", "mail:email", "--key", "id")[0] == 0  # one readable key is enough


def test_examples_are_for_terminals(place: Path, check: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = check(place / "nothing.csv", "--key", "Mail:email", "--show")  # refused before the list is opened
    assert (code, out) == (2, "")
    assert "works only on a terminal" in err
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code, out, err = check(place / "acme.csv", "--key", "Mail:email", "--show")
    assert code == 0
    assert all(text in out for text in ("Ann@Example.com", "ann@example.com", "not an address", "(no-at-sign)"))
    code, out, _ = check(place / "acme.csv", "--key", "Mail:email", "--show", "--json")
    assert code == 2
    assert "Ann" not in out


def test_it_reads_what_a_session_reads(tmp_path: Path, check: Called) -> None:
    (tmp_path / "a.csv").write_bytes("née|mail\n1|a@example.org\n2|b@example.org\n".encode("cp1252"))
    assert counted(check, tmp_path / "a.csv", "--key", "née", "--encoding", "cp1252", "--delimiter", "|") == [(2, 2)]
    (tmp_path / "b.csv").write_text("a@example.org,1\nb@example.org,1\nB@example.org,1\n")
    assert counted(check, tmp_path / "b.csv", "--no-header", "--key", "1:email", "--key", "2") == [(3, 2), (3, 1)]
    write_spreadsheet(tmp_path / "c.xlsx", [["mail"], ["a@example.org"]])
    assert counted(check, tmp_path / "c.xlsx", "--sheet", "1", "--key", "mail:email") == [(1, 1)]
    with sqlite3.connect(tmp_path / "d.db") as database:
        database.execute("CREATE TABLE t AS SELECT 'a@example.org' AS mail UNION SELECT 'NULL'")
    database.close()
    query = ("--query", "SELECT mail FROM t", "--null", "NULL")
    assert counted(check, f"sqlite:///{tmp_path / 'd.db'}", *query, "--key", "mail:email") == [(2, 1)]


def test_standard_input_is_read_once_for_several_keys(check: Called) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"mail,id\na@example.org,1\nA@example.org,2\n")
    os.close(writer)
    kept = os.dup(0)
    os.dup2(reader, 0)
    os.close(reader)
    try:
        assert counted(check, "-", "--format", "csv", "--key", "mail:email", "--key", "id") == [(2, 1), (2, 2)]
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_too_many_keys_are_refused_as_in_a_session(place: Path, check: Called) -> None:
    code, _, err = check(place / "acme.csv", *["--key", "Mail"] * 17)
    assert (code, "a session must have 1 to 16 keys, but you gave 17" in err) == (2, True)
