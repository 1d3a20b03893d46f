"""A page of `psiselect ui` in this process, and Chromium to walk through it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from psiselect.ui.access import Access
from psiselect.ui.desk import Desk
from psiselect.ui.folder import Folder
from psiselect.ui.idle import Idle
from psiselect.ui.server import key_page
from psiselect.ui.site import site

WIDTHS = (360, 1280, 1920)


def chromium() -> str | None:
    """The browser, None where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextlib.contextmanager
def served(folder: Path, means: dict[str, Any]) -> Iterator[tuple[Path, Desk, str]]:
    """A page at a port of its own: the file that lets a browser in, the desk, and the page's origin."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        desk = Desk(Access(), Folder(folder / "ui"), Idle(600), means=means)
        server = uvicorn.Server(uvicorn.Config(site(desk, port), http="h11", lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="served-page")
        thread.start()
        try:
            key = folder / "open.html"
            key.write_text(key_page(desk.access, port))
            yield key, desk, f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()
            desk.tasks.close()


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"] * (os.geteuid() == 0))
        try:
            yield found
        finally:
            found.close()
