"""`vote plan --voters`: what epsilon means for an election of a known size, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from cli._output import print_json, print_line
from dpselect.approval import epsilon_text, factor_text
from dpselect.planning import Task, plan
from dpselect.privacy import NeighbouringRelation

_EPSILONS = (Fraction(1, 10), Fraction(1), Fraction(5))
_STRENGTH = {Fraction(1, 10): "very strong protection", Fraction(1): "usual protection", Fraction(5): "weak protection"}
_HIDES = {
    NeighbouringRelation.ADD_REMOVE: "whether and how a person voted",
    NeighbouringRelation.REPLACE: "how a person voted; who voted is taken to be public",
}


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


def print_expectation(size: Entitled, epsilon: Fraction | None, target: float, as_json: bool) -> None:
    """The usual three, or the one that was asked for. Raises UsageError."""
    found = [expect(size, each, target) for each in (_EPSILONS if epsilon is None else (epsilon,))]
    if as_json:
        rows = [
            {
                "epsilon": float(row.epsilon),
                "epsilon_exact": str(row.epsilon),
                "factor": math.exp(row.epsilon),
                "lead_for_target": row.lead,
                "lead_possible": row.lead <= size.voters,
                "probability_at_a_lead_of_a_tenth": row.odds,
            }
            for row in found
        ]
        print_json({"voters": size.voters, "candidates": size.candidates, "seats": size.seats,
                    "neighbors": size.neighbors, "target": target, "epsilons": rows})  # fmt: skip
        return
    for line in _told(size, found, target):
        print_line(line)


def _told(size: Entitled, found: list[Expectation], target: float) -> Iterator[str]:
    who = "the right winner" if size.seats == 1 else "the right committee"
    tenth = max(1, size.voters // 10)
    votes = "vote" if tenth == 1 else "votes"
    yield f"{size.candidates} candidates, {size.voters} people entitled to vote."
    yield f"Hidden: {_HIDES[size.neighbors]}."
    yield "A smaller epsilon protects voters better and makes the result less reliable."
    for row in found:
        factor = factor_text(row.epsilon)
        yield f"\nepsilon {epsilon_text(row.epsilon)}" + (
            f", {_STRENGTH[row.epsilon]}" if row.epsilon in _STRENGTH else ""
        )
        yield f"  One person's ballot changes the chance of any result by a factor of at most {factor}."
        if row.lead > size.voters:
            yield f"  Not enough people vote for this: {who} would need a lead of {row.lead} votes."
        else:
            share = math.ceil(1000 * row.lead / size.voters) / 10
            often = f"{who} comes out at least {100 * target:g} times in 100"
            lead = "1 vote" if row.lead == 1 else f"{row.lead} votes"
            yield f"  With a lead of {lead} ({share:g} %) or more, {often}."
        odds = min(99, math.floor(100 * row.odds))
        yield f"  With a lead of {tenth} {votes} it comes out at least {odds} times in 100."
    yield "\nChoose before you count. Then run:"
    yield f"  psiselect vote winner BALLOTS --epsilon E --neighbors {size.neighbors.value}"
