"""What binds a message to its party, its round and its run: links, names, terms, seeds and places."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import queue
import threading
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from support.mpc_memory import NOBODY, Hub, instead_of_mpyc
from support.mpc_network import Network, roster, terms

from dpselect.privacy import NeighbouringRelation
from mpc import functions
from mpc.function_plan import plan_largest, plan_threshold
from mpc.functions import run_function
from mpc.mesh import Connected, Lost, Mesh, Received
from mpc.messages import Cause, Failure, Message
from mpc.mpyc_bridge import Bridge, BridgeLink
from mpc.parties import PartyEntry, PartyList, PartyRole
from mpc.plan import NoiseGuarantee, plan_sum
from mpc.securesum import SecureSum
from mpc.terms import Function, MpcTerms, differing
from mpc.winner import public_order
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import PsiselectError, TransportError, UsageError

# -- links: a certificate is a name ------------------------------------------------------------------------------------


class Channel:
    """A link with the certificate `fingerprint` at its other end; it gives the frames, then breaks."""

    bytes_sent = bytes_received = 0

    def __init__(self, fingerprint: bytes, frames: Iterable[Frame] = ()) -> None:
        self.peer_fingerprint, self.frames, self.sent, self.closed = fingerprint, list(frames), list[Frame](), False

    def receive(self, _wait: float) -> Frame:
        if not self.frames:
            raise TransportError("over")
        return self.frames.pop(0)

    def send(self, frame: Frame) -> None:
        self.sent.append(frame)

    def close(self) -> None:
        self.closed = True


class Callers:
    """A listener with these callers."""

    def __init__(self, callers: list[Channel]) -> None:
        self.callers = callers

    def accept(self) -> Channel:
        if not self.callers:
            raise TransportError("nobody")
        return self.callers.pop(0)


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> Mesh:
    """A mesh without threads: what it would start runs at once."""
    monkeypatch.setattr(Mesh, "_start", staticmethod(lambda target, *args: target(*args)))
    made = Mesh.__new__(Mesh)
    made.events, made.problems, made._channels, made._closing = queue.SimpleQueue(), {}, {}, threading.Event()
    made._lock, made._me = threading.Lock(), "alice"
    return made


def events(links: Mesh) -> list[Any]:
    found = []
    while not links.events.empty():
        found.append(links.events.get())
    return found


def test_a_caller_is_who_its_certificate_says_in_any_order(links: Mesh) -> None:
    frame = Frame(Message.DONE, b"")
    expected = {b"B": "bob", b"C": "carlos", b"D": "david"}
    callers = [Channel(b"D", [frame]), Channel(b"B", [frame]), Channel(b"C")]
    links._accept(Callers(list(callers)), expected)  # type: ignore[arg-type]
    happened = events(links)
    assert [e for e in happened if isinstance(e, Connected)] == [
        Connected("david"),
        Connected("bob"),
        Connected("carlos"),
    ]
    assert [e for e in happened if isinstance(e, Received)] == [Received("david", frame), Received("bob", frame)]
    assert [e.peer for e in happened if isinstance(e, Lost)] == ["david", "bob", "carlos"]
    links.send("david", frame)
    assert [len(c.sent) for c in callers] == [1, 0, 0]
    with pytest.raises(TransportError, match="no connection to erin"):
        links.send("erin", frame)


def test_the_first_link_of_a_party_counts(links: Mesh) -> None:
    first, second, other = Channel(b"B"), Channel(b"B", [Frame(Message.DONE, b"")]), Channel(b"C")
    late = Channel(b"C", [Frame(Message.DONE, b"")])  # it comes when all are in
    links._accept(Callers([first, second, other, late]), {b"B": "bob", b"C": "carlos"})  # type: ignore[arg-type]
    assert not any(isinstance(e, Received) for e in events(links))
    assert links._channels == {"bob": first, "carlos": other}
    assert second.closed
    assert not first.closed
    assert [second.sent, first.sent] == [[Failure(Cause.LOST, "bob", "alice").frame()], []]
    assert late.closed
    assert late.sent == [Failure(Cause.LOST, "carlos", "alice").frame()]


# -- shares: from whom, in which round ---------------------------------------------------------------------------------


def test_a_peers_second_vector_does_not_stand_for_anothers() -> None:
    network = Network(
        {
            n: SecureSum(roster(3), n, terms(), [v], SystemEntropy())
            for n, v in (("alice", 1), ("bob", 2), ("carlos", 3))
        }
    )
    alice, bob = network.machines["alice"], network.machines["bob"]
    alice.connected("bob")
    alice.received("bob", bob.connected("alice")[0].frame)
    alice.received("bob", Frame(Message.SHARE, bytes(8)))
    assert alice.failure is None
    assert alice._awaiting(Message.SHARE)
    alice.received("bob", Frame(Message.SHARE, bytes(8)))
    assert alice.failure is not None
    assert alice.failure.party == "bob"


@pytest.mark.parametrize("servers", [0, 3])
def test_shares_and_partial_sums_are_taken_from_those_whose_they_are(servers: int) -> None:
    """Who sends what to whom, once each: nobody gets its own, servers get shares, all get partial sums."""
    people = roster(3, servers)
    network = Network(
        {p.name: SecureSum(people, p.name, terms(), [1] if p.inputs else None, SystemEntropy()) for p in people.parties}
    )
    network.connect_all()
    network.run()
    inputs, computing = [p.name for p in people.inputting], [p.name for p in people.computing]
    everyone = [p.name for p in people.parties]
    sent = sorted((s, o.peer, o.frame.type) for s, o in network.log if o.frame.type in (Message.SHARE, Message.PARTIAL))
    assert sent == sorted(
        [(s, r, Message.SHARE) for s in inputs for r in computing if s != r]
        + [(s, r, Message.PARTIAL) for s in computing for r in everyone if s != r]
    )


# -- terms: every part of the run --------------------------------------------------------------------------------------


def other(party: PartyEntry, **changes: Any) -> PartyEntry:
    return dataclasses.replace(party, **changes)


THREE = roster(3).parties
ROSTERS = {
    "another order": (THREE[1], THREE[0], THREE[2]),
    "another name": (other(THREE[0], name="alicia"), *THREE[1:]),
    "is not the certificate of your identity": (other(THREE[0], certificate=b"new"), *THREE[1:]),
    "another role": (*THREE[:2], other(THREE[2], role=PartyRole.INPUT)),
    "one less": THREE[:2],
    "certificates swapped": (
        other(THREE[0], certificate=THREE[1].certificate), other(THREE[1], certificate=THREE[0].certificate), THREE[2],
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", ROSTERS)
def test_terms_hold_who_takes_part_in_which_role_and_order(how: str) -> None:
    own = terms().record(roster(3))
    assert differing(own, terms().record(PartyList(ROSTERS[how]))) == ("parties",)
    assert differing(own, terms().record(roster(3))) == ()


def test_terms_hold_every_field_and_the_version() -> None:
    own = terms().record(roster(3))
    assert own.keys() == {f.name for f in dataclasses.fields(MpcTerms)} | {"parties", "version"}
    assert own["version"] == 1


BASE: dict[str, Any] = {"epsilon": Fraction(1), "lower": Fraction(0), "upper": Fraction(60), "colluding": 1}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"epsilon": Fraction(2)}, "epsilon"),
        ({"lower": Fraction(-60)}, "lower"),
        ({"upper": Fraction(59)}, "upper"),
        ({"colluding": 2}, "colluding"),
        ({"contributions": 2}, "contributions"),
        ({"sensitivity": Fraction(5)}, "sensitivity"),
    ],
)
def test_all_that_the_noise_depends_on_is_in_the_terms(changes: dict[str, Any], named: str) -> None:
    def record(fields: dict[str, Any], relation: NeighbouringRelation) -> dict[str, Any]:
        guarantee = NoiseGuarantee(neighbors=relation, **fields)
        return plan_sum(Function.SUM, roster(3), length=1, decimals=0, guarantee=guarantee).terms.record(roster(3))

    own = record(BASE, NeighbouringRelation.REPLACE)
    assert named in differing(own, record(BASE | changes, NeighbouringRelation.REPLACE))
    assert differing(own, record(BASE, NeighbouringRelation.ADD_REMOVE)) == ("neighbors",)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"candidates": ["a", "c"]}, ("labels",)),
        ({"candidates": ["b", "a"]}, ("labels",)),
        ({"candidates": ["a\0b", "c"]}, ("labels",)),
        ({"epsilon": Fraction(2)}, ("epsilon",)),
        ({"function": Function.MAX, "candidates": None, "epsilon": None}, ("colluding", "epsilon", "function")),
    ],
)
def test_all_that_a_vote_depends_on_is_in_the_terms(changes: dict[str, Any], named: tuple[str, ...]) -> None:
    def record(**fields: Any) -> dict[str, Any]:
        base = {"function": Function.ARGMAX, "candidates": ["a", "b"], "epsilon": Fraction(1)} | fields
        function = base.pop("function")
        plan = plan_largest(function, roster(3), decimals=0, bound=Fraction(9), **base)
        return plan.terms.record(roster(3))

    assert set(named) <= set(differing(record(), record(**changes)))


def test_a_threshold_is_in_the_terms() -> None:
    made = [
        plan_threshold(roster(3), decimals=0, bound=Fraction(9), at_least=Fraction(k)).terms.record(roster(3))
        for k in (2, 3)
    ]
    assert differing(*made) == ("at_least",)


# -- the public order: all servers' bytes, of this run, in one order --------------------------------------------------


KNOWN = [8, 4, 3, 6, 1, 2, 5, 10, 0, 11, 7, 9]


def test_every_seed_changes_the_order() -> None:
    seeds = [bytes([i]) * 32 for i in range(3)]
    orders = {tuple(public_order(b"".join(changed), 40).tolist()) for changed in itertools.permutations(seeds)}
    assert len(orders) == 6
    for i in range(96):
        flipped = bytearray(96)
        flipped[i] = 1
        assert public_order(bytes(flipped), 40).tolist() != public_order(bytes(96), 40).tolist()


def test_the_public_order_is_the_one_that_older_versions_draw() -> None:
    assert public_order(b"\x01" * 96, 12).tolist() == KNOWN


@pytest.mark.parametrize("servers", [0, 3])
def test_seeds_are_those_of_the_computing_parties_in_the_rosters_order(servers: int) -> None:
    people = roster(3, servers)
    made = {
        p.name: SecureSum(people, p.name, terms(), [1] if p.inputs else None, SystemEntropy(), opens=False)
        for p in people.parties
    }
    network = Network(made)
    network.connect_all()
    network.run()
    expected = b"".join(made[p.name].seed for p in people.computing)
    assert all(made[p.name].seeds == expected for p in people.computing)


def test_the_order_that_is_used_is_that_of_the_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[tuple[Function, list[int] | None]] = []

    async def evaluate(_runtime: object, plan: Any, _share: object, order: Any) -> int:
        used.append((plan.terms.function, None if order is None else order.tolist()))
        return 0

    class Machine:
        seeds = b"seeds" * 20
        failure = None

    class Driving:
        machine = Machine()

    monkeypatch.setattr(functions, "evaluate", evaluate)
    vote = plan_largest(Function.ARGMAX, roster(3), decimals=0, bound=Fraction(9), candidates=list("abcdef"))
    amount = plan_largest(Function.MAX, roster(3), decimals=0, bound=Fraction(9))
    for plan in (vote, amount):
        bridge = Bridge(0, 3, lambda *_: None)
        try:
            functions._value(bridge, plan, np.zeros(plan.terms.length, np.uint64), Driving())  # type: ignore[arg-type]
        finally:
            bridge.close()
    assert used == [(Function.ARGMAX, public_order(b"seeds" * 20, 6).tolist()), (Function.MAX, None)]


# -- places: whose number, and who is who inside MPyC ------------------------------------------------------------------


@pytest.mark.parametrize("servers", [0, 3])
def test_each_partys_one_number_is_in_its_own_place(servers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    people = roster(3, servers)
    plan = plan_largest(Function.ARGMAX, people, decimals=0, bound=Fraction(50))
    bids = {"alice": 11, "bob": 22, "carlos": 33}
    entered, hub = instead_of_mpyc(monkeypatch, 1), Hub(monkeypatch)
    outcomes = hub.together(
        people,
        lambda n: run_function(people, n, NOBODY, plan, [bids[n]] if n in bids else None, SystemEntropy()),
    )
    totals = [sum(int(share[i]) for _, share in entered.values()) % plan.terms.modulus for i in range(3)]
    assert totals == [11, 22, 33]
    assert {o.value for o in outcomes.values()} == {"bob"}


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_inside_mpyc_bytes_go_to_the_party_they_are_for(index: int) -> None:
    sent: list[tuple[int, bytes]] = []
    bridge = Bridge(index, 4, lambda peer, data: sent.append((peer, data)))
    try:
        bridge.loop.run_until_complete(asyncio.sleep(0))
        bridge.loop.run_until_complete(asyncio.sleep(0))
        # The lower of two parties speaks first, with its own index.
        assert [(peer, int.from_bytes(data[:2], "little")) for peer, data in sent] == [
            (peer, index) for peer in range(index + 1, 4)
        ]
        assert bridge._greeted == set(range(index + 1, 4))
        links = {peer: made.transport for peer, made in bridge._exchangers.items()}
        sent.clear()
        for peer, link in links.items():
            assert isinstance(link, BridgeLink)
            link.writelines([b"for ", str(peer).encode()])
        bridge.loop.run_until_complete(asyncio.sleep(0))
        assert sent == [(peer, f"for {peer}".encode()) for peer in links]
    finally:
        bridge.close()


def test_nobody_is_in_two_places() -> None:
    same = (THREE[0], other(THREE[1], certificate=THREE[0].certificate), THREE[2])
    with pytest.raises(UsageError, match="same certificate"):
        PartyList(same)
    with pytest.raises(PsiselectError, match="same name"):
        PartyList((THREE[0], other(THREE[1], name="alice")))
