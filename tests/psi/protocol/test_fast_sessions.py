"""Whole sessions under `--protocol fast`: results against a plain join, what is agreed, what a peer may not send."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import pytest
from support.fast import without_curve
from support.parties import RAW, declared, pump, run, setup, terms

from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, SessionProtocol, Side
from psi.agreement.terms import Terms, difference
from psi.fast.parameters import MAX_ITEMS
from psi.inputs.tokens import TokensInOrder
from psi.protocol.messages import MessageType as M
from psi.protocol.messages import abort_frame
from psi.protocol.party import Party
from psi.protocol.states import State
from psi.transport.wire import Frame
from psiselect.base.errors import RemoteError, UsageError
from psiselect.base.packed import I64, U8, Packed

FAST = SessionProtocol.FAST
HERE = [b"%d" % number for number in range(30)]
THERE = [b"%d" % number for number in range(20, 60)]


@pytest.fixture(autouse=True)
def dealt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Base transfers dealt by hand: they are tested by themselves, and are most of a small session."""
    without_curve(monkeypatch)


@pytest.mark.parametrize("learn", Learner)
def test_who_learns_finds_what_a_join_finds(learn: Learner) -> None:
    parties = run(HERE, THERE, terms(protocol=FAST, learn=learn))
    lists = {Side.CONNECT: HERE, Side.LISTEN: THERE}
    for side, party in parties.items():
        if side not in learn.receivers:
            assert not party.outcome.learnt
            continue
        other = set(lists[side.other])
        (matched,) = party.outcome.matched or ()
        assert matched.tolist() == [n for n, item in enumerate(lists[side]) if item in other]
        assert party.outcome.counts == (10,)
    records = [party.record for party in parties.values()]
    assert records[0] == records[1]
    assert records[0]["status"] == "experimental, not reviewed"
    assert records[0]["terms"]["protocol"] == "psiselect-fast-1"
    assert records[0]["counts"] == ([10] if learn is Learner.BOTH else None)
    assert all(party.done_operations == party.total_operations > 0 for party in parties.values())


def test_several_keys_are_runs_of_their_own() -> None:
    agreed = terms(protocol=FAST, keys=(RAW, RAW), learn=Learner.BOTH)
    lists = {Side.CONNECT: (HERE, HERE[:5]), Side.LISTEN: (THERE, HERE[3:9])}
    parties = {}
    for side in Side:
        packed = [Packed.of(items) for items in lists[side]]
        parties[side] = Party(
            setup(
                side,
                [],
                agreed,
                sizes=tuple(map(len, packed)),
                tokens=lambda number, packed=packed: TokensInOrder(packed[number], b"\1"),
            )
        )
    said: list[tuple[Side, Frame]] = []
    pump(parties, lambda side, frame: said.append((side, frame)))
    assert all(party.outcome.counts == (10, 2) for party in parties.values())
    assert [some.tolist() for some in parties[Side.CONNECT].outcome.matched or ()] == [list(range(20, 30)), [3, 4]]
    # No two runs share a salt.
    salts = [bytes(frame.payload)[-32:] for _, frame in said if frame.type == M.TREES]
    assert len(set(salts)) == len(salts) == 4


def test_labels_travel_with_matches() -> None:
    payloads = np.arange(len(THERE) * 8, dtype=np.int64).view(np.uint8).reshape(len(THERE), 64)

    class Given:
        width = 64

        def payloads(self, numbers: I64) -> U8:
            return payloads[numbers]

    agreed = terms(protocol=FAST, columns=ColumnTerms(connect=(), listen=("city",)), label_bytes=64)
    parties = {
        Side.CONNECT: Party(setup(Side.CONNECT, HERE, agreed)),
        Side.LISTEN: Party(setup(Side.LISTEN, THERE, agreed, labels=Given())),
    }
    pump(parties)
    (matched,), (labels,) = parties[Side.CONNECT].outcome.matched or (), parties[Side.CONNECT].outcome.labels or ()
    there = {item: number for number, item in enumerate(THERE)}
    assert labels.open().tolist() == payloads[[there[HERE[number]] for number in matched]].tolist()


def test_a_result_below_the_minimum_is_withheld() -> None:
    for least, withheld in ((10, False), (11, True)):
        found = run(HERE, THERE, terms(protocol=FAST, min_matches=least))[Side.CONNECT].outcome
        assert (found.withheld, found.matched is None) == (withheld, withheld)


# ---- what is agreed


def test_terms_of_the_curve_keep_their_bytes() -> None:
    assert "protocol" not in terms().to_json()
    assert terms(protocol=FAST).to_json() == {**terms().to_json(), "protocol": "psiselect-fast-1"}
    for stated in ("ecdh", None):
        found = difference(terms(), {**terms().to_json(), "protocol": stated})
        assert found is not None


@pytest.mark.parametrize("fast", Side)
def test_both_sides_must_have_chosen_it(fast: Side) -> None:
    parties = {side: Party(setup(side, [b"a"], terms(protocol=FAST) if side is fast else terms())) for side in Side}
    hellos = {side: party.start()[0] for side, party in parties.items()}
    for side, party in parties.items():
        mine, theirs = ("fast", "ecdh") if side is fast else ("ecdh", "fast")
        with pytest.raises(RemoteError, match=f"you say {mine}, the peer says {theirs}. Agree on --protocol") as caught:
            party.receive(hellos[side.other])
        assert caught.value.term == "protocol"
        assert json.loads(bytes(abort_frame(caught.value).payload)) == {"code": "terms", "term": "protocol"}


