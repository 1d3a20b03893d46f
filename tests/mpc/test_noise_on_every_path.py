"""Noise is there, in the stated law, in each number and at each party, at exponents where its absence shows.

Each comparison raises a false alarm with probability below 1e-10; there are fewer than 500 of them in this file.
"""

from __future__ import annotations

import ast
from fractions import Fraction
from pathlib import Path

import pytest
from support import mpc_laws
from support.mpc_memory import NOBODY, Hub, instead_of_mpyc
from support.mpc_network import roster

import mpc
from dpselect.privacy import NeighbouringRelation
from mpc.function_plan import FunctionPlan, plan_largest, plan_threshold
from mpc.functions import run_function
from mpc.noise import SharedNoise
from mpc.parties import PartyList
from mpc.plan import NoiseGuarantee, SumPlan, plan_sum
from mpc.session import run_sum
from mpc.terms import Function
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import UsageError

MANY = 4000
REPLACE, ADD_REMOVE = NeighbouringRelation.REPLACE, NeighbouringRelation.ADD_REMOVE
GROUPS = [(3, 1), (4, 2), (5, 4)]


def sum_plan(function: Function, parties: PartyList, colluding: int, exponent: Fraction, length: int) -> SumPlan:
    """A plan whose noise has `exponent` per unit: one party moves each of `length` numbers by up to 10 units."""
    epsilon = exponent * 10 * length
    guarantee = NoiseGuarantee(epsilon, REPLACE, Fraction(-5), Fraction(5), colluding)
    return plan_sum(function, parties, length=length, decimals=0, guarantee=guarantee)


def vote_plan(parties: PartyList, colluding: int, neighbors: NeighbouringRelation, epsilon: Fraction) -> FunctionPlan:
    names = [f"c{i}" for i in range(MANY)]
    return plan_largest(
        Function.ARGMAX,
        parties,
        decimals=0,
        bound=Fraction(9),
        candidates=names,
        epsilon=epsilon,
        neighbors=neighbors,
        colluding=colluding,
    )


@pytest.mark.parametrize("function", [Function.SUM, Function.MEAN])
@pytest.mark.parametrize(("parties", "colluding"), GROUPS)
def test_each_party_adds_its_share_to_each_number(function: Function, parties: int, colluding: int) -> None:
    exponent = Fraction(1, 2)
    plan = sum_plan(function, roster(parties), colluding, exponent, MANY)
    values = [Fraction(k % 5 - 2) for k in range(MANY)]
    drawn = [int(e - v) for e, v in zip(plan.encode(values, SystemEntropy()), values, strict=True)]
    law = mpc_laws.two_sided(Fraction(1, parties - colluding), exponent)
    mpc_laws.assert_follows(law, drawn)
    mpc_laws.assert_independent(law, drawn)


def test_a_single_number_is_noisy_too() -> None:
    plan = sum_plan(Function.SUM, roster(3), 1, Fraction(1, 4), 1)
    drawn = [plan.encode([Fraction(4)], SystemEntropy())[0] - 4 for _ in range(700)]
    mpc_laws.assert_follows(mpc_laws.two_sided(Fraction(1, 2), Fraction(1, 4)), drawn)


@pytest.mark.parametrize(("value", "clamped"), [(Fraction(-1000), -5), (Fraction(1000), 5), (Fraction("2.5"), 3)])
def test_noise_is_added_to_the_clamped_and_rounded_value(value: Fraction, clamped: int) -> None:
    plan = sum_plan(Function.SUM, roster(3), 1, Fraction(1, 2), MANY)
    drawn = [e - clamped for e in plan.encode([value] * MANY, SystemEntropy())]
    mpc_laws.assert_follows(mpc_laws.two_sided(Fraction(1, 2), Fraction(1, 2)), drawn)


