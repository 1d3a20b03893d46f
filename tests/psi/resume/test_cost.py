"""The disk that a kept session takes is the one that is predicted."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from support.parties import terms
from support.resuming import MortalJournal, Player, Switchboard

from psi.agreement.modes import Comparer, Learner, Reveal, Side
from psi.agreement.terms import Terms
from psi.resume import folder
from psi.session import cost

CALIBRATION = cost.Calibration("any", 1, 1e-5, 1e-6, 1e-6)


@pytest.mark.parametrize("learn", [Learner.CONNECT, Learner.BOTH])
@pytest.mark.parametrize("reveal", [Reveal.MATCHES, Reveal.COUNT, Reveal.SUM])
def test_the_journal_takes_what_is_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reveal: Reveal, learn: Learner
) -> None:
    values = {"value_decimals": 0, "value_max": "10000"} if reveal is Reveal.SUM else {}
    check(tmp_path, monkeypatch, terms(reveal=reveal, learn=learn, chunk=400, **values))


@pytest.mark.parametrize("learn", [Learner.CONNECT, Learner.LISTEN])
def test_so_does_the_journal_of_a_session_with_a_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learn: Learner
) -> None:
    check(tmp_path, monkeypatch, terms(learn=learn, chunk=400, min_matches=1, min_matches_by=Comparer.OTHER))


def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreed: Terms) -> None:
    sizes: dict[str, int] = {}  # without what frames records, which counts for single elements only

    class Measured(MortalJournal):
        def sync(self) -> None:
            super().sync()
            operations = len(list(self.operations()))
            sizes[self.path.parent.parent.name] = self._end - 30 * self._number - 57 * operations

    monkeypatch.setattr(folder, "Journal", Measured)
    board, players = Switchboard(), {}
    lists = {Side.CONNECT: range(900), Side.LISTEN: range(600, 1300)}
    for side in Side:
        workdir = tmp_path / side.value
        workdir.mkdir()
        players[side] = Player(side, [b"%d" % n for n in lists[side]], agreed, workdir, board)
    threads = [threading.Thread(target=player.play, daemon=True) for player in players.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for side in Side:
        sized = cost.Sizes(len(lists[side]), len(lists[side.other]), side)
        found = cost.estimate(players[side].terms, sized, cost.Machine(CALIBRATION))
        assert sizes[side.value] == pytest.approx(found.resume_bytes, rel=0.02)
