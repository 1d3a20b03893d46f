"""Sizes and durations for people."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)


def parse_size(text: str) -> int | None:
    """A size such as 800M, 1.5G or 2GiB in bytes; plain letters are powers of 1000, with an i powers of 1024. None for
    any other text."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    number, letter, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmgt".index(letter.lower() or " "))


def human_bytes(count: float) -> str:
    """A size in powers of 1024, about three digits: 812 B, 1.25 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            digits = 0 if unit == "B" or count >= 100 else 1 if count >= 10 else 2
            return f"{count:.{digits}f} {unit}"
        count /= 1024
    return f"{count:.2f} TiB"


def human_seconds(seconds: float) -> str:
    """A duration for people: 0.42 s, 4 s, 12.3 s, 4 min 05 s, 2 h 03 min."""
    if seconds < 100:
        return f"{round(seconds, 2 if seconds < 10 else 1):.15g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
