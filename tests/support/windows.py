"""A browser window on the page of `psiselect ui`, used as a person would, and what must hold for every page in it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from support.browsing import WIDTHS

SHOTS = os.environ.get("PSISELECT_SHOTS")
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  const drop = new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
  document.querySelector("h1").dispatchEvent(drop);
}"""
NARROWEST = 320  # WCAG 1.4.10: a window of 1280 at a zoom of 400 percent
UNFOLDED = """() => {
  const folded = [...document.querySelectorAll("details:not([open])")];
  for (const each of folded) each.open = true;
  const over = document.documentElement.scrollWidth - window.innerWidth;
  for (const each of folded) each.open = false;
  return over;
}"""
DARK = ["color-contrast"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Window:
    """One browser window that was let in, and what it has asked for.

    clicks: of a person with a mouse: a link, a button, a box, a file that is chosen each are one, and a choice from a
    list that opens is two. Words are typed without a click.
    """

    def __init__(self, chrome: Any, key: Path, origin: str, *, thorough: bool = True, script: bool = True) -> None:
        self.thorough = thorough
        self.context = chrome.new_context(reduced_motion="reduce", java_script_enabled=script)
        self.page = self.context.new_page()
        self.page.set_default_timeout(90_000)
        self.asked: set[str] = set()
        self.clicks = 0
        self.origin = origin
        self.broken: list[str] = []
        self.page.on("request", lambda request: self.asked.add(request.url))
        self.page.on("console", lambda message: self.broken.append(message.text))
        self.page.goto(key.as_uri())
        if not script:
            self.page.get_by_role("button", name="Open psiselect").click()
        self.page.wait_for_selector("h1")

    def click(self, name: str, role: str = "button") -> None:
        self.clicks += 1
        self.page.get_by_role(role, name=name).first.click()
        self.page.wait_for_selector("h1")

    def check(self, label: str | re.Pattern[str]) -> None:
        self.clicks += 1
        self.page.get_by_label(label).check()

    def select(self, label: str, value: str) -> None:
        self.clicks += 2
        self.page.get_by_label(label, exact=True).select_option(value)

    def file(self, label: str, path: Path) -> None:
        self.clicks += 1
        self.page.get_by_label(label, exact=True).set_input_files(path)

    def drop(self, path: Path) -> None:
        """Drag a file onto the page, beside its field."""
        self.clicks += 1
        self.page.evaluate(DROP, [path.name, path.read_text()])

    def save(self, name: str, path: Path, role: str = "button") -> Path:
        with self.page.expect_download() as saved:
            self.click(name, role)
        saved.value.save_as(path)
        return path

    def look(self, name: str) -> None:
        """What must hold for every page: accessible, in dark too, and no wider than a phone."""
        if not self.thorough:
            return
        from axe_playwright_python.sync_playwright import Axe

        wrong = []
        for scheme, only in (("light", {"type": "tag", "values": RULES}), ("dark", {"type": "rule", "values": DARK})):
            self.page.emulate_media(color_scheme=scheme)
            found = Axe().run(self.page, options={"runOnly": only, "resultTypes": ["violations"]})
            wrong += [(name, scheme, each["id"], [n["html"][:120] for n in each["nodes"]][:3])
                      for each in found.response["violations"]]  # fmt: skip
        self.page.emulate_media(color_scheme="light")
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 800})
            over = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if over > 0:
                wrong.append((name, width, "wider than the window", [str(over)]))
            if SHOTS:
                self.page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
        self.page.set_viewport_size({"width": NARROWEST, "height": 800})
        if (over := self.page.evaluate(UNFOLDED)) > 0:
            wrong.append((name, NARROWEST, "unfolded, wider than the window", [str(over)]))
        assert wrong == []

    def ended(self) -> None:
        """Nothing came from elsewhere, and the browser had nothing to say against a page."""
        assert {url for url in self.asked if not url.startswith((self.origin, "file:"))} == set()
        assert [text for text in self.broken if "422" not in text] == []  # that is said of a form with errors
        self.context.close()
