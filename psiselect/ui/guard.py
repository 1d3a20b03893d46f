"""Who is answered, and what each answer tells the browser. It stands before all pages.

A request is answered only if all of these hold:

1. It names this server as its host. A page of a foreign name that leads here (DNS rebinding) does not.
2. It brings the cookie. The one exception is the request that hands over the token.
3. The browser says that no other site has sent it.
4. If it changes something, it comes from a page of this server, and from a form that this run made (see `forms`).
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from psiselect.base.events import SafeLogger, event
from psiselect.ui import words
from psiselect.ui.access import COOKIE, Access
from psiselect.ui.desk import POLICY
from psiselect.ui.idle import Idle
from psiselect.ui.uploads import place, room

LOGGER = SafeLogger("psiselect.ui")
ENTRY = "/enter"
MOST_UPLOADED = 256 << 20  # bytes of a form with ballots; their readers take no more
MOST_TABLE = 4 << 30  # bytes of a form with other files
MOST_SENT = 1 << 20  # bytes of any form without a file
_MOST_DRAINED = 64 << 30  # bytes that are read and thrown away, so that the browser shows the refusal
_BALLOTS = "/vote"  # the pages that take them

HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    # No other site gets the address. With `no-referrer` a browser would hide the origin of this page's own forms.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
Page = Callable[[int, str, str], Response]
"""Takes a status, a title and a sentence; makes the page that says so."""


class TooMuchError(Exception):
    """More was sent than a form may hold. most: bytes."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most


class Guard:
    """The pages behind a guard. port: of this server. refusal: makes the page for whoever is refused."""

    def __init__(self, app: ASGIApp, access: Access, idle: Idle, port: int, refusal: Page) -> None:
        self._app, self._access, self._idle, self._refusal = app, access, idle, refusal
        self._host = f"127.0.0.1:{port}"
        self._origin = f"http://{self._host}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        with self._idle.working():
            await self._answer(scope, receive, _with_headers(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        body = _Body(receive, self._most(scope))
        answer = body.before(send)
        if _length(Headers(scope=scope)) > body.most:
            await too_much(self._refusal, body.most)(scope, receive, answer)
            return
        try:
            if _has_file(scope) and _length(Headers(scope=scope)) > room():
                await no_room(self._refusal)(scope, receive, answer)
                return
            await self._app(scope, body.capped, answer)
        except Exception as error:  # noqa: BLE001 (whatever it is, nothing of it is shown)
            # What a bug says may quote a file, so neither the log nor the page has more than its kind.
            LOGGER.error(words.PAGE_FAILED, type(error).__name__, extra=event("page_failed"))

    def _refused(self, scope: Scope) -> Response | None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        if headers.getlist("host") != [self._host]:
            return Response(words.NOT_HERE, 421, media_type="text/plain")
        if not path.startswith(self._access.base + "/"):
            # No page of this server, since its links would hold the path that nobody else may know.
            return Response(f"{words.LOCKED}. {words.HOW_TO_UNLOCK}\n", 404, media_type="text/plain")
        if method not in ("GET", "HEAD", "POST"):
            return self._refusal(405, words.NOT_POSSIBLE, words.ONLY_PAGES_AND_FORMS)
        entering = path == self._access.base + ENTRY
        # A file that the browser has opened has the origin "null".
        origins = (["null"], [self._origin]) if entering else ([self._origin],)
        if method == "POST" and headers.getlist("origin") not in origins:
            return self._refusal(403, words.NOT_FROM_HERE, words.SENT_BY_ANOTHER)
        if not entering and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return self._refusal(403, words.NOT_FROM_HERE, words.LED_BY_ANOTHER)
        if not entering and not self._access.holds(HTTPConnection(scope).cookies.get(COOKIE)):
            return self._refusal(403, words.LOCKED, words.HOW_TO_UNLOCK)
        return None

    def _most(self, scope: Scope) -> int:
        if not _has_file(scope):
            return MOST_SENT
        return MOST_UPLOADED if scope["path"].startswith(self._access.base + _BALLOTS) else MOST_TABLE


def too_much(refusal: Page, most: int) -> Response:
    """The page for whoever sends more than the `most` bytes that a form may hold."""
    size = f"{most >> 30} GB" if most >= 1 << 30 else f"{most >> 20} MB"
    return refusal(413, words.TOO_LARGE, words.at_most(size))


def no_room(refusal: Page) -> Response:
    """The page for whoever sends more than the disk has room for."""
    return refusal(
        507,
        words.NO_ROOM,
        words.disk_is_full(place()),
    )


class _Body:
    """The body of one request, up to `most` bytes."""

    def __init__(self, receive: Receive, most: int) -> None:
        self.most = most
        self._receive, self._got, self._more = receive, 0, True

    async def capped(self) -> Message:
        """The next part. Raises TooMuchError."""
        message = await self._next()
        if self._got > self.most:
            raise TooMuchError(self.most)
        return message

    def before(self, send: Send) -> Send:
        """Sends an answer when the browser has sent its form. Before that it would not look at the answer, and show
        that the connection was lost."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                while self._more and self._got < _MOST_DRAINED:
                    await self._next()
            await send(message)

        return answer

    async def _next(self) -> Message:
        message = await self._receive()
        self._got += len(message.get("body", b""))
        self._more = message["type"] == "http.request" and message.get("more_body", False)
        return message


def _with_headers(send: Send) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return told


def _has_file(scope: Scope) -> bool:
    return Headers(scope=scope).get("content-type", "").startswith("multipart/form-data")


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else MOST_TABLE + 1
