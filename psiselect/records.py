"""Records as JSON: what `--json` prints, and what `to_dict` of a result returns."""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Mapping
from fractions import Fraction
from typing import Any


def json_text(record: Mapping[str, object]) -> str:
    """One JSON object on one line. Paths become text, bytes hex, fractions "a/b", enums their value."""
    return json.dumps(record, default=plain_value, allow_nan=False)


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
