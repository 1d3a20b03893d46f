"""`psiselect advise` as people and programs use it: output, input and the tables of fields and rules."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.advise_random import random_task
from support.advising import MACHINE, known

from cli.advisor import costs, docs, examples, printed_commands
from cli.advisor.answer import Answer, Undecided, advise
from cli.advisor.command import command
from cli.advisor.fields import BY_NAME
from cli.advisor.logic import settle
from cli.advisor.rules import RULES
from cli.advisor.task import FieldError, check
from psi.session.cost import Calibration
from psiselect.base.errors import InputError, UsageError


@pytest.fixture(autouse=True)
def _measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "measure", lambda: Calibration("test", 2, 2e-5, 1e-6, 1e-6))


def run(*words: str, text: str | None = None) -> Result:
    return CliRunner().invoke(command, list(words), input=text)


def task_of(name: str, folder: Path) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(examples.task_file(examples.find(name)))
    return path


# Output.


@pytest.mark.parametrize(("name", "code"), [("A01", 0), ("A08", 10), ("A11", 0)])
def test_exit_code_and_json(name: str, code: int, tmp_path: Path) -> None:
    result = run(str(task_of(name, tmp_path)), "--json")
    assert result.exit_code == code
    answer = json.loads(result.stdout)
    assert answer["primary"] == examples.find(name)["expected"]
    assert {frozenset(entry) for entry in answer["rejected"]} == {frozenset(("label", "reason", "number"))}
    assert {frozenset(entry) for entry in answer["warnings"]} == {frozenset(("tag", "text", "field"))}
    assert all(set(entry) == {"quantity", "formula", "value", "unit"} for entry in answer["predictions"])
    assert all({"edit", "effect"} <= set(entry) for entry in answer["change_task"])
    assert bool(answer["change_task"]) or code == 0
    labels = [answer["primary"], *answer["alternatives"], *(entry["label"] for entry in answer["rejected"])]
    assert sorted(labels) == sorted(row["label"] for row in answer["table"])
    assert len(labels) == 11


def test_nothing_to_recommend_is_an_answer(tmp_path: Path) -> None:
    result = run("--set", "data_public=true", "--set", "function=mean", "--json")
    assert (result.exit_code, json.loads(result.stdout)["primary"]) == (0, "NO_PET")


def test_undecided_names_the_question_and_both_outcomes(tmp_path: Path) -> None:
    fields = known("A12")
    del fields["exact"]
    task = tmp_path / "t.json"
    task.write_text(json.dumps(fields))
    result = run(str(task), "--json")
    assert result.exit_code == 11
    need = json.loads(result.stdout)["need_to_know"]
    assert need["field"] == "exact"
    outcomes = {outcome["value"]: outcome["primary"] for outcome in need["outcomes"]}
    assert (outcomes["required"], outcomes["not_needed"]) == (["CHANGE_TASK"], ["MPC_DP"])
    plain = run(str(task))
    assert plain.exit_code == 11
    assert "[exact]" in plain.stdout


def test_a_missing_field_that_does_not_matter_is_assumed() -> None:
    fields = known("A11")
    for name in ("exact", "trusted_curator", "output_privacy", "n_units", "epsilon_total", "each_holder_one_unit"):
        fields.pop(name, None)
    answer = advise(fields, MACHINE)
    assert isinstance(answer, Answer)
    assert answer.primary == "PSI"
    assert answer.assumed["exact"] == "not_needed"


def test_the_border_of_a_number_is_located() -> None:
    fields = {**known("A07"), "trusted_curator": True}
    del fields["n_units"]
    fields |= {"n_holders": 1, "each_holder_one_unit": False}
    undecided = advise(fields, MACHINE)
    assert isinstance(undecided, Undecided)
    assert undecided.field == "n_units"
    border = int(re.sub(r"\D", "", undecided.outcomes[0][0]))
    answers = [advise({**fields, "n_units": n}, MACHINE) for n in (border - 1, border)]
    assert [a.primary for a in answers if isinstance(a, Answer)] == ["CHANGE_TASK", "DP_LAPLACE"]


def test_text_and_report(tmp_path: Path) -> None:
    report = tmp_path / "page.html"
    result = run(str(task_of("A07", tmp_path)), "--report", str(report))
    assert result.exit_code == 0
    for part in (
        "Every participant adds noise",
        "What noise by each person costs",
        "psiselect poll estimate",
        "Every approach",
        "error of a share, noise by each",
    ):
        assert part in result.stdout
    page = report.read_text()
    assert page.count("<svg") == 2
    assert "yours: 10,000" in page
    assert not re.search(r"(src|href)=|https?://|@import|url\(|<script", page)


def test_report_where_no_item_is_expected_in_common(tmp_path: Path) -> None:
    """Precision is 0 then, which a logarithmic axis cannot show."""
    report = tmp_path / "page.html"
    result = run(str(task_of("A11", tmp_path)), "--set", "expected_value=0", "--report", str(report))
    assert result.exit_code == 0
    page = report.read_text()
    assert "shown among the right, each item drawn alone" in page
    assert "right among the shown, the whole list drawn at once" not in page


def test_report_escapes_what_the_user_wrote(tmp_path: Path) -> None:
    task = task_of("A07", tmp_path).rename(tmp_path / "<b>x.toml")
    report = tmp_path / "page.html"
    run(str(task), "--report", str(report))
    assert "<b>x" not in report.read_text()


def test_fields_and_examples(tmp_path: Path) -> None:
    listed = json.loads(run("--fields", "--json").stdout)["fields"]
    assert [entry["name"] for entry in listed] == list(BY_NAME)
    assert "n_holders" in run("--fields").stdout
    for item in examples.items():
        printed = tmp_path / "printed.toml"
        printed.write_text(run("--example", item["id"]).stdout)
        assert json.loads(run(str(printed), "--json").stdout)["primary"] == item["expected"]
    with pytest.raises(UsageError):
        examples.find("no such")


# Input.


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        ("A03", {"bounds": [-1, 1]}, "bounds"),
        ("A01", {"n_units": 3}, "n_units"),
        ("A12", {"n_units": 5}, "n_units"),
        ("A09", {"epsilon_total": 0}, "epsilon_total"),
        ("A09", {"epsilon_total": -1.0}, "epsilon_total"),
        ("A01", {"bounds": [5, 5]}, "bounds"),
        ("A07", {"bounds": [0, 2]}, "bounds"),
        ("A07", {"tolerance": {"kind": "abs", "value": 0}}, "tolerance"),
        ("A07", {"tolerance": {"kind": "abs", "value": 3}}, "tolerance"),
        ("A12", {"expected_value": -4}, "expected_value"),
        ("A09", {"n_candidates": 1}, "n_candidates"),
        ("A09", {"n_holders": True}, "n_holders"),
        ("A09", {"n_holders": 2.5}, "n_holders"),
        ("A09", {"exact": "perhaps"}, "exact"),
        ("A09", {"epsilon": 1}, "epsilon"),
        ("A09", {"delta": 1}, "delta"),
    ],
)
def test_contradictions_are_refused_by_name(name: str, changes: dict[str, Any], field: str, tmp_path: Path) -> None:
    task = tmp_path / "t.json"
    task.write_text(json.dumps(known(name) | changes))
    result = run(str(task))
    assert isinstance(result.exception, InputError)
    assert result.exception.term == field
    assert f"[{field}]" in str(result.exception)
    setting = f"{field}={json.dumps(changes[field])}"
    over = run(str(task_of(name, tmp_path)), "--set", setting)
    assert isinstance(over.exception, UsageError)
    assert over.exception.term == field


@pytest.mark.parametrize("content", ["[1, 2]", "{", "function = ", "[" * 100_000, '{"function": {}}', "\ud800"])
@pytest.mark.parametrize("ending", ["json", "toml"])
def test_malformed_files(content: str, ending: str, tmp_path: Path) -> None:
    task = tmp_path / f"t.{ending}"
    task.write_bytes(content.encode(errors="surrogatepass"))
    assert isinstance(run(str(task)).exception, InputError)


def test_missing_file(tmp_path: Path) -> None:
    assert isinstance(run(str(tmp_path / "none.toml")).exception, InputError)


def random_answers(count: int, seed: int) -> int:
    """How many of `count` random tasks got an answer; all others must end in a FieldError."""
    rng, answered, named = random.Random(seed), 0, set[str]()
    for _ in range(count):
        task = random_task(rng)
        try:
            found = advise({name: check(name, value) for name, value in task.items()}, MACHINE)
        except FieldError as error:
            named.add(error.field)
            continue
        json.dumps(found.to_json(), allow_nan=False)
        assert found.exit_code in (0, 10, 11)
        answered += 1
    assert named <= set(BY_NAME)
    return answered


def test_random_tasks_end_in_an_answer_or_a_typed_error() -> None:
    assert random_answers(150, 11) > 110


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(12, 22))
def test_many_random_tasks_end_in_an_answer_or_a_typed_error(seed: int) -> None:
    """100,000 in all."""
    assert random_answers(10_000, seed) > 8_000


# The tables.


def test_every_rule_can_fire() -> None:
    """No dead rule: the examples, the own tasks and random ones reach them all."""
    fired, rng = set[str](), random.Random(5)
    names = {rule.name for rule in RULES}
    for _ in range(5_000):
        if names <= fired:
            break
        task = random_task(rng)
        try:
            found = settle({name: check(name, value) for name, value in task.items()})
        except FieldError:
            continue
        fired.add(getattr(found, "name", ""))
    assert names <= fired


def test_docs_are_in_step() -> None:
    pages = Path(__file__).parents[3] / "docs"
    assert (pages / "advisor.md").read_text() == docs.render(), "run `make docs`"
    assert (pages / "advisor-reference.md").read_text() == docs.render_reference(), "run `make docs`"


def test_party_limit_is_that_of_mpc() -> None:
    from mpc.parties import MAX_PARTIES

    assert printed_commands.MAX_PARTIES == MAX_PARTIES
