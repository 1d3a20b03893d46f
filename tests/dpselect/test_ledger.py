"""The ledger: exact, refused over budget, and a spend survives whatever happens to its process."""

from __future__ import annotations

import contextlib
import math
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpselect.accounting import ApproximateDp, BoundedRange, BudgetKind, Cost, PureDp
from dpselect.ledger import Ledger
from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import BudgetError, InputError, UsageError

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
TENTH = PureDp(Fraction(1, 10))


def make(path: Path, amount: str = "1", kind: BudgetKind = BudgetKind.PURE, **more: object) -> Ledger:
    more.setdefault("neighbors", ADD_REMOVE)
    return Ledger.create(path / "ledger.db", kind=kind, budget=Cost(Fraction(amount)), **more)


def spend(ledger: Ledger, event: object = TENTH, dataset: str = "poll") -> Cost:
    return ledger.spend(dataset, event, neighbors=ledger.neighbors, what="test").remaining


def test_ten_tenths_are_exactly_one(tmp_path: Path) -> None:
    ledger = make(tmp_path)
    left = [spend(ledger).amount for _ in range(10)]
    assert left == [Fraction(9 - i, 10) for i in range(10)]
    with pytest.raises(
        BudgetError, match=r"'poll' has a budget of epsilon 1 .* and nothing is left.* cost epsilon 1/10 \(0.1\)"
    ):
        spend(ledger)
    assert len(ledger.entries()) == 10
    assert spend(ledger, PureDp(Fraction(0))).amount == 0


def test_an_excess_of_one_part_in_10_to_the_60_is_refused(tmp_path: Path) -> None:
    ledger = make(tmp_path)
    spend(ledger, PureDp(Fraction(1, 2)))
    with pytest.raises(BudgetError):
        spend(ledger, PureDp(Fraction(1, 2) + Fraction(1, 10**60)))
    assert spend(ledger, PureDp(Fraction(1, 2))).amount == 0


def test_zcdp_charges_the_exponential_mechanism_a_quarter(tmp_path: Path) -> None:
    ledger = make(tmp_path, "1", BudgetKind.ZCDP)
    assert spend(ledger, BoundedRange(Fraction(1))).amount == Fraction(7, 8)
    assert spend(ledger, PureDp(Fraction(1))).amount == Fraction(3, 8)


def test_delta_is_a_budget_of_its_own(tmp_path: Path) -> None:
    budget = Cost(Fraction(5), Fraction(1, 10**6))
    ledger = Ledger.create(tmp_path / "l", kind=BudgetKind.PURE, neighbors=REPLACE, budget=budget)
    assert spend(ledger, ApproximateDp(Fraction(1), Fraction(1, 10**6))) == Cost(Fraction(4))
    with pytest.raises(BudgetError, match="delta"):
        spend(ledger, ApproximateDp(Fraction(1), Fraction(1, 10**9)))
    assert spend(ledger).amount == Fraction(39, 10)


def test_terms_survive_reopening_and_relations_do_not_mix(tmp_path: Path) -> None:
    made = make(tmp_path, "2/3", neighbors=REPLACE, datasets=["poll", "town é"])
    opened = Ledger.open(made.path)
    assert opened == made
    with pytest.raises(BudgetError, match="counts releases with --neighbors replace"):
        opened.spend("poll", TENTH, neighbors=ADD_REMOVE, what="")
    opened.spend("poll", TENTH, neighbors=None, what="a declared sensitivity")
    assert [e.what for e in opened.entries()] == ["a declared sensitivity"]


