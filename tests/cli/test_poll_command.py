from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.poll import command
from psiselect.base.errors import InputError, PsiselectError

LN3 = ["--epsilon", "ln(3)"]


def run(*args: str) -> Result:
    return CliRunner().invoke(command, list(args))


def test_respond_and_estimate(tmp_path: Path) -> None:
    for i in range(30):
        answer = "yes" if i % 3 else "no"
        result = run("respond", "--answer", answer, *LN3, "--poll", "lunch", "--output", str(tmp_path / f"{i}.csv"))
        assert result.exit_code == 0
        assert result.stdout == ""
    result = run("estimate", str(tmp_path), *LN3, "--json")
    found = json.loads(result.stdout)
    assert found["responses"] == 30
    assert found["standard_error"] == pytest.approx(3**0.5 / 2 / 30**0.5)
    counted = sum("yes" in p.read_text().splitlines()[1].split(",")[-1] for p in tmp_path.glob("*.csv"))
    # The article's estimate: 2N/n - 1/2.
    assert found["estimate"] == pytest.approx(2 * counted / 30 - 0.5)


def test_a_response_is_never_drawn_twice_into_one_file(tmp_path: Path) -> None:
    target = tmp_path / "mine.csv"
    assert run("respond", "--answer", "yes", *LN3, "--output", str(target)).exit_code == 0
    before = target.read_text()
    assert isinstance(run("respond", "--answer", "yes", *LN3, "--output", str(target)).exception, InputError)
    assert target.read_text() == before


def test_more_options(tmp_path: Path) -> None:
    options = ["--options", "car,bus,tram", "--epsilon", "0.5"]
    shown = run("respond", "--answer", "tram", *options)
    assert shown.stdout.strip() in {"car", "bus", "tram"}
    (tmp_path / "r.csv").write_text("car\nbus\ntram\ntram\n")
    found = json.loads(run("estimate", str(tmp_path / "r.csv"), *options, "--json").stdout)
    assert sum(o["estimate"] for o in found["options"].values()) == pytest.approx(1)
    unary = run("respond", "--answer", "tram", *options, "--mechanism", "optimised-unary", "--json")
    assert set(json.loads(unary.stdout)["response"]) <= {"0", "1"}


@pytest.mark.parametrize("epsilon", ["0", "-1", "nan", "ln(1)", "ln(0.5)", "ln(x)", ""])
def test_bad_epsilons_are_refused(epsilon: str) -> None:
    assert isinstance(run("respond", "--answer", "yes", "--epsilon", epsilon).exception, PsiselectError)


def test_the_same_file_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("yes\nno\n")
    file = str(tmp_path / "r.csv")
    assert isinstance(run("estimate", file, file, *LN3).exception, PsiselectError)
    assert isinstance(run("estimate", str(tmp_path / "none.csv"), *LN3).exception, InputError)
