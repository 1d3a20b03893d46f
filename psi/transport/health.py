"""Health checks over plain HTTP, for orchestrators: `GET /healthz` says 200 or 503, and how many sessions there were.
Other pages may be added.

Anybody who reaches the address may ask, so nothing private is said, and nobody can do harm: a request has a few
seconds and a few kilobytes, and when there are too many connections, the oldest is closed. One thread, in which nothing
waits.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self

from psi.transport import words
from psi.transport.address import Address
from psi.transport.listening import address_of, open_sockets
from psiselect.base import threads
from psiselect.base.errors import ResourceError
from psiselect.base.events import SafeLogger, event

LOGGER = SafeLogger("psiselect.health")

PATH = "/healthz"
_MAX_REQUEST = 8192
_MAX_CONNECTIONS = 64
_REQUEST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Health:
    """healthy: 200 or 503. facts: what is said, of plain JSON types."""

    healthy: bool
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class TextPage:
    """A page that is not JSON."""

    content_type: str
    body: bytes


Page = Health | TextPage


class HealthServer:
    """Answers at an address until it is closed; a context manager. `ask` is called in its thread and must not wait.

    address: where it listens, with the real port if 0 was asked for. pages: other paths than /healthz, with what to
    ask there. Raises TransportError when it cannot listen.
    """

    def __init__(
        self, address: Address, ask: Callable[[], Page], pages: Mapping[str, Callable[[], Page]] | None = None
    ) -> None:
        self._pages: dict[str, Callable[[], Page]] = {PATH: ask, **(pages or {})}
        self._sockets = open_sockets([address], "answer health checks")
        self.address = str(address_of(self._sockets[0]))
        self._tasks: dict[asyncio.Task[None], None] = {}  # oldest first
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_log_failure)
        self._over = asyncio.Event()
        try:
            self._thread = threads.start(self._run, name="psiselect-health")
        except ResourceError:
            for sock in self._sockets:
                sock.close()
            self._loop.close()
            raise

    def close(self) -> None:
        """Stop answering. Safe to call twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(_REQUEST_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # From here on, everything runs in its own thread.

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            for sock in self._sockets:
                sock.close()
            self._loop.close()

    async def _serve(self) -> None:
        servers = [
            await asyncio.start_server(self._answer_one, sock=sock, limit=_MAX_REQUEST) for sock in self._sockets
        ]
        await self._over.wait()
        for server in servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served by a task")
        if len(self._tasks) >= _MAX_CONNECTIONS:
            oldest = next(iter(self._tasks))
            del self._tasks[oldest]
            oldest.cancel()
        self._tasks[task] = None
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.pop(task, None)
            writer.close()

    def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, {"error": words.ONLY_GET}, b"GET")
        ask = self._pages.get(target.decode("latin-1"))
        if ask is None:
            return _response(HTTPStatus.NOT_FOUND, {"error": f"only {', '.join(self._pages)}"}, method)
        try:
            page = ask()
        except Exception:
            LOGGER.exception(words.HEALTH_BUG, extra=event("bug"))
            page = Health(False, {"status": "unknown"})
        if isinstance(page, TextPage):
            return _message(HTTPStatus.OK, page, method)
        return _response(HTTPStatus.OK if page.healthy else HTTPStatus.SERVICE_UNAVAILABLE, page.facts, method)


def _response(status: HTTPStatus, facts: Mapping[str, object], method: bytes) -> bytes:
    return _message(status, TextPage("application/json", json.dumps(facts).encode() + b"\n"), method)


def _message(status: HTTPStatus, page: TextPage, method: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {page.content_type}\r\n"
        f"Content-Length: {len(page.body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode()
    return head if method == b"HEAD" else head + page.body


def _log_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """Such as no file descriptors left. Without the exception's own text: the message says what asyncio was doing."""
    LOGGER.warning(words.HEALTH, context.get("message"), extra=event("health", reason=context.get("message")))
