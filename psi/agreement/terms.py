"""What both sides must have agreed on before anything derived from data moves.

A term is public to both sides and must be equal on both. Private policy (how large a peer may be, how often) is not a
term and never leaves its side. A new term is one entry in `Terms`: its JSON, the comparison with the peer's and the
record follow from the field.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Self

from psi.agreement import column_terms, disagreement, words
from psi.agreement.amounts import Amounts, agreed
from psi.agreement.column_terms import ColumnTerms
from psi.agreement.modes import Comparer, Learner, Matching, Reveal, SessionProtocol, Side
from psi.agreement.noise import Noise
from psi.group.curve25519.suite import SUITE
from psi.normalize import KeySpec
from psiselect.base.errors import RemoteError

PROTOCOL_VERSION = 2
MAX_KEYS = 16
MAX_SIZE = 1 << 40
DEFAULT_CHUNK = 8192  # 256 KiB of elements: a tenth of a second of work, and far below the frame cap


@dataclass(frozen=True, slots=True)
class KeyTerm:
    """One key as both sides know it: the rule's name and options in words, and the digest that decides. No column."""

    rule: str
    digest: str  # 64 hex digits

    @classmethod
    def of(cls, key: KeySpec) -> Self:
        """What the peer may know of a key."""
        return cls(key.describe(), key.digest().hex())

    def to_json(self) -> dict[str, str]:
        """As sent in a hello."""
        return {"rule": self.rule, "digest": self.digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of a session, built before a table is read. Field names are the names that a mismatch is reported
    under, in this order."""

    version: int = PROTOCOL_VERSION
    suite: str = SUITE
    protocol: SessionProtocol = SessionProtocol.ECDH  # left out of the JSON for the curve, as before there was a choice
    reveal: Reveal
    learn: Learner
    keys: tuple[KeyTerm, ...]
    chunk: int = DEFAULT_CHUNK  # elements in a full chunk, 1 to 32,767
    matching: Matching = Matching.ONE_TO_MANY  # what several keys mean together
    epsilon: Fraction | None = None  # of the noise
    delta: Fraction | None = None
    min_matches: int | None = None  # a smaller result is withheld
    min_matches_by: Comparer = Comparer.LEARNER  # who compares the result with it
    pad_to: int | None = None  # both lists are filled up to so many items
    columns: ColumnTerms | None = None  # that travel with a match
    label_bytes: int | None = None  # the length to which they are padded
    value_decimals: int | None = None  # of the values that `sum` adds up
    value_max: str | None = None  # the most that one of them may be, with either sign: "1000000000"

    def __post_init__(self) -> None:
        """Raises UsageError for terms that cannot be had together."""
        if not 1 <= len(self.keys) <= MAX_KEYS:
            raise words.number_of_keys(len(self.keys), MAX_KEYS)
        self._check_protocol()
        self._check_noise()
        if self.amounts is not None and self.lists > 1:
            raise words.sum_of_several_keys()
        if self.min_matches_by is Comparer.OTHER:
            self._check_comparer()
        if self.min_matches is not None and self.min_matches < 1:
            raise words.minimum(self.min_matches)
        if self.pad_to is not None and not 1 <= self.pad_to <= MAX_SIZE:
            raise words.padding(MAX_SIZE, self.pad_to)
        column_terms.check(self.columns, self.label_bytes, self.reveal, self.learn)
        if self.columns is not None and self.lists > 1:
            raise words.columns_of_several_keys()

    def _check_protocol(self) -> None:
        if self.protocol is SessionProtocol.ECDH:
            return
        reason, term = None, "protocol"
        if self.reveal is not Reveal.MATCHES:
            reason, term = words.fast_shows_more(self.reveal.value), "reveal"
        elif self.min_matches_by is Comparer.OTHER:
            reason, term = words.FAST_COUNTS_NOTHING, "min_matches_by"
        elif self.pad_to is not None:
            reason, term = words.FAST_PADS_NOTHING, "pad_to"
        elif self.keys_per_row > 1:
            reason, term = words.FAST_LINKS_NOTHING, "matching"
        if reason is not None:
            option = {"reveal": "--reveal matches", "matching": "--matching one-to-many"}.get(term)
            instead = words.or_use(option) if option else words.or_leave_out(term.replace("_", "-"))
            raise words.not_fast(reason, instead, term)

    def _check_noise(self) -> None:
        if self.reveal is not Reveal.NOISY_COUNT:
            if self.epsilon is not None or self.delta is not None:
                raise words.noise_of_another_mode(self.reveal.value)
            return
        if self.epsilon is None or self.delta is None:
            raise words.no_noise()
        if self.learn is Learner.BOTH:
            raise words.noise_for_both()
        Noise.of(self.epsilon, self.delta)
        if len(self.keys) > 1:
            raise words.noise_of_several_keys()

    def _check_comparer(self) -> None:
        reason = None
        if self.min_matches is None:
            reason = words.NO_MINIMUM
        elif self.learn is Learner.BOTH:
            reason = words.BOTH_LEARN
        elif self.reveal is Reveal.NOISY_COUNT:
            reason = words.EXACT_COUNT
        if reason is not None:
            raise words.not_compared(reason)

    @property
    def lists(self) -> int:
        """How many lists each side has: one of rows, or one per key."""
        return 1 if self.matching is Matching.ONE_TO_ONE else len(self.keys)

    @property
    def keys_per_row(self) -> int:
        """Tokens that a row has in a run."""
        return len(self.keys) if self.matching is Matching.ONE_TO_ONE else 1

    @property
    def noise(self) -> Noise | None:
        """The noise of the result, in `noisy-count`."""
        return None if self.epsilon is None or self.delta is None else Noise.of(self.epsilon, self.delta)

    @property
    def added(self) -> int:
        """Items that each side puts into each run beyond its list, whatever the noise turns out to be."""
        return 0 if self.noise is None else self.noise.added

    @property
    def amounts(self) -> Amounts | None:
        """How values add up, in `sum`."""
        return agreed(self.reveal, self.value_decimals, self.value_max)

    def amounts_of(self, side: Side) -> Amounts | None:
        """How a side's values add up; None when they do not."""
        return self.amounts if side.other in self.learn.receivers else None

    def columns_of(self, side: Side) -> tuple[str, ...]:
        """The columns that a side gives to the other with each match."""
        return () if self.columns is None else self.columns.given_by(side)

    def check_totals(self, sizes: Mapping[Side, int]) -> None:
        """Raises UsageError when the values of a side that gives them could add up to more than 64 bits hold; sizes:
        declared."""
        if self.amounts is not None:
            for receiver in self.learn.receivers:
                self.amounts.check_room(sizes[receiver.other])

    def label_width(self, sender: Side) -> int:
        """Bytes that travel along with each of a sender's rows; 0 for none."""
        return self.label_bytes if self.label_bytes is not None and self.columns_of(sender) else 0

    def declared_size(self, size: int) -> int:
        """What a list of `size` items is declared as. Raises InputError when it does not fit the padding."""
        if self.pad_to is None:
            return size
        if size > self.pad_to:
            raise words.longer_than_padding(size, self.pad_to)
        return self.pad_to

    def to_json(self) -> dict[str, Any]:
        """As sent in a hello."""
        return {
            item.name: _plain(getattr(self, item.name))
            for item in fields(self)
            if item.name != "protocol" or self.protocol is not SessionProtocol.ECDH
        }


def _plain(value: Any) -> Any:
    """A term's value as JSON."""
    match value:
        case SessionProtocol():
            return value.identifier
        case enum.Enum():
            return value.value
        case Fraction():
            return str(value)  # in lowest terms: "1/2"
        case KeyTerm() | ColumnTerms():
            return value.to_json()
        case tuple():
            return [_plain(item) for item in value]
    return value


def difference(own: Terms, peer: dict[str, Any]) -> RemoteError | None:
    """The first term in which the peer's differ from ours, as the error to raise; None when all are equal.

    Both sides compute it from the same two hellos and the comparison is symmetric, so both name the same term.
    """
    mine = own.to_json()
    for name in (item.name for item in fields(own)):
        here, there = mine.get(name), peer.get(name)
        if here == there and type(here) is type(there):
            continue
        if name == "keys":
            return disagreement.on_keys(mine[name], there, MAX_KEYS)
        if name == "columns":
            return disagreement.on_columns(here, there)
        return disagreement.on(name, here, there)
    return None if peer.keys() == mine.keys() else disagreement.on_names()
