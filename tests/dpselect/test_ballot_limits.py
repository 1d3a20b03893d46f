"""Limits of ballots and candidates: the last that is taken and the first that is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from support.tables import ballots_of

from dpselect.ballots import Counted, model
from dpselect.ballots.model import CandidateList, Rules, natural
from dpselect.planning import ASSUMED_GAP, Task
from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import InputError
from psiselect.base.linewise import whole_lines
from psiselect.base.splitting import MAX_ROW


def pb(votes: str, **bounds: int) -> str:
    meta = "".join(f"{key};{value}\n" for key, value in bounds.items())
    return f"META\nkey;value\nvote_type;approval\n{meta}PROJECTS\nproject_id\nA\nB\nC\nVOTES\nvote\n{votes}"


def read(text: str) -> Counted:
    return ballots_of(text.encode(), form="blt" if text.startswith("1 1\n") else None).profile


CAT = "# DATA TYPE: cat\n# NUMBER ALTERNATIVES: 1\n# ALTERNATIVE NAME 1: A\n"
BLT = '1 1\n{} 1 0\n0\n"A"\n'


@pytest.mark.parametrize("text", [CAT + "{}: 1\n", BLT])
def test_a_line_stands_for_ten_to_the_ten_ballots_at_most(text: str) -> None:
    assert read(text.format(10**10)).tally().tolist() == [10**10]
    for count in (10**10 + 1, 0):
        with pytest.raises(InputError, match="1 or more and at most 10000000000"):
            read(text.format(count))


def test_a_line_has_4_mib_at_most() -> None:
    assert read("Ada\n" + " " * (MAX_ROW - 1) + "1\n").tally().tolist() == [1]
    for more in (1, 2, 3, 5_000_000):
        with pytest.raises(InputError, match="line 2: a line longer than 4 MiB"):
            read("Ada\n" + " " * (MAX_ROW - 1 + more) + "1\n1\n")


def test_numbers_of_approvals_end_at_their_limits() -> None:
    assert read(pb("A\nA,B\n", min_length=1, max_length=2)).voters == 2
    assert read(pb("A,B,A\n", min_length=2, max_length=2)).voters == 1
    for vote, words in (('""', "at least 1"), ("A,B,C", "at most 2")):
        with pytest.raises(InputError, match=words):
            read(pb(vote + "\n", min_length=1, max_length=2))


def test_a_file_is_cut_anywhere() -> None:
    """Blocks of every size give the same lines."""
    data = b"Ada,Bo\r\n1,0\r\n\r\n0,1\n" + b"1" * 30 + b"\n1,1"
    found = []
    for size in range(1, len(data) + 1):
        blocks = [data[at : at + size] for at in range(0, len(data), size)]
        lines = [line for _, piece in whole_lines(blocks) for line in (piece or b"").splitlines()]
        found.append(lines)
    assert all(lines == data.splitlines() for lines in found)


def test_candidates_end_at_their_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    names = CandidateList()
    names.add("n" * 500, 1)
    with pytest.raises(InputError, match="1 to 500"):
        names.add("m" * 501, 2)
    monkeypatch.setattr(model, "MAX_CANDIDATES", 2)
    names.add("second", 2)
    with pytest.raises(InputError, match="more than 2 candidates"):
        names.add("third", 3)
    assert len(names.done(Rules(), 3)) == 2


def test_counts_have_15_digits_at_most() -> None:
    assert natural("9" * 15, 1, "voters") == 10**15 - 1
    with pytest.raises(InputError, match="15 digits"):
        natural("1" + "0" * 15, 1, "voters")


def test_the_first_of_several_blank_lines_is_named() -> None:
    with pytest.raises(
        InputError, match=r"2 of 4 ballots are invalid\. The first is on line 3: a blank line"
    ) as refused:
        read("A\n1\n\n\n0\n\n\n")
    assert refused.value.line == 3


def test_a_plan_without_a_guess_assumes_15_votes() -> None:
    """docs/privacy.md states this number."""
    task = Task(5, Fraction(1), NeighbouringRelation.REPLACE, 2)
    assert task.race.gap == ASSUMED_GAP == 15
    assert Task(5, Fraction(1), NeighbouringRelation.REPLACE, 2, Fraction(0)).race.gap == 0
