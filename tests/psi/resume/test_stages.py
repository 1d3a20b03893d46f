"""The stages of a session: which ones each side goes through, and no others."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from support.resuming import Killed, Player, Swallowing, Switchboard, journal_in, play, right, sizes, two_players

from psi.agreement.modes import Side
from psi.protocol.party import Party
from psi.resume import session
from psi.resume.journal import Mark
from psi.resume.session import ResumableSession
from psi.resume.stages import NEXT, Stage
from psi.session.session import SessionResult

OWN = [b"%d" % i for i in range(60)]
PEER = [b"%d" % i for i in range(40, 100)]
TO_THE_END = [Stage.RUNNING, Stage.PEER_DONE, Stage.REMOVED]


class Watched:
    """Plays sessions and notes the stages of each side."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._seen: dict[Side, list[Stage]] = {}
        move = ResumableSession._move

        def noted(made: ResumableSession, stage: Stage) -> None:
            seen = self._seen.setdefault(made.setup.side, [made.stage])
            move(made, stage)
            seen.append(made.stage)

        patch.setattr(ResumableSession, "_move", noted)
        patch.setattr(session, "_BYE_SECONDS", 0.5)

    def play(self, players: dict[Side, Player]) -> dict[Side, list[Stage]]:
        self._seen.clear()
        for side, outcome in play(players).items():
            assert right(outcome, side), outcome
        return dict(self._seen)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_a_session_to_its_end(tmp_path: Path, watched: Watched) -> None:
    players = two_players(tmp_path, Switchboard(), OWN, PEER)
    assert watched.play(players) == {Side.CONNECT: TO_THE_END, Side.LISTEN: TO_THE_END}


def test_a_session_that_the_peer_does_not_confirm(tmp_path: Path, watched: Watched) -> None:
    """It stays; its result is given again when no peer comes, and it makes room when the peer begins another."""
    board = Swallowing()
    players = two_players(tmp_path, board, OWN, PEER, stall_seconds=1.0)
    assert watched.play(players) == {Side.CONNECT: TO_THE_END, Side.LISTEN: [Stage.RUNNING, Stage.RESULT_HERE]}
    alone = {Side.LISTEN: players[Side.LISTEN]}
    assert watched.play(alone) == {Side.LISTEN: [Stage.REPORTED_BEFORE, Stage.GIVEN_AGAIN]}
    board.active = False
    assert watched.play(players) == {Side.CONNECT: TO_THE_END, Side.LISTEN: [Stage.REPORTED_BEFORE, *TO_THE_END]}


@pytest.mark.parametrize("withheld", [True, False])
def test_a_learner_serves_no_more_before_it_looks_at_matches(
    withheld: bool, tmp_path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not the sender withholds its BYE: when the learner finds its matches, it has no link, and the mark
    that it serves this peer no more is on disk. Whatever the matches are, the sender's calls find nobody."""
    board = Swallowing(mute=Side.LISTEN)
    board.active = withheld
    players = two_players(tmp_path, board, OWN, PEER, stall_seconds=1.0)
    at_settling: list[tuple[set[Mark], bool]] = []
    settle = Party.settle

    def noted(party: Party) -> None:
        if party._setup.side is Side.CONNECT:
            (folder,) = players[Side.CONNECT].workdir.glob("psiselect-session-*")
            journal = journal_in(folder)
            at_settling.append((set(journal.marks), Side.CONNECT in board.linked))
            journal.close()
        settle(party)

    monkeypatch.setattr(Party, "settle", noted)
    assert watched.play(players) == {Side.CONNECT: TO_THE_END, Side.LISTEN: TO_THE_END}
    assert at_settling == [({Mark.ADMITTED, Mark.PARTED}, False)]


def test_a_learner_that_was_killed_before_its_result_serves_its_peer_first(
    tmp_path: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no more of the peer, which may still need this side's FINISH or its BYE."""
    players = two_players(tmp_path, Switchboard(), OWN, PEER, stall_seconds=3.0)
    see_off, lives = ResumableSession._see_off, []

    def once(session: ResumableSession) -> None:
        lives.append(session)
        if len(lives) == 1:
            raise Killed
        see_off(session)

    monkeypatch.setattr(ResumableSession, "_see_off", once)
    ended = play({**players, Side.CONNECT: Restarted(players[Side.CONNECT])})
    assert all(right(outcome, side) for side, outcome in ended.items())
    assert len(lives) == 2
    assert sizes(player.workdir for player in players.values()) == [0, 0]


class Restarted:
    """A player whose process is started again when it was killed."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def play(self) -> SessionResult:
        try:
            return self._player.play()
        except Killed:
            return self._player.play()


FORBIDDEN = [(old, new) for old, new in itertools.permutations(Stage, 2) if new not in NEXT[old]]


@pytest.mark.parametrize(("old", "new"), FORBIDDEN)
def test_no_session_goes_back(old: Stage, new: Stage) -> None:
    stuck = ResumableSession(None, None, None, old, None)
    with pytest.raises(RuntimeError, match=f"from {old.name} to {new.name}"):
        stuck._move(new)
    assert stuck.stage is old
