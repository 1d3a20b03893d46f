"""A match on the page: the list, the column, the check, a trial of two files, and progress."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from click.testing import CliRunner
from support.paged import Page
from support.paged_match import ACME, BY_MAIL, GLOBEX, checked, done, given, opened, task_of

from cli.main import root
from psiselect.ui import match_commands


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return opened(tmp_path / "one")


def test_a_list_is_checked_by_the_column_that_fits(page: Page) -> None:
    where = checked(page)
    assert page.where == f"{where}/check"
    assert "The page has found the column by itself" in page.text
    for words in ("Column mail What it holds E-mail addresses Rows 5", "Different values that can match 2",
                  "Rows that repeat such a value 1"):  # fmt: skip
        assert words in page.text
    assert "no @ in the address 1, such as row 4" in page.text
    assert "2 Ann@Example.com ann@example.com" in page.text
    assert "4 no address nothing: no @ in the address" in page.text
    assert "psiselect psi check acme.csv --key mail:email" in page.text


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"n,phone\n1,+48 123 456 789\n2,+48 223 456 789\n", ("phone", "phone")),
        (b"a,phone\nx@example.org,+48 123 456 789\n", ("a", "email")),
        (b"a,b\nx@example.org,y@example.org\n", None),  # two columns fit
        (b"born,town\n1990-04-03,Oslo\n", None),  # a date is no key
        (b"a,b\nx@example.org,1\ny,2\nz,3\n", None),  # less than half
        (b"a,b\n,\n", None),
    ],
)
def test_the_column_is_found_only_where_one_fits(page: Page, content: bytes, found: tuple[str, str] | None) -> None:
    where = given(page, content)
    (key,) = task_of(page, where).keys
    if found is None:
        assert (page.where, task_of(page, where).checked, key.column) == (where, [], "")
        assert "What do both lists have in common?" in page.text
    else:
        assert (page.where, key.column, key.rule) == (f"{where}/check", *found)


def test_another_column_may_be_chosen(page: Page) -> None:
    where = checked(page)
    page.post(where, {"column": "city", "rule": "text"})
    done(page, where)
    assert "found the column by itself" not in page.text
    assert "Column city What it holds Other texts" in page.text


def test_a_list_without_keys_goes_no_further(page: Page) -> None:
    where = checked(page, column="city")
    assert "Look at this first" in page.text or "No row can match" in page.text
    assert "Go on to the partner" not in page.text
    page.post(where, BY_MAIL)
    done(page, where)
    assert "Go on to the partner" in page.text


def test_several_columns_are_checked(page: Page) -> None:
    where = checked(page, column_2="city", rule_2="text", matching="one-to-one")
    task = task_of(page, where)
    assert (task.written, task.matching) == (["mail:email", "city:text"], "one-to-one")
    assert "First column" in page.text
    assert "Second column" in page.text
    assert page.text.count("Different values that can match") == 2
    assert "--key mail:email --key city:text" in page.text
    page.get(where)
    assert '<option value="city" selected>' in page.now.text
    page.post(where, {**BY_MAIL, "column_2": "city", "rule_2": "phone", "region_2": "XX"})
    assert (page.now.status_code, 'id="region_2-error"' in page.now.text) == (422, True)


def workbook(*rows: tuple[str, ...]) -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        sheet = book.add_worksheet()
        for number, cells in enumerate(rows):
            sheet.write_row(number, 0, cells)
    return made.getvalue()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("several", [False, True])
def test_two_files_are_matched_here_as_the_command_does(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, several: bool
) -> None:
    """The second file may be of another kind; the rows are those of the command."""
    rows = [tuple(line.split(",")) for line in GLOBEX.decode().splitlines()]
    other = GLOBEX if kind == "csv" else workbook(*rows)
    page.post("/match/try", file={"own": ("acme.csv", ACME), "other": (f"globex.{kind}", other)})
    where = "/".join(page.where.split("/")[:3])
    more = {"column_2": "city", "column_b_2": "plan", "rule_2": "text", "matching": "one-to-one"} if several else {}
    done(page, where)
    if several:
        page.post(where, {**BY_MAIL, "column_b": "e", **more})
        done(page, where)
    assert page.text.count("Different values that can match") == (4 if several else 2)
    (command,) = match_commands.checks(task_of(page, where))
    assert command in page.text
    page.post(f"{where}/check")
    done(page, where)
    assert page.where == f"{where}/result"
    assert ("2 by mail" in page.text) == several
    assert f"{'3' if several else '2'} {'values'} in common" in page.text or several
    got = page.get(f"{where}/matched.csv")
    assert got.headers["content-disposition"] == 'attachment; filename="matched.csv"'
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.csv").write_bytes(ACME)
    (tmp_path / f"globex.{kind}").write_bytes(other)
    ended = CliRunner().invoke(root, [*command.split()[1:], "--backend", "portable", "--threads", "1"])
    assert ended.exit_code == 0, ended.output
    assert got.content == (tmp_path / "matched.csv").read_bytes()


@pytest.mark.parametrize(
    ("path", "file", "named"),
    [
        ("/match", None, ["own"]),
        ("/match", {"own": ("a.csv", b"")}, ["own"]),
        ("/match/try", {"own": ("a.csv", ACME)}, ["other"]),
        ("/match/try", None, ["own", "other"]),
    ],
)
def test_files_that_are_missing_are_told(page: Page, path: str, file: Any, named: list[str]) -> None:
    page.post(path, file=file)
    assert page.now.status_code == 422
    for each in named:
        assert f'id="{each}-error"' in page.now.text


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"column": ""}, "column"), ({"column": "mail", "rule": "phone", "region": "XX"}, "region")],
)
def test_a_key_that_makes_no_sense_stands_at_its_field(page: Page, fields: dict[str, str], named: str) -> None:
    page.post("/match", file={"own": ("acme.csv", b"mail,city\nx,y\n")})
    page.post(page.where, {"rule": "email", **fields})
    assert (page.now.status_code, f'id="{named}-error"' in page.now.text) == (422, True)
    assert "--" not in page.text


def test_a_column_with_any_name_is_a_key(page: Page) -> None:
    checked(page, b"a:b+c=d\nx@example.com\n")
    assert "Different values that can match 1" in page.text
    assert r"'a\:b\+c\=d:email'" in page.text


def test_progress_is_told_until_the_end(page: Page) -> None:
    where = checked(page)
    text = page.get(f"{where}/events").text
    assert page.now.headers["content-type"].startswith("text/event-stream")
    *_, last = text.strip().split("\n\n")
    assert json.loads(last.removeprefix("data: "))["over"] is True
