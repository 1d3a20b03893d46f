"""Budgets on the page: what was spent and what is left, and nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.paged import Page, let_in

import psiselect
from psiselect import Ledger
from psiselect.ui import budget_pages


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return let_in(tmp_path)


def spent(path: Path, *, dataset: str = "Members") -> Ledger:
    made = Ledger.create(path, neighbors="add-remove", epsilon="3", datasets=[dataset])
    table = path.parent / "rows.csv"
    table.write_text("a\n1\n")
    for epsilon in ("1", "1/2"):
        psiselect.release.count(table, epsilon=epsilon, neighbors="add-remove", ledger=made, dataset=dataset)
    table.unlink()
    return made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("release mean: epsilon 1/4, 1 contributions", "release mean"),
        ("release mean: epsilon 1/4, 3 contributions", "release mean, up to 3 rows of a person"),
        ("release mean: rho 1/4, 3 contributions", "release mean: rho 1/4, 3 contributions"),
        ("vote winner: epsilon 1", "vote winner: epsilon 1"),
    ],
)
def test_an_entry_does_not_repeat_its_cost(text: str, words: str) -> None:
    assert budget_pages._what(text) == words


def test_budgets_of_the_page_are_shown(page: Page) -> None:
    assert "There are no budgets yet" in (page.get("/budgets") and page.text)
    made = spent(page.desk.folder.budget_of("Members"))
    before = made.path.read_bytes()
    page.get("/budgets")
    assert "1.5 is left of epsilon 3; 1.5 is spent (50 %)" in page.text
    assert "0.5 release count 20" in page.text  # the cost, what it was for, and when the next one was
    assert "contributions" not in page.text
    assert page.text.index("0.5 release count") < page.text.index(" 1 release count")
    assert 'value="50"' in page.now.text
    assert made.path.read_bytes() == before


def test_a_draw_is_shown(page: Page) -> None:
    page.post("/vote", {"name": "Board 2026", "candidates": "Ann\nBob"}, file=("a.csv", b"Votes\n" + b"Ann\n" * 50))
    where = page.where
    page.post(where, {"column": "Votes"})
    page.post(f"{where}/protection", {"epsilon": "5", "neighbors": "add-remove", "seats": "1", "do": "go"})
    page.post(f"{where}/draw")
    page.get("/budgets")
    assert "board-2026 Ann" in page.text


def test_a_budget_in_a_file_is_looked_at_and_let_go(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = spent(tmp_path / "town.db", dataset="<b>Town</b>")
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    page.post("/budgets", file={"ledger": ("town.db", made.path.read_bytes())})
    assert "The budget in town.db" in page.text
    assert "1.5 is left of epsilon 3" in page.text
    assert "<b>" not in page.now.text
    assert list(place.iterdir()) == []
    assert not (tmp_path / "ui").exists()


@pytest.mark.parametrize("content", [b"", b"no budget", b"SQLite format 3\0" + b"x" * 200])
def test_another_file_is_refused(page: Page, content: bytes) -> None:
    page.post("/budgets", file={"ledger": ("town.db", content)})
    assert (page.now.status_code, 'id="ledger-error"' in page.now.text) == (422, True)


def test_a_damaged_budget_hides_no_other(page: Page) -> None:
    spent(page.desk.folder.budget_of("Members"))
    page.desk.folder.budget_of("Others").write_bytes(b"damaged")
    page.get("/budgets")
    assert "One record cannot be read" in page.text
    assert "1.5 is left of epsilon 3" in page.text
