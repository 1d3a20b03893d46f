from __future__ import annotations

import pytest
from support.mpc_network import NAMES, Network, roster, terms

from mpc.messages import Cause, Failure, Message
from mpc.parties import PartyList
from mpc.securesum import CHUNK_BYTES, SecureSum
from mpc.terms import MpcTerms
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError, TransportError, UsageError

RAISES = {"alice": 3800, "bob": 2514, "carlos": 2982, "david": 3390}


def machines(values: dict[str, list[int]], servers: int = 0, **changes: object) -> dict[str, SecureSum]:
    people = roster(len(values), servers)
    agreed = terms(len(next(iter(values.values()))), **changes)  # type: ignore[arg-type]
    return {p.name: SecureSum(people, p.name, agreed, values.get(p.name), SystemEntropy()) for p in people.parties}


@pytest.mark.parametrize("servers", [0, 2, 3])
@pytest.mark.parametrize("seed", range(20))
def test_four_engineers_in_any_order_of_delivery(servers: int, seed: int) -> None:
    network = Network(machines({n: [v] for n, v in RAISES.items()}, servers), seed)
    network.connect_all()
    network.run()
    for machine in network.machines.values():
        assert machine.failure is None
        assert machine.finished
        assert machine.totals is not None
        assert [int(v) for v in machine.totals] == [12686]


@pytest.mark.parametrize("modulus", [1 << 64, 1 << 90])
def test_long_vectors_travel_in_chunks(modulus: int) -> None:
    length = CHUNK_BYTES // 8 * 2 + 17 if modulus == 1 << 64 else CHUNK_BYTES // 12 + 5
    values = {n: [i * k - 40 for k in range(length)] for i, n in enumerate(NAMES[:3])}
    network = Network(machines(values, modulus=modulus))
    network.connect_all()
    network.run()
    expected = [(0 + 1 + 2) * k - 120 for k in range(length)]
    for machine in network.machines.values():
        assert machine.totals is not None
        assert [int(v) for v in machine.totals] == [e % modulus for e in expected]


def test_message_count_is_the_articles() -> None:
    network = Network(machines({n: [v] for n, v in RAISES.items()}))
    network.connect_all()
    network.run()
    sent = [item.frame.type for _, item in network.log]
    assert sent.count(Message.SHARE) + sent.count(Message.PARTIAL) == 24


def other_terms(people: PartyList, who: str, agreed: dict[str, MpcTerms]) -> dict[str, SecureSum]:
    return {
        p.name: SecureSum(people, p.name, agreed.get(p.name, terms()), [1] if p.inputs else None, SystemEntropy())
        for p in people.parties
    }


@pytest.mark.parametrize("servers", [0, 2])
@pytest.mark.parametrize("seed", range(10))
def test_differing_terms_are_named_on_all_sides_and_nothing_is_shared(servers: int, seed: int) -> None:
    odd = terms(bound="7", unit="0.01")
    network = Network(other_terms(roster(4, servers), "carlos", {"carlos": odd}), seed)
    network.connect_all()
    network.run()
    for name, machine in network.machines.items():
        assert machine.failure is not None, name
        assert machine.failure.cause is Cause.TERMS
        assert machine.failure.terms == ("bound", "unit")
        assert "carlos" in (machine.failure.party, machine.failure.by)
        assert isinstance(machine.failure.error(), RemoteError)
        assert "the bound (--bound); the decimal places (--decimals)" in str(machine.failure.error())
    assert not any(item.frame.type in (Message.SHARE, Message.PARTIAL) for _, item in network.log)


@pytest.mark.parametrize("servers", [0, 2])
@pytest.mark.parametrize("after", range(0, 60, 3))
def test_a_party_that_dies_is_named_on_all_sides(servers: int, after: int) -> None:
    network = Network(machines({n: [v] for n, v in RAISES.items()}, servers), after)
    network.connect_all()
    for _ in range(after):
        network.step()
    network.kill("bob")
    network.run()
    survivors = [m for n, m in network.machines.items() if n != "bob"]
    for machine in survivors:
        if machine.failure is None:  # it died too late to matter to this party, which then holds the sum and says so
            assert machine.totals is not None
            assert machine.finished
        else:
            assert (machine.failure.cause, machine.failure.party) == (Cause.LOST, "bob")
            assert isinstance(machine.failure.error(), TransportError)
            assert machine.totals is None


def test_no_partial_sum_leaves_before_every_share_is_in() -> None:
    for seed in range(30):
        network = Network(machines({n: [v] for n, v in RAISES.items()}), seed)
        network.connect_all()
        seen, partials = 0, 0
        while network.step():
            for sender, item in network.log[seen:]:
                if item.frame.type == Message.PARTIAL:
                    partials += 1
                    assert not any(Message.SHARE in p.expects for p in network.machines[sender]._peers.values())
            seen = len(network.log)
        assert partials == 12


def test_a_missing_party_is_named() -> None:
    network = Network(machines({n: [v] for n, v in RAISES.items()}))
    network.connect_all(without=["david"])
    network.run()
    alice = network.machines["alice"]
    network.post("alice", alice.expired())
    network.run()
    for name in ("alice", "bob", "carlos"):
        failure = network.machines[name].failure
        assert failure is not None
        assert (failure.cause, failure.party, failure.by) == (Cause.MISSING, "david", "alice")
    assert not any(item.frame.type == Message.SHARE for _, item in network.log)


