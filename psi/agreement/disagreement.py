"""What people are told where terms differ: both sides' values, in words, and which option to agree on.

Rule: what the peer has sent is shown only if it is short and printable. Every sentence is here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from psi.agreement.modes import Side
from psiselect.base.errors import RemoteError

_MAX_SHOWN = 200  # characters of what a peer says in the place of a term
_MAX_NAME = 100  # and of a column's name
_VERSIONED = re.compile(r"(?:^| \+ )([a-z0-9]+)/([1-9][0-9]{0,3})(?= |$)")
_UNREADABLE = "something unreadable"
_SAME_RELEASE = "Install the same release of psiselect on both sides."


@dataclass(frozen=True, slots=True)
class _Words:
    """subject: what the term settles. option: what sets it, None for the program's release. absent: in place of no
    value. values: in place of the term's own."""

    subject: str
    option: str | None = None
    absent: str = _UNREADABLE
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def cure(self) -> str:
        return _SAME_RELEASE if self.option is None else f"Agree on {self.option}, then restart both."

    def of(self, value: object) -> str:
        """A side's value."""
        if value is None:
            return self.absent
        if not isinstance(value, (str, int)) or len(str(value)) > _MAX_SHOWN or not str(value).isprintable():
            return _UNREADABLE
        return self.values.get(str(value), str(value))


_WORDS = {
    "version": _Words("the version of the protocol"),
    "suite": _Words("the cryptography"),
    "protocol": _Words("the protocol", "--protocol", "ecdh", values={"psiselect-fast-1": "fast"}),
    "reveal": _Words("what the result shows", "--reveal"),
    "learn": _Words(
        "who gets the result",
        "--learn",
        values={"connect": "the connecting side", "listen": "the listening side", "both": "both sides"},
    ),
    "chunk": _Words("how many keys one message has"),
    "matching": _Words("how often a row may match", "--matching"),
    "epsilon": _Words("the strength of the noise (epsilon)", "--epsilon", "no noise"),
    "delta": _Words("the chance that the guarantee does not hold (delta)", "--delta", "no noise"),
    "min_matches": _Words("the smallest number of matches that gives a result", "--min-matches", "no minimum"),
    "min_matches_by": _Words(
        "who checks the minimum of matches",
        "--min-matches-by",
        values={"learner": "the side that gets the result", "other": "the other side"},
    ),
    "pad_to": _Words("the size to which lists are padded", "--pad-to", "no padding"),
    "label_bytes": _Words("how many bytes the columns of a matched row may take", "--label-bytes", "no columns"),
    "value_decimals": _Words("the decimal places of values", "--value-decimals", "no values"),
    "value_max": _Words("the largest value", "--value-max", "no values"),
}
_SIDES = {Side.CONNECT.value: "connecting", Side.LISTEN.value: "listening"}


def on(term: str, here: object, there: object) -> RemoteError:
    """A term with one value on each side, as both hellos have it."""
    words = _WORDS.get(term, _Words(f"the setting '{term}'"))
    return RemoteError(
        f"the two sides disagree on {words.subject}: you say {words.of(here)}, the peer says {words.of(there)}. "
        f"{words.cure}",
        term=term,
    )


def on_names() -> RemoteError:
    """The peer has terms that this program does not know."""
    return RemoteError(f"the peer's program has settings that yours does not know. {_SAME_RELEASE}", term="terms")


def on_keys(here: list[dict[str, str]], there: Any, most: int) -> RemoteError:
    """Keys, as both hellos have them. most: keys that a side may have."""
    if not isinstance(there, list) or not 1 <= len(there) <= most or len(there) != len(here):
        theirs = _Words("").of(len(there) if isinstance(there, list) else None)
        return RemoteError(
            f"the two sides disagree on the number of keys: you have {len(here)}, the peer has {theirs}. Give the "
            "same number of --key options in the same order on both sides, then restart both.",
            term="keys",
        )
    for number, (a, b) in enumerate(zip(here, there, strict=True), start=1):
        if a != b:
            return _rules(number, a["rule"], b.get("rule") if isinstance(b, dict) else None)
    return RemoteError(
        "the two sides have different keys. Give the same --key options on both sides, then restart both.", term="keys"
    )


