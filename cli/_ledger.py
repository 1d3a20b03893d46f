"""`--ledger` and `--dataset`: the budget that a release is charged to, the same for every command that spends epsilon.

Rule: what is to be paid is paid before anything that depends on the data leaves.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from cli._options import Command, options
from cli._output import say
from dpselect.accounting import Event
from dpselect.ledger import Balance, Ledger
from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import InputError, OutputError, UsageError


def ledger_options(data: str, when: str = "") -> Callable[[Command], Command]:
    """The two options. data: what the data set is of. when: what they go with, such as "noisy-count"."""
    ledger, dataset = "Charge this budget, or refuse.", f"The name of {data} in the ledger."
    if when:
        ledger, dataset = (f"{when}: {text[0].lower()}{text[1:]}" for text in (ledger, dataset))
    return options(
        click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help=ledger),
        click.option("--dataset", metavar="NAME", help=dataset),
    )


def open_ledger(ledger: Path | None, dataset: str | None) -> Ledger | None:
    """The ledger, None without one. Raises UsageError when one option is missing, InputError."""
    if (ledger is None) != (dataset is None):
        raise UsageError("--ledger and --dataset go together: the ledger counts what each data set has spent")
    return None if ledger is None else Ledger.open(ledger)


@contextlib.contextmanager
def writing(*, charged: bool, file: Path | None = None, kept: Path | None = None) -> Iterator[None]:
    """Around what writes a result, to stdout or to a file: when that fails, InputError says so, and whether the result
    is paid for. kept: the file that has the result all the same."""
    try:
        yield
    except (OSError, InputError) as error:
        if isinstance(error, InputError) and not charged and kept is None:
            raise
        if isinstance(error, OSError | OutputError) and file is None:
            _leave_stdout()
        reason = error.reason if isinstance(error, OutputError) else getattr(error, "strerror", None) or str(error)
        if not charged or kept is not None:
            found = "" if kept is None else f". It is in {kept}"
            raise InputError(f"the result could not be written: {reason}{found}", term="output") from None
        raise InputError(
            f"charged, but not written: {reason}. The ledger keeps the charge, and the result is lost. See that the "
            "output can be written before you run the command again: that is charged again",
            term="output",
        ) from None


@contextlib.contextmanager
def saying_paid(paid: Callable[[], bool]) -> Iterator[None]:
    """Around what keeps a result in another place, or says itself that it is lost. Raises OutputError like it, which
    says too that the result is paid for, if it is by then."""
    try:
        yield
    except OutputError as error:
        if not paid():
            raise
        text = f"charged, but not written: {error}. The ledger keeps the charge"
        raise type(error)(text, term=error.term, reason=error.reason) from None


def _leave_stdout() -> None:
    """After stdout failed: what is still to be said goes to stderr, the error of --json too."""
    with contextlib.suppress(OSError):  # else the interpreter writes what is left once more, and ends with 120
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    sys.stdout = sys.stderr


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

    def tell(self) -> None:
        """Say what is left, if it was paid."""
        if self.balance is not None:
            left = self.ledger.describe(self.balance.remaining)
            say(f"left for {self.dataset!r} in {self.ledger.path}: {left}")

    @property
    def fields(self) -> dict[str, object]:
        """What is left, for `--json`."""
        amount = None if self.balance is None else self.balance.remaining.amount
        return {
            "ledger_remaining": None if amount is None else float(amount),
            "ledger_remaining_exact": None if amount is None else str(amount),
        }
