"""Three-valued logic: what can the answer still be, and which unknown field decides?

An unknown field that a rule touches is tried with each of its `alternatives`; if all of them lead to the same label it
does not matter and is not asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cli.advisor.fields import ALWAYS, BY_NAME, Kind
from cli.advisor.labels import Label
from cli.advisor.rules import Rule, decide
from cli.advisor.task import Facts, FieldError, Given, NeedToKnow, check_together

MAX_TRIALS = 4000  # a bound on the worlds looked at; with it, a field that mattered nowhere so far counts as unasked


@dataclass(frozen=True)
class Open:
    """The field that decides, and the labels that each of its values can lead to."""

    field: str
    outcomes: tuple[tuple[Any, frozenset[Label]], ...]


def worlds(given: Given, asking: frozenset[str]) -> Iterator[Rule]:
    """The rule that fires in every way of filling in the unknown fields that get touched."""
    try:
        yield decide(Facts(given, asking))
    except NeedToKnow as unknown:
        for value in BY_NAME[unknown.field].alternatives:
            world = {**given, unknown.field: value}
            if consistent(world):
                yield from worlds(world, asking)


def consistent(given: Given) -> bool:
    """No contradiction between the fields."""
    try:
        check_together(given)
    except FieldError:
        return False
    return True


def settle(given: Given, asking: frozenset[str] = ALWAYS) -> Rule | Open:
    """The rule that answers the task, or the field that must be known first.

    `asking`: the fields that are never assumed. The first touched field whose values lead to different labels is the
    open one; a touched field that makes no difference by itself is passed over in favour of a deeper one.
    """
    found = itertools.islice(worlds(given, asking), MAX_TRIALS)
    first = next(found)
    if all(rule.label == first.label for rule in found):
        return first
    return _open_field(given, asking)


def _open_field(given: Given, asking: frozenset[str]) -> Open:
    try:
        decide(Facts(given, asking))
    except NeedToKnow as unknown:
        outcomes = _outcomes(given, unknown.field, asking)
        if len({labels for _, labels in outcomes}) == 1 and len(outcomes[0][1]) > 1:
            return _open_field({**given, unknown.field: outcomes[0][0]}, asking)
        return Open(unknown.field, outcomes)
    raise AssertionError("a task with one answer has no open field")  # pragma: no cover


def _outcomes(given: Given, field: str, asking: frozenset[str]) -> tuple[tuple[Any, frozenset[Label]], ...]:
    fillings = ({**given, field: value} for value in BY_NAME[field].alternatives)
    return tuple(
        (world[field], frozenset(rule.label for rule in itertools.islice(worlds(world, asking), MAX_TRIALS)))
        for world in fillings
        if consistent(world)
    )


def spell_out(given: Given, still: Open, asking: frozenset[str] = ALWAYS) -> tuple[tuple[str, frozenset[Label]], ...]:
    """Outcomes in words; for a number, neighbouring values with one outcome are joined and the border is located."""
    field = BY_NAME[still.field]
    if field.kind not in (Kind.INT, Kind.FLOAT):
        return tuple((_word(value), labels) for value, labels in still.outcomes)
    merged: list[tuple[str, frozenset[Label]]] = []
    start = ""
    for (low, before), (high, after) in itertools.pairwise(still.outcomes):
        if before != after:
            border = _border(given, field.name, low, high, before, asking, whole=field.kind is Kind.INT)
            merged.append((f"{start}below {border:,g}" if not start else f"{start} to below {border:,g}", before))
            start = f"{border:,g}"
    merged.append((f"{start} or more", still.outcomes[-1][1]))
    return tuple(merged)


def _border(
    given: Given, name: str, low: float, high: float, before: frozenset[Label], asking: frozenset[str], *, whole: bool
) -> float:
    """The least value between low and high from which the outcome is no longer `before`, to three digits."""
    while high - low > (1 if whole else 0.001 * high):
        middle = (low + high) // 2 if whole else (low + high) / 2
        labels = frozenset(rule.label for rule in itertools.islice(worlds({**given, name: middle}, asking), MAX_TRIALS))
        low, high = (middle, high) if labels == before else (low, middle)
        if whole and high > 1000 and high - low < 0.001 * high:
            break
    return high


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
