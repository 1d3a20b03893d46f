"""Terms, bounds and refusals, before anything is sent."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from support.entropy import FixedEntropy
from support.mpc_network import roster

from dpselect.privacy import NeighbouringRelation
from mpc import parties
from mpc.fixedpoint import FixedPoint
from mpc.function_plan import plan_largest, plan_threshold
from mpc.plan import NoiseGuarantee, plan_sum
from mpc.terms import Function
from psi.identity.identity import Identity
from psiselect.base.errors import InputError, PolicyError, UsageError

ONE = Fraction(1)
REPLACE, ADD_REMOVE = NeighbouringRelation.REPLACE, NeighbouringRelation.ADD_REMOVE


def guarantee(**changes: object) -> NoiseGuarantee:
    fields = {"epsilon": ONE, "neighbors": REPLACE, "lower": Fraction(0), "upper": Fraction(60), "colluding": 1}
    return NoiseGuarantee(**(fields | changes))  # type: ignore[arg-type]


def test_two_inputs_and_one_are_refused() -> None:
    with pytest.raises(PolicyError, match="each could subtract its own"):
        plan_sum(Function.SUM, roster(2), length=1)
    with pytest.raises(PolicyError, match="each could subtract its own"):
        plan_sum(Function.SUM, roster(2, servers=3), length=5)
    with pytest.raises(PolicyError, match="the sum would reveal this value"):
        plan_sum(Function.SUM, roster(1, servers=2), length=1, allow_two_inputs=True)
    assert plan_sum(Function.SUM, roster(2), length=1, allow_two_inputs=True).noise is None
    assert plan_sum(Function.SUM, roster(2), length=1, guarantee=guarantee()).noise is not None


def test_a_sum_that_could_overflow_is_refused_with_the_arithmetic() -> None:
    # 3 parties of up to 10: the sum lies in -30..30, which needs a modulus above 60.
    plan_sum(Function.SUM, roster(3), length=1, decimals=0, bound=Fraction(10), modulus=61)
    with pytest.raises(PolicyError, match=r"--modulus 2\^6[.]"):
        plan_sum(Function.SUM, roster(3), length=1, decimals=0, bound=Fraction(10), modulus=60)


def test_room_is_left_for_the_noise() -> None:
    plan = plan_sum(Function.SUM, roster(3), length=1, decimals=0, guarantee=guarantee())
    assert plan.noise is not None
    reach = 3 * 60 + plan.noise.reach(1)
    plan_sum(Function.SUM, roster(3), length=1, decimals=0, modulus=2 * reach + 1, guarantee=guarantee())
    with pytest.raises(PolicyError, match="noise"):
        plan_sum(Function.SUM, roster(3), length=1, decimals=0, modulus=2 * reach, guarantee=guarantee())


@pytest.mark.parametrize(
    ("changes", "length", "sensitivity"),
    [
        ({}, 1, 60),
        ({"neighbors": ADD_REMOVE, "lower": Fraction(-80)}, 1, 80),
        ({"lower": Fraction(-80)}, 1, 140),
        ({"contributions": 3}, 1, 180),
        ({}, 4, 240),
        ({"sensitivity": ONE, "upper": Fraction(400)}, 1, 1),
        ({"sensitivity": ONE, "contributions": 2}, 3, 6),
        ({"sensitivity": Fraction(3, 2)}, 1, 2),  # in whole units, none of which may be left without noise
        ({"sensitivity": Fraction(1, 3), "contributions": 4}, 1, 4),
    ],
)
def test_sensitivity(changes: dict[str, object], length: int, sensitivity: int) -> None:
    plan = plan_sum(Function.SUM, roster(3), length=length, decimals=0, guarantee=guarantee(**changes))
    assert plan.sensitivity == sensitivity
    assert plan.noise is not None
    assert plan.noise.exponent == Fraction(1, sensitivity)


def test_a_fine_unit_is_coarsened_and_agreed_on() -> None:
    plan = plan_sum(Function.SUM, roster(3), length=1, decimals=2, guarantee=guarantee(upper=Fraction(5000)))
    assert plan.coarsened > 1
    assert plan.sensitivity is not None
    assert plan.sensitivity <= 4096
    assert plan.terms.unit == str(int(plan.point.unit)) or Fraction(plan.terms.unit) == plan.point.unit
    # What rounding can cost is small beside the noise: half a unit a party against an error of thousands.
    assert plan.error95 is not None
    assert 3 * plan.point.unit / 2 < plan.error95 / 1000


def test_rounding_moves_a_value_by_no_more_units_than_the_sensitivity() -> None:
    point = FixedPoint(Fraction(2), Fraction(100))
    for apart in (Fraction(1), Fraction(2), Fraction(3), Fraction(9, 2)):
        moves = {point.round(Fraction(v, 7) + apart) - point.round(Fraction(v, 7)) for v in range(-70, 70)}
        assert max(moves) == -(-apart // 2)  # halves to even would move 1 -> 3 by two


def test_values_are_clamped_and_rounded() -> None:
    """Here the noise is zero but for probability e^-1000; its law is tested in `test_noise_on_every_path`."""
    plan = plan_sum(Function.SUM, roster(3), length=3, decimals=0, guarantee=guarantee(epsilon=Fraction(10**6)))
    assert plan.encode([Fraction(-5), Fraction("12.5"), Fraction(99)], FixedEntropy()) == [0, 13, 60]


@pytest.mark.parametrize(
    "changes",
    [
        {"lower": Fraction(60)},
        {"colluding": 0},
        {"colluding": 3},
        {"contributions": 0},
        {"sensitivity": Fraction(0)},
        {"sensitivity": Fraction(61)},
    ],
)
def test_impossible_guarantees(changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        plan_sum(Function.SUM, roster(3), length=1, guarantee=guarantee(**changes))


def test_exact_values_must_fit_the_terms_and_are_not_repeated() -> None:
    point = FixedPoint(Fraction(1, 100), Fraction(50))
    assert point.encode(Fraction("-49.99"), "value") == -4999
    for value in ("50.01", "1.005"):
        with pytest.raises(InputError) as caught:
            point.encode(Fraction(value), "value")
        assert value not in str(caught.value)


def test_functions_need_three_computing_parties() -> None:
    for two in (roster(2), roster(5, servers=2)):
        with pytest.raises(PolicyError, match="Add a third party"):
            plan_threshold(two, decimals=0, bound=ONE, at_least=None)
        with pytest.raises(PolicyError, match="Add a third party"):
            plan_largest(Function.MAX, two, decimals=0, bound=ONE)


def test_thresholds_are_rounded_up_to_the_unit() -> None:
    assert plan_threshold(roster(5), decimals=0, bound=ONE, at_least=None).at_least == 3
    assert plan_threshold(roster(4), decimals=0, bound=ONE, at_least=None).at_least == 2
    assert plan_threshold(roster(3), decimals=1, bound=ONE, at_least=Fraction("1.25")).at_least == 13


@pytest.mark.parametrize("colluding", [0, 2, 3])
def test_a_noisy_winner_tolerates_less_than_half(colluding: int) -> None:
    with pytest.raises(UsageError, match="colluding"):
        plan_largest(
            Function.ARGMAX, roster(4), decimals=0, bound=ONE, candidates=["a", "b"], epsilon=ONE, colluding=colluding
        )


def write(folder: Path, text: str) -> Path:
    for name in ("alice", "bob"):
        Identity.create(name, folder / "keys")
    path = folder / "parties.toml"
    path.write_text(text)
    return path


ALICE = '[[party]]\nname = "alice"\ncertificate = "keys/alice.crt"\naddress = "127.0.0.1:9001"\n'
BOB = '[[party]]\nname = "bob"\ncertificate = "keys/bob.crt"\n'


def test_a_parties_file_is_read(tmp_path: Path) -> None:
    roster_read = parties.load(write(tmp_path, ALICE + BOB))
    assert [p.name for p in roster_read.parties] == ["alice", "bob"]
    assert roster_read.listens("alice", "bob")
    assert not roster_read.listens("bob", "alice")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "begins with the line \\[\\[party\\]\\]"),
        ("party = 3", "begins with the line \\[\\[party\\]\\]"),
        ("[[party", "not a valid TOML file"),
        (ALICE + BOB + 'role = "boss"\n', "party 2: 'role' must be"),
        (ALICE + BOB + "port = 3\n", "party 2: the value of every field must be in quotes"),
        (ALICE + BOB + 'port = "3"\n', "party 2: 'port' is not a known field"),
        (ALICE + '[[party]]\nname = "bob"\n', "'certificate' is missing"),
        (ALICE + BOB.replace('"bob"', '"b b"'), "1 to 40 letters"),
        (ALICE + BOB.replace("bob.crt", "none.crt"), "none.crt"),
        (ALICE.replace(":9001", "") + BOB, "party 1"),
        (BOB + ALICE, "'bob' has no address"),
    ],
)
def test_malformed_parties_files_name_the_entry(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        parties.load(write(tmp_path, text))


@pytest.mark.parametrize("text", [ALICE, ALICE + ALICE, ALICE + BOB.replace("keys/bob", "keys/alice")])
def test_rosters_that_cannot_compute(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        parties.load(write(tmp_path, text))
