"""What epsilon means for an election of a known size, from public numbers only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from dpselect.planning import Task, choose, plan, probability_curve
from dpselect.privacy import NeighbouringRelation
from psiselect.elections import words

EPSILONS = (Fraction(1, 10), Fraction(1), Fraction(5))
STRENGTH = {Fraction(1, 10): words.VERY_STRONG, Fraction(1): words.USUAL, Fraction(5): words.WEAK}
HIDES = words.HIDES


@dataclass(frozen=True)
class Entitled:
    """What is public about an election: how many people may vote, candidates, seats, and what must stay hidden."""

    voters: int
    candidates: int
    seats: int
    neighbors: NeighbouringRelation


@dataclass(frozen=True)
class Expectation:
    """What one epsilon means. lead: votes by which the winners must lead to come out with the target probability.
    odds: their probability at a lead of a tenth of those entitled."""

    epsilon: Fraction
    lead: int
    odds: float


def expect(size: Entitled, epsilon: Fraction, target: float) -> Expectation:
    """Computed from public numbers only. Raises UsageError when there is nothing to choose."""
    tenth = max(1, size.voters // 10)
    made = plan(Task(size.candidates, epsilon, size.neighbors, size.seats, Fraction(tenth)), target).chosen
    return Expectation(epsilon, math.ceil(made.gap_for_target), made.probability.value)


def chances(
    candidates: int, seats: int, neighbors: NeighbouringRelation, lead: int, epsilons: Sequence[Fraction]
) -> list[float]:
    """How likely the right result is at each epsilon when the winners lead by so many votes, as `vote plan --gap` has
    it. Computed from public numbers only. Raises UsageError when there is nothing to choose."""
    found = []
    for epsilon in epsilons:
        task = Task(candidates, epsilon, neighbors, seats, Fraction(lead))
        found += probability_curve(task, choose(task).mechanism, [float(epsilon)])
    return found
