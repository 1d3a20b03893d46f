"""Who a peer is and what it declares is checked before anything leaves; what it signs at the end, before it is kept."""

from __future__ import annotations

import dataclasses
import functools
import json
import threading
from collections.abc import Callable

import pytest
from support.attacked import LISTS, attack, expect_nothing_came_of_it, mode, replace
from support.parties import KEYS, Key, declared, pump, setup, terms
from support.tapped import Tap, tapped_pair

from psi.agreement.modes import Learner, Side
from psi.protocol import messages
from psi.protocol.messages import MessageType as M
from psi.protocol.party import Party
from psi.protocol.states import State
from psi.session import session
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import PolicyError, RemoteError, TransportError

# ---- hello


@pytest.mark.parametrize("victim", Side)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nonce": "AB" * 32}, "malformed random number"),
        ({"nonce": "ab" * 31}, "malformed random number"),
        ({"time": 1 << 40}, "an impossible time"),
        ({"time": -1}, "an impossible time"),
        ({"sizes": [9]}, "fields that this version does not know"),
        ({"more": 1}, "fields that this version does not know"),
        ({"terms": {**terms(chunk=4).to_json(), "version": 1}}, "the version of the protocol"),
        ({"terms": {**terms(chunk=4).to_json(), "reveal": "count"}}, "what the result shows"),
    ],
)
def test_a_refused_hello_gets_no_signature(victim: Side, changes: dict[str, object], words: str) -> None:
    def changed(payload: bytes) -> bytes:
        return json.dumps({**json.loads(payload), **changes}).encode()

    found = attack(mode("matches"), victim, M.HELLO, replace(0, changed))
    expect_nothing_came_of_it(found, words, asked=0)
    assert found.before == [M.HELLO]


# ---- SIZES


@pytest.mark.parametrize("learner", Side)
@pytest.mark.parametrize("victim", Side)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sizes": [-1]}, "sizes of lists that are not possible"),
        ({"sizes": [(1 << 40) + 1]}, "sizes of lists that are not possible"),
        ({"sizes": [3, 3]}, "sizes of lists that are not possible"),
        ({"sizes": []}, "sizes of lists that are not possible"),
        ({"sizes": [True]}, "sizes of lists that are not possible"),
        ({"sizes": [3.0]}, "sizes of lists that are not possible"),
        ({"sizes": 3}, "no field 'sizes' of the right type"),
        ({"more": 1}, "fields that this version does not know"),
    ],
)
def test_before_sizes_in_order_nothing_of_the_list_leaves_but_its_size(
    victim: Side, learner: Side, changes: dict[str, object], words: str
) -> None:
    """The session has been counted by then, the peer's size has not been asked about."""

    def changed(payload: bytes) -> bytes:
        return json.dumps({**json.loads(payload), **changes}).encode()

    found = attack(mode("matches", learner), victim, M.SIZES, replace(0, changed))
    expect_nothing_came_of_it(found, words, asked=1)
    assert found.before == [M.HELLO, M.AUTH, M.SIZES]
    assert found.victim.transcript == b""


@pytest.mark.parametrize("lists", [1, 3])
def test_the_largest_peer_is_allowed_and_one_more_is_not(lists: int) -> None:
    """The limit is on all lists together. A session that is refused for it has been counted."""
    agreed = terms(keys=terms().keys * lists)
    for limit, refused in ((10 * lists, False), (10 * lists - 1, True)):
        asked: list[object] = []
        party = Party(setup(Side.LISTEN, [], agreed, sizes=(0,) * lists, max_peer_size=limit,
                            admit=functools.partial(asked.append, "session"), check_size=asked.append))  # fmt: skip
        items = [b"%d" % i for i in range(10)]
        peer = Party(setup(Side.CONNECT, items, agreed, sizes=(10,) * lists))
        sizes = declared({Side.LISTEN: party, Side.CONNECT: peer})[Side.CONNECT]
        assert asked == ["session"]
        if refused:
            with pytest.raises(PolicyError, match="max-peer-size"):
                party.receive(sizes)
            assert party.state is State.FAILED
            assert asked == ["session"]
        else:
            assert party.receive(sizes) == []
            assert asked == ["session", 10 * lists]


# ---- AUTH


def greeting(**changes: object) -> bytes:
    """That of the session which `attack` plays, where one side's set-up may be another."""
    hellos = {}
    for side in Side:
        given = {"sizes": (len(LISTS[side]),), **(changes if side is Side.CONNECT else {})}
        hellos[side] = bytes(Party(setup(side, LISTS[side], mode("matches"), **given)).start()[0].payload)
    return messages.greeting(hellos, {side: KEYS[side].fingerprint for side in Side})


