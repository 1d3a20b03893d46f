"""The examples of the pages for votes, numbers and advice, and the notebooks: each runs as a reader would run it."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.checkout import ROOT

import psiselect
from cli.advisor import costs
from psi.session.cost import Calibration

DOCS = ROOT / "docs"
PAGES = {
    "python-votes.md": ["1/2 1/2", "if one person's data change each candidate's score"],
    "python-numbers.md": ["changes of up to 5000; the noise is typically 5000", "1/4 3/4", "6", 'Write epsilon="0.1"'],
    "python-advice.md": ["[exact]"],
}
NOTEBOOKS = sorted(path.name for path in (DOCS / "notebooks").glob("*.ipynb"))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and a machine whose speed is known."""
    measured = Calibration("portable", 1, multiplication=1e-4, hashing=1e-5, handling=1e-6)
    monkeypatch.setattr(costs, "measure", lambda: measured)
    monkeypatch.chdir(tmp_path)


def blocks(page: str) -> list[str]:
    """The examples of a page, without those that it says are not run."""
    text = (DOCS / page).read_text()
    return re.findall(r"(?<!-->\n)```python\n(.*?)```", text, re.DOTALL)


def run(cells: list[str]) -> str:
    """Run cells in one fresh namespace; what they print."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in cells:
            exec(compile(cell, "<example>", "exec"), namespace)
    return printed.getvalue()


@pytest.mark.parametrize("page", PAGES)
def test_every_example_runs(page: str) -> None:
    printed = run(blocks(page))
    for shown in PAGES[page]:
        assert shown in printed


def test_what_is_not_run_compiles() -> None:
    whole = [block for page in PAGES for block in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S)]
    assert len(whole) == sum(len(blocks(page)) for page in PAGES) + 1
    for block in whole:
        compile(block, "<example>", "exec")


def test_the_pages_name_every_public_name_for_votes_and_numbers() -> None:
    text = "".join((DOCS / page).read_text() for page in PAGES)
    for name in ("elect", "select", "release", "Ledger", "mpc_sum", "advise", *psiselect.release.__all__):
        assert re.search(rf"\b{name}\b", text), name


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs(name: str) -> None:
    notebook = json.loads((DOCS / "notebooks" / name).read_text())
    assert notebook["nbformat"] == 4
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    assert run(["".join(cell["source"]) for cell in cells])


def test_there_is_a_notebook_for_each_user() -> None:
    assert NOTEBOOKS == ["advise.ipynb", "match.ipynb", "vote.ipynb"]
