"""The state machine: right results, right order, right terms, and the answer to every message in every state."""

from __future__ import annotations

import contextlib
import copy
import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.other_terms import ALIKE, NOISY, OTHER_TERMS, SUM
from support.parties import KEYS, Key, pump, run, setup, terms

from psi.agreement.modes import Learner, Reveal, SessionProtocol, Side
from psi.agreement.terms import KeyTerm
from psi.protocol import messages
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.states import TABLE, State, after
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import PolicyError, RemoteError
from psiselect.base.turns import RECEIVE, SEND

SETS = st.sets(st.binary(max_size=6), max_size=40)


@settings(max_examples=25, deadline=None)
@given(SETS, SETS, st.sampled_from([Reveal.MATCHES, Reveal.COUNT]), st.sampled_from(Learner))
def test_result_is_the_plain_intersection(left: set[bytes], right: set[bytes], reveal: Reveal, learn: Learner) -> None:
    lists = {Side.CONNECT: sorted(left), Side.LISTEN: sorted(right, reverse=True)}
    parties = run(lists[Side.CONNECT], lists[Side.LISTEN], terms(reveal=reveal, learn=learn, chunk=7))
    common = left & right
    for side, party in parties.items():
        outcome = party.outcome
        if side not in learn.receivers:
            assert (outcome.matches, outcome.matched) == (None, None)
            continue
        assert outcome.matches == len(common)
        if reveal is Reveal.MATCHES:
            assert [lists[side][i] for i in outcome.matched[0]] == [x for x in lists[side] if x in common]
        else:
            assert outcome.matched is None
    here, there = parties.values()
    assert here.record == there.record
    assert here.transcript == there.transcript
    assert len(here.transcript) == 64
    assert here.record["counts"] == ([len(common)] if learn is Learner.BOTH else None)
    assert all(p.done_operations == p.total_operations for p in parties.values())


@pytest.mark.parametrize("mode", [{}, {"reveal": Reveal.COUNT}, NOISY])
def test_sender_releases_nothing_before_the_last_element(mode: dict[str, object]) -> None:
    seen: list[tuple[Side, int]] = []
    lists = {Side.CONNECT: [b"%d" % i for i in range(70)], Side.LISTEN: [b"%d" % i for i in range(30, 99)]}
    agreed = terms(**mode)
    pump({s: Party(setup(s, lists[s], agreed)) for s in Side}, lambda side, frame: seen.append((side, frame.type)))
    last_element = seen.index((Side.CONNECT, M.ELEMENTS_END))
    own = {M.TAGS, M.TAGS_END} | ({M.REPLIES, M.REPLIES_END} if agreed.reveal.hides_membership else set())
    assert not [kind for side, kind in seen[:last_element] if side is Side.LISTEN and kind in own]
    assert (Side.LISTEN, M.TAGS) in seen[last_element:]


@pytest.mark.parametrize("state", [State.ANSWERING, State.COLLECTING, State.REPLYING])
def test_table_stops_a_sender_that_would_hand_out_tags_early(state: State) -> None:
    with pytest.raises(RuntimeError, match="may not be sent"):
        after(state, SEND, M.TAGS)


# ---- terms


@pytest.mark.parametrize("term", OTHER_TERMS)
def test_a_differing_term_ends_both_sides_by_name_before_any_element(term: str) -> None:
    parties = {
        Side.CONNECT: Party(setup(Side.CONNECT, [b"a"], terms(**ALIKE.get(term, {})))),
        Side.LISTEN: Party(setup(Side.LISTEN, [b"a"], terms(**OTHER_TERMS[term]))),
    }
    hellos = {side: party.start() for side, party in parties.items()}
    for side, party in parties.items():
        with pytest.raises(RemoteError, match=r"disagree|treated differently") as caught:
            party.receive(hellos[side.other][0])
        assert caught.value.term == term
        assert party.state is State.FAILED
        abort = messages.decode_abort(messages.abort_frame(caught.value).payload)
        assert abort.term == term
        assert party.work() is None


def test_every_term_has_a_mismatch_test() -> None:
    names = {field.name for field in dataclasses.fields(terms())}
    assert names <= set(OTHER_TERMS)


def test_same_rule_in_words_with_another_digest_is_a_difference() -> None:
    party = Party(setup(Side.CONNECT, []))
    party.start()
    other = Party(setup(Side.LISTEN, [], terms(keys=(KeyTerm("raw/1", "22" * 32),))))
    with pytest.raises(RemoteError, match="but different releases") as caught:
        party.receive(other.start()[0])
    assert caught.value.term == "rule"


def test_own_policy_caps_the_peer_and_the_peer_hears_only_that() -> None:
    party = Party(setup(Side.LISTEN, [], max_peer_size=3))
    with pytest.raises(PolicyError, match="max-peer-size") as caught:
        pump({Side.LISTEN: party, Side.CONNECT: Party(setup(Side.CONNECT, [b"%d" % i for i in range(4)]))})
    told = messages.abort_frame(caught.value).payload
    assert strict_json.decode(told, "abort") == {"code": "refused", "term": None}
    assert "policy refuses" in str(messages.decode_abort(told))


