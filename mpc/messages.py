"""What the parties of a secure sum say to each other, and how a run that fails is named alike by all of them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from mpc import words_messages as words
from mpc.parties import PartyList
from psi.transport.wire import Frame
from psiselect.base import strict_json
from psiselect.base.errors import PsiselectError

MAX_TERMS = 20  # that differ, named in an ABORT


class Message(enum.IntEnum):
    """Frame types."""

    TERMS = 0x40
    SHARE = 0x41
    PARTIAL = 0x42
    RESULT = 0x43
    MPYC = 0x44
    DONE = 0x45
    ABORT = 0x46


class Cause(enum.Enum):
    """Why a run ended without a result. The names are in messages."""

    TERMS = enum.auto()  # a party has other terms
    MISSING = enum.auto()  # it did not connect in time
    LATE = enum.auto()  # it fell silent
    LOST = enum.auto()  # it lost its connection, or was stopped from outside
    PROTOCOL = enum.auto()
    INPUT = enum.auto()  # it gave up by itself


_SAID: dict[Cause, Callable[[str, str], PsiselectError]] = {
    Cause.MISSING: words.missing,
    Cause.LATE: words.silent,
    Cause.LOST: words.lost,
    Cause.PROTOCOL: words.broke_the_protocol,
    Cause.INPUT: words.gave_up,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Who ended the run and why; `by` is the party that saw it. All sides hold the same.

    A party that is stopped from outside (a signal) says itself that it is LOST: version 1 of the messages has no word
    for that, and the others are to end as they do when a link breaks. `me` is the party that prints it.
    """

    cause: Cause
    party: str
    by: str
    terms: tuple[str, ...] = ()

    def error(self, me: str = "") -> PsiselectError:
        """As an exception, whose class follows from whose fault it is, in words for the party `me`."""
        if self.cause is Cause.TERMS:
            return words.other_terms(self.party, self.by, self.terms)
        if self.cause is Cause.LOST and self.party == self.by:
            return words.stopped_from_outside(self.party)
        if self.cause is Cause.LOST and self.party == me:
            return words.lost_here(me, self.by)
        return _SAID[self.cause](self.party, self.by)

    def frame(self) -> Frame:
        """As a message to a peer."""
        record = {"cause": self.cause.name, "party": self.party, "by": self.by, "terms": list(self.terms)}
        return Frame(Message.ABORT, strict_json.encode(record))

    @classmethod
    def read(cls, frame: Frame, roster: PartyList) -> Self:
        """What a peer says ended the run; names must be of the roster, so that nobody writes on our terminal. Raises
        RemoteError."""
        record = strict_json.decode(frame.payload, "abort")
        strict_json.only(record, {"cause", "party", "by", "terms"}, "abort")
        cause = strict_json.field(record, "cause", str, "abort")
        party = strict_json.field(record, "party", str, "abort")
        by = strict_json.field(record, "by", str, "abort")
        terms = strict_json.field(record, "terms", list, "abort")
        names = {p.name for p in roster.parties}
        known = cause in Cause.__members__ and party in names and by in names
        if not known or len(terms) > MAX_TERMS or not all(isinstance(t, str) for t in terms):
            raise words.abort_names_nobody()
        return cls(Cause[cause], party, by, tuple(printable_term(t) for t in terms))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One frame for one peer."""

    peer: str
    frame: Frame


def printable_term(name: str) -> str:
    """A term's name from a peer: letters and underscores, at most 24."""
    kept = "".join(c for c in name if c.isascii() and (c.isalnum() or c == "_"))
    return kept[:24] or "unnamed"
