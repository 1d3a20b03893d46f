"""The modes that hide which items matched: a simulator rebuilds the learner's view from sizes and result, recorded
views have the structure of simulated ones, and planted leaks do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from support.parties import backend, declared, pump, run, setup, terms

from psi.agreement.modes import Learner, Reveal, Side
from psi.agreement.terms import Terms
from psi.group import masking
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST, FIELD_PRIME
from psi.inputs import padding
from psi.inputs.padding import FILLER_TYPE, fillers
from psi.inputs.tokens import KeyTokens
from psi.protocol.messages import MessageType as M
from psi.protocol.messages import sizes_frame
from psi.protocol.outcome import Outcome
from psi.protocol.party import Party
from psi.protocol.receiver import Receiver
from psi.protocol.run import RunContext
from psi.protocol.sender import Sender
from psi.protocol.states import State
from psi.store.rows import order
from psi.store.spool import Column, Store
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError, RemoteError, UsageError
from psiselect.base.packed import U8, Packed

COUNT = terms(reveal=Reveal.COUNT, chunk=8)
NOISY = terms(reveal=Reveal.NOISY_COUNT, epsilon="1/2", delta="1/100", chunk=8)
OWN = [b"%d" % i for i in range(30)]
PEER = [b"%d" % i for i in range(18, 43)]
COMMON = 12


class Leak(AssertionError):
    """A view shows more than sizes and result."""


class Spy(PortableBackend):
    """Keeps the elements that tags are made of."""

    def __init__(self) -> None:
        super().__init__(threads=1)
        self.derived: list[U8] = []

    def digest(self, prefix: bytes, elements: U8, items: Packed | None, width: int) -> U8:
        self.derived.append(elements.copy())
        return super().digest(prefix, elements, items, width)


class RawFillers(Spy):
    """Planted: a filler's bytes are taken for a point, not hashed to one."""

    def hash_and_mask(self, items: Packed, scalar: Scalar, dst: bytes) -> U8:
        out = super().hash_and_mask(items, scalar, dst)
        for row, item in enumerate(items[i] for i in range(len(items))):
            if item[:1] == FILLER_TYPE:
                raw = np.frombuffer(item[1:32] + b"\x11", np.uint8).reshape(1, 32)
                out = out.copy()
                out[row] = self.mask(raw, scalar)[0]
        return out


def rows(frames: list[Frame], kind: M, width: int) -> list[bytes]:
    joined = b"".join(bytes(f.payload) for f in frames if f.type == kind)
    return [joined[i : i + width] for i in range(0, len(joined), width)]


