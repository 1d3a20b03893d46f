"""What the two sides of a run see: simulators rebuild both views from what each side may know, recorded views have the
structure of simulated ones, and planted leaks do not."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
from support.fast import Listed, context, drive, every_kernels
from support.laws import FALSE_ALARM
from support.transfers import backend

from psi.fast import expansion
from psi.fast.items import Located
from psi.fast.messages import FastMessage as M
from psi.fast.parameters import CHOICES, SLICE_SLOTS, slots
from psi.fast.receiver import FastReceiver
from psi.fast.sender import FastSender
from psi.fast.states import FastState
from psi.fast.tags import Tagger
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST, FIELD_PRIME
from psi.inputs.padding import fillers
from psi.oblivious import trees
from psi.oblivious.field import F16
from psi.oblivious.vole import VoleReceiver, VoleSender
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import U8

SYSTEM = SystemEntropy()
OWN = [b"%d" % i for i in range(300)]
PEER = [b"%d" % i for i in range(220, 700)]
MATCHES = list(range(220, 300))
Frames = list[tuple[str, Frame]]


class Leak(AssertionError):
    """A view shows more than sizes and matches."""


def sides() -> tuple[FastReceiver, FastSender]:
    kernels = every_kernels()[-1]
    return (
        FastReceiver(context(OWN, len(PEER), kernels=kernels, store=Store())),
        FastSender(context(PEER, len(OWN), kernels=kernels, store=Store())),
    )


def payload(said: Frames, kind: M) -> bytes:
    return b"".join(bytes(frame.view()) for _, frame in said if frame.type == kind)


def on_curve(u: bytes) -> bool:
    x = int.from_bytes(u, "little")
    return pow(x**3 + 486662 * x**2 + x, (FIELD_PRIME - 1) // 2, FIELD_PRIME) in (0, 1)


def check_elements(sent: bytes) -> None:
    elements = [sent[i : i + 32] for i in range(0, len(sent), 32)]
    if len(elements) != CHOICES or len(set(elements)) != CHOICES:
        raise Leak("number of elements, or repeated ones")
    if not all(map(on_curve, elements)):
        raise Leak("an element that is no hashed one")


def check_even(rows: U8, what: str) -> None:
    """Each bit is 1 in about half of the rows: Hoeffding at FALSE_ALARM over all bits."""
    check_even_bits(np.unpackbits(rows, axis=1), what)


def check_even_bits(bits: U8, what: str) -> None:
    """The same, a bit in each byte."""
    slack = sqrt(len(bits) * log(2 * bits.shape[1] / FALSE_ALARM) / 2)
    if np.any(np.abs(bits.sum(axis=0, dtype=np.int64) - len(bits) / 2) > slack):
        raise Leak(f"bits of {what} are not even")


def check_masked(planes: U8) -> None:
    """More than half of the slots hold 0. One that shows it was not masked; by chance with probability 2^-200."""
    if not np.unpackbits(planes, axis=1).any(axis=0).all():
        raise Leak("a slot that is not masked")


def check_senders_view(said: Frames) -> None:
    check_elements(payload(said, M.SEED_ANSWER))
    opening = payload(said, M.TREES)
    if len(opening) != trees.correction_bytes(53, 4) + 32:
        raise Leak("length of the trees")
    nodes = np.frombuffer(opening, np.uint8)[:-32].reshape(-1, 16)
    if len(np.unique(nodes, axis=0)) != len(nodes):
        raise Leak("repeated nodes")
    check_even(nodes, "trees")
    if payload(said, M.ENCODING) != b"\0" or payload(said, M.MATRIX_END):
        raise Leak("attempts, or an end that says something")
    matrix = payload(said, M.MATRIX)
    if len(matrix) != CHOICES * slots(len(OWN)) // 8:
        raise Leak("length of the matrix")
    planes = np.frombuffer(matrix, np.uint8).reshape(CHOICES, -1)
    check_masked(planes)
    check_even_bits(np.unpackbits(planes, axis=1).T, "slots")
    check_even(planes, "planes")


def check_receivers_view(said: Frames, receiver: FastReceiver) -> None:
    check_elements(payload(said, M.SEED_REQUEST))
    width = receiver._run.tag_width
    tags = payload(said, M.TAGS)
    split = [tags[i : i + width] for i in range(0, len(tags), width)]
    if len(split) != len(PEER) or split != sorted(set(split)):
        raise Leak("number or order of the tags")
    check_even(np.frombuffer(tags, np.uint8).reshape(-1, width)[:, 1:], "tags")  # the first byte ascends
    # What the receiver can work out for items that it did not put in.
    others = Located(receiver._run.kernels, receiver._salted, Listed.of(PEER[80:]), slots(len(OWN)))
    others.finish()
    u, v = VoleReceiver(receiver._seeds, F16).take(slots(len(OWN)))
    tagger = Tagger(receiver._run.kernels, receiver._salted, width)
    for planes in (v, u, v ^ u):
        rows = receiver._run.kernels.to_rows(np.ascontiguousarray(planes.reshape(CHOICES, -1)))
        symbols = receiver._run.kernels.decode(rows, others.places(0, 400), others.bands(0, 400))
        if {row.tobytes() for row in tagger.tags(symbols, others.ids)} & set(split):
            raise Leak("an item that the receiver did not put in can be tested")


def points(count: int) -> U8:
    """Random group elements."""
    return backend().hash_and_mask(fillers(count, SYSTEM), Scalar.draw(SYSTEM), DST)


def shape(said: Frames, who: str) -> list[tuple[int, int]]:
    return [(frame.type, len(frame)) for by, frame in said if by == who]


def recorded() -> tuple[Frames, FastReceiver]:
    receiver, sender = sides()
    return drive(receiver, sender), receiver


def simulated_for_the_receiver(matches: list[int]) -> tuple[Frames, FastReceiver]:
    """An honest receiver against a simulator that knows the sizes and the matches."""
    receiver, _ = sides()
    said: Frames = []

    def give(kind: M, content: bytes) -> None:
        said.append(("sender", Frame(kind, content)))
        receiver.receive(said[-1][1])

    give(M.SEED_REQUEST, points(CHOICES).tobytes())
    while receiver.state is not FastState.COMPARING:
        receiver.work()
    own = receiver._own_tags.read(0, len(OWN))
    place = np.argsort(receiver._located.numbers)
    tags = [own[place[number]].tobytes() for number in matches]
    tags += [SYSTEM.read(receiver._run.tag_width) for _ in range(len(PEER) - len(matches))]
    give(M.TAGS, b"".join(sorted(tags)))
    give(M.TAGS_END, b"")
    return said, receiver


def simulated_for_the_sender() -> tuple[Frames, FastSender, list[Frame]]:
    """An honest sender against a simulator that knows the sizes."""
    _, sender = sides()
    said: Frames = []
    sender.start()
    total = slots(len(OWN))
    for kind, content in (
        (M.SEED_ANSWER, points(CHOICES).tobytes()),
        (M.TREES, SYSTEM.read(trees.correction_bytes(53, 4) + 32)),
        (M.ENCODING, b"\0"),
        (M.MATRIX, SYSTEM.read(CHOICES * total // 8)),
        (M.MATRIX_END, b""),
    ):
        said.append(("receiver", Frame(kind, content)))
        sender.receive(said[-1][1])
    answered: list[Frame] = []
    while (frames := sender.work()) is not None:
        answered += frames
    return said, sender, answered


def test_a_simulator_with_sizes_and_matches_gives_the_receivers_view() -> None:
    seen, receiver = recorded()
    drawn, other = simulated_for_the_receiver(MATCHES)
    for view, side in ((seen, receiver), (drawn, other)):
        check_receivers_view(view, side)
        assert side.comparison is not None
        assert side.comparison.matches()[0].tolist() == MATCHES
    assert shape(seen, "sender") == shape(drawn, "sender")


@pytest.mark.parametrize("matches", [[], [7], list(range(300))])
def test_the_receivers_view_fits_all_matches_alike(matches: list[int]) -> None:
    said, receiver = simulated_for_the_receiver(matches)
    check_receivers_view(said, receiver)
    assert receiver.comparison is not None
    assert receiver.comparison.matches()[0].tolist() == matches


def test_a_simulator_that_knows_sizes_gives_the_senders_view() -> None:
    assert slots(len(OWN)) <= SLICE_SLOTS
    seen, _ = recorded()
    drawn, sender, answered = simulated_for_the_sender()
    for view in (seen, drawn):
        check_senders_view(view)
    assert shape(seen, "receiver") == shape(drawn, "receiver")
    assert sender.state is FastState.OVER
    assert [(frame.type, len(frame)) for frame in answered] == shape(seen, "sender")[1:]


def test_a_matrix_that_is_not_masked_is_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    take = VoleReceiver.take

    def unmasked(self: VoleReceiver, rows: int) -> tuple[U8, U8]:
        u, v = take(self, rows)
        return np.zeros_like(u), v

    monkeypatch.setattr(VoleReceiver, "take", unmasked)
    with pytest.raises(Leak, match="not masked"):
        check_senders_view(recorded()[0])


def test_symbols_that_are_no_secret_are_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delta that is 0, and Delta that is 1 everywhere."""
    for delta in (0, 1):
        with monkeypatch.context() as patched:
            patched.setattr(FastSender, "__init__", _with_delta(delta))
            said, receiver = recorded()
            assert receiver.comparison is not None
            assert receiver.comparison.count() == len(MATCHES)
            if delta == 0:
                with pytest.raises(Leak, match="can be tested"):
                    check_receivers_view(said, receiver)


