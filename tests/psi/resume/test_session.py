"""The rules that resuming rests on, each by itself: what is on disk when, what is refused, who waits for whom."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.parties import KEYS, backend, pump, setup, terms
from support.resuming import (
    MortalJournal,
    Player,
    Swallowing,
    Switchboard,
    at,
    operations_in,
    play,
    right,
    two_players,
)

from psi.agreement.modes import Learner, Reveal, Side
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psi.protocol.messages import MessageType as M
from psi.protocol.messages import abort_frame
from psi.protocol.party import Party
from psi.resume import folder, greeting
from psi.resume.folder import SessionFolder
from psi.resume.greeting import Resume, ResumeRelation
from psi.resume.journal import Journal
from psi.resume.memo import MemoBackend
from psi.resume.party import JournaledParty
from psi.resume.session import ResumableSession
from psi.session.session import SessionResult
from psi.transport.channel import Channel
from psi.transport.wire import Frame
from psiselect.base.errors import InputError, RemoteError, TransportError
from psiselect.base.packed import Packed
from psiselect.base.seeded import SeededEntropy

LINKS = {M.RESUME, M.BYE, M.ALIVE, M.ABORT}
OWN = [b"%d" % i for i in range(60)]
PEER = [b"%d" % i for i in range(40, 100)]


@pytest.mark.parametrize("reveal", [Reveal.MATCHES, Reveal.COUNT, Reveal.SUM])
def test_nothing_goes_out_before_it_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reveal: Reveal) -> None:
    durable = {side.value: 0 for side in Side}
    sent = {KEYS[side].fingerprint: 0 for side in Side}

    class Watched(Journal):
        def sync(self) -> None:
            super().sync()
            durable[self.path.parent.parent.name] = self.own_count

    class Watching(Switchboard):
        """Counts numbered messages as they leave."""

        def open(self, side: Side, wait: float) -> Channel:
            channel = super().open(side, wait)
            put = channel.send

            def send(frame: Frame) -> None:
                if frame.type not in LINKS:
                    sent[KEYS[side].fingerprint] += 1
                    assert sent[KEYS[side].fingerprint] <= durable[side.value]
                put(frame)

            channel.send = send  # type: ignore[method-assign]
            return channel

    monkeypatch.setattr(folder, "Journal", Watched)
    players = two_players(tmp_path, Watching(), OWN, PEER, reveal=reveal)
    assert all(right(outcome, side) for side, outcome in play(players).items())
    assert min(sent.values()) > 5


def test_a_memo_gives_what_is_stored_and_refuses_another_input(tmp_path: Path) -> None:
    calls = []

    class Counting:
        name = "counting"

        def __getattr__(self, method: str) -> object:
            calls.append(method)
            return getattr(backend(), method)

    scalar, other = Scalar(bytes(range(32))), Scalar(bytes(range(1, 33)))
    items = Packed.of([b"a", b"bc"])
    journal = Journal(tmp_path / "journal", bytes(32))

    def memo() -> MemoBackend:
        return MemoBackend(Counting(), journal, bytes(32))

    first = memo()
    hashed = first.hash_and_mask(items, scalar, DST)
    again = first.mask(hashed, scalar)
    assert np.array_equal(hashed, backend().hash_and_mask(items, scalar, DST))
    assert len(calls) == 2
    second = memo()
    assert np.array_equal(second.hash_and_mask(items, scalar, DST), hashed)
    assert np.array_equal(second.mask(hashed, scalar), again)
    assert len(calls) == 2
    for changed in ([b"ab", b"c"], [b"a", b"bd"], [b"a"], [b"bc", b"a"]):
        with pytest.raises(InputError, match="began with another list"):
            memo().hash_and_mask(Packed.of(changed), scalar, DST)
    with pytest.raises(InputError, match="began with another list"):
        memo().mask(hashed[::-1], scalar)
    assert len(calls) == 2
    memo().mask(hashed, other)  # another scalar's calls are numbered by themselves
    assert len(calls) == 3


def test_a_replay_that_comes_to_other_frames_is_refused(tmp_path: Path) -> None:
    agreed = terms()

    def party(items: list[bytes], seed: int, name: str = "journal") -> JournaledParty:
        journal = Journal(tmp_path / name, bytes(32))
        entropy = SeededEntropy(bytes([seed]) * 32)
        return JournaledParty(setup(Side.CONNECT, items, agreed, entropy=entropy), journal)

    peer = Party(setup(Side.LISTEN, PEER, agreed))
    first = party(OWN, 1)
    first.link_up(0)
    pump({Side.CONNECT: first, Side.LISTEN: peer})
    assert first.party.outcome.matches == 20
    again = party(OWN, 1)
    again.start()
    again.settle()
    assert again.party.outcome.matches == 20
    for items, seed in ((OWN, 2), (OWN[::-1], 1), (PEER, 1)):
        if items == PEER:
            items = [*PEER[:-1], b"other"]
        with pytest.raises(InputError, match="began with another list"):
            party(items, seed).start()


def test_a_peer_that_claims_more_than_was_sent_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", bytes(32))
    party = JournaledParty(setup(Side.CONNECT, OWN, terms()), journal)
    party.link_up(1)
    with pytest.raises(RemoteError, match="has sent 1"):
        party.link_up(2)


H1, H2, H3 = (bytes([number]) * 32 for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("mine", "theirs", "relation"),
    [
        (Resume(H1, None, 0, False), Resume(H2, None, 0, False), ResumeRelation.SAME),
        (Resume(H1, H2, 3, False), Resume(H2, H1, 4, False), ResumeRelation.SAME),
        (Resume(H1, None, 0, False), Resume(H2, H1, 4, False), ResumeRelation.SAME),
        (Resume(H1, H3, 3, False), Resume(H2, None, 0, False), ResumeRelation.APART),
        (Resume(H1, H2, 3, False), Resume(H2, H3, 4, False), ResumeRelation.APART),
        (Resume(H1, H3, 9, True), Resume(H2, None, 0, False), ResumeRelation.OURS_IS_OVER),
        (Resume(H1, None, 0, False), Resume(H2, H3, 9, True), ResumeRelation.THEIRS_IS_OVER),
        (Resume(H1, H3, 9, True), Resume(H2, H3, 1, False), ResumeRelation.APART),
    ],
)
def test_which_sessions_go_together(mine: Resume, theirs: Resume, relation: ResumeRelation) -> None:
    assert mine.relation_to(theirs) is relation
    assert Resume.decode(mine.frame().payload) == mine


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b'{"done":false,"hello":"%s","peer_hello":null,"received":1}' % (b"0" * 64),
        b'{"done":false,"hello":"%s","peer_hello":"%s","received":0}' % (b"0" * 64, b"0" * 64),
        b'{"done":true,"hello":"%s","peer_hello":null,"received":0}' % (b"0" * 64),
        b'{"done":false,"hello":"%s","peer_hello":null,"received":-1}' % (b"0" * 64),
        b'{"done":false,"hello":"%s","peer_hello":null,"received":0.0}' % (b"0" * 64),
        b'{"done":0,"hello":"%s","peer_hello":null,"received":0}' % (b"0" * 64),
        b'{"done":false,"hello":"%s","peer_hello":null,"received":0}' % (b"A" * 64),
        b'{"done":false,"hello":"%s","peer_hello":null,"received":0}' % (b"0" * 63),
        b'{"done":false,"hello":"%s","received":0}' % (b"0" * 64),
        b'{"done":false,"hello":"%s","peer_hello":null,"received":0,"x":1}' % (b"0" * 64),
        b'{"done":false,"hello":"%s","peer_hello":"%s","received":%d}' % (b"0" * 64, b"0" * 64, 1 << 70),
    ],
)
def test_malformed_resumes_are_the_peers_fault(payload: bytes) -> None:
    with pytest.raises(RemoteError):
        Resume.decode(payload)


@pytest.fixture
def unconfirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Side, Player]:
    """Both have their result; only the connecting side knows that the other needs no more."""
    board = Swallowing()
    players = two_players(tmp_path, board, OWN, PEER, stall_seconds=1.0)
    monkeypatch.setattr("psi.resume.session._BYE_SECONDS", 0.5)
    assert all(right(outcome, side) for side, outcome in play(players).items())
    assert not list(players[Side.CONNECT].workdir.iterdir())
    assert list(players[Side.LISTEN].workdir.iterdir())
    assert "has not confirmed" in players[Side.LISTEN].said[-1]
    board.active = False
    return players


def test_a_session_that_was_not_confirmed_gives_its_result_again(unconfirmed: dict[Side, Player]) -> None:
    listener = unconfirmed[Side.LISTEN]
    before = operations_in(listener.workdir)
    assert right(play({Side.LISTEN: listener})[Side.LISTEN], Side.LISTEN)
    assert "The program shows the result again that an earlier session has left" in listener.said[-1]
    assert operations_in(listener.workdir) == before


@pytest.mark.parametrize("changed", [None, Side.LISTEN, Side.CONNECT])
def test_a_session_that_was_not_confirmed_makes_room_for_the_next(
    unconfirmed: dict[Side, Player], changed: Side | None
) -> None:
    old = {done.label for done in operations_in(unconfirmed[Side.LISTEN].workdir)}
    if changed is not None:
        unconfirmed[changed].items.append(b"1000")
    seen: set[bytes] = set()
    store = Journal.operation

    def spy(self: Journal, done: object) -> None:
        seen.add(done.label)
        store(self, done)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "operation", spy)
        ended = play(unconfirmed)
    assert all(right(outcome, side) for side, outcome in ended.items()), ended
    assert seen
    assert not seen & old  # new secrets
    assert not list(unconfirmed[Side.LISTEN].workdir.iterdir())


def test_a_peer_that_aborts_after_the_result_takes_nothing_back(tmp_path: Path) -> None:
    """It comes back for the end of the session and gives up: the result stays one, and the session is removed."""
    board = Swallowing()
    players = two_players(tmp_path, board, OWN, PEER)
    ended: list[SessionResult | BaseException] = []
    listening = threading.Thread(target=lambda: ended.append(play({Side.LISTEN: players[Side.LISTEN]})[Side.LISTEN]))
    listening.start()
    assert right(play({Side.CONNECT: players[Side.CONNECT]})[Side.CONNECT], Side.CONNECT)
    channel = board.open(Side.CONNECT, 10)
    theirs = greeting.expect(channel)
    assert theirs.done
    assert theirs.peer_hello is not None
    channel.send(Resume(theirs.peer_hello, theirs.hello, 1, False).frame())
    channel.send(abort_frame(RuntimeError()))
    listening.join(30)
    assert right(ended[0], Side.LISTEN), ended
    assert not list(players[Side.LISTEN].workdir.iterdir())


def test_a_side_killed_before_its_report_needs_no_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "Journal", MortalJournal)
    players = two_players(tmp_path, Switchboard(), OWN, PEER, stall_seconds=1.0)
    with pytest.MonkeyPatch.context() as patch:

        def killed(self: ResumableSession) -> None:
            raise KeyboardInterrupt

        patch.setattr(ResumableSession, "reported", killed)
        for outcome in play(players).values():
            assert isinstance(outcome, KeyboardInterrupt)
    assert right(play({Side.CONNECT: players[Side.CONNECT]})[Side.CONNECT], Side.CONNECT)
    assert right(play({Side.LISTEN: players[Side.LISTEN]})[Side.LISTEN], Side.LISTEN)
    assert not [entry for player in players.values() for entry in player.workdir.iterdir()]


def test_the_journals_of_hostile_and_policy_ends_are_removed(tmp_path: Path) -> None:
    players = two_players(tmp_path, Switchboard(), OWN, PEER, stall_seconds=1.0)
    players[Side.LISTEN].terms = dataclasses.replace(players[Side.LISTEN].terms, learn=Learner.LISTEN)
    for outcome in play(players).values():
        assert isinstance(outcome, RemoteError)
        assert outcome.term == "learn"
    assert not [entry for player in players.values() for entry in player.workdir.iterdir()]


@pytest.mark.parametrize("ending", [KeyboardInterrupt(), RuntimeError()], ids=["stopped", "failed"])
def test_an_abort_ends_a_session_for_good(ending: BaseException, tmp_path: Path) -> None:
    """Whatever its code: the peer that sent it has dropped the session, so that nothing is left to go on with."""

    class Ended(Switchboard):
        def _tap(self, position: int, frame: Frame) -> tuple[Frame, ...]:
            return (abort_frame(ending) if frame.type == M.TAGS else frame,)

    players = two_players(tmp_path, Ended(), OWN, PEER, stall_seconds=0.5)
    ended = play(players)
    assert isinstance(ended[Side.CONNECT], RemoteError)
    assert "the peer" in str(ended[Side.CONNECT])
    assert not list(players[Side.CONNECT].workdir.iterdir())


def test_a_deaf_peer_is_given_up_with_the_session_kept(tmp_path: Path) -> None:
    players = two_players(tmp_path, Switchboard(lambda frame: frame.type == M.ELEMENTS), OWN, PEER, stall_seconds=1.0)
    for outcome in play(players).values():
        assert isinstance(outcome, TransportError)
        assert "run the same command again" in str(outcome)
    for player in players.values():
        player.board = players[Side.LISTEN].board
        player.board.cut = lambda frame: False
    assert all(right(outcome, side) for side, outcome in play(players).items())


def test_every_draw_comes_in_one_order_whatever_the_timing(tmp_path: Path) -> None:
    """A party that works at every chance, and one that works only when it must, draw the same bits."""
    for reveal, learn in ((Reveal.MATCHES, Learner.BOTH), (Reveal.COUNT, Learner.BOTH), (Reveal.SUM, Learner.CONNECT)):
        values = {"value_decimals": 0, "value_max": "1000"} if reveal is Reveal.SUM else {}
        agreed = terms(reveal=reveal, learn=learn, **values)
        streams = []
        for eager in (False, True):
            parties = {side: drawing(side, agreed) for side in Side}
            sent: dict[Side, list[tuple[int, bytes]]] = {side: [] for side in Side}

            def watch(side: Side, frame: Frame, sent: dict = sent) -> None:
                sent[side].append((frame.type, bytes(frame.payload)))

            if eager:
                for party in parties.values():
                    _make_eager(party)
            pump(parties, watch)
            streams.append(sent)
        assert streams[0] == streams[1]


def drawing(side: Side, agreed: object) -> Party:
    items = OWN if side is Side.CONNECT else PEER
    amounts = np.array([*map(int, items), 0], np.int64)
    return Party(setup(side, items, agreed, entropy=FixedEntropy(side.value), values=amounts.take))


def _make_eager(party: Party) -> None:
    """After each message, work until there is nothing left to do."""
    receive = party.receive

    def receive_and_work(frame: Frame) -> list[Frame]:
        out = receive(frame)
        while (more := party.work()) is not None:
            out += more
        return out

    party.receive = receive_and_work  # type: ignore[method-assign]


def test_a_fate_is_met(tmp_path: Path) -> None:
    """The tests' own instrument: death at the step that was named."""
    assert list(at(3)) == [False, False, True]


def test_a_session_that_an_older_version_began_is_refused_with_the_way_out(tmp_path: Path) -> None:
    players = two_players(tmp_path, Switchboard(), OWN, PEER, stall_seconds=1.0)
    player = players[Side.CONNECT]
    scope = player.plan().scope()
    older = SessionFolder(player.workdir, {**scope, "terms": {**scope["terms"], "version": 1}})
    older.close()
    with pytest.raises(
        InputError,
        match=r"protocol version 1\) began .*Finish the session with that version. Otherwise delete the session's",
    ):
        player.play()
    assert list(player.workdir.iterdir()) == [older.path]
