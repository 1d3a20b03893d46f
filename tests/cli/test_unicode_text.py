"""What Excel saves as "Unicode text": UTF-16 with a byte order mark, tabs and CRLF. Every command proposes the option
that reads it, and with the option gives the right result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.program import Run

from psi.tables import ReadingOptions
from psiselect.base.errors import InputError
from psiselect.sums.numbers import read_numbers
from psiselect.tables import Table

PEOPLE = [["Name", "mail", "raise"], ["Zoë", "zoe@x.example", "10"], ["Bob", "bob@x.example", "20"]]
SAYS = "line 1: the text is in UTF-16. Use --encoding utf-16, or save the file as UTF-8"
LOUD = ("--epsilon", "1e10", "--json")  # the noise is 0 but for probability e^-1000


def unicode_text(path: Path, rows: list[list[str]]) -> Path:
    text = "".join("\t".join(row) + "\r\n" for row in rows)
    path.write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))
    return path


COMMANDS = {
    "psi check": (PEOPLE, ("psi", "check"), ("--key", "mail:email", "--json"), ("rows_with_key", 2)),
    "release": (
        PEOPLE,
        ("release", "sum"),
        ("--column", "raise", "--lower", 0, "--upper", 100, *LOUD),
        ("value", 30),
    ),
    "vote": (
        [["Adä", "Bo"], ["1", "0"], ["1", "1"]],
        ("vote", "count"),
        ("--not-private", "--json"),
        ("counts", {"Adä": 2, "Bo": 1}),
    ),
    "select": (
        [["option", "score"], ["Zoë", "300"], ["bus", "10"]],
        ("select",),
        ("--label", "option", "--score", "score", "--sensitivity", 1, "--epsilon", 2000, "--json"),
        ("winners", ["Zoë"]),
    ),
    "poll": (
        [["epsilon", "response"], ["ln(3)", "yes"], ["ln(3)", "no"]],
        ("poll", "estimate"),
        ("--epsilon", "ln(3)", "--json"),
        ("responses", 2),
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
def test_every_command_proposes_the_encoding_and_reads_it(
    program: Run, tmp_path: Path, command: str, name: str
) -> None:
    rows, before, after, (field, expected) = COMMANDS[command]
    path = unicode_text(tmp_path / name, rows)
    kind = ("--format", "tsv") if command == "psi check" and name == "t.txt" else ()
    refused = program(*before, path, *kind, *after)
    assert (refused.code, SAYS in refused.error) == (3, True)
    shown = program(*before, path, *kind, "--encoding", "utf-16", *after)
    assert json.loads(shown.out)[field] == expected


def test_numbers_of_mpc(tmp_path: Path) -> None:
    path = unicode_text(tmp_path / "t.csv", PEOPLE)
    with pytest.raises(InputError, match=SAYS):
        read_numbers(Table(path), "raise")
    assert read_numbers(Table(path, reading=ReadingOptions.of(encoding="utf-16")), "raise") == [10, 20]


def test_local_names_the_options_of_b(program: Run, tmp_path: Path) -> None:
    """Of two lists each may have its own encoding, and the message names the option that works."""
    odd = unicode_text(tmp_path / "odd.csv", PEOPLE)
    plain = tmp_path / "plain.csv"
    plain.write_text("mail\nBOB@x.example\n")
    key = ("--key", "mail:email", "--json")

    def message(*arguments: object) -> str:
        ended = program("psi", "local", *arguments, *key)
        assert ended.code == 3
        return ended.error

    assert SAYS in message(odd, plain)
    assert "odd.csv, line 1: the text is in UTF-16. Use --encoding-b utf-16, or" in message(plain, odd)
    without_a_mark = (
        "line 1: the file does not begin with the byte order mark of UTF-16 text. If the file is UTF-8, use "
        "--encoding-b"
    )
    assert without_a_mark in message(odd, plain, "--encoding", "utf-16")
    ended = program("psi", "local", odd, plain, "--encoding", "utf-16", "--encoding-b", "utf-8", *key)
    assert json.loads(ended.out)["matches"] == 1
    ended = program("psi", "local", plain, odd, "--encoding-b", "utf-16", *key)
    assert json.loads(ended.out)["matches"] == 1
