"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cli.advisor.words import phrase


def number(value: float) -> str:
    """Three or four significant digits, thousands separated; never scientific below 10^15."""
    if not math.isfinite(value):
        return "without limit"
    if value == 0:
        return "0"
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return f"{value:.2e}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(value: float) -> str:
    """A whole number that was given, thousands separated."""
    return f"{value:,}"


def whole(value: float) -> str:
    """A count that was computed, rounded up, thousands separated."""
    return f"{math.ceil(value):,}"


def percent(value: float) -> str:
    """A probability or share."""
    if value >= 0.9995:  # 1 too: a probability so near to it that a float cannot tell
        return "over 99.9 %"
    if 0 < value < 0.0005:
        return f"{value * 100:.1e} %"
    return f"{value * 100:.1f} %" if value < 0.1 or value > 0.9 else f"{value * 100:.0f} %"


def size(value: float) -> str:
    """Bytes."""
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if abs(value) < 1000 or unit == "TB":
            return f"{number(value)} {unit}"
        value /= 1000
    raise AssertionError  # pragma: no cover


def duration(seconds: float) -> str:
    """Seconds, or the larger unit that reads better."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{number(seconds / length)} {unit}"
    return f"{number(seconds)} s" if seconds >= 0.01 else f"{number(seconds * 1000)} ms"


def value_words(value: Any) -> str:
    """A field's value in words: never as Python writes it."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        if value["kind"] == "rel":
            return phrase("values.share", percent=number(value["value"] * 100))
        return phrase("values.plus-or-minus", amount=number(value["value"]))
    if isinstance(value, list | tuple):
        return f"{number(value[0])} to {number(value[1])}"
    if isinstance(value, int | float):
        return count(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:,}"  # as stated
    return str(value).replace("_", " ")
