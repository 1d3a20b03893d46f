"""`vote plan --voters`: what epsilon means for an election of a known size, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from cli._output import print_json, print_line
from cli.vote import words
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
    who = words.RIGHT_WINNER if size.seats == 1 else words.RIGHT_COMMITTEE
    yield words.entitled(size.candidates, size.voters)
    yield words.hidden(HIDES[size.neighbors])
    yield words.SMALLER
    for row in found:
        yield words.at_epsilon(epsilon_text(row.epsilon), STRENGTH.get(row.epsilon))
        yield words.factor(factor_text(row.epsilon))
        if row.lead > size.voters:
            yield words.impossible(who, row.lead)
        else:
            yield words.needs_lead(row.lead, math.ceil(1000 * row.lead / size.voters) / 10, who, 100 * target)
        yield words.odds(max(1, size.voters // 10), min(99, math.floor(100 * row.odds)))
    yield words.CHOOSE
    yield words.winner_command(size.neighbors.value)
