"""What a session reveals, and to whom."""

from __future__ import annotations

from enum import Enum


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


class SessionProtocol(Enum):
    """How matches are found. ECDH: on the curve (docs/protocol.md). FAST: docs/fast-protocol.md, experimental and not
    reviewed. Values are what people write."""

    ECDH = "ecdh"
    FAST = "fast"

    @property
    def identifier(self) -> str | None:
        """What both sides' terms name; None for the curve, whose terms are older than the choice."""
        return "psiselect-fast-1" if self is SessionProtocol.FAST else None

    @property
    def status(self) -> str | None:
        """What to know of it before it is used, None for nothing."""
        return "experimental, not reviewed" if self is SessionProtocol.FAST else None


class Matching(Enum):
    """What several keys mean together.

    ONE_TO_MANY: a row matches when any of its keys does, with however many rows of the peer; each key's list is
    matched by itself. ONE_TO_ONE: a row matches one row of the peer at most, by the first key, in the order of
    the terms, under which both are still free.
    """

    ONE_TO_ONE = "one-to-one"
    ONE_TO_MANY = "one-to-many"


class Comparer(Enum):
    """Who holds the result against the agreed minimum: the learner (advisory), or the other side, which thereby learns
    the number of matches."""

    LEARNER = "learner"
    OTHER = "other"
