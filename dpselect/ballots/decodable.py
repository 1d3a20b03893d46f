"""Whether lists of names in a cell can be read in one way only.

A cell joins names by separators. Blanks around separators and empty names mean nothing. Names may hold separators
themselves, so a cell may have two readings: with the candidates "A,B", "B,C", "A" and "C", the cell "A,B,C" may name
"A,B" and "C", or "A" and "B,C". The test is that of Sardinas and Patterson (1953) for codes. Where one reading ends
inside a name of the other, the test follows the rest of that name. It goes on until both readings end together, or no
new rest is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# What one reading still lacks of a name, and the names of this reading and of the other one so far.
_State = tuple[str, tuple[str, ...], tuple[str, ...]]


def separators(text: str | None) -> re.Pattern[str]:
    """A pattern of what separates names in a cell: the text, or any of the usual ones. It has one group."""
    return re.compile(r"([;,|\n\r])" if text is None else f"({re.escape(text)})")


def normal(name: str, cut: re.Pattern[str]) -> str:
    """A name without blanks around the separators in it."""
    return "".join(piece if place % 2 else piece.strip() for place, piece in enumerate(cut.split(name)))


def two_readings(names: Sequence[str], cut: re.Pattern[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Two lists of names that some cell may stand for; None if there is no such cell. An empty list is nobody."""
    known: dict[str, str] = {}
    for name in names:
        text = normal(name, cut)
        if text in known:
            return (known[text],), (name,)
        known[text] = name
    known.setdefault("", "")
    longer: dict[str, list[str]] = {}
    for text in known:
        for begin, _ in _cuts(text, cut):
            longer.setdefault(begin, []).append(text)
    waiting: list[_State] = []
    for text, name in known.items():
        for begin, rest in _cuts(text, cut):
            if begin in known:
                waiting.append((rest, (name,), (known[begin],)))
    seen: set[str] = set()
    while waiting:
        rest, ahead, behind = waiting.pop()
        if rest in known:
            return _named(ahead), _named((*behind, known[rest]))
        if rest in seen:
            continue
        seen.add(rest)
        for begin, left in _cuts(rest, cut):
            if begin in known:
                waiting.append((left, ahead, (*behind, known[begin])))
        for text in longer.get(rest, ()):
            left = next(after for begin, after in _cuts(text, cut) if begin == rest)
            waiting.append((left, (*behind, known[text]), ahead))
    return None


def _cuts(text: str, cut: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """What is before and behind each separator."""
    for found in cut.finditer(text):
        yield text[: found.start()], text[found.end() :]


def _named(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name)
