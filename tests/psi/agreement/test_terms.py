"""A new term is one entry: its JSON, the comparison and the record follow from the field."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction

import pytest
from support.parties import pump, setup, terms

from psi.agreement.modes import Comparer, Learner, Matching, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms, difference
from psi.protocol.party import Party
from psiselect.base.errors import RemoteError, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class LongerTerms(Terms):
    """With a term that no version has."""

    dummy: Fraction = Fraction(1, 2)


def longer(**changes: object) -> LongerTerms:
    plain = {field.name: getattr(terms(), field.name) for field in dataclasses.fields(Terms)}
    return LongerTerms(**{**plain, **changes})  # type: ignore[arg-type]


def session(here: Terms, there: Terms) -> dict[Side, Party]:
    agreed = {Side.CONNECT: here, Side.LISTEN: there}
    parties = {side: Party(setup(side, [b"ann", b"bob"], agreed[side])) for side in Side}
    pump(parties)
    return parties


def test_a_new_term_is_one_entry() -> None:
    assert longer().to_json() == {**terms().to_json(), "dummy": "1/2"}
    both = session(longer(), longer())
    assert {party.record["terms"]["dummy"] for party in both.values()} == {"1/2"}
    assert both[Side.CONNECT].outcome.matches == 2


@pytest.mark.parametrize("there", [longer(dummy=Fraction(1, 3)), terms()])
def test_a_new_term_that_differs_is_named(there: Terms) -> None:
    with pytest.raises(RemoteError, match="disagree on the setting 'dummy': you say") as refused:
        session(there, longer())
    assert refused.value.term == "dummy"


def test_a_term_that_only_the_peer_has_is_refused() -> None:
    found = difference(terms(), longer().to_json())
    assert found is not None
    assert found.term == "terms"


def test_every_kind_of_term_is_plain_json() -> None:
    full = terms(
        reveal=Reveal.NOISY_COUNT,
        epsilon=Fraction(2, 4),
        delta=Fraction(1, 10),
        min_matches=3,
        matching=Matching.ONE_TO_ONE,
        pad_to=9,
        learn=Learner.LISTEN,
        keys=(KeyTerm("text/1", "ab" * 32),),
    )
    assert full.to_json() == {
        "version": 2,
        "suite": full.suite,
        "reveal": "noisy-count",
        "learn": "listen",
        "keys": [{"rule": "text/1", "digest": "ab" * 32}],
        "chunk": 16,
        "matching": "one-to-one",
        "epsilon": "1/2",
        "delta": "1/10",
        "min_matches": 3,
        "min_matches_by": "learner",
        "pad_to": 9,
        "columns": None,
        "label_bytes": None,
        "value_decimals": None,
        "value_max": None,
    }


@pytest.mark.parametrize("name", ["version", "chunk"])
def test_true_is_not_one(name: str) -> None:
    own = terms(chunk=1)
    found = difference(own, {**own.to_json(), name: True})
    assert found is not None
    assert found.term == name


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Terms)])
def test_a_term_of_another_type_differs(name: str) -> None:
    """1 is not true, and "1" is not 1."""
    peer = terms().to_json()
    peer[name] = [peer.get(name)]
    found = difference(terms(), peer)
    assert found is not None
    assert found.term == {"keys": "rule"}.get(name, name)


@pytest.mark.parametrize(
    ("changes", "term"),
    [
        ({"keys": ()}, "keys"),
        ({"keys": (KeyTerm("raw/1", "00" * 32),) * 17}, "keys"),
        ({"min_matches": 0}, "min_matches"),
        ({"pad_to": 0}, "pad_to"),
        ({"pad_to": (1 << 40) + 1}, "pad_to"),
        ({"min_matches_by": Comparer.OTHER}, "min_matches_by"),
        ({"epsilon": Fraction(1)}, "epsilon"),
        ({"delta": Fraction(1)}, "epsilon"),
        ({"label_bytes": 64}, "label_bytes"),
        ({"value_max": "1"}, "value_decimals"),
        ({"reveal": Reveal.SUM}, "value_decimals"),
    ],
)
def test_terms_that_cannot_be_had_are_refused_when_they_are_built(changes: dict[str, object], term: str) -> None:
    with pytest.raises(UsageError) as refused:
        terms(**changes)
    assert refused.value.term == term


def test_the_sides_agree_on_who_adds_up_and_who_gives() -> None:
    agreed = terms(reveal=Reveal.SUM, value_decimals=2, value_max="10", learn=Learner.CONNECT)
    assert agreed.amounts_of(Side.LISTEN) is not None
    assert agreed.amounts_of(Side.CONNECT) is None
    agreed.check_totals({Side.CONNECT: 1 << 62, Side.LISTEN: 1})
    with pytest.raises(UsageError):
        agreed.check_totals({Side.CONNECT: 1, Side.LISTEN: 1 << 62})


@pytest.mark.parametrize(("here", "there", "older"), [(2, 1, "The peer's"), (1, 2, "Your")])
def test_versions_of_a_rule_say_which_side_is_older(here: int, there: int, older: str) -> None:
    own, peer = (terms(keys=(KeyTerm(f"email/{n} case=fold", f"{n:02}" * 32),)) for n in (here, there))
    found = difference(own, peer.to_json())
    assert found is not None
    assert f"{older} program is older" in str(found)
    assert "email/1" in str(found)


BASE = {"keys": (KeyTerm("email/1 dots=keep case=fold", "11" * 32), KeyTerm("text/1", "22" * 32))}


@pytest.mark.parametrize(
    ("own", "peer", "words"),
    [
        (
            {"learn": Learner.CONNECT},
            {"learn": "listen"},
            "the two sides disagree on who gets the result: you say the connecting side, the peer says the listening "
            "side. Agree on --learn, then restart both.",
        ),
        ({}, {"reveal": "count"}, "what the result shows: you say matches, the peer says count. Agree on --reveal, "),
        ({}, {"pad_to": 9}, "you say no padding, the peer says 9. Agree on --pad-to"),
        ({"min_matches": 3}, {"min_matches": None}, "you say 3, the peer says no minimum. Agree on --min-matches"),
        ({}, {"min_matches_by": "other"}, "you say the side that gets the result, the peer says the other side"),
        ({}, {"version": 7}, "you say 2, the peer says 7. Install the same release of psiselect on both sides."),
        ({}, {"matching": ["x"]}, "the peer says something unreadable"),
        ({}, {"matching": "\x1b[2J"}, "the peer says something unreadable"),
    ],
)
def test_both_sides_values_are_told_in_words(own: dict[str, object], peer: dict[str, object], words: str) -> None:
    here = terms(**BASE, **own)
    found = difference(here, here.to_json() | peer)
    assert found is not None
    assert words in str(found)
    assert found.term == next(iter(peer))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("email/1 dots=drop case=fold", "key 1 is treated differently: you use dots=keep, the peer uses dots=drop. "),
        ("phone/1 region=PL", "you use email/1, the peer uses phone/1. "),
        ("email/1 dots=keep", "you use case=fold, the peer uses no such option. "),
        (
            "email/1 dots=keep case=fold",
            "both sides use email/1 dots=keep case=fold, but different releases of psiselect. ",
        ),
        ("text/1 + text/1", "you use email/1, the peer uses text/1 + text/1. "),
        ("", "the peer uses something unreadable. "),
        ("\x1b[2J", "the peer uses something unreadable. "),
        ("x" * 201, "the peer uses something unreadable. "),
    ],
)
def test_rules_that_differ_are_told_by_what_differs(rule: str, words: str) -> None:
    here = terms(**BASE)
    there = here.to_json()
    there["keys"][0] = {"rule": rule, "digest": "33" * 32}
    found = difference(here, there)
    assert found is not None
    assert words in str(found)
    assert found.term == "rule"
