"""`poll respond --ledger`: what is stated is drawn and charged, before anything is drawn."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import poll as poll_module
from cli._errors import classify
from cli.poll import command
from dpselect import local_dp
from dpselect.accounting import BudgetKind, Cost
from dpselect.ledger import Ledger
from dpselect.privacy import NeighbouringRelation, ln_upper
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import InputError, OutputError

LN3 = ln_upper(Fraction(3))


def book(folder: Path, relation: str = "replace", budget: Fraction = Fraction(2), kind: str = "pure") -> Ledger:
    return Ledger.create(
        folder / "mine.db",
        kind=BudgetKind(kind),
        neighbors=NeighbouringRelation(relation),
        budget=Cost(budget),
    )


def respond(ledger: Ledger, *more: object, answer: str = "yes", epsilon: str = "1/2") -> Result:
    words = ["respond", "--answer", answer, "--epsilon", epsilon, "--ledger", ledger.path, "--dataset", "me", *more]
    return CliRunner().invoke(command, list(map(str, words)), standalone_mode=False)


def code(result: Result) -> int:
    return 0 if result.exception is None else classify(result.exception)[0]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Reads of random bits."""
    found: list[int] = []
    real = SystemEntropy.read

    def read(self: SystemEntropy, size: int) -> bytes:
        found.append(size)
        return real(self, size)

    monkeypatch.setattr(SystemEntropy, "read", read)
    return found


@pytest.mark.parametrize(
    ("epsilon", "parameter", "cost"),
    [("1/2", Fraction(1, 2), Fraction(1, 2)), ("ln(3)", Fraction(1, 3), LN3)],
)
@pytest.mark.parametrize("options", [(), ("--options", "yes,no,maybe")])
def test_what_is_stated_is_drawn_and_charged(
    epsilon: str,
    parameter: Fraction,
    cost: Fraction,
    options: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: set[Fraction] = set()

    def coin(_: object, chance: Fraction) -> bool:
        drawn.add(chance)
        return False

    monkeypatch.setattr(local_dp, "bernoulli", coin)
    monkeypatch.setattr(local_dp, "bernoulli_exp", coin)
    ledger = book(tmp_path)
    shown = respond(ledger, *options, "--json", epsilon=epsilon)
    record = json.loads(shown.stdout)
    assert drawn == {parameter}
    assert record["epsilon_exact"] == epsilon
    (entry,) = ledger.entries()
    assert (entry.dataset, entry.cost) == ("me", Cost(cost))
    assert entry.what == f"poll respond: {record['mechanism']}, epsilon {epsilon}"
    assert record["ledger_remaining_exact"] == str(2 - cost)
    assert "left for 'me'" in shown.stderr


def test_a_zcdp_ledger_pays_in_rho(tmp_path: Path) -> None:
    ledger = book(tmp_path, kind="zcdp")
    assert code(respond(ledger)) == 0
    assert [entry.cost for entry in ledger.entries()] == [Cost(Fraction(1, 8))]


def test_it_is_paid_when_the_first_bit_is_read_and_stays_paid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = book(tmp_path)
    found: list[int] = []

    def fail(self: SystemEntropy, size: int) -> bytes:
        found.append(len(ledger.entries()))
        raise OSError("no random bits")

    monkeypatch.setattr(SystemEntropy, "read", fail)
    shown = respond(ledger, "--output", tmp_path / "mine.csv")
    assert isinstance(shown.exception, OutputError)
    assert str(shown.exception).startswith(
        "the budget was charged, but the program failed before it could return the result: "
    )
    assert found == [1]
    assert len(ledger.entries()) == 1
    assert shown.stdout == ""
    assert not (tmp_path / "mine.csv").exists()


def test_a_response_that_cannot_be_written_stays_paid_and_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = book(tmp_path)

    def full(path: Path, data: bytes) -> None:
        assert len(ledger.entries()) == 1
        raise OSError("disk full")

    monkeypatch.setattr(poll_module, "write_bytes", full)
    shown = respond(ledger, "--output", tmp_path / "mine.csv")
    assert isinstance(shown.exception, InputError)
    assert str(shown.exception).startswith("the ledger was charged for the result, but the result could not")
    assert shown.stdout == ""
    assert len(ledger.entries()) == 1


def test_what_the_budget_does_not_hold_is_not_drawn(tmp_path: Path, reads: list[int]) -> None:
    ledger = book(tmp_path, budget=Fraction(1))
    assert [code(respond(ledger)) for _ in range(2)] == [0, 0]
    reads.clear()
    shown = respond(ledger)
    assert code(shown) == 6
    assert "over budget: the data set 'me' has a budget of epsilon 1 in the ledger" in str(shown.exception)
    assert (reads, shown.stdout, len(ledger.entries())) == ([], "", 2)


def test_a_ledger_of_another_relation_is_refused(tmp_path: Path, reads: list[int]) -> None:
    """That somebody answered is seen by whoever gets the response: only the answer is protected."""
    ledger = book(tmp_path, "add-remove")
    assert code(respond(ledger)) == 6
    assert (reads, ledger.entries()) == ([], [])


def test_a_mistake_costs_nothing(tmp_path: Path, reads: list[int]) -> None:
    ledger = book(tmp_path)
    (tmp_path / "mine.csv").write_text("kept")
    assert code(respond(ledger, "--output", tmp_path / "mine.csv")) == 3
    assert code(respond(ledger, answer="perhaps")) == 2
    alone = CliRunner().invoke(command, ["respond", "--answer", "yes", "--epsilon", "1", "--dataset", "me"])
    assert code(alone) == 2
    assert (reads, ledger.entries()) == ([], [])
