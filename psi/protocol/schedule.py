"""Which runs a session has, in order."""

from __future__ import annotations

from dataclasses import dataclass

from psi.agreement.outcomes import Comparer, Reveal, Side
from psi.agreement.terms import Terms


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One direction, one list. gate: a count for the side that does not learn, which then decides whether to go on."""

    number: int  # from 1
    receiver: Side
    list: int
    reveal: Reveal
    gate: bool

    @property
    def needs_labels(self) -> bool:
        """Whether what was agreed to travel along does so in this run."""
        return self.reveal is Reveal.MATCHES


def plan(terms: Terms) -> tuple[PlannedRun, ...]:
    """The runs under these terms: the gate's, if the side that does not learn compares, then each learner's; a run a
    list."""
    directions = [(receiver, terms.reveal, False) for receiver in terms.learn.receivers]
    if terms.min_matches_by is Comparer.OTHER:
        directions.insert(0, (terms.learn.receivers[0].other, Reveal.COUNT, True))
    each = [(receiver, number, reveal, gate) for receiver, reveal, gate in directions for number in range(terms.lists)]
    return tuple(PlannedRun(number, *run) for number, run in enumerate(each, start=1))
