"""The pages of a match: files, keys, check, and a trial of two files; progress, stop and result for all of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from psi.normalize import Reason
from psiselect.base.errors import PsiselectError
from psiselect.ui import match_commands, words
from psiselect.ui.desk import PROGRESS, Desk, working
from psiselect.ui.exchange_pages import ExchangePages
from psiselect.ui.exchanges import waiting
from psiselect.ui.forms import Sent
from psiselect.ui.lists import FileForm, GivenList
from psiselect.ui.match import Match
from psiselect.ui.match_terms import MATCHING, MOST_KEYS, ORDERS, RULES, Key
from psiselect.ui.partner_pages import PartnerPages
from psiselect.ui.session_pages import SessionPages
from psiselect.ui.told import told
from psiselect.ui.work import Work

_LOOK_SECONDS = 0.2  # between two looks at how far the work is


class MatchPages:
    """The pages, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._more = (ExchangePages(desk), PartnerPages(desk), SessionPages(desk))

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/match", self.begin, methods=["GET", "POST"]),
            Route("/match/try", self.trial, methods=["GET", "POST"]),
            *(route for pages in self._more for route in pages.routes()),
            Route("/match/{task}", self.choose, methods=["GET", "POST"]),
            Route("/match/{task}/check", self.check, methods=["GET", "POST"]),
            Route("/match/{task}/work", self.work, methods=["GET"]),
            Route("/match/{task}/events", self.events, methods=["GET"]),
            Route("/match/{task}/stop", self.stop, methods=["POST"]),
            Route("/match/{task}/result", self.result, methods=["GET"]),
            Route("/match/{task}/matched.csv", self.rows, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Response:
        """What a match is, and the file for one with a partner."""
        if request.method != "POST":
            return await working(self._first, Sent({}))
        return await working(self._begun, await self._desk.sent(request), ("own",), "match.html")

    async def trial(self, request: Request) -> Response:
        """Two files for a trial."""
        if request.method != "POST":
            return self._desk.page("match_try.html", sent=Sent({}))
        return await working(self._begun, await self._desk.sent(request, files=2), ("own", "other"), "match_try.html")

    def _begun(self, sent: Sent, names: tuple[str, ...], template: str) -> Response:
        made = False
        try:
            for name in names:
                upload = sent.uploads.get(name)
                if upload is None:
                    sent.errors[name] = "Choose a file."
                elif upload.size == 0:
                    sent.errors[name] = words.EMPTY_FILE
            if sent.errors:
                return self._first(sent, template)
            own, *other = (GivenList(sent.uploads[name]) for name in names)
            task = Match(self._desk, own, other[0] if other else None)
            made = True
        finally:
            if not made:
                sent.close()
        name = self._desk.tasks.add(task)
        if not task.propose():
            return self._desk.to(f"/match/{name}")
        task.begin_check(task.keys)
        return self._desk.to(f"/match/{name}/work")

    def _first(self, sent: Sent, template: str = "match.html") -> Response:
        found = [(each, each.peer.name, each.begun) for each in waiting(self._desk.folder)]
        return self._desk.page(template, 422 if sent.errors else 200, sent=sent, waiting=found)

    async def choose(self, request: Request) -> Response:
        """The column to match by, and what it holds."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Match)
        if request.method != "POST":
            return self._choice(name, task, Sent({}))
        return await working(self._chosen, name, task, await self._desk.sent(request))

    def _choice(self, name: str, task: Match, sent: Sent) -> Response:
        if task.busy:
            return self._desk.to(f"/match/{name}/work")
        unread = [given.upload.called for given in task.lists if given.problem]
        return self._desk.page(
            "match_key.html",
            422 if unread or sent.errors else 200,
            task=name,
            match=task,
            sent=sent,
            numbers=range(1, MOST_KEYS + 1),
            rules=RULES,
            orders=ORDERS,
            matching=MATCHING,
        )

    def _chosen(self, name: str, task: Match, sent: Sent) -> Response:
        with task.lock:
            form = FileForm.of(sent)
            if task.busy or task.over:
                return self._desk.to(f"/match/{name}/work")
            if form != task.given.form:
                for given in task.lists:
                    given.read(form)
                return self._desk.to(f"/match/{name}")
            if any(given.problem for given in task.lists):
                return self._desk.to(f"/match/{name}")
            keys = _keys(task, sent)
            if not sent.errors:
                try:
                    task.begin_check(keys, sent.one_of("matching", *MATCHING))
                    task.found_by_itself = False
                except PsiselectError as error:
                    sent.errors["column"] = told(error)
            if sent.errors:
                return self._choice(name, task, sent)
        return self._desk.to(f"/match/{name}/work")

    async def check(self, request: Request) -> Response:
        """What the rule makes of the lists; for a trial, then the match."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Match)
        if not task.checked:
            return self._desk.to(f"/match/{name}")
        if request.method == "POST":
            await self._desk.sent(request)
            with task.lock:
                if task.other is None:
                    return self._desk.to(f"/match/{name}/partner")
                if task.found is None:
                    task.begin_trial()
            return self._desk.to(f"/match/{name}/work")
        commands = match_commands.checks(task)
        return self._desk.page(
            "match_check.html", task=name, match=task, reason=_reason, rules=RULES, commands=commands
        )

    async def work(self, request: Request) -> Response:
        """How far the work is; when it is over, what follows."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Match)
        work = task.work
        if work is None:
            return self._desk.to(f"/match/{name}")
        if not work.over:
            return self._desk.page(PROGRESS, task=name, seen=work.seen(), stoppable=True)
        if task.over:
            return self._desk.to(f"/match/{name}/result")
        if work.failed is None and not work.stopped:
            return self._desk.to(f"/match/{name}/check")
        back = f"/match/{name}/session" if task.terms is not None else f"/match/{name}"
        if task.terms is None and task.exchange is not None:
            back = f"/match/exchanges/{task.exchange.name}"
        problem = task.problem or ("" if work.stopped else words.A_BUG)
        return self._desk.page(
            "match_failed.html", 200 if work.stopped else 409, problem=problem, back=back, match=task
        )

    async def events(self, request: Request) -> Response:
        """How far the work is, as server-sent events until it is over."""
        work = self._desk.tasks.find(request.path_params["task"], Match).work
        told_of = _told(work) if work is not None else _nothing()
        return StreamingResponse(told_of, media_type="text/event-stream")

    async def stop(self, request: Request) -> Response:
        """End what is under way."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Match)
        await self._desk.sent(request)
        if task.work is not None:
            await anyio.to_thread.run_sync(task.work.stop)
        return self._desk.to(f"/match/{name}/work")

    async def result(self, request: Request) -> Response:
        """What was found."""
        name = request.path_params["task"]
        task = self._desk.tasks.find(name, Match)
        commands = match_commands.of_terms(task, task.terms) if task.terms is not None else []
        if task.made is not None:
            return self._desk.page("match_file.html", task=name, match=task, made=task.made, commands=commands)
        if task.found is None:
            return self._desk.to(f"/match/{name}/work")
        if task.other is not None:
            commands = match_commands.checks(task)
        return self._desk.page("match_result.html", task=name, match=task, found=task.found, commands=commands)

    async def rows(self, request: Request) -> Response:
        """The matched rows as a file."""
        found = self._desk.tasks.find(request.path_params["task"], Match).found
        if found is None or found.rows is None:
            return self._desk.refusal(404, words.NO_FILE, words.USE_LINKS)
        return FileResponse(found.rows, media_type="text/csv; charset=utf-8", filename="matched.csv")


def _keys(task: Match, sent: Sent) -> list[Key]:
    """What is compared, as far as it is well said; what is not is noted. A further column that is empty is none."""
    found = []
    for place in ("", *(f"_{number}" for number in range(2, MOST_KEYS + 1))):
        column = sent.one_of(f"column{place}", "", *task.given.columns)
        column_b = sent.one_of(f"column_b{place}", "", *(task.other.columns if task.other else ()))
        if not column and place and not column_b:
            continue
        key = Key(
            column,
            column_b,
            sent.one_of(f"rule{place}", *RULES),
            sent.text(f"region{place}").upper()[:60],
            sent.one_of(f"order{place}", *ORDERS),
        )
        if not column:
            sent.errors[f"column{place}"] = words.CHOOSE_SHARED_COLUMN
        if task.other is not None and not column_b:
            sent.errors[f"column_b{place}"] = words.CHOOSE_SAME_COLUMN
        try:
            key.spec(column or "x")
        except PsiselectError as error:
            sent.errors[f"region{place}" if key.rule == "phone" else f"column{place}"] = told(error)
        found.append(key)
    return found


async def _told(work: Work) -> AsyncIterator[str]:
    last = None
    while True:
        seen = work.seen()
        if seen != last:
            last = seen
            now = {"words": seen.words, "percent": seen.percent, "left": seen.left, "over": seen.over}
            yield f"data: {json.dumps(now)}\n\n"
        if seen.over:
            return
        await anyio.sleep(_LOOK_SECONDS)


async def _nothing() -> AsyncIterator[str]:
    yield 'data: {"words": "", "percent": null, "left": "", "over": true}\n\n'


def _reason(after: object) -> str:
    """Why a cell cannot be read, in words; nothing where it can."""
    return after.words if isinstance(after, Reason) else ""