def test_a_silent_party_is_named() -> None:
    network = Network(machines({n: [v] for n, v in RAISES.items()}))
    network.connect_all()
    network.dead.add("carlos")  # takes nothing any more, and so sends nothing beyond its terms
    network.run()
    network.post("bob", network.machines["bob"].expired())
    network.run()
    for name in ("alice", "bob", "david"):
        failure = network.machines[name].failure
        assert failure is not None
        assert (failure.cause, failure.party) == (Cause.LATE, "carlos")


HOSTILE = [
    Frame(Message.SHARE, bytes(8)),  # before the terms
    Frame(Message.TERMS, b"{}"),
    Frame(Message.TERMS, b"[1]"),
    Frame(Message.TERMS, b'{"terms":{},"seed":"00","seed":"00"}'),
    Frame(Message.TERMS, b"\xff" * 70000),
    Frame(Message.DONE, b""),
    Frame(Message.ABORT, b"{}"),
    Frame(Message.ABORT, b'{"by":"\\u001b[2J","cause":"LOST","party":"alice","terms":[]}'),
    Frame(0x00, b""),
    Frame(0xFF, b"x"),
]


@pytest.mark.parametrize("frame", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_first_messages_end_the_run_with_the_senders_name(frame: Frame) -> None:
    machine = machines({n: [v] for n, v in RAISES.items()})["alice"]
    machine.connected("bob")
    machine.received("bob", frame)
    assert machine.failure is not None
    assert (machine.failure.cause, machine.failure.party) == (Cause.PROTOCOL, "bob")


@pytest.mark.parametrize("payload", [bytes(7), bytes(16), b"", bytes(24)])
def test_a_vector_of_the_wrong_length_is_refused(payload: bytes) -> None:
    network = Network(machines({n: [v] for n, v in RAISES.items()}))
    network.connect_all()
    alice, bob = network.machines["alice"], network.machines["bob"]
    alice.received("bob", bob.connected("alice")[0].frame)
    assert alice.failure is None
    alice.received("bob", Frame(Message.SHARE, payload))
    assert alice.failure is not None
    assert alice.failure.cause is Cause.PROTOCOL


def test_what_a_party_says_must_fit_its_role() -> None:
    people = roster(2, servers=2)
    with pytest.raises(UsageError):
        SecureSum(people, "server0", terms(), [1], SystemEntropy())
    with pytest.raises(UsageError):
        SecureSum(people, "alice", terms(), None, SystemEntropy())
    with pytest.raises(UsageError):
        SecureSum(people, "alice", terms(length=2), [1], SystemEntropy())


def secrets_of(machine: SecureSum) -> list[object]:
    kept = [machine._values, machine._own_share, *machine._shares.values()]
    return [k for k in kept if k is not None]


@pytest.mark.parametrize("servers", [0, 2])
def test_numbers_and_shares_are_dropped_once_they_are_sent(servers: int) -> None:
    network = Network(machines({n: [v] for n, v in RAISES.items()}, servers))
    assert [len(secrets_of(network.machines[n])) for n in RAISES] == [1] * 4
    network.connect_all()
    network.run()
    assert [secrets_of(m) for m in network.machines.values()] == [[]] * len(network.machines)


@pytest.mark.parametrize("after", range(0, 40, 4))
def test_numbers_and_shares_are_dropped_when_a_run_fails(after: int) -> None:
    network = Network(machines({n: [v] for n, v in RAISES.items()}), after)
    network.connect_all()
    for _ in range(after):
        network.step()
    alice = network.machines["alice"]
    alice.stopped()
    assert alice.failure is not None or alice.settled
    assert secrets_of(alice) == []
    assert alice._partials == {} or alice.settled


@pytest.mark.parametrize("cause", ["lost", "misbehaved", "abort", "stopped"])
def test_nothing_undoes_a_result(cause: str) -> None:
    network = Network(machines({n: [v] for n, v in RAISES.items()}))
    network.connect_all()
    alice = network.machines["alice"]
    while not alice.settled:
        network.step()
    open_ = [name for name, peer in alice._peers.items() if peer.expects]
    peer = open_[0] if open_ else "bob"
    out = {
        "lost": lambda: alice.lost(peer),
        "misbehaved": lambda: alice.misbehaved(peer),
        "abort": lambda: alice.received(peer, Failure(Cause.INPUT, peer, peer).frame()),
        "stopped": alice.stopped,
    }[cause]()
    assert out == []
    assert alice.failure is None
    assert alice.totals is not None
    assert [int(v) for v in alice.totals] == [12686]
    assert open_ == list(alice.unconfirmed)


def test_a_failure_is_told_once_to_each_and_nothing_follows() -> None:
    network = Network(machines({n: [v] for n, v in RAISES.items()}))
    network.connect_all()
    alice = network.machines["alice"]
    told = alice.misbehaved("bob")
    assert sorted(o.peer for o in told) == ["bob", "carlos", "david"]
    first = alice.failure
    for out in (alice.misbehaved("carlos"), alice.lost("carlos"), alice.expired(), alice.stopped()):
        assert out == []
    assert alice.received("carlos", Failure(Cause.LOST, "david", "carlos").frame()) == []
    assert alice.failure == first == Failure(Cause.PROTOCOL, "bob", "alice")
    (late,) = alice.connected("david")
    assert first is not None
    assert late.frame == first.frame()


@pytest.mark.parametrize("servers", [0, 2, 3])
def test_who_talks_to_whom_and_who_waits(servers: int) -> None:
    people = roster(3, servers)
    for a in people.parties:
        peers = {p.name for p in people.peers(a.name)}
        assert peers == {b.name for b in people.parties if b is not a and (a.computes or b.computes)}
        for name in peers:
            assert people.listens(a.name, name) != people.listens(name, a.name)
            assert people[a.name if people.listens(a.name, name) else name].computes
