"""The law of the winner with the voter as the unit: every profile of three voters and three candidates, exactly.

A voter has no row, one or two, each with any ballot or an invalid one. What the rows of a voter add to the tally comes
from the product's reader; that it does not depend on anybody else's rows is tried for every order of rows. Neighbours
differ in all rows of one voter. Probabilities are fractions, at an epsilon for which e^-epsilon is one.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import pytest
from support.tables import ballots_of

from dpselect.ballots import OnInvalid, Repeated, Rules
from dpselect.law import Polynomial
from dpselect.mechanisms import permute_and_flip
from dpselect.privacy import NeighbouringRelation

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
EPSILON = Fraction(1)
BALLOTS = ("0,0,0", "1,0,0", "0,1,0", "0,0,1", "1,1,0", "1,0,1", "0,1,1", "1,1,1", "1,?,0")
Hand = tuple[str, ...]  # the ballots of one voter, in the order of rows
Tally = tuple[int, ...]
HANDS: list[Hand] = [(), *((a,) for a in BALLOTS), *itertools.product(BALLOTS, repeat=2)]
RULES = (Repeated.LAST, Repeated.FIRST)


@cache
def tally(rows: tuple[tuple[str, str], ...], rule: Repeated | None) -> Tally:
    """What the reader makes of rows of a voter and a ballot. rule: None for a file that does not say whose they are."""
    column = "voter_id" if rule is not None else "row"
    text = f"{column},A,B,C\n" + "".join(f"{voter},{ballot}\n" for voter, ballot in rows)
    reading = ballots_of(text.encode(), Rules(("A", "B", "C"), OnInvalid.DROP, repeated=rule))
    assert reading.by_voter == (rule is not None)
    return tuple(reading.profile.tally().tolist())


def alone(hand: Hand, rule: Repeated | None) -> Tally:
    return tally(tuple(("v", ballot) for ballot in hand), rule)


def added(*tallies: Sequence[int]) -> Tally:
    return tuple(map(sum, zip(*tallies, strict=True)))


@cache
def law(counts: Tally, z: Fraction) -> tuple[Fraction, ...]:
    """The probability of each winner, with exp(-exponent) = z; the exponent alone follows from the relation."""
    found = permute_and_flip(EPSILON, ADD_REMOVE).probabilities(counts)
    below = value(found.denominator, z)
    return tuple(value(above, z) / below for above in found.numerators)


def value(polynomial: Polynomial, z: Fraction) -> Fraction:
    return sum((c * z**power for power, c in polynomial.terms.items()), Fraction(0))


def worst(rule: Repeated | None, relation: NeighbouringRelation, z: Fraction) -> Fraction:
    """The largest ratio of a winner's probabilities, over all profiles of three voters and their neighbours."""
    parts = {alone(hand, rule) for hand in HANDS if hand or relation is ADD_REMOVE}
    # Where every row counts, one voter alone is enough to break the promise.
    others = {added(a, b) for a in parts for b in parts} if rule is not None else {(0, 0, 0)}
    # Under add-remove a voter is there or not; then the other one has no rows.
    pairs = [(a, b) for a in parts for b in parts if relation is REPLACE or (0, 0, 0) in (a, b)]
    laws = {(law(added(rest, a), z), law(added(rest, b), z)) for rest in others for a, b in pairs}
    return max(p / q for one, other in laws for p, q in zip(one, other, strict=True))


@pytest.mark.parametrize("rule", RULES)
def test_what_a_voter_adds_depends_on_nobody_else(rule: Repeated) -> None:
    """Every order of the rows of three voters with up to two each."""
    rng = random.Random(7)
    orders = {order for many in itertools.product(range(3), repeat=3)
              for order in itertools.permutations("abc"[0] * many[0] + "b" * many[1] + "c" * many[2])}  # fmt: skip
    for order in sorted(orders):
        rows = tuple((voter, rng.choice(BALLOTS)) for voter in order)
        hands = [tuple(ballot for voter, ballot in rows if voter == who) for who in "abc"]
        assert tally(rows, rule) == added(*(alone(hand, rule) for hand in hands)), rows
    assert len(orders) == 271


@pytest.mark.parametrize("rule", RULES)
def test_one_ballot_of_a_voter_counts(rule: Repeated) -> None:
    for hand in HANDS:
        chosen = hand[-1 if rule is Repeated.LAST else 0] if hand else "0,0,0"
        assert alone(hand, rule) == ((0, 0, 0) if "?" in chosen else tuple(map(int, chosen.split(","))))


@pytest.mark.parametrize("z", [Fraction(1, 2), Fraction(9, 10)])
@pytest.mark.parametrize("rule", RULES)
def test_the_promise_holds_for_voters(rule: Repeated, z: Fraction) -> None:
    """The exponent is epsilon under add-remove, so that e^epsilon is 1/z, and half of it under replace: 1/z^2."""
    assert permute_and_flip(EPSILON, ADD_REMOVE).exponent == 2 * permute_and_flip(EPSILON, REPLACE).exponent == EPSILON
    assert worst(rule, ADD_REMOVE, z) <= 1 / z
    assert 1 / z < worst(rule, REPLACE, z) <= 1 / z**2  # so with the other relation's factor it would not hold
    # Nor would it if every row of a voter counted.
    assert worst(None, ADD_REMOVE, z) > 1 / z
    assert worst(None, REPLACE, z) > 1 / z**2
