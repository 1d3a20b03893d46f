"""`psiselect.advise`: the answers of `psiselect advise`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import psiselect
from cli.advisor import costs, examples
from cli.advisor.command import command
from psi.session.cost import Calibration
from psi.session.fast_cost import FastCalibration

EXAMPLES = [item["id"] for item in examples.items()]


@pytest.fixture(autouse=True)
def same_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both measure the same speed."""
    monkeypatch.setattr(costs, "measure", lambda: MEASURED)
    monkeypatch.setattr(costs, "measure_fast", lambda: MEASURED_FAST)


MEASURED = Calibration("portable", 1, multiplication=1e-4, hashing=1e-5, handling=1e-6)
MEASURED_FAST = FastCalibration("portable", 1, 0.01, *[1e-6] * 5)


def fields(name: str) -> dict[str, Any]:
    return {key: value for key, value in examples.find(name)["fields"].items() if value is not None}


@pytest.mark.parametrize("name", EXAMPLES)
def test_advice_is_the_command_s(name: str, tmp_path: Path) -> None:
    task = tmp_path / "task.toml"
    task.write_text(examples.task_file(examples.find(name)))
    done = CliRunner().invoke(command, [str(task), "--json"])
    record = json.loads(done.stdout)
    for given in (fields(name), task, str(task)):
        found = psiselect.advise(given)
        assert found.to_dict() == record
        assert (found.recommendation, found.exit_code) == (record["primary"], done.exit_code)
        assert [{"who": step.who, "command": step.command} for step in found.commands] == [
            {"who": step["who"], "command": step["command"]} for step in record["commands"]
        ]
        assert (found.why, found.branches) == (record["why"], record["branches"])


def test_an_open_field_is_named() -> None:
    found = psiselect.advise({"function": "sum", "n_holders": 14})
    assert (found.recommendation, found.meaning, found.commands, found.exit_code) == (None, None, (), 11)
    assert found.open_field == found.to_dict()["need_to_know"]["field"]
    assert found.open_field in found.why
    assert found.branches
    assert repr(found) == f"Advice(recommendation=None, open_field={found.open_field!r})"


def test_the_report_is_a_page() -> None:
    page = psiselect.advise(fields("A09")).report_html("the <vote>")
    assert page.startswith("<!doctype html>")
    assert "the &lt;vote&gt;" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("task", "error", "says"),
    [
        ({"functoin": "sum"}, psiselect.InputError, "Did you mean function"),
        ({"function": "sun"}, psiselect.InputError, "Did you mean sum"),
        ({"n_holders": 0}, psiselect.InputError, "at least 1"),
        ({"function": "count", "bounds": [-1, 3]}, psiselect.InputError, "bounds"),
        (["sum"], psiselect.UsageError, "must be a mapping"),
        ("none.toml", psiselect.InputError, "none.toml"),
    ],
)
def test_a_misuse_is_refused_with_what_to_do(task: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        psiselect.advise(task)
