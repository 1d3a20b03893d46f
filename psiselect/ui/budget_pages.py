"""The pages of budgets: what was spent on what, what is left, and which elections were drawn. Nothing is changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dpselect.accounting import BudgetKind, Cost
from dpselect.approval import epsilon_text
from dpselect.ledger import Ledger as BudgetFile
from psiselect.base.errors import PsiselectError
from psiselect.elections.draws import DrawRecord
from psiselect.ui import words, words_choices
from psiselect.ui.desk import Desk, working
from psiselect.ui.forms import Sent
from psiselect.ui.ledgers import sent_ledger
from psiselect.ui.record_pages import RecordPages
from psiselect.ui.told import told

_RELEASE = re.compile(r"(?P<what>release \w+): epsilon [\d/. ()]+, (?P<rows>\d+) contributions")
_MOST = 100  # entries and data sets that are shown of a budget, the newest ones
HIDES = words_choices.HIDES_OF_A_BUDGET


@dataclass(frozen=True)
class DataSet:
    """One data set of a budget. used: percent of the budget, rounded up."""

    name: str
    spent: str
    left: str
    used: int


@dataclass(frozen=True)
class Budget:
    """A budget to be shown. entries: time, data set, cost and what it was for, the newest first; more: whether there
    are older ones."""

    limit: str
    unit: str
    hides: str
    sets: list[DataSet]
    entries: list[tuple[str, str, str, str]]
    more: bool


def budget_at(path: Path) -> Budget:
    """Read a budget. Raises InputError."""
    ledger = BudgetFile.open(path)
    entries = ledger.entries(newest=_MOST + 1)
    return Budget(
        _amount(ledger.budget),
        "epsilon" if ledger.kind is BudgetKind.PURE else "rho",
        HIDES[ledger.neighbors.value],
        [
            DataSet(
                each.dataset,
                _amount(each.spent),
                _amount(each.remaining),
                -(-100 * each.spent.amount.numerator * ledger.budget.amount.denominator)
                // (each.spent.amount.denominator * ledger.budget.amount.numerator)
                if each.spent.amount
                else 0,
            )
            for each in ledger.balances(_MOST)
        ],
        [(_time(each.at), each.dataset, _amount(each.cost), _what(each.what)) for each in entries[-_MOST:][::-1]],
        len(entries) > _MOST,
    )


def _amount(cost: Cost) -> str:
    return epsilon_text(cost.amount) + (f" and delta {epsilon_text(cost.delta)}" if cost.delta else "")


def _what(text: str) -> str:
    """What an entry says of its release, without the epsilon, which the cost shows."""
    found = _RELEASE.fullmatch(text)
    if found is None:
        return text
    return found["what"] if found["rows"] == "1" else words_choices.for_persons(found["what"], found["rows"])


def _time(at: str) -> str:
    """As people write it, in UTC."""
    return at[:16].replace("T", " ")


class BudgetPages:
    """The pages, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [Route("/budgets", self.show, methods=["GET", "POST"]), *RecordPages(self._desk).routes()]

    async def show(self, request: Request) -> Response:
        """The budgets and draws of this page, or the budget in a file that was sent."""
        if request.method != "POST":
            return await working(self._all, Sent({}))
        return await working(self._sent, await self._desk.sent(request))

    def _all(self, sent: Sent) -> Response:
        budgets: list[Budget] = []
        problems: list[str] = []
        for path in self._desk.folder.budgets():
            try:
                budgets.append(budget_at(path))
            except PsiselectError as error:
                problems.append(told(error))
        draws = []
        for path in self._desk.folder.draws():
            try:
                past = DrawRecord(path).past()
                draws += [(_time(each.at), _election(path), each.winners or ()) for each in past]
            except PsiselectError as error:
                problems.append(told(error))
        return self._desk.page(
            "budgets.html",
            422 if sent.errors else 200,
            sent=sent,
            budgets=budgets,
            draws=sorted(draws, reverse=True),
            problems_found=problems,
            looked_at=None,
        )

    def _sent(self, sent: Sent) -> Response:
        upload = sent.upload
        try:
            if upload is None or upload.size == 0:
                sent.errors["ledger"] = words.CHOOSE_BUDGET
                return self._all(sent)
            try:
                with sent_ledger(upload) as ledger:
                    found = budget_at(ledger.path)
            except PsiselectError:
                sent.errors["ledger"] = words.NOT_A_BUDGET
                return self._all(sent)
            return self._desk.page(
                "budgets.html",
                sent=sent,
                budgets=[found],
                draws=[],
                problems_found=[],
                looked_at=upload.called,
            )
        finally:
            sent.close()


def _election(path: Path) -> str:
    """What a draw's file says of the election's name: its letters and digits."""
    return path.stem.rpartition("-")[0]
