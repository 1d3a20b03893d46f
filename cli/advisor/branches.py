"""What is not known and still matters: for each field, what each of its values would lead to.

An undecided task has one open field, and every value of it is a branch. A decided task has branches for the fields
that were assumed: those of which another value would change the approach or the command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cli.advisor import printed_commands
from cli.advisor.fields import ELEMENTS, FIELDS, Field
from cli.advisor.labels import Label
from cli.advisor.logic import Open, consistent, settle, some_labels
from cli.advisor.numbers import Numbers
from cli.advisor.rules import Rule
from cli.advisor.task import Facts, Given
from cli.advisor.wording import value_words
from cli.advisor.words import phrase

Steps = printed_commands.Steps


@dataclass(frozen=True)
class Way:
    """One value of a field, and what follows: every label that can come, and the command where there is one."""

    value: str
    labels: tuple[Label, ...]
    command: str | None


@dataclass(frozen=True)
class Branch:
    """A field that is not known, and its ways. `label`: does the approach differ, rather than only the command?"""

    field: str
    question: str
    label: bool
    ways: tuple[Way, ...]


# Fields that no command or approach depends on, or that only a stand-in in the command waits for (a note says so).
QUIET = frozenset({"function", "data_public", "delta", "score_gap", "n_a", "n_b"})


def branches(given: Given, rule: Rule) -> tuple[Branch, ...]:
    """For a decided task: the fields that were assumed and would change it, those that change the approach first."""
    now = _steps(given, rule.label)
    found = [made for field in FIELDS if (made := _branch(given, field, rule.label, now)) is not None]
    return tuple(sorted(found, key=lambda branch: not branch.label))


def _branch(given: Given, field: Field, label: Label, now: Steps) -> Branch | None:
    if given.get(field.name) is not None or field.name in QUIET:
        return None
    if field.name == "adversary" and given.get("function") not in ELEMENTS and given.get("n_holders") == 1:
        return None  # one holder has nobody to cheat
    ways, other_label, other_command = list[Way](), False, False
    for value, labels, steps in _outcomes(given, field):
        ways.append(Way(value_words(value), labels, steps[-1].line if steps else None))
        other_label |= set(labels) != {label}
        other_command |= set(labels) == {label} and steps != now
    if not (other_label or other_command):
        return None
    return Branch(field.name, field.ask, other_label, tuple(ways))


def _outcomes(given: Given, field: Field) -> Iterator[tuple[Any, tuple[Label, ...], Steps]]:
    for value in field.alternatives:
        world = {**given, field.name: value}
        if not consistent(world):
            continue
        found = settle(world)
        if isinstance(found, Open):
            yield value, tuple(sorted(some_labels(world))), ()
        else:
            yield value, (found.label,), _steps(world, found.label)


def _steps(given: Given, label: Label) -> Steps:
    facts = Facts(given, asking=frozenset())
    return printed_commands.steps(facts, Numbers(facts), label)


def lines(branch: Branch) -> Iterator[str]:
    """The ways of a branch, a line for each."""
    for way in branch.ways:
        names = f" {phrase('branches.or')} ".join(label.short for label in way.labels)
        yield phrase("branches.way", value=way.value, labels=names)


def either(labels: Iterable[Label]) -> str:
    """What these labels mean, joined by "or"."""
    return f" {phrase('branches.or')} ".join(label.meaning for label in labels)