def transcript() -> bytes:
    """That of the session which `attack` plays."""
    sizes = {side: bytes(messages.sizes_frame([len(LISTS[side])]).payload) for side in Side}
    return messages.transcript(greeting(), sizes)


def signs(purpose: str, side: Side, content: bytes, key: Key | None = None) -> bytes:
    return (key or KEYS[side]).sign(messages.signed_bytes(purpose, side, content))


FORGED: dict[str, Callable[[Side, bytes], bytes]] = {
    "one bit": lambda peer, good: bytes([good[0] ^ 1]) + good[1:],
    "the last bit": lambda peer, good: good[:-1] + bytes([good[-1] ^ 1]),
    "cut": lambda peer, good: good[:-1],
    "grown": lambda peer, good: good + b"\0",
    "empty": lambda peer, good: b"",
    "zeros": lambda peer, good: bytes(64),
    "the victim's own": lambda peer, good: signs("auth", peer.other, greeting()),
    "by the victim's key": lambda peer, good: signs("auth", peer, greeting(), KEYS[peer.other]),
    "of the other side": lambda peer, good: signs("auth", peer.other, greeting(), KEYS[peer]),
    "for the record": lambda peer, good: signs("record", peer, greeting()),
    "by another key": lambda peer, good: signs("auth", peer, greeting(), Key("somebody")),
    "of another session": lambda peer, good: signs("auth", peer, greeting(now=1)),
    "of nothing": lambda peer, good: signs("auth", peer, b""),
    "of the transcript": lambda peer, good: signs("auth", peer, transcript()),
}


@pytest.mark.parametrize("learner", Side)
@pytest.mark.parametrize("victim", Side)
@pytest.mark.parametrize("forged", FORGED)
def test_before_a_proof_that_holds_nothing_of_the_list_leaves(forged: str, victim: Side, learner: Side) -> None:
    """Neither role sends an element, an answer or a tag, and own policy is not even asked."""
    agreed = mode("matches", learner)
    change = replace(0, lambda good: FORGED[forged](victim.other, good))
    if learner is Side.CONNECT:  # the greetings above are those of this session
        good = attack(agreed, victim, M.AUTH, replace(0, lambda _: signs("auth", victim.other, greeting())))
        assert good.error is None
    found = attack(agreed, victim, M.AUTH, change)
    expect_nothing_came_of_it(found, "signature", asked=0)
    assert found.before == [M.HELLO, M.AUTH]


@pytest.mark.parametrize("learn", Learner)
@pytest.mark.parametrize("victim", Side)
def test_own_policy_is_asked_once_after_the_proof_and_before_any_size(victim: Side, learn: Learner) -> None:
    """About the session when the peer has proved who it is; about the peer's size before anything but sizes."""
    seen: list[object] = []
    size = len(LISTS[victim.other])
    asked = {"admit": lambda: seen.append("session"), "check_size": seen.append}
    parties = {s: Party(setup(s, LISTS[s], terms(learn=learn), **(asked if s is victim else {}))) for s in Side}
    pump(parties, lambda side, frame: seen.append((side, M(frame.type))))
    assert [one for one in seen if not isinstance(one, tuple)] == ["session", size]
    counted, sized = seen.index("session"), seen.index(size)
    assert (victim.other, M.AUTH) in seen[:counted]
    assert [event for event in seen[:counted] if event[0] is victim] == [(victim, M.HELLO), (victim, M.AUTH)]
    assert (victim.other, M.SIZES) in seen[:sized]
    assert [event for event in seen[counted + 1 : sized] if event[0] is victim] == [(victim, M.SIZES)]


@pytest.mark.parametrize("learn", Learner)
@pytest.mark.parametrize("victim", Side)
@pytest.mark.parametrize("question", ["admit", "check_size"])
def test_a_peer_that_policy_refuses_gets_nothing_but_that_word(question: str, victim: Side, learn: Learner) -> None:
    """Not even a size, unless it is the peer's own size that is refused."""

    def refuse(*size: int) -> None:
        raise PolicyError("once a week")

    sent: dict[Side, list[Frame]] = {side: [] for side in Side}
    ends = watched_pair(sent)
    setups = {side: setup(side, LISTS[side], terms(learn=learn)) for side in Side}
    setups[victim] = dataclasses.replace(setups[victim], **{question: refuse})
    errors = play_both(ends, setups)
    assert isinstance(errors[victim], PolicyError)
    sizes = [M.SIZES] if question == "check_size" else []
    assert [frame.type for frame in sent[victim]] == [M.HELLO, M.AUTH, *sizes, M.ABORT]
    assert strict_json.decode(sent[victim][-1].payload, "abort") == {"code": "refused", "term": None}
    assert "policy refuses this session" in str(errors[victim.other])


