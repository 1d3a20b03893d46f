"""Every chunk is full but the last one: many small frames would cost the other side many times the work."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from support.parties import declared, pump, setup, terms

from psi.agreement.modes import Reveal, Side
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.run import rows
from psi.store.rows import in_chunks
from psi.transport.wire import Frame
from psiselect.base.errors import RemoteError

ITEMS = [b"%d" % number for number in range(40)]
SUM = {"reveal": Reveal.SUM, "value_decimals": 0, "value_max": "9"}


def session(agreed: dict[str, object], spoil: Callable[[Side, Frame], Iterator[Frame]] | None = None) -> list[Frame]:
    """All frames of a session; those of one side may be cut in another way on their way."""
    seen: list[Frame] = []
    parties = {side: Party(setup(side, ITEMS, terms(chunk=16, **agreed), values=np.zeros_like)) for side in Side}
    if spoil is not None:
        for side, party in parties.items():
            cut(party, side, spoil)
    pump(parties, lambda side, frame: seen.append(frame))
    return seen


def cut(party: Party, side: Side, spoil: Callable[[Side, Frame], Iterator[Frame]]) -> None:
    send = party._send

    def spoilt(frames: list[Frame]) -> list[Frame]:
        return [piece for frame in send(frames) for piece in spoil(side, frame)]

    party._send = spoilt  # type: ignore[method-assign]


@pytest.mark.parametrize("agreed", [{}, {"reveal": Reveal.COUNT}, SUM], ids=["matches", "count", "sum"])
def test_an_honest_side_sends_full_chunks_and_a_last_one(agreed: dict[str, object]) -> None:
    """Also where rows are sorted in blocks that no chunk fits."""
    sizes: dict[int, list[int]] = {}
    for frame in session(agreed):
        sizes.setdefault(frame.type, []).append(len(frame.payload))
    for kind in (M.ELEMENTS, M.REPLIES):
        assert sizes[kind] == [512, 512, 256]
    first, second, last = sizes[M.TAGS]
    assert first == second == 2 * last
    if agreed is SUM:
        assert sizes[M.CORRECTIONS] == [128, 128, 64]


@pytest.mark.parametrize("kind", [M.ELEMENTS, M.REPLIES, M.TAGS, M.CORRECTIONS])
def test_one_row_at_a_time_is_refused_in_either_direction(kind: M) -> None:
    def single(side: Side, frame: Frame) -> Iterator[Frame]:
        width = 8 if kind is M.CORRECTIONS else 32 if kind is not M.TAGS else len(frame.payload) // 16
        if frame.type != kind:
            yield frame
            return
        payload = bytes(frame.payload)
        for start in range(0, len(payload), width):
            yield Frame(frame.type, payload[start : start + width])

    with pytest.raises(RemoteError, match="expected 16 rows"):
        session(SUM, single)


@pytest.mark.parametrize(("sent", "left", "good"), [(16, 40, True), (15, 40, False), (8, 8, True), (9, 8, False),
                                                    (0, 8, False), (1, 0, False), (17, 40, False)])  # fmt: skip
def test_a_chunk_is_full_or_all_that_is_left(sent: int, left: int, good: bool) -> None:
    if good:
        assert len(rows(bytes(5 * sent), 5, 16, left, "rows")) == sent
        return
    with pytest.raises(RemoteError):
        rows(bytes(5 * sent), 5, 16, left, "rows")


@pytest.mark.parametrize("blocks", [[], [0], [5], [16], [17], [3, 20, 0, 40, 1], [16, 16], [1] * 33])
def test_blocks_are_cut_into_full_chunks(blocks: list[int]) -> None:
    whole = np.arange(sum(blocks), dtype=np.uint8).reshape(-1, 1)
    stops = np.cumsum([0, *blocks])
    pieces = [whole[start:stop] for start, stop in itertools.pairwise(stops)]
    chunks = list(in_chunks(iter(pieces), 16))
    assert [len(chunk) for chunk in chunks] == [16] * (len(whole) // 16) + [len(whole) % 16] * (len(whole) % 16 > 0)
    assert b"".join(chunk.tobytes() for chunk in chunks) == whole.tobytes()


def test_replies_to_elements_that_were_not_sent_yet_are_refused() -> None:
    """Where replies come as they are ready, a sender could answer ahead of what it was asked."""
    parties = {side: Party(setup(side, ITEMS, terms(chunk=16))) for side in Side}
    sizes = declared(parties)
    learner = parties[Side.CONNECT]
    learner.receive(sizes[Side.LISTEN])
    (elements,) = learner.work()  # 16 of 40
    reply = Frame(M.REPLIES, bytes(elements.payload))
    learner.receive(reply)
    with pytest.raises(RemoteError, match="more replies than it may"):
        learner.receive(reply)
