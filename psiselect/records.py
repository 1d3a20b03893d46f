"""Records as JSON: what `--json` prints, and what `to_dict` of a result returns."""

from __future__ import annotations

import enum
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any


def json_text(record: Mapping[str, object]) -> str:
    """One JSON object on one line. Paths become text, bytes hex, fractions "a/b", enums their value."""
    return json.dumps(record, default=plain_value, allow_nan=False)


def json_text_with(record: Mapping[str, object], lists: Mapping[str, Iterable[Mapping[str, object]]]) -> str:
    """`json_text` of a record, which is not empty, with long lists at its end.

    Items are made and become text a thousand at a time, of each list in turn: items that share values share the work.
    """
    texts: dict[str, list[str]] = {name: [] for name in lists}
    for some in itertools.zip_longest(*map(_encoded, lists.values())):
        for name, text in zip(lists, some, strict=True):
            texts[name] += [] if text is None else [", ", text]
    parts = [json_text(record).removesuffix("}")]
    for name, pieces in texts.items():
        parts += [", ", json.dumps(name), ": [", *pieces[1:], "]"]
    return "".join([*parts, "}"])


def _encoded(items: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The items as text, a thousand in each: a call for each of them would take longer."""
    left = iter(items)
    while some := list(itertools.islice(left, 1000)):
        yield json.dumps(some, default=plain_value, allow_nan=False)[1:-1]


def plain_json(record: Mapping[str, object]) -> dict[str, Any]:
    """The record with values that JSON has, as `json_text` writes them."""
    found: dict[str, Any] = json.loads(json_text(record))
    return found


def plain_value(value: object) -> object:
    """What JSON does not know, as text or numbers."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Fraction | os.PathLike):
        return str(value)
    item = getattr(value, "item", None)  # a numpy scalar
    if callable(item):
        plain: object = item()
        return plain
    raise TypeError(f"{type(value).__name__} has no JSON form")
