"""From a profile to a private winner: the right law, nothing beyond the release, and sentences that are true."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.entropy import FixedEntropy

from dpselect import utility
from dpselect.approval import elect, epsilon_text, factor_text, guarantee, not_private_tally
from dpselect.ballots import Profile
from dpselect.mechanisms import Mechanism, Selection
from dpselect.planning import Task, choose
from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import UsageError
from psiselect.elections.ballots import load
from psiselect.tables import Table

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
# Six standard errors: a false alarm in 5e8.
SIGMAS = 6


def election(counts: list[int]) -> Profile:
    """A profile with these approval counts, one approval a ballot."""
    names = tuple(f"candidate {i:02d}" for i in range(len(counts)))
    return Profile(names, {(i,): count for i, count in enumerate(counts) if count})


def task(m: int, epsilon: str = "1/10", neighbors: NeighbouringRelation = ADD_REMOVE, seats: int = 1) -> Task:
    return Task(m, Fraction(epsilon), neighbors, seats)


def losses(profile: Profile, chosen: Selection, draws: int, entropy: FixedEntropy) -> np.ndarray:
    tally = profile.tally()
    return tally.max() - tally[chosen.release_many(tally, draws, entropy)]


@pytest.mark.parametrize(("neighbors", "factor"), [(ADD_REMOVE, Fraction(1)), (REPLACE, Fraction(1, 2))])
def test_expected_loss_is_that_of_permute_and_flip_with_the_relations_exponent(
    neighbors: NeighbouringRelation, factor: Fraction, fixed_entropy: FixedEntropy
) -> None:
    """Nothing set by the user but the relation. The planted wrong factor is more than 20 standard errors away."""
    profile, epsilon = election([139, 119, 87, 85, 77, 74, 67, 67, 64, 62, 62, 60, 55, 47, 30, 12]), Fraction(1, 10)
    chosen = choose(task(16, "1/10", neighbors)).measurement
    assert isinstance(chosen, Selection)
    drawn = losses(profile, chosen, 40_000, fixed_entropy)
    error = drawn.std() / math.sqrt(len(drawn))
    tally = profile.tally()
    for exponent, right in ((epsilon * factor, True), (epsilon * factor / 2, False)):
        law = utility.permute_and_flip_law(tally.max() - tally, float(exponent))
        distance = abs(drawn.mean() - law @ (tally.max() - tally))
        assert (distance < SIGMAS * error) if right else (distance > 20 * error)


@pytest.mark.parametrize("seats", [1, 2])
def test_without_ballots_the_choice_is_uniform(seats: int, fixed_entropy: FixedEntropy) -> None:
    """Chi-square; the threshold for 5 or 9 degrees of freedom is passed by chance less than once in 1e9."""
    profile, chosen = election([0] * 5), choose(task(5, seats=seats)).measurement
    seen: dict[tuple[str, ...], int] = {}
    for _ in range(2_000):
        winners = elect(profile, chosen, fixed_entropy)
        seen[winners] = seen.get(winners, 0) + 1
    outcomes = math.comb(5, seats)
    expected = 2_000 / outcomes
    assert len(seen) == outcomes
    assert sum((n - expected) ** 2 / expected for n in seen.values()) < 62


def test_a_committee_comes_in_the_order_of_names() -> None:
    profile = Profile(("Zoe", "Ada", "Ben", "Eve"), {(0, 1, 2): 1000})
    for _ in range(5):
        assert elect(profile, choose(task(4, "5", seats=3)).measurement) == ("Ada", "Ben", "Zoe")


def test_the_system_entropy_is_the_default() -> None:
    profile = election([0] * 1000)
    chosen = choose(task(1000)).measurement
    assert len({elect(profile, chosen) for _ in range(20)}) > 10


def test_multiplicities_of_a_million_millions_are_elected() -> None:
    profile = Profile(("A", "B"), {(0,): 10**14, (1,): 10**14 - 1000})
    assert elect(profile, choose(task(2, "1")).measurement) == ("A",)


# --- sentences ---


def test_the_guarantee_in_sentences_for_voters() -> None:
    most = "changes the chance of this result by a factor of at most 1.11"
    nobody = "Nobody can tell from the result"
    assert guarantee(Fraction(1, 10), ADD_REMOVE) == (
        f"Whether one person votes or stays away {most}. {nobody} how, or whether, you voted."
    )
    assert guarantee(Fraction(1, 10), REPLACE) == (f"How one person votes {most}. {nobody} how you voted.")
    assert guarantee(Fraction(1, 10), ADD_REMOVE, by_voter=False) == (
        f"Adding or removing one ballot {most}. {nobody} what any one ballot says, or whether it was cast."
    )
    assert guarantee(Fraction(1, 10), REPLACE, by_voter=False) == (
        f"What one ballot says {most}. {nobody} what any one ballot says."
    )


@pytest.mark.parametrize(
    ("epsilon", "words"),
    [
        ("1", "Nobody can tell from the result how you voted."),
        ("1001/1000", "The result says little about how you voted."),
        ("4999/1000", "The result says little about how you voted."),
        ("5", "This protection is weak: the result may show how you voted."),
    ],
)
def test_the_words_follow_epsilon(epsilon: str, words: str) -> None:
    assert guarantee(Fraction(epsilon), REPLACE).endswith(f". {words}")


@pytest.mark.parametrize("epsilon", ["1/1000", "1/100", "1/10", "1/3", "1", "3", "5", "7", "20"])
def test_the_factor_is_rounded_up_and_close(epsilon: str) -> None:
    """To three digits, and to two of what it is above 1."""
    factor, exact = float(factor_text(Fraction(epsilon))), math.exp(float(Fraction(epsilon)))
    assert exact <= factor <= exact * 1.01
    assert factor - 1 <= (exact - 1) * 1.1
    assert len(factor_text(Fraction(epsilon)).rstrip("0")) <= (6 if factor < 1000 else 10)


def test_a_large_epsilon_is_not_written_out() -> None:
    assert "a factor of at most e^300. " in guarantee(Fraction(300), ADD_REMOVE)


@pytest.mark.parametrize(("epsilon", "text"), [("1/10", "0.1"), ("1/3", "1/3"), ("20", "20"), ("1/1024", "1/1024")])
def test_epsilon_is_shown_exactly(epsilon: str, text: str) -> None:
    assert epsilon_text(Fraction(epsilon)) in (text, str(float(Fraction(epsilon))))
    assert Fraction(epsilon_text(Fraction(epsilon))) == Fraction(epsilon)


# --- the tally that is not private ---


def test_the_tally_ranks_by_count_then_name_and_says_who_ties() -> None:
    profile = Profile(("d", "b", "c", "a"), {(0,): 5, (1, 2): 3, (3,): 1, (): 7})
    tally = not_private_tally(profile, 2)
    assert list(tally.counts.items()) == [("d", 5), ("b", 3), ("c", 3), ("a", 1)]
    assert (tally.voters, tally.winners, tally.tied) == (16, ("d", "b", "c"), ("b", "c"))
    assert not_private_tally(profile, 3).tied == ()
    assert not_private_tally(profile).winners == ("d",)
    for seats in (0, 5):
        with pytest.raises(UsageError, match="seats"):
            not_private_tally(profile, seats)


def test_the_exact_winner_is_found_at_a_large_epsilon_from_every_fixture() -> None:
    folder = Path(__file__).parent.parent / "fixtures" / "ballots"
    for name in ("matrix.csv", "zero.cat", "club.toc", "park.pb"):
        profile = load(Table(folder / name)).profile
        chosen = choose(task(4, "100")).measurement
        assert elect(profile, chosen) == not_private_tally(profile).winners == ("Bo",)


def test_mechanisms_as_asked() -> None:
    assert choose(task(9), Mechanism.EXPONENTIAL).mechanism is Mechanism.EXPONENTIAL
