"""Each room of the page says and does what a command does, on the same inputs. This file has what others have not, and
says where the rest is."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.paged import Page, let_in
from support.paged_match import ACME, checked, opened, task_of

from cli.main import root
from psiselect import Ledger, release
from psiselect.ui.site import ROOMS

# For each room the tests that compare it with its commands.
COMPARED = {
    "vote": ["test_vote_pages.test_the_command_that_is_shown_draws_the_same", "test_same_as_command.test_chances"],
    "match": [
        "test_same_as_command.test_a_check",
        "test_match_pages.test_two_files_are_matched_here_as_the_command_does",
        "test_session_pages.test_the_page_says_what_the_command_says",
        "test_session_pages.test_the_commands_that_are_shown_are_taken",
        "test_exchange_pages.test_the_page_and_the_command_answer_each_other",
    ],
    "numbers": [
        "test_number_pages.test_the_command_that_is_shown_asks_the_same",
        "test_same_as_command.test_errors_are_planned_before_anything_is_spent",
    ],
    "budgets": ["test_same_as_command.test_a_budget", "test_record_pages.test_page_and_command_agree"],
    "advise": ["test_same_as_command.test_advice"],
}


def run(*words: str) -> Any:
    """What a command prints with --json."""
    done = CliRunner().invoke(root, [*words, "--json"], standalone_mode=True)
    return json.loads(done.stdout)


def test_every_room_is_compared() -> None:
    assert COMPARED.keys() == ROOMS.keys()
    for tests in COMPARED.values():
        for test in tests:
            module, name = test.split(".")
            tree = ast.parse((Path(__file__).parent / f"{module}.py").read_text())
            assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}, test


@pytest.mark.parametrize(("relation", "seats"), [("add-remove", 1), ("replace", 1), ("replace", 2)])
def test_chances(tmp_path: Path, relation: str, seats: int) -> None:
    """The chart and its words are `vote plan --gap`, and no ballot changes them."""
    shown = []
    for number, ballots in enumerate((b"Ann\n" * 30, b"Bob\n" * 3 + b"Cleo\n" * 50)):
        page = let_in(tmp_path / str(number))
        page.post("/vote", {"name": "Board", "candidates": "Ann\nBob\nCleo"}, file=("a.csv", b"Votes\n" + ballots))
        where = page.where
        page.post(where, {"column": "Votes"})
        fields = {"epsilon": "0.5", "neighbors": relation, "seats": str(seats), "lead": "7", "do": "look"}
        page.post(f"{where}/protection", fields)
        chances = re.search(r'data-chances="([\d ]+)"', page.now.text)
        assert chances
        shown.append(chances[1].split())
        assert f"comes out at least {shown[0][4]} times in 100" in page.text
    assert shown[0] == shown[1]
    assert len(shown[0]) == 50
    for tenths in (1, 5, 10, 23):
        plan = run("vote", "plan", "--candidates", "3", "--gap", "7", "--epsilon", f"{tenths}/10", "--neighbors",
                   relation, "--seats", str(seats))  # fmt: skip
        assert min(99, int(100 * plan["probability_true_winner"])) == int(shown[0][tenths - 1])


def test_a_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened(tmp_path / "page")
    where = checked(page)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.csv").write_bytes(ACME)
    said = run("psi", "check", "acme.csv", "--key", "mail:email")
    assert task_of(page, where).checked[0].to_json() | {"file": "acme.csv"} == said


STATISTICS: dict[str, dict[str, str]] = {
    "count": {},
    "sum": {"column": "age", "lower": "0", "upper": "100"},
    "mean": {"column": "age", "lower": "0", "upper": "100", "n": "40"},
    "histogram": {"column": "town", "categories": "north\nsouth"},
    "table": {"by": "town", "groups": "north\nsouth", "show_count": "yes", "show_sum": "yes", "column": "age",
              "lower": "0", "upper": "100"},
}  # fmt: skip


@pytest.mark.parametrize("statistic", STATISTICS)
def test_errors_are_planned_before_anything_is_spent(tmp_path: Path, statistic: str) -> None:
    """And they are those of the plan that the command shows."""
    page = let_in(tmp_path)
    rows = b"age,town\n" + b"20,north\n30,south\n" * 20
    page.post("/numbers", {"name": "Members"}, file={"file": ("m.csv", rows)})
    where = page.where
    page.post(where, {"statistic": statistic})
    fields = {"epsilon": "0.5", "limit": "1", "neighbors": "add-remove", "contributions": "1"}
    page.post(f"{where}/details", {**fields, **STATISTICS[statistic]})
    assert page.where == f"{where}/release", page.text
    (tmp_path / "m.csv").write_bytes(rows)
    said: dict[str, Any] = {name: text.split("\n") if "\n" in text else text
                            for name, text in STATISTICS[statistic].items() if not name.startswith("show")}  # fmt: skip
    said |= {"n": 40} if "n" in said else {}
    said |= {"statistics": ["count", "sum"]} if statistic == "table" else {}
    plan = getattr(release, statistic)(tmp_path / "m.csv", epsilon="0.5", neighbors="add-remove", plan=True, **said)
    errors = plan.error.values() if isinstance(plan.error, dict) else [plan.error]
    for error in errors:
        assert f"off by at most {error:,.4f}".rstrip("0").rstrip(".") in page.text
    assert not list(tmp_path.rglob("*.ledger"))


def test_a_budget(tmp_path: Path) -> None:
    page = let_in(tmp_path)
    place = page.desk.folder.budget_of("Members")
    made = Ledger.create(place, neighbors="add-remove", epsilon="3", datasets=["Members"])
    (tmp_path / "rows.csv").write_text("a\n1\n")
    release.count(tmp_path / "rows.csv", epsilon="3/4", neighbors="add-remove", ledger=made, dataset="Members")
    said = run("budget", "show", str(place))
    page.get("/budgets")
    assert "2.25 is left of epsilon 3; 0.75 is spent (25 %)" in page.text
    for entry in said["entries"]:
        assert entry["what"].partition(":")[0] in page.text
        assert entry["at"][:16].replace("T", " ") in page.text


def test_advice(tmp_path: Path) -> None:
    page: Page = let_in(tmp_path)
    page.post("/advise")
    where = page.where
    answers = {"function": "intersection", "n_holders": "2"}
    while "Question" in page.text:
        name = page.now.text.split('name="field" value="')[1].split('"')[0]
        known = name in answers
        page.post(where, {"field": name, "answer": answers.get(name, ""), "do": "answer" if known else "unknown"})
    said = run("advise", *(word for name, value in answers.items() for word in ("--set", f"{name}={value}")))
    assert said["primary"] == "PSI"
    assert said["why"].rsplit(" [", 1)[0] in page.text
    for step in said["commands"]:
        assert " ".join(step["command"].split()) in page.text
