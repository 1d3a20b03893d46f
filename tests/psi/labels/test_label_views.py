"""Columns that travel with a match: what a receiver holds opens the labels of its matches and no other; planted leaks
are caught."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support.labelled import AGREED, COMMON, OWN, PADDED, PEER, WIDTH, Given, View, payload_of
from support.parties import backend, pump, setup

from psi.agreement.modes import Side
from psi.agreement.terms import Terms
from psi.group import masking
from psi.group.curve25519.suite import DST
from psi.group.masking import Derivation
from psi.labels import labels
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Outcome
from psi.protocol.party import Party
from psi.protocol.receiver import Receiver
from psi.protocol.run import RunContext
from psi.protocol.sender import Sender
from psi.protocol.states import State
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError
from psiselect.base.packed import U8, Packed

# What a receiver may guess: all that the peer could have.
UNIVERSE = Packed.of(b"\x01%d" % i for i in range(60))


class Leak(AssertionError):
    """A view shows more than it may."""


class Curious(Receiver):
    """A receiver that follows the protocol and keeps everything."""

    made: list[Curious]

    def __init__(self, run: RunContext) -> None:
        super().__init__(run)
        self.replies: list[U8] = []
        self.made.append(self)

    def _replies(self, payload: bytes) -> None:
        self.replies.append(np.frombuffer(payload, np.uint8).reshape(-1, 32))
        super()._replies(payload)

    def _compare(self) -> None:
        if self._label_keys:
            self.knowledge = self._derivable()
        super()._compare()

    def _derivable(self) -> U8:
        """Every key that it can derive, for each item that it can think of and for none, from every element that it has
        seen, b*H(x) of its own items among them, and from what it can make of the item; and its own label keys."""
        replies = np.concatenate(self.replies)
        seen = np.concatenate([np.zeros((1, 32), np.uint8), replies, backend().mask(replies, self._unmask)])
        made = (backend().hash_to_curve(UNIVERSE, DST), backend().hash_and_mask(UNIVERSE, self._mask, DST))
        found = [self._label_keys[0].read(0, len(replies))]
        for purpose in Derivation:
            found += [self._derive(purpose, elements, UNIVERSE) for elements in made]
            found.append(self._derive(purpose, seen, None))
            for item in range(len(UNIVERSE)):
                found.append(self._derive(purpose, seen, UNIVERSE.take(np.full(len(seen), item))))
        return np.unique(np.concatenate(found), axis=0)

    def _derive(self, purpose: Derivation, elements: U8, items: Packed | None) -> U8:
        return masking.derive(backend(), purpose, self._run.binding, elements, items, labels.KEY_BYTES)


@pytest.fixture(autouse=True)
def curious(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Curious, "made", [], raising=False)
    monkeypatch.setattr("psi.protocol.party.Receiver", Curious)


def check_view(frames: list[Frame], receiver: Curious, size: int, matched: set[bytes]) -> None:
    """What the receiver may learn of the labels: those of its matches, and that there are `size` in all."""
    width = receiver._run.tag_width
    row_bytes = width + WIDTH + labels.SEAL_BYTES
    chunks = [bytes(frame.payload) for frame in frames if frame.type == M.TAGS]
    if any(len(chunk) % row_bytes for chunk in chunks) or sum(map(len, chunks)) != size * row_bytes:
        raise Leak("labels are not of one length")
    table = np.frombuffer(b"".join(chunks), np.uint8).reshape(size, row_bytes)
    if [bytes(row) for row in table] != sorted({bytes(row) for row in table}):
        raise Leak("rows are not in the order of their bytes")
    sealed = table[:, width:]
    if len({bytes(row) for row in sealed}) != size:
        raise Leak("equal labels look equal")
    own = dict(zip((bytes(tag) for tag in receiver._own_tags[0].read(0, len(receiver._run.tokens))),
                   receiver._label_keys[0].read(0, len(receiver._run.tokens)), strict=True))  # fmt: skip
    opened = set()
    for tag, row in zip(table[:, :width], sealed, strict=True):
        if bytes(tag) in own:
            if bytes(own[bytes(tag)][:width]) == bytes(tag):
                raise Leak("a tag shows a part of its label's key, so a label opens without a match more easily")
            opened.add(bytes(labels.SealedLabels(own[bytes(tag)].reshape(1, -1), row.reshape(1, -1)).open()[0]))
        elif opens(receiver.knowledge, row) or opens(np.pad(tag, (0, 32 - width)).reshape(1, -1), row):
            raise Leak("a label opens without a match")
    if opened != {payload_of(item) for item in matched}:
        raise Leak("the labels of the matches are not what they should be")


def opens(keys: U8, sealed: U8) -> bool:
    return bool(labels.unseal(keys, np.repeat(sealed.reshape(1, -1), len(keys), axis=0))[1].any())


@pytest.mark.parametrize("agreed", [AGREED, PADDED], ids=["plain", "padded"])
def test_a_receiver_opens_the_labels_of_its_matches_and_no_other(agreed: Terms) -> None:
    view = View(agreed)
    (receiver,) = Curious.made
    assert len(receiver.knowledge) > 7_000
    check_view(view.frames[Side.LISTEN], receiver, agreed.declared_size(len(PEER)), COMMON)
    assert view.outcome.labels is not None
    assert view.outcome.matched is not None
    got = view.outcome.labels[0].open()
    assert [bytes(row) for row in got] == [payload_of(OWN[number]) for number in view.outcome.matched[0]]
    assert view.parties[Side.LISTEN].outcome == Outcome()


def test_a_simulator_that_knows_the_matches_and_the_size_gives_the_same_view() -> None:
    """Random bytes stand for the labels, and tags, of what does not match; the others are made from the evaluations
    that the receiver has."""
    view, entropy = View(AGREED), SystemEntropy()
    (receiver,) = Curious.made
    run, count = receiver._run, len(OWN)
    numbers = run.tokens.numbers(np.arange(count))
    known = {OWN[number]: place for place, number in enumerate(numbers)}
    tags, keys = receiver._own_tags[0].read(0, count), receiver._label_keys[0].read(0, count)
    rows = [entropy.read(run.tag_row_width) for _ in range(len(PEER) - len(COMMON))]
    for item in COMMON:
        payload = np.frombuffer(payload_of(item), np.uint8).reshape(1, -1)
        rows.append(bytes(tags[known[item]]) + bytes(labels.seal(keys[known[item]].reshape(1, -1), payload)))
    simulated = [Frame(M.TAGS, b"".join(sorted(rows)[i : i + 8])) for i in range(0, len(rows), 8)]
    check_view(simulated, receiver, len(PEER), COMMON)
    recorded = [frame for frame in view.frames[Side.LISTEN] if frame.type == M.TAGS]
    assert [len(frame.payload) for frame in recorded] == [len(frame.payload) for frame in simulated]
    again = Receiver(run)
    again._own_tags, again._label_keys = receiver._own_tags, receiver._label_keys
    again._peer_tags, again._sealed = ([run.store.column(f"again-{width}", width)] for width in
                                       (run.tag_width, run.sealed_width))  # fmt: skip
    for frame in simulated:
        again.receive(M.TAGS, frame.payload, State.COMPARING)
    again.receive(M.TAGS_END, b"", State.COMPARING)
    assert again.finding is not None
    found = again.finding.outcome().labels
    assert found is not None
    assert view.outcome.labels is not None
    assert np.array_equal(found[0].open(), view.outcome.labels[0].open())


# ---- planted leaks


def derived_without_element(self: RunContext, elements: U8, start: int) -> U8:
    return masking.derive(self.backend, Derivation.LABEL, self.binding, np.zeros_like(elements),
                          self._items(elements, start), 32)  # fmt: skip


def derived_without_evaluation(self: RunContext, elements: U8, start: int) -> U8:
    items = self._items(elements, start)
    hashed = self.backend.hash_to_curve(items, DST)
    return masking.derive(self.backend, Derivation.LABEL, self.binding, hashed, items, 32)


def same_for_all(self: RunContext, elements: U8, start: int) -> U8:
    return masking.derive(self.backend, Derivation.LABEL, self.binding, np.zeros_like(elements), None, 32)


def tag_as_key(self: RunContext, elements: U8, start: int) -> U8:
    keys = np.zeros((len(elements), 32), np.uint8)
    keys[:, : self.tag_width] = self.tags(elements, start)
    return keys


def one_purpose(self: RunContext, elements: U8, start: int) -> U8:
    return masking.derive(self.backend, Derivation.TAG, self.binding, elements, self._items(elements, start), 32)


@pytest.mark.parametrize(
    "keys", [derived_without_element, derived_without_evaluation, same_for_all, tag_as_key, one_purpose]
)
def test_label_keys_that_do_not_need_the_match_are_caught(
    monkeypatch: pytest.MonkeyPatch, keys: Callable[[RunContext, U8, int], U8]
) -> None:
    monkeypatch.setattr(RunContext, "label_keys", keys)
    view = View(AGREED)
    with pytest.raises(Leak, match="opens without a match"):
        check_view(view.frames[Side.LISTEN], Curious.made[0], len(PEER), COMMON)


def shortened(rows: Callable[[bytes], bytes]) -> Callable[[Sender], list[Frame]]:
    """A sender whose rows in TAGS are changed one by one on their way out."""
    honest = Sender._hand_out_tags

    def hand_out(self: Sender) -> list[Frame]:
        width, out = self._run.tag_row_width, []
        for frame in honest(self):
            parts = [bytes(frame.payload[i : i + width]) for i in range(0, len(frame.payload), width)]
            out.append(Frame(frame.type, b"".join(map(rows, parts))))
        return out

    return hand_out


def unpadded(row: bytes) -> bytes:
    return row[: len(row) - row[-1] % 4]


def other_for_some(row: bytes) -> bytes:
    """As if these were fillers."""
    return row if row[-1] % 4 else row[: -WIDTH - labels.SEAL_BYTES] + bytes(SystemEntropy().read(WIDTH))


@pytest.mark.parametrize("change", [unpadded, other_for_some])
def test_labels_of_another_length_are_seen_and_refused(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]
) -> None:
    """The entropy is fixed, so it is fixed which rows change."""
    monkeypatch.setattr(Sender, "_hand_out_tags", shortened(change))
    frames: list[Frame] = []
    parties = {side: Party(setup(side, items, PADDED, labels=Given(items)))
               for side, items in ((Side.CONNECT, OWN), (Side.LISTEN, PEER))}  # fmt: skip
    with pytest.raises(RemoteError):
        pump(parties, lambda side, frame: frames.append(frame))
    Curious.made[0].knowledge = np.zeros((0, 32), np.uint8)
    with pytest.raises(Leak, match="not of one length"):
        check_view(frames, Curious.made[0], 34, COMMON)


def test_fillers_whose_label_is_not_sealed_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = labels.seal

    def seal(keys: U8, payloads: U8) -> U8:
        sealed = honest(keys, payloads).copy()
        sealed[~payloads.any(axis=1)] = 0
        return sealed

    monkeypatch.setattr("psi.protocol.sender.labels.seal", seal)
    view = View(PADDED)
    with pytest.raises(Leak, match="look equal"):
        check_view(view.frames[Side.LISTEN], Curious.made[0], 34, COMMON)
