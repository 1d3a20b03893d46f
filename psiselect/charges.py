"""One release, and the budget that pays for it.

Rule: what is to be paid is paid before anything that depends on the data leaves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from dpselect.privacy import NeighbouringRelation
from psiselect import words
from psiselect.base import later
from psiselect.base.errors import PsiselectError

if TYPE_CHECKING:
    from dpselect import accounting
    from dpselect import ledger as ledgers
    from dpselect.accounting import BudgetKind, Cost, Event
    from dpselect.ledger import Balance, Ledger
else:
    accounting, ledgers = later.Module("dpselect.accounting"), later.Module("dpselect.ledger")


def budget_of(kind: BudgetKind, epsilon: Fraction | None, delta: Fraction | None, rho: Fraction | None) -> Cost:
    """A budget in the ledger's currency. Raises UsageError for what does not go together."""
    if kind is accounting.BudgetKind.PURE:
        if epsilon is None or rho is not None:
            raise words.pure_takes_epsilon()
        return accounting.Cost(epsilon, delta or Fraction(0))
    if rho is not None and epsilon is None and delta is None:
        return accounting.Cost(rho)
    if epsilon is None or delta is None or rho is not None:
        raise words.zcdp_takes_rho()
    return accounting.Cost(accounting.rho_of_epsilon(epsilon, delta))


def open_ledger(ledger: Path | None, dataset: str | None) -> Ledger | None:
    """The ledger, None without one. Raises UsageError when one option is missing, InputError."""
    if (ledger is None) != (dataset is None):
        raise words.ledger_without_dataset()
    return None if ledger is None else ledgers.Ledger.open(ledger)


@dataclass
class Charge:
    """One release and the budget that pays for it. neighbors, what: see `Ledger.spend`. balance: None until it is
    paid."""

    ledger: Ledger
    dataset: str
    event: Event
    neighbors: NeighbouringRelation | None
    what: str
    balance: Balance | None = None

    @classmethod
    def of(
        cls,
        ledger: Path | None,
        dataset: str | None,
        event: Event,
        neighbors: NeighbouringRelation | None,
        what: str,
    ) -> Charge | None:
        """As the options say, None without them. Raises UsageError, InputError."""
        book = open_ledger(ledger, dataset)
        if book is None or dataset is None:
            return None
        return cls(book, dataset, event, neighbors, what[:200])

    def check(self) -> None:
        """Raise BudgetError when the budget does not hold it now, so that no peer is called for nothing."""
        self.ledger.check(self.dataset, self.event, neighbors=self.neighbors)

    def pay(self) -> None:
        """Take it from the budget, durably. Raises BudgetError, and then nothing may be released."""
        self.balance = self.ledger.spend(self.dataset, self.event, neighbors=self.neighbors, what=self.what)

    def tell(self, tell: Callable[[str], None]) -> None:
        """Say what is left, if it was paid."""
        if self.balance is not None:
            left = self.ledger.describe(self.balance.remaining)
            tell(words.left_for(self.dataset, self.ledger.path, left))

    @property
    def fields(self) -> dict[str, object]:
        """What is left, for `--json`."""
        amount = None if self.balance is None else self.balance.remaining.amount
        return {
            "ledger_remaining": None if amount is None else float(amount),
            "ledger_remaining_exact": None if amount is None else str(amount),
        }


@contextlib.contextmanager
def saying_paid(paid: Callable[[], bool]) -> Iterator[None]:
    """Around what may fail after a charge. Each error then says that the budget has paid, if it has by then: one of
    `psiselect.base.errors` in its words and by `charged`, any other in a note beside it. Raises OutputError where the
    system fails, for want of memory or otherwise."""
    try:
        yield
    except PsiselectError as error:
        if paid() and not error.charged:
            error.args = (words.charged(error),)
            error.charged = True
        raise
    except (OSError, MemoryError) as error:
        if not paid():
            raise
        reason = getattr(error, "strerror", None) or words.NO_MEMORY
        told = words.not_delivered(reason)
        told.charged = True
        raise told from error
    except BaseException as error:
        if paid():
            error.add_note(words.KEPT)
        raise
