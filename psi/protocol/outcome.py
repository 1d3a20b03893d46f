"""What one side holds when its runs are over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from psi.labels.labels import SealedLabels, UncollectedLabels
from psiselect.base.packed import I64


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one side holds when its runs are over.

    counts: for each key of the terms, how many matches it made (distinct keys that both hold or, one-to-one, records);
    None for a side that does not learn it. matched: for each key, the numbers of the learner's own keys (one-to-one:
    records) that it matched (ascending, int64), None unless the reveal mode is MATCHES and this side learns. labels:
    for each key, what the peer gave along with these, row by row as `matched`; None where nothing was agreed to travel,
    and as long as the session goes on, when it is `uncollected`.
    noisy_count: the number of matches with noise, which may take it below 0 or beyond the list, for the learner of
    NOISY_COUNT. total: of the peer's values over the matches, in units of the agreed last decimal place, for the
    learner of SUM. withheld: the result is below the agreed minimum, so that nothing of it is here.
    """

    counts: tuple[int, ...] | None = None
    matched: tuple[I64, ...] | None = None
    labels: tuple[SealedLabels, ...] | None = None
    uncollected: tuple[UncollectedLabels, ...] | None = None
    noisy_count: int | None = None
    total: int | None = None
    withheld: bool = False

    @property
    def matches(self) -> int | None:
        """The matches of all keys together."""
        return None if self.counts is None else sum(self.counts)

    @property
    def learnt(self) -> bool:
        """Whether this side is one that learns."""
        return self.withheld or self.counts is not None or self.noisy_count is not None

    def followed_by(self, other: Outcome) -> Outcome:
        """This outcome and that of a later run, under a further key."""
        if self.counts is None or other.counts is None:
            return other if self.counts is None else self
        matched = None if self.matched is None or other.matched is None else self.matched + other.matched
        return replace(self, counts=self.counts + other.counts, matched=matched)

    def collected(self) -> Outcome:
        """This outcome with what the peer gave along. To be called when the session is over; see
        `psi.labels.labels`."""
        if self.uncollected is None:
            return self
        return replace(self, labels=tuple(labels.collect() for labels in self.uncollected), uncollected=None)

    def at_least(self, least: int | None) -> Outcome:
        """This outcome, or a withheld one when its number, noisy where that is what was learnt, is below `least`."""
        number = self.noisy_count if self.counts is None else self.matches
        if least is None or number is None or number >= least:
            return self
        return Outcome(withheld=True)
