"""Sessions whose minimum the other side compares: honest ones, and learners that cheat in the gate's run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from psi.agreement.modes import Comparer, Learner, Matching, Reveal, Side
from psi.agreement.terms import KeyTerm, Terms
from psi.group import masking
from psi.group.curve25519.backend import Backend, load_backend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psi.inputs.row_tokens import RowTokens
from psi.inputs.tokens import KeyTokens, TokenSource
from psi.protocol.gate import GateReceiver
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.run import Payload, Role, RunContext
from psi.protocol.sender import Sender
from psi.protocol.states import State
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base.packed import U8, Packed
from support.entropy import FixedEntropy
from support.parties import pump, setup, terms


@functools.cache
def backend() -> Backend:
    return load_backend("auto", threads=1)


def gated(least: int, keys: int = 1, **changes: object) -> Terms:
    """The connecting side learns the matches, and the listening side compares."""
    named = tuple(KeyTerm(f"raw/{key}", f"{key:02d}" * 32) for key in range(keys))
    return terms(keys=named, matching=Matching.ONE_TO_ONE if keys > 1 else Matching.ONE_TO_MANY,
                 learn=Learner.CONNECT, min_matches=least, min_matches_by=Comparer.OTHER, **changes)  # fmt: skip


def tokens_of(items: Sequence[int], keys: int, seed: str) -> TokenSource:
    """Items in an order of their own; with several keys, a row has each of its values under all of them."""
    values = Packed.of(b"%d" % item for item in items)
    if keys == 1:
        return KeyTokens.shuffled(values, b"\x01", FixedEntropy(seed))
    table = np.repeat(np.arange(len(items))[:, None], keys, axis=1)
    return RowTokens([values] * keys, [b"\x01%d" % key for key in range(keys)], table, FixedEntropy(seed))


def parties(
    learner: Sequence[int], comparer: Sequence[int], agreed: Terms, seed: str = "", **options: object
) -> dict[Side, Party]:
    """Two sides with these items."""
    lists, options = {Side.CONNECT: learner, Side.LISTEN: comparer}, {"backend": backend(), **options}
    return {
        side: Party(setup(side, [], agreed, seed, sizes=(len(items),),
                          tokens=lambda number, side=side, items=items: tokens_of(
                              items, agreed.keys_per_row, f"{seed} {number} {side.value}"), **options))
        for side, items in lists.items()
    }  # fmt: skip


# From all elements of the comparer, shape (rows, 32 * keys), a row an item or a copy of one, to as many replies.
Answer = Callable[["Cheat", U8], U8]


class Cheat(Sender):
    """A learner that answers what it likes. `tagged`: of these elements it makes its tags, a row an item."""

    answer: Answer
    tagged: Callable[[Cheat], U8] | None = None

    def __init__(self, run: RunContext) -> None:
        super().__init__(run)
        self.run = run
        self.scalars = [Scalar.draw(run.entropy) for _ in range(max(1000, run.peer_size))]
        self._raw: list[U8] = []

    def times(self, elements: U8, number: int) -> U8:
        """Elements multiplied by the scalar of this number, in rows as they are given."""
        out = self.run.backend.mask(np.ascontiguousarray(elements).reshape(-1, 32), self.scalars[number])
        return out.reshape(elements.shape)

    def receive(self, message: M, payload: Payload, state: State) -> list[Frame]:
        if message is M.ELEMENTS:
            self._raw.append(np.frombuffer(bytes(payload), np.uint8).reshape(-1, 32 * self.run.keys))
            self._received += len(self._raw[-1])
        elif message is M.ELEMENTS_END:
            rows = np.concatenate(self._raw)
            answered = type(self).answer(self, rows)
            assert answered.shape == rows.shape
            self._collected.append(answered)
        return []

    def _tag_some(self) -> None:
        if type(self).tagged is None:
            hashed = self.run.backend.hash_to_curve(self.run.tokens.read(0, len(self.run.tokens)), DST)
            rows = self.times(hashed, 0)
        else:
            rows = type(self).tagged(self)
        tags = masking.tags(self.run.backend, self.run.binding, rows.reshape(-1, 32), None, self.run.tag_width)
        self._own_tags.append(tags.reshape(len(self.run.tokens), -1))


def cheating(patch: pytest.MonkeyPatch, answer: Answer, tagged: Callable[[Cheat], U8] | None = None) -> None:
    """From now on the sender of a gate's run answers so; all other senders are honest, and send what they have."""
    made = type("ThisCheat", (Cheat,), {"answer": answer, "tagged": tagged})
    patch.setattr("psi.protocol.party.Sender", lambda run: (made if run.reveal is Reveal.COUNT else Sender)(run))
    patch.setattr("psi.protocol.sender.refuse_repeats", lambda store, column: None)


class Watched(GateReceiver):
    """A gate's receiver that can be looked at afterwards."""

    seen: list[Watched]

    def __init__(self, run: RunContext) -> None:
        super().__init__(run)
        self.keys = [bytes(scalar.key) for scalar in self.all_scalars]
        type(self).seen.append(self)

    @property
    def all_scalars(self) -> list[Scalar]:
        return [self._mask, self._unmask, *self._factors]


def watching(patch: pytest.MonkeyPatch) -> list[Watched]:
    """From now on, the receivers of gates."""
    made = type("ThisWatched", (Watched,), {"seen": []})
    patch.setattr("psi.protocol.party.GateReceiver", made)
    return made.seen


Sent = dict[Side, list[Frame]]


def play(given: dict[Side, Party], sent: Sent | None = None) -> Sent:
    """Play to the end; returns what each side sent, and puts it into `sent` as it is sent."""
    noted: Sent = {} if sent is None else sent
    noted.update({side: [] for side in Side})
    pump(given, lambda side, frame: noted[side].append(Frame(frame.type, bytes(frame.payload))))
    return noted


def exchange(receiver: GateReceiver, answer: Callable[[U8], U8], width: int) -> Role:
    """The first half of a run, without a session: elements, then the replies to them. Raises RemoteError."""
    state, sent = receiver.opening, bytearray()
    while state is State.MASKING_QUIETLY:
        for frame in receiver.work(state) or ():
            sent += bytes(frame.payload)
            state = State.UNMASKING if frame.type == M.ELEMENTS_END else state
    replies = answer(np.frombuffer(bytes(sent), np.uint8).reshape(-1, width))
    receiver.receive(M.REPLIES, replies.tobytes(), state)
    receiver.receive(M.REPLIES_END, b"", state)
    return receiver


def context(items: int, copies: int, seed: str, **changes: object) -> RunContext:
    """Of a gate's receiver with so many items, which declares nothing to anybody."""
    made: dict[str, object] = {
        "reveal": Reveal.COUNT, "chunk": 8192, "tokens": tokens_of(range(items), 1, seed), "peer_size": 1,
        "offset": None, "binding": bytes(64), "dst": DST, "backend": backend(), "store": Store(),
        "entropy": FixedEntropy(seed), "advance": lambda count: None, "copies": copies, **changes,
    }  # fmt: skip
    return RunContext(**made)  # type: ignore[arg-type]
