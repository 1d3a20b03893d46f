"""The pages of numbers: file, question, details, release, answers."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dpselect.approval import epsilon_text
from dpselect.privacy import parse_epsilon
from psiselect.base.errors import PsiselectError, UsageError
from psiselect.ui import numbers, words, words_choices
from psiselect.ui.desk import Desk, working
from psiselect.ui.forms import Sent, whole
from psiselect.ui.lists import FileForm, GivenList
from psiselect.ui.numbers import HIDES, STATISTICS, Numbers, Question
from psiselect.ui.told import told

_MOST = 10**10
_MOST_ROWS = 10_000  # of one person
_FIELD = re.compile(r"(\w+)=?(?:: | (?=must\b|is\b))")
_TEXTS = {
    "count": ("column", "equals", "lower", "upper"),
    "sum": ("column", "lower", "upper", "unit"),
    "mean": ("column", "lower", "upper", "unit"),
    "quantile": ("column", "lower", "upper", "unit", "q"),
    "histogram": ("column", "other"),
    "table": ("by", "column", "lower", "upper", "unit", "other"),
    "threshold": ("column",),
}
_NEEDED = {
    "count": (),
    "sum": ("column", "lower", "upper"),
    "mean": ("column", "lower", "upper"),
    "quantile": ("column", "lower", "upper"),
    "histogram": ("column",),
    "table": ("by",),
    "threshold": ("column",),
}
_OF_SUMS = ("column", "lower", "upper", "unit")  # of a table: what counts alone do not take
_MISSING = {
    "column": words.CHOOSE_COLUMN,
    "by": words.CHOOSE_COLUMN_OF_GROUPS,
    "lower": words.WRITE_LOWEST,
    "upper": words.WRITE_HIGHEST,
}
FIELDS = words_choices.NUMBER_FIELDS


class NumberPages:
    """The pages, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/numbers", self.begin, methods=["GET", "POST"]),
            Route("/numbers/{task}", self.choose, methods=["GET", "POST"]),
            Route("/numbers/{task}/details", self.detail, methods=["GET", "POST"]),
            Route("/numbers/{task}/release", self.release, methods=["GET", "POST"]),
            Route("/numbers/{task}/answers", self.answers, methods=["GET"]),
            Route("/numbers/{task}/answers/{number:int}.{kind}", self.download, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Response:
        """The name of the data, and the file."""
        if request.method != "POST":
            return self._desk.page("numbers.html", sent=Sent({}), labels=FIELDS)
        return await working(self._begun, await self._desk.sent(request))

    def _begun(self, sent: Sent) -> Response:
        name, made = sent.text("name"), False
        try:
            task = None
            if sent.upload is None:
                sent.errors["file"] = words.CHOOSE_ROWS
            elif sent.upload.size == 0:
                sent.errors["file"] = words.EMPTY_ROWS
            try:
                self._desk.folder.budget_of(name)
                if sent.upload is not None and not sent.errors:
                    task = Numbers(self._desk.folder, name, GivenList(sent.upload))
            except UsageError:
                sent.errors["name"] = words.NAME_THE_DATA
            except PsiselectError as error:
                sent.errors["name"] = told(error)
            if task is None or sent.errors:
                return self._desk.page("numbers.html", 422, sent=sent, labels=FIELDS)
            made = True
        finally:
            if not made:
                sent.close()
        return self._desk.to(f"/numbers/{self._desk.tasks.add(task)}")

    async def choose(self, request: Request) -> Response:
        """What the file holds, and which number is wanted."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Numbers)
        if request.method != "POST":
            return await working(self._chosen_from, name, task)
        return await working(self._chosen, name, task, await self._desk.sent(request))

    def _chosen_from(self, name: str, task: Numbers) -> Response:
        status = 422 if task.given.problem else 200
        return self._desk.page("numbers_question.html", status, task=name, numbers=task, statistics=STATISTICS)

    def _chosen(self, name: str, task: Numbers, sent: Sent) -> Response:
        with task.lock:
            form = FileForm.of(sent)
            task.statistic = sent.one_of("statistic", *STATISTICS)
            if form != task.given.form:
                task.given.read(form)
                return self._desk.to(f"/numbers/{name}")
        return self._desk.to(f"/numbers/{name}/details" if task.given.columns else f"/numbers/{name}")

    async def detail(self, request: Request) -> Response:
        """The arguments of the number that is wanted, and the budget."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Numbers)
        if not task.given.columns:
            return self._desk.to(f"/numbers/{name}")
        if request.method != "POST":
            return await working(self._details, name, task, Sent({**_usual(), **task.texts}))
        return await working(self._detailed, name, task, await self._desk.sent(request))

    def _details(self, name: str, task: Numbers, sent: Sent) -> Response:
        try:
            ledger = task.ledger
            budget = None if ledger is None else (ledger.neighbors, *numbers.amounts(ledger, task.dataset))
        except PsiselectError as error:
            return self._desk.refusal(422, words.NO_BUDGET, told(error))
        return self._desk.page(
            "numbers_details.html",
            422 if sent.errors else 200,
            task=name,
            numbers=task,
            sent=sent,
            labels=FIELDS,
            title=STATISTICS[task.statistic],
            wanted=frozenset((*_TEXTS[task.statistic], *_lists(task.statistic))),
            needed=_NEEDED[task.statistic],
            budget=budget,
            hides=HIDES,
        )

    def _detailed(self, name: str, task: Numbers, sent: Sent) -> Response:
        with task.lock:
            task.texts = {field: text for field, text in sent.texts.items() if field != "csrf"}
            try:
                ledger = task.ledger
                neighbors = sent.one_of("neighbors", *HIDES) if ledger is None else ledger.neighbors
                question = _question(task, sent, neighbors)
                limit = None if ledger is not None else _epsilon(sent, "limit")
                if not sent.errors:
                    task.look(question, limit)
            except PsiselectError as error:
                _note(sent, error)
            if sent.errors:
                return self._details(name, task, sent)
        return self._desk.to(f"/numbers/{name}/release")

    async def release(self, request: Request) -> Response:
        """What the number will be like and cost, and the release."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Numbers)
        if request.method == "POST":
            await self._desk.sent(request)
            return await working(self._released, name, task)
        return await working(self._planned, name, task, None)

    def _planned(self, name: str, task: Numbers, error: str | None) -> Response:
        question, plan = task.question, task.plan
        if question is None or plan is None:
            return self._desk.to(f"/numbers/{name}/{'answers' if task.answers else 'details'}")
        try:
            ledger = task.ledger
            budget = None if ledger is None else numbers.amounts(ledger, task.dataset)
            beyond = numbers.beyond(question, task.limit if ledger is None else ledger.left(task.dataset))
        except PsiselectError as wrong:
            return self._desk.refusal(422, words.NO_BUDGET, told(wrong))
        return self._desk.page(
            "numbers_release.html",
            409 if error else 200,
            task=name,
            numbers=task,
            question=question,
            error=error,
            errors=numbers.error_words(plan),
            promise=numbers.promise(question),
            hides=HIDES[str(question.arguments["neighbors"])],
            budget=budget,
            beyond=beyond,
            commands=task.commands(question),
        )

    def _released(self, name: str, task: Numbers) -> Response:
        with task.lock:
            try:
                if task.question is not None:
                    task.draw()
            except PsiselectError as error:
                budget = f"the ledger '{task.place}'"
                called = {f" in {budget}, and": ", and", budget: "its budget"}
                return self._planned(name, task, told(error, called))
        return self._desk.to(f"/numbers/{name}/answers" if task.answers else f"/numbers/{name}")

    async def answers(self, request: Request) -> Response:
        """What was released."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Numbers)
        if not task.answers:
            return self._desk.to(f"/numbers/{name}")
        return await working(self._answered, name, task)

    def _answered(self, name: str, task: Numbers) -> Response:
        ledger = task.ledger
        left = None if ledger is None else numbers.amounts(ledger, task.dataset)
        shown: list[dict[str, Any]] = [
            {
                "number": place,
                "answer": answer,
                "errors": numbers.error_words(answer.found),
                "promise": numbers.promise(answer.question),
                "notes": [told(words.as_said(note)) for note in answer.found.notes if note.startswith("note:")],
            }
            for place, answer in enumerate(task.answers, start=1)
        ]
        return self._desk.page("numbers_answers.html", task=name, numbers=task, shown=shown[::-1], left=left)

    async def download(self, request: Request) -> Response:
        """One answer as a file."""
        task = self._desk.tasks.find(request.path_params["task"], Numbers)
        number, kind = request.path_params["number"], request.path_params["kind"]
        if not 1 <= number <= len(task.answers) or kind not in ("csv", "json"):
            return self._desk.refusal(404, words.NO_FILE, words.USE_LINKS)
        answer = task.answers[number - 1]
        text = answer.csv() if kind == "csv" else answer.json()
        named = {"content-disposition": f'attachment; filename="{answer.question.statistic}-{number}.{kind}"'}
        media = "text/csv" if kind == "csv" else "application/json"
        return Response(text.encode(), media_type=f"{media}; charset=utf-8", headers=named)


def _usual() -> dict[str, str]:
    return {"epsilon": "0.5", "limit": "1", "neighbors": "add-remove", "contributions": "1", "q": "0.5"}


def _lists(statistic: str) -> tuple[str, ...]:
    """What else the page of a statistic asks for."""
    return {
        "mean": ("n",),
        "histogram": ("categories", "bins"),
        "table": ("groups", "statistics"),
        "threshold": ("categories", "at_least"),
    }.get(statistic, ())


def _question(task: Numbers, sent: Sent, neighbors: str) -> Question:
    """What is asked, as far as it is well said; what is not is noted."""
    statistic = task.statistic
    found: dict[str, Any] = {}
    for field in _TEXTS[statistic]:
        text = sent.one_of(field, "", *task.given.columns) if field in ("column", "by") else sent.text(field)
        if text:
            found[field] = text
        elif field in _NEEDED[statistic]:
            sent.errors[field] = _MISSING[field]
    for field in set(_lists(statistic)) & {"categories", "groups"}:
        lines = [line.strip() for line in sent.text(field).splitlines() if line.strip()]
        if lines:
            found[field] = lines
        elif not sent.text("bins"):
            sent.errors[field] = words.write_one(or_ranges=statistic == "histogram")
    if statistic == "histogram" and sent.text("bins"):
        found["bins"] = [part.strip() for part in re.split(r"[,;\s]+", sent.text("bins")) if part.strip()]
    if statistic == "table":
        found["statistics"] = [each for each in ("count", "sum", "mean") if sent.text(f"show_{each}")] or ["count"]
        if found["statistics"] == ["count"]:
            found = {field: value for field, value in found.items() if field not in _OF_SUMS}
        else:
            sent.errors.update({field: _MISSING[field] for field in _OF_SUMS[:3] if field not in found})
    if statistic == "mean" and (rows := whole(sent, "n", 1, _MOST, words.NUMBER_OF_ROWS)):
        found["n"] = rows
    if statistic == "threshold":
        found["at_least"] = whole(sent, "at_least", 0, _MOST, words.ENOUGH_ROWS)
        if not sent.text("at_least"):
            sent.errors["at_least"] = words.WRITE_ENOUGH_ROWS
    found["epsilon"] = _epsilon(sent, "epsilon")
    found["neighbors"] = neighbors
    found["contributions"] = whole(sent, "contributions", 1, _MOST_ROWS, words.ROWS_OF_A_PERSON) or 1
    if person := sent.one_of("person", "", *task.given.columns):
        found["person"] = person
    found["on_invalid"] = sent.one_of("on_invalid", "error", "drop")
    return Question(statistic, found)


def _epsilon(sent: Sent, field: str) -> str:
    """Epsilon as exact text; what is wrong is noted."""
    try:
        return epsilon_text(parse_epsilon(sent.text(field)))
    except PsiselectError:
        sent.errors[field] = words.NUMBER_ABOVE_0
        return "1"


def _note(sent: Sent, error: PsiselectError) -> None:
    """Put an error at the field that it is about, where it names one."""
    text = str(error)
    named = _FIELD.match(text)
    field = named[1] if named else error.term
    if text.startswith("lower") and "must be below" in text:
        sent.errors["upper"] = words.HIGHEST_ABOVE_LOWEST
    elif field in FIELDS:
        begun = "" if named is None or named[0].endswith(": ") else "This "
        sent.errors[field] = told(type(error)(begun + text[named.end() :] if named else text))
    else:
        sent.errors["all"] = told(error)