def _with_delta(delta: int) -> object:
    made = FastSender.__init__

    def init(self: FastSender, run: object) -> None:
        made(self, run)  # type: ignore[arg-type]
        bits = np.array([delta >> (3 - level) & 1 for level in range(4)], np.uint8)
        self._chooser.bits[:] = np.tile(bits ^ 1, 53)
        self._delta[:] = delta

    return init


def test_trees_that_are_not_hidden_are_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sums for both bits."""
    deal = trees.deal

    def twice(pairs: U8, depth: int) -> tuple[U8, U8]:
        leaves, corrections = deal(pairs, depth)
        corrections[:, :, 1] = corrections[:, :, 0]
        return leaves, corrections

    monkeypatch.setattr(trees, "deal", twice)
    with pytest.raises(Leak, match="repeated nodes"):
        check_senders_view(recorded()[0])


def test_the_senders_vectors_say_nothing_of_the_missing_stream() -> None:
    """u is one stream away from what the sender has: without it, it is no sum of what is known."""
    seeds = np.frombuffer(SYSTEM.read(16 * 16), np.uint8).reshape(1, 16, 16)
    u, _ = VoleReceiver(seeds, F16).take(512)
    w = VoleSender(seeds[:, 1:], F16).take(512)
    assert not np.array_equal(u, w)
    check_even_bits(np.unpackbits(u[0] ^ w[0], axis=1).T, "u and w")


def test_expansion_uses_each_slice_once() -> None:
    lengths = list(expansion.slices(3 * SLICE_SLOTS + 64))
    assert lengths == [SLICE_SLOTS] * 3 + [64]
    assert list(expansion.slices(SLICE_SLOTS)) == [SLICE_SLOTS]
