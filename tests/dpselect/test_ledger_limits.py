"""The last name, text and amount that a ledger takes, and the first that it refuses; what an entry says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from dpselect.accounting import ApproximateDp, BudgetKind, Cost, PureDp
from dpselect.ledger import Balance, Entry, Ledger
from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import BudgetError, InputError, UsageError

REPLACE = NeighbouringRelation.REPLACE
HALF = PureDp(Fraction(1, 2))
SMALLEST = Fraction(1, 10**397)  # with "1/" a text of 400 characters


def make(path: Path, amount: Fraction = Fraction(1), delta: Fraction = Fraction(0), *datasets: str) -> Ledger:
    return Ledger.create(
        path / "ledger", kind=BudgetKind.PURE, neighbors=REPLACE, budget=Cost(amount, delta), datasets=datasets
    )


@pytest.mark.parametrize("name", ["x", "x" * 200, "a b", "żółw"])
def test_names_at_their_limits(tmp_path: Path, name: str) -> None:
    ledger = make(tmp_path, Fraction(1), Fraction(0), name)
    assert ledger.spend(name, HALF, neighbors=REPLACE, what="").remaining == Cost(Fraction(1, 2))
    assert Ledger.open(ledger.path).datasets == (name,)


@pytest.mark.parametrize("name", ["", "x" * 201, "x ", " x", "\n", "a\tb", "\x7f"])
def test_names_beyond_their_limits(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="dataset's name"):
        make(tmp_path, Fraction(1), Fraction(0), name)
    assert not list(tmp_path.iterdir())
    ledger = make(tmp_path)
    for refused in (lambda: ledger.spend(name, HALF, neighbors=None, what=""), lambda: ledger.balance(name)):
        with pytest.raises(UsageError, match="dataset's name"):
            refused()
    assert ledger.entries() == []


def test_an_entry_says_what_when_and_how_much(tmp_path: Path) -> None:
    ledger = make(tmp_path, Fraction(2), Fraction(1, 10))
    before = datetime.now(UTC) - timedelta(seconds=1)
    for what in ("", "x" * 200):
        ledger.spend("poll", ApproximateDp(Fraction(1, 3), Fraction(1, 100)), neighbors=REPLACE, what=what)
    for what in ("x" * 201, "two\nlines", "\x1b[2J"):
        with pytest.raises(UsageError, match="one line of at most 200"):
            ledger.spend("poll", HALF, neighbors=REPLACE, what=what)
    first, second = ledger.entries()
    assert (first.what, second.what) == ("", "x" * 200)
    assert first == Entry("poll", Cost(Fraction(1, 3), Fraction(1, 100)), "", first.at)
    assert before <= datetime.fromisoformat(first.at) <= datetime.now(UTC)
    assert first.at.endswith("+00:00")


@pytest.mark.parametrize("amount", [SMALLEST, Fraction(10**399), Fraction(10**396 + 1, 10**397 + 3)])
def test_amounts_at_their_limits(tmp_path: Path, amount: Fraction) -> None:
    ledger = make(tmp_path, amount)
    assert Ledger.open(ledger.path).budget.amount == amount
    assert ledger.spend("poll", PureDp(amount), neighbors=REPLACE, what="").remaining.amount == 0
    assert ledger.entries()[0].cost.amount == amount
    with pytest.raises(BudgetError, match="over budget"):
        ledger.spend("poll", PureDp(SMALLEST), neighbors=REPLACE, what="")


@pytest.mark.parametrize(
    ("amount", "delta"),
    [
        *((Fraction(0), Fraction(0)), (Fraction(10**400), Fraction(0)), (Fraction(1), Fraction(1))),
        *((Fraction(1), Fraction(10**401 - 1, 10**401)), (Fraction(0), Fraction(1, 2))),
    ],
)
def test_budgets_beyond_their_limits(tmp_path: Path, amount: Fraction, delta: Fraction) -> None:
    with pytest.raises(UsageError):
        make(tmp_path, amount, delta)
    assert not list(tmp_path.iterdir())


def test_delta_may_be_all_but_one(tmp_path: Path) -> None:
    ledger = make(tmp_path, Fraction(1), Fraction(999, 1000))
    spent = ledger.spend("poll", ApproximateDp(Fraction(1), Fraction(999, 1000)), neighbors=REPLACE, what="")
    assert spent == Balance("poll", ledger.budget, Cost(Fraction(1), Fraction(999, 1000)))
    assert spent.remaining == Cost(Fraction(0))


def test_a_failed_creation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("link", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(f"os.{name}", refused)
            with pytest.raises(InputError, match="cannot create the ledger"):
                make(tmp_path)
        assert not list(tmp_path.iterdir()), name


def test_a_check_refuses_what_a_spend_refuses_and_spends_nothing(tmp_path: Path) -> None:
    """It reads the entries of today: what was spent since it was asked counts at the spend."""
    ledger, add_remove = make(tmp_path, Fraction(1), Fraction(0), "poll"), NeighbouringRelation.ADD_REMOVE
    for _ in range(3):
        ledger.check("poll", PureDp(Fraction(1)), neighbors=REPLACE)
    ledger.check("poll", PureDp(Fraction(1)), neighbors=None)
    assert ledger.entries() == []
    for dataset, amount, relation in (
        ("poll", "1.000000001", REPLACE),
        ("polls", "1", REPLACE),
        ("poll", "1", add_remove),
    ):
        event = PureDp(Fraction(amount))
        with pytest.raises(BudgetError) as checked:
            ledger.check(dataset, event, neighbors=relation)
        with pytest.raises(BudgetError) as spent:
            ledger.spend(dataset, event, neighbors=relation, what="a release")
        assert str(checked.value) == str(spent.value)
    with pytest.raises(UsageError):
        ledger.check("", PureDp(Fraction(1)), neighbors=REPLACE)
    ledger.spend("poll", PureDp(Fraction(1, 2)), neighbors=REPLACE, what="a release")
    with pytest.raises(BudgetError, match="over budget"):
        ledger.check("poll", PureDp(Fraction(1)), neighbors=REPLACE)
