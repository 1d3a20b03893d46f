"""The page of `psiselect ui` in this process, as a browser sees it that has been let in."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient

from psiselect.ui.access import Access
from psiselect.ui.desk import Desk
from psiselect.ui.folder import Folder
from psiselect.ui.guard import ENTRY
from psiselect.ui.idle import Idle
from psiselect.ui.site import site

PORT = 8765
ORIGIN = f"http://127.0.0.1:{PORT}"


@dataclass
class Page:
    """A browser with one window. `now` is what it shows."""

    folder: Path
    idle: Idle = field(default_factory=lambda: Idle(60.0, lambda: 0.0))
    access: Access = field(default_factory=Access)

    def __post_init__(self) -> None:
        self.desk = Desk(self.access, Folder(self.folder / "ui"), self.idle)
        self.client = TestClient(
            site(self.desk, PORT), base_url=ORIGIN, follow_redirects=False, raise_server_exceptions=False
        )
        self.now = httpx.Response(200, text="")

    def enter(self, token: str | None = None, origin: str = "null") -> httpx.Response:
        """Hand over the token."""
        given = self.access.token if token is None else token
        return self.client.post(self.access.base + ENTRY, data={"token": given or ""}, headers={"Origin": origin})

    def get(self, path: str = "/", **headers: str) -> httpx.Response:
        """Go to a page."""
        self.now = self.client.get(self.access.base + path, headers=headers)
        return self._followed()

    def post(self, path: str, data: dict[str, str] | None = None, file: Any = None, **headers: str) -> httpx.Response:
        """Send a form, as this server's own page would. file: (name, content)."""
        fields = {"csrf": self.access.form_token, **(data or {})}
        files = None if file is None else file if isinstance(file, dict) else {"ballots": file}
        sent = {"Origin": ORIGIN, **headers}
        self.now = self.client.post(self.access.base + path, data=fields, files=files, headers=sent)
        return self._followed()

    def _followed(self) -> httpx.Response:
        while self.now.status_code == 303:
            self.where = self.now.headers["location"].removeprefix(self.access.base).split("#")[0]
            self.now = self.client.get(self.access.base + self.where)
        return self.now

    @property
    def text(self) -> str:
        """The words of the page, without tags."""
        body = re.sub(r"<(script|style).*?</\1>", "", self.now.text, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def let_in(folder: Path) -> Page:
    """A browser that has handed the token over."""
    page = Page(folder)
    assert page.enter().status_code == 200
    return page
