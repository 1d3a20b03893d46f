"""The advisor's report in Chromium: five examples, on a screen of 1200 px, a telephone and A4, looked at by axe.

Set PSISELECT_SHOTS to a folder to have pictures to look at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.browsing import browser, chromium

from cli.main import root

axe_core = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe is not installed: pip install 'psiselect[browser]'"
)
pytestmark = [pytest.mark.soak, pytest.mark.skipif(chromium() is None, reason="there is no Chromium")]

EXAMPLES = ("A01", "A04", "A07", "A09", "A11")
SHOTS = os.environ.get("PSISELECT_SHOTS")
WCAG = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
A4 = {"width": 794, "height": 1123}  # at 96 dpi
SIZES = {"screen": {"width": 1200, "height": 900}, "telephone": {"width": 360, "height": 740}, "paper": A4}
# What stands out of the page, or out of the box that holds it, unless that box scrolls.
OVERFLOWS = """() => {
  const wide = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > wide) found.push('the page is ' + document.documentElement.scrollWidth);
  for (const each of document.body.querySelectorAll('*')) {
    const box = each.getBoundingClientRect();
    if (box.width === 0 || each.closest('svg') && each.tagName !== 'svg') continue;
    let scrolls = false;
    for (let up = each.parentElement; up; up = up.parentElement)
      scrolls ||= ['auto', 'scroll'].includes(getComputedStyle(up).overflowX);
    if (!scrolls && (box.right > wide + 1 || box.left < -1)) found.push(each.tagName + ' ' + Math.round(box.right));
    if (['TD', 'TH', 'P', 'H1', 'H2', 'H3', 'PRE', 'DD', 'DT', 'LI'].includes(each.tagName) && !scrolls
        && each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).overflowX === 'visible')
      found.push(each.tagName + ' holds ' + each.scrollWidth + ' in ' + each.clientWidth);
  }
  for (const each of document.querySelectorAll('svg text')) {
    const box = each.getBoundingClientRect(), chart = each.closest('svg').getBoundingClientRect();
    if (box.width && (box.right > chart.right + 1 || box.left < chart.left - 1 || box.top < chart.top - 1
        || box.bottom > chart.bottom + 1))
      found.push('text of a chart: ' + each.textContent);
    for (const other of each.closest('svg').querySelectorAll('text')) {
      const its = other.getBoundingClientRect();
      if (each !== other && box.width && its.width && box.left + 1 < its.right && its.left + 1 < box.right
          && box.top + 2 < its.bottom && its.top + 2 < box.bottom)
        found.push('texts of a chart: ' + each.textContent + ' on ' + other.textContent);
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module", params=EXAMPLES)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / f"{request.param}.html"
    done = CliRunner().invoke(root, ["advise", "--example", request.param, "--report", str(file)])
    assert done.exception is None or done.exit_code in (0, 10, 11), done.output
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_axe_finds_nothing(chrome: Any, report: Path, size: str, scheme: str) -> None:
    page = chrome.new_page(viewport=SIZES[size], color_scheme=scheme)
    try:
        if size == "paper":
            page.emulate_media(media="print", color_scheme=scheme)
        page.goto(report.as_uri())
        if SHOTS:
            page.screenshot(path=str(Path(SHOTS) / f"{report.stem}-{size}-{scheme}.png"), full_page=True)
        assert page.evaluate(OVERFLOWS) == []
        found = axe_core.Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]})
        assert [each["id"] for each in found.response["violations"]] == []
    finally:
        page.close()


def test_it_prints_on_few_pages(chrome: Any, report: Path) -> None:
    page = chrome.new_page()
    try:
        page.goto(report.as_uri())
        printed = page.pdf(format="A4", path=str(Path(SHOTS) / f"{report.stem}.pdf") if SHOTS else None)
        assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) <= 2
    finally:
        page.close()
