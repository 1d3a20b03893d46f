from __future__ import annotations

import csv
import json
import math
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import poll as poll_module
from cli.poll import command
from dpselect import local_dp
from psiselect.base.entropy import Entropy, SystemEntropy
from psiselect.base.errors import InputError, PsiselectError, UsageError

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


@pytest.mark.parametrize(
    ("epsilon", "value", "coin"),
    [("0.7", 0.7, ("exp(-x)", Fraction(7, 10))), ("ln(3)", math.log(3), ("p", Fraction(1, 3)))],
)
@pytest.mark.parametrize("options", [[], ["--options", "yes,no,maybe"]])
def test_the_coins_are_those_of_the_epsilon_that_is_shown(
    epsilon: str,
    value: float,
    coin: tuple[str, Fraction],
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: set[tuple[str, Fraction]] = set()

    def tails(kind: str) -> object:
        def flip(entropy: Entropy, parameter: Fraction) -> bool:
            assert isinstance(entropy, SystemEntropy)
            seen.add((kind, parameter))
            return False

        return flip

    monkeypatch.setattr(local_dp, "bernoulli", tails("p"))
    monkeypatch.setattr(local_dp, "bernoulli_exp", tails("exp(-x)"))
    target = tmp_path / "mine.csv"
    words = ["respond", "--answer", "no", "--epsilon", epsilon, *options, "--output", str(target), "--json"]
    record = json.loads(run(*words).stdout)
    assert seen == {coin}
    assert record["epsilon"] == pytest.approx(value)
    assert record["epsilon_exact"] == epsilon
    assert record["response"] == "no"  # a coin that shows tails keeps to the truth
    ((_, *cells),) = list(csv.reader(target.read_text().splitlines()))[1:]
    assert cells[0] == epsilon
    assert cells[-1] == "no"


def test_nothing_is_drawn_where_the_response_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second draw would cost epsilon again."""
    reads: list[int] = []
    real = SystemEntropy.read
    monkeypatch.setattr(SystemEntropy, "read", lambda self, size: reads.append(size) or real(self, size))
    (tmp_path / "mine.csv").write_text("kept")
    assert run("respond", "--answer", "yes", *LN3, "--output", str(tmp_path / "mine.csv")).exit_code != 0
    assert run("respond", "--answer", "maybe", *LN3).exit_code != 0
    assert reads == []


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_response_that_is_not_written_is_not_shown(
    as_json: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InputError("the disk is full")

    monkeypatch.setattr(poll_module, "write_bytes", full)
    result = run("respond", "--answer", "yes", *LN3, "--output", str(tmp_path / "mine.csv"), *as_json)
    assert str(result.exception) == "the disk is full"
    assert result.stdout == ""


def test_an_estimate_is_for_the_epsilon_that_is_shown(tmp_path: Path) -> None:
    """All of 100 say yes: (1 - lie)/(truth - lie), and its error, at epsilon 0.7."""
    (tmp_path / "r.csv").write_text("yes\n" * 100)
    found = json.loads(run("estimate", str(tmp_path / "r.csv"), "--epsilon", "0.7", "--json").stdout)
    lie = 1 / (1 + math.exp(0.7))
    assert (found["epsilon"], found["epsilon_exact"]) == (0.7, "0.7")
    assert found["estimate"] == pytest.approx((1 - lie) / (1 - 2 * lie))
    error = math.sqrt(lie * (1 - lie) / 100) / (1 - 2 * lie)
    assert found["standard_error"] == pytest.approx(error)
    assert found["interval"] == [1, 1]  # even of 100 who all mean yes, so many seldom say it


def test_the_error_of_a_sample_adds_that_of_drawing_it(tmp_path: Path) -> None:
    """Half of 100 say yes: the variance grows by 1/4 over 100."""
    (tmp_path / "r.csv").write_text("yes\nno\n" * 50)
    words = ["estimate", str(tmp_path / "r.csv"), *LN3, "--json"]
    noise, both = (json.loads(run(*words, *more).stdout) for more in ([], ["--population"]))
    assert (noise["error_of"], both["error_of"]) == ("noise", "noise and sampling")
    assert both["standard_error"] ** 2 - noise["standard_error"] ** 2 == pytest.approx(1 / 400)


@pytest.mark.parametrize("typed", ["yes\n", " yes ", "yes"])
def test_the_answer_can_come_from_standard_input(typed: str) -> None:
    """At epsilon 700 the response is the answer but for a chance of e^-700."""
    words = ["respond", "--answer", "-", "--epsilon", "700"]
    assert CliRunner().invoke(command, words, input=typed).stdout == "yes\n"


@pytest.mark.parametrize("typed", ["", "\n", "yes\nno\n", "-\n", "maybe\n"])
def test_what_is_no_answer_on_standard_input_is_refused(typed: str) -> None:
    result = CliRunner().invoke(command, ["respond", "--answer", "-", *LN3], input=typed)
    assert isinstance(result.exception, UsageError)
    assert result.stdout == ""


def test_the_options_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "o.txt").write_text("car, shared\n\n tram \nbicycle\n")
    words = ["--epsilon", "40", "--options-file", str(tmp_path / "o.txt")]
    made = CliRunner().invoke(
        command, ["respond", "--answer", "car, shared", *words, "--output", str(tmp_path / "r.csv")]
    )
    assert made.exit_code == 0, made.output
    shown = CliRunner().invoke(command, ["estimate", str(tmp_path / "r.csv"), *words, "--json"])
    assert list(json.loads(shown.stdout)["options"]) == ["car, shared", "tram", "bicycle"]
    both = CliRunner().invoke(
        command, ["respond", "--answer", "tram", *words, "--options", "a,b"], standalone_mode=False
    )
    assert "--options and --options-file cannot be used together" in str(both.exception)
    gone = CliRunner().invoke(
        command,
        ["respond", "--answer", "a", "--epsilon", "1", "--options-file", str(tmp_path / "x")],
        standalone_mode=False,
    )
    assert "cannot read" in str(gone.exception)
