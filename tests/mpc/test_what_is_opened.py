"""What a party can see: one value is opened, and of all that leaves only masked shares depend on the inputs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.mpc_network import Network, roster, terms

from mpc.function_plan import FunctionPlan, plan_largest, plan_threshold
from mpc.functions import _EVALUATORS, evaluate
from mpc.messages import Message
from mpc.mpyc_bridge import Bridge
from mpc.securesum import SecureSum
from mpc.sharing import Modulus
from mpc.terms import Function

# -- inside MPyC -------------------------------------------------------------------------------------------------------


def plan_of(function: Function, length: int = 1, at_least: int = 0) -> FunctionPlan:
    people = roster(5)
    if function is Function.THRESHOLD:
        return plan_threshold(people, decimals=0, bound=Fraction(50), at_least=Fraction(at_least))
    names = [f"c{i}" for i in range(length)]
    candidates = names if function is Function.ARGMAX else None
    return plan_largest(function, people, decimals=0, bound=Fraction(50), candidates=candidates)


def evaluated(plan: FunctionPlan, totals: Sequence[int], order: Sequence[int] | None = None) -> int:
    """The function by MPyC itself, one party computing, whose share is the total."""
    bridge = Bridge(0, 1, lambda *_: None)
    try:
        share = [t % plan.terms.modulus for t in totals]
        placed = None if order is None else np.array(order)
        return bridge.loop.run_until_complete(evaluate(bridge.runtime, plan, share, placed))
    finally:
        bridge.close()


@pytest.mark.parametrize("at_least", [-7, -1, 0, 1, 2, 50, 250])
def test_a_threshold_is_reached_by_exactly_that_and_not_by_one_less(at_least: int) -> None:
    plan = plan_of(Function.THRESHOLD, at_least=at_least)
    assert [evaluated(plan, [at_least + d]) for d in (-1, 0, 1)] == [0, 1, 1]


def test_thresholds_at_the_ends_of_the_range() -> None:
    plan = plan_of(Function.THRESHOLD, at_least=250)
    assert [evaluated(plan, [t]) for t in (-250, 249, 250)] == [0, 0, 1]
    plan = plan_of(Function.THRESHOLD, at_least=-250)
    assert [evaluated(plan, [t]) for t in (-250, 250)] == [1, 1]


@pytest.mark.parametrize("totals", [[3, 7, -2, 7, 0], [-5, -4, -50, -9, -6], [0, 0, 0, 0, 0], [50, -50, 49, 50, 1]])
def test_the_largest_number(totals: list[int]) -> None:
    assert evaluated(plan_of(Function.MAX), totals) == max(totals)


@pytest.mark.parametrize("totals", [[3, 7, 7], [-5, -4, -50], [0, 0, 0], [9, 9, 1], [250, -250, 249]])
def test_of_equal_totals_the_first_in_the_public_order_wins(totals: list[int]) -> None:
    plan = plan_of(Function.ARGMAX, 3)
    for order in itertools.permutations(range(3)):
        assert evaluated(plan, totals, order) == max(order, key=lambda i: (totals[i], -order.index(i)))


class Secret:
    """A shared number that notes what is done with it; comparisons and sums are shared numbers again."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __ge__(self, other: object) -> Secret:
        return Secret(f"{self.name}>={other}")

    def __add__(self, other: object) -> Secret:
        return Secret(f"{self.name}+{getattr(other, 'name', other)}")

    def __int__(self) -> int:
        raise AssertionError("a shared number was used in the clear")

    __bool__ = __index__ = __int__


class Watched:
    """MPyC as `evaluate` uses it, with nothing behind it. `opened`: what would be shown to everyone, and how."""

    def __init__(self, parties: int) -> None:
        self.parties, self.entered = parties, 0
        self.opened: list[tuple[str, dict[str, Any]]] = []

    def SecInt(self, _bits: int, _modulus: int) -> Any:
        return lambda value: Secret(f"s{value}")

    def input(self, own: list[Secret], senders: object = None) -> list[list[Secret]]:
        assert senders is None
        self.entered += 1
        return [[Secret(f"{n.name}p{i}") for n in own] for i in range(self.parties)]

    def sum(self, shares: list[Secret]) -> Secret:
        return Secret("sum(" + ",".join(s.name for s in shares) + ")")

    def max(self, totals: list[Secret]) -> Secret:
        return Secret("max(" + ",".join(t.name for t in totals) + ")")

    def argmax(self, totals: list[Secret]) -> tuple[Secret, Secret]:
        inside = ",".join(t.name for t in totals)
        return Secret(f"argmax({inside})"), Secret(f"max({inside})")

    async def output(self, secret: Any, **how: Any) -> int:
        assert isinstance(secret, Secret), "more than one value is opened"
        self.opened.append((secret.name, how))
        return 0


