"""What a session reveals, and to whom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from psi.labels.labels import SealedLabels, UncollectedLabels
from psiselect.base.packed import I64


class Side(Enum):
    """A network role: who opened the port and who called. Not to be confused with sender and receiver."""

    LISTEN = "listen"
    CONNECT = "connect"

    @property
    def other(self) -> Side:
        """The peer's side."""
        return Side.CONNECT if self is Side.LISTEN else Side.LISTEN


class Learner(Enum):
    """Which side learns the result. BOTH is two runs with the roles reversed, in one session."""

    LISTEN = "listen"
    CONNECT = "connect"
    BOTH = "both"

    @property
    def receivers(self) -> tuple[Side, ...]:
        """The receiver (the one who learns) of each run, in the order of the runs."""
        return (Side.CONNECT, Side.LISTEN) if self is Learner.BOTH else (Side(self.value),)


class Reveal(Enum):
    """What the learner gets."""

    MATCHES = "matches"
    COUNT = "count"
    SUM = "sum"
    NOISY_COUNT = "noisy-count"

    @property
    def hides_membership(self) -> bool:
        """Whether the learner must not find out which of its own items matched: replies come shuffled and the
        item stays out of the tag."""
        return self is not Reveal.MATCHES


class Matching(Enum):
    """What several keys mean together.

    ONE_TO_MANY: a record matches when any of its keys does, with however many records of the peer; each key's list is
    matched by itself. ONE_TO_ONE: a record matches one record of the peer at most, by the first key, in the order of
    the terms, under which both are still free.
    """

    ONE_TO_ONE = "one-to-one"
    ONE_TO_MANY = "one-to-many"


class Comparer(Enum):
    """Who holds the result against the agreed minimum: the learner (advisory), or the other side, which thereby learns
    the number of matches."""

    LEARNER = "learner"
    OTHER = "other"


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
