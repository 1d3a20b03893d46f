"""`psiselect advise` as people and programs use it."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from support.advise_random import random_task

from cli.advisor import costs, docs, examples, printed_commands
from cli.advisor.answer import Answer, Undecided, advise
from cli.advisor.command import command
from cli.advisor.conversation import MAX_QUESTIONS, converse
from cli.advisor.costs import Machine
from cli.advisor.fields import BY_NAME
from cli.advisor.logic import settle
from cli.advisor.rules import RULES
from cli.advisor.task import FieldError, check
from cli.main import root
from psi.session.cost import Calibration
from psiselect.base.errors import InputError, UsageError

MACHINE = Machine(lambda: Calibration("test", 2, 2e-5, 1e-6, 1e-6))


@pytest.fixture(autouse=True)
def _measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "measure", lambda: Calibration("test", 2, 2e-5, 1e-6, 1e-6))


def run(*words: str, text: str | None = None) -> Result:
    return CliRunner().invoke(command, list(words), input=text)


def task_of(name: str, folder: Path) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(examples.task_file(examples.find(name)))
    return path


def known(name: str) -> dict[str, Any]:
    return {field: value for field, value in examples.find(name)["fields"].items() if value is not None}


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
    assert (outcomes["required"], outcomes["not_needed"]) == (["MPC_SUM"], ["MPC_DP"])
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
    for part in ("DP_LOCAL", "LOCAL_COST", "psiselect poll estimate", "Every approach", "rr_err95"):
        assert part in result.stdout
    page = report.read_text()
    assert page.count("<svg") == 2
    assert "yours: 10,000" in page
    assert not re.search(r"(src|href)=|https?://|@import|url\(|<script", page)


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
    assert random_answers(2000, 11) > 1500


@pytest.mark.soak
def test_many_random_tasks_end_in_an_answer_or_a_typed_error() -> None:
    assert random_answers(50_000, 12) > 40_000


# Commands.


def parse(line: str) -> None:
    """Parse a printed command against the real command line, without running it. Raises click.UsageError."""
    found: click.Command = root
    words = shlex.split(line)
    assert words.pop(0) == "psiselect"
    context = click.Context(found, info_name="psiselect")
    while isinstance(found, click.Group):
        name = words.pop(0)
        child = found.get_command(context, name)
        assert child is not None, name
        found, context = child, click.Context(child, info_name=name, parent=context)
    found.make_context(found.name, words, parent=context.parent)


def every_command() -> dict[str, str]:
    """A printed line for each shipped command, and those of the examples with their changes."""
    lines: dict[str, str] = {}
    for item in examples.items():
        answer = advise({k: v for k, v in item["fields"].items() if v is not None}, MACHINE)
        assert isinstance(answer, Answer)
        for step in answer.steps:
            lines[step.line] = item["id"]
        for change in answer.changes:
            if change.command:
                lines[change.command] = item["id"]
    rng, seen = random.Random(3), set[str]()
    for _ in range(2500):
        answer_or_not = None
        try:
            answer_or_not = advise(random_task(rng), MACHINE)
        except FieldError:
            continue
        if isinstance(answer_or_not, Answer) and answer_or_not.steps:
            facts = answer_or_not.setting.f
            kind = f"{answer_or_not.primary} {facts.function}"
            if kind not in seen:
                seen.add(kind)
                lines |= {step.line: kind for step in answer_or_not.steps}
    return lines


def test_every_printed_command_parses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data.csv", "ballots.csv", "candidates.txt", "scores.csv", "list.csv", "responses.csv", "mine.txt"):
        (tmp_path / name).write_text("value\n1\n")
    lines = every_command()
    assert len(lines) > 20
    for line, origin in lines.items():
        try:
            parse(line)
        except click.UsageError as error:
            pytest.fail(f"{origin}: {line}: {error.format_message()}")


def test_own_epsilon_is_in_the_command() -> None:
    shared = advise({**known("A09"), "epsilon_total": 0.3, "releases": 7}, MACHINE)
    assert isinstance(shared, Answer)
    assert "--epsilon 3/70 " in shared.steps[-1].line
    each = advise({**known("A09"), "epsilon_total": 0.3, "releases": 7, "unit_per_release": True}, MACHINE)
    assert isinstance(each, Answer)
    assert "--epsilon 0.3 " in each.steps[-1].line


def test_the_vote_of_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"Plan {letter}" for letter in "ABCDEF"]
    (tmp_path / "candidates.txt").write_text("\n".join(names) + "\n")
    (tmp_path / "ballots.csv").write_text("approved\n" + "Plan A;Plan B\n" * 900 + "Plan C\n" * 100)
    answer = advise(known("A09"), MACHINE)
    assert isinstance(answer, Answer)
    for step in answer.steps:
        result = CliRunner().invoke(root, [*step.words[1:], "--json"], catch_exceptions=False)
        assert result.exit_code == 0
    assert json.loads(result.stdout)["winners"][0] in names
    assert json.loads(result.stdout)["epsilon"] == 1.0


def predicted(name: str, fields: dict[str, Any]) -> float:
    answer = advise(fields, MACHINE)
    assert isinstance(answer, Answer)
    return next(p.value for p in answer.predictions if p.quantity.startswith(name))


def outcome(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(root, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_predictions_are_what_the_commands_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plan = outcome("vote", "plan", "--candidates", "5", "--gap", "2", "--epsilon", "1", "--neighbors", "replace")
    assert plan["probability_true_winner"] == pytest.approx(predicted("pf_P_correct (replace", known("A10")))
    assert plan["expected_loss"] == pytest.approx(predicted("pf_expected_loss", known("A10")))
    Path("data.csv").write_text("value\n" + "yes\n" * 40)
    count = outcome(
        "release",
        "count",
        "data.csv",
        "--column",
        "value",
        "--equals",
        "yes",
        "--epsilon",
        "0.4",
        "--neighbors",
        "replace",
    )
    central = {**known("A12"), "trusted_curator": True, "epsilon_total": 0.4}
    assert count["error95"] == predicted("release_error95", central)


def test_predicted_bytes_are_those_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, start in (("a.csv", 0), ("b.csv", 700)):
        Path(name).write_text("id\n" + "".join(f"customer-{i}\n" for i in range(start, start + 1000)))
    found = outcome("psi", "local", "a.csv", "b.csv", "--key", "id", "--backend", "portable", "--threads", "1")
    payload = predicted("psi_bytes one side", {**known("A11"), "n_a": 1000, "n_b": 1000})
    assert found["matches"] == 300
    # Frames, terms and signatures come on top: some kilobytes, whatever the lists.
    assert payload <= found["bytes_sent"] + found["bytes_received"] <= payload + 8000


# The conversation.

# What each person of the scripts would answer, whatever is asked.
PEOPLE: dict[str, dict[str, str]] = {
    "customer list": {"function": "intersection", "n_holders": "2", "match": "exact", "adversary": "1", "n_a": "1e5"},
    "committee of twelve": {
        "function": "select_best",
        "n_holders": "12",
        "each_holder_one_unit": "yes",
        "trusted_curator": "no",
        "exact": "required",
        "output_privacy": "not_needed",
        "adversary": "semi",
        "output_dim": "5",
    },
    "association": {
        "function": "winner?select_best",
        "n_holders": "1",
        "exact": "3",
        "output_privacy": "1",
        "n_candidates": "6",
        "score_gap": "400",
        "epsilon_total": "1",
        "n_units": "5000",
        "trusted_curator": "yes",
    },
    "salary survey": {
        "function": "mean",
        "n_holders": "1",
        "exact": "not_needed",
        "output_privacy": "required",
        "n_units": "4_000",
        "bounded": "clampable",
        "bounds": "0 to 20000",
        "tolerance": "5%",
        "epsilon_total": "1",
        "trusted_curator": "y",
    },
    "salary survey of firms": {
        "function": "mean",
        "n_holders": "30",
        "each_holder_one_unit": "yes",
        "trusted_curator": "no",
        "exact": "not_needed",
        "output_privacy": "required",
        "bounded": "yes",
        "bounds": "[0, 200000]",
        "tolerance": "10%",
        "epsilon_total": "1",
        "n_units": "30",
        "helper_servers": "no",
    },
}


@pytest.mark.parametrize("person", PEOPLE)
def test_conversation_asks_at_most_nine_things_and_settles(person: str) -> None:
    answers, asked = PEOPLE[person], list[str]()
    pending: list[str] = []

    def say(text: str) -> None:
        found = re.match(r"\n\d+\. .*\[(\w+)\]", text, re.DOTALL)
        if found:
            asked.append(found[1])
            pending[:] = answers.get(found[1], "").split("?")

    def reply(prompt: str) -> str:
        return pending.pop(0) if pending else ""

    given = converse({}, reply, say)
    assert 0 < len(asked) <= MAX_QUESTIONS, asked
    assert len(set(asked)) == len(asked)
    answer = advise(given, MACHINE)
    assert isinstance(answer, Answer), (asked, answer)
    expected = {
        "customer list": "PSI",
        "committee of twelve": "MPC_SUM",
        "association": "DP_EXP",
        "salary survey": "DP_LAPLACE",
        "salary survey of firms": "CHANGE_TASK",
    }
    assert answer.primary == expected[person], asked


def test_only_what_matters_is_asked() -> None:
    asked: list[str] = []
    converse({"data_public": True}, lambda _: "", asked.append)
    assert asked == []


def test_question_mark_explains_and_nonsense_is_asked_again() -> None:
    said: list[str] = []
    replies = iter(["?", "banana", "mean"])
    found = converse({"data_public": False, "n_holders": 2}, lambda _: next(replies, ""), said.append)
    assert found["function"] == "mean"
    text = "\n".join(said)
    assert "decides the whole branch" in text
    assert "[function] expected" in text


def test_conversation_on_a_real_terminal() -> None:
    """Driven as a person would: a pseudo-terminal, one answer at each prompt."""
    here, there = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "advise"],
        stdin=there, stdout=there, stderr=there, env={**os.environ, "TERM": "dumb", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(there)
    answers = {"function": "select_best", **PEOPLE["committee of twelve"]}
    seen, done, deadline = "", 0, time.monotonic() + 120
    while time.monotonic() < deadline:
        ready, _, _ = select.select([here], [], [], 0.5)
        if ready:
            try:
                seen += os.read(here, 65536).decode(errors="replace")
            except OSError:
                break
        elif child.poll() is not None:
            break
        if seen[done:].rstrip().endswith(">"):
            field = re.findall(r"\d+\. .*?\[(\w+)\]", seen, re.DOTALL)[-1]
            os.write(here, answers.get(field, "").encode() + b"\n")
            done = len(seen)
    assert child.wait(30) == 0
    assert "MPC_SUM" in seen
    os.close(here)


# The tables.


def test_every_rule_can_fire() -> None:
    """No dead rule: the examples, the own tasks and random ones reach them all."""
    fired, rng = set[str](), random.Random(5)
    for _ in range(5_000):
        task = random_task(rng)
        try:
            found = settle({name: check(name, value) for name, value in task.items()})
        except FieldError:
            continue
        fired.add(getattr(found, "name", ""))
    assert {rule.name for rule in RULES} <= fired


def test_docs_are_in_step() -> None:
    page = Path(__file__).parents[3] / "docs" / "advisor.md"
    assert page.read_text() == docs.render(), "run `make docs`"


def test_party_limit_is_that_of_mpc() -> None:
    from mpc.parties import MAX_PARTIES

    assert printed_commands.MAX_PARTIES == MAX_PARTIES
