"""The noisy winner: its guarantee computed exactly, its law checked over draws."""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from support.entropy import FixedEntropy
from support.mpc_fakes import deal_and_add_noise

from dpselect.privacy import NeighbouringRelation
from mpc.noise import SharedNoise
from mpc.winner import public_order, vote_noise, winner_law
from psiselect.base.errors import UsageError

FALSE_ALARM = 1e-8
ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE


def first_wins(scores: Sequence[int], z: Fraction) -> list[Fraction]:
    """Pr[i wins] for argmax(score + geometric), the first of equal totals winning; exact, as a rational number.

    Beyond the largest score every Pr[total = k] is a power of z times a constant, so what is left of the sum over k
    there is a sum of geometric series: the product of (1 - a_j z^k) expands over subsets.
    """
    top = max(scores)
    won = []
    for i, score in enumerate(scores):
        others = [(s, j < i) for j, s in enumerate(scores) if j != i]
        total = Fraction(0)
        for k in range(score, top + 1):
            product = (1 - z) * z ** (k - score)
            for s, earlier in others:
                limit = k if earlier else k + 1  # an earlier one must be strictly below
                product *= 1 - z ** (limit - s) if limit > s else 0
            total += product
        start = top + 1
        for chosen in itertools.product((False, True), repeat=len(others)):
            coefficient, ratio = (1 - z) * z ** (start - score), z
            for (s, earlier), taken in zip(others, chosen, strict=True):
                if taken:
                    coefficient *= -(z ** ((start if earlier else start + 1) - s))
                    ratio *= z
            total += coefficient / (1 - ratio)
        won.append(total)
    return won


def ballots(candidates: int) -> list[tuple[int, ...]]:
    return list(itertools.product((0, 1), repeat=candidates))


def tally(profile: Sequence[tuple[int, ...]], candidates: int) -> list[int]:
    return [sum(b[c] for b in profile) for c in range(candidates)]


def worst(relation: NeighbouringRelation, z: Fraction, shift: Sequence[int]) -> Fraction:
    """The largest probability ratio over all profiles of up to 3 voters and 3 candidates and their neighbours, the
    colluders having added `shift`."""
    laws: dict[tuple[int, ...], list[Fraction]] = {}

    def law(profile: Sequence[tuple[int, ...]]) -> list[Fraction]:
        scores = tuple(t + s for t, s in zip(tally(profile, 3), shift, strict=True))
        if scores not in laws:
            laws[scores] = first_wins(scores, z)
        return laws[scores]

    found = Fraction(0)
    for size in range(3):
        for profile in itertools.combinations_with_replacement(ballots(3), size):
            more = [law([*profile, b]) for b in ballots(3)]
            pairs = (
                [(law(profile), m) for m in more] if relation is ADD_REMOVE else list(itertools.permutations(more, 2))
            )
            for a, b in pairs:
                for x, y in zip(a, b, strict=True):
                    found = max(found, x / y, y / x)
    return found


@pytest.mark.parametrize("z", [Fraction(1, 2), Fraction(9, 10)])
@pytest.mark.parametrize("shift", [(0, 0, 0), (3, 0, 1), (0, 7, 2)])
def test_honest_noise_is_enough_whatever_the_colluders_added(z: Fraction, shift: tuple[int, ...]) -> None:
    # Fixed order and known c: exactly what the t colluders see. e^epsilon is 1/z under add/remove, 1/z^2 under replace.
    assert sum(first_wins([2, 0, 1], z)) == 1
    assert worst(ADD_REMOVE, z, shift) <= 1 / z
    by_replacement = worst(REPLACE, z, shift)
    assert by_replacement <= 1 / z**2
    assert by_replacement > 1 / z  # the factor 2 under replace is needed: without it the guarantee would be false


def test_the_factor_follows_from_the_relation() -> None:
    assert vote_noise(Fraction(1), ADD_REMOVE, 3, 1).exponent == 1
    assert vote_noise(Fraction(1), REPLACE, 3, 1).exponent == Fraction(1, 2)
    noise = vote_noise(Fraction(1), ADD_REMOVE, 5, 2)
    assert noise.share_size * (5 - 2) == 1  # what the honest ones add is one geometric variable (test_noise)
    with pytest.raises(UsageError):
        vote_noise(Fraction(1), ADD_REMOVE, 3, 0)