# ---- identity


def test_a_signature_by_another_key_is_refused() -> None:
    parties = {
        Side.CONNECT: Party(setup(Side.CONNECT, [b"a"])),
        Side.LISTEN: Party(setup(Side.LISTEN, [b"a"], signer=ImpostorOf(Side.LISTEN))),
    }
    with pytest.raises(RemoteError, match="signature"):
        pump(parties)


class ImpostorOf(Key):
    """Shows the right fingerprint, signs with another key."""

    def __init__(self, side: Side) -> None:
        super().__init__("impostor")
        self.fingerprint = KEYS[side].fingerprint


def test_a_signature_serves_one_side_and_one_purpose() -> None:
    made = {messages.signed_bytes(purpose, side, b"content") for purpose in ("auth", "record") for side in Side} | {
        messages.signed_bytes("auth", Side.LISTEN, b"contenT")
    }
    assert len(made) == 5


def test_transcript_binds_hellos_fingerprints_and_sizes() -> None:
    hellos = {Side.LISTEN: b"l", Side.CONNECT: b"c"}
    prints = {Side.LISTEN: b"L", Side.CONNECT: b"C"}
    made = {messages.greeting(hellos, prints), messages.greeting({Side.LISTEN: b"lc", Side.CONNECT: b""}, prints)}
    for side in Side:
        made.add(messages.greeting({**hellos, side: b"x"}, prints))
        made.add(messages.greeting(hellos, {**prints, side: b"x"}))
    assert len(made) == 6
    sizes = {Side.LISTEN: b"1", Side.CONNECT: b"2"}
    bound = {messages.transcript(b"greeting", sizes), messages.transcript(b"other", sizes)}
    bound |= {messages.transcript(b"greeting", {**sizes, side: b"3"}) for side in Side}
    assert len(bound) == 4


def test_no_size_moves_before_the_peer_has_proved_who_it_is_and_is_counted() -> None:
    """A peer that may have one session a week read the size of the list six times, and nothing was counted."""
    counted: list[str] = []
    listener = Party(setup(Side.LISTEN, [b"a", b"b"], admit=lambda: counted.append("session")))
    prober = Party(setup(Side.CONNECT, [b"b"]))
    hello, (probe,) = listener.start(), prober.start()
    auth = listener.receive(probe)
    assert [frame.type for frame in (*hello, *auth)] == [M.HELLO, M.AUTH]
    assert not any(b"sizes" in bytes(frame.payload) for frame in (*hello, *auth))
    assert counted == []
    (proof,) = prober.receive(hello[0])
    (declared,) = listener.receive(proof)
    assert (declared.type, counted) == (M.SIZES, ["session"])


def test_a_refused_session_shows_no_size() -> None:
    def refuse() -> None:
        raise PolicyError("no more sessions this week")

    seen: list[Frame] = []
    listener = Party(setup(Side.LISTEN, [b"a"], admit=refuse))
    with pytest.raises(PolicyError, match="this week"):
        pump(
            {Side.LISTEN: listener, Side.CONNECT: Party(setup(Side.CONNECT, [b"b"]))},
            lambda side, frame: seen.append(frame) if side is Side.LISTEN else None,
        )
    assert [frame.type for frame in seen] == [M.HELLO, M.AUTH]


# ---- every (state, message) pair

# Left as soon as they are entered, by an answer that goes out at once.
PASSING = (
    State.ADMITTING,
    State.RUN_OVER,
    State.SIGNING,
    State.OPENING,
    State.GRANTING,
    State.SHOWING,
    State.CHALLENGING,
)
WAITING = [state for state in State if state not in PASSING]
OF_SUM_RECEIVER = (State.DEALING, State.TRANSFERRING, State.EXPECTING, State.ADDING)
OF_SUM_SENDER = (State.ASKING, State.ASKED, State.GATHERING, State.CHECKING, State.CORRECTING)
OF_SENDER = (
    *(State.ANSWERING, State.COLLECTING, State.REPLYING, State.TAGGING, State.SENDING_FAST),
    *OF_SUM_SENDER,
)


def party_in(state: State) -> Party:
    """A party driven to `state` by an honest peer."""
    shuffled = state in (State.MASKING_QUIETLY, State.COLLECTING)
    side = Side.LISTEN if state in OF_SENDER else Side.CONNECT
    agreed = terms(reveal=Reveal.COUNT if shuffled else Reveal.MATCHES, chunk=2)
    if state in (*OF_SUM_RECEIVER, *OF_SUM_SENDER):
        agreed = terms(**SUM, chunk=2)
    if state in (State.RECEIVING_FAST, State.SENDING_FAST):
        agreed = terms(protocol=SessionProtocol.FAST, chunk=2)
    parties = {s: Party(setup(s, [b"1", b"2", b"3"], agreed, values=np.zeros_like)) for s in Side}
    if state is State.OPENING:
        return parties[side]
    if state is State.FAILED:
        parties[side].start()
        with pytest.raises(RemoteError):
            parties[side].receive(Frame(77, b""))
        return parties[side]

    class Reached(Exception):
        pass

    def stop() -> None:
        if parties[side].state is state:
            raise Reached

    with contextlib.suppress(Reached):
        pump(parties, step=stop)
    assert parties[side].state is state
    return parties[side]


