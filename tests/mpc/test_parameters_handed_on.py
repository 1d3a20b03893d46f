"""What is handed to MPyC and to TLS: thresholds, masks, modulus, versions, certificates and deadlines."""

from __future__ import annotations

import asyncio
import math
import ssl
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support.mpc_network import roster
from support.mpc_processes import free_port

from mpc import mesh as mesh_module
from mpc.function_plan import FunctionPlan, plan_largest, plan_threshold
from mpc.functions import evaluate
from mpc.mesh import Connected, Mesh
from mpc.mpyc_bridge import STATISTICAL_BITS, Bridge
from mpc.parties import PartyEntry, PartyList, PartyRole
from mpc.terms import Function
from psi.identity.identity import Identity, PeerIdentity
from psi.transport import credentials, tls
from psi.transport.address import Address
from psi.transport.tlschannel import TlsChannel
from psiselect.base.errors import InputError, TransportError

NAMES = ("alice", "bob", "carlos")


@pytest.mark.parametrize(("parties", "threshold"), [(3, 1), (4, 1), (5, 2), (6, 2), (7, 3), (9, 4), (12, 5), (15, 7)])
def test_a_minority_learns_nothing_inside_mpyc(parties: int, threshold: int) -> None:
    bridge = Bridge(1, parties, lambda *_: None)
    try:
        runtime = bridge.runtime
        assert runtime.threshold == runtime.options.threshold == threshold
        assert threshold >= 1
        assert 2 * threshold < parties <= 2 * threshold + 2
        assert runtime.options.sec_param == 40
        assert runtime.options.no_prss == (math.comb(parties, threshold) > 500)
        assert runtime.options.no_async is False
        assert runtime.options.mix32_64bit is True
        assert runtime.pid == 1
        assert len(runtime.parties) == parties
    finally:
        bridge.close()


def entered(parties: int, value: int) -> list[int]:
    """What party 0 sends to each of the others when it enters `value` into MPyC."""
    sent: dict[int, bytes] = {}
    bridge = Bridge(0, parties, lambda peer, data: sent.update({peer: sent.get(peer, b"") + data}))
    try:
        plan = plan_threshold(roster(parties), decimals=0, bound=Fraction(9), at_least=None)
        bridge.loop.create_task(evaluate(bridge.runtime, plan, [value], None))
        for _ in range(20):
            bridge.loop.run_until_complete(asyncio.sleep(0))
        field = bridge.runtime.SecInt(plan.bits, plan.terms.modulus).field
        shares = []
        for peer, data in sent.items():
            greeting = 2 + 16 * len(bridge.runtime._prss_keys_to_peer(peer))
            shares.append(int(field.from_bytes(data[greeting + 12 :])[0]))
        assert len(shares) == parties - 1
        return shares
    finally:
        bridge.close()


@pytest.mark.parametrize("parties", [3, 4, 5])
def test_what_a_party_enters_is_not_what_it_sends(parties: int) -> None:
    """The shares of a number are random: 45 bits or more, so that two are equal once in 2^40 runs."""
    first, second = entered(parties, 5), entered(parties, 5)
    assert len({5, *first, *second}) == 1 + 2 * (parties - 1)


