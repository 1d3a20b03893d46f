"""Headers of several lines: the lowest name of each column counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.spreadsheets import write_spreadsheet

from psi.tables import ReadingOptions, Source, open_source
from psiselect.base.errors import InputError, UsageError
from psiselect.base.rows import Fault

SURVEY = "id,Whom?,,other\n,Ada,Bo,\n7,Ada,,x\n8,,Bo,\n"
ROWS = [("7", "Ada", "", "x"), ("8", "", "Bo", "")]
TWO = ReadingOptions.of(header_lines=2)


def csv(folder: Path, text: str) -> Path:
    path = folder / "in.csv"
    path.write_text(text)
    return path


def check(source: Source, first: int) -> None:
    assert source.schema.names == ["id", "Ada", "Bo", "other"]
    assert [tuple(row.values()) for batch in source.batches() for row in batch.to_pylist()] == ROWS
    read = list(source.rows())
    assert not any(isinstance(row, Fault) for row in read)
    assert [(row.line, tuple(row.cells)) for row in read if not isinstance(row, Fault)] == [
        (first, ROWS[0]),
        (first + 1, ROWS[1]),
    ]
    assert source.first_row == first


def test_the_lowest_name_of_each_column_counts(tmp_path: Path) -> None:
    check(open_source(csv(tmp_path, SURVEY), reading=TWO), 3)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_may_end_otherwise(tmp_path: Path, end: str) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(SURVEY.replace("\n", end).encode())
    check(open_source(path, reading=TWO), 3)


def test_a_name_may_hold_a_line_break(tmp_path: Path) -> None:
    source = open_source(csv(tmp_path, 'id,"Whom?\nTell us",x\n,"Ada\nLee",\n1,Ada,\n'), reading=TWO)
    assert source.schema.names == ["id", "Ada\nLee", "x"]
    assert [row.line for row in source.rows() if not isinstance(row, Fault)] == [5]


def test_three_lines(tmp_path: Path) -> None:
    source = open_source(csv(tmp_path, "a,b\nc,\n,d\n1,2\n"), reading=ReadingOptions.of(header_lines=3))
    assert (source.schema.names, [len(batch) for batch in source.batches()]) == (["c", "d"], [1])


def test_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    write_spreadsheet(path, [line.split(",") for line in SURVEY.splitlines()])
    check(open_source(path, reading=TWO), 3)
    with pytest.raises(
        InputError, match=r"the first 9 rows must have the columns. names, but the table has only 4 rows"
    ):
        open_source(path, reading=ReadingOptions.of(header_lines=9))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n", "the first 2 lines must have the columns. names, but the table has only 1 line"),
        ("a,b\nc\n1,2\n", "line 2: this line of the header has 1 field, but the first line of the header has 2"),
        ("a,b\n\n1,2\n", "line 2: this line of the header has 0 fields"),
        ('a,b\n"c,d\n', "line 2"),
        ("a,b\nann@example.com,c\n1,2\n", "the first row has an e-mail address"),
        ("a,b\nb,\n1,2\n", "several columns are named 'b'"),
    ],
    ids=["too few", "shorter", "blank", "an open quote", "data", "twice"],
)
def test_a_header_that_cannot_be_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        open_source(csv(tmp_path, text), reading=TWO)


def test_what_is_said_must_make_sense(tmp_path: Path) -> None:
    for lines in (0, 10):
        with pytest.raises(UsageError, match=f"--header-lines must be from 1 to 9, but is {lines}"):
            ReadingOptions.of(header_lines=lines)
    with pytest.raises(UsageError, match="do not go together"):
        ReadingOptions.of(header=False, header_lines=2)
    path = tmp_path / "in.txt"
    path.write_text("x\n")
    with pytest.raises(UsageError, match="--header-lines"):
        open_source(path, reading=TWO)
