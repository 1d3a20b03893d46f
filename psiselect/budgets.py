"""Privacy budgets in files, as `psiselect budget` makes and shows them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from dpselect.accounting import BudgetKind, Cost
from dpselect.ledger import Balance, Entry
from dpselect.ledger import Ledger as BudgetFile
from dpselect.privacy import parse_poll_epsilon
from psiselect import words
from psiselect.arguments import Neighbors, choice_of, in_python, path_of, relation_of, text_of, texts_of
from psiselect.charges import budget_of
from psiselect.exact import Exact, exact


@dataclass(frozen=True, slots=True)
class Charged:
    """What a release has cost.

    Attributes:
        dataset: whose budget paid.
        amount: epsilon, or rho where the ledger is of the kind "zcdp".
        delta: the delta beside it, 0 in most cases.
        left: what the data set has left, in the same unit.
    """

    dataset: str
    amount: Fraction
    delta: Fraction
    left: Fraction

    @classmethod
    def of(cls, paid: Cost | None, balance: Balance | None) -> Charged | None:
        """None where nothing was paid."""
        if paid is None or balance is None:
            return None
        return cls(balance.dataset, paid.amount, paid.delta, balance.remaining.amount)

    def to_dict(self) -> dict[str, Any]:
        """The same, in values that JSON has: each number as a float, and exactly, as text."""
        exact = {"amount": self.amount, "delta": self.delta, "left": self.left}
        texts = {f"{name}_exact": str(value) for name, value in exact.items()}
        return {"dataset": self.dataset, **{name: float(value) for name, value in exact.items()}, **texts}


@dataclass(frozen=True, repr=False)
class Ledger:
    """A privacy budget in a file: how much may be released about a data set, and how much has been.

    Make one with `create` or `open`. Threads and processes may share it, and the file. A release charges it before
    anything is drawn, and is refused when the budget does not hold the cost.
    """

    _file: BudgetFile

    @classmethod
    @in_python
    def open(cls, path: str | os.PathLike[str]) -> Ledger:
        """Open a ledger. Raises InputError when the file is missing or no ledger."""
        return cls(BudgetFile.open(path_of(path, "path")))

    @classmethod
    @in_python
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        neighbors: Neighbors,
        epsilon: Exact | None = None,
        rho: Exact | None = None,
        delta: Exact | None = None,
        kind: str = "pure",
        datasets: Iterable[str] = (),
    ) -> Ledger:
        """Make a ledger file. Its kind, relation and budget never change.

        Args:
            path: the new file; only its owner can read it.
            neighbors: "add-remove" or "replace", the relation that all releases are stated for.
            epsilon: the budget of each data set, such as "1" or "ln(3)".
            rho: the budget of a zcdp ledger, in place of epsilon and delta.
            delta: pure: a budget for deltas. zcdp: turns epsilon into a rho at this delta.
            kind: "pure" adds up epsilons; "zcdp" adds up rhos, better for many releases.
            datasets: the names that may spend. Without, any name may, each with the whole budget.

        Raises:
            UsageError: no budget, or arguments that do not go together.
            InputError: the file exists, or cannot be written.
        """
        chosen = choice_of(BudgetKind, kind, "kind")
        names = texts_of(list(datasets) if not isinstance(datasets, str) else datasets, "datasets")
        budget = budget_of(chosen, _epsilon(epsilon), _optional(delta, "delta"), _optional(rho, "rho"))
        return cls(
            BudgetFile.create(
                path_of(path, "path"), kind=chosen, neighbors=relation_of(neighbors), budget=budget, datasets=names
            )
        )

    @property
    def path(self) -> Path:
        """The file."""
        return self._file.path

    @property
    def kind(self) -> str:
        """ "pure" or "zcdp"."""
        return self._file.kind.value

    @property
    def neighbors(self) -> str:
        """The relation that all releases are stated for."""
        return self._file.neighbors.value

    @property
    def limit(self) -> Fraction:
        """The budget of each data set: epsilon, or rho in a zcdp ledger."""
        return self._file.budget.amount

    @property
    def datasets(self) -> tuple[str, ...]:
        """The names that may spend; none where any may."""
        return self._file.datasets

    def spent(self, dataset: str) -> Fraction:
        """What the data set has spent. Raises BudgetError when the ledger does not know it."""
        return self._file.balance(dataset).spent.amount

    def left(self, dataset: str) -> Fraction:
        """What the data set has left. Raises BudgetError when the ledger does not know it."""
        return self._file.balance(dataset).remaining.amount

    def entries(self, dataset: str | None = None) -> list[Entry]:
        """Every release that was charged, oldest first: its data set, cost, time and what it was."""
        return self._file.entries(dataset)

    def __repr__(self) -> str:
        unit = "epsilon" if self._file.kind is BudgetKind.PURE else "rho"
        said = (repr(str(self.path)), f"kind={self.kind!r}", f"neighbors={self.neighbors!r}", f"{unit}={self.limit}")
        return f"Ledger({', '.join(said)})"


def _epsilon(value: Exact | None) -> Fraction | None:
    if isinstance(value, str):
        return parse_poll_epsilon(value).value
    return _optional(value, "epsilon")


def _optional(value: Exact | None, name: str) -> Fraction | None:
    return None if value is None else exact(value, name)


AnyLedger = Ledger | str | os.PathLike[str]


def budget_file(ledger: AnyLedger | None, dataset: str | None) -> BudgetFile | None:
    """What pays, None without a ledger. Raises UsageError when one of both is missing, InputError."""
    if (ledger is None) != (dataset is None):
        raise words.ledger_without_dataset()
    if ledger is None or dataset is None:
        return None
    text_of(dataset, "dataset")
    if isinstance(ledger, Ledger):
        return ledger._file
    return BudgetFile.open(path_of(ledger, "ledger"))
