"""One-to-one matching by two keys: a simulator that knows sizes and the match graph rebuilds the learner's view."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.parties import backend, pump, setup, terms

from psi.agreement.modes import Matching, Reveal, Side
from psi.agreement.terms import KeyTerm
from psi.group import masking
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psi.inputs.padding import fillers
from psi.inputs.row_tokens import RowTokens
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Outcome
from psi.protocol.party import Party
from psi.protocol.receiver import Receiver
from psi.protocol.run import RunContext
from psi.protocol.states import State
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import Packed

TWO = (KeyTerm("raw/1", "00" * 32), KeyTerm("text/1", "11" * 32))
PREFIXES = (b"\x01mail", b"\x01phon")
AGREED = terms(reveal=Reveal.COUNT, keys=TWO, matching=Matching.ONE_TO_ONE, chunk=8)
Table = list[tuple[int | None, int | None]]  # a record's values, each in one record of a list at most
Graph = list[set[tuple[int, int]]]  # for each key, pairs of records with equal values


def tokens(table: Table, seed: str) -> RowTokens:
    values = [Packed.of(b"%d" % n for n in range(100)) for _ in range(2)]
    numbers = np.array([[-1 if value is None else value for value in row] for row in table]).reshape(-1, 2)
    return RowTokens(values, PREFIXES, numbers, FixedEntropy(seed))


def random_table(draw: random.Random, count: int) -> Table:
    columns = [draw.sample(range(40), count) for _ in range(2)]
    return [tuple(None if draw.random() < 0.2 else column[n] for column in columns) for n in range(count)]


def graph_of(own: Table, peer: Table) -> Graph:
    return [
        {(a, b) for a, x in enumerate(own) for b, y in enumerate(peer) if x[key] is not None and x[key] == y[key]}
        for key in range(2)
    ]


def chunks(kind: M, rows: list[bytes], size: int) -> Iterator[Frame]:
    for start in range(0, len(rows), size):
        yield Frame(kind, b"".join(rows[start : start + size]))


def simulate(own: Table, peer_size: int, graph: Graph) -> tuple[list[Frame], Outcome]:
    """What an honest learner receives, without a value of the peer's: random elements for its own records, random tags
    for the peer's, equal where the graph has an edge. Its nodes carry no names: both sides' rows are sorted anew."""
    entropy = SystemEntropy()
    context = RunContext(
        AGREED.reveal, AGREED.chunk, tokens(own, "own"), peer_size, None, bytes(64), DST, backend(), Store(),
        entropy, lambda k: None, keys=2,
    )  # fmt: skip
    learner = Receiver(context)
    while learner.work(State.MASKING_QUIETLY)[-1].type != M.ELEMENTS_END:
        pass
    drawn = backend().hash_and_mask(fillers(2 * len(own), entropy), Scalar.draw(entropy), DST)
    replies = backend().mask(drawn, learner._mask).reshape(-1, 64)
    width = context.tag_width
    of_own = masking.tags(backend(), bytes(64), drawn, None, width).reshape(-1, 2, width)
    rows = np.frombuffer(entropy.read(2 * width * peer_size), np.uint8).reshape(-1, 2, width).copy()
    for key, edges in enumerate(graph):
        for a, b in edges:
            rows[b, key] = of_own[a, key]
    frames = [
        *chunks(M.REPLIES, sorted(bytes(row) for row in replies), context.items_in_chunk),
        Frame(M.REPLIES_END, b""),
        *chunks(M.TAGS, sorted(bytes(row.reshape(-1)) for row in rows), context.tag_rows_in_chunk),
        Frame(M.TAGS_END, b""),
    ]
    for frame in frames:
        learner.receive(M(frame.type), frame.payload, State.UNMASKING)
    assert learner.finding is not None
    return frames, learner.finding.outcome()


def seen_graph(frames: list[Frame], learner_tags: np.ndarray, width: int) -> list[tuple[int, ...]]:
    """Everything that equal tags say: for each of the peer's rows under which keys it has a partner, and which two rows
    share one; in an order without names."""
    joined = b"".join(bytes(f.payload) for f in frames if f.type == M.TAGS)
    peer = np.frombuffer(joined, np.uint8).reshape(-1, 2, width)
    partner = [{bytes(row): n for n, row in enumerate(learner_tags[:, key])} for key in range(2)]
    found = [tuple(partner[key].get(bytes(row[key]), -1) for key in range(2)) for row in peer]
    share = {n: [own.count(n) for own in zip(*found, strict=True)] for row in found for n in row if n >= 0}
    return sorted((*(int(n >= 0) for n in row), *(sum(share[n]) if n >= 0 else 0 for n in row)) for row in found)


def recorded(own: Table, peer: Table) -> tuple[list[Frame], Party, np.ndarray]:
    kept: list[np.ndarray] = []
    compare = Receiver._compare

    class Watching(Receiver):
        def _compare(self) -> None:
            kept.append(np.stack([column.read(0, len(column)) for column in self._own_tags], axis=1))
            compare(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("psi.protocol.party.Receiver", Watching)
        parties = {
            side: Party(setup(side, [], AGREED, sizes=(len(table),), entropy=SystemEntropy(),
                              tokens=lambda number, table=table, side=side: tokens(table, side.value)))
            for side, table in ((Side.CONNECT, own), (Side.LISTEN, peer))
        }  # fmt: skip
        frames: list[Frame] = []

        def watch(side: Side, frame: Frame) -> None:
            if side is Side.LISTEN and frame.type in (M.REPLIES, M.REPLIES_END, M.TAGS, M.TAGS_END):
                frames.append(Frame(frame.type, bytes(frame.payload)))

        pump(parties, watch)
    return frames, parties[Side.CONNECT], kept[0]


@pytest.mark.parametrize("seed", range(12))
def test_sizes_and_match_graph_give_the_learners_view(seed: int) -> None:
    draw = random.Random(seed)
    own, peer = random_table(draw, draw.randint(0, 25)), random_table(draw, draw.randint(0, 25))
    graph = graph_of(own, peer)
    frames, learner, own_tags = recorded(own, peer)
    simulated, outcome = simulate(own, len(peer), graph)
    assert [(f.type, len(f.payload)) for f in frames] == [(f.type, len(f.payload)) for f in simulated]
    assert outcome == learner.outcome
    # The equal tags say what the graph says and nothing else.
    width = masking.tag_bytes(len(own), len(peer))
    degree = {b: [sum(edge[1] == b for edge in edges) for edges in graph] for b in range(len(peer))}
    own_of = {b: [next((a for a, other in edges if other == b), -1) for edges in graph] for b in range(len(peer))}
    count = {a: sum(edge[0] == a for edges in graph for edge in edges) for a in range(len(own))}
    wanted = sorted((*degree[b], *(count[a] if a >= 0 else 0 for a in own_of[b])) for b in range(len(peer)))
    assert seen_graph(frames, own_tags, width) == wanted