TOTALS = "sum(s11p0,s11p1,s11p2)", "sum(s12p0,s12p1,s12p2)"
OPENED = {
    Function.THRESHOLD: (plan_of(Function.THRESHOLD, at_least=4), [11], f"{TOTALS[0]}>=4"),
    Function.MAX: (plan_of(Function.MAX), [11, 12], f"max({','.join(TOTALS)})"),
    Function.ARGMAX: (plan_of(Function.ARGMAX, 2), [11, 12], f"argmax({','.join(TOTALS)})"),
}


@pytest.mark.parametrize("function", OPENED)
def test_one_value_is_opened_and_it_is_the_functions(function: Function) -> None:
    plan, share, opened = OPENED[function]
    runtime = Watched(3)
    with pytest.raises(StopIteration):
        evaluate(runtime, plan, share, None).send(None)
    assert runtime.opened == [(opened, {})]
    assert runtime.entered == 1


def test_every_function_that_is_computed_there_is_watched() -> None:
    assert OPENED.keys() == _EVALUATORS.keys() == {f for f in Function if not f.linear}


# -- the sharing round -------------------------------------------------------------------------------------------------


def sent(values: dict[str, int], servers: int, opens: bool) -> list[tuple[str, str, int, bytes]]:
    """Everything that is sent, in order, with the same random bits each time."""
    people = roster(len(values), servers)
    made = {
        p.name: SecureSum(
            people, p.name, terms(), [values[p.name]] if p.inputs else None, FixedEntropy(p.name), opens=opens
        )
        for p in people.parties
    }
    network = Network(made)
    network.connect_all()
    network.run()
    return [(s, o.peer, o.frame.type, bytes(o.frame.payload)) for s, o in network.log]


@pytest.mark.parametrize("servers", [0, 2, 3])
@pytest.mark.parametrize("opens", [True, False])
def test_only_shares_and_partial_sums_depend_on_the_inputs(servers: int, opens: bool) -> None:
    runs = [
        sent(dict(zip(("alice", "bob", "carlos"), v, strict=True)), servers, opens)
        for v in ((0, 0, 0), (1000000, -1, 77), (-1000000, 5, 5))
    ]
    for other in runs[1:]:
        assert [(s, r, kind, len(data)) for s, r, kind, data in other] == [
            (s, r, kind, len(data)) for s, r, kind, data in runs[0]
        ]
        for here, there in zip(runs[0], other, strict=True):
            if here[2] not in (Message.SHARE, Message.PARTIAL):
                assert here == there
    kinds = {kind for _, _, kind, _ in runs[0]}
    assert (Message.PARTIAL in kinds) == opens


@pytest.mark.parametrize("servers", [0, 2])
def test_a_partys_last_share_alone_depends_on_its_number(servers: int) -> None:
    """All shares but the last are drawn before the number is looked at, so they are the same for every number."""
    shares = []
    for value in (0, 1, -1000000):
        run = sent({"alice": value, "bob": 1, "carlos": 1}, servers, True)
        shares.append([data for s, _, kind, data in run if s == "alice" and kind == Message.SHARE])
    assert len({tuple(s[:-1]) for s in shares}) == 1
    assert len({s[-1] for s in shares}) == 3


@pytest.mark.parametrize("server", ["server0", "server1"])
def test_one_of_two_servers_sees_the_same_law_for_all_inputs_with_equal_sum(server: str) -> None:
    """Every choice of three parties' randomness modulo 3; the server pools what it sees with the party carlos."""
    modulus, honest = 3, ("alice", "bob")
    digits = np.array(list(itertools.product(range(modulus), repeat=2))).T

    class Choices:
        def __init__(self, column: np.ndarray) -> None:
            self.column = column

        def read(self, size: int) -> bytes:
            return bytes(size) if size == 32 else self.column.astype("<u8").tobytes()

    def law(a: int, b: int) -> tuple[object, ...]:
        people, count = roster(3, 2), digits.shape[1]
        inputs = {"alice": a, "bob": b, "carlos": 1}
        columns = {"alice": digits[0], "bob": digits[1], "carlos": np.full(count, 2)}
        made = {
            p.name: SecureSum(
                people,
                p.name,
                terms(count, modulus),
                [inputs[p.name]] * count if p.inputs else None,
                Choices(columns.get(p.name, digits[0])),
            )
            for p in people.parties
        }
        network = Network(made)
        network.connect_all()
        network.run()
        ring = Modulus(modulus)
        other = "server1" if server == "server0" else "server0"
        seen = [
            ring.unpack(o.frame.payload)
            for s, o in sorted(network.log, key=lambda item: (item[0], item[1].frame.type))
            if (o.frame.type == Message.SHARE and o.peer == server and s in honest)
            or (o.frame.type == Message.PARTIAL and s == other and o.peer == server)
        ]
        assert len(seen) == 3
        found, counts = np.unique(np.array(seen), axis=1, return_counts=True)
        return tuple(map(tuple, found.T.tolist())), tuple(counts.tolist())

    laws: dict[int, set[object]] = {}
    for a, b in itertools.product(range(modulus), repeat=2):
        laws.setdefault((a + b) % modulus, set()).add(law(a, b))
    assert [len(found) for found in laws.values()] == [1] * modulus
    assert len(set.union(*laws.values())) == modulus
