"""`vote winner --announce`: a page for voters, written after the draw is on record, and never over another file."""

from __future__ import annotations

import html.parser
import json
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import main
from cli.vote import announce
from psiselect.base.errors import OutputError
from psiselect.elections import draws
from psiselect.elections import winner as vote_winner

Run = Callable[..., tuple[int, str, str]]
OPTIONS = ("--epsilon", "1", "--neighbors", "add-remove")
# A link, markup of HTML and of Markdown, and a name that is read from right to left.
NAME = '<a href="x">&*_`[Ada](x)` www.x.example אדה'


class Page(html.parser.HTMLParser):
    """Checks nesting, and keeps texts and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.setdefault([tag for tag in self.open if tag != "bdi"][-1], []).append(data)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `psiselect vote winner ...` in this process, beside the ballots: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    names = '"' + NAME.replace('"', '""') + '"'
    Path("b.csv").write_text(f"{names},Bo\n" + "1,0\n" * 99)
    Path("v.csv").write_text("voter_id,Ada,Bo\n" + "".join(f"{number},1,0\n" for number in range(99)))
    monkeypatch.setattr(draws, "_now", lambda: "2026-11-28 10:00 UTC")

    def call(*arguments: object, options: tuple[str, ...] = OPTIONS) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["psiselect", "vote", "winner", *map(str, arguments), *options])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return call


def test_the_page_is_plain_html_with_everything_escaped(run: Run) -> None:
    code, _, err = run("b.csv", "--announce", "r.html", "--question", "<script>alert(1)</script> & who?")
    assert code == 0
    assert err.endswith("the announcement is in 'r.html'\n")
    text = Path("r.html").read_text()
    page = Page(text)
    assert text.startswith("<!doctype html>\n")
    assert ("html", {"lang": "en"}) in page.tags
    assert page.texts["title"] == page.texts["h1"] == ["<script>alert(1)</script> & who?"]
    assert page.texts["dt"] == ["Winner", "Date of the draw", "Seats"]
    assert page.texts["dd"] == [NAME, "2026-11-28 10:00 UTC", "1"]
    assert page.texts["h2"] == ["What voters are promised", "How the winner was computed", "How to check"]
    assert not {tag for tag, _ in page.tags} & {"script", "a", "link", "img", "iframe", "b"}
    assert not re.search(r"https?:|url\(|@import", text)
    labels = [found["aria-labelledby"] for tag, found in page.tags if tag == "section"]
    assert labels == [found["id"] for tag, found in page.tags if tag == "h2"]
    assert "@media print" in text


def contrast(one: str, other: str) -> float:
    """Of two colours such as #fff: WCAG 2.2, "contrast ratio"."""

    def luminance(colour: str) -> float:
        digits = colour.removeprefix("#")
        digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(factor * part for factor, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_colours_have_contrast(run: Run) -> None:
    run("b.csv", "--announce", "r.html")
    style = Path("r.html").read_text().split("<style>")[1].split("</style>")[0]
    (background,) = re.findall(r"background: (#\w+)", style)
    colours = re.findall(r"[ ;{] ?color: (#\w+)", style)
    assert len(colours) == 2
    assert all(contrast(colour, background) >= 7 for colour in colours)


def test_the_page_says_what_is_asked_for_and_nothing_of_the_tally(run: Run) -> None:
    assert run("v.csv", "--announce", "r.md", "--question", "Who *leads*?")[0] == 0
    text = Path("r.md").read_text()
    assert text.splitlines()[2] == r"# Who \*leads\*?"
    assert "- Winner: **Ada**\n- Date of the draw: 2026-11-28 10:00 UTC\n- Seats: 1\n" in text
    assert (
        "Whether one person votes or stays away changes the chance of this result by a factor of at most 2.72. "
        "Nobody can tell from the result how, or whether, you voted." in text
    )
    assert re.search(r"^Software: psiselect \d+\.\d+", text, re.MULTILINE)
    assert "The draw is on record." in text
    assert "epsilon 1, add-remove" in text
    assert "docs/elections.md" in text
    assert not re.search(r"99|98|Bo\b|v\.csv", text)


def test_a_committee_and_replace(run: Run) -> None:
    Path("c.csv").write_text("Ada,Bo,Cy\n" + "1,0,1\n" * 99)
    options = ("--epsilon", "1", "--neighbors", "replace", "--seats", "2")
    assert run("c.csv", "--announce", "r.md", options=options)[0] == 0
    text = Path("r.md").read_text()
    assert "- Elected, in alphabetical order: **Ada, Cy**" in text
    assert "- Seats: 2" in text
    assert "What one ballot says changes the chance of this result" in text
    assert "whether" not in text
    assert "The counts are not published" in text


def test_markdown_shows_a_name_as_it_is(run: Run) -> None:
    assert run("b.csv", "--announce", "r.md")[0] == 0
    markdown = pytest.importorskip("markdown_it")
    shown = Page(markdown.MarkdownIt("commonmark").render(Path("r.md").read_text()))
    assert "".join(shown.texts["strong"]) == NAME
    assert not {tag for tag, _ in shown.tags} & {"a", "em", "code"}


def test_the_file_is_written_after_the_draw_is_on_record(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[int] = []
    real = announce.atomic.write_bytes

    def write(target: Path, content: bytes) -> None:
        lines.append(len(Path("b.csv.draw").read_text().splitlines()))
        real(target, content)

    monkeypatch.setattr(announce.atomic, "write_bytes", write)
    before = os.umask(0o027)
    try:
        assert run("b.csv", "--announce", "r.html")[0] == 0
    finally:
        os.umask(before)
    assert lines == [3]
    assert stat.S_IMODE(os.stat("r.html").st_mode) == 0o640
    assert {path.name for path in Path().iterdir()} == {"b.csv", "v.csv", "b.csv.draw", "r.html"}


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (("--announce", "r.pdf"), 2, "ends in .html or .md"),
        (("--announce", "mine.md"), 3, "mine.md: this file exists already, so the program does not replace it"),
        (
            ("--announce", "mine.md", "--again"),
            3,
            "mine.md: this file is not an announcement, so the program does not replace it",
        ),
        (("--announce", "none/r.md"), 3, "cannot write 'none/r.md'"),
        (("--question", "Who?"), 2, "--announce"),
        (("--announce", "r.md", "--question", " "), 2, "one line"),
        (("--announce", "r.md", "--question", "a\nb"), 2, "one line"),
        (("--announce", "r.md", "--question", "a\u202eb"), 2, "one line"),
        (("--announce", "r.md", "--question", "a" * 1001), 2, "1,000"),
    ],
)
def test_what_cannot_be_announced_is_said_before_the_draw(
    run: Run, more: tuple[str, ...], code: int, message: str
) -> None:
    Path("mine.md").write_text("mine")
    found, out, err = run("b.csv", *more)
    assert (found, out) == (code, "")
    assert message in err
    assert not Path("b.csv.draw").exists()
    assert Path("mine.md").read_text() == "mine"
    assert not Path("r.md").exists()


