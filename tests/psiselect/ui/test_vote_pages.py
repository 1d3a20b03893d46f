"""An election on the page, from the file to the announcement."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import pytest
import xlsxwriter
from click.testing import CliRunner
from support.paged import Page, let_in

from cli.main import root

NAMES = "Ada Lovelace\nEmmy Noether\nGrace Hopper"
COLUMN = "Whom do you approve of?"
CHOSEN = {"epsilon": "5", "neighbors": "add-remove", "seats": "1", "do": "go"}


def form(*more: str, votes: int = 90) -> bytes:
    rows = [f"2026-01-01,p{n}@example.org,Ada Lovelace" for n in range(votes)]
    return "\n".join([f"Timestamp,Email,{COLUMN}", *rows, *more, ""]).encode()


def begun(page: Page, content: bytes, *, name: str = "Board 2026", file: str = "form.csv", names: str = NAMES) -> str:
    """Upload ballots; returns the path of the task."""
    page.post("/vote", {"name": name, "candidates": names}, file=(file, content))
    return page.where


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return let_in(tmp_path)


def test_from_a_form_to_the_announcement(page: Page, tmp_path: Path) -> None:
    where = begun(page, form())
    assert f"The column {COLUMN} holds the ballots" in page.text
    assert "3 candidates Ada Lovelace Emmy Noether Grace Hopper" in page.text
    assert "The first rows, for you only Timestamp Email" in page.text
    assert "p4@example.org Ada Lovelace" in page.text
    assert "p5@example.org" not in page.text
    page.post(where, {"column": COLUMN})
    assert page.where == f"{where}/protection"
    page.post(page.where, {**CHOSEN, "do": "look", "entitled": "120"})
    assert "120 people may vote, 3 candidates" in page.text
    assert "30 votes" in page.text
    page.post(f"{where}/protection", CHOSEN)
    assert page.where == f"{where}/draw"
    assert "Epsilon 5" in page.text
    assert not list(tmp_path.rglob("*.draw"))
    page.post(page.where)
    assert page.where == f"{where}/result"
    assert "Board 2026 Ada Lovelace Adding or removing one ballot changes" in page.text
    assert "Candidates: Ada Lovelace, Emmy Noether, Grace Hopper" in page.text
    assert "The result was drawn at random" in page.text
    (record,) = tmp_path.rglob("*.draw")
    assert json.loads(record.read_text().splitlines()[-1])["drawn"]["winners"] == ["Ada Lovelace"]


def drawn(page: Page, content: bytes, **begin: str) -> str:
    where = begun(page, content, **begin)
    page.post(where, {"column": COLUMN})
    page.post(f"{where}/protection", CHOSEN)
    page.post(f"{where}/draw")
    return where


def test_a_second_draw_is_refused_under_the_same_name(page: Page, tmp_path: Path) -> None:
    where = drawn(page, form())
    (record,) = tmp_path.rglob("*.draw")
    before = record.read_bytes()
    for _ in range(2):
        page.post(f"{where}/draw")
        assert page.where == f"{where}/result"
    other = form().replace(b"Ada", b"Eve")
    page.post("/vote", {"name": " board  2026", "candidates": NAMES}, file=("form.csv", other))
    assert "This election was drawn before" in page.text
    assert "Ada Lovelace" in page.text
    assert record.read_bytes() == before


def test_two_windows_draw_once(page: Page, tmp_path: Path) -> None:
    """The other one shows what is on record, and charges nothing."""
    first, second = begun(page, form()), begun(page, form(votes=0) + b"x,y,Grace Hopper\n" * 90)
    for where in (first, second):
        page.post(where, {"column": COLUMN})
        page.post(f"{where}/protection", CHOSEN)
    page.post(f"{first}/draw")
    page.post(f"{second}/draw")
    assert "Board 2026 Ada Lovelace" in page.text
    (record,) = tmp_path.rglob("*.draw")
    assert record.read_text().count('"begun"') == 1


def test_the_ballots_go_when_the_winner_is_drawn(page: Page) -> None:
    where = begun(page, form())
    vote = page.desk.tasks.find(where.split("/")[2], object)
    path = vote.upload.path  # type: ignore[attr-defined]
    assert path.read_bytes() == form()
    page.post(where, {"column": COLUMN})
    page.post(f"{where}/protection", CHOSEN)
    assert path.exists()
    page.post(f"{where}/draw")
    assert vote.upload._held.closed  # type: ignore[attr-defined]


def test_old_tasks_end_and_their_files_go(page: Page) -> None:
    begun(page, form(), name="first")
    first = page.where
    held = page.desk.tasks.find(first.split("/")[2], object).upload._held  # type: ignore[attr-defined]
    for number in range(8):
        assert not held.closed
        begun(page, form(), name=f"other {number}")
    assert held.closed
    assert page.get(first).status_code == 404
    page.desk.tasks.close()
    assert page.get(page.where).status_code == 404


def test_broken_ballots_are_counted_and_may_be_left_out(page: Page) -> None:
    where = begun(page, form("2026,z@example.org,Zed Zoo", "2026,y@example.org,Zed Zoo"))
    assert page.now.status_code == 422
    assert "2 of 92 ballots are invalid. The first is on line 92" in page.text
    assert "Zed" not in page.text
    assert "--" not in page.text
    assert "/proc" not in page.text
    page.post(where, {"column": COLUMN, "on_invalid": "drop"})
    assert page.where == where
    assert "2 ballots left out: a name is not a candidate" in page.text
    page.post(where, {"column": COLUMN, "on_invalid": "drop"})
    assert page.where == f"{where}/protection"


def test_a_voter_is_counted_once(page: Page) -> None:
    where = begun(page, form("2026,p0@example.org,Grace Hopper"))
    page.post(where, {"column": COLUMN, "voter_column": "Email"})
    assert page.now.status_code == 422
    page.post(where, {"column": COLUMN, "voter_column": "Email", "repeated": "last"})
    assert "1 ballot left out: the voter has another ballot" in page.text
    page.post(where, {"column": COLUMN, "voter_column": "Email", "on_invalid": "drop"})
    assert '<input type="radio" id="repeated-last" name="repeated" value="last" checked>' in page.now.text


def test_what_a_file_says_is_shown_as_text(page: Page) -> None:
    """Names of columns, candidates, the election and the file."""
    bad = '<img src=x onerror="alert(1)">'
    content = f"{bad.replace(chr(34), chr(39))},votes\nx,<b>A</b>\ny,<i>B</i>\n".encode()
    where = begun(page, content, name=f"E{bad}", file=f"{bad}.csv", names="<b>A</b>\n<i>B</i>")
    seen = [page.now.text]
    page.post(where, {"column": "votes"})
    seen.append(page.now.text)
    page.post(f"{where}/protection", CHOSEN)
    seen.append(page.now.text)
    page.post(f"{where}/draw")
    seen.append(page.now.text)
    for shown in seen:
        assert "<img" not in shown
        assert "<b>" not in shown
        assert "<i>" not in shown
    assert "&lt;b&gt;A&lt;/b&gt;" in "".join(seen)


def test_a_workbook_is_read(page: Page) -> None:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate([("When", COLUMN), ("x", "Ada Lovelace"), ("y", "Grace Hopper;Ada Lovelace")]):
            sheet.write_row(row, 0, cells)
    begun(page, made.getvalue(), file="Form.XLSX")
    assert f"The column {COLUMN} holds the ballots" in page.text


def test_an_election_file_lists_its_candidates(page: Page) -> None:
    fixtures = Path(__file__).parents[2] / "fixtures" / "ballots"
    file = next(fixtures.rglob("*.pb"), None) or next(fixtures.rglob("*.blt"))
    begun(page, file.read_bytes(), file=file.name, names="")
    assert "The ballots can be counted" in page.text
    assert "The first rows" not in page.text  # it is no table
    assert "Column with the ballots" not in page.text


def test_a_file_of_a_counting_program_is_known_by_its_name(page: Page) -> None:
    blt = b'2 1\n1 1 2 0\n1 1 0\n0\n"Ada"\n"Bo"\n"Club"\n'
    begun(page, blt, file="club.BLT", names="")
    assert "2 candidates Ada Bo" in page.text
    assert "Column with the ballots" not in page.text


def test_a_column_may_say_who_voted(page: Page) -> None:
    where = begun(page, form())
    assert "Does a column say who voted" in page.text
    page.post(where, {"column": COLUMN, "voter_column": "Email"})
    assert "Does a column say who voted" not in page.text


@pytest.mark.parametrize(
    ("fields", "file", "named"),
    [
        ({"name": ""}, ("a.csv", b"x"), "name"),
        ({"name": "x" * 201}, ("a.csv", b"x"), "name"),
        ({"name": "A"}, None, "ballots"),
        ({"name": "A"}, ("a.csv", b""), "ballots"),
        ({"name": "A", "candidates": "Ann\nBob\nAnn"}, ("a.csv", b"x"), "candidates"),
    ],
)
def test_what_is_wrong_stands_at_its_field(page: Page, fields: dict[str, str], file: object, named: str) -> None:
    page.post("/vote", fields, file=file)
    assert page.now.status_code == 422
    assert f'<a href="#{named}">' in page.now.text
    assert f'id="{named}-error"' in page.now.text
    assert f'aria-describedby="{named}-error ' in page.now.text
    if named != "name":
        assert 'value="A"' in page.now.text


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"epsilon": "other", "epsilon_other": "0"}, "epsilon_other"),
        ({"epsilon": "other", "epsilon_other": "many"}, "epsilon_other"),
        ({"epsilon": ""}, "epsilon"),
        ({"seats": "3"}, "seats"),
        ({"seats": "0"}, "seats"),
        ({"entitled": "-1"}, "entitled"),
    ],
)
def test_protection_is_checked(page: Page, fields: dict[str, str], named: str) -> None:
    where = begun(page, form())
    page.post(f"{where}/protection", {**CHOSEN, **fields})
    assert page.now.status_code == 422
    assert f'<a href="#{named}">' in page.now.text
    page.get(f"{where}/draw")
    assert page.where == where or "The ballots can be counted" in page.text


def test_nothing_is_skipped(page: Page, tmp_path: Path) -> None:
    where = begun(page, form("x,y,Zed"))
    for step in ("protection", "draw", "result"):
        page.get(f"{where}/{step}")
        assert page.where == where
    page.post(f"{where}/draw")
    assert not list(tmp_path.rglob("*.draw"))


def test_a_damaged_record_is_told(page: Page, tmp_path: Path) -> None:
    drawn(page, form())
    (record,) = tmp_path.rglob("*.draw")
    record.write_text("damaged")
    page.post("/vote", {"name": "Board 2026", "candidates": NAMES}, file=("form.csv", form()))
    assert page.now.status_code == 422
    assert "is not a record of draws, or it is damaged" in page.text
    assert record.read_text() == "damaged"


def test_the_command_that_is_shown_draws_the_same(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At an epsilon that leaves no doubt."""
    monkeypatch.chdir(tmp_path)
    content = form("2026,p0@example.org,Zed", "2026,q@example.org,Ada Lovelace; Emmy Noether")
    where = begun(page, content)
    page.post(where, {"column": COLUMN, "voter_column": "Email", "on_invalid": "drop"})
    page.post(where, {"column": COLUMN, "voter_column": "Email", "on_invalid": "drop", "repeated": "last"})
    page.post(f"{where}/protection", {**CHOSEN, "epsilon": "other", "epsilon_other": "40", "seats": "2"})
    words = shlex.split(page.text.split("psiselect vote", 1)[1].split(" This page runs")[0])
    (tmp_path / "form.csv").write_bytes(content)
    (tmp_path / "candidates.txt").write_text(NAMES)
    done = CliRunner().invoke(root, ["vote", *words, "--json"])
    said = json.loads(done.stdout)
    page.post(f"{where}/draw")
    assert said["winners"] == ["Ada Lovelace", "Emmy Noether"]
    assert "Ada Lovelace Emmy Noether" in page.text
    assert said["guarantee"] in page.text
