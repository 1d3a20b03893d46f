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
    """

    matches: int | None = None
    matched: I64 | None = None
