"""The server: a loopback socket, the file that the browser opens, and an end after idle time."""

from __future__ import annotations

import contextlib
import html
import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from psiselect.ui import words
from psiselect.ui.access import Access
from psiselect.ui.desk import Desk
from psiselect.ui.folder import Folder
from psiselect.ui.guard import ENTRY
from psiselect.ui.idle import Idle
from psiselect.ui.site import site

HOST = "127.0.0.1"
_MOST_AT_ONCE = 32  # requests
_GRACE_SECONDS = 3


class _Server(uvicorn.Server):
    """Ends when nobody has used the page for long enough."""

    def __init__(self, config: uvicorn.Config, idle: Idle) -> None:
        super().__init__(config)
        self._idle = idle

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; True ends the server."""
        return await super().on_tick(counter) or self._idle.over()


def serve(port: int, folder: Folder, idle_seconds: float, opened: Callable[[Path, int], None]) -> bool:
    """Serve until a signal comes or nobody uses the page.

    Args:
        port: to listen on, at 127.0.0.1; 0 for any that is free.
        folder: where draws are recorded.
        idle_seconds: after so much time without a request the server ends.
        opened: called once the server listens, with the file that lets a browser in, and the port.

    Returns whether idle time has ended it. Raises UsageError when the port is taken.
    """
    with _listening(port) as sock:
        port = sock.getsockname()[1]
        access, idle = Access(), Idle(idle_seconds)
        desk = Desk(access, folder, idle)
        config = uvicorn.Config(
            site(desk, port),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_AT_ONCE,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        # Their words may quote what a request holds. What is to be known of errors, the guard says.
        for name in ("uvicorn", "python_multipart"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        server = _Server(config, idle)
        try:
            with handed_over(access, port) as key:
                opened(key, port)
                server.run(sockets=[sock])
        finally:
            desk.tasks.close()
    return idle.over()


@contextlib.contextmanager
def handed_over(access: Access, port: int) -> Iterator[Path]:
    """A file, 0600, that hands the token over when a browser opens it. The token stands in no address and no process's
    arguments. The file goes with the block."""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    with tempfile.TemporaryDirectory(prefix="psiselect-ui-", dir=folder if os.path.isdir(folder) else None) as private:
        key = Path(private) / "open.html"
        handle = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(key_page(access, port))
        yield key


def key_page(access: Access, port: int) -> str:
    """The file's content: a form that sends itself, with a button where scripts are off."""
    address = html.escape(f"http://{HOST}:{port}{access.base}{ENTRY}")
    token = html.escape(access.token or "")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        '<meta name="color-scheme" content="light dark"><title>psiselect</title>'
        f'<form method="post" action="{address}"><input type="hidden" name="token" value="{token}">'
        "<p>This opens psiselect, once.</p><button>Open psiselect</button></form>"
        "<script>document.forms[0].submit()</script></html>\n"
    )


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    try:
        sock = socket.create_server((HOST, port), backlog=_MOST_AT_ONCE)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise words.cannot_listen(port, reason) from None
    with sock:
        yield sock
