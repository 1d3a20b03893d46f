"""Two sides of a resumable session in one process: links that break, and sides that die at any step."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from psi.agreement.modes import Reveal, Side
from psi.agreement.terms import Terms
from psi.group.curve25519.backend import Backend
from psi.inputs.tokens import KeyTokens
from psi.protocol.messages import MessageType as M
from psi.protocol.setup import Setup
from psi.resume import inputs
from psi.resume.journal import EntryKind, Journal, Operation
from psi.resume.plan import ResumePlan
from psi.resume.session import open_session
from psi.session.session import SessionResult
from psi.transport.channel import Channel
from psi.transport.memory import MemoryChannel
from psi.transport.wire import Frame
from psiselect.base.entropy import Entropy
from psiselect.base.errors import TransportError
from psiselect.base.packed import Packed
from support.parties import KEYS, backend, setup, terms
from support.tapped import tapped_pair


class Killed(BaseException):
    """The process is gone."""


class Switchboard:
    """Whoever opens a link waits there for the other side. `cut` is asked at each frame whether the link breaks."""

    def __init__(self, cut: Callable[[Frame], bool] = lambda frame: False) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[Side, list[MemoryChannel]] = {}
        self.cut = cut

    def open(self, side: Side, wait: float) -> Channel:
        with self._changed:
            other = self._waiting.pop(side.other, None)
            if other is not None:
                prints = KEYS[side].fingerprint, KEYS[side.other].fingerprint
                mine, theirs = tapped_pair(timeout=2.0, fingerprints=prints, taps=(self._tap, self._tap))
                other.append(theirs)
                self._changed.notify_all()
                return mine
            given: list[MemoryChannel] = []
            self._waiting[side] = given
            if not self._changed.wait_for(lambda: bool(given), wait):
                self._waiting.pop(side, None)
                raise TransportError("nobody came")
            return given[0]

    def _tap(self, position: int, frame: Frame) -> tuple[Frame, ...]:
        if self.cut(frame):
            raise TransportError("the cable was pulled")
        return (frame,)


class Swallowing(Switchboard):
    """The BYE of the side `mute` does not arrive, while `active`. linked: the sides that hold a link."""

    def __init__(self, mute: Side = Side.CONNECT) -> None:
        super().__init__()
        self.mute = mute
        self.active = True
        self.linked: set[Side] = set()

    def open(self, side: Side, wait: float) -> Channel:
        channel = super().open(side, wait)
        put, abandon = channel.send, channel.abandon
        if side is self.mute and self.active:
            channel.send = lambda frame: None if frame.type == M.BYE else put(frame)  # type: ignore[method-assign]

        def gone(last: Frame | None) -> None:
            self.linked.discard(side)
            abandon(last)

        channel.abandon = gone  # type: ignore[method-assign]
        self.linked.add(side)
        return channel


@dataclass
class BoardLink:
    """One side's way to the switchboard."""

    board: Switchboard
    side: Side

    def open(self, wait: float) -> Channel:
        return self.board.open(self.side, wait)


@dataclass
class Player:
    """One side with its list and work directory. `play` is one life of its process."""

    side: Side
    items: list[bytes]
    terms: Terms
    workdir: Path
    board: Switchboard
    backend: Backend = field(default_factory=backend)
    stall_seconds: float = 5.0
    admitted: int = 0
    said: list[str] = field(default_factory=list)

    def plan(self) -> ResumePlan:
        packed = Packed.of(self.items)
        amounts = np.array([*map(int, self.items), 0], np.int64)  # the last one stands for -1
        values = amounts.take if self.terms.reveal is Reveal.SUM else None

        def build(entropy: Entropy, used: Backend) -> Setup:
            def tokens(number: int) -> KeyTokens:
                return KeyTokens.shuffled(packed, b"\x01", entropy)

            return setup(
                *(self.side, self.items, self.terms),
                **{"entropy": entropy, "backend": used, "tokens": tokens, "admit": self._admit, "values": values},
            )

        digest = inputs.digest_of(lambda entropy: build(entropy, self.backend))
        return ResumePlan(
            build, digest, self.backend, BoardLink(self.board, self.side), self.stall_seconds, say=self.said.append
        )

    def play(self) -> SessionResult:
        """From start to end, the report included."""
        plan = self.plan()
        with open_session(self.workdir, [plan], lambda hurry: plan.link.open(self.stall_seconds)) as session:
            result = session.run()
            session.reported()
            session.part()
            return result

    def _admit(self) -> None:
        self.admitted += 1


