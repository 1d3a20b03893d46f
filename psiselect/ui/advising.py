"""The advisor's questions as pages, with a way back, and its report."""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from psiselect.advice import Interview
from psiselect.base.errors import PsiselectError
from psiselect.ui import words
from psiselect.ui.desk import Desk, working
from psiselect.ui.forms import Sent
from psiselect.ui.told import told

# The report has its style in itself, and nothing else.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


# Where this page does what a command does: how the command begins, the room, and its name.
_ROOMS = (
    ("psiselect vote winner ", "/vote", words.HOLD_AN_ELECTION),
    ("psiselect psi listen ", "/match", words.MATCH_WITH_A_PARTNER),
    ("psiselect psi connect ", "/match", words.MATCH_WITH_A_PARTNER),
    ("psiselect psi offer ", "/match", words.MATCH_WITH_A_PARTNER),
    ("psiselect release ", "/numbers", words.PUBLISH_NUMBERS),
)


def rooms_of(commands: Sequence[str]) -> dict[str, str]:
    """The rooms of this page that do what these commands do, each with its name."""
    return {path: name for command in commands for begin, path, name in _ROOMS if command.startswith(begin)}


class Advising:
    """One conversation."""

    def __init__(self) -> None:
        self.interview = Interview()

    def close(self) -> None:
        """There are no files."""


class AdvicePages:
    """The pages, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/advise", self.begin, methods=["GET", "POST"]),
            Route("/advise/{task}", self.ask, methods=["GET", "POST"]),
            Route("/advise/{task}/follows", self.follows, methods=["GET"]),
            Route("/advise/{task}/report", self.report, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Response:
        """What the advisor does."""
        if request.method != "POST":
            return self._desk.page("advise.html")
        await self._desk.sent(request)
        return self._desk.to(f"/advise/{self._desk.tasks.add(Advising())}")

    async def ask(self, request: Request) -> Response:
        """The next question, or the answer."""
        name = request.path_params["task"]
        interview = self._desk.tasks.find(name, Advising).interview
        if request.method != "POST":
            return await working(self._asked, name, interview, Sent({}))
        return await working(self._answered, name, interview, await self._desk.sent(request))

    def _asked(self, name: str, interview: Interview, sent: Sent, looking: bool = False) -> Response:
        question = interview.question
        if question is None:
            found = interview.advice()
            rooms = rooms_of([step.command for step in found.commands])
            return self._desk.page("advised.html", task=name, found=found, answers=interview.answers, rooms=rooms)
        status = 422 if sent.errors else 200
        return self._desk.page(
            "advise_question.html",
            status,
            task=name,
            asked=question,
            sent=sent,
            answers=interview.answers,
            possible=interview.possible if looking else (),
            follows=words.follows,
            several=words.several,
        )

    def _answered(self, name: str, interview: Interview, sent: Sent) -> Response:
        what = sent.one_of("do", "answer", "unknown", "back", "look")
        field = sent.text("field")
        if what == "back":
            interview.back()
            return self._desk.to(f"/advise/{name}")
        if what == "look":
            return self._asked(name, interview, sent, looking=True)
        text = sent.text("answer")
        open_question = interview.question
        if open_question is None or open_question.field != field:
            return self._desk.to(f"/advise/{name}")  # sent twice, or from an older page
        if what == "answer" and not text:
            sent.errors["answer"] = words.CHOOSE_ONE if open_question.needed else words.ANSWER_OR_SKIP
        else:
            try:
                interview.answer(field, text if what == "answer" else "")
            except PsiselectError as error:
                sent.errors["answer"] = told(error).removeprefix(f"[{field}] ").capitalize()
        return self._asked(name, interview, sent) if sent.errors else self._desk.to(f"/advise/{name}")

    async def follows(self, request: Request) -> Response:
        """What the answers so far leave, with the answer that is chosen, if there is one: one server-sent event."""
        interview = self._desk.tasks.find(request.path_params["task"], Advising).interview
        answer = request.query_params.get("answer", "")

        def told_of() -> Response:
            try:
                possible = interview.possible_after(answer) if answer else interview.possible
            except PsiselectError:
                possible = ()  # the page says what is wrong with an answer when it is sent
            event = json.dumps({"words": words.follows(possible), "possible": words.several(possible)})
            return Response(f"data: {event}\n\n", media_type="text/event-stream")

        return await working(told_of)

    async def report(self, request: Request) -> Response:
        """The report to print and to sign."""
        interview = self._desk.tasks.find(request.path_params["task"], Advising).interview
        made = await working(lambda: HTMLResponse(interview.advice().report_html()))
        made.headers["content-security-policy"] = REPORT_POLICY
        return made
