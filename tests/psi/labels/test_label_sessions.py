"""Sessions with columns: who gets them, when they are read, and a sender that spoils one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.labelled import AGREED, BOTH, COMMON, OWN, PEER, Given, View, payload_of
from support.parties import backend, pump, setup

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Side
from psi.agreement.terms import Terms
from psi.group.curve25519.suite import DST
from psi.inputs.tokens import KeyTokens
from psi.labels import labels
from psi.protocol.matching import Comparison
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Outcome
from psi.protocol.party import Party
from psi.protocol.run import RunContext
from psi.protocol.states import State
from psi.store.spool import Store
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError
from psiselect.base.packed import U8, Packed


def spoil(monkeypatch: pytest.MonkeyPatch, item: bytes) -> list[bytes]:
    """The label of `item` does not open; returns what was spoiled."""
    honest, done = labels.seal, []

    def seal(keys: U8, payloads: U8) -> U8:
        sealed = honest(keys, payloads).copy()
        for row, payload in enumerate(payloads):
            if bytes(payload) == payload_of(item) and not done:  # the first sender, who listens
                sealed[row, -1] ^= 1
                done.append(bytes(payload))
        return sealed

    monkeypatch.setattr("psi.protocol.sender.labels.seal", seal)
    return done


@pytest.mark.parametrize("agreed", [AGREED, BOTH], ids=["cannot be used with --learn both", "both learn"])
@pytest.mark.parametrize("item", [b"20", b"40"], ids=["a match", "no match"])
def test_a_sender_that_spoils_a_label_sees_what_it_would_have_seen(
    monkeypatch: pytest.MonkeyPatch, agreed: Terms, item: bytes
) -> None:
    honest = View(agreed, "seed")
    done = spoil(monkeypatch, item)
    spoiled = View(agreed, "seed")
    assert done == [payload_of(item)]
    assert spoiled.sent_by(Side.CONNECT) == honest.sent_by(Side.CONNECT)  # all that the sender gets to see
    assert [party.state for party in spoiled.parties.values()] == [State.DONE, State.DONE]
    assert spoiled.parties[Side.LISTEN].record == honest.parties[Side.LISTEN].record
    assert spoiled.parties[Side.LISTEN].signatures == honest.parties[Side.LISTEN].signatures
    assert spoiled.outcome.labels is not None
    if item in COMMON:
        with pytest.raises(RemoteError, match="cannot be decrypted") as caught:
            spoiled.outcome.labels[0].open()
        assert "20" not in str(caught.value)
    else:
        spoiled.outcome.labels[0].open()
    honest.outcome.labels[0].open()


def test_both_learn_and_both_get_columns() -> None:
    view = View(BOTH)
    for side, own in ((Side.CONNECT, OWN), (Side.LISTEN, PEER)):
        outcome = view.parties[side].outcome
        got = [bytes(row) for row in outcome.labels[0].open()]
        assert got == [payload_of(own[number]) for number in outcome.matched[0]]
        assert set(got) == {payload_of(item) for item in COMMON}


def test_columns_for_one_learner_go_one_way() -> None:
    one_way = dataclasses.replace(BOTH, columns=ColumnTerms((), ("c",)))
    view = View(one_way)
    assert view.parties[Side.CONNECT].outcome.labels is not None
    assert view.parties[Side.LISTEN].outcome.labels is None
    assert view.parties[Side.LISTEN].outcome.matches == len(COMMON)


def test_wide_rows_stay_within_a_frame() -> None:
    tokens = KeyTokens(Packed.of(OWN), np.arange(30), b"\x01")
    context = RunContext(AGREED.reveal, 8192, tokens, 30, None, bytes(64), DST, backend(), Store(),
                         SystemEntropy(), lambda k: None, 3, 4096)  # fmt: skip
    assert context.tag_row_width == 3 * (context.tag_width + 4112)
    assert 0 < context.tag_rows_in_chunk * context.tag_row_width + 5 <= 1 << 20


@pytest.mark.parametrize(
    ("agreed", "collections"), [(AGREED, 1), (BOTH, 2), (dataclasses.replace(AGREED, min_matches=len(COMMON) + 1), 0)]
)
def test_labels_are_read_when_the_last_message_is_there_and_no_column_stays(
    monkeypatch: pytest.MonkeyPatch, agreed: Terms, collections: int
) -> None:
    """Reading takes time for each match: whoever waits for this side's FINISH has it by then."""
    finished: list[Side] = []
    collected: list[list[Side]] = []
    closed: list[Store] = []
    collect = Comparison._matches

    def watched(self: Comparison) -> Outcome:
        collected.append(list(finished))
        return collect(self)

    class Watched(Store):
        def close(self) -> None:
            closed.append(self)
            super().close()

    made: list[Store] = []

    def stores() -> Store:
        made.append(Watched())
        return made[-1]

    monkeypatch.setattr(Comparison, "_matches", watched)
    parties = {side: Party(setup(side, items, agreed, labels=Given(items), stores=stores))
               for side, items in ((Side.CONNECT, OWN), (Side.LISTEN, PEER))}  # fmt: skip
    pump(parties, lambda side, frame: finished.append(side) if frame.type == M.FINISH else None)
    assert len(collected) == collections
    assert all(set(seen) == set(Side) for seen in collected)
    assert set(map(id, closed)) == set(map(id, made))
    assert len(made) == 2 * len(agreed.learn.receivers)
