"""The stages of a session: which ones each side goes through, and no others."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from support.resuming import Player, Swallowing, Switchboard, play, right, two_players

from psi.agreement.modes import Side
from psi.resume import session
from psi.resume.session import ResumableSession, Stage

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


FORBIDDEN = [(old, new) for old, new in itertools.permutations(Stage, 2) if new not in session._NEXT[old]]


@pytest.mark.parametrize(("old", "new"), FORBIDDEN)
def test_no_session_goes_back(old: Stage, new: Stage) -> None:
    stuck = ResumableSession(None, None, None, old, None)
    with pytest.raises(RuntimeError, match=f"from {old.name} to {new.name}"):
        stuck._move(new)
    assert stuck.stage is old
