"""What the two sides of a sum see: simulators rebuild both views from what each side may know, recorded views have the
structure of simulated ones, and planted leaks do not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import log, sqrt

import numpy as np
import pytest
from support.laws import FALSE_ALARM
from support.parties import backend, pump, setup, terms

from psi.agreement.modes import Reveal, Side
from psi.group import masking
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST, FIELD_PRIME
from psi.inputs.padding import fillers
from psi.inputs.tokens import KeyTokens
from psi.oblivious import correlated
from psi.oblivious.base import BaseReceiver, BaseSender
from psi.oblivious.columns import CHECK_ROWS, COLUMNS, ROW_BYTES, UniversalHash, spread
from psi.oblivious.correlated import PadHash
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Outcome
from psi.protocol.party import Party
from psi.protocol.receiver import Receiver
from psi.protocol.run import RunContext
from psi.protocol.sender import Sender
from psi.protocol.states import State
from psi.protocol.summing import SumReceiver, SumSender
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import I64, U8, Packed

CHUNK = 64
SUM = terms(reveal=Reveal.SUM, value_decimals=2, value_max="1000000", chunk=CHUNK)
OWN = [b"%d" % i for i in range(200)]
PEER = [b"%d" % i for i in range(120, 420)]
VALUES = np.array([*range(1, len(PEER) + 1), 0], np.int64)
COUNT, TOTAL = 80, int(VALUES[:80].sum())


class Leak(AssertionError):
    """A view shows more than sizes, count and total."""


def joined(frames: list[Frame], kind: M) -> bytes:
    return b"".join(bytes(f.payload) for f in frames if f.type == kind)


def on_curve(u: bytes) -> bool:
    x = int.from_bytes(u, "little")
    return pow(x**3 + 486662 * x**2 + x, (FIELD_PRIME - 1) // 2, FIELD_PRIME) in (0, 1)


def check_elements(payload: bytes) -> None:
    elements = [payload[i : i + 32] for i in range(0, len(payload), 32)]
    if len(elements) != COLUMNS or len(set(elements)) != COLUMNS:
        raise Leak("number of elements, or repeated ones")
    if not all(map(on_curve, elements)):
        raise Leak("an element that is no hashed one")


def check_uniform(payload: bytes, width: int, what: str) -> None:
    """Rows differ, and each of their bits is 1 in about half of them: Hoeffding at FALSE_ALARM over all bits."""
    rows = np.frombuffer(payload, np.uint8).reshape(-1, width)
    if len(np.unique(rows, axis=0)) != len(rows):
        raise Leak(f"repeated {what}")
    ones = np.unpackbits(rows, axis=1).sum(axis=0)
    slack = sqrt(len(rows) * log(2 * 8 * width / FALSE_ALARM) / 2)
    if np.any(np.abs(ones - len(rows) / 2) > slack):
        raise Leak(f"bits of {what} are not even")


def check_learner_view(frames: list[Frame]) -> None:
    check_elements(joined(frames, M.SEED_REQUEST))
    corrections = joined(frames, M.CORRECTIONS)
    if len(corrections) != 8 * len(PEER):
        raise Leak("number of corrections")
    check_uniform(corrections, 8, "corrections")
    tags = joined(frames, M.TAGS)
    width = masking.tag_bytes(len(OWN), len(PEER))
    split = [tags[i : i + width] for i in range(0, len(tags), width)]
    if len(split) != len(PEER) or split != sorted(set(split)):
        raise Leak("number or order of the tags")


def check_sender_view(frames: list[Frame]) -> None:
    check_elements(joined(frames, M.SEED_ANSWER))
    transfers = joined(frames, M.TRANSFERS)
    if len(transfers) != ROW_BYTES * -(-len(PEER) // 8) * 8:
        raise Leak("number of transfers")
    check_uniform(transfers, 16, "transfers")


def shape(frames: list[Frame]) -> list[tuple[int, int]]:
    return [(f.type, len(f.payload)) for f in frames if f.type not in (M.HELLO, M.AUTH, M.SIZES, M.FINISH, M.ALIVE)]


def values(numbers: I64) -> I64:
    found: I64 = VALUES[numbers]
    return found


def session() -> tuple[dict[Side, list[Frame]], Party]:
    """Frames by their sender, and the learner."""
    seen: dict[Side, list[Frame]] = {side: [] for side in Side}
    lists = {Side.CONNECT: OWN, Side.LISTEN: PEER}
    parties = {
        side: Party(setup(side, lists[side], SUM, entropy=SystemEntropy(), values=values)) for side in Side
    }  # fmt: skip
    pump(parties, lambda side, frame: seen[side].append(Frame(frame.type, bytes(frame.payload))))
    return seen, parties[Side.CONNECT]


def context(items: list[bytes], peer_size: int) -> RunContext:
    tokens = KeyTokens.shuffled(Packed.of(items), b"\x01", SystemEntropy())
    return RunContext(
        reveal=Reveal.SUM, chunk=CHUNK, tokens=tokens, peer_size=peer_size, offset=None, binding=bytes(64), dst=DST,
        backend=backend(), store=Store(), entropy=SystemEntropy(), advance=lambda k: None, values=values,
    )  # fmt: skip


def points(count: int) -> U8:
    """Random group elements."""
    entropy = SystemEntropy()
    return backend().hash_and_mask(fillers(count, entropy), Scalar.draw(entropy), DST)


# ---- simulation


class LearnerSimulation:
    """An honest learner against a simulator that knows sizes, count and total, and nothing of the sender's list."""

    def __init__(self, count: int, total: int) -> None:
        self.frames: list[Frame] = []
        run = context(OWN, len(PEER))
        first = Receiver(run)
        while first.work(State.MASKING_QUIETLY)[-1].type != M.ELEMENTS_END:
            pass
        drawn = points(len(OWN))
        replies = sorted(bytes(row) for row in backend().mask(drawn, first._mask))
        tags = [bytes(tag) for tag in masking.tags(backend(), bytes(64), drawn, None, run.tag_width)[:count]]
        tags += [SystemEntropy().read(run.tag_width) for _ in range(len(PEER) - count)]
        for kind, rows in ((M.REPLIES, replies), (M.TAGS, sorted(tags))):
            for frame in [*self._chunks(kind, rows), Frame(M(kind + 1), b"")]:
                self._give(first, frame)
        self.learner = first.successor
        assert isinstance(self.learner, SumReceiver)
        self._give(self.learner, Frame(M.SEED_REQUEST, points(COLUMNS).tobytes()))
        while self.learner.work(State.TRANSFERRING)[-1].type != M.TRANSFERS_END:
            pass
        self._give(self.learner, Frame(M.CHALLENGE, SystemEntropy().read(32)))
        for start in range(0, len(PEER), CHUNK):
            many = min(CHUNK, len(PEER) - start)
            self._give(self.learner, Frame(M.CORRECTIONS, SystemEntropy().read(8 * many)))
        # What the learner has added up is the learner's; the total says what the share must have been.
        share = (self.learner._adding._share - total) % 2**64
        self._give(self.learner, Frame(M.TOTAL, share.to_bytes(8, "little")))

    def _give(self, learner: Receiver | SumReceiver, frame: Frame) -> None:
        self.frames.append(frame)
        learner.receive(M(frame.type), frame.payload, State.UNMASKING)

    def _chunks(self, kind: M, items: list[bytes]) -> Iterator[Frame]:
        for start in range(0, len(items), CHUNK):
            yield Frame(kind, b"".join(items[start : start + CHUNK]))


