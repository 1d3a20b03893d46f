"""One draw from ballots: the mechanism, what it costs, and the winner with its guarantee.

No click here: the command and `psiselect.elect` both stand on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dpselect.accounting import BudgetKind, Cost
from dpselect.approval import elect, epsilon_text, guarantee
from dpselect.ballots import Reading
from dpselect.ledger import Balance, Ledger
from dpselect.mechanisms import Mechanism
from dpselect.planning import Choice, Task, choose
from dpselect.privacy import NeighbouringRelation
from psiselect.charges import saying_paid
from psiselect.elections import words
from psiselect.elections.announcing import Announcement, Counted
from psiselect.elections.draws import DrawRecord, PastDraw, drawn_now


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. mechanism: None for the one that public parameters suggest. gap: a guess of the lead."""

    epsilon: Fraction
    neighbors: NeighbouringRelation
    mechanism: Mechanism | None = None
    seats: int = 1
    gap: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Elected:
    """What was drawn.

    Attributes:
        promise: the guarantee, in sentences.
        draws: all draws on record, this one last; only this one without a record.
        balance, paid: of the ledger, None without one.
        record: where the draw is recorded, None where it is not.
    """

    wish: Wish
    reading: Reading
    choice: Choice
    winners: tuple[str, ...]
    promise: str
    draws: tuple[PastDraw, ...]
    balance: Balance | None
    paid: Cost | None
    record: Path | None

    @property
    def total(self) -> Fraction:
        """Epsilon of all draws on record."""
        return sum((draw.epsilon for draw in self.draws), Fraction(0))

    def announcement(self, question: str | None = None) -> Announcement:
        """What may be published of it. Raises UsageError for a question that cannot be shown."""
        counted = (
            Counted.RECORD if self.record is not None else Counted.NOWHERE if self.paid is None else Counted.LEDGER
        )
        return Announcement(self.draws, counted, question)

    def to_json(self) -> dict[str, object]:
        """As --json prints it."""
        exact, exponent, titles = self.wish.epsilon, self.choice.measurement.exponent, self.reading.titles
        remaining = None if self.balance is None else self.balance.remaining.amount
        return {
            "winners": self.winners,
            "titles": {name: titles[name] for name in self.winners if name in titles},
            "seats": self.wish.seats,
            "mechanism": self.choice.mechanism.value,
            "why": self.choice.why,
            "epsilon": float(exact),
            "epsilon_exact": str(exact),
            "epsilon_of_all_draws": float(self.total),
            "neighbors": self.wish.neighbors.value,
            "exponent_per_vote": float(exponent),
            "exponent_per_vote_exact": str(exponent),
            "sampling": "exact",
            "guarantee": self.promise,
            "record": self.record,
            "ledger_remaining": None if remaining is None else float(remaining),
            "ledger_remaining_exact": None if remaining is None else str(remaining),
        }


def draw_winner(
    reading: Reading,
    wish: Wish,
    *,
    book: Ledger | None = None,
    dataset: str | None = None,
    record: DrawRecord | None = None,
    again: bool = False,
) -> Elected:
    """Draw the winner, or the committee. What it costs is on disk before: in the ledger, or in the record of draws.

    Raises UsageError for what does not go together, BudgetError when the budget does not hold it or there was a draw.
    """
    exact, relation = wish.epsilon, wish.neighbors
    task = Task(
        len(reading.profile.candidates),
        exact,
        relation,
        wish.seats,
        wish.gap,
        BudgetKind.PURE if book is None else book.kind,
    )
    choice = choose(task, wish.mechanism)
    balance = paid = None
    if book is not None and dataset is not None:
        what = words.spent_on(choice.mechanism.value, epsilon_text(exact))
        paid = book.charged(choice.measurement.event)
        balance = book.spend(dataset, choice.measurement.event, neighbors=relation, what=what[:200])

    def draw() -> tuple[str, ...]:
        with saying_paid(lambda: balance is not None):
            return elect(reading.profile, choice.measurement)

    whose, titles = reading.by_voter, reading.titles
    if record is None:
        draws = [drawn_now(exact, relation, draw(), by_voter=whose, titles=titles)]
    else:
        draws = record.draw(exact, relation, draw, again=again, by_voter=whose, titles=titles)
    winners = draws[-1].winners or ()
    promise = guarantee(exact, relation, by_voter=reading.by_voter)
    where = None if record is None else record.path
    return Elected(wish, reading, choice, winners, promise, tuple(draws), balance, paid, where)