def test_a_second_call_announces_the_draw_on_record(run: Run) -> None:
    assert run("v.csv", "--announce", "r.md")[0] == 0
    first = Path("r.md").read_bytes()
    record = Path("v.csv.draw").read_bytes()
    # Whatever is asked for, and whatever the file now holds.
    Path("v.csv").write_text("Cy,Dee\n1,0\n")
    options = ("--epsilon", "5", "--neighbors", "replace", "--seats", "2")
    code, out, err = run("v.csv", "--announce", "again.md", options=options)
    assert (code, out) == (6, "")
    assert (
        "Ada. This is the result. This time nothing was drawn. The announcement of this result is in 'again.md'. "
        in err
    )
    assert Path("again.md").read_bytes() == first
    code, _, err = run("v.csv", "--announce", "again.md", "--question", "Who?")
    assert code == 6
    assert "again.md: this file exists already, so the program does not replace it" in err
    assert Path("again.md").read_bytes() == first
    assert Path("v.csv.draw").read_bytes() == record


def test_a_draw_without_a_result_on_record_is_not_announced(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object) -> tuple[str, ...]:
        raise KeyboardInterrupt

    with monkeypatch.context() as inner:
        inner.setattr(vote_winner, "elect", dies)
        assert run("b.csv", "--announce", "r.md")[0] == 130
    code, _, err = run("b.csv", "--announce", "r.md")
    assert code == 6
    assert "announcement" not in err
    assert not Path("r.md").exists()


