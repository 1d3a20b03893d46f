"""Two sessions of the same lists have nothing in common on the wire: each side alone sees to it.

Orders of items are in tests/psi/inputs/test_orders.py, places that draw in tests/test_fresh_secrets.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.labelled import Given
from support.parties import pump, setup, terms

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Learner, Reveal, SessionProtocol, Side
from psi.inputs.tokens import KeyTokens
from psi.protocol import schedule
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.transport.wire import Frame
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import Packed

ITEMS = [b"%d" % n for n in range(20)]
SUM = {"reveal": Reveal.SUM, "value_decimals": 0, "value_max": "100"}
MODES: dict[str, dict[str, object]] = {
    "matches": {"learn": Learner.BOTH},
    "count": {"reveal": Reveal.COUNT, "learn": Learner.BOTH},
    "noisy count": {"reveal": Reveal.NOISY_COUNT, "epsilon": "1", "delta": "1/10"},
    "padded": {"pad_to": 30, "learn": Learner.BOTH},
    "columns": {"columns": ColumnTerms((), ("c",)), "label_bytes": 64},
    "sum": {**SUM, "learn": Learner.BOTH},
    "fast": {"protocol": SessionProtocol.FAST, "learn": Learner.BOTH},
}
# Bytes of the parts of each message that must be new each time; a tag is shorter than 8 bytes, so all tags at once.
PARTS = {
    M.ELEMENTS: 32, M.REPLIES: 32, M.TAGS: 0, M.SEED_REQUEST: 32, M.SEED_ANSWER: 32, M.TRANSFERS: 16,
    M.TRANSFERS_END: 16, M.CHALLENGE: 32, M.PROOF: 16, M.CORRECTIONS: 8, M.TOTAL: 8, M.AUTH: 32, M.FINISH: 32,
    M.TREES: 0, M.MATRIX: 0,
}  # fmt: skip
NOTHING_DRAWN = {
    M.SIZES,
    M.ELEMENTS_END,
    M.REPLIES_END,
    M.TAGS_END,
    M.ALIVE,
    M.ABORT,
    M.RESUME,
    M.BYE,
    M.ENCODING,
    M.MATRIX_END,
}


def session(mode: dict[str, object], fresh: Side) -> list[tuple[Side, Frame]]:
    """All frames; only `fresh` draws from the system, the other side always draws the same."""
    agreed, seen = terms(**mode), []

    def party(side: Side) -> Party:
        entropy = SystemEntropy() if side is fresh else FixedEntropy(side.value)
        packed = Packed.of(ITEMS)
        return Party(setup(side, ITEMS, agreed, entropy=entropy, labels=Given(ITEMS), values=np.ones_like,
                           tokens=lambda number: KeyTokens.shuffled(packed, b"\x01", entropy)))  # fmt: skip

    pump(
        {side: party(side) for side in Side},
        lambda side, frame: seen.append((side, Frame(frame.type, bytes(frame.payload)))),
    )
    return seen


def parts(frames: list[tuple[Side, Frame]], fresh: Side) -> Iterator[tuple[M, bytes]]:
    """What must not come again: all that the fresh side sends, and of the other side all but its elements and its
    choices, which it makes alone."""
    alone = {M.ELEMENTS, M.SEED_REQUEST, M.CHALLENGE, M.TREES, M.MATRIX}
    for side, frame in frames:
        kind, data = M(frame.type), bytes(frame.payload)
        if kind is M.HELLO and side is fresh:
            yield kind, bytes.fromhex(json.loads(data)["nonce"])
        elif kind in PARTS and (side is fresh or kind not in alone):
            width = PARTS[kind] or len(data)
            yield from ((kind, data[i : i + width]) for i in range(0, len(data), width))


@pytest.mark.parametrize("fresh", Side, ids=lambda side: f"{side.value} draws")
@pytest.mark.parametrize("mode", MODES)
def test_no_part_of_a_session_comes_again(mode: str, fresh: Side) -> None:
    """Fails by chance with probability below 2^-40: some hundred corrections of 64 bits."""
    first, second = (session(MODES[mode], fresh) for _ in range(2))
    seen = [set(parts(frames, fresh)) for frames in (first, second)]
    assert seen[0] & seen[1] == set()
    kinds = {kind for kind, _ in seen[0]}
    runs = schedule.plan(terms(**MODES[mode]))
    assert kinds >= {M.HELLO, M.AUTH, M.FINISH, M.TAGS}
    fast, receives = mode == "fast", any(run.receiver is fresh for run in runs)
    assert (M.REPLIES in kinds) != fast
    assert (M.ELEMENTS in kinds) == (receives and not fast)
    assert ({M.TREES, M.MATRIX} <= kinds) == (receives and fast)
    assert (M.CORRECTIONS in kinds) == (mode == "sum")


def test_every_message_is_known_here() -> None:
    assert PARTS.keys() | NOTHING_DRAWN | {M.HELLO} == set(M)


def test_within_a_session_no_element_comes_twice() -> None:
    """Two runs with the same list: 80 elements and replies in all."""
    seen = session(MODES["matches"], Side.CONNECT)
    rows = [part for kind, part in [*parts(seen, Side.CONNECT), *parts(seen, Side.LISTEN)] if kind is M.ELEMENTS]
    replies = [part for kind, part in parts(seen, Side.CONNECT) if kind is M.REPLIES]
    assert len(set(rows)) == len(rows) == 40
    assert len({*rows, *replies}) == 80
