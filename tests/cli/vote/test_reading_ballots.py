"""Ballots in every kind of table: what can be said about one, and what a row that cannot be read does there."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.tables import MemoryFile

from dpselect.ballots import OnInvalid, Repeated, Rules
from dpselect.ballots.model import BallotColumnError
from psi.tables.reading import ReadingOptions
from psiselect.base.errors import InputError
from psiselect.elections.ballots import GivenBallots, load_given, read_file, separator_of
from psiselect.tables import Table

NAMES = ("Ada", "Çelik")
LISTS = "voter_id,approved\n1,Ada\n2,Çelik;Ada\n1,Çelik\n3,Zed\n"


def tally(data: bytes | str, name: str = "b.csv", drop: bool = True, **said: object) -> tuple[int, list[int]]:
    content = data.encode() if isinstance(data, str) else data
    rules = Rules(NAMES, OnInvalid.DROP if drop else OnInvalid.ERROR)
    found = read_file(MemoryFile(content, name), rules, reading=ReadingOptions.of(**said)).profile  # type: ignore[arg-type]
    return found.voters, found.tally().tolist()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (LISTS, {}),
        (LISTS.replace("\n", "\r\n"), {}),
        (LISTS.replace("\n", "\r"), {}),
        ("\ufeff\n\n" + LISTS, {}),
        ("sep=|\n" + LISTS.replace(",", "|"), {}),
        (LISTS.replace(",", "\t"), {"delimiter": "tab"}),
        (LISTS.encode("cp1252"), {"encoding": "cp1252"}),
        (LISTS.encode("utf-16"), {"encoding": "utf-16"}),
        (gzip.compress(LISTS.encode(), mtime=0), {}),
        (LISTS.replace("\n", ",\n"), {}),  # a column without a name
        ('"voter_id","approved"\n1,Ada\n2,"Çelik;Ada"\n1,Çelik\n', {}),
    ],
)
def test_the_same_ballots_however_the_table_is_written(data: bytes | str, said: dict[str, object]) -> None:
    assert tally(data, **said) == (2, [1, 2])


@pytest.mark.parametrize(
    ("text", "separator"), [(r"\n", "\n"), (r"\t", "\t"), (" / ", "/"), (" ", " "), ("\t", "\t"), (";", ";")]
)
def test_a_separator_is_taken_without_blanks_around_it(text: str, separator: str) -> None:
    assert separator_of(text) == separator


def test_two_header_lines_as_surveymonkey_writes_them() -> None:
    """Without the option no column is proposed: the first one alone would be Ada's."""
    data = "id,Whom?,,other\n,Ada,Çelik,\n1,Ada,,\n2,Ada,Çelik,Zed\n3,,,\n"
    for drop in (False, True):
        assert tally(data, drop=drop, header_lines=2) == (3, [2, 1])
        assert tally(data.replace("\n", "\r"), drop=drop, header_lines=2) == (3, [2, 1])
    with pytest.raises(BallotColumnError, match="use --header-lines 2") as refused:
        tally(data.replace(",other", ",").replace(",Zed", ","), drop=False)
    assert refused.value.column is None


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_a_broken_line_is_one_ballot_whatever_ends_lines(end: str) -> None:
    other = "\r" if end == "\n" else "\n"
    rows = ["approved,", "Ada,", '"Ada', "Çelik,x", f"Ada{other}Ada,", "Ada,,", "", "Çelik, "]
    assert tally(end.join(rows)) == (2, [1, 1])
    with pytest.raises(InputError, match="of 7 ballots"):
        tally(end.join(rows), drop=False)


def test_what_cannot_be_decoded_is_one_ballot() -> None:
    assert tally(b"approved\nAda\n\x81\n\xc7elik\n", encoding="cp1252") == (2, [1, 1])
    assert tally("approved\nAda\nÇelik\n".encode() + b"\xff\n") == (2, [1, 1])


def test_backslashes_escape_where_that_is_said_and_broken_rows_then_break_the_file() -> None:
    assert tally('approved,x\n"\\"Ada\\"",1\nAda\\,Çelik,1\n', csv_escape="backslash") == (1, [1, 1])
    with pytest.raises(InputError, match="line 3"):
        tally("approved,x\nAda,1\nAda\n", csv_escape="backslash")


def test_typed_tables(tmp_path: Path) -> None:
    """Nulls, whole doubles and truth values in the cells of a matrix; ids as numbers."""
    table = pa.table({
        "voter_id": pa.array([1, 2, 1, None, 5], pa.int64()),
        "Ada": pa.array([1.0, None, 0.0, 1.0, 1.0]),
        "Çelik": pa.array([True, True, None, True, False]),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "b.parquet")

    def read(**rules: object) -> tuple[int, list[int]]:
        given = GivenBallots(Table(tmp_path / "b.parquet"), Rules(NAMES, **rules), None)  # type: ignore[arg-type]
        found = load_given(given).profile
        return found.voters, found.tally().tolist()

    assert read(on_invalid=OnInvalid.DROP) == (3, [1, 1])
    assert read(on_invalid=OnInvalid.DROP, repeated=Repeated.FIRST) == (3, [2, 2])
    with pytest.raises(InputError, match="on row 3: the same voter has another ballot on row 1"):
        read()