@pytest.mark.parametrize("state", WAITING)
def test_every_message_out_of_place_is_refused_in_every_state(state: State) -> None:
    reached = party_in(state)
    for kind in [*M, 0, 12, 200, 255]:
        party = copy.copy(reached)  # as it was: what a refusal wipes is not needed to refuse again
        if (RECEIVE, kind) in TABLE[state]:
            assert after(state, RECEIVE, kind) in State
            continue
        with pytest.raises(RemoteError):
            party.receive(Frame(kind, b""))
        assert party.state is State.FAILED
        with pytest.raises(RemoteError):
            party.receive(Frame(M.ALIVE, b""))


def test_what_may_be_received_is_what_the_specification_lists() -> None:
    """Written out by hand, so that a slip in the table shows."""
    expected = {
        State.GREETED: {M.HELLO},
        State.PROVING: {M.AUTH},
        State.ADMITTING: {M.ALIVE},
        State.DECLARED: {M.SIZES, M.ALIVE},
        State.MASKING: {M.REPLIES, M.ALIVE},
        State.MASKING_QUIETLY: {M.ALIVE},
        State.UNMASKING: {M.REPLIES, M.REPLIES_END, M.ALIVE},
        State.COMPARING: {M.TAGS, M.TAGS_END, M.ALIVE},
        State.ANSWERING: {M.ELEMENTS, M.ELEMENTS_END, M.ALIVE},
        State.COLLECTING: {M.ELEMENTS, M.ELEMENTS_END, M.ALIVE},
        State.REPLYING: {M.ALIVE},
        State.TAGGING: {M.ALIVE},
        State.DEALING: {M.SEED_REQUEST, M.ALIVE},
        State.GRANTING: {M.ALIVE},
        State.TRANSFERRING: {M.ALIVE},
        State.EXPECTING: {M.CHALLENGE, M.ALIVE},
        State.SHOWING: {M.ALIVE},
        State.ADDING: {M.CORRECTIONS, M.TOTAL, M.ALIVE},
        State.ASKING: {M.ALIVE},
        State.ASKED: {M.SEED_ANSWER, M.ALIVE},
        State.GATHERING: {M.TRANSFERS, M.TRANSFERS_END, M.ALIVE},
        State.CHALLENGING: {M.ALIVE},
        State.CHECKING: {M.PROOF, M.ALIVE},
        State.CORRECTING: {M.ALIVE},
        # psi.fast.states has the order of these.
        State.RECEIVING_FAST: {M.SEED_REQUEST, M.TAGS, M.TAGS_END, M.ALIVE},
        State.SENDING_FAST: {M.SEED_ANSWER, M.TREES, M.ENCODING, M.MATRIX, M.MATRIX_END, M.ALIVE},
        State.RUN_OVER: {M.ALIVE},
        State.FINISHING: {M.FINISH, M.ALIVE},
    }
    for state in State:
        allowed = {message for way, message in TABLE[state] if way is RECEIVE}
        assert allowed == expected.get(state, set()), state


def test_what_may_be_sent_is_what_the_specification_lists() -> None:
    """Written out by hand as well: a tag or an answer too early would not be the peer's to notice."""
    expected = {
        State.OPENING: {M.HELLO},
        State.SIGNING: {M.AUTH},
        State.ADMITTING: {M.SIZES},
        State.MASKING: {M.ELEMENTS, M.ELEMENTS_END},
        State.MASKING_QUIETLY: {M.ELEMENTS, M.ELEMENTS_END},
        State.ANSWERING: {M.REPLIES},
        State.REPLYING: {M.REPLIES, M.REPLIES_END},
        State.TAGGING: {M.TAGS, M.TAGS_END},
        State.GRANTING: {M.SEED_ANSWER},
        State.TRANSFERRING: {M.TRANSFERS, M.TRANSFERS_END},
        State.SHOWING: {M.PROOF},
        State.ASKING: {M.SEED_REQUEST},
        State.CHALLENGING: {M.CHALLENGE},
        State.CORRECTING: {M.CORRECTIONS, M.TOTAL},
        State.RECEIVING_FAST: {M.SEED_ANSWER, M.TREES, M.ENCODING, M.MATRIX, M.MATRIX_END},
        State.SENDING_FAST: {M.SEED_REQUEST, M.TAGS, M.TAGS_END},
        State.RUN_OVER: {M.FINISH},
    }
    before_the_proof = {State.OPENING, State.GREETED, State.SIGNING, State.PROVING}
    for state in State:
        sent = {message for way, message in TABLE[state] if way is SEND}
        assert sent - {M.ALIVE} == expected.get(state, set()), state
        assert (M.ALIVE in sent) is (state not in {*before_the_proof, State.DONE, State.FAILED}), state