def test_named_datasets_only_or_each_its_own_budget(tmp_path: Path) -> None:
    named = make(tmp_path, datasets=["poll"])
    with pytest.raises(BudgetError, match="no data set 'pol'"):
        spend(named, dataset="pol")
    with pytest.raises(BudgetError, match="no data set"):
        named.balance("pol")
    opened = Ledger.create(tmp_path / "open", kind=BudgetKind.PURE, neighbors=REPLACE, budget=Cost(Fraction(1)))
    spend(opened, PureDp(Fraction(1)), "a")
    assert opened.balance("a").remaining.amount == 0
    assert opened.balance("b").remaining.amount == 1
    spend(opened, TENTH, "b")
    for name, spent in (("a", 1), ("b", Fraction(1, 10)), ("A", 0), ("aa", 0), ("0", 0), ("c", 0)):
        assert opened.balance(name).spent.amount == spent


def test_costs_are_described_in_the_currency_of_the_ledger(tmp_path: Path) -> None:
    for kind, currency in ((BudgetKind.PURE, "epsilon"), (BudgetKind.ZCDP, "rho")):
        (tmp_path / currency).mkdir()
        ledger = make(tmp_path / currency, "1", kind)
        assert ledger.describe(Cost(Fraction(1, 8))) == f"{currency} 1/8 (0.125)"
        assert ledger.describe(Cost(Fraction(1, 3))) == f"{currency} 1/3 (0.333333)"
        assert ledger.describe(Cost(Fraction(10**9 + 1, 10**9))) == f"{currency} 1000000001/1000000000 (1.000000001)"
        assert ledger.describe(Cost(Fraction(2), Fraction(1, 4))) == f"{currency} 2 and delta 1/4 (0.25)"


def test_another_programs_file_with_the_same_tables_is_no_ledger(tmp_path: Path) -> None:
    ledger = make(tmp_path)
    with contextlib.closing(sqlite3.connect(ledger.path)) as raw:
        raw.execute("PRAGMA application_id = 0")
        raw.commit()
    with pytest.raises(InputError, match="is not a psiselect ledger"):
        Ledger.open(ledger.path)


def test_created_private_whole_and_never_over_another_file(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        ledger = make(tmp_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["ledger.db"]
    before = ledger.path.read_bytes()
    with pytest.raises(InputError, match="never overwrites a ledger"):
        make(tmp_path)
    assert ledger.path.read_bytes() == before
    assert os.listdir(tmp_path) == ["ledger.db"]
    with pytest.raises(InputError, match="cannot create"):
        make(tmp_path / "nowhere")


def test_files_that_are_no_ledgers(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, but long enough to be read as one" * 20)
    with contextlib.closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE t (x)")
    (tmp_path / "empty").touch()
    for name in ("text", "other", "empty", "missing"):
        with pytest.raises(InputError):
            Ledger.open(tmp_path / name)
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE spend SET amount = '-1'",
        "UPDATE spend SET amount = 0.1",
        "UPDATE spend SET delta = 'nan'",
        "UPDATE ledger SET amount = '1/0'",
        "UPDATE ledger SET kind = 'both'",
        "DELETE FROM ledger",
        "INSERT INTO ledger SELECT * FROM ledger",
        "DROP TABLE dataset",
        "UPDATE ledger SET any_dataset = 0",
    ],
)
def test_a_damaged_ledger_gives_a_typed_error_and_no_spend(tmp_path: Path, statement: str) -> None:
    ledger = make(tmp_path)
    spend(ledger)
    with contextlib.closing(sqlite3.connect(ledger.path)) as raw:
        raw.execute(statement)
        raw.commit()
    with pytest.raises((InputError, BudgetError)):
        spend(Ledger.open(ledger.path))


def test_what_cannot_be_written_is_not_released(tmp_path: Path) -> None:
    ledger = make(tmp_path)
    ledger.path.unlink()
    with pytest.raises(BudgetError, match="nothing was released"):
        spend(ledger)


@pytest.mark.parametrize("name", ["", " poll", "a\nb", "a\x1b[2J", "x" * 201])
def test_names_are_short_and_printable(tmp_path: Path, name: str) -> None:
    ledger = make(tmp_path)
    with pytest.raises(UsageError):
        spend(ledger, dataset=name)


def test_amounts_out_of_bounds(tmp_path: Path) -> None:
    ledger = make(tmp_path)
    with pytest.raises(UsageError, match="400 digits"):
        spend(ledger, PureDp(Fraction(10**400)))
    with pytest.raises(BudgetError):
        spend(ledger, PureDp(Fraction(10**400 - 1)))
    with pytest.raises(UsageError):
        PureDp(Fraction(-1, 10))
    with pytest.raises(UsageError):
        PureDp(0.1)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="above 0"):
        make(tmp_path / "zero", "0")


