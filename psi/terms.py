"""What both sides must have agreed on before anything derived from data moves.

A term is public to both sides and must be equal on both. Private policy (how large a peer may be, how often) is not a
term and never leaves its side. A new term is one entry in `Terms`; `difference` finds it by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from psi import strict_json
from psi.errors import InputError, RemoteError, UsageError
from psi.noise import Noise
from psi.outcomes import Learner, Reveal

PROTOCOL_VERSION = 1
MAX_KEYS = 16
MAX_SIZE = 1 << 40


@dataclass(frozen=True, slots=True)
class KeyTerm:
    """One key as both sides know it: the rule's name and options in words, and the digest that decides. No column."""

    rule: str
    digest: str  # 64 hex digits


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a session. Field names are the names that a mismatch is reported under."""

    version: int
    suite: str
    reveal: Reveal
    learn: Learner
    keys: tuple[KeyTerm, ...]
    chunk: int  # elements in a full chunk, 1 to 32,767
    epsilon: str | None = None  # of the noise, an exact fraction in lowest terms: "1/2"
    delta: str | None = None
    min_matches: int | None = None  # a smaller result is withheld
    pad_to: int | None = None  # both lists are filled up to so many items

    def __post_init__(self) -> None:
        """Raises UsageError for a mode that does not exist."""
        noise_of(self)
        if self.min_matches is not None and self.min_matches < 1:
            raise UsageError(f"a minimum of matches is 1 or more, not {self.min_matches}", term="min_matches")
        if self.pad_to is not None and not 1 <= self.pad_to <= MAX_SIZE:
            raise UsageError(f"lists are padded to 1 item or more, not {self.pad_to}", term="pad_to")

    def declared_size(self, size: int) -> int:
        """What a list of `size` items is declared as. Raises InputError when it does not fit the padding."""
        if self.pad_to is None:
            return size
        if size > self.pad_to:
            raise InputError(
                f"the list has {size:,} distinct keys, more than the {self.pad_to:,} that lists are padded to; agree "
                "on a higher bound",
                term="pad_to",
            )
        return self.pad_to

    def to_json(self) -> dict[str, Any]:
        """As sent in a hello."""
        return {
            "version": self.version,
            "suite": self.suite,
            "reveal": self.reveal.value,
            "learn": self.learn.value,
            "keys": [{"rule": key.rule, "digest": key.digest} for key in self.keys],
            "chunk": self.chunk,
            "epsilon": self.epsilon,
            "delta": self.delta,
            "min_matches": self.min_matches,
            "pad_to": self.pad_to,
        }


def noise_of(terms: Terms) -> Noise | None:
    """The noise that the terms ask for. Raises UsageError for a noisy count that cannot be had."""
    given = terms.epsilon is not None, terms.delta is not None
    if terms.reveal is not Reveal.NOISY_COUNT:
        if any(given):
            raise UsageError(f"epsilon and delta are for noisy-count, not for {terms.reveal.value}", term="epsilon")
        return None
    if terms.epsilon is None or terms.delta is None:
        raise UsageError("noisy-count needs epsilon and delta, such as 1 and 1e-6", term="epsilon")
    if terms.learn is Learner.BOTH:
        raise UsageError(
            "noisy-count is for one learner: each side knows the noise of the number that it gives away, so whoever "
            "saw both numbers would have the exact count; choose who learns, and let it keep its number to itself",
            term="learn",
        )
    return Noise.of(Fraction(terms.epsilon), Fraction(terms.delta))


def difference(own: Terms, peer: dict[str, Any]) -> RemoteError | None:
    """The first term in which the peer's differ from ours, as the error to raise; None when all are equal.

    Both sides compute it from the same two hellos and the comparison is symmetric, so both name the same term.
    """
    mine = own.to_json()
    if peer.get("version") != mine["version"]:
        return _differs("version", mine["version"], peer.get("version"))
    for item in fields(Terms):
        here, there = mine[item.name], peer.get(item.name)
        if here == there and type(here) is type(there):
            continue
        if item.name == "keys":
            return _keys_differ(here, there)
        return _differs(item.name, here, there)
    return None if peer.keys() == mine.keys() else RemoteError("the peer's terms have names unknown here", term="terms")


def _keys_differ(here: list[dict[str, str]], there: Any) -> RemoteError:
    if not isinstance(there, list) or not 1 <= len(there) <= MAX_KEYS or len(there) != len(here):
        return _differs("keys", len(here), len(there) if isinstance(there, list) else None, "number of keys")
    for number, (a, b) in enumerate(zip(here, there, strict=True), start=1):
        if a != b:
            name = b.get("rule") if isinstance(b, dict) else None
            versions = " (same words, another version of the rule)" if name == a["rule"] else ""
            return _differs("rule", a["rule"], name, f"rule of key {number}{versions}")
    return RemoteError("the two sides' keys differ", term="keys")


def _differs(term: str, here: object, there: object, label: str | None = None) -> RemoteError:
    shown = (
        there if isinstance(there, (str, int)) and len(str(there)) <= 100 and str(there).isprintable() else "unreadable"
    )
    return RemoteError(
        f"the two sides' terms differ in '{term}'{f' ({label})' if label else ''}: here {here}, there {shown}; "
        "agree on one and start both sides again",
        term=term,
    )


def decode_size(hello: dict[str, Any]) -> int:
    """The peer's declared number of items. Raises RemoteError unless 0 <= size <= 2^40."""
    size: int = strict_json.field(hello, "size", int, "hello")
    if not 0 <= size <= MAX_SIZE:
        raise RemoteError("the peer declares an impossible list size", term="size")
    return size