def on_curve(u: bytes) -> bool:
    x = int.from_bytes(u, "little")
    return pow(x**3 + 486662 * x**2 + x, (FIELD_PRIME - 1) // 2, FIELD_PRIME) in (0, 1)


def check_elements(elements: list[bytes], count: int) -> None:
    """What anybody may see of masked items: how many there are."""
    if len(elements) != count:
        raise Leak("number of elements")
    if not all(map(on_curve, elements)):
        raise Leak("an element lies on the twist: it is no hashed item")
    if len(set(elements)) != count:
        raise Leak("repeated elements")


def check_learner_view(frames: list[Frame], agreed: Terms, own: int, peer: int) -> None:
    """Sizes with what the terms add, replies and tags in an order that is a function of their set."""
    noise = agreed.noise
    added = 0 if noise is None else noise.added
    replies = rows(frames, M.REPLIES, 32)
    check_elements(replies, own + added)
    if replies != sorted(replies):
        raise Leak("the order of the replies is not that of their values")
    tags = rows(frames, M.TAGS, masking.tag_bytes(own + added, peer + added))
    if len(tags) != peer + added or tags != sorted(set(tags)):
        raise Leak("number or order of the tags")


def shape(frames: list[Frame]) -> list[tuple[int, int]]:
    return [(f.type, len(f.payload)) for f in frames if f.type in (M.REPLIES, M.REPLIES_END, M.TAGS, M.TAGS_END)]


def session(agreed: Terms, spies: dict[Side, Spy] | None = None) -> tuple[dict[Side, list[Frame]], Party]:
    """Frames by their sender, and the learner."""
    seen: dict[Side, list[Frame]] = {side: [] for side in Side}
    lists = {Side.CONNECT: OWN, Side.LISTEN: PEER}
    parties = {
        side: Party(setup(side, lists[side], agreed, backend=spies[side] if spies else backend(),
                          entropy=SystemEntropy()))
        for side in Side
    }  # fmt: skip
    pump(parties, lambda side, frame: seen[side].append(Frame(frame.type, bytes(frame.payload))))
    return seen, parties[Side.CONNECT]


def result_of(outcome: Outcome) -> int:
    number = outcome.matches if outcome.noisy_count is None else outcome.noisy_count
    assert number is not None
    return number


# ---- simulation


class Simulation:
    """An honest learner against a simulator that knows sizes and result, and nothing of the sender's list."""

    def __init__(self, agreed: Terms, own: list[bytes], peer_size: int, result: int) -> None:
        entropy, noise = SystemEntropy(), agreed.noise
        added, offset = (0, None) if noise is None else (noise.added, noise.bound)
        tokens = padding.pad(
            KeyTokens.shuffled(Packed.of(own), b"\x01", entropy), len(own), noise, padding.Part.RECEIVER, entropy
        )
        context = RunContext(
            agreed.reveal, agreed.chunk, tokens, peer_size + added, offset, bytes(64), DST, backend(), Store(),
            entropy, lambda k: None,
        )  # fmt: skip
        self.learner = Receiver(context)
        while self.learner.work(State.MASKING_QUIETLY)[-1].type != M.ELEMENTS_END:
            pass
        # Random group elements stand for the sender's view of the items; the learner's own mask is the learner's.
        drawn = backend().hash_and_mask(fillers(len(tokens), entropy), Scalar.draw(entropy), DST)
        replies = sorted(bytes(row) for row in backend().mask(drawn, self.learner._mask))
        tags = masking.tags(backend(), bytes(64), drawn, None, context.tag_width)
        equal = result + (offset or 0)
        random = [entropy.read(context.tag_width) for _ in range(peer_size + added - equal)]
        self.frames = [
            *self._chunks(M.REPLIES, replies, agreed.chunk), Frame(M.REPLIES_END, b""),
            *self._chunks(M.TAGS, sorted([*(bytes(t) for t in tags[:equal]), *random]), agreed.chunk),
            Frame(M.TAGS_END, b""),
        ]  # fmt: skip

    def _chunks(self, kind: M, items: list[bytes], chunk: int) -> Iterator[Frame]:
        for start in range(0, len(items), chunk):
            yield Frame(kind, b"".join(items[start : start + chunk]))


@pytest.mark.parametrize("agreed", [COUNT, NOISY], ids=["count", "noisy-count"])
def test_a_simulator_with_sizes_and_result_gives_the_learners_view(agreed: Terms) -> None:
    seen, learner = session(agreed)
    recorded, result = seen[Side.LISTEN], result_of(learner.outcome)
    simulation = Simulation(agreed, OWN, len(PEER), result)
    for view in (recorded, simulation.frames):
        check_learner_view(view, agreed, len(OWN), len(PEER))
    assert shape(recorded) == shape(simulation.frames)
    for frame in simulation.frames:
        simulation.learner.receive(M(frame.type), frame.payload, State.UNMASKING)
    assert simulation.learner.finding is not None
    assert result_of(simulation.learner.finding.outcome()) == result


@pytest.mark.parametrize("agreed", [COUNT, NOISY], ids=["count", "noisy-count"])
def test_what_the_sender_sees_are_hashed_items_whose_number_is_public(agreed: Terms) -> None:
    spies = {side: Spy() for side in Side}
    seen, _ = session(agreed, spies)
    noise = agreed.noise
    added = 0 if noise is None else noise.added
    check_elements(rows(seen[Side.CONNECT], M.ELEMENTS, 32), len(OWN) + added)
    check_elements([bytes(row) for block in spies[Side.LISTEN].derived for row in block], len(PEER) + added)


# ---- planted leaks


def leaky(rearrange: Callable[[U8], U8]) -> Callable[[Sender, Column], Iterator[U8]]:
    """A sender whose replies leave in the order in which the elements came, each chunk rearranged."""
    sorted_chunks = Sender._chunks

    def chunks(self: Sender, column: Column, size: int) -> Iterator[U8]:
        if column.read(0, 1).shape[1] != 32:
            yield from sorted_chunks(self, column, size)
            return
        for start in range(0, len(column), self._run.chunk):
            yield rearrange(column.read(start, min(start + self._run.chunk, len(column))))

    return chunks


@pytest.mark.parametrize("plant", ["no shuffle", "shuffle within chunks"])
def test_replies_that_are_not_shuffled_as_a_whole_are_noticed(monkeypatch: pytest.MonkeyPatch, plant: str) -> None:
    within = {"no shuffle": lambda chunk: chunk, "shuffle within chunks": lambda chunk: chunk[order(chunk)]}
    monkeypatch.setattr(Sender, "_chunks", leaky(within[plant]))
    seen, learner = session(COUNT)
    assert learner.outcome.matches == COMMON
    with pytest.raises(Leak, match="order of the replies"):
        check_learner_view(seen[Side.LISTEN], COUNT, len(OWN), len(PEER))


def test_fillers_as_random_bytes_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With at least 40 fillers, all of them on the curve has probability 2^-40."""
    monkeypatch.setattr(padding, "truncated_laplace", lambda entropy, epsilon, bound: -bound)
    agreed = terms(reveal=Reveal.NOISY_COUNT, epsilon="1/10", delta="1/1000000", chunk=64)
    noise = agreed.noise
    assert noise is not None
    assert noise.added >= 40
    spies = {Side.CONNECT: Spy(), Side.LISTEN: RawFillers()}
    session(agreed, spies)
    with pytest.raises(Leak, match="twist"):
        check_elements([bytes(r) for block in spies[Side.LISTEN].derived for r in block], len(PEER) + noise.added)


def test_a_sender_without_fillers_would_show_the_noise_and_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(padding, "fillers", lambda count, entropy: Packed.of([]))
    monkeypatch.setattr(padding, "truncated_laplace", lambda entropy, epsilon, bound: 0)
    with pytest.raises(RemoteError, match="fewer encrypted values"):
        session(NOISY)


# ---- padding


@pytest.mark.parametrize("learn", Learner)
@pytest.mark.parametrize("mode", [{}, {"reveal": Reveal.COUNT}], ids=["matches", "count"])
@pytest.mark.parametrize("pad_to", [30, 31, 90])
def test_padded_lists_give_the_same_result_and_one_size(pad_to: int, mode: dict[str, object], learn: Learner) -> None:
    parties = run(OWN, PEER, terms(**mode, learn=learn, pad_to=pad_to, chunk=8))
    lists = {Side.CONNECT: OWN, Side.LISTEN: PEER}
    for side, party in parties.items():
        assert party.record["sizes"] == {"connect": [pad_to], "listen": [pad_to]}
        assert (party.own_size, party.peer_size) == (pad_to, pad_to)
        assert party.done_operations == party.total_operations
        learnt = side in learn.receivers
        assert party.outcome.matches == (COMMON if learnt else None)
        if learnt and not mode:
            found = [lists[side][i] for i in party.outcome.matched[0]]
            assert found == [item for item in lists[side] if item in OWN and item in PEER]


def test_views_of_padded_lists_do_not_depend_on_how_long_they_are() -> None:
    """Both sides' views of long and of short lists: the same frames, all elements hashed items."""
    shapes = []
    for reveal in ("matches", "count"):
        agreed = terms(reveal=Reveal(reveal), pad_to=40, chunk=8)
        for lists in ({Side.CONNECT: OWN, Side.LISTEN: PEER}, {Side.CONNECT: [b"1"], Side.LISTEN: []}):
            seen: dict[Side, list[tuple[int, int]]] = {side: [] for side in Side}
            elements: list[Frame] = []

            def watch(side: Side, frame: Frame, seen: object = seen, elements: list[Frame] = elements) -> None:
                seen[side].append((frame.type, len(frame.payload)))
                if frame.type in (M.ELEMENTS, M.REPLIES):
                    elements.append(Frame(frame.type, bytes(frame.payload)))

            pump({side: Party(setup(side, lists[side], agreed)) for side in Side}, watch)
            check_elements(rows(elements, M.ELEMENTS, 32), 40)
            check_elements(rows(elements, M.REPLIES, 32), 40)
            shapes.append((reveal, seen))
    assert shapes[0] == shapes[1]
    assert shapes[2] == shapes[3]


def test_fillers_of_padding_as_random_bytes_are_noticed() -> None:
    spies = {Side.CONNECT: RawFillers(), Side.LISTEN: Spy()}
    seen, _ = session(terms(reveal=Reveal.COUNT, pad_to=len(OWN) + 40, chunk=8), spies)
    with pytest.raises(Leak, match="twist"):
        check_elements(rows(seen[Side.CONNECT], M.ELEMENTS, 32), len(OWN) + 40)


def test_a_list_beyond_the_padding_and_a_peer_that_declares_another_size_are_refused() -> None:
    with pytest.raises(InputError, match="--pad-to allows at most 29"):
        Party(setup(Side.CONNECT, OWN, terms(pad_to=29)))
    with pytest.raises(UsageError, match="--pad-to must be from 1 to"):
        terms(pad_to=0)
    agreed = terms(pad_to=50)
    parties = {side: Party(setup(side, OWN, agreed)) for side in Side}
    assert bytes(declared(parties)[Side.CONNECT].payload) == b'{"sizes":[50]}'
    with pytest.raises(RemoteError, match="does not have the size of --pad-to"):
        parties[Side.CONNECT].receive(sizes_frame([49]))