def test_a_budget_is_spent_to_its_last_part_and_no_further(tmp_path: Path) -> None:
    budget = Cost(Fraction(1, 3), Fraction(1, 10**6))
    book = Ledger.create(tmp_path / "l", kind=BudgetKind.PURE, neighbors=REPLACE, budget=budget)
    least = Fraction(1, book.unit)

    def spend(amount: Fraction, delta: Fraction = Fraction(0)) -> Cost:
        return book.spend("a", ApproximateDp(amount, delta), neighbors=REPLACE, what="x").remaining

    with pytest.raises(BudgetError):
        spend(Fraction(1, 3) + least)
    with pytest.raises(BudgetError):
        spend(least, Fraction(1, 10**6) + least)
    assert spend(Fraction(1, 3) - least, Fraction(1, 10**6)) == Cost(least)
    with pytest.raises(BudgetError):
        spend(2 * least)
    with pytest.raises(BudgetError):
        spend(Fraction(0), least)
    assert spend(least / 2) == Cost()  # charged as the least
    assert len(book.entries()) == 2


def test_names_and_amounts_of_a_ledger_end_where_they_say(tmp_path: Path) -> None:
    book = Ledger.create(tmp_path / "l", kind=BudgetKind.PURE, neighbors=REPLACE, budget=Cost(Fraction(10**399)))
    longest = 200
    for name, what in (("n" * longest, "w" * longest), ("n", "")):
        book.spend(name, PureDp(Fraction(1)), neighbors=REPLACE, what=what)
    with pytest.raises(UsageError):
        book.spend("n" * (longest + 1), PureDp(Fraction(1)), neighbors=REPLACE, what="")
    with pytest.raises(UsageError):
        book.spend("n", PureDp(Fraction(1)), neighbors=REPLACE, what="w" * (longest + 1))
    assert len(book.entries()) == 2


@settings(max_examples=20, deadline=None)
@given(st.lists(st.fractions(0, 1), max_size=12))
def test_the_total_is_the_exact_sum_of_what_was_charged(tmp_path_factory: object, costs: list[Fraction]) -> None:
    """And each charge is its cost, rounded up to a multiple of 1/unit."""
    ledger = make(tmp_path_factory.mktemp("ledger"), "2")  # type: ignore[attr-defined]
    accepted = Fraction(0)
    for exact in costs:
        cost = Fraction(math.ceil(exact * ledger.unit), ledger.unit)
        assert exact <= cost < exact + Fraction(1, ledger.unit)
        if accepted + cost <= 2:
            spend(ledger, PureDp(cost))
            accepted += cost
        else:
            with pytest.raises(BudgetError):
                spend(ledger, PureDp(cost))
    assert ledger.balance("poll").spent.amount == accepted


# --- other processes, and their deaths ---

# Spends (and "releases", by adding a byte to a file) until the budget refuses. The order is what is under test.
WORKER = """
import os, sys
from fractions import Fraction
from pathlib import Path
from dpselect.accounting import PureDp
from psiselect.base.errors import BudgetError
from dpselect.ledger import Ledger
ledger = Ledger.open(Path(sys.argv[1]))
released = os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
def spend(): ledger.spend("poll", PureDp(Fraction(1, 1000)), neighbors=ledger.neighbors, what="worker")
def release(): os.write(released, b"x")
steps = (spend, release) if sys.argv[3] == "spend-first" else (release, spend)
print("ready", flush=True)
try:
    while True:
        for step in steps: step()
except BudgetError as error:
    sys.exit("over budget" not in str(error))  # a busy file is to be waited for, not an end
"""


