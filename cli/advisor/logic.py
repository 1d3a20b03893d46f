"""Three-valued logic: what can the answer still be, and which unknown field decides?

An unknown field that a rule touches is tried with each of its `alternatives`; if all of them lead to the same label it
does not matter and is not asked for.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cli.advisor.fields import ALWAYS, BY_NAME, Field, Kind
from cli.advisor.labels import Label
from cli.advisor.predicates import Traits
from cli.advisor.rules import Rule, decide, decide_on
from cli.advisor.task import Facts, FieldError, Given, NeedToKnow, check_together
from cli.advisor.words import phrase

# Worlds looked at before an answer counts as open (never as settled), to choose the field to ask for, and to list for
# each of its values all labels that can follow.
MAX_WORLDS, WORLDS_OF_VALUES, WORLDS_OF_A_LIST = 250, 60, 20_000

# Fields that bind the rules once they are stated, though no rule asks for them.
BINDING = ("output_privacy", "exact")
_AS_MANY = {"n_holders": "n_units", "n_units": "n_holders"}


# A value of a field, and the labels that it can lead to.
Outcome = tuple[Any, frozenset[Label]]


@dataclass(frozen=True)
class Open:
    """The field that decides, and all labels that each of its values can lead to.

    They are found by trying every way of filling in what else is unknown, with extreme numbers too.
    """

    field: str
    given: Given = dataclasses.field(repr=False)
    asking: frozenset[str] = dataclasses.field(repr=False)

    @cached_property
    def outcomes(self) -> tuple[Outcome, ...]:
        """For each value, the labels."""
        if self.field == "function":  # the task itself is open: there is nothing yet to be complete about
            return tuple(self.some)
        return tuple(_outcomes(self.given, self.field, self.asking, WORLDS_OF_A_LIST))

    @property
    def some(self) -> Iterator[Outcome]:
        """The same, as far as a few worlds show."""
        return _outcomes(self.given, self.field, self.asking, WORLDS_OF_VALUES)


def worlds(given: Given, asking: frozenset[str], *, extremes: bool = False) -> Iterator[Rule]:
    """The rule that fires in every way of filling in the unknown fields that get touched.

    `extremes`: numbers are tried that are smaller and larger than those of sensible tasks.
    """
    yield from _worlds(given, Traits(Facts(given, asking)), extremes)


def _worlds(given: Given, traits: Traits, extremes: bool) -> Iterator[Rule]:
    """The worlds of a task whose rules were tried up to the one that `traits` has reached."""
    try:
        yield decide_on(traits)
        return
    except NeedToKnow as unknown:
        field = BY_NAME[unknown.field]
    for value in tried(field, given, extremes):
        world = {**given, field.name: value}
        if consistent(world):
            yield from _worlds(world, traits.told(field.name, value), extremes)


def tried(field: Field, given: Given, extremes: bool = False) -> tuple[Any, ...]:
    """What is put in for an unknown field. There are at least as many people as holders, and often as many: so the
    number that is known of the two is tried for the other."""
    values = field.extremes if extremes else field.alternatives
    known = given.get(_AS_MANY.get(field.name, ""))
    return values if known is None or known in values else tuple(sorted((*values, known)))


def _decide(given: Given, asking: frozenset[str]) -> Rule | str:
    """The rule, or the unknown field that stands in the way."""
    try:
        return decide(Facts(given, asking))
    except NeedToKnow as unknown:
        return unknown.field


def touched(given: Given, asking: frozenset[str]) -> frozenset[str]:
    """The unknown fields that some rule looks at in some way of filling in the others."""
    seen: set[str] = set()
    pending: list[Given] = [given]
    for _ in range(MAX_WORLDS):
        if not pending:
            break
        world = pending.pop()
        found = _decide(world, asking)
        if isinstance(found, str):
            seen.add(found)
            fillings = ({**world, found: value} for value in tried(BY_NAME[found], world))
            pending += [filling for filling in fillings if consistent(filling)]
    return frozenset(seen)


def consistent(given: Given) -> bool:
    """No contradiction between the fields."""
    try:
        check_together(given)
    except FieldError:
        return False
    return True


def settle(given: Given, asking: frozenset[str] = ALWAYS) -> Rule | Open:
    """The rule that answers the task, or the field that must be known first.

    `asking`: the fields that are never assumed. Settled means that every way of filling in the unknown ones was
    looked at and leads to one label. Else the first touched field whose values lead to different labels is the open
    one; a touched field that makes no difference by itself is passed over in favour of a deeper one.
    """
    seen = 0
    first: Rule | None = None
    for rule in worlds(given, asking):
        first, seen = first or rule, seen + 1
        if rule.label != first.label or seen == MAX_WORLDS:
            return _open_field(given, asking)
    if first is None:
        raise FieldError("function", phrase("errors.no-task"))
    return first


def _open_field(given: Given, asking: frozenset[str]) -> Open:
    return Open(_deciding(given, asking), given, asking)


def telling(still: Open) -> Open:
    """The same open task, asked for a field whose values lead to different lists of labels where there is one: of a
    field that leads to the same list by all values, the answer would say nothing."""
    for name in (still.field, *sorted(touched(still.given, still.asking) & still.asking, key=list(BY_NAME).index)):
        other = Open(name, still.given, still.asking)
        if len({labels for _, labels in other.outcomes}) > 1:
            return other
    return still


def _deciding(given: Given, asking: frozenset[str]) -> str:
    """The first touched field that makes a difference by itself, as far as a few worlds show."""
    field = _decide(given, asking)
    if isinstance(field, Rule):
        raise AssertionError  # it is called for a task that is not settled
    limit = max(2, WORLDS_OF_VALUES // len(tried(BY_NAME[field], given)))
    outcomes = _outcomes(given, field, asking, limit)
    value, labels = next(outcomes)
    if len(labels) > 1 and all(other == labels for _, other in outcomes):
        return _deciding({**given, field: value}, asking)
    return field


def _outcomes(given: Given, field: str, asking: frozenset[str], limit: int) -> Iterator[Outcome]:
    fillings = ({**given, field: value} for value in tried(BY_NAME[field], given))
    return ((world[field], _labels(world, asking, limit)) for world in fillings if consistent(world))


def _labels(given: Given, asking: frozenset[str], limit: int = WORLDS_OF_VALUES) -> frozenset[Label]:
    """What the answer can be, as far as so many worlds show; with extreme numbers where the list is to be complete."""
    if limit < WORLDS_OF_A_LIST:
        return frozenset(rule.label for rule in itertools.islice(worlds(given, asking), limit))
    wishes = [name for name in BINDING if name in asking and given.get(name) is None]
    every = itertools.product(*(BY_NAME[name].alternatives for name in wishes))
    stated = ({**given, **dict(zip(wishes, values, strict=True))} for values in every)
    found = itertools.chain.from_iterable(worlds(world, asking, extremes=True) for world in stated)
    return frozenset(rule.label for rule in itertools.islice(found, limit))


def some_labels(given: Given, asking: frozenset[str] = ALWAYS) -> frozenset[Label]:
    """What the answer can be, as far as a few ways of filling in what is unknown show."""
    return _labels(given, asking)


def spell_out(given: Given, still: Open, asking: frozenset[str] = ALWAYS) -> tuple[tuple[str, frozenset[Label]], ...]:
    """Outcomes in words; where a number alone decides, neighbouring values of one outcome are joined at the border."""
    field = BY_NAME[still.field]
    alone = all(len(labels) == 1 for _, labels in still.outcomes)
    if field.kind not in (Kind.INT, Kind.FLOAT) or not alone:
        return tuple((_word(value), labels) for value, labels in still.outcomes)
    merged: list[tuple[str, frozenset[Label]]] = []
    start = ""
    for (low, before), (high, after) in itertools.pairwise(still.outcomes):
        if before != after:
            border = _border(given, field.name, low, high, before, asking, whole=field.kind is Kind.INT)
            here = f"{border:,g}"
            if start:
                merged.append((phrase("outcomes.between", start=start, border=here), before))
            else:
                merged.append((phrase("outcomes.below", border=here), before))
            start = here
    merged.append((phrase("outcomes.from", start=start), still.outcomes[-1][1]))
    return tuple(merged)


def _border(
    given: Given, name: str, low: float, high: float, before: frozenset[Label], asking: frozenset[str], *, whole: bool
) -> float:
    """The least value between low and high from which the outcome is no longer `before`, to three digits."""
    while high - low > (1 if whole else 0.001 * high):
        middle = (low + high) // 2 if whole else (low + high) / 2
        labels = _labels({**given, name: middle}, asking)
        low, high = (middle, high) if labels == before else (low, middle)
        if whole and high > 1000 and high - low < 0.001 * high:
            break
    return high


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return phrase("outcomes.true" if value else "outcomes.false")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}" if isinstance(value, int | float) else str(value)