def journal_in(folder: Path) -> Journal | None:
    """A session's journal, opened beside the product; None where no session has begun."""
    try:
        seed = bytes.fromhex(json.loads((folder / "manifest").read_text())["seed"])
    except FileNotFoundError:
        return None
    return Journal(folder / "journal", seed)


def operations_in(workdir: Path) -> list[Operation]:
    """What the journals of a work directory hold."""
    found: list[Operation] = []
    for folder in sorted(workdir.glob("psiselect-session-*")):
        journal = journal_in(folder)
        if journal is not None:
            found += journal.operations()
            journal.close()
    return found


class Bookkeeper:
    """Holds every operation ever seen in a work directory against all others: no (scalar, operation, number) may have
    two inputs or two results. Frames alike: own frame number i of a session is always the same."""

    def __init__(self) -> None:
        self.operations: dict[tuple[bytes, int], tuple[bytes, bytes]] = {}
        self.frames: dict[tuple[bytes, int], tuple[int, bytes]] = {}

    def look(self, workdir: Path) -> None:
        """Compare what a work directory holds now. Raises AssertionError."""
        for done in operations_in(workdir):
            _same(self.operations, (done.label, done.number), (done.input_digest, done.output))
        for folder in sorted(workdir.glob("psiselect-session-*")):
            journal = journal_in(folder)
            if journal is None:
                continue
            own = [(frame.type, bytes(frame.payload)) for kind, frame in journal.frames() if kind is EntryKind.OWN]
            for number, frame in enumerate(own):
                _same(self.frames, (own[0][1], number), frame)
            journal.close()


def _same(known: dict[Any, Any], key: object, value: object) -> None:
    if known.setdefault(key, value) != value:
        raise AssertionError("one number, two contents")


class MortalJournal(Journal):
    """Dies at the step that its work directory's fate says. What was not synced may be lost from any byte on."""

    fates: ClassVar[dict[Path, Iterator[bool]]] = {}
    draw = random.Random(0)
    _synced = 0

    def _append(self, kind: EntryKind, start: bytes, rest: bytes | memoryview) -> None:
        super()._append(kind, start, rest)
        self._step()

    def sync(self) -> None:
        self._step()
        super().sync()
        self._synced = self._end
        self._step()

    def _step(self) -> None:
        if next(self.fates.get(self.path.parent.parent, iter(())), False):
            os.ftruncate(self._handle, self.draw.randint(self._synced, self._end))
            raise Killed

    def _load(self) -> None:
        super()._load()
        self._synced = self._end


def at(step: int) -> Iterator[bool]:
    """A fate: death at that step, counted from 1."""
    return (number == step for number in range(1, step + 1))


def sizes(workdirs: Iterable[Path]) -> list[int]:
    """How many session folders are left in each."""
    return [len(list(workdir.glob("psiselect-session-*"))) for workdir in workdirs]


def two_players(
    place: Path,
    board: Switchboard,
    connecting: Sequence[bytes],
    listening: Sequence[bytes],
    *,
    reveal: Reveal = Reveal.MATCHES,
    stall_seconds: float = 5.0,
) -> dict[Side, Player]:
    """Both sides, each with a work directory under `place`; the connecting one learns."""
    lists = {Side.CONNECT: connecting, Side.LISTEN: listening}
    more = {"value_decimals": 0, "value_max": "1000"} if reveal is Reveal.SUM else {}
    found = {}
    for side in Side:
        workdir = place / side.value
        workdir.mkdir(parents=True)
        agreed = terms(chunk=8, reveal=reveal, **more)
        found[side] = Player(side, list(lists[side]), agreed, workdir, board, stall_seconds=stall_seconds)
    return found


def play(players: dict[Side, Player]) -> dict[Side, SessionResult | BaseException]:
    """One life of each side; what came of it."""
    ended: dict[Side, SessionResult | BaseException] = {}

    def live(side: Side) -> None:
        try:
            ended[side] = players[side].play()
        except BaseException as error:  # noqa: BLE001 - that is what came of it
            ended[side] = error

    threads = [threading.Thread(target=live, args=(side,), daemon=True) for side in players]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if set(ended) != set(players):
        raise AssertionError("a side hangs")
    return ended


def right(outcome: SessionResult | BaseException, side: Side, matches: int = 20) -> bool:
    """Whether a life ended with the right result."""
    wanted = matches if side is Side.CONNECT else None
    return isinstance(outcome, SessionResult) and outcome.outcome.matches == wanted
