"""What the advisor's commands and tables say: numbers that stand in for the user's own are named, words are whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.program import Run

from cli.advisor.words import phrase

STAND_IN = phrase("notes.stand-in")


@pytest.fixture
def example(program: Run, tmp_path: Path) -> Run:
    """`psiselect advise` on a worked example."""

    def call(name: str, *options: str) -> object:
        task = tmp_path / f"{name}.toml"
        task.write_text(program("advise", "--example", name).out)
        return program("advise", task, *options)

    return call  # type: ignore[return-value]


def test_bounds_that_nobody_gave_are_named(example: Run) -> None:
    changes = json.loads(example("A08", "--json").out)["change_task"]
    with_bounds = [change for change in changes if change["command"] and "--upper" in change["command"]]
    assert [re.search(r"--upper (\S+)", change["command"])[1] for change in with_bounds] == ["1", "1000000"]  # type: ignore[index]
    assert STAND_IN in with_bounds[0]["effect"]
    assert "0 and 1,000,000 in their place" in with_bounds[1]["edit"]


def test_bounds_that_were_given_need_no_word(program: Run) -> None:
    fields = "function=sum n_holders=1 bounded=yes n_units=500 epsilon_total=1 output_privacy=required exact=not_needed"
    task = [f"--set={field}" for field in fields.split()]
    bare = json.loads(program("advise", *task, "--json").out)
    assert "--upper 1 " in bare["command"]
    assert STAND_IN in bare["notes"]
    told = json.loads(program("advise", *task, "--set=bounds=[0, 50]", "--json").out)
    assert "--upper 50 " in told["command"]
    assert STAND_IN not in told["notes"]


@pytest.mark.parametrize("name", ["A03", "A06", "A10", "A12"])
def test_counts_have_no_decimals(example: Run, name: str) -> None:
    shown = example(name, "--json").out
    found = re.findall(r"psiselect mpc sum [^\"]*", shown)
    assert found
    assert all("--decimals 0" in command for command in found)


def test_sums_keep_their_decimals(example: Run) -> None:
    found = re.findall(r"psiselect mpc mean [^\"]*", example("A01", "--json").out)
    assert found
    assert not any("--decimals" in command for command in found)


@pytest.mark.parametrize("name", ["A01", "A06", "A08", "A09", "A12"])
def test_80_columns_cut_no_word(example: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def words(width: int) -> set[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        tables = example(name).out.split("Every approach")[1].split("Assumed")[0]
        assert max(map(len, tables.splitlines())) <= width
        tables = re.sub(r"quantity +value +unit +formula", "", tables)  # narrow, there is no table of four columns
        return set(re.sub(r"[:=]", " ", tables).split())

    assert words(80) == words(400)
