"""All pages together, behind the guard."""

from __future__ import annotations

import html
import pkgutil

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from psiselect.ui import words
from psiselect.ui.access import COOKIE, Access
from psiselect.ui.desk import HERE, BusyError, Desk, EndedError
from psiselect.ui.forms import OldFormError
from psiselect.ui.guard import ENTRY, MOST_UPLOADED, Guard, TooMuchError, no_room, too_much
from psiselect.ui.uploads import NoRoomError

_FILES = ("style.css", "icon.svg", "progress.js", "drop.js", "epsilon.js", "follows.js")
# Where the pages of each room are. They are loaded when somebody enters the room, so that the first page comes quickly.
ROOMS = {
    "vote": "psiselect.ui.vote_pages:VotePages",
    "numbers": "psiselect.ui.number_pages:NumberPages",
    "match": "psiselect.ui.match_pages:MatchPages",
    "budgets": "psiselect.ui.budget_pages:BudgetPages",
    "advise": "psiselect.ui.advising:AdvicePages",
}


def site(desk: Desk, port: int) -> ASGIApp:
    """The application that answers. port: of this server."""
    app = Starlette(
        routes=[
            Mount(
                desk.access.base,
                routes=[
                    Route("/", lambda request: desk.page("home.html"), methods=["GET"]),
                    *(Route(f"/{name}", _File(name), methods=["GET"]) for name in _FILES),
                    Route(ENTRY, _Entry(desk), methods=["POST"]),
                    Route("/{room}", _Rooms(desk)),
                    Route("/{room}/{rest:path}", _Rooms(desk)),
                ],
            )
        ],
        exception_handlers={
            OldFormError: lambda request, error: desk.refusal(403, words.TOO_OLD, words.FROM_EARLIER),
            EndedError: lambda request, error: desk.refusal(404, words.ENDED, words.FILES_ARE_GONE),
            BusyError: lambda request, error: desk.refusal(409, words.TOO_MANY, words.WAIT_FOR_ONE),
            TooMuchError: lambda request, error: too_much(desk.refusal, getattr(error, "most", MOST_UPLOADED)),
            NoRoomError: lambda request, error: no_room(desk.refusal),
            Exception: lambda request, error: desk.refusal(500, words.FAILED, words.START_AGAIN),
            HTTPException: lambda request, error: _http(desk, error),
        },
    )
    return Guard(app, desk.access, desk.idle, port, desk.refusal)


class _File:
    """Sends one of the files that the pages need."""

    def __init__(self, name: str) -> None:
        self._path = HERE / "static" / name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await FileResponse(self._path)(scope, receive, send)


class _Entry:
    """Takes the token for the cookie."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._entered(Request(scope, receive))
        await answer(scope, receive, send)

    async def _entered(self, request: Request) -> Response:
        access: Access = self._desk.access
        async with request.form(max_files=0, max_fields=1, max_part_size=1000) as form:
            token = form.get("token")
        cookie = access.enter(token) if isinstance(token, str) else None
        if cookie is None:
            return self._desk.refusal(403, words.KEY_USED, words.OPENS_ONCE)
        # A page, not a redirect: the browser sends a strict cookie only to what a page of this server leads to.
        home = html.escape(self._desk.at("/"))
        answer = HTMLResponse(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>psiselect</title>'
            f'<link rel="icon" href="{html.escape(self._desk.at("/icon.svg"))}">'
            f'<meta http-equiv="refresh" content="0; url={home}"><p><a href="{home}">Go on</a></p></html>'
        )
        answer.set_cookie(COOKIE, cookie, path=access.base, httponly=True, samesite="strict")
        return answer


class _Rooms:
    """Hands a request to the room that its address names."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._routers: dict[str, Router] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path_params"]["room"]
        if name not in ROOMS:
            raise HTTPException(404)
        if name not in self._routers:
            pages = await run_in_threadpool(pkgutil.resolve_name, ROOMS[name])
            self._routers[name] = Router(pages(self._desk).routes())
        await self._routers[name](scope, receive, send)


def _http(desk: Desk, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return desk.refusal(404, words.NO_PAGE, words.USE_LINKS_ABOVE)
    return desk.refusal(status, words.NOT_POSSIBLE, words.NOT_TAKEN)
