"""The last name, text and amount that a ledger takes, and the first that it refuses; what an entry says."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from dpselect.accounting import ApproximateDp, BoundedRange, BudgetKind, Cost, PureDp
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
    with pytest.raises(UsageError, match="the name of a data set must have 1 to 200"):
        make(tmp_path, Fraction(1), Fraction(0), name)
    assert not list(tmp_path.iterdir())
    ledger = make(tmp_path)
    for refused in (lambda: ledger.spend(name, HALF, neighbors=None, what=""), lambda: ledger.balance(name)):
        with pytest.raises(UsageError, match="the name of a data set must have 1 to 200"):
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


# ------------------------------------------------------------------------------------------ many entries, long amounts


def plant(ledger: Ledger, amounts: Iterable[str], dataset: str = "poll") -> None:
    """Entries as they stand in the file, of any program version."""
    with contextlib.closing(sqlite3.connect(ledger.path)) as raw:
        raw.executemany(
            "INSERT INTO spend (dataset, amount, delta, what, at) VALUES (?, ?, '0', 'old', '2025-01-01')",
            [(dataset, amount) for amount in amounts],
        )
        raw.commit()


def test_common_amounts_are_charged_exactly(tmp_path: Path) -> None:
    ledger = make(tmp_path, Fraction(100))
    zcdp = Ledger.create(
        tmp_path / "z", kind=BudgetKind.ZCDP, neighbors=REPLACE, budget=Cost(Fraction(100), Fraction(1, 2))
    )
    for text in ["1/3", "1/97", "1/100", "0.1", f"0.{'3' * 30}", "1e-60", str(Fraction(7, 2**64))]:
        event = PureDp(Fraction(text))
        assert ledger.charged(event) == event.cost(BudgetKind.PURE), text
        if text != "1e-60":
            for squared in (event, BoundedRange(Fraction(text))):
                assert zcdp.charged(squared) == squared.cost(BudgetKind.ZCDP), text
    assert ledger.charged(PureDp(Fraction(1, 101))).amount - Fraction(1, 101) in (
        Fraction(k, 101 * ledger.unit) for k in range(1, 101)
    )


def test_delta_is_rounded_up_too(tmp_path: Path) -> None:
    ledger = make(tmp_path, Fraction(1), Fraction(1, 2))
    cost = ledger.charged(ApproximateDp(Fraction(1), Fraction(1, 10**90)))
    assert Fraction(1, 10**90) < cost.delta < Fraction(1, 10**90) + Fraction(1, ledger.unit)


def test_a_budget_of_any_denominator_can_be_spent_to_its_end(tmp_path: Path) -> None:
    odd = Fraction(10**29 + 7, 3 * 10**30 + 1)
    ledger = make(tmp_path, 3 * odd)
    for _ in range(3):
        left = ledger.spend("poll", PureDp(odd), neighbors=REPLACE, what="").remaining
    assert left == Cost()


def test_hundreds_of_long_amounts_do_not_grow(tmp_path: Path) -> None:
    """Without rounding, the common denominator has 5,000 digits: more than Python writes."""
    ledger = make(tmp_path, Fraction(1000))
    exact, ratios = Fraction(0), [Fraction(10**249 + 1 + 2 * k, 10**250 - 1 - 6 * k) for k in range(20)]
    for ratio in ratios:
        left = ledger.spend("poll", PureDp(ratio), neighbors=REPLACE, what="").remaining.amount
        exact += ratio
    assert 1000 - exact - Fraction(20, ledger.unit) < left < 1000 - exact
    assert len(str(left)) < 500
    (balance,) = ledger.balances()
    assert balance == ledger.balance("poll")
    assert ledger.describe(balance.spent) == f"epsilon about {float(exact):.6g}"


def test_older_entries_of_any_denominator_open_and_add_up(tmp_path: Path) -> None:
    """Exactly while their common denominator is short, and then too high by less than one unit for each."""
    few = make(tmp_path, Fraction(1))
    plant(few, ["1/53", "1/101"] * 50)
    assert few.balance("poll").spent.amount == 50 * (Fraction(1, 53) + Fraction(1, 101))
    (tmp_path / "many").mkdir()
    many = make(tmp_path / "many", Fraction(1000))
    amounts = [Fraction(10**29 + k, 10**200 - 1 - 2 * k) for k in range(300)]
    plant(many, map(str, amounts))
    spent, exact = many.balance("poll").spent.amount, sum(amounts)
    assert exact < spent < exact + Fraction(300, many.unit)
    many.spend("poll", PureDp(Fraction(1)), neighbors=REPLACE, what="")
    assert many.balance("poll").spent.amount == spent + 1


@pytest.mark.parametrize("delta", ["0", "1/16", f"1/{10**1300 + 1}"])
@pytest.mark.parametrize("amount", ["1/10", f"1/{10**29 + 1}", f"2/{10**1300 + 1}"])
def test_one_entry_is_the_sum_of_itself(tmp_path: Path, amount: str, delta: str) -> None:
    """Exact where a sum is exact, else rounded up in the same way. A denominator of 1300 digits is too long."""
    ledger = make(tmp_path, Fraction(1), Fraction(1, 2))
    with contextlib.closing(sqlite3.connect(ledger.path)) as raw:
        raw.execute(
            "INSERT INTO spend (dataset, amount, delta, what, at) VALUES ('poll', ?, ?, 'old', '2025-01-01')",
            (amount, delta),
        )
        raw.commit()
    (balance,) = ledger.balances()
    assert balance == ledger.balance("poll")
    for part, written in ((balance.spent.amount, Fraction(amount)), (balance.spent.delta, Fraction(delta))):
        assert (part == written) == (written.denominator < 10**1300)
        assert written <= part < written + Fraction(1, ledger.unit)


def test_a_statement_is_of_one_moment(tmp_path: Path) -> None:
    ledger = make(tmp_path, Fraction(2), Fraction(0), "a", "b")
    for name in ("a", "b", "a"):
        ledger.spend(name, HALF, neighbors=REPLACE, what=name)
    balances, entries = ledger.statement()
    of_a = ledger.statement("a")
    before = ledger.balances(), ledger.entries(), [ledger.balance("a")], ledger.entries("a")
    ledger.spend("a", HALF, neighbors=REPLACE, what="later")
    assert (list(balances), list(entries), *map(list, of_a)) == before
    with pytest.raises(BudgetError, match="has no data set 'c'"):
        ledger.statement("c")


def test_a_statement_without_entries_names_every_data_set(tmp_path: Path) -> None:
    ledger = make(tmp_path, Fraction(2), Fraction(0), "a", "b")
    assert [balance.spent for balance in ledger.statement()[0]] == [Cost(), Cost()]
    assert [[*part] for part in ledger.statement("a")] == [[ledger.balance("a")], []]
    plant(ledger, ["1/0"], "a")
    for made in ledger.statement():
        with pytest.raises(InputError, match="the amount of an entry cannot be read"):
            list(made)


def test_what_older_entries_have_spent_beyond_the_budget_leaves_nothing(tmp_path: Path) -> None:
    """Exact sums of an older version reached the budget; rounded up, they may pass it."""
    ledger = make(tmp_path)
    plant(ledger, ["1", "1/53"])
    assert ledger.balance("poll").remaining == Cost()
    with pytest.raises(BudgetError, match="and nothing is left"):
        ledger.spend("poll", HALF, neighbors=REPLACE, what="")


def test_sums_by_dataset_are_those_of_each(tmp_path: Path) -> None:
    ledger = make(tmp_path, Fraction(1), Fraction(1, 2), "a", "b")
    for name, delta in (("a", 4), ("b", 8), ("a", 16)):
        ledger.spend(name, ApproximateDp(Fraction(1, 3), Fraction(1, delta)), neighbors=REPLACE, what="")
    assert ledger.balances() == [ledger.balance("a"), ledger.balance("b")]
    assert ledger.balances()[0].spent == Cost(Fraction(2, 3), Fraction(5, 16))
    assert [entry.cost.delta for entry in ledger.entries("a")] == [Fraction(1, 4), Fraction(1, 16)]
    assert [entry.cost.delta for entry in ledger.entries(newest=2)] == [Fraction(1, 8), Fraction(1, 16)]
    assert [entry.cost.delta for entry in ledger.entries("a", newest=1)] == [Fraction(1, 16)]
