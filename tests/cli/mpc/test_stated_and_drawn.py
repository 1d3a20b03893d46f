"""What a command says about its noise is what reaches the sampler and the terms, option by option."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest
from click.testing import CliRunner
from support import mpc_laws
from support.mpc_processes import Group

from cli._errors import classify
from cli.mpc import command as sums
from cli.mpc import functions
from mpc import noise
from mpc.function_plan import FunctionPlan
from mpc.functions import FunctionOutcome
from mpc.noise import SharedNoise
from mpc.session import MpcSession
from mpc.terms import MpcTerms
from psiselect.base.entropy import SystemEntropy
from psiselect.sums import linear

NAMES = ("alice", "bob", "carlos", "david", "erin")


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    return Group(tmp_path_factory.mktemp("five"), dict.fromkeys(NAMES, "both"))


@dataclass
class Caught:
    """What a command hands to the run, and what it asks the sampler for: size, exponent, number of draws."""

    terms: MpcTerms | None = None
    plan: FunctionPlan | None = None
    values: Sequence[int] | None = None
    entropy: object = None
    timeout: float | None = None
    said: str = ""
    draws: list[tuple[Fraction, Fraction, int]] = field(default_factory=list)
    totals: tuple[int, ...] = ()


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> Caught:
    found = Caught()
    sampler = noise.negative_binomials

    def draw(entropy: Any, size: Fraction, exponent: Fraction, count: int) -> Any:
        found.draws.append((size, exponent, count))
        return sampler(entropy, size, exponent, count)

    def run_sum(_r: object, _m: object, _i: object, terms: MpcTerms, values: Any, entropy: Any, **k: Any) -> MpcSession:
        found.terms, found.values, found.entropy, found.timeout = terms, values, entropy, k["timeout"]
        return MpcSession(found.totals or (0,) * terms.length, 0.0, 0, 0, ())

    def run_function(
        _r: object, _m: object, _i: object, plan: FunctionPlan, values: Any, entropy: Any, **k: Any
    ) -> FunctionOutcome:
        found.terms, found.plan, found.values = plan.terms, plan, values
        found.entropy, found.timeout = entropy, k["timeout"]
        value = {"threshold": True, "max": Fraction(3), "argmax": plan.labels[0] if plan.labels else ""}
        return FunctionOutcome(value[plan.terms.function.value], 0.0, 0, 0, ())

    monkeypatch.setattr(noise, "negative_binomials", draw)
    monkeypatch.setattr(linear, "run_sum", run_sum)
    monkeypatch.setattr(functions, "run_function", run_function)
    return found


def run(group: Group, caught: Caught, function: str, *arguments: str) -> dict[str, Any]:
    who = ["--party", "alice", "--parties", str(group.parties), "--identity", str(group.folder / "keys/alice")]
    done = CliRunner().invoke(sums.command, [function, *who, *arguments, "--json"])
    assert done.exit_code == 0, (done.exception, done.output)
    caught.said = done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    return record


NOISY = ["--epsilon", "3/2", "--colluding", "2", "--lower", "-10", "--upper", "40", "--decimals", "0"]


@pytest.mark.parametrize("function", ["sum", "mean"])
@pytest.mark.parametrize(
    ("more", "moved", "terms"),
    [
        ([], 50, {"neighbors": "replace", "contributions": 1, "sensitivity": None}),
        (["--neighbors", "replace"], 50, {"neighbors": "replace"}),
        (["--neighbors", "add-remove"], 40, {"neighbors": "add-remove"}),
        (["--contributions", "3"], 150, {"contributions": 3}),
        (["--sensitivity", "7"], 7, {"sensitivity": "7"}),
        (["--sensitivity", "7", "--contributions", "2", "--neighbors", "add-remove"], 14, {"sensitivity": "7"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
@pytest.mark.parametrize("numbers", ["5", "5,6,7"])
def test_a_noisy_sum_draws_what_it_states(
    group: Group, caught: Caught, function: str, more: list[str], moved: int, terms: dict[str, Any], numbers: str
) -> None:
    record = run(group, caught, function, "--value", numbers, *NOISY, *more)
    length = numbers.count(",") + 1
    ((size, exponent, count),) = caught.draws
    assert (size, exponent, count) == (Fraction(1, 5 - 2), Fraction(3, 2) / (moved * length), 2 * length)
    assert record["sensitivity"] == moved * length
    assert Fraction(record["epsilon_exact"]) == Fraction(3, 2) == exponent * Fraction(record["sensitivity"])
    assert (record["epsilon"], record["colluding"], record["unit"]) == (1.5, 2, "1")
    assert caught.terms is not None
    held = {name: getattr(caught.terms, name) for name in terms}
    assert held == terms
    assert (caught.terms.epsilon, caught.terms.colluding) == ("3/2", 2)
    assert (caught.terms.lower, caught.terms.upper) == ("-10", "40")
    assert record["neighbors"] == caught.terms.neighbors
    divisor = 5 if function == "mean" else 1
    assert record["error95"] == pytest.approx(SharedNoise(5, 2, exponent).error95() / divisor)
    stated = f"epsilon 3/2, {record['neighbors']}. It hides them even if 2 of 5 parties share what they know"
    assert stated in caught.said
    assert f"In 19 of 20 runs, the noise is at most {record['error95']:.6g}" in caught.said


def test_a_coarser_unit_is_stated_and_the_exponent_is_for_it(group: Group, caught: Caught) -> None:
    fine = ["--epsilon", "1", "--colluding", "1", "--lower", "0", "--upper", "5000"]
    record = run(group, caught, "sum", "--value", "12.34", *fine)
    unit = Fraction(record["unit"])
    assert unit > Fraction(1, 100)
    assert caught.draws[0][1] == unit / Fraction(record["sensitivity"])
    assert f"multiples of {record['unit']}" in caught.said
    assert caught.terms is not None
    assert Fraction(caught.terms.unit) == unit


def test_the_command_hands_over_noisy_numbers(group: Group, caught: Caught) -> None:
    """The noise of 3,000 numbers as they leave the command; false alarm below 1e-8."""
    (group.folder / "many.txt").write_text("7\n" * 3000)
    wide = ["--epsilon", "15000", "--colluding", "3", "--lower", "0", "--upper", "10", "--decimals", "0"]
    run(group, caught, "sum", "--values", str(group.folder / "many.txt"), *wide)
    assert caught.values is not None
    drawn = [v - 7 for v in caught.values]
    mpc_laws.assert_follows(mpc_laws.two_sided(Fraction(1, 2), Fraction(1, 2)), drawn)
    mpc_laws.assert_independent(mpc_laws.two_sided(Fraction(1, 2), Fraction(1, 2)), drawn)
    assert isinstance(caught.entropy, SystemEntropy)


def test_clamping_shows_in_nothing_that_is_said(group: Group, caught: Caught) -> None:
    said = set()
    for value in ("5", "-10", "-11", "1000000"):
        run(group, caught, "sum", "--value", value, *NOISY)
        said.add(caught.said)
    assert len(said) == 1


@pytest.mark.parametrize(("function", "shown", "divisor"), [("sum", "sum", 1), ("mean", "mean", 5)])
def test_the_result_is_the_total_of_the_run(
    group: Group, caught: Caught, function: str, shown: str, divisor: int
) -> None:
    caught.totals = (12345, -5)
    record = run(group, caught, function, "--value", "1,2")
    assert caught.values == [100, 200]
    assert record["function"] == shown
    assert record["value"] == [123.45 / divisor, -0.05 / divisor]
    assert (record["parties"], record["threshold"]) == (5, 4)
    assert "epsilon" not in record
    assert caught.draws == []
    assert "is exact, so 4 parties that put their inputs together" in caught.said
    assert "5 shares. Fewer than 5" in caught.said


CANDIDATES = "Anna\nBen\nCleo\n"


@pytest.mark.parametrize(
    ("more", "colluding", "neighbors", "per_vote"),
    [
        ([], 2, "replace", Fraction(1, 4)),
        (["--neighbors", "add-remove"], 2, "add-remove", Fraction(1, 2)),
        (["--neighbors", "replace", "--colluding", "1"], 1, "replace", Fraction(1, 4)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_noisy_winner_states_what_it_draws(
    group: Group, caught: Caught, more: list[str], colluding: int, neighbors: str, per_vote: Fraction
) -> None:
    file = group.folder / "c.txt"
    file.write_text(CANDIDATES)
    record = run(group, caught, "argmax", "--candidates", str(file), "--approve", "Ben", "--epsilon", "1/2", *more)
    assert caught.plan is not None
    assert caught.plan.noise is not None
    assert caught.plan.noise == SharedNoise(5, colluding, per_vote)
    assert caught.values == [0, 1, 0]
    assert (record["epsilon"], record["epsilon_exact"], record["neighbors"]) == (0.5, "1/2", neighbors)
    assert (record["colluding"], record["exponent_per_vote"]) == (colluding, float(per_vote))
    assert caught.terms is not None
    assert (caught.terms.epsilon, caught.terms.neighbors, caught.terms.colluding) == ("1/2", neighbors, colluding)
    assert f"hides each ballot: epsilon 1/2, {neighbors}. It hides the ballots even from {colluding} of" in caught.said
    assert isinstance(caught.entropy, SystemEntropy)


@pytest.mark.parametrize(
    ("function", "arguments", "values"),
    [
        ("threshold", ["--value", "yes"], [1]),
        ("threshold", ["--value", "no"], [0]),
        ("threshold", ["--value", "1.5", "--bound", "2", "--decimals", "1", "--at-least", "3.25"], [15]),
        ("max", ["--value", "-7"], [-7]),
        ("argmax", ["--value", "12"], [12]),
        ("argmax", ["--approve", "Ben", "--approve", "Cleo"], [0, 1, 1]),
        ("argmax", ["--value", "1,0,1"], [1, 0, 1]),
    ],
)
def test_functions_hand_over_their_numbers(
    group: Group, caught: Caught, function: str, arguments: list[str], values: list[int]
) -> None:
    file = group.folder / "c.txt"
    file.write_text(CANDIDATES)
    listed = ["--candidates", str(file)] if len(values) == 3 else []
    record = run(group, caught, function, *arguments, *listed, "--timeout", "17")
    assert caught.values == values
    assert caught.timeout == 17
    assert (record["function"], record["parties"], record["threshold"]) == (function, 5, 2)
    assert isinstance(caught.entropy, SystemEntropy)
    assert "fewer than 3 of alice, bob, carlos, david, erin show each other what they hold" in caught.said


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["sum", "--value", "1", "--epsilon", "1", "--lower", "0"], 2, "--upper is missing"),
        (["sum", "--value", "1", "--epsilon", "1", "--lower", "0", "--upper", "1"], 2, "needs --colluding"),
        (["sum", "--value", "1", "--sensitivity", "1"], 2, "--sensitivity applies only to a result with noise"),
        (["sum", "--value", "1", "--contributions", "1"], 2, "--contributions applies only to a result with noise"),
        (["sum", "--value", "1", "--neighbors", "replace"], 2, "--neighbors applies only to a result with noise"),
        (["sum", "--value", "1", "--lower", "0"], 2, "--lower applies only to a result with noise"),
        (["sum", "--value", "1", "--upper", "0"], 2, "--upper applies only to a result with noise"),
        (["sum", "--value", "1,2", "--length", "3"], 2, "--length is 3"),
        (["argmax", "--value", "1", "--colluding", "1"], 2, "apply only if the winner is chosen with noise"),
        (["argmax", "--value", "1", "--neighbors", "replace"], 2, "apply only if the winner is chosen with noise"),
        (["argmax", "--value", "1,2"], 2, "you gave 2 numbers, but only one is possible here"),
        (["argmax", "--value", "1", "--approve", "Ben"], 2, "--approve and --values need the list of candidates"),
        (["argmax", "--candidates", "C", "--value", "1,0"], 3, "you gave 2 numbers, but there are 3 candidates"),
        (["argmax", "--candidates", "C", "--approve", "Zoe"], 2, "not one of the candidates"),
        (["argmax", "--candidates", "C", "--approve", "Ben", "--value", "1,0,0"], 2, "cannot be used together"),
        (["argmax", "--candidates", "C", "--value", "0,0,-1", "--epsilon", "1"], 3, "is negative"),
        (["max", "--value", "1,2"], 2, "you gave 2 numbers, but only one is possible here"),
        (["threshold", "--value", "2"], 3, "outside the agreed range, from -1 to 1"),
        (["threshold", "--value", "yes", "--party", "server"], 2, "has no party"),
    ],
)
def test_options_that_do_not_go_together_hand_over_nothing(
    group: Group, caught: Caught, arguments: list[str], code: int, words: str
) -> None:
    file = group.folder / "c.txt"
    file.write_text(CANDIDATES)
    function, *rest = [str(file) if a == "C" else a for a in arguments]
    who = ["--party", "alice", "--parties", str(group.parties), "--identity", str(group.folder / "keys/alice")]
    done = CliRunner().invoke(sums.command, [function, *who, *rest, "--json"])
    assert done.exception is not None
    assert classify(done.exception)[0] == code
    assert words in str(done.exception)
    assert caught.terms is None
    assert done.stdout == ""
