"""Chromium walks through each room as a person would. Skipped where there is no Chromium or no Playwright.

The walks through an election and a match are short in the suite. `make soak` walks through all rooms and looks at each
page: by axe, in light and dark, at three widths. Set PSISELECT_SHOTS to a folder to have pictures to look at.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browsing import WIDTHS, browser, chromium, served
from support.library import SLOW

pytest.importorskip("playwright", reason="Playwright is not installed: pip install 'psiselect[browser]'")
axe_core = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe is not installed: pip install 'psiselect[browser]'"
)
pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]

THOROUGH = [pytest.param(False, id="short"), pytest.param(True, id="thorough", marks=pytest.mark.soak)]
SHOTS = os.environ.get("PSISELECT_SHOTS")
ACME = "mail,city\n" + "".join(f"p{n}@example.com,Oslo\n" for n in range(60)) + "no address,Rome\n"
GLOBEX = "e,plan\n" + "".join(f"P{n}@Example.com,gold\n" for n in range(40, 90))
MEMBERS = "member,age,town\n" + "".join(f"m{n},{20 + n % 50},{('north', 'south')[n % 2]}\n" for n in range(300))
VOTES = "Timestamp,Whom do you approve of?\n" + "2026,Ada Lovelace\n" * 90 + "2026,Grace Hopper\n" * 3
DARK = ["color-contrast"]
WAYS = ("thorough", "no-script")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class Window:
    """One browser window that was let in, and what it has asked for."""

    def __init__(self, chrome: Any, key: Path, origin: str, *, thorough: bool = True, script: bool = True) -> None:
        self.thorough = thorough
        self.context = chrome.new_context(reduced_motion="reduce", java_script_enabled=script)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
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

    def file(self, label: str, path: Path) -> None:
        self.page.get_by_label(label, exact=True).set_input_files(path)

    def look(self, name: str) -> None:
        """What must hold for every page: accessible, in dark too, and no wider than a phone."""
        if not self.thorough:
            return
        wrong = []
        for scheme, only in (("light", {"type": "tag", "values": RULES}), ("dark", {"type": "rule", "values": DARK})):
            self.page.emulate_media(color_scheme=scheme)
            found = axe_core.Axe().run(self.page, options={"runOnly": only, "resultTypes": ["violations"]})
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
        assert wrong == []

    def ended(self) -> None:
        """Nothing came from elsewhere, and the browser had nothing to say against a page."""
        assert {url for url in self.asked if not url.startswith((self.origin, "file:"))} == set()
        assert [text for text in self.broken if "422" not in text] == []  # that is said of a form with errors
        self.context.close()


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    made = {}
    for name, text in (("acme", ACME), ("globex", GLOBEX), ("members", MEMBERS), ("votes", VOTES)):
        made[name] = tmp_path / f"{name}.csv"
        made[name].write_text(text)
    return made


@pytest.mark.parametrize("thorough", THOROUGH)
def test_an_election_in_six_clicks_and_two_fields(
    chrome: Any, tmp_path: Path, files: dict[str, Path], thorough: bool
) -> None:
    with served(tmp_path, SLOW) as (key, _, origin):
        window = Window(chrome, key, origin, thorough=thorough)
        window.look("home")
        window.click("Hold an election", "link")
        window.look("vote")
        window.page.get_by_label("Name of the election").fill("Board 2026")
        window.page.get_by_label("Candidates, one per line").fill("Ada Lovelace\nGrace Hopper")
        window.file("File with the ballots", files["votes"])
        window.click("Check the ballots")
        window.look("vote-check")
        window.click("Go on")
        window.look("vote-protection")
        window.click("Go on")
        window.look("vote-draw")
        window.click("Draw the winner now")
        assert "Ada Lovelace" in window.page.locator(".winner").inner_text()
        window.look("vote-result")
        assert window.clicks <= 6
        window.ended()


@pytest.mark.soak
def test_numbers_and_their_budget(chrome: Any, tmp_path: Path, files: dict[str, Path]) -> None:
    with served(tmp_path, SLOW) as (key, _, origin):
        window = Window(chrome, key, origin)
        page = window.page
        window.click("Publish numbers", "link")
        window.look("numbers")
        page.get_by_label("Name of the data").fill("Members 2026")
        window.file("File", files["members"])
        window.click("Look at the file")
        window.look("numbers-question")
        page.get_by_label("Count rows by category").check()
        window.click("Go on")
        window.look("numbers-details")
        window.click("See what it costs")
        assert page.get_by_role("alert").is_visible()
        window.look("numbers-details-wrong")
        page.get_by_label("Column", exact=True).select_option("town")
        page.get_by_label("Values", exact=True).fill("north\nsouth")
        window.click("See what it costs")
        window.look("numbers-release")
        window.click("Release the number now")
        assert page.locator("tbody tr").count() == 2
        window.look("numbers-answers")
        with page.expect_download() as saved:
            window.click("table (CSV)", "link")
        assert saved.value.path().read_text().startswith("town,count")
        window.click("All budgets", "link")
        assert "0.5 is left" in page.inner_text("main")
        window.look("budgets")
        window.ended()


@pytest.mark.soak
def test_the_advisor(chrome: Any, tmp_path: Path) -> None:
    with served(tmp_path, SLOW) as (key, _, origin):
        window = Window(chrome, key, origin)
        window.click("Find the right approach", "link")
        window.look("advise")
        window.click("Begin")
        window.look("advise-question")
        window.ended()


@pytest.mark.soak
def test_a_trial_with_the_keyboard_alone(chrome: Any, tmp_path: Path, files: dict[str, Path]) -> None:
    with served(tmp_path, SLOW) as (key, _, origin):
        window = Window(chrome, key, origin)
        page = window.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        window.click("Match lists with a partner", "link")
        window.click("match two files of your own", "link")
        window.look("match-try")
        window.file("First file", files["acme"])
        window.file("Second file", files["globex"])
        page.get_by_role("button", name="Look at the files").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("select#column_b")
        window.look("match-try-key")
        for place, column in (("column", "mail"), ("column_b", "e")):
            page.locator(f"#{place}").focus()
            page.keyboard.type(column)
        page.get_by_role("button", name="Check the lists").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/check")
        window.look("match-try-check")
        window.click("Match both files")
        page.wait_for_url("**/result")
        assert "20 values in common" in page.inner_text("main")
        window.look("match-try-result")
        with page.expect_download() as saved:
            window.click("Save these rows", "link")
        assert len(saved.value.path().read_text().splitlines()) == 21
        window.ended()


@pytest.mark.parametrize("way", ["short", *(pytest.param(each, marks=pytest.mark.soak) for each in WAYS)])
def test_two_windows_match_over_tls(chrome: Any, tmp_path: Path, files: dict[str, Path], way: str) -> None:
    """With and without script: then the page that shows progress loads itself again."""
    ways = {"thorough": way == "thorough", "script": way != "no-script"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    sides = (("acme", "mail"), ("globex", "e"))
    for name, _ in sides:
        (tmp_path / f"at-{name}").mkdir()
    with (
        served(tmp_path / "at-acme", SLOW) as (key, _, origin),
        served(tmp_path / "at-globex", SLOW) as (other_key, _, other_origin),
    ):
        acme = Window(chrome, key, origin, **ways)
        globex = Window(chrome, other_key, other_origin, **ways)
        certificates = {}
        for (name, column), window in zip(sides, (acme, globex), strict=True):
            window.click("Match lists with a partner", "link")
            window.look("match")
            window.file("Your list", files[name])
            window.click("Look at the list")
            window.look("match-key")
            window.page.locator("#column").select_option(column)
            window.click("Check the list")
            window.page.wait_for_url("**/check")
            window.look("match-check")
            window.click("Go on to the partner")
            window.look("match-who")
            window.page.get_by_label("Your name, as your partner sees it").fill(name)
            window.click("Go on")
            with window.page.expect_download() as saved:
                window.click("Save your certificate", "link")
            certificates[name] = tmp_path / f"{name}.crt"
            saved.value.save_as(certificates[name])
        for (name, _), window, peer in zip(sides, (acme, globex), ("globex", "acme"), strict=True):
            window.file("Your partner’s certificate", certificates[peer])
            window.click("Go on")
            window.look("match-call")
            window.page.get_by_label(re.compile("We have compared")).check()
            window.click("Go on")
            window.look("match-terms")
            if name == "acme":
                window.page.get_by_label("Only your partner").check()
            else:
                window.page.get_by_label("My machine calls").check()
                window.page.get_by_label("Address of your partner’s machine").fill("127.0.0.1")
            window.page.get_by_label("Port", exact=True).fill(port)
            window.click("Go on")
            window.look(f"match-session-{name}")
            if name == "acme":
                window.click("Wait for globex")
                window.page.get_by_text("Waiting for globex").wait_for()
                window.look("match-waiting")
                assert "Stop" in window.page.inner_text("main")
            else:
                window.click("Call acme")
        for window in (globex, acme):
            window.page.wait_for_url("**/result")
        assert "20 values in common" in globex.page.inner_text("main")
        assert "globex has the result" in acme.page.inner_text("main")
        acme.look("match-result-acme")
        globex.look("match-result-globex")
        assert max(acme.clicks, globex.clicks) <= 15
        acme.ended()
        globex.ended()
