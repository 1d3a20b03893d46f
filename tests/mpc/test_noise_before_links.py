"""All noise of a run is drawn before there are links, so that the time of a draw delays no message.

A spying entropy notes its reads and a spying network notes the links and messages, in one list for each party.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest
from support.mpc_memory import NOBODY, Hub, MemoryMesh, instead_of_mpyc
from support.mpc_network import roster

from dpselect.privacy import NeighbouringRelation
from mpc import functions, noise, session
from mpc.function_plan import plan_largest
from mpc.functions import run_function
from mpc.parties import PartyList
from mpc.plan import NoiseGuarantee, plan_sum
from mpc.session import run_sum
from mpc.terms import Function
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy

LINKS, NOISE, OTHER, SENT = "links", "bits of noise", "other bits", "message"


class SpyingEntropy(SystemEntropy):
    """Notes each read, and whether it is for noise."""

    def __init__(self, events: list[str]) -> None:
        self.events, self.drawing = events, False

    def read(self, size: int) -> bytes:
        self.events.append(NOISE if self.drawing else OTHER)
        return super().read(size)


@dataclass
class Spies:
    """A run in memory, and what happened at each party, in order."""

    hub: Hub
    events: dict[str, list[str]] = field(default_factory=dict)

    def run(self, people: PartyList, run: Callable[[str, SpyingEntropy], object]) -> None:
        self.events = {party.name: [] for party in people.parties}
        self.hub.together(people, lambda name: run(name, SpyingEntropy(self.events[name])))

    def assert_noise_first(self, name: str, noisy: bool) -> None:
        events = self.events[name]
        before, after = events[: events.index(LINKS)], events[events.index(LINKS) :]
        assert (NOISE in before) is noisy
        assert NOISE not in after
        assert SENT in after


@pytest.fixture
def spies(monkeypatch: pytest.MonkeyPatch) -> Spies:
    found, sampler = Spies(Hub(monkeypatch)), noise.negative_binomials

    class SpyingMesh(MemoryMesh):
        def __init__(self, people: PartyList, me: str, *_: object) -> None:
            self.seen = found.events[me]
            self.seen.append(LINKS)
            super().__init__(found.hub, people, me)

        def send(self, peer: str, frame: Frame) -> None:
            self.seen.append(SENT)
            super().send(peer, frame)

    def draw(entropy: SpyingEntropy, *arguments: Any) -> Any:
        entropy.drawing = True
        drawn = sampler(entropy, *arguments)
        entropy.drawing = False
        return drawn

    for module in (functions, session):
        monkeypatch.setattr(module, "Mesh", SpyingMesh)
    monkeypatch.setattr(noise, "negative_binomials", draw)
    instead_of_mpyc(monkeypatch)
    return found


@pytest.mark.parametrize("servers", [0, 3])
def test_a_noisy_winner(servers: int, spies: Spies) -> None:
    people = roster(3, servers)
    names = ["a", "b"]
    plan = plan_largest(
        Function.ARGMAX, people, decimals=0, bound=Fraction(9), candidates=names, epsilon=Fraction(1, 10)
    )

    def run(name: str, entropy: SpyingEntropy) -> object:
        return run_function(people, name, NOBODY, plan, [1, 0] if people[name].inputs else None, entropy)

    spies.run(people, run)
    for party in people.parties:
        spies.assert_noise_first(party.name, noisy=party.computes)


@pytest.mark.parametrize("function", [Function.SUM, Function.MEAN])
@pytest.mark.parametrize("servers", [0, 2])
def test_a_noisy_sum(function: Function, servers: int, spies: Spies) -> None:
    people = roster(3, servers)
    guarantee = NoiseGuarantee(Fraction(1, 2), NeighbouringRelation.REPLACE, Fraction(0), Fraction(60), 1)
    plan = plan_sum(function, people, length=2, decimals=0, guarantee=guarantee)

    def run(name: str, entropy: SpyingEntropy) -> object:
        values = plan.encode([Fraction(41), Fraction(7)], entropy) if people[name].inputs else None
        return run_sum(people, name, NOBODY, plan.terms, values, entropy)

    spies.run(people, run)
    for party in people.parties:
        spies.assert_noise_first(party.name, noisy=party.inputs)
