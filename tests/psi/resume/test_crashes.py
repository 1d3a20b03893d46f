"""Sides that die at any step of their journal, and links that break, with the right result in the end."""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.parties import terms
from support.resuming import Bookkeeper, Killed, MortalJournal, Player, Switchboard, at

from psi.agreement.modes import Comparer, Learner, Reveal, Side
from psi.agreement.terms import Terms
from psi.resume import folder
from psi.session.session import SessionResult
from psiselect.base.errors import TransportError

MODES = [
    (reveal, learn)
    for reveal, learn in itertools.product(Reveal, Learner)
    if (reveal, learn) != (Reveal.NOISY_COUNT, Learner.BOTH)
]
LEFT = [b"%d" % i for i in range(60)]
RIGHT = [b"%d" % i for i in range(40, 110)]
COMMON = 20


@pytest.fixture(autouse=True)
def mortal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "Journal", MortalJournal)
    # What a crash takes away is cut off by the journal itself, so the disk need not be waited for.
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, lambda handle: None)
    monkeypatch.setattr("psi.resume.session._RETRY_SECONDS", 0.02)
    MortalJournal.fates.clear()


def agreed(reveal: Reveal, learn: Learner) -> Terms:
    more: dict[Reveal, dict[str, object]] = {
        Reveal.NOISY_COUNT: {"epsilon": "1", "delta": "1/1000"},
        Reveal.SUM: {"value_decimals": 0, "value_max": "1000"},
    }
    return terms(reveal=reveal, learn=learn, chunk=16, **more.get(reveal, {}))


class Duel:
    """Two players, each in a thread, brought back to life until both have their result."""

    def __init__(self, where: Path, of: Terms, board: Switchboard) -> None:
        self.books = {side: Bookkeeper() for side in Side}
        self.deaths: Counter[Side] = Counter()
        self.results: dict[Side, SessionResult] = {}
        self.errors: list[BaseException] = []
        lists = {Side.CONNECT: LEFT, Side.LISTEN: RIGHT}
        self.players = {}
        for side in Side:
            (where / side.value).mkdir()
            self.players[side] = Player(side, lists[side], of, where / side.value, board)

    def fight(self, fates: dict[Side, list[int]]) -> dict[Side, SessionResult]:
        threads = [threading.Thread(target=self._live, args=(side, fates.get(side, [])), daemon=True) for side in Side]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        if self.errors:
            raise self.errors[0]
        assert set(self.results) == set(Side)
        return self.results

    def _live(self, side: Side, fates: list[int]) -> None:
        player, waiting = self.players[side], list(fates)
        try:
            for _ in range(len(fates) + 20):
                MortalJournal.fates[player.workdir] = at(waiting.pop(0)) if waiting else iter(())
                try:
                    self.results[side] = player.play()
                    return
                except Killed:
                    self.deaths[side] += 1
                except TransportError:
                    pass
                self.books[side].look(player.workdir)
        except BaseException as error:  # noqa: BLE001 - raised again by the test's own thread
            self.errors.append(error)


def check(results: dict[Side, SessionResult], reveal: Reveal, learn: Learner) -> None:
    """The right result, on the right sides, and one record."""
    records = [results[side].record for side in Side]
    assert records[0] == records[1]
    for side in Side:
        outcome = results[side].outcome
        if side not in learn.receivers:
            assert not outcome.learnt
        elif reveal is Reveal.NOISY_COUNT:
            assert outcome.noisy_count is not None
            assert abs(outcome.noisy_count - COMMON) <= agreed(reveal, learn).noise.bound
        else:
            assert outcome.matches == COMMON
        if side in learn.receivers and reveal is Reveal.SUM:
            assert outcome.total == sum(range(40, 60))
        if side in learn.receivers and reveal is Reveal.MATCHES:
            wanted = range(40, 60) if side is Side.CONNECT else range(20)
            assert np.array_equal(outcome.matched[0], list(wanted))


@pytest.mark.parametrize(("reveal", "learn"), MODES)
def test_a_side_that_dies_at_any_step_goes_on_where_it_stopped(tmp_path: Path, reveal: Reveal, learn: Learner) -> None:
    """One death at a time, spread over the steps of either side; the soak test below has more."""
    for number, (side, step) in enumerate(itertools.product(Side, (2, 8, 15, 24))):
        place = tmp_path / str(number)
        place.mkdir()
        duel = Duel(place, agreed(reveal, learn), Switchboard())
        check(duel.fight({side: [step]}), reveal, learn)
        assert duel.deaths[side] <= 1


@pytest.mark.parametrize("learn", [Learner.CONNECT, Learner.LISTEN])
def test_a_session_with_a_gate_goes_on_too(tmp_path: Path, learn: Learner) -> None:
    """Deaths while copies are masked and sent, while replies come, and in the check."""
    of = terms(learn=learn, chunk=64, min_matches=COMMON, min_matches_by=Comparer.OTHER)
    for number, (side, step) in enumerate(itertools.product(Side, (9, 21, 27, 40))):
        place = tmp_path / str(number)
        place.mkdir()
        duel = Duel(place, of, Switchboard())
        results = duel.fight({side: [step]})
        assert [results[side].outcome.counts for side in Side] == [(COMMON,)] * 2
        assert results[Side.CONNECT].record == results[Side.LISTEN].record
        assert duel.deaths[side] == 1


def check_evaluations(duel: Duel, of: Terms) -> None:
    """Over all lives no scalar was applied to more than the longer list, with what the noise adds (or 128 seeds)."""
    noise = of.noise
    most = max(len(LEFT), len(RIGHT), 128 * (of.reveal is Reveal.SUM)) + (0 if noise is None else noise.added)
    for side in Side:
        applied: Counter[bytes] = Counter()
        for (label, _), (_, output) in duel.books[side].operations.items():
            applied[label] += len(output) // 32
        assert max(applied.values(), default=0) <= most


def soak(where: Path, seed: int) -> None:
    draw = random.Random(seed)
    reveal, learn = MODES[seed % len(MODES)]
    chance = draw.choice([0, 0, 0.01, 0.1])
    board = Switchboard(lambda frame: draw.random() < chance)
    duel = Duel(where, agreed(reveal, learn), board)
    fates = {side: [draw.randint(1, 40) for _ in range(draw.randint(0, 6))] for side in Side}
    check(duel.fight(fates), reveal, learn)
    check_evaluations(duel, agreed(reveal, learn))


@pytest.mark.parametrize("seed", range(8))
def test_random_deaths_and_broken_links(tmp_path: Path, seed: int) -> None:
    soak(tmp_path, seed)


@pytest.mark.soak
def test_five_hundred_random_deaths_and_broken_links(tmp_path: Path) -> None:
    for seed in range(500):
        place = tmp_path / str(seed)
        place.mkdir()
        soak(place, 1_000_000 + seed)
