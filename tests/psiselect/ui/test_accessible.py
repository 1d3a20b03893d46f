"""What can be said of the pages' accessibility without a browser: names, labels, headings, and contrast.

`test_browser.py` has axe look at each page, where there is a browser.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.library import SLOW
from support.paged import Page, let_in
from support.paged_match import done, given, task_of

from psiselect.ui.desk import HERE

STYLE = (HERE / "static" / "style.css").read_text()
TABLE = b"member,age,town\n" + b"m1,20,north\n" * 40
WITH_FORMS = ("/vote", "/match", "/match/try", "/numbers", "/budgets", "/budgets/record")
VOID = {"input", "br", "meta", "link", "img", "rect", "hr", "line", "polyline", "path"}


class Seen(HTMLParser):
    """What a page is made of. faults: what somebody who does not see it would miss."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.lang, self.headings, self.title = "", list[int](), ""
        self.fields: list[dict[str, str | None]] = []
        self.labels, self.ids = set[str](), list[str]()
        self.described: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.lang = found.get("lang") or self.lang if tag == "html" else self.lang
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("input", "select", "textarea") and found.get("type") != "hidden":
            self.fields.append(found)
        if tag == "label":
            self.labels.add(found.get("for") or "")
        if "id" in found:
            self.ids.append(found["id"] or "")
        for name in ("aria-describedby", "aria-labelledby"):
            self.described |= set((found.get(name) or "").split())

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.open.remove(tag)

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["title"]:
            self.title += data

    @property
    def faults(self) -> list[str]:
        """In words."""
        wrong = [f"no label: {each.get('id')}" for each in self.fields
                 if each.get("id") not in self.labels and not each.get("aria-label")]  # fmt: skip
        wrong += [f"twice: {each}" for each in set(self.ids) if self.ids.count(each) > 1]
        wrong += [f"describes nothing: {each}" for each in self.described - set(self.ids)]
        wrong += [] if self.headings.count(1) == 1 else ["one h1"]
        wrong += [f"h{b} after h{a}" for a, b in zip(self.headings, self.headings[1:], strict=False) if b > a + 1]
        wrong += [] if self.lang == "en" and self.title.strip() else ["language or title"]
        return wrong


@pytest.fixture
def page(tmp_path: Path) -> Page:
    found = let_in(tmp_path)
    found.desk.means = SLOW
    return found


def sound(page: Page) -> None:
    assert Seen(page.now.text).faults == [], page.now.url


@pytest.mark.parametrize(
    "path", ["/", "/vote", "/match", "/match/try", "/numbers", "/budgets", "/budgets/record", "/advise", "/nothing"]
)
def test_first_pages(page: Page, path: str) -> None:
    page.get(path)
    sound(page)
    if path in WITH_FORMS:
        page.post(path)
        assert page.now.status_code == 422
        assert Seen(page.now.text).title.startswith("Error: ")
        sound(page)


@pytest.mark.parametrize("room", ["vote", "match", "numbers", "budgets", "advise"])
def test_each_page_says_which_room_it_is_in(page: Page, room: str) -> None:
    page.get(f"/{room}")
    assert re.findall(r'/([a-z]+)" aria-current="true"', page.now.text) == [room]
    assert ("No file leaves it" in page.text) == (room != "match")
    page.get("/")
    assert 'aria-current="' not in page.now.text


@pytest.mark.parametrize("statistic", ["count", "sum", "mean", "quantile", "histogram", "table", "threshold"])
def test_numbers(page: Page, statistic: str) -> None:
    page.post("/numbers", {"name": "Members"}, file={"file": ("members.csv", TABLE)})
    where = page.where
    sound(page)
    page.post(where, {"statistic": statistic})
    sound(page)
    page.post(f"{where}/details", {"statistic": statistic})
    assert page.now.status_code == 422
    sound(page)
    page.post(f"{where}/details", {"column": "age" if statistic != "histogram" else "town", "by": "town",
              "groups": "north", "categories": "north", "lower": "0", "upper": "99", "at_least": "3", "limit": "1",
              "epsilon": "0.5", "q": "0.5", "contributions": "1", "neighbors": "add-remove"})  # fmt: skip
    assert page.where == f"{where}/release"
    sound(page)
    page.post(page.where)
    sound(page)
    page.get("/budgets")
    assert "Members" in page.text
    sound(page)


