"""All parties of a run in one process: threads, and links in memory in place of TLS."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from mpc import functions, session
from mpc.function_plan import FunctionPlan
from mpc.mesh import Connected, Event, Lost, Received
from mpc.parties import PartyList
from mpc.sharing import Residues
from psi.identity.identity import Identity
from psi.transport.wire import Frame
from psiselect.base.errors import TransportError

_Result = TypeVar("_Result")


class Hub:
    """The links of one run. `log`: (sender, receiver, frame), in the order of sending."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.meshes: dict[str, MemoryMesh] = {}
        self.lock = threading.Lock()
        self.log: list[tuple[str, str, Frame]] = []
        for module in (functions, session):
            monkeypatch.setattr(module, "Mesh", lambda roster, me, *_: MemoryMesh(self, roster, me))

    def together(self, roster: PartyList, run: Callable[[str], _Result]) -> dict[str, _Result]:
        """`run` of every party's name, all at once. Where one fails, the others lose their link to it."""

        def attempt(name: str) -> _Result:
            try:
                return run(name)
            except BaseException:
                for peer in roster.peers(name):
                    if peer.name in self.meshes:
                        self.meshes[peer.name].events.put(Lost(name, TransportError("it failed")))
                raise

        with ThreadPoolExecutor(len(roster.parties)) as pool:
            begun = {p.name: pool.submit(attempt, p.name) for p in roster.parties}
        return {name: future.result() for name, future in begun.items()}


class MemoryMesh:
    """One party's links: what `mpc.mesh.Mesh` is to a driver."""

    bytes_sent = bytes_received = 0

    def __init__(self, hub: Hub, roster: PartyList, me: str) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.problems: dict[str, str] = {}
        self._hub, self._me = hub, me
        with hub.lock:
            hub.meshes[me] = self  # first: a peer that hears of the link may send at once
            for peer in roster.peers(me):
                if peer.name in hub.meshes:
                    self.events.put(Connected(peer.name))
                    hub.meshes[peer.name].events.put(Connected(me))

    def send(self, peer: str, frame: Frame) -> None:
        kept = Frame(frame.type, bytes(frame.payload))
        self._hub.log.append((self._me, peer, kept))
        self._hub.meshes[peer].events.put(Received(self._me, kept))

    def __enter__(self) -> MemoryMesh:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class StubMesh:
    """Links to nobody: a test puts the events in, and reads what was sent."""

    bytes_sent = bytes_received = 0

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.problems: dict[str, str] = {}
        self.sent: list[tuple[str, Frame]] = []

    def send(self, peer: str, frame: Frame) -> None:
        self.sent.append((peer, frame))


def instead_of_mpyc(monkeypatch: pytest.MonkeyPatch, answer: int = 0) -> dict[str, tuple[Residues | None, Residues]]:
    """In place of MPyC every computing party answers `answer`. Returns, by name, the additive share of the result of
    the sharing round, and the share that would have gone into MPyC."""
    entered: dict[str, tuple[Residues | None, Residues]] = {}

    def compute(phase: functions._Phase, _plan: FunctionPlan, share: Residues) -> int:
        machine = phase._driver.machine
        entered[machine.me.name] = (machine.partial, share)
        return answer

    monkeypatch.setattr(functions._Phase, "compute", compute)
    return entered


NOBODY: Identity = None  # type: ignore[assignment]  # links in memory have no certificates