def on_columns(here: dict[str, list[str]] | None, there: Any) -> RemoteError:
    """Names the first column that one side states and the other does not."""
    nothing: dict[str, list[str]] = {side.value: [] for side in Side}
    mine, theirs = here or nothing, nothing if there is None else there
    for side in nothing:
        stated = theirs.get(side) if isinstance(theirs, dict) else None
        if not isinstance(stated, list) or not all(isinstance(name, str) for name in stated):
            return _columns(f"what the peer says is {_UNREADABLE}")
        for name in sorted(set(mine[side]) ^ set(stated)):
            who, other = ("you say", "the peer does") if name in mine[side] else ("the peer says", "you do")
            readable = len(name) <= _MAX_NAME and name.isprintable()
            shown = f"the column {name!r}" if readable else "a column whose name is unreadable"
            return _columns(f"{who} that the {_SIDES[side]} side sends {shown}, and {other} not say so")
    return _columns("the peer's program names the columns in a wrong order")


def _columns(what: str) -> RemoteError:
    return RemoteError(
        f"the two sides disagree on the columns that one side sends to the other: {what}. Columns that one side names "
        "with --send, the other must name with --receive.",
        term="columns",
    )


def _rules(key: int, here: str, there: object) -> RemoteError:
    """The rules of a key."""
    older = _older(key, here, there)
    if older is not None:
        return RemoteError(f"key {key} is treated differently. {older}", term="rule")
    if here == there:
        return RemoteError(
            f"key {key} is treated differently: both sides use {here}, but different releases of psiselect. "
            f"{_SAME_RELEASE}",
            term="rule",
        )
    mine, theirs = apart(here, there if isinstance(there, str) else "")
    plain = _Words("").of(theirs or None)
    return RemoteError(
        f"key {key} is treated differently: you use {mine}, the peer uses {plain}. Give key {key} the same rule and "
        "the same options (--key) on both sides, then restart both.",
        term="rule",
    )


def apart(here: str, there: str) -> tuple[str, str]:
    """Of two descriptions of a key what differs: the options, where the rules are the same, else the rules."""
    mine, theirs = ([part.split() for part in text.split(" + ")] for text in (here, there))
    rules = [[part[0] if part else "" for part in side] for side in (mine, theirs)]
    if rules[0] != rules[1]:
        return tuple(" + ".join(side) for side in rules)  # type: ignore[return-value]
    for one, other in zip(mine, theirs, strict=True):
        if one != other:
            left, right = ([word for word in a if word not in b] for a, b in ((one, other), (other, one)))
            return " ".join(left) or "no such option", " ".join(right) or "no such option"
    return here, there


def _older(key: int, here: str, there: object) -> str | None:
    """What to do where the two sides have different versions of a key's rules; None where versions are not what
    differs."""
    if not isinstance(there, str) or len(there) > _MAX_SHOWN:
        return None
    own, peers = _VERSIONED.findall(here), _VERSIONED.findall(there)
    if [name for name, _ in own] != [name for name, _ in peers]:
        return None
    for (name, mine), (_, theirs) in zip(own, peers, strict=True):
        if mine == theirs:
            continue
        if int(mine) > int(theirs):
            return (
                f"The peer's program is older: it has version {theirs} of the rule '{name}', and yours has version "
                f"{mine}. Ask the peer to install your release of psiselect. Until then, write {name}/{theirs} as the "
                f"rule of your key {key} (--key)."
            )
        return (
            f"Your program is older: it has version {mine} of the rule '{name}', and the peer's has version {theirs}. "
            f"Install the peer's release of psiselect. Until then, ask the peer to write {name}/{mine} as the rule of "
            f"key {key} (--key)."
        )
    return None
