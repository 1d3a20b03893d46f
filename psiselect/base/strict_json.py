"""JSON as a hostile peer may send it: bounded, no duplicate names, no NaN, exact types."""

from __future__ import annotations

import json
import math
from typing import Any

from psiselect.base import words

MAX_BYTES = 1 << 16


def encode(value: dict[str, Any]) -> bytes:
    """The one encoding: sorted names, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def decode(data: bytes | bytearray | memoryview, what: str) -> dict[str, Any]:
    """Parse one object. Raises RemoteError, naming `what`, for anything else."""
    if len(data) > MAX_BYTES:
        raise words.message_too_long(what, len(data), MAX_BYTES)
    try:
        value = json.loads(
            bytes(data).decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
    except (ValueError, RecursionError):
        raise words.not_json(what) from None
    if not isinstance(value, dict):
        raise words.not_an_object(what)
    return value


def field(value: dict[str, Any], name: str, kind: type, what: str) -> Any:
    """value[name], which must be exactly of type `kind` (a bool is no int). Raises RemoteError."""
    found = value.get(name)
    if type(found) is not kind:
        raise words.no_field(what, name)
    return found


def only(value: dict[str, Any], names: frozenset[str] | set[str], what: str) -> None:
    """Refuse names that this version does not know. Raises RemoteError."""
    if not names >= value.keys():
        raise words.unknown_fields(what)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("duplicate name")
    return made


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):  # 1e400
        raise ValueError(number)
    return value