@pytest.mark.parametrize(
    ("changes", "term"),
    [
        ({"reveal": Reveal.COUNT}, "reveal"),
        ({"reveal": Reveal.SUM, "value_decimals": 2, "value_max": "1"}, "reveal"),
        ({"reveal": Reveal.NOISY_COUNT, "epsilon": "1", "delta": "1/100"}, "reveal"),
        ({"pad_to": 100}, "pad_to"),
        ({"min_matches": 2, "min_matches_by": Comparer.OTHER}, "min_matches_by"),
        ({"keys": (RAW, RAW), "matching": Matching.ONE_TO_ONE}, "matching"),
    ],
)
def test_what_it_cannot_run_is_refused_with_what_to_do(changes: dict[str, object], term: str) -> None:
    terms(**changes)
    with pytest.raises(UsageError, match="Use --protocol ecdh") as caught:
        terms(protocol=FAST, **changes)
    assert caught.value.term == term
    terms(protocol=FAST, matching=Matching.ONE_TO_ONE)  # of one key


# ---- a hostile peer


@pytest.mark.parametrize(("learn", "size"), [(Learner.LISTEN, MAX_ITEMS + 1), (Learner.CONNECT, MAX_ITEMS + 1)])
def test_a_peer_with_too_long_a_list_is_refused(learn: Learner, size: int) -> None:
    agreed = terms(protocol=FAST, learn=learn)
    parties = {side: Party(setup(side, [b"a"], agreed, max_peer_size=1 << 40)) for side in Side}
    declared(parties)
    with pytest.raises(RemoteError, match="16,777,216"):
        parties[Side.CONNECT].receive(Frame(M.SIZES, json.dumps({"sizes": [size]}).encode()))
    assert parties[Side.CONNECT].state is State.FAILED


def frames_of(side: Side, agreed: Terms) -> list[Frame]:
    """All frames that a side sends in an honest session."""
    kept: list[Frame] = []
    parties = {one: Party(setup(one, LISTS[one], agreed)) for one in Side}
    pump(parties, lambda who, frame: kept.append(Frame(frame.type, bytes(frame.payload))) if who is side else None)
    return kept


def feed(side: Side, frames: Iterable[Frame], agreed: Terms) -> Party:
    """Frames of an honest session, changed or not, against a party that works whenever it can."""
    party = Party(setup(side, LISTS[side], agreed))
    party.start()
    for frame in frames:
        while party.work() is not None:
            pass
        party.receive(frame)
    while party.work() is not None:
        pass
    return party


LISTS = {Side.CONNECT: HERE[:9], Side.LISTEN: HERE[4:14]}
CHUNKED = terms(protocol=FAST, chunk=4)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("change", ["drop", "repeat", "cut", "grow", "swap", "other"])
def test_a_changed_sequence_is_refused(side: Side, change: str) -> None:
    frames = frames_of(side.other, CHUNKED)
    tried = 0
    # What comes before is as in sessions on the curve, and FINISH is signed.
    for index in range(3, len(frames) - 1):
        frame, following = frames[index], frames[index + 1]
        altered = list(frames)
        if change == "drop":
            del altered[index]
        elif change == "repeat":
            altered.insert(index, frame)
        elif change == "cut" and len(frame.payload):
            altered[index] = Frame(frame.type, bytes(frame.payload)[:-1])
        elif change == "grow":
            altered[index] = Frame(frame.type, bytes(frame.payload) + b"\0")
        elif change == "other":
            altered[index] = Frame(M.ELEMENTS, bytes(32))
        elif change == "swap" and frame.type != following.type:
            altered[index : index + 2] = following, frame
        else:
            continue
        with pytest.raises(RemoteError):
            feed(side, altered, CHUNKED)
        tried += 1
    assert tried >= 2


@pytest.mark.parametrize("message", [*M, 12, 255])
@pytest.mark.parametrize("state", [State.RECEIVING_FAST, State.SENDING_FAST])
def test_no_other_message_has_a_place_in_a_run(state: State, message: int) -> None:
    """And those of this protocol have none in a session on the curve."""
    learn = Learner.CONNECT if state is State.RECEIVING_FAST else Learner.LISTEN
    parties = {side: Party(setup(side, [b"a"], terms(protocol=FAST, learn=learn))) for side in Side}
    sizes = declared(parties)
    party = parties[Side.CONNECT]
    party.receive(sizes[Side.LISTEN])
    assert party.state is state
    expected = {M.ALIVE, M.ABORT, M.SEED_REQUEST if state is State.RECEIVING_FAST else M.ABORT}
    if message not in expected:
        with pytest.raises(RemoteError):
            party.receive(Frame(message, bytes(6784)))
        assert party.state is State.FAILED
    if message in (M.TREES, M.ENCODING, M.MATRIX, M.MATRIX_END):
        plain = {side: Party(setup(side, [b"a"])) for side in Side}
        sizes = declared(plain)
        plain[Side.CONNECT].receive(sizes[Side.LISTEN])
        with pytest.raises(RemoteError, match="message type"):
            plain[Side.CONNECT].receive(Frame(message, b""))
