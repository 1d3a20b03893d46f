"""The printed `release`, `vote`, `select` and `poll` commands, run on simulated data: the result lies within the
predicted error at the predicted rate.

Each test raises a false alarm with a probability of at most 1e-8, `ALARM`, and there are fewer than 40 of them: 4e-7 in
total. The predictions for numbers are for the worst data that fit the task, so they may be kept more often than said.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.advising import MACHINE

from cli.advisor.answer import Answer, advise
from cli.main import root
from dpselect.local_dp import YES_NO, Poll
from dpselect.privacy import parse_poll_epsilon
from psiselect.base.entropy import SystemEntropy

ALARM = 1e-8
RUNS = 40  # of each command here; more of them in `make soak`
MANY = 1000
HOLDER = {"n_holders": 1, "trusted_curator": True, "n_units": 400, "exact": "not_needed", "output_privacy": "required",
          "epsilon_total": 1.0, "recipients": "public", "unit_per_release": False}  # fmt: skip
CROWD = {**HOLDER, "n_holders": 1200, "n_units": 1200, "trusted_curator": False, "each_holder_one_unit": True,
         "helper_servers": False}  # fmt: skip


def most(runs: int, probability: float) -> int:
    """The least number of misses that more than `ALARM` of all series of `runs` do not exceed."""
    chance = [math.comb(runs, k) * probability**k * (1 - probability) ** (runs - k) for k in range(runs + 1)]
    return next(k for k in range(runs + 1) if math.fsum(chance[k + 1 :]) <= ALARM)


def recommended(task: dict[str, Any], command: str) -> tuple[Answer, list[str]]:
    """The answer, and the words of its command of this kind."""
    answer = advise(task, MACHINE)
    assert isinstance(answer, Answer)
    (words,) = [step.words[1:] for step in answer.steps if step.line.startswith(f"psiselect {command}")]
    return answer, list(words)


def shown(words: list[str]) -> dict[str, Any]:
    result = CliRunner().invoke(root, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, header: str, rows: list[str]) -> None:
    Path(name).write_text("\n".join([header, *rows, ""]) if header else "\n".join([*rows, ""]))


Miss = Callable[[], bool]
Case = Callable[[], tuple[Miss, float]]  # whether a run's result is outside the prediction, and how often that may be


def number(task: dict[str, Any], values: list[Any], exact: float) -> Case:
    """A sum, a count or a mean, against its error at 95 %."""

    def case() -> tuple[Miss, float]:
        write("data.csv", "value", [str(value) for value in values])
        answer, words = recommended({**HOLDER, **task}, "release")
        # The command rounds its noise to whole units: the law of a count is a little wider than the one predicted.
        error = max(answer.setting.n.central_err95, answer.setting.n.stated_err95)
        return lambda: abs(float(shown(words)["value"]) - exact) > error * (1 + 1e-9), 0.05

    return case


def quantile() -> tuple[Miss, float]:
    """In ranks: how many rows lie between the value and the true median."""
    write("data.csv", "value", [str(k / 4) for k in range(400)])
    answer, words = recommended({**HOLDER, "function": "quantile", "bounds": [0.0, 100.0]}, "release")
    reach = answer.setting.n.shortfall95
    return lambda: abs(4 * float(shown(words)["value"]) - 200) > reach + 1, 0.05


def histogram(worst: bool) -> Case:
    """The error of one cell, or of the worst one."""

    def case() -> tuple[Miss, float]:
        exact = {f"g{i}": 10 * i for i in range(8)}
        write("groups.txt", "", list(exact))
        write("data.csv", "group", [name for name, count in exact.items() for _ in range(count)])
        task = {**HOLDER, "function": "histogram", "output_dim": 8, "n_units": 280}
        answer, words = recommended(task, "release")
        numbers = answer.setting.n
        reach = numbers.central_worst95 if worst else max(numbers.central_err95, numbers.stated_err95)

        def miss() -> bool:
            found = {name: float(count) for name, count in shown(words)["value"].items()}
            off = {name: abs(found[name] - count) for name, count in exact.items()}
            return (max(off.values()) if worst else off["g7"]) > reach * (1 + 1e-9)

        return miss, 0.05

    return case


CANDIDATES = [f"c{i}" for i in range(6)]


def winner() -> tuple[Miss, float]:
    """All rivals exactly at the gap: the true winner as often as predicted."""
    gap = 12
    task = {**HOLDER, "function": "select_best", "n_candidates": 6, "score_gap": float(gap), "n_units": 40}
    _, words = recommended(task, "vote winner")
    answer, _ = recommended(task, "vote plan")
    write("candidates.txt", "", CANDIDATES)
    write("ballots.csv", "approved", [";".join(CANDIDATES)] * 20 + ["c3"] * gap)
    right = next(p.value for p in answer.predictions if p.quantity.startswith("pf_P_correct (replace"))

    def miss() -> bool:
        Path("ballots.csv.draw").unlink(missing_ok=True)  # as a committee of another town would begin
        return shown(words)["winners"] != ["c3"]

    return miss, 1 - right


def board() -> tuple[Miss, float]:
    """The members tie, and all others are just further behind than the predicted shortfall."""
    task = {**HOLDER, "function": "top_k", "n_candidates": 6, "output_dim": 2, "n_units": 100}
    answer, words = recommended(task, "vote winner")
    below = int(answer.setting.n.shortfall95) + 1
    write("candidates.txt", "", CANDIDATES)
    write("ballots.csv", "approved", [";".join(CANDIDATES)] * 20 + ["c1;c4"] * below)

    def miss() -> bool:
        Path("ballots.csv.draw").unlink(missing_ok=True)
        return set(shown(words)["winners"]) != {"c1", "c4"}

    return miss, 0.05


def scores(seats: int) -> Case:
    """`select`, where one unit moves a score by 2.5."""

    def case() -> tuple[Miss, float]:
        several = {"function": "top_k", "output_dim": seats} if seats > 1 else {"function": "select_best"}
        task = {**HOLDER, **several, "n_candidates": 6, "score_sensitivity": 2.5}
        answer, words = recommended(task, "select")
        best = 100 + math.ceil(answer.setting.n.shortfall95)
        write("scores.csv", "name,score", [f"{name},{best if i < seats else 99}" for i, name in enumerate(CANDIDATES)])
        return lambda: set(shown(words)["winners"]) != set(CANDIDATES[:seats]), 0.05

    return case


def poll(function: str) -> Case:
    """The estimate against the truth, with fresh responses for each run. The prediction is a normal approximation of
    1,200 responses, hence 0.06 for 0.05."""

    def case() -> tuple[Miss, float]:
        task = {**CROWD, "function": function, **({"output_dim": 3} if function == "histogram" else {})}
        answer, words = recommended(task, "poll estimate")
        respond = recommended(task, "poll respond")[1]
        write("options.txt", "", ["a", "b", "c"])
        answered = ["a" if word == "-" else word for word in respond]  # which the command asks for
        assert shown(answered)["mechanism"] == shown_mechanism(words)
        options = YES_NO if function != "histogram" else ("a", "b", "c")
        people = int(CROWD["n_units"])
        held = [people // 5, people - people // 5] if len(options) == 2 else [people // 3] * 3
        epsilon = words[words.index("--epsilon") + 1]
        form, entropy = Poll.of(options, parse_poll_epsilon(epsilon)), SystemEntropy()
        truths = [option for option, count in zip(options, held, strict=True) for _ in range(count)]
        scale = people if function in ("count", "histogram") else 1
        reach = answer.setting.n.local_err95

        def miss() -> bool:
            write("responses.csv", "response", [form.respond(truth, entropy) for truth in truths])
            share = shown(words)["options"][options[0]]["estimate"]
            return abs(share * scale - held[0] * scale / people) > reach

        return miss, 0.06

    return case


def shown_mechanism(words: list[str]) -> str:
    """What `poll estimate` takes the responses to be."""
    write("responses.csv", "response", ["a" if "--options-file" in words else "yes"])
    return str(shown(words)["mechanism"])


CASES: dict[str, Case] = {
    "sum": number({"function": "sum", "bounds": [-100.0, 100.0]}, [-100.0] * 300 + [50.0] * 100, -25_000.0),
    "count": number({"function": "count"}, ["yes"] * 150 + ["no"] * 250, 150.0),
    "mean": number({"function": "mean", "bounds": [-10.0, 30.0]}, [30.0] * 100 + [-10.0] * 300, 0.0),
    "proportion": number({"function": "proportion"}, [1] * 100 + [0] * 300, 0.25),
    "quantile": quantile,
    "a cell of a histogram": histogram(worst=False),
    "the worst cell": histogram(worst=True),
    "vote": winner,
    "board": board,
    "select": scores(1),
    "select several": scores(2),
    "poll of shares": poll("proportion"),
    "poll of counts": poll("count"),
    "poll of options": poll("histogram"),
}


# Runs where each reads many rows.
SLOW = {
    "quantile": 25,
    "poll of shares": 20,
    "poll of counts": 10,
    "poll of options": 20,
}


def misses(name: str, runs: int) -> tuple[int, float]:
    miss, rate = CASES[name]()
    return sum(miss() for _ in range(runs)), rate


@pytest.mark.parametrize("name", CASES)
def test_a_printed_command_lies_within_its_prediction(name: str) -> None:
    runs = SLOW.get(name, RUNS)
    found, rate = misses(name, runs)
    assert found <= most(runs, rate)


@pytest.mark.soak
@pytest.mark.parametrize("name", CASES)
def test_a_printed_command_lies_within_its_prediction_many_times(name: str) -> None:
    found, rate = misses(name, MANY)
    assert found <= most(MANY, rate), (found, rate)


def test_a_prediction_of_half_the_error_would_be_noticed() -> None:
    """Noise of twice the predicted scale misses once in 4.5 times: a thousand runs tell the two apart."""
    assert most(MANY, 0.05) < MANY * math.exp(-math.log(20) / 2) * 0.8
    assert most(RUNS, 0.05) < RUNS / 2
