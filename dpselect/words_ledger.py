"""What people read about budgets in files: every error of a ledger.

Rule: no advice may lead to spending a budget twice. So an error never says to restore an older copy of a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from psiselect.base.errors import BudgetError, InputError, UsageError

_KEEPER = (
    "Ask the person who keeps the budget. Do not use an older copy of the file: it lacks what was spent since then"
)
_CHECK_PATH = "Check the path. If you have no ledger yet, make one with `psiselect budget create`"


# Making a ledger.


def no_budget() -> UsageError:
    return UsageError("the budget (epsilon or rho) must be above 0, and delta must be 0 or more, and below 1")


def not_created(path: Path, reason: str) -> InputError:
    return InputError(
        f"cannot create the ledger '{path}' ({reason}). Name a file in a local folder that exists and that you can "
        "write to",
        term="ledger",
    )


def exists(path: Path) -> InputError:
    return InputError(
        f"{path}: this file exists already, and the program never overwrites a ledger. Choose another name",
        term="ledger",
    )


def dataset_name(most: int) -> UsageError:
    return UsageError(
        f"the name of a data set must have 1 to {most} printable characters. It must not begin or end with a space"
    )


def one_line(most: int) -> UsageError:
    return UsageError(f"what= (the note for an entry) must be one line of at most {most} printable characters")


def amount(digits: int) -> UsageError:
    return UsageError(f"epsilon, delta and rho of a budget must each be 0 or more, and have at most {digits} digits")


# Opening a ledger.


def unreadable(path: Path, reason: str) -> InputError:
    return InputError(
        f"cannot read the ledger '{path}' ({reason}). Check that this file is a ledger and that you can read it",
        term="ledger",
    )


def missing(path: Path) -> InputError:
    return InputError(f"cannot read the ledger '{path}': there is no such file. {_CHECK_PATH}", term="ledger")


def no_ledger(path: Path) -> InputError:
    return InputError(
        f"{path}: this file is not a psiselect ledger. {_CHECK_PATH}",
        term="ledger",
    )


def damaged_terms(path: Path) -> InputError:
    return InputError(f"the ledger '{path}' is damaged: its settings cannot be read. {_KEEPER}", term="ledger")


def damaged_entry(path: Path) -> InputError:
    return InputError(
        f"the ledger '{path}' is damaged: the amount of an entry cannot be read. {_KEEPER}", term="ledger"
    )


# Spending.


def not_spent(path: Path, reason: str) -> BudgetError:
    return BudgetError(
        f"the program could not write the cost of this release to the ledger '{path}' ({reason}), so nothing was "
        "released. Make sure that you can write to this file, then run the command again",
        term="ledger",
    )


def too_large(digits: int) -> UsageError:
    return UsageError(
        f"this release costs more than a ledger can count (numbers of up to {digits} digits). Use a smaller epsilon"
    )


def other_relation(path: Path, own: str, stated: str) -> BudgetError:
    return BudgetError(
        f"the ledger '{path}' counts releases with --neighbors {own}, and this release has --neighbors {stated}. "
        f"Nothing was released. Use --neighbors {own}, or a ledger that was created with --neighbors {stated}",
        term="ledger",
    )


def unknown_dataset(path: Path, dataset: str, known: Iterable[str]) -> BudgetError:
    return BudgetError(
        f"the ledger '{path}' has no data set {dataset!r}. Give one of these names with --dataset: {', '.join(known)}",
        term="ledger",
    )


def over_budget(path: Path, dataset: str, left: str, budget: str, cost: str) -> BudgetError:
    """left, budget, cost: amounts in words."""
    rest = "nothing" if left in ("epsilon 0", "rho 0") else left
    more = "" if rest == "nothing" else ". A release may cost at most what is left"
    return BudgetError(
        f"over budget: the data set {dataset!r} has a budget of {budget} in the ledger '{path}', and {rest} is left. "
        f"This release would cost {cost}, so nothing was released{more}",
        term="ledger",
    )
