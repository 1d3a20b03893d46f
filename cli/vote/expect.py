"""`vote plan --voters`: what epsilon means for an election of a known size, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from cli._output import print_json, print_line
from dpselect.approval import epsilon_text, factor_text
from psiselect.elections.expectation import EPSILONS, HIDES, STRENGTH, Entitled, Expectation, expect


def print_expectation(size: Entitled, epsilon: Fraction | None, target: float, as_json: bool) -> None:
    """The usual three, or the one that was asked for. Raises UsageError."""
    found = [expect(size, each, target) for each in (EPSILONS if epsilon is None else (epsilon,))]
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
    yield f"Hidden: {HIDES[size.neighbors]}."
    yield "A smaller epsilon protects voters better and makes the result less reliable."
    for row in found:
        factor = factor_text(row.epsilon)
        yield f"\nepsilon {epsilon_text(row.epsilon)}" + (
            f", {STRENGTH[row.epsilon]}" if row.epsilon in STRENGTH else ""
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