@pytest.mark.parametrize("servers", [0, 2])
def test_a_released_sum_holds_the_noise_of_all_parties(servers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    people, exponent = roster(3, servers), Fraction(1, 2)
    plan = sum_plan(Function.SUM, people, 1, exponent, MANY)
    hub = Hub(monkeypatch)

    def run(name: str) -> list[int]:
        values = plan.encode([Fraction(1)] * MANY, SystemEntropy()) if people[name].inputs else None
        return list(run_sum(people, name, NOBODY, plan.terms, values, SystemEntropy()).totals)

    totals = hub.together(people, run)
    assert len({tuple(t) for t in totals.values()}) == 1
    noise = [t - 3 for t in next(iter(totals.values()))]
    mpc_laws.assert_follows(mpc_laws.two_sided(Fraction(3, 2), exponent), noise, kept=12)


@pytest.mark.parametrize(
    ("count", "servers", "colluding", "neighbors", "epsilon"),
    [(3, 0, 1, ADD_REMOVE, "1/2"), (3, 0, 1, REPLACE, "1"), (5, 0, 2, REPLACE, "1"), (2, 3, 1, REPLACE, "1")],
)
def test_each_server_adds_its_share_to_each_candidate(
    count: int,
    servers: int,
    colluding: int,
    neighbors: NeighbouringRelation,
    epsilon: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = roster(count, servers)
    plan = vote_plan(people, colluding, neighbors, Fraction(epsilon))
    entered, hub = instead_of_mpyc(monkeypatch, 7), Hub(monkeypatch)
    votes = [k % 3 for k in range(MANY)]
    outcomes = hub.together(
        people,
        lambda name: run_function(people, name, NOBODY, plan, votes if people[name].inputs else None, SystemEntropy()),
    )
    assert {o.value for o in outcomes.values()} == {"c7"}
    assert set(entered) == {p.name for p in people.computing}
    modulus = plan.terms.modulus
    size, exponent = Fraction(1, len(people.computing) - colluding), Fraction(1, 2)  # of each relation, as chosen above
    total = [0] * MANY
    for partial, share in entered.values():
        assert partial is not None
        drawn = [(int(s) - int(p)) % modulus for s, p in zip(share, partial, strict=True)]
        law = mpc_laws.one_sided(size, exponent)
        mpc_laws.assert_follows(law, drawn)
        mpc_laws.assert_independent(law, drawn)
        total = [t + int(s) for t, s in zip(total, share, strict=True)]
    noise = [t % modulus - v * len(people.inputting) for t, v in zip(total, votes, strict=True)]
    together = len(people.computing) * size
    mpc_laws.assert_follows(mpc_laws.one_sided(together, exponent), noise)


def test_without_an_epsilon_the_shares_go_on_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    people = roster(3)
    plan = plan_largest(Function.ARGMAX, people, decimals=0, bound=Fraction(9), candidates=["a", "b"])
    entered, hub = instead_of_mpyc(monkeypatch), Hub(monkeypatch)
    hub.together(people, lambda name: run_function(people, name, NOBODY, plan, [1, 2], SystemEntropy()))
    for partial, share in entered.values():
        assert partial is not None
        assert share.tolist() == partial.tolist()


def test_functions_without_noise_take_no_epsilon() -> None:
    with pytest.raises(UsageError, match="approval votes"):
        plan_largest(Function.MAX, roster(3), decimals=0, bound=Fraction(9), epsilon=Fraction(1))
    with pytest.raises(UsageError, match="approval votes"):
        plan_largest(Function.ARGMAX, roster(3), decimals=0, bound=Fraction(9), epsilon=Fraction(1))
    assert plan_threshold(roster(3), decimals=0, bound=Fraction(9), at_least=None).noise is None


@pytest.mark.parametrize("parties", [2, 3, 8])
@pytest.mark.parametrize("colluding", [1, 2, 7])
def test_both_kinds_of_share_have_the_stated_law(parties: int, colluding: int) -> None:
    if colluding >= parties:
        return
    noise = SharedNoise(parties, colluding, Fraction(2, 5))
    size = Fraction(1, parties - colluding)
    mpc_laws.assert_follows(mpc_laws.one_sided(size, Fraction(2, 5)), noise.one_sided(SystemEntropy(), MANY))
    mpc_laws.assert_follows(mpc_laws.two_sided(size, Fraction(2, 5)), noise.two_sided(SystemEntropy(), MANY))


def test_every_place_that_draws_noise_is_tested_here() -> None:
    """A new caller of the samplers must be added to this file, with a test of its law."""
    callers = set()
    for file in Path(mpc.__file__).parent.glob("*.py"):
        for function in ast.walk(ast.parse(file.read_text())):
            if isinstance(function, ast.FunctionDef):
                called = {
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    for node in ast.walk(function)
                    if isinstance(node, ast.Call)
                }
                if called & {"one_sided", "two_sided", "negative_binomials"}:
                    callers.add((file.stem, function.name))
    assert callers == {
        ("noise", "two_sided"),
        ("noise", "one_sided"),
        ("plan", "encode"),
        ("functions", "run_function"),
    }
