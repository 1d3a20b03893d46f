"""Numbers about private rows as a task: the table, the question, its plan, and the answers.

What is drawn, and what the budget is charged, is what `psiselect release` draws and charges. The budget is found by the
data set's name.
"""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from dpselect.approval import epsilon_text, factor_text
from psiselect import release
from psiselect.budgets import Ledger
from psiselect.results import Released, ReleasedCells, ReleasedFirst, ReleasedNumber, ReleasedTable
from psiselect.ui import words, words_choices
from psiselect.ui.folder import Folder
from psiselect.ui.ledgers import ledger_at, new_ledger
from psiselect.ui.lists import GivenList, command_line, file_word, options_of

STATISTICS = words_choices.STATISTICS
# Of each statistic, its own arguments in the order of the command.
_OWN = {
    "count": ("column", "equals", "lower", "upper"),
    "sum": ("column", "lower", "upper", "unit"),
    "mean": ("column", "lower", "upper", "unit", "n"),
    "quantile": ("column", "lower", "upper", "unit", "q"),
    "histogram": ("column", "categories", "bins", "other"),
    "table": ("by", "column", "statistics", "lower", "upper", "unit", "groups", "other"),
    "threshold": ("column", "categories", "at_least"),
}
_COMMON = ("epsilon", "neighbors", "contributions", "person", "on_invalid")
USUAL = {"contributions": 1, "on_invalid": "error"}
_OPTIONS = {"statistics": "--statistic"}
_REPEATED = ("statistics",)

HIDES = words_choices.HIDES
_STRONG, _WEAK = 1, 5  # epsilons, as elections have them in words (dpselect.approval)


@dataclass(frozen=True)
class Question:
    """What is asked: a statistic and its arguments, as `psiselect.release` takes them. What is not said is left out."""

    statistic: str
    arguments: Mapping[str, Any]

    def ask(
        self, given: GivenList, *, plan: bool, ledger: Ledger | None = None, dataset: str | None = None
    ) -> Released:
        """Plan, or charge and draw. Raises UsageError, InputError, BudgetError."""
        function = getattr(release, self.statistic)
        paid = {} if ledger is None else {"ledger": ledger, "dataset": dataset}
        found: Released = function(given.upload.path, **given.said, **self.arguments, **paid, plan=plan)
        return found

    def options(self) -> list[str]:
        """The same as words of the command."""
        words = []
        for name in (*_OWN[self.statistic], *_COMMON):
            value = self.arguments.get(name)
            if value is None or value == USUAL.get(name):
                continue
            option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
            if name in _REPEATED:
                words += [word for each in value for word in (option, each)]
            else:
                words += [option, _row(value) if isinstance(value, list) else str(value)]
        return words

    @property
    def words(self) -> str:
        """What is asked, in words."""
        title = STATISTICS[self.statistic][0]
        column = self.arguments.get("column")
        by = self.arguments.get("by")
        return title + (f" “{column}”" if column else "") + (f", by “{by}”" if by else "")


