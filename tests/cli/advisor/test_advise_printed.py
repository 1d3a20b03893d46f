"""The commands and numbers that `psiselect advise` prints: the command line parses them, runs them and agrees."""

from __future__ import annotations

import json
import random
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from support.advise_random import random_task
from support.advising import MACHINE, known

from cli.advisor import examples, printed_commands
from cli.advisor.answer import Answer, advise
from cli.advisor.logic import settle
from cli.advisor.numbers import Numbers
from cli.advisor.rules import Rule
from cli.advisor.task import Facts, FieldError, check_together
from cli.main import root


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
        task = random_task(rng)
        try:
            check_together(task)
            rule = settle(task)
        except FieldError:
            continue
        kind = f"{getattr(rule, 'label', None)} {task.get('function')}"
        if isinstance(rule, Rule) and kind not in seen:
            facts = Facts(task, asking=frozenset())
            if found := printed_commands.steps(facts, Numbers(facts), rule.label):
                seen.add(kind)
                lines |= {step.line: kind for step in found}
    return lines


def test_every_printed_command_parses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (
        "data.csv",
        "ballots.csv",
        "candidates.txt",
        "scores.csv",
        "list.csv",
        "responses.csv",
        "mine.txt",
        "options.txt",
    ):
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
