"""Sessions in which the listening side's columns travel with each match."""

from __future__ import annotations

import dataclasses

import numpy as np

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Learner, Side
from psi.agreement.terms import Terms
from psi.protocol.outcome import Outcome
from psi.protocol.party import Party
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import I64, U8
from support.parties import pump, setup, terms

WIDTH = 64
OWN = [b"%d" % i for i in range(30)]
PEER = [b"%d" % i for i in range(18, 43)]
COMMON = set(OWN) & set(PEER)
AGREED = terms(chunk=8, columns=ColumnTerms((), ("c",)), label_bytes=WIDTH)
PADDED = dataclasses.replace(AGREED, pad_to=34)
BOTH = dataclasses.replace(AGREED, learn=Learner.BOTH, columns=ColumnTerms(("d",), ("c",)))


class Given:
    """A label that names its item; nothing for fillers."""

    width = WIDTH

    def __init__(self, items: list[bytes]) -> None:
        self._table = np.zeros((len(items) + 1, WIDTH), np.uint8)
        for row, item in enumerate(items):
            self._table[row, : len(item) + 6] = np.frombuffer(b"plan: " + item, np.uint8)

    def payloads(self, numbers: I64) -> U8:
        return self._table[numbers]


def payload_of(item: bytes) -> bytes:
    return (b"plan: " + item).ljust(WIDTH, b"\0")


class View:
    """A session: frames by their sender, and the parties."""

    def __init__(self, agreed: Terms, seed: str | None = None) -> None:
        self.agreed = agreed
        self.frames: dict[Side, list[Frame]] = {side: [] for side in Side}
        lists = {Side.CONNECT: OWN, Side.LISTEN: PEER}
        self.parties = {
            side: Party(setup(side, lists[side], agreed, seed or "", labels=Given(lists[side]),
                              **({} if seed else {"entropy": SystemEntropy()})))
            for side in Side
        }  # fmt: skip
        pump(self.parties, lambda side, frame: self.frames[side].append(Frame(frame.type, bytes(frame.payload))))

    @property
    def outcome(self) -> Outcome:
        return self.parties[Side.CONNECT].outcome

    def sent_by(self, side: Side) -> list[tuple[int, bytes]]:
        return [(frame.type, bytes(frame.payload)) for frame in self.frames[side]]
