"""What both sides of a match agree on, as a person says it on the page, and as calls and commands take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psi.normalize import KeySpec, parse_key
from psiselect.ui import words_choices as words

PORT = "7001"
MOST_KEYS = 3  # that the page offers
RULES = words.RULES
# The rules that the page chooses by itself, where one column fits. A date alone is no key.
FOUND_BY_ITSELF = ("email", "phone")
ORDERS = words.ORDERS
MATCHING = words.MATCHING
# Both sides choose the same words, and the defaults are those of the commands.
GETS = words.GETS
REVEAL = words.REVEAL
WAYS = ("call", "wait", "offer", "answer")
_SPECIAL = "\\:+,="


@dataclass(frozen=True)
class Key:
    """What is compared: a column of one's own list, of the other one in a trial, and the rule for both."""

    column: str = ""
    column_b: str = ""
    rule: str = "email"
    region: str = ""
    order: str = "iso"

    @property
    def written_rule(self) -> str:
        """The rule as `--key` has it."""
        if self.rule == "phone" and self.region:
            return f"phone,region={self.region}"
        return f"date,order={self.order}" if self.rule == "date" and self.order != "iso" else self.rule

    def written(self, column: str) -> str:
        """The key as `--key` has it, with backslashes in the column's name where they are needed."""
        escaped = "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in column)
        return f"{escaped}:{self.written_rule}"

    def spec(self, column: str) -> KeySpec:
        """Raises UsageError for a region that there is not."""
        return parse_key(self.written(column))

    @property
    def digits(self) -> str:
        """The first digits of what both sides have in common exactly when their rules are the same."""
        return self.spec("x").digest().hex()[:8]


@dataclass(frozen=True)
class Terms:
    """What both sides agree on, and how they meet.

    Attributes:
        way: one of `WAYS`. gets: who gets the result, one of `GETS`; by files it is the one who offers.
        reveal: one of `REVEAL`. matching: one of `MATCHING`.
        minimum: the smallest result that is shown, 0 for none.
        host: of the partner's machine, if this side calls. port: of whoever waits.
        send, receive: columns that travel with a match, of this side and of the partner.
        value: this side's column to be added up. decimals, largest: of the values on both sides, as text; empty for
            the usual ones.
    """

    way: str = "wait"
    gets: str = "caller"
    reveal: str = "matches"
    matching: str = "one-to-many"
    minimum: int = 0
    host: str = ""
    port: str = PORT
    send: tuple[str, ...] = ()
    receive: tuple[str, ...] = ()
    value: str = ""
    decimals: str = ""
    largest: str = ""

    @property
    def by_files(self) -> bool:
        """Whether files are exchanged, and no machine calls the other."""
        return self.way in ("offer", "answer")

    @property
    def address(self) -> str:
        """Where this side waits, or whom it calls."""
        return f"{'*' if self.way == 'wait' else self.host}:{self.port}"

    @property
    def learn(self) -> str:
        """Who gets the result, as calls and commands have it: me, peer or both."""
        if self.by_files:
            return "me" if self.way == "offer" else "peer"
        if self.gets == "both":
            return "both"
        return "me" if (self.gets == "caller") == (self.way == "call") else "peer"

    @property
    def has_rows(self) -> bool:
        """Whether this side gets rows."""
        return self.reveal == "matches" and self.learn != "peer"

    def arguments(self) -> dict[str, Any]:
        """As keyword arguments of a call. What only a side that learns, or one that does not, may say is left out."""
        said: dict[str, Any] = {"reveal": self.reveal, "matching": self.matching}
        if not self.by_files:
            said["learn"] = self.learn
        if self.minimum:
            said["min_matches"] = self.minimum
        if self.send and self.learn != "me":
            said["send"] = self.send
        if self.receive and self.learn != "peer":
            said["receive"] = self.receive
        if self.reveal == "sum":
            if self.value and self.learn != "me":
                said["value"] = self.value
            if self.decimals:
                said["value_decimals"] = int(self.decimals)
            if self.largest:
                said["value_max"] = self.largest
        return said

    def options(self) -> list[str]:
        """The same as words of a command; what a command takes by default is left out."""
        words = []
        for name, value in self.arguments().items():
            if (name, value) in (("reveal", "matches"), ("matching", "one-to-many")):
                continue
            each: Sequence[Any] = value if isinstance(value, tuple) else (value,)
            words += [word for one in each for word in (f"--{name.replace('_', '-')}", str(one))]
        return words
