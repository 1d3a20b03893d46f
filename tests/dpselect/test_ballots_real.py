"""On the real elections named by PSISELECT_BALLOTS: tallies as others count them, losses as the formulas say.

The folder holds the files and facts.json (winners and scores by pabutools, preflibtools and abcvoting).
"""

from __future__ import annotations

import json
import math
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.entropy import FixedEntropy

from dpselect import utility
from dpselect.approval import elect, not_private_tally
from dpselect.committee import SubsetExponential
from dpselect.mechanisms import Mechanism, Selection
from dpselect.planning import Task, choose
from dpselect.privacy import NeighbouringRelation
from psiselect.elections.ballots import load
from psiselect.tables import Table

pytestmark = pytest.mark.ballots

ADD_REMOVE = NeighbouringRelation.ADD_REMOVE
FOLDER = os.environ.get("PSISELECT_BALLOTS")
FACTS: list[dict[str, Any]] = json.loads((Path(FOLDER) / "facts.json").read_text()) if FOLDER else []
SIGMAS = 6  # a false alarm in 5e8 for each of some 200 comparisons


def test_there_are_elections_to_check() -> None:
    assert FACTS, "set PSISELECT_BALLOTS to the folder with facts.json"


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["file"])
def test_the_tally_is_what_others_count(fact: dict[str, Any]) -> None:
    reading = load(Table(Path(FOLDER or "") / fact["file"]))
    tally = not_private_tally(reading.profile)
    assert reading.warnings == ()
    assert (len(tally.counts), tally.voters) == (fact["candidates"], fact["voters"])
    assert list(tally.winners) == fact["winners"]
    assert all(tally.counts[name] == score for name, score in fact["top11"])
    assert sorted(tally.counts.values(), reverse=True)[: len(fact["top11"])] == [score for _, score in fact["top11"]]


@pytest.mark.parametrize("epsilon", ["1/10", "1/2", "1"])
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["file"])
def test_expected_loss_is_that_of_permute_and_flip_with_exponent_epsilon(
    fact: dict[str, Any], epsilon: str, fixed_entropy: FixedEntropy
) -> None:
    profile = load(Table(Path(FOLDER or "") / fact["file"])).profile
    chosen = choose(Task(len(profile.candidates), Fraction(epsilon), ADD_REMOVE)).measurement
    assert isinstance(chosen, Selection)
    tally = profile.tally()
    gaps = tally.max() - tally
    expected = float(utility.permute_and_flip_law(gaps, float(Fraction(epsilon))) @ gaps)
    drawn = gaps[chosen.release_many(tally, 20_000, fixed_entropy)]
    # The standard error from the law, not from the draws: these may all be the winner.
    law = utility.permute_and_flip_law(gaps, float(Fraction(epsilon)))
    error = math.sqrt(max(law @ gaps**2 - expected**2, 0) / len(drawn))
    assert abs(drawn.mean() - expected) <= SIGMAS * error + 1e-3


def test_the_french_election_at_a_tenth() -> None:
    fact = next(fact for fact in FACTS if "00026" in fact["file"])
    tally = load(Table(Path(FOLDER or "") / fact["file"])).profile.tally()
    gaps = tally.max() - tally
    assert utility.permute_and_flip_law(gaps, 0.1) @ gaps == pytest.approx(1.81, abs=0.005)
    assert utility.exponential_law(gaps, 0.05) @ gaps == pytest.approx(18.2, abs=0.05)  # another library's default


def peeling_losses(tally: np.ndarray, seats: int, exponent: float, draws: int) -> np.ndarray:
    """Losses of peeling, drawn independently of the product: the largest of scores plus exponential noise, k times."""
    rng = np.random.default_rng(7)
    scores = np.tile(tally.astype(np.float64), (draws, 1))
    won = np.zeros(draws)
    for _ in range(seats):
        winner = (scores + rng.exponential(1 / exponent, scores.shape)).argmax(axis=1)
        won += tally[winner]
        scores[np.arange(draws), winner] = -np.inf
    return np.sort(tally)[::-1][:seats].sum() - won


@pytest.mark.parametrize("guess", [None, "winner", "committee"])
@pytest.mark.parametrize("epsilon", [1, 2])
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["file"])
def test_where_the_sets_are_chosen_they_lose_less_than_peeling(
    fact: dict[str, Any], epsilon: int, guess: str | None, fixed_entropy: FixedEntropy
) -> None:
    """Against peeling with the exponent that the relation allows (epsilon/k), which loses less than a library's default
    of epsilon/(2k). Guesses of the gap: none, the winner's real lead, the committee's real lead."""
    profile = load(Table(Path(FOLDER or "") / fact["file"])).profile
    tally = profile.tally()
    ranked = np.sort(tally)[::-1]
    for seats in range(2, min(12, len(ranked) - 1) + 1):
        gap = {None: None, "winner": ranked[0] - ranked[1], "committee": ranked[seats - 1] - ranked[seats]}[guess]
        task = Task(len(ranked), Fraction(epsilon), ADD_REMOVE, seats, None if gap is None else Fraction(int(gap)))
        choice = choose(task)
        if choice.mechanism is not Mechanism.SUBSET_EXPONENTIAL:
            continue
        assert isinstance(choice.measurement, SubsetExponential)
        expected = utility.subset_profile_loss(tally, seats, float(choice.measurement.exponent))
        best = ranked[:seats].sum()
        peeled = peeling_losses(tally, seats, epsilon / seats, 50_000)
        error = float(peeled.std()) / math.sqrt(len(peeled)) + 20 * seats / len(peeled)
        assert expected < peeled.mean() + SIGMAS * error, (seats, gap)
        if peeled.mean() > SIGMAS * error:
            assert expected < peeled.mean(), (seats, gap)
        drawn = [
            best - sum(tally[i] for i in committee)
            for committee in choice.measurement.release_many(tally, 300, fixed_entropy)
        ]
        spread = max(float(np.std(drawn)), math.sqrt(expected * seats)) / math.sqrt(len(drawn))
        assert abs(np.mean(drawn) - expected) <= SIGMAS * spread + 0.05, (seats, gap)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["file"])
def test_a_private_winner_of_each(fact: dict[str, Any]) -> None:
    profile = load(Table(Path(FOLDER or "") / fact["file"])).profile
    choice = choose(Task(len(profile.candidates), Fraction(30), ADD_REMOVE))
    assert list(elect(profile, choice.measurement)) == fact["winners"]  # wrong once in e^60 where the lead is 2