def test_a_simulator_with_sizes_count_and_total_gives_the_learners_view() -> None:
    seen, learner = session()
    assert learner.outcome == Outcome(counts=(COUNT,), total=TOTAL)
    simulation = LearnerSimulation(COUNT, TOTAL)
    for view in (seen[Side.LISTEN], simulation.frames):
        check_learner_view(view)
    assert shape(seen[Side.LISTEN]) == shape(simulation.frames)
    assert simulation.learner.finding.outcome() == learner.outcome


@pytest.mark.parametrize("total", [0, -1, 2**62, -(2**62)])
def test_the_learners_view_fits_every_total(total: int) -> None:
    """All totals are equally good explanations of what came before the share: the same simulator gives any."""
    simulation = LearnerSimulation(COUNT, total)
    check_learner_view(simulation.frames)
    assert simulation.learner.finding.outcome() == Outcome(counts=(COUNT,), total=total)


def test_a_simulator_that_knows_no_bit_gives_the_senders_view() -> None:
    seen, _ = session()
    run = context(PEER, len(OWN))
    sender = SumSender(run, iter([VALUES[:-1]]), len(PEER))
    frames: list[Frame] = []

    def give(frame: Frame) -> list[Frame]:
        frames.append(frame)
        return sender.receive(M(frame.type), frame.payload, State.ASKED)

    [request] = sender.work(State.ASKING)
    asked = np.frombuffer(request.payload, np.uint8).reshape(COLUMNS, 32)
    answer, _ = BaseSender(backend(), DST, run.binding, run.entropy).answer(asked)
    give(Frame(M.SEED_ANSWER, answer.tobytes()))
    for start in range(0, len(PEER), CHUNK):
        rows = min(CHUNK, -(-(len(PEER) - start) // 8) * 8)
        give(Frame(M.TRANSFERS, run.entropy.read(rows * ROW_BYTES)))
    [challenge] = give(Frame(M.TRANSFERS_END, run.entropy.read(CHECK_ROWS * ROW_BYTES)))
    # The proof that fits is a function of the sender's own columns and of a hash that is uniform.
    extension = sender._extending
    check, (*blocks, last) = UniversalHash(bytes(challenge.payload), COLUMNS), extension.columns()
    for block in blocks:
        check.add(block)
    drawn = np.frombuffer(run.entropy.read(CHECK_ROWS // 8), np.uint8)
    hashes = np.concatenate([check.finish(last) ^ (spread(extension.bits)[:, None] & drawn), drawn[None]])
    give(Frame(M.PROOF, hashes.tobytes()))
    while sender.finding is None:
        sender.work(State.CORRECTING)
    check_sender_view(frames)
    check_sender_view(seen[Side.CONNECT])
    after = [event for event in shape(seen[Side.CONNECT]) if event[0] > M.ABORT]
    assert after == shape(frames)


# ---- planted leaks


def test_values_without_pads_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PadHash, "__call__", lambda self, rows, start: np.zeros(len(rows), np.uint64))
    seen, learner = session()
    assert learner.outcome.total == TOTAL
    with pytest.raises(Leak, match="bits of corrections"):
        check_learner_view(seen[Side.LISTEN])


def test_pads_that_repeat_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One pad for all rows, and values that are often equal."""
    whole = correlated.PadHash.__call__
    monkeypatch.setattr(
        PadHash, "__call__", lambda self, rows, start: whole(self, np.zeros_like(rows[:1]), 0).repeat(len(rows))
    )
    monkeypatch.setattr(sys.modules[__name__], "VALUES", np.zeros(len(PEER) + 1, np.int64))
    seen, _ = session()
    with pytest.raises(Leak, match="repeated corrections"):
        check_learner_view(seen[Side.LISTEN])


def test_choices_of_seeds_that_are_no_hashed_elements_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """128 random strings are all on the curve with probability 2^-128."""
    raw = np.frombuffer(SystemEntropy().read(32 * COLUMNS), np.uint8).reshape(COLUMNS, 32).copy()
    raw[:, 31] &= 63
    monkeypatch.setattr(BaseReceiver, "request", lambda self: raw)
    run = context(PEER, len(OWN))
    [request] = SumSender(run, iter([VALUES[:-1]]), len(PEER)).work(State.ASKING)
    with pytest.raises(Leak, match="no hashed one"):
        check_elements(bytes(request.payload))


def test_bits_that_are_sent_in_the_clear_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns without the streams: what is sent is the bits themselves, the same in each column."""
    monkeypatch.setattr("psi.oblivious.columns.Streams.fill", lambda self, out, first=0: out.fill(0))
    seen, _ = session()
    with pytest.raises(Leak, match="transfers"):
        check_sender_view(seen[Side.CONNECT])


def test_tags_in_the_order_of_the_list_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver would refuse them; the view shows it as well."""

    def unsorted(self: Sender, column: object, size: int) -> Iterator[U8]:
        for start in range(0, len(column), size):
            yield column.read(start, min(start + size, len(column)))

    seen = []
    monkeypatch.setattr(Sender, "_chunks", unsorted)
    run = context(PEER, 0)
    sender = Sender(run)
    while sender.successor is None:
        seen += sender.work(State.TAGGING) or []
    with pytest.raises(Leak):
        check_learner_view([*seen, Frame(M.SEED_REQUEST, points(COLUMNS).tobytes()),
                            Frame(M.CORRECTIONS, SystemEntropy().read(8 * len(PEER)))])  # fmt: skip
