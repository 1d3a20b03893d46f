"""A roster without certificates, and a network in memory that delivers in any order the test likes."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence

from mpc.messages import Outgoing
from mpc.parties import PartyEntry, PartyList, PartyRole
from mpc.securesum import SecureSum
from mpc.terms import Function, MpcTerms

NAMES = ("alice", "bob", "carlos", "david", "erin", "frank", "grace")


def roster(count: int, servers: int = 0) -> PartyList:
    """`count` parties that all do everything, or that input only, to `servers` servers."""
    role = PartyRole.INPUT if servers else PartyRole.BOTH
    parties = [PartyEntry(NAMES[i], role, f"cert {i}".encode()) for i in range(count)]
    return PartyList(
        tuple(
            parties + [PartyEntry(f"server{i}", PartyRole.SERVER, f"server cert {i}".encode()) for i in range(servers)]
        )
    )


def terms(length: int = 1, modulus: int = 1 << 64, **changes: object) -> MpcTerms:
    """Terms of a plain sum."""
    fields: dict[str, object] = {"function": Function.SUM, "unit": "1", "bound": "1000000"} | changes
    return MpcTerms(length=length, modulus=modulus, **fields)  # type: ignore[arg-type]


class Network:
    """Links with one queue for each direction; delivers one frame at a time, the link drawn at random."""

    def __init__(self, machines: dict[str, SecureSum], seed: int = 0) -> None:
        self.machines = machines
        self.random = random.Random(seed)
        self.queues: dict[tuple[str, str], deque[Outgoing]] = {}
        self.log: list[tuple[str, Outgoing]] = []
        self.dead: set[str] = set()

    def connect_all(self, without: Sequence[str] = ()) -> None:
        for name, machine in self.machines.items():
            for peer in machine.roster.peers(name):
                if name not in without and peer.name not in without:
                    self.post(name, machine.connected(peer.name))

    def post(self, sender: str, out: list[Outgoing]) -> None:
        for item in out:
            self.log.append((sender, item))
            self.queues.setdefault((sender, item.peer), deque()).append(item)

    def step(self) -> bool:
        """Deliver one frame; False when none is under way."""
        ready = sorted(k for k, q in self.queues.items() if q and k[1] not in self.dead)
        if not ready:
            return False
        sender, receiver = self.random.choice(ready)
        item = self.queues[sender, receiver].popleft()
        self.post(receiver, self.machines[receiver].received(sender, item.frame))
        return True

    def run(self) -> None:
        while self.step():
            pass

    def kill(self, name: str) -> None:
        """The process dies: what it sent may still arrive, then its links end."""
        self.dead.add(name)
        for peer in self.machines[name].roster.peers(name):
            if peer.name not in self.dead:
                queue = self.queues.get((name, peer.name), deque())
                while queue:
                    self.post(peer.name, self.machines[peer.name].received(name, queue.popleft().frame))
                self.post(peer.name, self.machines[peer.name].lost(name))
