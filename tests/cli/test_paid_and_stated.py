"""Every command that releases something: it draws with what it states, charges that, and charges it first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import pytest
from support.releasing import CASES, EPSILON, FILES, PLANTED, Case

from cli.main import main, root
from dpselect import committee, mechanisms, numeric, threshold
from dpselect.accounting import BudgetKind, Cost
from dpselect.ledger import Entry, Ledger
from dpselect.privacy import NeighbouringRelation
from psiselect.base.entropy import Entropy, SystemEntropy

each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
BUDGET = Fraction(3, 4)


@dataclass
class Watched:
    """Calls of the program in this process, and what reached the samplers meanwhile."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    exponents: list[Fraction] = field(default_factory=list)
    sources: set[type] = field(default_factory=set)
    reads: int = 0
    at_first_bit: Callable[[], None] = lambda: None
    out: str = ""
    err: str = ""

    def call(self, *words: object) -> int:
        """Exit code; what is printed goes to `out` and `err`."""
        self.monkeypatch.setattr("sys.argv", ["psiselect", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        self.read_output()
        return int(ended.value.code or 0)

    def read_output(self) -> None:
        """Take over what was printed since."""
        shown = self.capsys.readouterr()
        self.out, self.err = self.out + shown.out, self.err + shown.err

    @property
    def record(self) -> dict[str, Any]:
        """What --json printed."""
        record: dict[str, Any] = json.loads(self.out)
        return record


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Watched:
    seen = Watched(capsys, monkeypatch)
    noise = iter(PLANTED)
    real_read, real_ladder = SystemEntropy.read, mechanisms.ladder

    def read(self: SystemEntropy, size: int) -> bytes:
        seen.reads += 1
        if seen.reads == 1:
            seen.at_first_bit()
        return real_read(self, size)

    def planted(entropy: Entropy, exponent: Fraction) -> int:
        entropy.read(1)
        seen.sources.add(type(entropy))
        seen.exponents.append(exponent)
        return next(noise)

    def ladder(exponent: Fraction, *reach: int) -> Any:
        seen.exponents.append(exponent)
        return real_ladder(exponent, *reach)

    monkeypatch.setattr(SystemEntropy, "read", read)
    for module in (numeric, threshold):
        monkeypatch.setattr(module, "discrete_laplace", planted)
    for module in (mechanisms, committee):
        monkeypatch.setattr(module, "ladder", ladder)
    return seen


def book(
    folder: Path,
    relation: NeighbouringRelation,
    kind: BudgetKind = BudgetKind.PURE,
    budget: Fraction = BUDGET,
) -> Ledger:
    return Ledger.create(folder / "budget.db", kind=kind, neighbors=relation, budget=Cost(budget))


def paid(ledger: Ledger) -> list[object]:
    return ["--ledger", ledger.path, "--dataset", "people"]


def amounts(ledger: Ledger) -> list[Fraction]:
    return [entry.cost.amount for entry in ledger.entries()]


# ------------------------------------------------------------------------------------------ stated, drawn, charged


@each_case
def test_what_is_printed_is_what_is_drawn_and_charged(case: Case, watched: Watched, tmp_path: Path) -> None:
    ledger = book(tmp_path, case.relation)
    assert watched.call(*case.arguments(tmp_path), *paid(ledger), "--json") == 0
    assert list(dict.fromkeys(watched.exponents)) == list(dict.fromkeys(case.exponents))
    assert watched.sources <= {SystemEntropy}
    assert watched.reads
    record = watched.record
    assert {name: record[name] for name in case.shown} == case.shown
    assert record["epsilon"] == 0.5
    if case.command == ("vote", "winner"):
        assert "changes the chance of this result by a factor of at most 1.65" in record["guarantee"]
    assert record["neighbors"] == case.relation.value
    assert (record["ledger_remaining"], record["ledger_remaining_exact"]) == (0.25, "1/4")
    (entry,) = ledger.entries()
    assert (entry.dataset, entry.cost) == ("people", Cost(EPSILON))
    assert "epsilon 1/2" in entry.what or "epsilon 0.5" in entry.what


@each_case
def test_noise_is_on_every_number_that_is_printed(case: Case, watched: Watched, tmp_path: Path) -> None:
    """As text: the value with the planted noise, and before it the figures of that noise."""
    verbose = ["--verbose"] if case.command[0] == "vote" else []
    assert watched.call(*case.arguments(tmp_path), *verbose) == 0
    for words in case.said:
        assert words in watched.err
    if case.printed and case.printed[0] == case.command[-1]:
        name, text = case.printed
        line, *drawn = watched.out.splitlines()
        told = r"\(with privacy noise(; in 19 of 20 releases off by at most .+)?\)"
        shown = re.fullmatch(rf"{name} +about (\S+) {told}", line)
        assert shown is not None
        assert (shown[2] is None) == (watched.err.find("error at 95 %: +-") < 0)
        if "/" in text:
            assert abs(Fraction(shown[1].replace(",", "")) - Fraction(text)) <= Fraction(1, 200)
            assert [line.split() for line in drawn] == [["drawn", text]]
        else:
            assert (shown[1].replace(",", ""), drawn) == (text, [])
    elif case.command[-1] == "threshold":
        assert watched.out == "first  no (decided with privacy noise on each count)\n"
    elif case.printed:
        assert len(watched.exponents) == len(case.exponents)
        assert re.match("(Counts|Numbers) with privacy noise: in 19 of 20 releases a count is off by ", watched.out)
        assert re.findall(r"[\w./-]+", watched.out)[-len(case.printed) :] == list(case.printed)
    elif case.command != ("release", "quantile"):
        stated = f"epsilon 0.5, {case.relation.value}\n" if verbose else "protects each person with epsilon 0.5"
        assert stated in watched.err


@each_case
def test_a_zcdp_ledger_takes_the_price_in_rho(case: Case, watched: Watched, tmp_path: Path) -> None:
    ledger = book(tmp_path, case.relation, BudgetKind.ZCDP)
    assert watched.call(*case.arguments(tmp_path), *paid(ledger), "--json") == 0
    assert amounts(ledger) == [case.rho]
    assert watched.record["ledger_remaining_exact"] == str(BUDGET - case.rho)
    assert list(dict.fromkeys(watched.exponents)) == list(dict.fromkeys(case.exponents))


@pytest.mark.parametrize("case", [c for c in CASES.values() if c.words[0] == "release"], ids=lambda c: c.words[1])
def test_a_plan_states_the_same_and_draws_and_pays_nothing(case: Case, watched: Watched, tmp_path: Path) -> None:
    ledger = book(tmp_path, case.relation)
    assert watched.call(*case.arguments(tmp_path), *paid(ledger), "--plan", "--json") == 0
    expected = {name: value for name, value in case.shown.items() if name != "value"}
    assert {name: watched.record[name] for name in expected} == expected
    assert watched.record["value"] is None
    assert (watched.reads, ledger.entries()) == (0, [])


# ------------------------------------------------------------------------------------------ in this order


@each_case
def test_the_cost_is_on_disk_when_the_first_random_bit_is_read(case: Case, watched: Watched, tmp_path: Path) -> None:
    """Then the draw fails: it stays paid, once, and nothing is shown."""
    ledger = book(tmp_path, case.relation)
    found: list[list[Entry]] = []

    def stop() -> None:
        watched.read_output()
        found.append(ledger.entries())
        raise KeyboardInterrupt

    watched.at_first_bit = stop
    assert watched.call(*case.arguments(tmp_path), *paid(ledger), "--json") == 130
    assert [[entry.cost.amount for entry in entries] for entries in found] == [[EPSILON]]
    assert amounts(ledger) == [EPSILON]
    assert watched.out == ""


@each_case
def test_what_the_budget_does_not_hold_is_not_drawn(case: Case, watched: Watched, tmp_path: Path) -> None:
    ledger = book(tmp_path, case.relation, budget=EPSILON - Fraction(1, 10**9))
    assert watched.call(*case.arguments(tmp_path), *paid(ledger)) == 6
    assert (watched.reads, watched.exponents, ledger.entries(), watched.out) == (0, [], [], "")


@each_case
def test_what_the_budget_holds_exactly_is_drawn_once(case: Case, watched: Watched, tmp_path: Path) -> None:
    ledger = book(tmp_path, case.relation, budget=EPSILON)
    assert watched.call(*case.arguments(tmp_path), *paid(ledger)) == 0
    drawn = watched.reads
    assert f"left for 'people' in the ledger '{ledger.path}': epsilon 0\n" in watched.err
    assert watched.call(*case.arguments(tmp_path), *paid(ledger)) == 6
    assert watched.reads == drawn
    assert amounts(ledger) == [EPSILON]


@each_case
def test_a_relation_that_is_not_the_ledgers_is_refused(case: Case, watched: Watched, tmp_path: Path) -> None:
    (other,) = set(NeighbouringRelation) - {case.relation}
    ledger = book(tmp_path, other)
    assert watched.call(*case.arguments(tmp_path), *paid(ledger)) == 6
    assert (watched.reads, ledger.entries(), watched.out) == (0, [], "")


# A last row that cannot be read, for each table.
BAD_ROWS = {"rows.csv": "erin,1,2,3\n", "scores.csv": "E,many\n", "ballots.csv": "1,0,0,7\n"}


@each_case
def test_a_table_that_cannot_be_read_costs_nothing(case: Case, watched: Watched, tmp_path: Path) -> None:
    ledger = book(tmp_path, case.relation)
    arguments = case.arguments(tmp_path)
    (name,) = FILES.keys() & set(case.words)
    with (tmp_path / str(name)).open("a") as file:
        file.write(BAD_ROWS[str(name)])
    assert watched.call(*arguments, *paid(ledger)) == 3
    assert (watched.reads, ledger.entries(), watched.out) == (0, [], "")


@each_case
def test_a_ledger_without_a_dataset_is_refused(case: Case, watched: Watched, tmp_path: Path) -> None:
    ledger = book(tmp_path, case.relation)
    for half in (["--ledger", ledger.path], ["--dataset", "people"]):
        assert watched.call(*case.arguments(tmp_path), *half) == 2
    assert (watched.reads, ledger.entries(), watched.out) == (0, [], "")


def leaves(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Every command, by its names, with the names of its parameters."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            if isinstance(found, click.Group):
                yield from leaves(found, *names, name)
            else:
                yield (*names, name), {str(parameter.name) for parameter in found.params}


# Commands that have a peer, or write a response: their own tests are in tests/cli/test_poll_ledger.py and
# tests/cli/mpc/test_charged.py.
CHARGED_ELSEWHERE = {
    ("psi", "listen"),
    ("psi", "connect"),
    ("psi", "local"),
    ("psi", "answer"),
    ("poll", "respond"),
    ("mpc", "sum"),
    ("mpc", "mean"),
    ("mpc", "argmax"),
}


def test_every_command_with_a_ledger_is_in_the_table() -> None:
    """A new command that charges a ledger needs a line in `support.releasing`, or tests of its own."""
    all_charging = {names for names, parameters in leaves(root) if "ledger" in parameters}
    assert all_charging >= CHARGED_ELSEWHERE
    charging = all_charging - CHARGED_ELSEWHERE
    assert charging == {case.command for case in CASES.values()}
    spending = {
        n for n, parameters in leaves(root) if "epsilon" in parameters and n[0] in ("release", "vote", "select")
    }
    assert spending == charging | {("vote", "plan")}
