from __future__ import annotations

import pytest
from support.entropy import FixedEntropy

from dpselect.local_dp import Poll, PollMechanism
from dpselect.privacy import parse_poll_epsilon
from dpselect.responses import Collection, row
from psiselect.base.errors import InputError

POLL = Poll.of(("yes", "no"), parse_poll_epsilon("ln(3)"))


def written(response: str, poll: Poll = POLL, name: str = "lunch", seed: str = "a") -> list[str]:
    return row(poll, name, response, FixedEntropy(seed)).splitlines(keepends=True)


def test_files_of_many_respondents_come_together() -> None:
    found = Collection(POLL)
    for i, response in enumerate(["yes", "no", "no"]):
        found.add(written(response, seed=str(i)), f"{i}.csv")
    assert found.responses == ["yes", "no", "no"]


@pytest.mark.parametrize("lines", [["yes\n", "no\n"], ["response\n", "yes\n", "\n", "no\n"]])
def test_bare_responses_are_taken(lines: list[str]) -> None:
    found = Collection(POLL)
    found.add(lines, "plain.csv")
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
    found.add(written("yes", seed="first"), "a.csv")
    with pytest.raises(InputError, match=what) as caught:
        found.add(written("yes", poll, name, "second"), "b.csv")
    assert "b.csv, line 2" in str(caught.value)


def test_a_response_counts_once() -> None:
    found = Collection(POLL)
    found.add(written("yes"), "a.csv")
    with pytest.raises(InputError, match=r"copy.csv, line 2: the same response is in a.csv, line 2"):
        found.add(written("yes"), "copy.csv")


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ([], None),
        (["response\n", "yes\n", "maybe\n"], 3),
        (["a,b\n"], 1),
        (["response,response\n"], 1),
        (["response,name\n"], 1),
        (["token,response\n", "xyz,yes\n"], 2),
        (["epsilon,response\n", "nan,yes\n"], 2),
        (["response\n", "yes,no\n"], 2),
        (["response\n", '"yes\n'], 2),
        (["response\n", "y\0es\n"], 2),
        (["yes\n", "x" * 2_000_000], 2),
    ],
)
def test_malformed_files_name_their_line(lines: list[str], line: int | None) -> None:
    with pytest.raises(InputError) as caught:
        Collection(POLL).add(lines, "bad.csv")
    assert caught.value.line == line
    assert "bad.csv" in str(caught.value)
