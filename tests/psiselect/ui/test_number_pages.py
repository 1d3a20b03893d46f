"""Numbers on the page, from the file to the answer: what is charged, what is shown, and the command beside it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.paged import Page, let_in

from cli.main import root
from psiselect import Ledger
from psiselect.results import ReleasedCells
from psiselect.ui.numbers import Answer, Numbers, Question, beyond

ROWS = "".join(f"m{n},{20 + n % 50},{('north', 'south', 'west')[n % 3]}\n" for n in range(300))
TABLE = f"member,age,town\n{ROWS}".encode()
SURE = {"epsilon": "1000", "limit": "5000", "neighbors": "add-remove", "contributions": "1"}
AGES = {"column": "age", "lower": "0", "upper": "100"}
TRUE_SUM = sum(20 + n % 50 for n in range(300))


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return let_in(tmp_path)


def begun(page: Page, content: bytes = TABLE, *, name: str = "Members", file: str = "members.csv") -> str:
    """Upload a table; returns the path of the task."""
    page.post("/numbers", {"name": name}, file={"file": (file, content)})
    return page.where


def asked(page: Page, where: str, statistic: str, **fields: str) -> None:
    """Choose a number and give its details."""
    page.post(where, {"statistic": statistic})
    page.post(f"{where}/details", {**SURE, **fields})


def answers(page: Page, where: str) -> list[Answer]:
    return page.desk.tasks.find(where.split("/")[2], Numbers).answers


def ledger(folder: Path) -> Ledger:
    (path,) = folder.rglob("*.ledger")
    return Ledger.open(path)


def test_from_a_file_to_a_sum(page: Page, tmp_path: Path) -> None:
    where = begun(page)
    assert "Members: which number?" in page.text
    assert "m0 20 north" in page.text
    asked(page, where, "sum", **AGES)
    assert page.where == f"{where}/release"
    assert "off by at most 0.29" in page.text
    assert "Epsilon 1000, of a new budget of 5000 for Members" in page.text
    assert not list(tmp_path.rglob("*.ledger"))
    page.post(page.where)
    assert page.where == f"{where}/answers"
    shown = float(page.text.split("“age” ")[1].split()[0].replace(",", ""))
    assert abs(shown - TRUE_SUM) < 5
    assert "Leaving out any one row multiplies or divides the chance of any result by at most e^" in page.text
    assert "Left in the budget of Members: epsilon 4000 , of 5000" in page.text
    made = ledger(tmp_path)
    assert (made.neighbors, made.datasets, made.spent("Members")) == ("add-remove", ("Members",), 1000)
    assert oct(made.path.stat().st_mode)[-3:] == "600"


@pytest.mark.parametrize(
    ("statistic", "fields", "shown"),
    [
        ("count", {}, "300"),
        ("count", {"column": "town", "equals": "north"}, "100"),
        ("count", {"column": "age", "lower": "60"}, "60"),
        ("mean", {**AGES}, "44."),
        ("quantile", {**AGES, "q": "0.25", "unit": "1"}, "32"),
        ("histogram", {"column": "town", "categories": "north\nsouth\nwest"}, "north 100 south 100 west 100"),
        ("histogram", {"column": "age", "bins": "20, 45, 70"}, "150 "),
        ("table", {"by": "town", "groups": "north\nsouth\nwest"}, "north 100 south 100 west 100"),
        ("threshold", {"column": "town", "categories": "north\nsouth", "at_least": "50"}, "north"),
    ],
)
def test_each_number_is_the_right_one_at_an_epsilon_that_leaves_no_doubt(
    page: Page, statistic: str, fields: dict[str, str], shown: str
) -> None:
    where = begun(page)
    asked(page, where, statistic, **fields)
    assert page.where == f"{where}/release", page.text
    page.post(page.where)
    assert f" {shown}" in page.text


def test_a_release_is_drawn_and_charged_once(page: Page, tmp_path: Path) -> None:
    """A form that is sent twice, or a page that is loaded again."""
    where = begun(page)
    asked(page, where, "count")
    for _ in range(3):
        page.post(f"{where}/release")
        assert page.where == f"{where}/answers"
    assert page.text.count("Count rows") == 1
    assert ledger(tmp_path).spent("Members") == 1000


@pytest.mark.parametrize(
    ("epsilon", "left", "more"),
    [
        ("1/3", Fraction(1, 3), False),
        ("1/3", Fraction(333333, 1000000), True),
        ("0.1", "0.1", False),
        ("0.2", "0.1", True),
        ("0.00000000000000000001", Fraction(0), True),
        ("9", None, False),
    ],
)
def test_what_costs_more_than_is_left_is_known_exactly(epsilon: str, left: Fraction | str | None, more: bool) -> None:
    assert beyond(Question("count", {"epsilon": epsilon}), left) is more


def test_a_number_above_a_budget_that_is_to_be_made_is_told_too(page: Page, tmp_path: Path) -> None:
    asked(page, begun(page), "count", epsilon="3", limit="2")
    assert "This costs more than is left" in page.text
    assert "Release the number now" not in page.text


def test_looking_costs_nothing_and_the_budget_refuses_what_it_does_not_hold(page: Page, tmp_path: Path) -> None:
    where = begun(page)
    asked(page, where, "count", epsilon="3", limit="4")
    page.post(f"{where}/release")
    asked(page, where, "count", epsilon="2")
    assert ledger(tmp_path).spent("Members") == 3
    assert "Epsilon 2, of 1 that are left for Members This costs more than is left" in page.text
    assert "Release the number now" not in page.text
    page.post(f"{where}/release")
    assert page.now.status_code == 409
    assert "Nothing was released" in page.text
    assert "Over budget: the data set 'Members' has a budget of epsilon 4, and epsilon 1 is left" in page.text
    assert ledger(tmp_path).spent("Members") == 3
    asked(page, where, "count", epsilon="1")
    assert "Release the number now" in page.text  # all that is left
    assert "more than is left" not in page.text


def test_one_name_is_one_budget(page: Page, tmp_path: Path) -> None:
    """In another spelling, in another task, and with another relation in its form."""
    asked(page, begun(page), "count", epsilon="1", limit="4")
    page.post(page.where)
    where = begun(page, name="  MEMBERS ")
    page.post(where, {"statistic": "count"})
    assert "The budget of Members is epsilon 4; 1 is spent, and 3 is left" in page.text
    page.post(f"{where}/details", {**SURE, "epsilon": "1", "neighbors": "replace", "limit": "9"})
    page.post(f"{where}/release")
    made = ledger(tmp_path)
    assert (made.spent("Members"), made.neighbors, made.limit) == (2, "add-remove", 4)


def test_two_windows_make_one_budget(page: Page, tmp_path: Path) -> None:
    first, second = begun(page), begun(page)
    for where in (first, second):
        asked(page, where, "count", epsilon="1", limit="2")
    for where in (first, second):
        page.post(f"{where}/release")
    assert ledger(tmp_path).spent("Members") == 2


@pytest.mark.parametrize(
    ("statistic", "fields", "named"),
    [
        ("sum", {"column": "age", "upper": "9"}, "lower"),
        ("sum", {"column": "age", "lower": "x", "upper": "9"}, "lower"),
        ("sum", {"column": "age", "lower": "9", "upper": "1"}, "upper"),
        ("sum", {"lower": "0", "upper": "9"}, "column"),
        ("sum", {**AGES, "unit": "0"}, "unit"),
        ("sum", {**AGES, "epsilon": "0"}, "epsilon"),
        ("sum", {**AGES, "limit": "lots"}, "limit"),
        ("sum", {**AGES, "contributions": "0"}, "contributions"),
        ("sum", {"column": "town", "lower": "0", "upper": "9"}, "all"),
        ("mean", {**AGES, "neighbors": "replace"}, "n"),
        ("sum", {**AGES, "unit": "1000"}, "unit"),
        ("quantile", {**AGES, "q": "2"}, "q"),
        ("quantile", {**AGES, "unit": "0.00001"}, "unit"),
        ("histogram", {"column": "town"}, "categories"),
        ("histogram", {"column": "town", "categories": "north"}, "all"),
        ("histogram", {"column": "town", "categories": "north\nnorth"}, "categories"),
        ("table", {"by": "town", "groups": "north"}, "all"),
        ("table", {"groups": "a"}, "by"),
        ("table", {"by": "town", "groups": "a", "show_sum": "y"}, "column"),
        ("table", {"by": "town", "groups": "a", "show_mean": "y", "column": "age"}, "lower"),
        ("threshold", {"column": "town", "categories": "north"}, "at_least"),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    page: Page, tmp_path: Path, statistic: str, fields: dict[str, str], named: str
) -> None:
    asked(page, begun(page), statistic, **fields)
    assert page.now.status_code == 422
    assert f'<a href="#{named}">' in page.now.text
    assert f'id="{named}"' in page.now.text
    for word in ("--", "/proc", "on_invalid", "lower must", "north is"):
        assert word not in page.text
    assert not re.search(r"\b[a-z_]+=", page.text)  # how a program would name the field
    assert not list(tmp_path.rglob("*.ledger"))


@pytest.mark.parametrize(
    ("epsilon", "words"),
    [
        (
            "1",
            "at most 2.72. Nobody can tell from the result whether a person is in the file, and what their row says.",
        ),
        ("2", "at most 7.39. The result says little about whether"),
        ("5", "at most 149. This protection is weak: the result may show whether"),
    ],
)
def test_the_promise_follows_epsilon(page: Page, epsilon: str, words: str) -> None:
    asked(page, begun(page), "count", epsilon=epsilon, limit="9")
    assert words in page.text


def test_a_cell_that_cannot_be_read_is_told_by_its_line_and_not_shown(page: Page) -> None:
    where = begun(page, b"age\n5\nsecret-cell\n")
    asked(page, where, "sum", **AGES)
    assert "line 3" in page.text
    assert "secret-cell" not in page.text
    asked(page, where, "sum", **AGES, on_invalid="drop")
    assert page.where == f"{where}/release"


@pytest.mark.parametrize(
    ("fields", "file", "named"),
    [
        ({"name": ""}, {"file": ("a.csv", b"x\n1\n")}, "name"),
        ({"name": "A"}, None, "file"),
        ({"name": "A"}, {"file": ("a.csv", b"")}, "file"),
    ],
)
def test_the_first_page_says_what_is_missing(page: Page, fields: dict[str, str], file: Any, named: str) -> None:
    page.post("/numbers", fields, file=file)
    assert (page.now.status_code, f'id="{named}-error"' in page.now.text) == (422, True)


def test_a_file_may_be_read_in_another_way(page: Page) -> None:
    where = begun(page, "Größe;Ort\n5,5;Köln\n".encode("cp1252"), file="a.csv")
    assert page.now.status_code == 422
    assert "encoding" in page.text
    assert "--" not in page.text
    page.post(where, {"encoding": "cp1252", "delimiter": "semicolon", "statistic": "count"})
    assert page.where == where
    assert "Größe Ort 5,5 Köln" in page.text


def test_an_answer_is_downloaded(page: Page) -> None:
    where = begun(page)
    asked(page, where, "table", by="town", groups="north\nsouth", other="rest", column="age", show_sum="y", **{
        "lower": "0", "upper": "100"
    })  # fmt: skip
    page.post(f"{where}/release")
    table = page.get(f"{where}/answers/1.csv")
    assert table.headers["content-disposition"] == 'attachment; filename="table-1.csv"'
    lines = table.text.splitlines()
    assert lines[0] == "town,sum"
    assert [line.split(",")[0] for line in lines[1:]] == ["north", "south", "rest"]
    assert len(lines[1].split(",")) == 2
    record = json.loads(page.get(f"{where}/answers/1.json").text)
    assert (record["statistic"], record["epsilon_exact"]) == ("table", "1000")
    for path in ("0.csv", "2.csv", "1.exe"):
        assert page.get(f"{where}/answers/{path}").status_code == 404


def test_nothing_is_skipped(page: Page, tmp_path: Path) -> None:
    where = begun(page)
    page.post(f"{where}/release")
    page.get(f"{where}/answers")
    assert page.where == where
    assert not list(tmp_path.rglob("*.ledger"))


@pytest.mark.parametrize(
    ("statistic", "fields"),
    [
        ("sum", {**AGES, "contributions": "2", "person": "member"}),
        ("count", {"column": "town", "equals": "north", "on_invalid": "drop"}),
        ("histogram", {"column": "town", "categories": 'north\nso"u, th', "other": "rest"}),
        (
            "table",
            {"by": "town", "groups": "north\nsouth", "other": "rest", "show_count": "y", "show_mean": "y", **AGES},
        ),
        ("quantile", {**AGES, "q": "0.9"}),
    ],
)
def test_the_command_that_is_shown_asks_the_same(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statistic: str, fields: dict[str, str]
) -> None:
    """Its plan is the page's plan, and its charge is the page's charge, to the same budget."""
    where = begun(page, name="Our members")
    asked(page, where, statistic, **{"neighbors": "replace"}, **fields)
    task = page.desk.tasks.find(where.split("/")[2], object)
    create, words = task.commands(task.question)  # type: ignore[attr-defined]
    expected = task.plan.to_dict()  # type: ignore[attr-defined]
    assert create in page.text
    monkeypatch.chdir(tmp_path)
    (tmp_path / "members.csv").write_bytes(TABLE)
    made = CliRunner().invoke(root, shlex.split(create)[1:])
    assert made.exit_code == 0, made.output
    done = CliRunner().invoke(root, [*shlex.split(words)[1:], "--json", "--plan"])
    assert json.loads(done.stdout) == expected
    page.post(f"{where}/release")
    released = CliRunner().invoke(root, [*shlex.split(words)[1:], "--json"])
    assert released.exit_code == 0
    assert ledger(tmp_path).spent("Our members") == 2000
    entries = {entry.what for entry in ledger(tmp_path).entries()}
    assert len(entries) == 1


def test_what_a_file_says_is_shown_as_text(page: Page) -> None:
    where = begun(page, b"<b>a</b>\n<i>1</i>\n", name="<u>x</u>", file="<s>.csv")
    page.post(where, {"statistic": "count"})
    for path in (where, f"{where}/details"):
        page.get(path)
        for tag in ("<b>", "<i>", "<u>", "<s>"):
            assert tag not in page.now.text


def test_the_file_goes_with_its_task(page: Page) -> None:
    where = begun(page)
    held = page.desk.tasks.find(where.split("/")[2], object).given.upload._held  # type: ignore[attr-defined]
    page.desk.tasks.close()
    assert held.closed


def test_counts_have_error_bars(page: Page) -> None:
    """In percent of the longest bar and its error."""
    where = begun(page)
    asked(page, where, "histogram", column="town", categories="north\nsouth", other="others", epsilon="1")
    page.post(page.where)
    (answer,) = answers(page, where)
    counts, error = [int(row[1][0].replace(",", "")) for row in answer.rows], answer.found.error
    assert isinstance(error, int | float)
    assert error >= 1
    scale = 100 / (max(counts) + error)
    assert answer.bars == [tuple(round(scale * (each + by)) for by in (0, -error, error)) for each in counts]
    assert max(most for _, _, most in answer.bars) == 100
    assert all(f'd="M{least} 5H{most}"' in page.now.text for _, least, most in answer.bars)
    assert "The line at the end of each bar shows this" in page.text


def test_noise_below_zero_leaves_the_chart(page: Page) -> None:
    where = begun(page)
    asked(page, where, "histogram", column="town", categories="north", other="others")
    page.post(page.where)
    (answer,) = answers(page, where)
    found = answer.found
    assert isinstance(found, ReleasedCells)
    assert found.error == 0
    below = replace(answer, found=replace(found, _cells={"a": Fraction(-5), "b": Fraction(10)}))
    assert below.bars == [(0, 0, 0), (100, 100, 100)]
    none = replace(answer, found=replace(found, _cells={"a": Fraction(-5)}))
    assert none.bars == [(0, 0, 0)]


def test_the_page_says_how_to_see_the_error_of_an_average(page: Page) -> None:
    where = begun(page)
    asked(page, where, "mean", **AGES)
    assert "change the question and write a guess as “number of rows”" in page.text
    asked(page, where, "mean", **AGES, n="300")
    assert "a guess" not in page.text
    assert "off by at most" in page.text
