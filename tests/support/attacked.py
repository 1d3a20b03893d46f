"""A session in which one side gets other frames than its peer sent, and what that side does then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from psi.agreement.modes import Learner, Reveal, Side
from psi.agreement.terms import Terms
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Outcome
from psi.protocol.party import Party
from psi.protocol.states import State
from psi.transport.wire import Frame
from psiselect.base.errors import PsiselectError, RemoteError
from support.parties import setup, terms

# Given a frame and its number among those of its type, the frames that arrive in its stead.
Change = Callable[[int, Frame], Iterable[Frame]]

LISTS = {Side.CONNECT: [b"%d" % i for i in range(9)], Side.LISTEN: [b"%d" % i for i in range(4, 12)]}
CHUNK = 4

MODES: dict[str, dict[str, object]] = {
    "matches": {},
    "count": {"reveal": Reveal.COUNT},
    "sum": {"reveal": Reveal.SUM, "value_decimals": 0, "value_max": "9"},
    "noisy-count": {"reveal": Reveal.NOISY_COUNT, "epsilon": "2", "delta": "1/10"},
}
HIDDEN = ["count", "sum", "noisy-count"]


def mode(name: str, learner: Side = Side.CONNECT, **more: object) -> Terms:
    """Terms of one of the four modes, with short chunks."""
    return terms(**{"chunk": CHUNK, "learn": Learner(learner.value), **MODES[name], **more})


@dataclass
class Attacked:
    """What the attacked side did.

    error: what it raised, None when it came to its end. before, after: the types of the frames that left it before the
    first changed frame arrived, and from then on. asked: what its own policy was asked about, in order: "session", then
    the peer's size.
    """

    victim: Party
    error: PsiselectError | None = None
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    asked: list[object] = field(default_factory=list)


def nothing_else(side: Side) -> dict[str, object]:
    """The plain set-up of either side."""
    return {}


def attack(
    agreed: Terms, victim: Side, kind: M, change: Change, both: Callable[[Side], dict[str, object]] = nothing_else
) -> Attacked:
    """Play a session in which frames of type `kind` are changed on their way to `victim`, until that side stops.

    both: what is different in each side's set-up. An attacker that the answers bring to a stop sends nothing more.
    """
    asked: list[object] = []
    policy = {"admit": lambda: asked.append("session"), "check_size": asked.append}

    def party(side: Side) -> Party:
        given: dict[str, object] = {
            "values": lambda numbers: np.ones(len(numbers), np.int64),
            "sizes": (len(LISTS[side]),) * agreed.lists,
            **(policy if side is victim else {}),
            **both(side),
        }
        return Party(setup(side, LISTS[side], agreed, **given))

    parties = {side: party(side) for side in (victim, victim.other)}
    found = Attacked(parties[victim], asked=asked)
    queues: dict[Side, list[tuple[Frame, bool]]] = {side: [] for side in Side}
    seen, dropped, arrived = 0, False, False

    def deliver(sender: Side, frames: list[Frame] | None) -> None:
        nonlocal seen, dropped
        for frame in frames or []:
            copy = Frame(frame.type, bytes(frame.payload))
            if sender is victim:
                (found.after if arrived else found.before).append(frame.type)
                queues[sender.other].append((copy, False))
                continue
            arriving = [copy]
            if frame.type == kind:
                arriving = list(change(seen, copy))
                seen += 1
            queues[victim] += [(one, dropped or at > 0 or one != copy) for at, one in enumerate(arriving)]
            dropped = not arriving

    for side, playing in parties.items():
        deliver(side, playing.start())
    attacking = parties[victim.other]
    while parties[victim].state is not State.DONE:
        moved = False
        for side, playing in parties.items():
            try:
                if queues[side]:
                    frame, wrong = queues[side].pop(0)
                    arrived |= wrong
                    deliver(side, playing.receive(frame))
                    moved = True
                elif (frames := playing.work()) is not None:
                    deliver(side, frames)
                    moved = True
            except PsiselectError as error:
                if playing is attacking:
                    queues[side].clear()
                    continue
                found.error = error
                return found
        if not moved:
            raise AssertionError(f"both wait: {[playing.state for playing in parties.values()]}")
    return found


def expect_nothing_came_of_it(found: Attacked, words: str, *, asked: int = 2) -> None:
    """The attacked side refused: nothing left it from the changed frame on, it has no result, no record and no
    signature to show, and it stays so. asked: how often its policy was asked before: 0 until the peer has proved who it
    is, 1 until the peer's sizes are in order, then 2."""
    assert isinstance(found.error, RemoteError), found.error
    assert words in str(found.error)
    assert found.after == []
    assert found.victim.state is State.FAILED
    assert found.victim.outcome == Outcome()
    assert found.victim.record == {}
    assert found.victim.signatures == {}
    assert found.asked == ["session", found.victim.peer_size][:asked]
    assert found.victim.work() is None
    for later in M:
        try:
            found.victim.receive(Frame(later, b""))
        except RemoteError:
            continue
        raise AssertionError(f"a failed party took message type {later}")


def replace(number: int, new: Callable[[bytes], bytes]) -> Change:
    """The frame with this number has another payload."""
    return lambda at, frame: [Frame(frame.type, new(bytes(frame.payload)))] if at == number else [frame]


def drop(number: int) -> Change:
    """The frame with this number does not arrive."""
    return lambda at, frame: [] if at == number else [frame]


def twice(number: int) -> Change:
    """The frame with this number arrives twice."""
    return lambda at, frame: [frame, frame] if at == number else [frame]
