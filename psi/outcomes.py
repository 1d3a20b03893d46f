"""What a session reveals, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from psi.packed import I64


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
    NOISY_COUNT = "noisy-count"

    @property
    def hides_membership(self) -> bool:
        """Whether the learner must not find out which of its own items matched: replies come shuffled and the
        item stays out of the tag."""
        return self is not Reveal.MATCHES


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one side holds when a run is over.

    matches: how many distinct keys both hold, None for a side that does not learn it. matched: key numbers of the
    learner's own list that are in both (ascending, int64), None unless the reveal mode is MATCHES and this side learns.
    noisy_count: that number with noise, which may take it below 0 or beyond the list, for the learner of NOISY_COUNT.
    withheld: the result is below the agreed minimum, so that nothing of it is here.
    """

    matches: int | None = None
    matched: I64 | None = None
    noisy_count: int | None = None
    withheld: bool = False

    @property
    def learnt(self) -> bool:
        """Whether this side is one that learns."""
        return self.withheld or self.matches is not None or self.noisy_count is not None

    def at_least(self, least: int | None) -> Outcome:
        """This outcome, or a withheld one when its number, noisy where that is what was learnt, is below `least`."""
        number = self.noisy_count if self.matches is None else self.matches
        if least is None or number is None or number >= least:
            return self
        return Outcome(withheld=True)
