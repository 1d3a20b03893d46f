"""Which runs a session has, in order, and how much goes through each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psi.agreement.modes import Comparer, Reveal, SessionProtocol, Side
from psi.agreement.terms import Terms
from psi.fast import cost as fast_cost
from psi.group.masking import STATISTICAL_BITS


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

    def copies(self, items: int) -> int:
        """How many copies of each of its `items` items the receiver sends."""
        return gate_copies(items) if self.gate else 1


def plan(terms: Terms) -> tuple[PlannedRun, ...]:
    """The runs under these terms: the gate's, if the side that does not learn compares, then each learner's; one run
    per list."""
    directions = [(receiver, terms.reveal, False) for receiver in terms.learn.receivers]
    if terms.min_matches_by is Comparer.OTHER:
        directions.insert(0, (terms.learn.receivers[0].other, Reveal.COUNT, True))
    each = [(receiver, number, reveal, gate) for receiver, reveal, gate in directions for number in range(terms.lists)]
    return tuple(PlannedRun(number, *run) for number, run in enumerate(each, start=1))


def gate_copies(items: int) -> int:
    """How many copies of each item go through a gate: t(N) of docs/protocol.md, "Gate", for N = `items`.

    A sender that answers otherwise than with one scalar has to guess which elements are copies of the same items. It
    succeeds with probability at most N / C(tN, t): t is the least number, at least 2, for which that is at most 2^-40.
    A single item counts once whatever is answered, so that one copy is enough.
    """
    if items <= 1:
        return 1
    copies = 2
    while math.comb(copies * items, copies) < items << STATISTICAL_BITS:
        copies += 1
    return copies


@dataclass(frozen=True, slots=True)
class RunSize:
    """How much goes through a run. n: items of the receiver, m: of the sender, with what the terms add. keys: tokens
    of an item. copies: of each of the receiver's items, more than one in a gate only."""

    n: int
    m: int
    keys: int = 1
    copies: int = 1

    @property
    def rows(self) -> int:
        """Rows of elements that the receiver sends: an item is one, and so is each of its copies."""
        return self.n * self.copies

    @property
    def elements(self) -> int:
        """Of the receiver; it gets as many replies."""
        return self.rows * self.keys

    @property
    def tokens(self) -> int:
        """Of the receiver: what it hashes, and what it has tags of."""
        return self.n * self.keys

    @property
    def tags(self) -> int:
        """Of the sender."""
        return self.m * self.keys

    def operations(self, *, receives: bool) -> int:
        """Group operations of a role, what `sum` adds left out.

        The receiver masks each element and takes its mask off each reply. With t copies it multiplies all replies by
        one scalar, and one copy's replies by t - 1 others; see `psi.protocol.gate`. The sender masks each element
        again, and its own tokens.
        """
        return (3 * self.copies - 1) * self.tokens if receives else self.elements + self.tags


def size_of(run: PlannedRun, terms: Terms, sizes: Mapping[Side, Sequence[int]]) -> RunSize:
    """The size of a run; sizes: of each side's lists, as declared."""
    n, m = (sizes[side][run.list] + terms.added for side in (run.receiver, run.receiver.other))
    return RunSize(n, m, terms.keys_per_row, run.copies(n))


def operations(terms: Terms, side: Side, sizes: Mapping[Side, Sequence[int]]) -> int:
    """Group operations of one side over all runs of a session, or pieces of work of the fast protocol; sizes as for
    `size_of`."""
    found = [(size_of(run, terms, sizes), run.receiver is side) for run in plan(terms)]
    if terms.protocol is SessionProtocol.FAST:
        return sum(fast_cost.work(*((r.n, r.m) if own else (r.m, r.n)), receives=own) for r, own in found)
    return sum(size.operations(receives=receives) for size, receives in found)