def permute_and_flip(scores: Sequence[int], z: float) -> list[float]:
    """McKenna and Sheldon's own law, by their order of visits; nothing in common with the code under test."""
    best = max(scores)
    heads = [z ** (best - s) for s in scores]
    won = [0.0] * len(scores)
    orders = list(itertools.permutations(range(len(scores))))
    for order in orders:
        left = 1.0
        for i in order:
            won[i] += left * heads[i] / len(orders)
            left *= 1 - heads[i]
    return won


@pytest.mark.parametrize("scores", [[5, 5, 5], [7, 6, 2, 0], [3, 3, 0], [10, 9]])
def test_geometric_noise_is_permute_and_flip_and_the_law_says_so(scores: list[int]) -> None:
    # Total size 1 is what t = 0 would be, refused for the product; the formula must give permute-and-flip there.
    class Geometric(SharedNoise):
        total_size = Fraction(1)  # type: ignore[assignment]

    law = winner_law(scores, Geometric(2, 1, Fraction(1, 2)))
    assert law.sum() == pytest.approx(1, abs=1e-9)
    assert law == pytest.approx(permute_and_flip(scores, math.exp(-0.5)), abs=1e-9)
    orders = list(itertools.permutations(range(len(scores))))
    z = Fraction(math.exp(-0.5))
    exact = [0.0] * len(scores)
    for order in orders:
        for place, p in enumerate(first_wins([scores[i] for i in order], z)):
            exact[order[place]] += float(p) / len(orders)
    assert law == pytest.approx(exact, abs=1e-9)


def check_draws(scores: list[int], epsilon: Fraction, relation: NeighbouringRelation, draws: int) -> None:
    """The product's own sharing, noise and order; totals are put together here instead of inside MPyC."""
    noise = vote_noise(epsilon, relation, 3, 1)
    law = winner_law(scores, noise)
    assert law.sum() == pytest.approx(1, abs=1e-9)
    entropy = FixedEntropy("draws")
    won: Counter[int] = Counter()
    # One long vector holds all draws: components are shared and made noisy independently of each other.
    totals = np.array(deal_and_add_noise(scores * draws, noise, entropy)).reshape(draws, len(scores))
    for row in totals:
        order = public_order(entropy.read(96), len(scores))
        won[int(order[np.argmax(row[order])])] += 1
    common = [i for i in range(len(scores)) if law[i] * draws >= 10]
    seen = [won[i] for i in common] + [draws - sum(won[i] for i in common)]
    expected = [law[i] * draws for i in common]
    expected.append(draws - sum(expected))
    if expected[-1] < 5:
        seen, expected = [*seen[:-2], seen[-2] + seen[-1]], [*expected[:-2], expected[-2] + expected[-1]]
    assert stats.chisquare(seen, expected).pvalue > FALSE_ALARM


def test_draws_follow_the_law() -> None:
    check_draws([12, 11, 11, 7, 0], Fraction(1, 2), ADD_REMOVE, 20_000)


@pytest.mark.ballots
def test_draws_on_a_real_election_follow_the_law() -> None:
    from psiselect.elections.ballots import load
    from psiselect.tables import Table

    profile = load(Table(Path(os.environ["PSISELECT_BALLOTS"]) / "preflib_00026-00000001.cat")).profile
    check_draws([int(t) for t in profile.tally()], Fraction(1, 10), ADD_REMOVE, 20_000)


def test_the_public_order_is_uniform_and_the_same_for_all() -> None:
    drawn = Counter(tuple(public_order(i.to_bytes(8, "big"), 3).tolist()) for i in range(6000))
    assert len(drawn) == 6
    assert stats.chisquare(list(drawn.values())).pvalue > FALSE_ALARM
    assert public_order(b"same", 50).tolist() == public_order(b"same", 50).tolist()