def _row(values: list[str]) -> str:
    """Several texts as a row of CSV, as the command reads them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


@dataclass(frozen=True)
class Answer:
    """What was drawn."""

    question: Question
    found: Released

    @property
    def rows(self) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Names and numbers, row by row: of one number the only row has no name."""
        found = self.found
        if isinstance(found, ReleasedNumber):
            return [((), (number_text(found.value),))]
        if isinstance(found, ReleasedCells):
            return [((name,), (number_text(value),)) for name, value in found.values.items()]
        if isinstance(found, ReleasedTable):
            return [(group, tuple(map(number_text, each.values()))) for group, each in found.values.items()]
        return [((), (found.value or "none of them",))] if isinstance(found, ReleasedFirst) else []

    @property
    def heads(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the columns of `rows` are called."""
        found = self.found
        if isinstance(found, ReleasedTable):
            return found.by, found.statistics
        if isinstance(found, ReleasedCells):
            return (str(self.question.arguments["column"]),), ("count",)
        return (), (self.question.statistic,)

    @property
    def bars(self) -> list[tuple[int, int, int]]:
        """Of a histogram, how long the bar of each cell is, and where its error bar begins and ends: 0 to 100."""
        if not isinstance(self.found, ReleasedCells):
            return []
        error = float(self.found.error or 0)
        values = [float(value) for value in self.found.values.values()]
        most = max(values, default=0.0) + error
        most = most if most > 0 else 1.0

        def place(value: float) -> int:
            return round(100 * max(0.0, value) / most)

        return [(place(value), place(value - error), place(value + error)) for value in values]

    def csv(self) -> str:
        """A table of the numbers, with a header."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        names, numbers = self.heads
        writer.writerow([*names, *numbers])
        writer.writerows([*name, *(value.replace(",", "") for value in values)] for name, values in self.rows)
        return text.getvalue()

    def json(self) -> str:
        """What the command prints with --json."""
        return json.dumps(self.found.to_dict(), ensure_ascii=False, indent=2) + "\n"


def number_text(value: float) -> str:
    """A number for people: groups of three digits, and at most four after the point."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}".rstrip("0").rstrip(".")


def error_words(found: Released) -> list[str]:
    """How far off the numbers are, in sentences."""
    error = found.error
    if isinstance(error, Mapping):
        return [
            words_choices.off_by(words_choices.each_of(name), number_text(size))
            for name, size in error.items()
            if size is not None
        ] or [words_choices.ROWS_ARE_PRIVATE]
    if error is None:
        first = isinstance(found, ReleasedFirst)
        return [words_choices.NEAR_THE_LIMIT if first else words_choices.ROWS_ARE_PRIVATE]
    if found.record.get("error_in") == "ranks":
        return [words_choices.ranks_off(number_text(error))]
    each = words_choices.EACH_NUMBER if isinstance(found, ReleasedCells) else words_choices.THE_NUMBER
    return [words_choices.off_by(each, number_text(error))]


def promise(question: Question) -> str:
    """What is promised to each person, in a sentence."""
    arguments = question.arguments
    rows = arguments["contributions"]
    persons = arguments.get("person") is not None
    one = words_choices.ROW if rows == 1 else words_choices.person_with_rows(rows)
    who = words_choices.PERSON if persons else one
    epsilon, hidden = Fraction(arguments["epsilon"]), HIDES[arguments["neighbors"]].partition(";")[0]
    factor = words_choices.factor(arguments["neighbors"], who, factor_text(epsilon))
    if epsilon <= _STRONG:
        return words_choices.strong(factor, hidden)
    return words_choices.usual(factor, hidden) if epsilon < _WEAK else words_choices.weak(factor, hidden)


def beyond(question: Question, left: Fraction | str | None) -> bool:
    """Whether a number costs more than is left of its budget. left: None where nothing limits it."""
    return left is not None and Fraction(question.arguments["epsilon"]) > Fraction(left)


class Numbers:
    """Questions about one table. Its methods are for one thread at a time, which `lock` sees to.

    Attributes:
        dataset: what the person calls the rows; the ledger's own spelling where there is a ledger.
        limit: the budget that is to be made, as text; None where there is one.
        question, plan: what is asked now, and what it will cost; None where nothing is.
        answers: what was drawn, oldest first.
    """

    busy = False

    def __init__(self, folder: Folder, dataset: str, given: GivenList) -> None:
        """Raises what opening the ledger raises."""
        self.given = given
        self.lock = threading.Lock()
        self.statistic = "count"
        self.texts: Mapping[str, str] = {}
        self.limit: str | None = None
        self.question: Question | None = None
        self.plan: Released | None = None
        self.answers: list[Answer] = []
        self.dataset = " ".join(dataset.split())
        self.place = folder.budget_of(dataset)
        ledger = self.ledger
        if ledger is not None and ledger.datasets:
            self.dataset = ledger.datasets[0]

    @property
    def ledger(self) -> Ledger | None:
        """The budget, None where it is not made yet. Raises InputError."""
        return ledger_at(self.place)

    def look(self, question: Question, limit: str | None) -> None:
        """Plan, and keep the question. limit: the budget to be made. Raises UsageError, InputError."""
        self.question = self.plan = None
        self.plan = question.ask(self.given, plan=True)
        self.question, self.limit = question, limit

    def draw(self) -> None:
        """Charge the budget and draw what was planned, once. Makes the budget where there is none.

        Raises InputError when nothing is planned or a file cannot be read, BudgetError when the budget does not hold
        the cost; then nothing was drawn.
        """
        question = self.question
        if question is None:
            raise words.nothing_planned()
        ledger = self.ledger or self._made(question)
        found = question.ask(self.given, plan=False, ledger=ledger, dataset=self.dataset)
        self.question = self.plan = None
        self.answers.append(Answer(question, found))

    def _made(self, question: Question) -> Ledger:
        return new_ledger(self.place, self.dataset, self.limit or "", str(question.arguments["neighbors"]))

    def commands(self, question: Question) -> list[str]:
        """What does the same in a terminal, with the same budget."""
        words = ["psiselect", "release", question.statistic, file_word(self.given.upload)]
        words += [*options_of(self.given.said), *question.options()]
        words += ["--ledger", str(self.place), "--dataset", self.dataset]
        if self.ledger is not None:
            return [command_line(words)]
        made = ["psiselect", "budget", "create", str(self.place), "--epsilon", self.limit or "1"]
        made += ["--neighbors", str(question.arguments["neighbors"]), "--dataset", self.dataset]
        return [command_line(made), command_line(words)]

    def close(self) -> None:
        """Let the file go."""
        self.given.close()


def amounts(ledger: Ledger, dataset: str) -> tuple[str, str, str]:
    """The budget, what is spent and what is left, as text."""
    return epsilon_text(ledger.limit), epsilon_text(ledger.spent(dataset)), epsilon_text(ledger.left(dataset))
