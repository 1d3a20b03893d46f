from __future__ import annotations

import pytest
from support.entropy import FixedEntropy
from support.tables import table_of

from dpselect.local_dp import Poll, PollMechanism
from dpselect.privacy import parse_poll_epsilon
from dpselect.responses import Collection, row
from psiselect.base.errors import InputError
from psiselect.base.rows import Row, RowTable

POLL = Poll.of(("yes", "no"), parse_poll_epsilon("ln(3)"))


def written(response: str, poll: Poll = POLL, name: str = "lunch", seed: str = "a") -> str:
    return row(poll, name, response, FixedEntropy(seed))


def test_files_of_many_respondents_come_together() -> None:
    found = Collection(POLL)
    for i, response in enumerate(["yes", "no", "no"]):
        found.add(table_of(written(response, seed=str(i)), f"{i}.csv"))
    assert found.responses == ["yes", "no", "no"]


@pytest.mark.parametrize("lines", ["yes\nno\n", "response\nyes\n\nno\n"])
def test_bare_responses_are_taken(lines: str) -> None:
    found = Collection(POLL)
    found.add(table_of(lines, "plain.csv"))
    assert found.responses == ["yes", "no"]


@pytest.mark.parametrize(
    ("poll", "name", "what"),
    [
        (POLL, "dinner", "another poll"),
        (Poll.of(("yes", "no"), parse_poll_epsilon("1")), "lunch", "epsilon"),
        (Poll.of(("no", "yes"), parse_poll_epsilon("ln(3)")), "lunch", "options"),
        (Poll.of(("yes", "no"), parse_poll_epsilon("ln(3)"), PollMechanism.K_ARY), "lunch", "mechanism"),
    ],
)
def test_rows_that_answer_something_else_are_refused(poll: Poll, name: str, what: str) -> None:
    found = Collection(POLL)
    found.add(table_of(written("yes", seed="first"), "a.csv"))
    with pytest.raises(InputError, match=what) as caught:
        found.add(table_of(written("yes", poll, name, "second"), "b.csv"))
    assert "b.csv, line 2" in str(caught.value)


@pytest.mark.parametrize("names", [("", "lunch"), ("lunch", ""), ("lunch", "Lunch")])
def test_a_poll_without_a_name_is_another_poll(names: tuple[str, str]) -> None:
    found = Collection(POLL)
    found.add(table_of(written("yes", name=names[0], seed="first"), "a.csv"))
    with pytest.raises(InputError, match=r"b\.csv, line 2: this row answers another poll"):
        found.add(table_of(written("yes", name=names[1], seed="second"), "b.csv"))


def test_a_response_counts_once() -> None:
    found = Collection(POLL)
    found.add(table_of(written("yes"), "a.csv"))
    with pytest.raises(InputError, match=r"copy.csv, line 2: the same response is in a.csv, line 2"):
        found.add(table_of(written("yes"), "copy.csv"))


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ("", 1),
        ("response\nyes\nmaybe\n", 3),
        ("a,b\n", 1),
        ("response,response\n", 1),
        ("response,name\n", 1),
        ("token,response\nxyz,yes\n", 2),
        ("epsilon,response\nnan,yes\n", 2),
        ("response\nyes,no\n", 2),
        ('response\n"yes\n', 2),
        ("response\ny\0es\n", 2),
        ("yes\n" + "x" * 2_000_000, 2),
        ("yes\n" + "x" * 5_000_000, 2),
        (b"yes\nno\n\xff\n", 3),
    ],
)
def test_malformed_files_name_their_line(lines: str | bytes, line: int) -> None:
    with pytest.raises(InputError) as caught:
        Collection(POLL).add(table_of(lines, "bad.csv"))
    assert caught.value.line == line
    assert f"bad.csv, line {line}: " in str(caught.value)


def test_one_column_of_a_table_without_a_header_line_must_be_called_response() -> None:
    with pytest.raises(InputError, match=r"b\.parquet, column names: the table needs a column 'response'"):
        Collection(POLL).add(RowTable("b.parquet", ("yes",), 0, [Row(1, ["no"])], "row"))
    found = Collection(POLL)
    found.add(RowTable("b.parquet", ("response",), 0, [Row(1, ["no"])], "row"))
    assert found.responses == ["no"]
    with pytest.raises(InputError, match=r"b\.parquet, row 2: the response must be one of"):
        found.add(RowTable("b.parquet", ("response",), 0, [Row(2, ["maybe"])], "row"))
