"""Chromium walks through each room as a person would. Skipped where there is no Chromium or no Playwright.

The walks through an election and a match are short in the suite. `make soak` walks through all rooms and looks at each
page: by axe, in light and dark, at three widths. Set PSISELECT_SHOTS to a folder to have pictures to look at.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browsing import browser, chromium, served
from support.library import SLOW
from support.windows import Window

pytest.importorskip("playwright", reason="Playwright is not installed: pip install 'psiselect[browser]'")
pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe is not installed: pip install 'psiselect[browser]'"
)
pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]

THOROUGH = [pytest.param(False, id="short"), pytest.param(True, id="thorough", marks=pytest.mark.soak)]
ACME = "mail,city\n" + "".join(f"p{n}@example.com,Oslo\n" for n in range(60)) + "no address,Rome\n"
GLOBEX = "e,plan\n" + "".join(f"P{n}@Example.com,gold\n" for n in range(40, 90))
MEMBERS = "member,age,town\n" + "".join(f"m{n},{20 + n % 50},{('north', 'south')[n % 2]}\n" for n in range(300))
VOTES = "Timestamp,Whom do you approve of?\n" + "2026,Ada Lovelace\n" * 90 + "2026,Grace Hopper\n" * 3
WAYS = ("thorough", "no-script")


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
        slider(window)
        window.click("Go on")
        window.look("vote-draw")
        window.click("Draw the winner now")
        assert "Ada Lovelace" in window.page.locator(".winner").inner_text()
        window.look("vote-result")
        assert window.clicks <= 6
        window.ended()


def slider(window: Window) -> None:
    """It is moved by keys, and says in words what it means; the chart follows."""
    page = window.page
    page.wait_for_load_state()  # what follows the keys is loaded last
    page.locator("#epsilon").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Epsilon 1.1: one person’s ballot").wait_for()
    page.keyboard.press("ArrowLeft")
    page.get_by_text("Epsilon 1: one person’s ballot").wait_for()
    if not window.thorough:
        return
    clicks = window.clicks  # to look is not needed
    page.get_by_label("Lead of the winner that you expect").fill("20")
    page.get_by_label("People who may vote").fill("120")
    window.click("Show what to expect")
    before = page.get_attribute("#curve-mark", "x1")
    page.locator("#epsilon").focus()
    page.keyboard.press("ArrowRight")
    assert "The right result comes out at least 99 times in 100" in page.inner_text("#epsilon-now")
    assert page.get_attribute("#curve-mark", "x1") != before
    page.keyboard.press("ArrowLeft")
    window.look("vote-expected")
    window.clicks = clicks


@pytest.mark.parametrize("thorough", THOROUGH)
def test_numbers_and_their_budget(chrome: Any, tmp_path: Path, files: dict[str, Path], thorough: bool) -> None:
    with served(tmp_path, SLOW) as (key, _, origin):
        window = Window(chrome, key, origin, thorough=thorough)
        window.page.set_viewport_size({"width": 1920, "height": 1080})
        page = window.page
        window.click("Publish numbers", "link")
        window.look("numbers")
        page.get_by_label("Name of the data").fill("Members 2026")
        window.file("File", files["members"])
        window.click("Look at the file")
        window.look("numbers-question")
        window.check("Count rows by category")
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


@pytest.mark.parametrize("thorough", THOROUGH)
def test_the_advisor(chrome: Any, tmp_path: Path, thorough: bool) -> None:
    """What follows is shown as answers are chosen; nobody presses a button for it."""
    with served(tmp_path, SLOW) as (key, _, origin):
        window = Window(chrome, key, origin, thorough=thorough)
        follows = window.page.locator("#follows")
        window.click("Find the right approach", "link")
        window.look("advise")
        window.click("Begin")
        window.page.set_viewport_size({"width": 360, "height": 800})
        assert not follows.is_visible()
        window.page.locator("input[value=intersection]").check()
        follows.wait_for()
        assert "may still be one of these" in follows.inner_text()
        assert follows.locator("li").count() == 4
        window.look("advise-question")
        window.click("Go on")
        follows.wait_for()
        assert follows.locator("li").count() == 4
        assert not window.page.get_by_role("button", name="What follows so far?").is_visible()
        window.page.get_by_label(re.compile("How many")).fill("2")
        window.click("Go on")
        window.page.get_by_text("The approach is decided").wait_for()
        window.look("advise-decided")
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
        page.wait_for_url("**/check")
        window.click("choose another column", "link")
        window.look("match-try-key")
        page.get_by_text("Match by further columns too").focus()
        page.keyboard.press("Enter")
        for place, column in (("column", "mail"), ("column_b", "e"), ("column_2", "city"), ("column_b_2", "plan")):
            page.locator(f"#{place}").focus()
            page.keyboard.type(column)
        window.look("match-try-columns")
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


@contextlib.contextmanager
def two_windows(chrome: Any, tmp_path: Path, **ways: bool) -> Iterator[tuple[Window, Window]]:
    """Acme and Globex, each with a page of its own."""
    for name in ("acme", "globex"):
        (tmp_path / f"at-{name}").mkdir()
    with (
        served(tmp_path / "at-acme", SLOW) as (key, _, origin),
        served(tmp_path / "at-globex", SLOW) as (other_key, _, other_origin),
    ):
        acme, globex = Window(chrome, key, origin, **ways), Window(chrome, other_key, other_origin, **ways)
        yield acme, globex
        acme.ended()
        globex.ended()


def met(acme: Window, globex: Window, tmp_path: Path, files: dict[str, Path], script: bool = True) -> None:
    """Both have chosen their list, and the partner's certificate. Where scripts run, a page goes on when its file is
    chosen."""
    certificates = {}
    for name, window in (("acme", acme), ("globex", globex)):
        window.click("Match lists with a partner", "link")
        window.look("match")
        window.page.wait_for_load_state()  # the script that sends the file on is loaded last
        if script and window is acme:
            window.drop(files[name])
        else:
            window.file("Your list", files[name])
        if not script:
            window.click("Look at the list")
        window.page.wait_for_url("**/check")
        window.look("match-check")
        window.click("Go on to the partner")
        window.look("match-partner")
        window.page.get_by_label("Your name, as your partner sees it").fill(name)
        certificates[name] = window.save("Save your certificate", tmp_path / f"{name}.crt")
    for window, peer in ((acme, "globex"), (globex, "acme")):
        window.page.wait_for_load_state()
        window.file("Your partner’s certificate", certificates[peer])
        if not script:
            window.click("Go on")
        window.page.wait_for_url("**/session")
        window.look("match-session")
        window.check(re.compile("We have compared"))


@pytest.mark.parametrize("way", ["short", *(pytest.param(each, marks=pytest.mark.soak) for each in WAYS)])
def test_two_windows_match_over_tls(chrome: Any, tmp_path: Path, files: dict[str, Path], way: str) -> None:
    """From the first page to the result in at most 15 clicks of both persons together. It is possible without script
    too; then each page with a file has a button more, and the page that shows progress loads itself again."""
    script = way != "no-script"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with two_windows(chrome, tmp_path, thorough=way == "thorough", script=script) as (acme, globex):
        met(acme, globex, tmp_path, files, script)
        for window in (acme, globex):
            assert window.page.get_by_label("The one who calls").is_checked()  # who learns is plain before the call
            window.page.get_by_label("Port", exact=True).fill(port)
        acme.click("Wait for globex")
        acme.page.get_by_text("Waiting for globex").wait_for()
        acme.look("match-waiting")
        assert "Stop" in acme.page.inner_text("main")
        globex.page.get_by_label("Address of your partner’s machine").fill("127.0.0.1")
        globex.click("Call acme")
        for window in (globex, acme):
            window.page.wait_for_url("**/result")
        assert "20 values in common" in globex.page.inner_text("main")
        assert "globex has the result" in acme.page.inner_text("main")
        acme.look("match-result-acme")
        globex.look("match-result-globex")
        assert acme.clicks + globex.clicks <= (15 if script else 19)


@pytest.mark.soak
def test_two_windows_match_by_files(chrome: Any, tmp_path: Path, files: dict[str, Path]) -> None:
    """And the record of it is checked."""
    with two_windows(chrome, tmp_path) as (acme, globex):
        met(acme, globex, tmp_path, files)
        for window in (acme, globex):
            window.page.get_by_text("No machine can call the other?").click()
            window.page.get_by_text("Further agreements").click()
            window.page.get_by_text("The same in a terminal").click()
        globex.look("match-session-open")
        globex.click("Make an offer")
        globex.page.wait_for_url("**/result")
        globex.look("match-offer")
        offer = globex.save("Save the file", tmp_path / "offer.psi", "link")
        acme.click("Answer this offer")
        assert acme.page.get_by_role("alert").is_visible()
        acme.look("match-session-wrong")
        acme.check(re.compile("We have compared"))
        acme.file("Your partner’s offer", offer)
        acme.click("Answer this offer")
        acme.page.wait_for_url("**/result")
        acme.look("match-answer")
        answer = acme.save("Save the file", tmp_path / "answer.psi", "link")
        globex.click("Match", "link")
        globex.look("match-waiting-exchange")
        globex.click("Offer to acme", "link")
        globex.file("Your partner’s answer", answer)
        globex.file("Your list", files["globex"])
        globex.look("match-finish")
        globex.click("Read the answer")
        globex.page.wait_for_url("**/result")
        assert "20 values in common" in globex.page.inner_text("main")
        record = globex.save("Save the record", tmp_path / "record.json", "link")
        globex.click("checks such records", "link")
        globex.look("record")
        globex.file("Record", record)
        globex.click("Check the record")
        assert "Both signatures are right" in globex.page.inner_text("main")
        globex.look("record-checked")
        record.write_bytes(record.read_bytes()[:-9])
        globex.click("Check another record", "link")
        globex.file("Record", record)
        globex.click("Check the record")
        assert "This record is not complete" in globex.page.inner_text("main")
        globex.look("record-wrong")
