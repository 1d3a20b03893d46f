"""A privacy budget that outlives the process: one SQLite file, exact fractions, spent before anything is released.

A ledger fixes three things when it is created: its kind (`accounting.BudgetKind`), the neighbouring relation that its
releases are stated for, and one budget that each dataset gets. `spend` returns only when the cost is on disk. So a
process that releases after it may be killed at any moment: a crash costs budget, and never gives a free release.
A cost is rounded up to a multiple of 1/`Ledger.unit` before it is charged, so that sums of many entries stay short.
The entries of older files may have other denominators; `accounting.BoundedSum` adds them up.

The rules of this room: no amount is ever a float. Every write happens inside BEGIN IMMEDIATE, which reads the total
and adds the entry as one step, whatever other processes do. Synchronous is EXTRA (durable.transaction).

Not covered: a restored copy of the file, the data's owner editing the file, and network file systems whose locks do
not work. Neither is a dataset under a second name; name the datasets at creation to refuse unknown ones.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import itertools
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dpselect import amounts, words_ledger
from dpselect.accounting import UNIT, BudgetKind, Cost, Event
from dpselect.privacy import NeighbouringRelation
from psiselect.base import durable
from psiselect.base.durable import Connection
from psiselect.base.errors import BudgetError, InputError

APPLICATION_ID = 0x70734C31  # "psL1", in the file's header
MAX_NAME = 200
_SHOWN_DIGITS = 40
_NOTHING = Fraction(0)
_NOTHING_SPENT = Cost()
_Row = tuple[str, str, str, str, str]  # data set, amount, delta, what, at
_ENTRIES = "SELECT dataset, amount, delta, what, at FROM spend ORDER BY id DESC LIMIT ?"
_ENTRIES_OF_ONE = "SELECT dataset, amount, delta, what, at FROM spend WHERE dataset = ? ORDER BY id DESC LIMIT ?"
_SCHEMA = (
    "CREATE TABLE ledger (kind TEXT NOT NULL, neighbors TEXT NOT NULL, amount TEXT NOT NULL, delta TEXT NOT NULL, "
    "any_dataset INTEGER NOT NULL)",
    "CREATE TABLE dataset (name TEXT PRIMARY KEY)",
    "CREATE TABLE spend (id INTEGER PRIMARY KEY, dataset TEXT NOT NULL, amount TEXT NOT NULL, delta TEXT NOT NULL, "
    "what TEXT NOT NULL, at TEXT NOT NULL)",
    "CREATE INDEX spend_dataset ON spend (dataset)",
    f"PRAGMA application_id = {APPLICATION_ID}",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One spend: what for, when (UTC, ISO 8601), and its cost."""

    dataset: str
    cost: Cost
    what: str
    at: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What one dataset has: its budget and what is spent.

    `remaining` is never negative: the sum of an older file's entries may be rounded up beyond the budget.
    """

    dataset: str
    budget: Cost
    spent: Cost

    @property
    def remaining(self) -> Cost:
        budget, spent = self.budget, self.spent
        amount = budget.amount - spent.amount
        delta = budget.delta - spent.delta if spent.delta else budget.delta
        return Cost(_at_least_0(amount), _at_least_0(delta))


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger file. Make one with `create` or `open`; each call connects anew, so threads and forks may share it."""

    path: Path
    kind: BudgetKind
    neighbors: NeighbouringRelation
    budget: Cost
    datasets: tuple[str, ...]  # empty: every name gets the budget

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        kind: BudgetKind,
        neighbors: NeighbouringRelation,
        budget: Cost,
        datasets: Iterable[str] = (),
    ) -> Ledger:
        """Make a ledger file (mode 0600) that appears whole or not at all.

        Args:
            neighbors: the relation that all releases are stated for.
            datasets: the names that may spend. Without any, every name may, each with the whole budget.

        Raises:
            UsageError: the budget is nothing, or a name is out of bounds.
            InputError: the file exists, or cannot be written.
        """
        path = Path(path)
        names = tuple(dict.fromkeys(_name(dataset) for dataset in datasets))
        if budget.amount <= 0 or not 0 <= budget.delta < 1:
            raise words_ledger.no_budget()
        row = (
            kind.value,
            neighbors.value,
            amounts.text_of(budget.amount),
            amounts.text_of(budget.delta),
            int(not names),
        )
        part = path.with_name(f".{path.name}.{os.urandom(8).hex()}.part")

        def failed(reason: str) -> InputError:
            return words_ledger.not_created(path, reason)

        try:
            durable.create_private(part)
            try:
                with durable.transaction(part, "BEGIN IMMEDIATE", failed) as connection:
                    for statement in _SCHEMA:
                        connection.execute(statement)
                    connection.execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?)", row)
                    connection.executemany("INSERT INTO dataset VALUES (?)", [(name,) for name in names])
                os.link(part, path)  # unlike a rename, refuses to replace
            finally:
                part.unlink()
            durable.sync_folder(path.parent)
        except FileExistsError:
            raise words_ledger.exists(path) from None
        except OSError as error:
            raise failed(error.strerror or str(error)) from None
        return cls(path, kind, neighbors, budget, names)

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Read a ledger's fixed terms. Raises InputError when the file is missing or no ledger."""
        path = Path(path)
        if not path.exists():
            raise words_ledger.missing(path)
        try:
            with durable.transaction(path, "BEGIN", _unreadable(path)) as connection:
                if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
                    raise words_ledger.no_ledger(path)
                ((kind, neighbors, amount, delta, any_dataset),) = connection.execute("SELECT * FROM ledger").fetchall()
                names = tuple(name for (name,) in connection.execute("SELECT name FROM dataset ORDER BY rowid"))
            if any_dataset != int(not names):
                raise ValueError
            budget = Cost(amounts.budget_of(amount), amounts.budget_of(delta))
            return cls(path, BudgetKind(kind), NeighbouringRelation(neighbors), budget, names)
        except ValueError:
            raise words_ledger.damaged_terms(path) from None

    def spend(self, dataset: str, event: Event, *, neighbors: NeighbouringRelation | None, what: str) -> Balance:
        """Take the event's cost from the dataset's budget. Call it before the release, and release only if it returns.

        Args:
            neighbors: the relation that the event's cost is stated for. None if the caller declares that it holds under
                the ledger's relation.
            what: one line for `entries`, without private data.

        Raises:
            BudgetError: the relation differs, the dataset is unknown, the budget does not hold the cost, or the entry
                cannot be written.
            UsageError: a name or an amount is out of bounds.
        """
        cost = self.charged(event)
        row = (_name(dataset), str(cost.amount), str(cost.delta), _line(what), _now())
        self._require_relation(neighbors)
        self._require(dataset)

        def failed(reason: str) -> BudgetError:
            return words_ledger.not_spent(self.path, reason)

        with durable.transaction(self.path, "BEGIN IMMEDIATE", failed) as connection:
            balance = self._afforded(connection, dataset, cost)
            connection.execute("INSERT INTO spend (dataset, amount, delta, what, at) VALUES (?, ?, ?, ?, ?)", row)
        return balance

    def check(self, dataset: str, event: Event, *, neighbors: NeighbouringRelation | None) -> None:
        """Raise what `spend` would raise now, and spend nothing: for whoever has others wait before the release."""
        cost = self.charged(event)
        self._require_relation(neighbors)
        self._require(_name(dataset))
        with durable.transaction(self.path, "BEGIN", _unreadable(self.path)) as connection:
            self._afforded(connection, dataset, cost)

    @property
    def unit(self) -> int:
        """Charges are multiples of 1/unit, and so is the budget, which can therefore be spent to its end."""
        return math.lcm(UNIT, self.budget.amount.denominator, self.budget.delta.denominator)

    def charged(self, event: Event) -> Cost:
        """What `spend` takes for the event: its cost, rounded up. Raises UsageError for an amount out of bounds."""
        cost = event.cost(self.kind)
        if cost.amount >= 10**amounts.MAX_DIGITS:
            raise words_ledger.too_large(amounts.MAX_DIGITS)
        return cost.rounded_up(self.unit)

    def balance(self, dataset: str) -> Balance:
        """What the dataset has left. Raises BudgetError when the ledger does not know it; InputError when damaged."""
        self._require(_name(dataset))
        with durable.transaction(self.path, "BEGIN", _unreadable(self.path)) as connection:
            return Balance(dataset, self.budget, self._spent(connection, dataset))

    def entries(self, dataset: str | None = None, newest: int | None = None) -> list[Entry]:
        """Every spend, oldest first; of one dataset, or only the newest, if asked. Raises InputError when the file is
        damaged."""
        return list(self._entries(self._rows(dataset, newest)))

    def balances(self, first: int | None = None) -> list[Balance]:
        """What each dataset has left: first those that were named at creation, then those that have spent.

        It reads the entries once. Datasets that have spent come in the order of their first entry.

        Args:
            first: how many datasets are wanted; None for all.

        Raises:
            InputError: the file is damaged.
        """
        return list(itertools.islice(self._balances(self._rows(), self.datasets), first))

    def statement(self, dataset: str | None = None) -> tuple[Iterator[Balance], Iterator[Entry]]:
        """`balances` and `entries` of one moment, all or of one dataset, made one by one: a long ledger has many.

        Raises:
            BudgetError: the ledger does not know the dataset.
            InputError: the file is damaged; also while the balances or the entries are made.
        """
        if dataset is not None:
            self._require(_name(dataset))
        rows = self._rows(dataset)
        return self._balances(rows, self.datasets if dataset is None else (dataset,)), self._entries(rows)

    def count(self) -> int:
        """How many datasets `balances` has. Raises InputError."""
        query = "SELECT COUNT(*) FROM (SELECT name FROM dataset UNION SELECT dataset FROM spend)"
        with durable.transaction(self.path, "BEGIN", _unreadable(self.path)) as connection:
            found: int = connection.execute(query).fetchone()[0]
        return found

    def describe(self, cost: Cost) -> str:
        """A cost in words: "epsilon 1/10 (0.1)", with the delta where there is one."""
        currency = "epsilon" if self.kind is BudgetKind.PURE else "rho"
        return f"{currency} {_words(cost.amount)}" + (f" and delta {_words(cost.delta)}" if cost.delta else "")

    def _require_relation(self, neighbors: NeighbouringRelation | None) -> None:
        if neighbors is not None and neighbors is not self.neighbors:
            raise words_ledger.other_relation(self.path, self.neighbors.value, neighbors.value)

    def _afforded(self, connection: Connection, dataset: str, cost: Cost) -> Balance:
        """The balance once the cost is spent. Raises BudgetError when the budget does not hold it."""
        before = self._spent(connection, dataset)
        balance = Balance(dataset, self.budget, before + cost)
        if not balance.spent.fits(self.budget):
            left = Balance(dataset, self.budget, before).remaining
            said = (self.describe(part) for part in (left, self.budget, cost))
            raise words_ledger.over_budget(self.path, dataset, *said)
        return balance

    def _require(self, dataset: str) -> None:
        if self.datasets and dataset not in self.datasets:
            raise words_ledger.unknown_dataset(self.path, dataset, self.datasets)

    def _spent(self, connection: Connection, dataset: str) -> Cost:
        sums = amounts.Sums(self.unit)
        with self._undamaged():
            for row in connection.execute("SELECT amount, delta FROM spend WHERE dataset = ?", (dataset,)):
                sums.add(*row)
        return sums.cost

    def _rows(self, dataset: str | None = None, newest: int | None = None) -> list[_Row]:
        """The entries as the file holds them, oldest first."""
        query, chosen = (_ENTRIES, ()) if dataset is None else (_ENTRIES_OF_ONE, (dataset,))
        with durable.transaction(self.path, "BEGIN", _unreadable(self.path)) as connection:
            return connection.execute(query, (*chosen, -1 if newest is None else newest)).fetchall()[::-1]

    def _entries(self, rows: list[_Row]) -> Iterator[Entry]:
        with self._undamaged():
            for name, amount, delta, what, at in rows:
                yield Entry(name, amounts.cost_of(amount, delta), what, at)

    def _balances(self, rows: list[_Row], names: Iterable[str]) -> Iterator[Balance]:
        """Of these names, then of the others in the rows."""
        unit = self.unit
        # Most datasets of a long ledger have one entry, and then nothing is to be added up.
        alone: dict[str, _Row | None] = dict.fromkeys(names)
        sums: dict[str, amounts.Sums] = {}
        with self._undamaged():
            for row in rows:
                dataset, amount, delta, _, _ = row
                before = alone.get(dataset)
                if before is None:
                    alone[dataset] = row
                    continue
                if dataset not in sums:
                    sums[dataset] = amounts.Sums(unit)
                    sums[dataset].add(before[1], before[2])
                sums[dataset].add(amount, delta)
            for dataset, one in alone.items():
                if dataset in sums:
                    spent = sums[dataset].cost
                else:
                    spent = _NOTHING_SPENT if one is None else amounts.sum_of_one(unit, one[1], one[2])
                yield Balance(dataset, self.budget, spent)

    @contextlib.contextmanager
    def _undamaged(self) -> Iterator[None]:
        """Raises InputError where the block finds an entry that no ledger holds."""
        try:
            yield
        except ValueError:
            raise words_ledger.damaged_entry(self.path) from None


def _unreadable(path: Path) -> durable.Failed:
    return functools.partial(words_ledger.unreadable, path)


def _name(dataset: str) -> str:
    if not 1 <= len(dataset) <= MAX_NAME or not dataset.isprintable() or dataset != dataset.strip():
        raise words_ledger.dataset_name(MAX_NAME)
    return dataset


def _line(what: str) -> str:
    if len(what) > MAX_NAME or not what.isprintable():
        raise words_ledger.one_line(MAX_NAME)
    return what


def _at_least_0(amount: Fraction) -> Fraction:
    return amount if amount.numerator >= 0 else _NOTHING


def _words(amount: Fraction) -> str:
    if amount.denominator == 1:
        return str(amount)
    exact, decimal = str(amount), f"{float(amount):.15g}"
    if len(exact) > _SHOWN_DIGITS:
        return f"about {float(amount):.6g}"
    # All digits if they are few: rounded, a cost could look like an amount that is left.
    return f"{exact} ({decimal if Fraction(decimal) == amount else format(float(amount), '.6g')})"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
