"""What this party's run costs it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from dpselect.accounting import PureDp
from dpselect.approval import epsilon_text
from dpselect.privacy import NeighbouringRelation
from mpc.securesum import Admit, admit_all
from mpc.terms import Function
from psiselect.charges import Charge, saying_paid
from psiselect.sums import words


def charge_of(
    function: Function,
    epsilon: Fraction | None,
    neighbors: NeighbouringRelation,
    ledger: Path | None,
    dataset: str | None,
) -> Charge | None:
    """What this party's run costs it, None without a ledger. Raises UsageError for a ledger without noise, BudgetError
    when the budget does not hold it; see `Charge.of`."""
    if epsilon is None:
        for name, given in (("ledger", ledger), ("dataset", dataset)):
            if given is not None:
                raise words.nothing_to_charge(name)
        return None
    # Pure epsilon-DP, for a sum by discrete Laplace noise and for a winner by one-sided noise (docs/systems).
    what = words.spent_on(function.value, epsilon_text(epsilon))
    charge = Charge.of(ledger, dataset, PureDp(epsilon), neighbors, what)
    if charge is not None:
        charge.check()
    return charge


@contextlib.contextmanager
def paying(charge: Charge | None, tell: Callable[[str], None]) -> Iterator[Admit]:
    """The `admit` of a run, which pays before a share leaves. Then says what is left, also when the run failed. Each
    error says so when it comes after the charge."""
    try:
        with saying_paid(lambda: charge is not None and charge.balance is not None):
            yield admit_all if charge is None else charge.pay
    finally:
        if charge is not None:
            charge.tell(tell)
