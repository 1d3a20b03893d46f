"""What one side holds when its runs are over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from psi.labels.labels import SealedLabels
from psiselect.base.packed import I64


class Closeable(Protocol):
    """What takes memory, or room on disk, until it is closed."""

    def close(self) -> None: ...


class Finding(Protocol):
    """What a run has given to one side, not yet looked at: matches may matter only when the session is over."""

    def counts(self) -> tuple[int, ...] | None:
        """For each key, how many matches it makes, for a side that learns it. Time depends on public sizes."""
        ...

    def outcome(self) -> Outcome:
        """All of it. Not before the session is over: it takes time for each match. Raises RemoteError."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """A finding that holds no secret of time: nothing, or a total."""

    found: Outcome

    def counts(self) -> tuple[int, ...] | None:
        """See Finding."""
        return self.found.counts

    def outcome(self) -> Outcome:
        """See Finding."""
        return self.found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one side holds when its runs are over.

    counts: for each key of the terms, how many matches it made (distinct keys that both hold or, one-to-one, records);
    None for a side that does not learn it. matched: for each key, the numbers of the learner's own keys (one-to-one:
    records) that it matched (ascending, int64), None unless the reveal mode is MATCHES and this side learns. labels:
    for each key, what the peer gave along with these, row by row as `matched`; None where nothing was agreed to travel.
    noisy_count: the number of matches with noise, which may take it below 0 or beyond the list, for the learner of
    NOISY_COUNT. total: of the peer's values over the matches, in units of the agreed last decimal place, for the
    learner of SUM. withheld: the result is below the agreed minimum, so that nothing of it is here.
    """

    counts: tuple[int, ...] | None = None
    matched: tuple[I64, ...] | None = None
    labels: tuple[SealedLabels, ...] | None = None
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

    def at_least(self, least: int | None) -> Outcome:
        """This outcome, or a withheld one when its number, noisy where that is what was learnt, is below `least`."""
        number = self.noisy_count if self.counts is None else self.matches
        if least is None or number is None or number >= least:
            return self
        return Outcome(withheld=True)


class Findings:
    """What the runs of a session have given to one side, kept with what it needs until the session is over."""

    def __init__(self, least: int | None) -> None:
        """least: the agreed minimum of matches."""
        self._least = least
        self._found: list[Finding] = []
        self._needed: list[Closeable] = []

    def add(self, finding: Finding, needed: Iterable[Closeable]) -> None:
        """One more, and what is to be closed with it."""
        self._found.append(finding)
        self._needed += needed

    @property
    def counts(self) -> tuple[int, ...]:
        """For each key, how many matches it makes. Time depends on public sizes."""
        return tuple(count for finding in self._found for count in finding.counts() or ())

    @property
    def below_minimum(self) -> bool:
        """Whether there are counts, and all together are below the minimum. Time depends on public sizes."""
        counts = self.counts
        return self._least is not None and len(counts) > 0 and sum(counts) < self._least

    def outcome(self) -> Outcome:
        """All of them together, or a withheld one below the minimum. Not before the session is over. Raises
        RemoteError."""
        if self.below_minimum:
            return Outcome(withheld=True)
        outcome = Outcome()
        for finding in self._found:
            outcome = outcome.followed_by(finding.outcome())
        return outcome.at_least(self._least)

    def close(self) -> None:
        """Drop them. Safe to call twice."""
        for part in self._needed:
            part.close()
        self._found.clear()
        self._needed.clear()
