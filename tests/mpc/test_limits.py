"""Numbers, vectors and parties at the last allowed value and the first refused one."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from support.mpc_network import NAMES, Network, roster, terms

from dpselect.privacy import NeighbouringRelation
from mpc import fixedpoint
from mpc.fixedpoint import FixedPoint, parse_decimal
from mpc.function_plan import MAX_COMPARED, plan_largest, plan_threshold
from mpc.noise import SharedNoise, coarsening, widest_sensitivity
from mpc.parties import _NAME, MAX_PARTIES, PartyEntry, PartyList, PartyRole
from mpc.plan import NoiseGuarantee, plan_sum
from mpc.securesum import SecureSum
from mpc.sharing import MAX_MODULUS, WORD, Modulus
from mpc.terms import MAX_LENGTH, Function
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError, PolicyError, RemoteError, UsageError

HALF = 1 << 63


# -- 2^63 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modulus", [2, 3, 4, 255, HALF - 1, HALF, HALF + 1, WORD - 1, WORD, WORD + 1, MAX_MODULUS])
def test_residues_at_the_ends_and_in_the_middle_of_the_range(modulus: int) -> None:
    ring = Modulus(modulus)
    values = sorted({-(modulus // 2), 0, (modulus - 1) // 2})
    assert ring.centred(ring.residues(values)) == values
    assert ring.centred(ring.unpack(ring.pack(ring.residues(values)))) == values
    # One more than the largest is the smallest, and the other way round.
    over = ring.add(ring.residues([(modulus - 1) // 2, -(modulus // 2)]), ring.residues([1, -1]))
    assert ring.centred(over) == [-(modulus // 2), (modulus - 1) // 2]
    most = ring.residues([modulus - 1, 0])
    assert [int(v) for v in ring.add(most, most)] == [modulus - 2, 0]
    assert [int(v) for v in ring.subtract(ring.residues([0, 0]), most)] == [1 % modulus, 0]
    assert [int(v) for v in ring.total([most, most, most])] == [(3 * (modulus - 1)) % modulus, 0]


@pytest.mark.parametrize(("modulus", "one_word"), [(HALF - 1, 1), (HALF, 1), (HALF + 1, 0), (WORD - 1, 0), (WORD, 1)])
def test_arrays_are_words_as_long_as_a_sum_of_two_fits(modulus: int, one_word: int) -> None:
    assert Modulus(modulus).one_word == bool(one_word)
    assert Modulus(modulus).width == 8


@pytest.mark.parametrize(("modulus", "width"), [(WORD + 1, 9), ((1 << 72), 9), ((1 << 72) + 1, 10), (MAX_MODULUS, 64)])
def test_wide_residues_take_the_bytes_they_need(modulus: int, width: int) -> None:
    ring = Modulus(modulus)
    assert ring.width == width
    assert len(ring.pack(ring.residues([modulus - 1]))) == width


@pytest.mark.parametrize("modulus", [HALF, HALF + 1, WORD + 1])
def test_the_last_residue_is_taken_and_the_modulus_is_refused(modulus: int) -> None:
    ring = Modulus(modulus)
    assert [int(v) for v in ring.unpack((modulus - 1).to_bytes(ring.width, "little"))] == [modulus - 1]
    with pytest.raises(RemoteError, match="not below"):
        ring.unpack(modulus.to_bytes(ring.width, "little"))


def test_the_largest_sum_is_2_to_63_less_one() -> None:
    """Seven parties whose bound times seven is 2^63 - 1: both ends come out, and one unit more is refused."""
    bound = (HALF - 1) // 7
    assert bound * 7 == HALF - 1
    plan = plan_sum(Function.SUM, roster(7), length=2, decimals=0, bound=Fraction(bound))
    values = plan.encode([Fraction(bound), Fraction(-bound)], SystemEntropy())
    made = {n: SecureSum(roster(7), n, plan.terms, values, SystemEntropy()) for n in NAMES}
    network = Network(made)
    network.connect_all()
    network.run()
    for machine in made.values():
        assert machine.totals is not None
        assert machine.ring.centred(machine.totals) == [HALF - 1, 1 - HALF]
    with pytest.raises(PolicyError, match=r"--modulus 2\^65\. "):
        plan_sum(Function.SUM, roster(7), length=2, decimals=0, bound=Fraction(bound + 1))


def test_a_sum_of_2_to_63_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"--modulus 2\^65\. "):
        plan_sum(Function.SUM, roster(4), length=1, decimals=0, bound=Fraction(1 << 61))
    plan_sum(Function.SUM, roster(4), length=1, decimals=0, bound=Fraction((1 << 61) - 1))
    plan_sum(Function.SUM, roster(4), length=1, decimals=0, bound=Fraction(1 << 61), modulus=WORD + 1)


@pytest.mark.parametrize("spread", [0, 1, 5])
def test_noise_takes_room_to_the_unit(spread: int) -> None:
    point = FixedPoint(Fraction(1), Fraction(10))
    point.require_room(2 * (30 + spread) + 1, 3, spread)
    with pytest.raises(PolicyError):
        point.require_room(2 * (30 + spread), 3, spread)


# -- values ------------------------------------------------------------------------------------------------------------


def test_a_value_at_the_bound_is_taken_and_one_unit_more_is_not() -> None:
    point = FixedPoint(Fraction(1, 100), Fraction(50))
    assert (point.encode(Fraction(50), "v"), point.encode(Fraction(-50), "v")) == (5000, -5000)
    for value in (Fraction("50.01"), Fraction("-50.01")):
        with pytest.raises(InputError, match="outside the agreed range"):
            point.encode(value, "v")


@pytest.mark.parametrize(
    ("value", "units"), [("-1.5", -1), ("-0.5", 0), ("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.49", 2)]
)
def test_halves_are_rounded_up(value: str, units: int) -> None:
    assert FixedPoint(Fraction(1), Fraction(50)).round(Fraction(value)) == units


@pytest.mark.parametrize(("bound", "largest"), [("5", 5), ("5.001", 6), ("4.999", 5)])
def test_a_bound_that_is_no_whole_number_of_units_is_rounded_up(bound: str, largest: int) -> None:
    assert FixedPoint(Fraction(1), Fraction(bound)).largest == largest


def test_the_bad_number_of_a_vector_is_named_from_one() -> None:
    point = FixedPoint(Fraction(1), Fraction(5))
    with pytest.raises(InputError, match="value 3: this number is outside the agreed range"):
        fixedpoint.encode_all(point, [Fraction(1), Fraction(5), Fraction(6), Fraction(7)])
    assert fixedpoint.encode_all(point, [Fraction(5), Fraction(-5)]) == [5, -5]


@pytest.mark.parametrize("text", ["", "1,0", "0x10", "1_000", "nan", "inf", "1/3", "--1", "1 2", "\u0663"])
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a decimal number"):
        parse_decimal(text, "value")


# -- how many ----------------------------------------------------------------------------------------------------------


def parties(count: int) -> PartyList:
    return PartyList(tuple(PartyEntry(f"p{i}", PartyRole.BOTH, f"c{i}".encode()) for i in range(count)))


def noise(**changes: Any) -> NoiseGuarantee:
    fields = {"epsilon": Fraction(1), "lower": Fraction(0), "upper": Fraction(6), "colluding": 1} | changes
    return NoiseGuarantee(neighbors=NeighbouringRelation.REPLACE, **fields)


def summed(**changes: Any) -> object:
    people = changes.pop("people", roster(3))
    return plan_sum(Function.SUM, people, **({"length": 1, "decimals": 0, "bound": Fraction(9)} | changes))


def compared(count: int) -> object:
    names = [f"c{i}" for i in range(count)]
    return plan_largest(Function.ARGMAX, roster(3), decimals=0, bound=Fraction(1), candidates=names)


def voted(colluding: int, people: PartyList) -> object:
    return plan_largest(
        Function.ARGMAX, people, decimals=0, bound=Fraction(1), candidates=["a", "b"], epsilon=Fraction(1),
        colluding=colluding,
    )  # fmt: skip


def amounts(bound: int, decimals: int = 0) -> object:
    return plan_largest(Function.MAX, roster(3), decimals=decimals, bound=Fraction(bound))


WIDE = Fraction(1 << 124)  # twice this and two bits of sign and room are 128 bits

LIMITS = {
    "fewest parties": (lambda n: parties(n), 2, 1),
    "most parties": (lambda n: parties(n), MAX_PARTIES, MAX_PARTIES + 1),
    "shortest vector": (lambda n: terms(n), 1, 0),
    "longest vector": (lambda n: terms(n), MAX_LENGTH, MAX_LENGTH + 1),
    "least modulus": (Modulus, 2, 1),
    "largest modulus": (Modulus, MAX_MODULUS, MAX_MODULUS + 1),
    "fewest candidates": (compared, 2, 1),
    "most candidates": (compared, MAX_COMPARED, MAX_COMPARED + 1),
    "fewest decimals of a sum": (lambda n: summed(decimals=n, bound=Fraction(1)), 0, -1),
    "most decimals of a sum": (lambda n: summed(decimals=n, bound=Fraction(1)), 18, 19),
    "fewest decimals of a function": (lambda n: amounts(1, n), 0, -1),
    "most decimals of a function": (lambda n: amounts(1, n), 18, 19),
    "least bound of a sum": (lambda n: summed(bound=Fraction(n)), 1, 0),
    "least bound of a function": (lambda n: amounts(n), 1, 0),
    "widest comparison": (lambda n: amounts(n), (1 << 125) - 1, 1 << 125),
    "fewest computing parties": (lambda n: plan_threshold(roster(n), decimals=0, bound=WIDE, at_least=None), 3, 2),
    "fewest inputs of an exact sum": (lambda n: summed(people=roster(n)), 3, 2),
    "fewest colluding": (lambda n: SharedNoise(5, n, Fraction(1)), 1, 0),
    "most colluding": (lambda n: SharedNoise(5, n, Fraction(1)), 4, 5),
    "fewest colluding of a vote": (lambda n: voted(n, roster(5)), 1, 0),
    "most colluding of a vote": (lambda n: voted(n, roster(5)), 2, 3),
    "most colluding of an even vote": (lambda n: voted(n, roster(6)), 2, 3),
    "fewest contributions": (lambda n: summed(guarantee=noise(contributions=n)), 1, 0),
    "least sensitivity": (lambda n: summed(guarantee=noise(sensitivity=Fraction(n))), 1, 0),
    "largest sensitivity": (lambda n: summed(guarantee=noise(sensitivity=Fraction(n))), 6, 7),
    "narrowest range": (lambda n: summed(guarantee=noise(lower=Fraction(6 - n))), 1, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_the_last_allowed_value_and_the_first_refused_one(name: str) -> None:
    make, last, first = LIMITS[name]
    make(last)
    with pytest.raises((UsageError, PolicyError)):
        make(first)


def test_names_have_at_most_40_signs() -> None:
    assert _NAME.fullmatch("x" * 40)
    for bad in ("x" * 41, "", ".x", "-x", "x y", "x\n", "\u00e4"):
        assert not _NAME.fullmatch(bad)


def test_a_threshold_between_units_is_the_next_unit() -> None:
    def least(text: str, decimals: int = 0) -> int | None:
        return plan_threshold(roster(3), decimals=decimals, bound=Fraction(9), at_least=Fraction(text)).at_least

    assert [least("2"), least("2.0001"), least("-2.5"), least("0")] == [2, 3, -2, 0]
    assert [least("2.34", 1), least("2.30", 1)] == [24, 23]


def test_units_are_as_fine_as_the_noise_allows_and_no_finer() -> None:
    assert coarsening(Fraction(100), Fraction(1), 100) == 1
    assert coarsening(Fraction(100) + Fraction(1, 10**9), Fraction(1), 100) == 2
    assert [widest_sensitivity(Fraction(1), n) for n in (2048, 2049, 524288, 10**6)] == [4096, 4094, 16, 16]
    assert widest_sensitivity(Fraction(1, 10**9), 1) == 1


def test_plans_that_make_no_sense_are_refused() -> None:
    """Bounds that are one unit, equal candidates, candidates for a maximum, decimals of a noisy vote."""
    with pytest.raises(PolicyError, match=r"rounds values to multiples of 1\. Then all"):
        summed(guarantee=noise(lower=Fraction(0), upper=Fraction("0.4")))
    refused: list[tuple[Function, dict[str, Any], str]] = [
        (Function.ARGMAX, {"candidates": ["a", "b", "a"]}, "more than once"),
        (Function.MAX, {"candidates": ["a", "b"]}, "compares one number"),
        (Function.ARGMAX, {"candidates": ["a", "b"], "decimals": 1, "epsilon": Fraction(1)}, "whole numbers"),
    ]
    for function, fields, words in refused:
        with pytest.raises(UsageError, match=words):
            plan_largest(function, roster(3), **({"decimals": 0, "bound": Fraction(9)} | fields))


def test_room_is_left_for_the_noise_of_every_number() -> None:
    plan = plan_sum(Function.SUM, roster(3), length=50, decimals=0, guarantee=noise())
    assert plan.noise is not None
    needed = 2 * (3 * 6 + plan.noise.reach(50)) + 1
    plan_sum(Function.SUM, roster(3), length=50, decimals=0, modulus=needed, guarantee=noise())
    with pytest.raises(PolicyError, match="and noise of up to"):
        plan_sum(Function.SUM, roster(3), length=50, decimals=0, modulus=needed - 1, guarantee=noise())
