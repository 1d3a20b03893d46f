"""Which columns may travel: every combination of mode and learner, and names that are refused."""

from __future__ import annotations

import itertools

import pytest

from psi import column_terms
from psi.column_terms import ColumnTerms
from psi.errors import UsageError
from psi.outcomes import Learner, Reveal, Side

SOME, NONE = ("a",), ()


@pytest.mark.parametrize(("sent", "received"), list(itertools.product((SOME, NONE), repeat=2)))
@pytest.mark.parametrize("learn", Learner)
@pytest.mark.parametrize("reveal", Reveal)
@pytest.mark.parametrize("side", Side)
def test_columns_go_to_learners_of_matches_only(
    side: Side, reveal: Reveal, learn: Learner, sent: tuple[str, ...], received: tuple[str, ...]
) -> None:
    columns = ColumnTerms.between(side, sent, received)
    if columns is None:
        assert not sent
        assert not received
        return
    learners = {Learner.BOTH: set(Side), Learner.CONNECT: {Side.CONNECT}, Learner.LISTEN: {Side.LISTEN}}[learn]
    possible = reveal is Reveal.MATCHES and (not sent or side.other in learners) and (not received or side in learners)
    if possible:
        column_terms.check(columns, 64, reveal, learn)
    else:
        with pytest.raises(UsageError) as caught:
            column_terms.check(columns, 64, reveal, learn)
        assert caught.value.term == "columns"


def test_both_sides_state_the_same() -> None:
    here = ColumnTerms.between(Side.CONNECT, ["b", "a"], ["y", "x", "z"])
    there = ColumnTerms.between(Side.LISTEN, ["z", "x", "y"], ["a", "b"])
    assert here is not None
    assert here == there
    assert here.to_json() == {"connect": ["a", "b"], "listen": ["x", "y", "z"]}
    assert here.given_by(Side.CONNECT) == ("a", "b")
    assert here.given_by(Side.LISTEN) == ("x", "y", "z")
    assert ColumnTerms.between(Side.CONNECT, ["a"], []) != ColumnTerms.between(Side.LISTEN, ["a"], [])


@pytest.mark.parametrize(
    "names",
    [["a", "a"], [""], ["a\n"], ["\udc80"], [str(n) for n in range(65)], ["x" * 4097], ["é" * 1000, "e" * 2097]],
)
def test_names_that_are_refused(names: list[str]) -> None:
    for sent, received in ((names, []), ([], names)):
        with pytest.raises(UsageError) as caught:
            ColumnTerms.between(Side.CONNECT, sent, received)
        assert caught.value.term == "columns"
    ColumnTerms.between(Side.CONNECT, [str(n) for n in range(64)], ["é" * 1000, "e" * 2096])


@pytest.mark.parametrize("width", [None, 0, 63, 4097])
def test_lengths_that_are_refused(width: int | None) -> None:
    columns = ColumnTerms(SOME, NONE)
    with pytest.raises(UsageError) as caught:
        column_terms.check(columns, width, Reveal.MATCHES, Learner.LISTEN)
    assert caught.value.term == "label_bytes"
    for fine in (64, 4096):
        column_terms.check(columns, fine, Reveal.MATCHES, Learner.LISTEN)


def test_a_length_without_columns_is_refused() -> None:
    with pytest.raises(UsageError, match="--send or --receive"):
        column_terms.check(None, 64, Reveal.MATCHES, Learner.LISTEN)
    column_terms.check(None, None, Reveal.COUNT, Learner.LISTEN)
