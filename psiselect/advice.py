"""Which approach fits a task on private data: `psiselect.advise`, the answer of `psiselect advise`."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.advisor import costs
from cli.advisor.answer import Answer, Undecided
from cli.advisor.answer import advise as decide
from cli.advisor.conversation import MAX_QUESTIONS, NEEDED, Talk, next_question, offered, read_answer
from cli.advisor.fields import BY_NAME, Kind
from cli.advisor.labels import Label
from cli.advisor.logic import Open, settle
from cli.advisor.report import page
from cli.advisor.task import check, read_task
from cli.advisor.wording import value_words
from psiselect import words, words_arguments
from psiselect.records import plain_json


@dataclass(frozen=True, slots=True)
class Step:
    """A command to run. who: which party runs it."""

    who: str
    command: str


@dataclass(frozen=True, repr=False, eq=False)
class Advice:
    """The answer to a task."""

    _answer: Answer | Undecided

    @property
    def recommendation(self) -> str | None:
        """The approach, such as "MPC_SUM" or "CHANGE_TASK"; None while a field decides that is not stated."""
        return None if isinstance(self._answer, Undecided) else str(self._answer.primary.value)

    @property
    def meaning(self) -> str | None:
        """The approach in words, None while undecided."""
        return None if isinstance(self._answer, Undecided) else self._answer.primary.meaning

    @property
    def why(self) -> str:
        """Why, in a paragraph that names the fields responsible; while undecided, the question that decides."""
        answer = self._answer
        return f"{answer.question} [{answer.field}]" if isinstance(answer, Undecided) else answer.why

    @property
    def open_field(self) -> str | None:
        """The field that decides and is not stated; None when decided."""
        return self._answer.field if isinstance(self._answer, Undecided) else None

    @property
    def commands(self) -> tuple[Step, ...]:
        """What to run, in this order; empty where there is no command."""
        answer = self._answer
        return () if isinstance(answer, Undecided) else tuple(Step(step.who, step.line) for step in answer.steps)

    @property
    def branches(self) -> list[dict[str, Any]]:
        """What fields that are not stated would change, as `to_dict` has it."""
        found: list[dict[str, Any]] = self.to_dict()["branches"]
        return found

    @property
    def exit_code(self) -> int:
        """The command's: 0 recommended, 10 change the task, 11 undecided."""
        return self._answer.exit_code

    def to_dict(self) -> dict[str, Any]:
        """What the command prints with `--json` (docs/advisor.md)."""
        return plain_json(self._answer.to_json())

    def report_html(self, title: str = "") -> str:
        """The answer as one page that needs nothing else: for a screen, a telephone and paper."""
        return page(self._answer, title, datetime.datetime.now(datetime.UTC).date())

    def __repr__(self) -> str:
        return f"Advice(recommendation={self.recommendation!r}, open_field={self.open_field!r})"


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the advisor.

    Attributes:
        field: what it asks for, as a task names it.
        ask: the question; why: why it matters; example: an answer.
        choices: the answers to choose from, each with what it means; none where the answer is a number.
        needed: whether "don't know" is no answer.
        number: the how many-th question this is, of `most` at most.
    """

    field: str
    ask: str
    why: str
    example: str
    choices: tuple[tuple[str, str], ...]
    needed: bool
    number: int
    most: int


@dataclass
class Interview:
    """The advisor's conversation, a question at a time: the one that the command has on a terminal."""

    _talk: Talk = field(default_factory=lambda: Talk({}))

    @property
    def question(self) -> Question | None:
        """What to ask next; None when nothing that is left can change the answer."""
        talk = self._talk
        left = MAX_QUESTIONS - len(talk.asked)
        name = next_question(talk.known, frozenset(talk.passed), left) if left else None
        if name is None:
            return None
        asked = BY_NAME[name]
        choices = tuple((choice, asked.means(choice)) for choice in offered(asked))
        if asked.kind is Kind.BOOL:
            choices = (("yes", "Yes"), ("no", "No"))
        number = len(talk.asked) + 1
        return Question(name, asked.ask, asked.why, asked.example, choices, name == NEEDED, number, MAX_QUESTIONS)

    @property
    def answers(self) -> tuple[tuple[str, str], ...]:
        """The questions that were put, each with what was answered; empty for "don't know"."""
        said = self._talk.known
        return tuple((BY_NAME[name].ask, _in_words(name, said.get(name))) for name in self._talk.asked)

    def answer(self, name: str, text: str) -> None:
        """Answer the question for the field `name`, or say that you don't know, by an empty text.

        Raises InputError for an answer that is not allowed, UsageError when another question is open.
        """
        asked = self.question
        if asked is None or asked.field != name:
            raise words.other_question(name, None if asked is None else asked.field)
        if not text.strip():
            if asked.needed:
                raise words.needs_an_answer(name)
            self._talk.passed.add(name)
        else:
            self._talk.known[name] = read_answer(name, text.strip(), self._talk.known)
        self._talk.asked.append(name)

    def back(self) -> bool:
        """Forget the last answer. False where there is none."""
        return self._talk.back()

    @property
    def possible(self) -> tuple[str, ...]:
        """The approaches, in words, that the answers so far leave: the one that is decided, or all that further answers
        may lead to. Empty before the first answer."""
        return _left_by(self._talk.known)

    def possible_after(self, text: str) -> tuple[str, ...]:
        """The same, if the open question were answered by `text`. The conversation stays as it is. Raises InputError
        for an answer that is not allowed."""
        asked, known = self.question, dict(self._talk.known)
        if asked is not None:
            known[asked.field] = read_answer(asked.field, text.strip(), known)
        return _left_by(known)

    def advice(self) -> Advice:
        """What follows from the answers so far."""
        return advise(self._talk.known)


def _left_by(known: Mapping[str, Any]) -> tuple[str, ...]:
    if not known:
        return ()
    found = settle(known)
    labels = {one for _, each in found.outcomes for one in each} if isinstance(found, Open) else {found.label}
    return tuple(label.short for label in Label if label in labels)


def _in_words(name: str, value: Any) -> str:
    asked = BY_NAME[name]
    if value is None:
        return ""
    return asked.means(value) if asked.kind is Kind.CHOICE else value_words(value)


def advise(task: Mapping[str, Any] | str | os.PathLike[str]) -> Advice:
    """Say which approach fits a task on private data, why, and what to run.

    Args:
        task: the fields that are known, as a mapping or a TOML or JSON file (docs/advisor-tasks.md has them).
            A field that is None or left out is unknown; one that matters is named in the answer, never guessed.

    Raises:
        InputError: a field that there is not, a value that is not allowed, fields that contradict each other, or a
            file that cannot be read. `term` names the field.
    """
    if isinstance(task, str | os.PathLike):
        given = read_task(Path(task))
    elif isinstance(task, Mapping):
        given = {name: check(str(name), value) for name, value in task.items()}
    else:
        raise words_arguments.wrong("task", words_arguments.A_TASK, task)
    return Advice(decide(given, costs.Machine(costs.measure, costs.measure_fast)))