def test_a_match(page: Page) -> None:
    where = given(page, b"mail,b\nann@example.com,1\nx,2\ny,3\n")  # no column fits by itself
    sound(page)
    page.post(where, {})
    assert page.now.status_code == 422
    sound(page)
    page.post(where, {"column": "mail", "rule": "email", "column_2": "b", "rule_2": "text"})
    done(page, where)
    assert "Second column" in page.text
    sound(page)
    for fields in ({"do": "save", "name": "a b"}, {"do": "go", "name": "acme"}):
        page.post(f"{where}/partner", fields)
        assert page.now.status_code == 422
        sound(page)
    task_of(page, where).peer = task_of(page, where).identity.public  # type: ignore[union-attr]
    page.get(f"{where}/session")
    sound(page)
    page.post(f"{where}/session", {"do": "call"})
    assert page.now.status_code == 422
    sound(page)


def test_an_election(page: Page) -> None:
    ballots = b"Votes\n" + b"Ann\n" * 20
    page.post("/vote", {"name": "Board", "candidates": "Ann\nBob"}, file=("a.csv", ballots))
    where = page.where
    sound(page)
    page.post(where, {"column": "Votes"})
    sound(page)
    fields = {"epsilon": "1", "neighbors": "add-remove", "seats": "1", "lead": "20", "entitled": "30"}
    page.post(f"{where}/protection", {**fields, "do": "look"})
    assert 'role="img" aria-labelledby="curve-title curve-words"' in page.now.text
    sound(page)
    page.post(f"{where}/protection", {**fields, "lead": "x"})
    assert page.now.status_code == 422
    sound(page)
    page.post(f"{where}/protection", {**fields, "do": "go"})
    sound(page)
    page.post(page.where)
    sound(page)


def colours(scheme: str) -> dict[str, str]:
    blocks = re.findall(r":root \{([^}]*)\}", STYLE)
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", blocks[0]))
    return found | (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", blocks[1])) if scheme == "dark" else {})


def contrast(one: str, other: str) -> float:
    """WCAG 2: (lighter + 0.05) / (darker + 0.05)."""

    def light(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(scheme: str) -> None:
    of = colours(scheme)
    assert contrast("#000", "#fff") == pytest.approx(21)
    for ink in ("ink", "soft", "accent"):
        for ground in ("page", "tint"):
            assert contrast(of[ink], of[ground]) >= 7, (scheme, ink, ground)
    for ink, ground in (("on-accent", "accent"), ("bad", "bad-tint"), ("bad", "page"), ("good", "good-tint"),
                        ("ink", "bad-tint"), ("ink", "good-tint"), ("accent", "bad-tint")):  # fmt: skip
        assert contrast(of[ink], of[ground]) >= 4.5, (scheme, ink, ground)
    assert contrast(of["edge"], of["page"]) >= 3


def test_the_style_is_safe_for_every_direction_and_habit() -> None:
    """Logical properties only, so that writing from right to left mirrors the page; motion only for who wants it."""
    rules = re.sub(r"/\*.*?\*/", "", STYLE, flags=re.DOTALL)
    assert re.findall(r"(?:margin|padding|border|inset)-(?:left|right)|[;{ ](?:left|right|float):", rules) == []
    assert re.findall(r"text-align: (?:left|right)", rules) == []
    assert "color-scheme: light dark" in rules
    assert "forced-colors" in rules
    outside = re.sub(r"@media \(prefers-reduced-motion: no-preference\) \{.*?\} \}", "", rules)
    assert not re.search(r"transition|animation", outside)


@pytest.mark.parametrize("template", sorted((HERE / "templates").glob("*.html")), ids=lambda path: path.name)
def test_nothing_is_said_by_colour_alone(template: Path) -> None:
    """A box for what is wrong or right has a heading in words, and no template has a colour of its own."""
    text = template.read_text()
    for box in re.findall(r'<div class="(?:problems|good)"[^>]*>\s*(.{1,40})', text):
        assert box.startswith(("<h2>", "<h3>")), template.name
    assert not re.search(r"style=|color=|fill=\"", text)