def watched_pair(sent: dict[Side, list[Frame]], spoil: dict[Side, Tap] | None = None) -> dict[Side, object]:
    """Two ends; what each sends is written down, and may be spoilt afterwards."""

    def tap(side: Side) -> Tap:
        def watch(at: int, frame: Frame) -> list[Frame]:
            sent[side].append(Frame(frame.type, bytes(frame.payload)))
            return list((spoil or {}).get(side, lambda at, frame: (frame,))(at, frame))

        return watch

    prints = (KEYS[Side.CONNECT].fingerprint, KEYS[Side.LISTEN].fingerprint)
    first, second = tapped_pair(fingerprints=prints, taps=(tap(Side.CONNECT), tap(Side.LISTEN)), timeout=30.0)
    return {Side.CONNECT: first, Side.LISTEN: second}


def play_both(ends: dict[Side, object], setups: dict[Side, object]) -> dict[Side, BaseException]:
    """Run both sides, each over its channel; the errors that ended them."""
    errors: dict[Side, BaseException] = {}

    def play(side: Side) -> None:
        try:
            session.run(ends[side], setups[side])
        except (RemoteError, PolicyError, TransportError) as error:
            errors[side] = error

    other = threading.Thread(target=play, args=(Side.LISTEN,), daemon=True)
    other.start()
    play(Side.CONNECT)
    other.join(30)
    assert not other.is_alive()
    return errors


@pytest.mark.parametrize("victim", Side)
@pytest.mark.parametrize(("kind", "receives"), [(M.ELEMENTS, False), (M.REPLIES, True), (M.TAGS, True), (M.AUTH, None)])
def test_a_refusal_over_a_link_is_one_abort_without_a_reason(victim: Side, kind: M, receives: bool | None) -> None:
    """The last frame that leaves; it names no element, no position and no term."""

    def spoil(at: int, frame: Frame) -> list[Frame]:
        longer = kind is M.TAGS  # a few equal tags would be in order
        return [Frame(frame.type, b"\xff" * (len(frame.view()) + longer)) if frame.type == kind else frame]

    learner = victim if receives in (True, None) else victim.other
    sent: dict[Side, list[Frame]] = {side: [] for side in Side}
    ends = watched_pair(sent, {victim.other: spoil})
    agreed = terms(chunk=64, learn=Learner(learner.value))
    errors = play_both(ends, {side: setup(side, LISTS[side], agreed) for side in Side})
    assert isinstance(errors[victim], RemoteError)
    assert [frame.type for frame in sent[victim]].count(M.ABORT) == 1
    assert sent[victim][-1] == Frame(M.ABORT, b'{"code":"protocol","term":null}')
    assert M.FINISH not in [frame.type for frame in sent[victim]]
    assert "says that your program sent data that does not follow" in str(errors[victim.other])


# ---- FINISH


def of_the_record(**changes: object) -> Callable[[Side, bytes], bytes]:
    """A peer's signature over a record that is not this side's."""

    def sign(peer: Side, good: bytes) -> bytes:
        parties = {s: Party(setup(s, LISTS[s], mode("matches"), sizes=(len(LISTS[s]),))) for s in Side}
        pump(parties)
        content = strict_json.encode({**parties[peer].record, **changes})
        return signs("record", peer, content)

    return sign


END: dict[str, Callable[[Side, bytes], bytes]] = {
    **{name: FORGED[name] for name in ("one bit", "the last bit", "cut", "grown", "empty", "zeros", "of nothing")},
    "for the proof": lambda peer, good: signs("auth", peer, greeting()),
    "of the transcript": lambda peer, good: signs("record", peer, transcript()),
    "counts": of_the_record(counts=[5]),
    "sizes": of_the_record(sizes={"connect": [8], "listen": [8]}),
    "time": of_the_record(time=1),
}


@pytest.mark.parametrize("victim", Side)
@pytest.mark.parametrize("forged", END)
def test_a_session_ends_well_only_with_the_peers_signature_over_the_same_record(forged: str, victim: Side) -> None:
    agreed = mode("matches")
    same = attack(agreed, victim, M.FINISH, replace(0, lambda good: of_the_record()(victim.other, good)))
    assert same.error is None
    assert set(same.victim.signatures) == set(Side)
    found = attack(agreed, victim, M.FINISH, replace(0, lambda good: END[forged](victim.other, good)))
    assert isinstance(found.error, RemoteError)
    assert "signature" in str(found.error)
    assert found.victim.state is State.FAILED
    assert set(found.victim.signatures) == {victim}
