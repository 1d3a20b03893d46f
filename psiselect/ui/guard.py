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
from psiselect.ui.access import COOKIE, Access
from psiselect.ui.idle import Idle

LOGGER = SafeLogger("psiselect.ui")
ENTRY = "/enter"
MOST_UPLOADED = 256 << 20  # bytes of a form with a file; the readers of ballots take no more
MOST_SENT = 1 << 20  # bytes of any other form

# Nothing from elsewhere, and no script at all.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
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
    """More was sent than a form may hold."""


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
        most = MOST_UPLOADED if _has_file(scope) else MOST_SENT
        try:
            await self._app(scope, _capped(receive, most), send)
        except Exception as error:  # noqa: BLE001 (whatever it is, nothing of it is shown)
            # What a bug says may quote a file, so neither the log nor the page has more than its kind.
            LOGGER.error("a page failed: %s", type(error).__name__, extra=event("page_failed"))

    def _refused(self, scope: Scope) -> Response | None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        if headers.getlist("host") != [self._host]:
            return Response("This is not the address of this page.\n", 421, media_type="text/plain")
        if method not in ("GET", "HEAD", "POST"):
            return self._refusal(405, "Not possible", "Pages are read and forms are sent; nothing else is possible.")
        if not path.startswith(self._access.base + "/"):
            return self._locked(404)
        entering = path == self._access.base + ENTRY
        # A file that the browser has opened has the origin "null".
        origins = (["null"], [self._origin]) if entering else ([self._origin],)
        if method == "POST" and headers.getlist("origin") not in origins:
            return self._refusal(403, "Not sent from here", "Another site has sent this form. Nothing was done.")
        if not entering and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return self._refusal(403, "Not sent from here", "Another site has sent you here. Nothing was done.")
        if not entering and not self._access.holds(HTTPConnection(scope).cookies.get(COOKIE)):
            return self._locked(403)
        most = MOST_UPLOADED if _has_file(scope) else MOST_SENT
        return too_much(self._refusal) if _length(headers) > most else None

    def _locked(self, status: int) -> Response:
        return self._refusal(status, "This page is locked", "Start it with psiselect ui, and use the page that opens.")


def too_much(refusal: Page) -> Response:
    """The page for whoever sends more than a form may hold."""
    return refusal(
        413, "The file is too large", f"This page takes at most {MOST_UPLOADED >> 20} MB. Use the command for more."
    )


def _capped(receive: Receive, most: int) -> Receive:
    """What is received, up to `most` bytes. Raises TooMuchError."""
    got = 0

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > most:
            raise TooMuchError
        return message

    return counted


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
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else MOST_UPLOADED + 1