def start(ledger: Ledger, released: Path, order: str = "spend-first") -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", WORKER, str(ledger.path), str(released), order]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE)


def kill_at_random(ledger: Ledger, released: Path, order: str, kills: int, seed: int) -> int:
    """Run workers one after the other, each killed after a random while; the largest excess of releases seen."""
    clock = random.Random(seed)
    worst = -(10**9)
    for _ in range(kills):
        with start(ledger, released, order) as worker:
            assert worker.stdout is not None
            worker.stdout.readline()
            size = released.stat().st_size
            while released.stat().st_size == size and clock.random() < 0.9:  # most, not all, get to release
                time.sleep(0.0005)
            time.sleep(clock.uniform(0, 0.01))
            worker.send_signal(signal.SIGKILL)
        worst = max(worst, released.stat().st_size - len(ledger.entries()))
    return worst


def test_a_killed_process_never_leaves_a_free_release(tmp_path: Path) -> None:
    ledger = make(tmp_path, "1000")
    assert kill_at_random(ledger, tmp_path / "released", "spend-first", 25, seed=1) <= 0
    assert len(ledger.entries()) >= 5  # the workers did get to work
    assert ledger.balance("poll").spent.amount == Fraction(len(ledger.entries()), 1000)


def test_the_kill_test_catches_a_release_before_its_spend(tmp_path: Path) -> None:
    """The same harness on the wrong order: if it could not see that, the test above would show nothing."""
    ledger = make(tmp_path, "1000")
    assert kill_at_random(ledger, tmp_path / "released", "release-first", 12, seed=2) > 0


def test_processes_together_spend_the_budget_exactly_once(tmp_path: Path) -> None:
    ledger = make(tmp_path, "1/10")  # a hundred spends of 1/1000
    workers = [start(ledger, tmp_path / "released") for _ in range(4)]
    for worker in workers:
        worker.communicate(timeout=60)
        assert worker.returncode == 0
    assert ledger.balance("poll").remaining.amount == 0
    assert (tmp_path / "released").stat().st_size == len(ledger.entries()) == 100


KILLED_INSIDE = """
import os, signal, sqlite3, sys
from fractions import Fraction
from pathlib import Path
from dpselect.accounting import PureDp
from dpselect.ledger import Ledger
connect = sqlite3.connect
class Dying:
    def __init__(self, inner): self.inner, self.left = inner, int(sys.argv[2])
    def __getattr__(self, name): return getattr(self.inner, name)
    def execute(self, *arguments):
        if self.left == 0: os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return self.inner.execute(*arguments)
ledger = Ledger.open(Path(sys.argv[1]))
sqlite3.connect = lambda *a, **k: Dying(connect(*a, **k))
ledger.spend("poll", PureDp(Fraction(1, 10)), neighbors=ledger.neighbors, what="dying")
print("released", flush=True)
"""


def test_killed_before_every_statement_of_a_spend(tmp_path: Path) -> None:
    """Before each statement in turn: nothing is released, the file stays sound, and the next spend works."""
    ledger = make(tmp_path)
    statements = 0
    while True:
        arguments = [sys.executable, "-c", KILLED_INSIDE, str(ledger.path), str(statements)]
        done = subprocess.run(arguments, capture_output=True, timeout=60)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        assert done.stdout == b""
        assert ledger.balance("poll").spent.amount == 0
        statements += 1
    assert statements >= 6  # two pragmas, BEGIN, SELECT, INSERT, COMMIT
    assert done.stdout == b"released\n"
    assert ledger.balance("poll").spent.amount == Fraction(1, 10)