def test_again_replaces_an_announcement_and_names_all_draws(run: Run) -> None:
    assert run("v.csv", "--announce", "r.md")[0] == 0
    assert run("v.csv", "--announce", "r.md", "--again")[0] == 0
    text = Path("r.md").read_text()
    assert "The organisers drew from these ballots 2 times." in text
    assert "stays away changes the chance of these results by a factor of at most 7.39. The result" in text
    # With both relations it is a promise of replace: 2 * (1 + 1) + 1.
    options = ("--epsilon", "1", "--neighbors", "replace")
    assert run("v.csv", "--announce", "r.md", "--again", options=options)[0] == 0
    text = Path("r.md").read_text()
    assert "these ballots 3 times." in text
    assert "one person votes changes the chance of these results by a factor of at most 149. This protection" in text


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_an_announcement_that_cannot_be_written_says_where_the_winner_is(
    run: Run, monkeypatch: pytest.MonkeyPatch, form: tuple[str, ...]
) -> None:
    def full(target: Path, content: bytes) -> None:
        raise OutputError(f"cannot write {target}: No space left on device")

    with monkeypatch.context() as inner:
        inner.setattr(announce.atomic, "write_bytes", full)
        for call in ("first", "second"):
            code, out, err = run("v.csv", "--announce", "r.md", *form)
            assert code == 3
            found = json.loads(out) if form else {}
            told = found["error"]["message"] if form else err
            assert "the announcement was not written: cannot write r.md: No space left on device" in told
            assert (
                f"The winner is recorded in '{Path('v.csv.draw').absolute()}'. To write the announcement, run" in told
            )
            if call == "first":  # the winner is shown all the same
                assert found["winners"] == ["Ada"] if form else out.startswith("Winner: Ada\n")
                assert found.get("announcement") is None
    assert run("v.csv", "--announce", "r.md")[0] == 6
    assert "**Ada**" in Path("r.md").read_text()


def test_json_names_the_file(run: Run) -> None:
    code, out, _ = run("v.csv", "--announce", "r.md", "--json")
    assert (code, json.loads(out)["announcement"]) == (0, "r.md")


@pytest.mark.parametrize(
    ("counting", "words"),
    [
        (("--no-ledger",), "The software kept no record of this draw."),
        (("--ledger", "l.db", "--dataset", "d"), "The draw is in a ledger"),
    ],
)
def test_the_page_says_what_counts_the_draw(run: Run, counting: tuple[str, ...], words: str) -> None:
    if "l.db" in counting:
        from dpselect.accounting import BudgetKind, Cost
        from dpselect.ledger import Ledger
        from dpselect.privacy import NeighbouringRelation

        add_remove = NeighbouringRelation.ADD_REMOVE
        Ledger.create(Path("l.db"), kind=BudgetKind.PURE, neighbors=add_remove, budget=Cost(9 * draws.Fraction(1)))
    assert run("v.csv", "--announce", "r.md", *counting)[0] == 0
    assert words in Path("r.md").read_text()


def test_names_beside_ids_are_kept_for_a_later_announcement(run: Run) -> None:
    """Project 4 of the file is called "Cycle stand"; the record holds the name."""
    park = Path(__file__).parents[2] / "fixtures" / "ballots" / "park.pb"
    Path("park.pb").write_text(park.read_text())
    assert run("park.pb")[0] == 0
    (winner,) = json.loads(Path("park.pb.draw").read_text().splitlines()[-1])["drawn"]["winners"]
    title = json.loads(Path("park.pb.draw").read_text().splitlines()[-1])["drawn"]["titles"][winner]
    assert run("park.pb", "--announce", "r.html")[0] == 6
    assert Page(Path("r.html").read_text()).texts["dd"][0] == f"{winner} ({title})"
