"""Which columns may travel: every combination of mode and learner, and names that are refused."""

from __future__ import annotations

import dataclasses
import itertools
import json

import pytest
from support.parties import terms

from psi.agreement import column_terms
from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Learner, Matching, Reveal, Side
from psi.agreement.terms import difference
from psiselect.base import strict_json
from psiselect.base.errors import UsageError

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


HERE = terms(columns=ColumnTerms((), ("a", "b")), label_bytes=64)


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (None, "you say that the listening side sends the column 'a', and the peer does not say so"),
        (
            {"connect": [], "listen": ["b"]},
            "you say that the listening side sends the column 'a', and the peer does not say so",
        ),
        (
            {"connect": ["c"], "listen": ["a", "b"]},
            "the peer says that the connecting side sends the column 'c', and you do not say so",
        ),
        ({"connect": ["\x1b[2J"], "listen": ["a", "b"]}, "a column whose name is unreadable"),
        ({"connect": ["x" * 101], "listen": ["a", "b"]}, "a column whose name is unreadable"),
        ({"connect": [], "listen": ["b", "a"]}, "in a wrong order"),
        ({"connect": [], "listen": [["a"]]}, "unreadable"),
        ({"connect": []}, "unreadable"),
        ({}, "unreadable"),
        (["a"], "unreadable"),
        (7, "unreadable"),
        ({"connect": [], "listen": ["a", "b"], "more": []}, "in a wrong order"),
    ],
)
def test_a_difference_names_the_column(there: object, words: str) -> None:
    error = difference(HERE, HERE.to_json() | {"columns": there})
    assert error is not None
    assert error.term == "columns"
    assert words in str(error)
    assert "\x1b" not in str(error)


def test_equal_terms_have_no_difference() -> None:
    assert difference(HERE, json.loads(json.dumps(HERE.to_json()))) is None


def test_columns_travel_with_several_keys_one_to_one_only() -> None:
    two = (HERE.keys[0], dataclasses.replace(HERE.keys[0], rule="text/1"))
    assert dataclasses.replace(HERE, keys=two, matching=Matching.ONE_TO_ONE).label_width(Side.LISTEN) == 64
    with pytest.raises(UsageError, match="one-to-one"):
        dataclasses.replace(HERE, keys=two)


def test_the_longest_names_fit_into_a_hello() -> None:
    """Four bytes of UTF-8 become twelve of JSON at worst. Both sides, and sixteen long rules."""
    names = tuple(sorted("\U0001f600" * 15 + f"{n:04d}" for n in range(64)))
    key = dataclasses.replace(HERE.keys[0], rule="x" * 200)
    with pytest.raises(UsageError, match="4,096 bytes"):
        ColumnTerms.between(Side.LISTEN, (*names[:-1], "\U0001f600" * 17), ())
    both = ColumnTerms.between(Side.LISTEN, names, names)
    assert both is not None
    wide = dataclasses.replace(HERE, learn=Learner.BOTH, columns=both, keys=(key,) * 16, matching=Matching.ONE_TO_ONE)
    assert len(strict_json.encode({"terms": wide.to_json()})) < strict_json.MAX_BYTES - 1000
