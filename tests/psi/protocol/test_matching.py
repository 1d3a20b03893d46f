"""Matches may matter when the session is over, and not before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.parties import backend, pump, setup, terms

from psi.agreement.modes import Comparer, Learner, Reveal, Side
from psi.group.curve25519.suite import DST
from psi.inputs.padding import PaddedTokens, dummies
from psi.inputs.tokens import KeyTokens
from psi.protocol.matching import Comparison
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.run import RunContext
from psi.protocol.states import State
from psi.store.spool import Joined, Store
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import Packed

ITEMS = [b"%d" % number for number in range(30)]
NOISE = {"reveal": Reveal.NOISY_COUNT, "epsilon": "1", "delta": "1/1000"}
SUM = {"reveal": Reveal.SUM, "value_decimals": 0, "value_max": "9"}
# Whether a mode must compare before the end, and does that by work that depends on sizes only.
EARLY = {
    "matches": ({}, False),
    "count": ({"reveal": Reveal.COUNT}, False),
    "noisy count": (NOISE, False),
    "withheld": ({"min_matches": 31}, False),
    "both": ({"learn": Learner.BOTH}, True),
    "sum": (SUM, True),
    "compared": ({"min_matches": 1, "min_matches_by": Comparer.OTHER}, True),
}


@pytest.mark.parametrize("mode", EARLY)
def test_nothing_is_compared_before_the_last_message_unless_the_mode_needs_it(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, early = EARLY[mode]
    events: list[str] = []
    join, outcome = Comparison.join, Comparison.outcome

    def joined(self: Comparison) -> list[Joined]:
        events.append("join")
        return join(self)

    def found(self: Comparison) -> object:
        events.append("outcome")
        return outcome(self)

    monkeypatch.setattr(Comparison, "join", joined)
    monkeypatch.setattr(Comparison, "outcome", found)
    parties = {side: Party(setup(side, ITEMS, terms(**changes), values=np.zeros_like)) for side in Side}

    def watch(side: Side, frame: object) -> None:
        if frame.type == M.FINISH:
            events.append("finish")

    pump(parties, watch)
    last = len(events) - events[::-1].index("finish")
    assert "outcome" not in events[:last]
    assert ("join" in events[:last]) is early


def test_a_party_that_is_not_settled_holds_no_outcome() -> None:
    """DONE alone finds nothing: the link may still be open."""
    parties = {side: Party(setup(side, ITEMS)) for side in Side}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Party, "settle", lambda party: None)
        pump(parties)
    assert all(party.state is State.DONE and not party.outcome.learnt for party in parties.values())
    parties[Side.CONNECT].settle()
    assert parties[Side.CONNECT].outcome.matches == 30


@pytest.mark.parametrize("rows", [(0, 0), (0, 5), (5, 0), (300, 200)])
def test_counts_and_bits_are_those_of_the_sets(
    rows: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, peer = rows
    draw = np.random.default_rng(3)
    both = draw.integers(0, 256, (min(rows) // 2, 6), np.uint8)
    tables = [np.concatenate([both, draw.integers(0, 256, (count - len(both), 6), np.uint8)]) for count in rows]
    for folder, limit in ((None, 0), (tmp_path, 2_000)):
        store = Store(folder, limit)
        columns = [store.column(name, 6) for name in ("own", "peer")]
        for column, table in zip(columns, tables, strict=True):
            column.append(table)
        tokens = KeyTokens(Packed.of(b"%d" % n for n in range(own)), np.arange(own), b"\x01")
        run = RunContext(
            Reveal.COUNT, 16, tokens, peer, None, bytes(64), DST, backend(), store, SystemEntropy(), lambda k: None
        )
        dropped: list[str] = []
        monkeypatch.setattr(store, "discard", lambda column, dropped=dropped: dropped.append(column.name))
        comparison = Comparison(run, columns[:1], columns[1:])
        assert comparison.bits().tolist() == [1] * len(both) + [0] * (peer - len(both))
        assert comparison.counts() == (len(both),)
        assert comparison.outcome().counts == (len(both),)
        assert dropped == ["own", "peer"]
        store.close()


def test_an_item_that_was_only_added_is_no_match_of_ones_own() -> None:
    """Whatever tags a peer sends: such an item has no number of a record."""
    store, inner = Store(), KeyTokens(Packed.of([b"a", b"b", b"c"]), np.arange(3), b"\x01")
    tokens = PaddedTokens(inner, dummies(5), FixedEntropy("added"))
    columns = [store.column(name, 6) for name in ("own", "peer")]
    for column in columns:
        column.append(np.arange(48, dtype=np.uint8).reshape(8, 6))
    run = RunContext(
        Reveal.MATCHES, 16, tokens, 8, None, bytes(64), DST, backend(), store, SystemEntropy(), lambda k: None
    )
    (matched,) = Comparison(run, columns[:1], columns[1:]).outcome().matched or ()
    assert matched.tolist() == [0, 1, 2]
    store.close()
