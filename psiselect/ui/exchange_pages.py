"""The pages of an exchange by files that waits for the partner's answer: send the offer again, finish, give it up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from psiselect.base.errors import PsiselectError
from psiselect.ui import exchanges, words
from psiselect.ui.desk import Desk, EndedError, working
from psiselect.ui.exchanges import Exchange
from psiselect.ui.forms import Sent
from psiselect.ui.lists import GivenList, command_line
from psiselect.ui.match import Match
from psiselect.ui.told import told

FIELDS = {"answer": "Your partner’s answer", "own": "Your list"}


class ExchangePages:
    """The pages, at one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route("/match/exchanges/{exchange}", self.finish, methods=["GET", "POST"]),
            Route("/match/exchanges/{exchange}/offer", self.offer, methods=["GET"]),
            Route("/match/exchanges/{exchange}/forget", self.forget, methods=["POST"]),
        ]

    async def finish(self, request: Request) -> Response:
        """The partner's answer, and the list as it was."""
        if request.method != "POST":
            return await self._with(request, lambda exchange: self._shown(exchange, Sent({})))
        sent = await self._desk.sent(request, files=2)
        try:
            return await self._with(request, lambda exchange: self._finished(exchange, sent))
        except EndedError:
            sent.close()
            raise

    def _with(self, request: Request, answer: Callable[[Exchange], Response]) -> Awaitable[Response]:
        def found() -> Response:
            exchange = exchanges.find(self._desk.folder, request.path_params["exchange"])
            if exchange is None:
                raise EndedError
            return answer(exchange)

        return working(found)

    def _shown(self, exchange: Exchange, sent: Sent) -> Response:
        return self._desk.page(
            "match_finish.html",
            422 if sent.errors else 200,
            exchange=exchange,
            peer=exchange.peer,
            sent=sent,
            labels=FIELDS,
            command=command_line(
                ["psiselect", "psi", "finish", "answer.psi", "--state", str(exchange.state), "--input", "LIST"]
            ),
        )

    def _finished(self, exchange: Exchange, sent: Sent) -> Response:
        begun = False
        try:
            for name, problem in (("answer", words.CHOOSE_ANSWER), ("own", words.CHOOSE_OWN)):
                upload = sent.uploads.get(name)
                if upload is None or upload.size == 0:
                    sent.errors[name] = problem
            if sent.errors:
                return self._shown(exchange, sent)
            task = Match(self._desk, GivenList(sent.uploads["own"]))
            name = self._desk.tasks.add(task)
            begun = True
            try:
                task.begin_finish(exchange, sent.uploads["answer"])
            except PsiselectError as error:
                sent.uploads["answer"].close()
                self._desk.tasks.end(name)
                sent.errors["answer"] = told(error)
                return self._shown(exchange, sent)
        finally:
            if not begun:
                sent.close()
        return self._desk.to(f"/match/{name}/work")

    async def offer(self, request: Request) -> Response:
        """The offer once more."""
        return await self._with(
            request,
            lambda exchange: FileResponse(
                exchange.offer, media_type="application/octet-stream", filename=exchange.offer.name
            ),
        )

    async def forget(self, request: Request) -> Response:
        """Give the exchange up."""
        await self._desk.sent(request)

        def gone(exchange: Exchange) -> Response:
            exchange.forget()
            return self._desk.to("/match")

        return await self._with(request, gone)
