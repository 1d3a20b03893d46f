"""Limits of ballots and candidates: the last that is taken and the first that is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dpselect.ballots import OnInvalid, model, tabular
from dpselect.ballots.model import BallotBox, CandidateList, Rules, natural
from dpselect.planning import ASSUMED_GAP, Task
from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import InputError
from psiselect.base.rows import Row, RowTable

ERROR = OnInvalid.ERROR


def box(**limits: int) -> BallotBox:
    return BallotBox({"A": 0, "B": 1, "C": 2}, ERROR, **limits)


@pytest.mark.parametrize("parts", [(10**15,), (10**15 - 1, 1), (1, 10**15 - 1)])
def test_voters_end_at_their_limit_however_they_are_counted(parts: tuple[int, ...]) -> None:
    ballots = box()
    for count in parts:
        ballots.cast(["A"], 1, count)
    assert ballots.profile(("A", "B", "C")).tally().tolist() == [10**15, 0, 0]
    with pytest.raises(InputError, match="more than"):
        ballots.cast([], 2)


def test_numbers_of_approvals_end_at_their_limits() -> None:
    ballots = box(shortest=1, longest=2)
    ballots.cast(["A"], 1)
    ballots.cast(["A", "B"], 2)
    for approved, words in (([], "at least 1"), (["A", "B", "C"], "at most 2"), (["A", "A"], "twice")):
        with pytest.raises(InputError, match=words):
            ballots.cast(approved, 3)
    assert ballots.voters == 2


def test_candidates_end_at_their_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    names = CandidateList()
    names.add("n" * 500, 1)
    with pytest.raises(InputError, match="1 to 500"):
        names.add("m" * 501, 2)
    monkeypatch.setattr(model, "MAX_CANDIDATES", 2)
    names.add("second", 2)
    with pytest.raises(InputError, match="more than 2"):
        names.add("third", 3)
    assert len(names.done(Rules(), 3)) == 2


def test_counts_have_15_digits_at_most() -> None:
    assert natural("9" * 15, 1, "voters") == 10**15 - 1
    with pytest.raises(InputError, match="15 digits"):
        natural("1" + "0" * 15, 1, "voters")


def test_the_first_of_several_blank_lines_is_named() -> None:
    rows = [Row(2, ["1"]), Row(3, []), Row(4, []), Row(5, ["0"])]
    with pytest.raises(InputError) as refused:
        tabular.read(RowTable("t.csv", ("A",), 1, rows), Rules())
    assert refused.value.line == 3


def test_a_plan_without_a_guess_assumes_15_votes() -> None:
    """docs/elections.md states this number."""
    task = Task(5, Fraction(1), NeighbouringRelation.REPLACE, 2)
    assert task.race.gap == ASSUMED_GAP == 15
    assert Task(5, Fraction(1), NeighbouringRelation.REPLACE, 2, Fraction(0)).race.gap == 0
