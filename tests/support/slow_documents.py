"""Readers of ballots in files that are one document, which share nothing with the product's; see slow_ballots.

They give None for a file that is not well formed, or that the format does not allow.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from support.slow_ballots import Ballots, listed
from support.strict_csv import strict_rows

_TOKEN = re.compile(
    r"""[ \t\n\r]*(?:
        (?P<mark>[][{},:])
      | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|NaN|-?Infinity)
      | (?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")
      | (?P<word>true|false|null)
    )""",
    re.VERBOSE,
)


class _NotWellFormedError(Exception):
    pass


def belenios(data: bytes, size: int) -> tuple[Ballots, int] | None:
    """A result of one question, {"result": [[ballot, ...]]}, a ballot having 0 or 1 for each candidate."""
    try:
        tokens = _tokens(data.decode())
        found = _value(tokens)
        if tokens:
            return None
    except (UnicodeDecodeError, _NotWellFormedError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("result"), list) or len(found["result"]) != 1:
        return None
    (question,) = found["result"]
    if not isinstance(question, list) or (question and all(_whole(entry) for entry in question)):
        return None  # no list, or totals
    good = [b for b in question if isinstance(b, list) and len(b) == size and all(e in ("0", "-0", "1") for e in b)]
    return [(frozenset(place for place, entry in enumerate(b) if entry == "1"), 1) for b in good], size


def abcvoting(data: bytes) -> tuple[Ballots, int] | None:
    """By the tree that PyYAML makes; the product takes the parser's events, and reads plain lines itself.

    The parser is the same, in C. The one in Python disagrees with it about some files that are damaged.
    """
    try:
        text = data.decode().removeprefix("\ufeff")
        root = yaml.compose(text, Loader=yaml.CBaseLoader)
        anchored = any(getattr(event, "anchor", None) for event in yaml.parse(text, Loader=yaml.CBaseLoader))
    except (UnicodeDecodeError, yaml.YAMLError):
        return None
    return None if anchored else _sets(root)


def _sets(root: yaml.Node) -> tuple[Ballots, int] | None:
    if not isinstance(root, yaml.MappingNode) or any(not isinstance(key, yaml.ScalarNode) for key, _ in root.value):
        return None
    found = {key.value: value for key, value in root.value}
    known = {"num_cand", "profile", "committeesize", "compute", "description"}
    if len(found) < len(root.value) or not {"num_cand", "profile"} <= found.keys() <= known or _depth(root) > 8:
        return None
    count, profile = found["num_cand"], found["profile"]
    if not isinstance(count, yaml.ScalarNode) or not isinstance(profile, yaml.SequenceNode):
        return None
    if not re.fullmatch("[0-9]{1,15}", count.value.strip()) or not 1 <= int(count.value) <= 10**6:
        return None
    size, ballots = int(count.value), []
    for ballot in profile.value:
        if not isinstance(ballot, yaml.SequenceNode) or any(not isinstance(e, yaml.ScalarNode) for e in ballot.value):
            return None
        numbers = [entry.value.strip() for entry in ballot.value]
        sound = all(re.fullmatch("0|[1-9][0-9]{0,8}", number) and int(number) < size for number in numbers)
        if sound and len(set(numbers)) == len(numbers):
            ballots.append((frozenset(map(int, numbers)), 1))
    return ballots, size


def _depth(node: yaml.Node) -> int:
    if isinstance(node, yaml.ScalarNode):
        return 0
    inner = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
    return 1 + max(map(_depth, inner), default=0)


def lists_with_breaks(data: bytes, names: list[str]) -> tuple[Ballots, int] | None:
    """A CSV file under the header id,approved, whose cells may hold line breaks."""
    rows = strict_rows(data, ",")
    while rows and rows[-1].cells == []:
        rows.pop()
    if any(row.cells is None for row in rows):
        return None
    read = [listed(row.cells[1], names, ";,|\n\r") for row in rows if row.cells]
    return [(ballot, 1) for ballot in read if ballot is not None], len(names)


def _whole(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("-?[0-9]+", value) is not None


def _tokens(text: str) -> list[tuple[str, str]]:
    """Tokens of JSON by kind, the last one first."""
    found, at, text = [], 0, text.removeprefix("\ufeff").rstrip(" \t\n\r")
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _NotWellFormedError
        found.append((match.lastgroup or "", match[match.lastgroup or 0]))
        at = match.end()
    return found[::-1]


def _value(tokens: list[tuple[str, str]]) -> Any:
    """Take one value: a dict, a list, or a text. A number is its digits, and strings keep their quotes but as keys."""
    kind, text = tokens.pop() if tokens else ("", "")
    if kind in ("number", "string", "word"):
        return text
    if text not in ("[", "{"):
        raise _NotWellFormedError
    values: list[Any] = []
    keys: list[str] = []
    end = {"[": "]", "{": "}"}[text]
    if tokens and tokens[-1][1] == end:
        tokens.pop()
        return {} if end == "}" else []
    while True:
        if end == "}":
            kind, key = tokens.pop() if tokens else ("", "")
            if kind != "string" or not tokens or tokens.pop()[1] != ":":
                raise _NotWellFormedError
            keys.append(key[1:-1])
        values.append(_value(tokens))
        following = tokens.pop() if tokens else ("", "")
        if following == ("mark", end):
            break
        if following != ("mark", ","):
            raise _NotWellFormedError
    if len(set(keys)) < len(keys):
        raise _NotWellFormedError
    return values if end == "]" else dict(zip(keys, values, strict=True))