PLANS: dict[str, FunctionPlan] = {
    "threshold": plan_threshold(roster(5), decimals=2, bound=Fraction(100), at_least=None),
    "max": plan_largest(Function.MAX, roster(3), decimals=0, bound=Fraction(10**6)),
    "argmax": plan_largest(Function.ARGMAX, roster(4), decimals=0, bound=Fraction(1), candidates=["a", "b"]),
    "noisy argmax": plan_largest(
        Function.ARGMAX, roster(3), decimals=0, bound=Fraction(9), candidates=["a", "b"], epsilon=Fraction(1)
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_numbers_inside_mpyc_have_the_modulus_of_the_shares_and_room_for_the_mask(name: str) -> None:
    plan, asked = PLANS[name], []

    class Asked(Exception):
        pass

    class Runtime:
        @staticmethod
        def SecInt(bits: int, modulus: int) -> Any:
            asked.append((bits, modulus))
            raise Asked

    with pytest.raises(Asked):
        evaluate(Runtime, plan, [1], None).send(None)
    assert asked == [(plan.bits, plan.terms.modulus)]
    assert plan.terms.modulus.bit_length() == plan.bits + STATISTICAL_BITS + 2
    assert STATISTICAL_BITS == 40


def largest_difference(name: str) -> int:
    """How far what is compared can be apart, in units, by hand."""
    noisy = PLANS["noisy argmax"].noise
    assert noisy is not None
    apart = {
        "threshold": 5 * 10_000 + 250,
        "max": 2 * 10**6,
        "argmax": 2 * 4,
        "noisy argmax": 2 * (27 + noisy.reach(2)),
    }
    return apart[name]


@pytest.mark.parametrize("name", PLANS)
def test_differences_inside_mpyc_fit_with_a_bit_to_spare(name: str) -> None:
    """MPyC takes numbers from -2^(bits - 1) to 2^(bits - 1)."""
    assert largest_difference(name) < 1 << (PLANS[name].bits - 2)


def test_mpyc_says_nothing_and_takes_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the options of this program, which MPyC does not know and would end the process for."""
    monkeypatch.setattr("sys.argv", ["psiselect", "mpc", "max", "--party", "alice", "-T", "0"])
    bridge = Bridge(0, 5, lambda *_: None)
    try:
        assert (bridge.runtime.threshold, bridge.runtime.options.sec_param) == (2, 40)
        assert bridge.runtime.options.no_log is True
        assert not bridge.runtime._logging_enabled
    finally:
        bridge.close()


# -- TLS -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    folder: Path = tmp_path_factory.mktemp("keys")
    return {name: Identity.create(name, folder) for name in (*NAMES, "mallory")}


def listed(identities: dict[str, Identity], port: int = 9) -> PartyList:
    return PartyList(
        tuple(
            PartyEntry(n, PartyRole.BOTH, identities[n].public.der, Address("127.0.0.1", port + i))
            for i, n in enumerate(NAMES)
        )
    )


class Ends:
    """Stand-ins for the two ends of TLS; they note how they were called and connect to nobody."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.listened: list[tuple[str, Identity, list[PeerIdentity], float]] = []
        self.dialled: list[tuple[str, Identity, list[PeerIdentity], float]] = []
        self.called = threading.Semaphore(0)
        monkeypatch.setattr(mesh_module, "Listener", self.listener)
        monkeypatch.setattr(mesh_module, "connect", self.connect)
        monkeypatch.setattr(mesh_module, "_RETRY_SECONDS", 60)

    def listener(self, address: str, identity: Identity, peers: list[PeerIdentity], *, timeout: float) -> Ends:
        self.listened.append((address, identity, peers, timeout))
        return self

    def connect(self, address: str, identity: Identity, peers: list[PeerIdentity], *, timeout: float) -> TlsChannel:
        self.dialled.append((address, identity, peers, timeout))
        self.called.release()
        raise TransportError("nobody")

    def accept(self) -> TlsChannel:
        raise TransportError("nobody")

    def close(self) -> None:
        pass


def test_a_closed_mesh_does_not_wait_to_dial_again(
    identities: dict[str, Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may use the library for long: nothing of a session stays behind."""
    ends, before = Ends(monkeypatch), set(threading.enumerate())
    monkeypatch.setattr(mesh_module, "_RETRY_SECONDS", 3600)
    with Mesh(listed(identities), "carlos", identities["carlos"], 3600):
        assert ends.called.acquire(timeout=60)
        assert ends.called.acquire(timeout=60)
        dialling = [thread for thread in threading.enumerate() if thread not in before]
        assert len(dialling) == 2
    for thread in dialling:
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize(("me", "from_", "to"), [("alice", "bc", ""), ("bob", "c", "a"), ("carlos", "", "ab")])
def test_each_link_is_for_the_pinned_certificates_of_its_party_alone(
    me: str, from_: str, to: str, identities: dict[str, Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {n[0]: n for n in NAMES}
    people, ends = listed(identities), Ends(monkeypatch)
    with Mesh(people, me, identities[me], 33):
        for _ in to:
            assert ends.called.acquire(timeout=60)
    listening = [(a, i.fingerprint, {p.fingerprint for p in peers}, t) for a, i, peers, t in ends.listened]
    expected = {identities[names[n]].fingerprint for n in from_}
    assert listening == ([(str(people[me].address), identities[me].fingerprint, expected, 33)] if from_ else [])
    dialled = {address: [p.fingerprint for p in peers] for address, _, peers, _ in ends.dialled}
    assert dialled == {str(people[names[n]].address): [identities[names[n]].fingerprint] for n in to}
    assert all(i.fingerprint == identities[me].fingerprint and 30 < t <= 33 for _, i, _, t in ends.dialled)


def test_a_party_with_another_certificate_than_its_own_does_not_start(
    identities: dict[str, Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = Ends(monkeypatch)
    for wrong in ("bob", "mallory"):
        with pytest.raises(InputError, match="the parties file lists for 'alice' is not"):
            Mesh(listed(identities), "alice", identities[wrong], 5)
    assert ends.listened == ends.dialled == []


def test_links_are_tls_1_3_with_certificates_at_both_ends(
    identities: dict[str, Identity], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, ssl.SSLContext, list[bytes]]] = []
    links: list[ssl.SSLObject] = []
    original, done = tls.make_context, tls.handshake_done

    def make(side: Any, identity: Identity, pins: Any) -> ssl.SSLContext:
        context = original(side, identity, pins)
        made.append((side.name, context, list(pins)))
        return context

    def handshake_done(tls_object: ssl.SSLObject) -> None:
        links.append(tls_object)
        done(tls_object)

    for module in (tls, credentials):
        monkeypatch.setattr(module, "make_context", make)
    monkeypatch.setattr(tls, "handshake_done", handshake_done)
    people = PartyList(listed(identities, free_port()).parties[:2])
    with Mesh(people, "alice", identities["alice"], 60) as here, Mesh(people, "bob", identities["bob"], 60) as there:
        assert here.events.get(timeout=60) == Connected("bob")
        assert there.events.get(timeout=60) == Connected("alice")
        assert [s.version() for s in links] == ["TLSv1.3"]
        assert not any(s.session_reused for s in links)
    others = {"LISTENER": "bob", "CONNECTOR": "alice"}
    assert {side for side, _, _ in made} == set(others)
    for side, context, pins in made:
        assert context.minimum_version == ssl.TLSVersion.TLSv1_3
        assert context.maximum_version in (ssl.TLSVersion.MAXIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_3)
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.options & ssl.OP_NO_TICKET
        assert context.options & ssl.OP_NO_COMPRESSION
        assert pins == [identities[others[side]].fingerprint]
        assert context.cert_store_stats()["x509"] == 1
        if side == "LISTENER":
            assert context.num_tickets == 0
