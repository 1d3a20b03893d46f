"""One draw from scores: the mechanism, what it costs, and the winner with its guarantee.

No click here: the command and `psiselect.select` both stand on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from dpselect.accounting import BudgetKind, Cost
from dpselect.approval import epsilon_text
from dpselect.committee import CommitteeSelection, peeling, subset_exponential
from dpselect.ledger import Balance, Ledger
from dpselect.mechanisms import Mechanism, Selection, exponential, permute_and_flip
from dpselect.planning import ASSUMED_GAP, FOR_SEVERAL, committee_rule
from dpselect.privacy import NeighbouringRelation
from dpselect.scores import Declared, ScoreBound, Scores
from dpselect.utility import Race
from psiselect.charges import saying_paid
from psiselect.selections import words

Measurement = Selection | CommitteeSelection
BUILDERS: dict[Mechanism, Callable[[Fraction, Declared, int], Measurement]] = {
    Mechanism.PERMUTE_AND_FLIP: lambda epsilon, score, seats: permute_and_flip(epsilon, None, score),
    Mechanism.EXPONENTIAL: lambda epsilon, score, seats: exponential(epsilon, None, score),
    Mechanism.SUBSET_EXPONENTIAL: lambda epsilon, score, seats: subset_exponential(epsilon, None, seats, score),
    Mechanism.PEELING: lambda epsilon, score, seats: peeling(epsilon, None, seats, score),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. mechanism: None for the one that public parameters suggest. gap: a guess of the lead."""

    epsilon: Fraction
    neighbors: NeighbouringRelation | None
    sensitivity: Fraction
    monotonic: bool = False
    mechanism: Mechanism | None = None
    seats: int = 1
    gap: Fraction | None = None

    @property
    def bound(self) -> ScoreBound:
        """How far one person's data can move a score. Raises UsageError."""
        return ScoreBound.of(self.sensitivity, monotone=self.monotonic)

    def check(self, book: Ledger | None) -> None:
        """Raise UsageError for what does not go together, before any score is read."""
        _ = self.bound
        if self.monotonic and self.neighbors is NeighbouringRelation.REPLACE:
            raise words.monotonic_with_replace()
        if book is not None and self.neighbors is None:
            raise words.ledger_needs_neighbors(book.neighbors)


@dataclass(frozen=True, slots=True)
class Selected:
    """What was drawn. balance, paid: of the ledger, None without one."""

    wish: Wish
    mechanism: Mechanism
    exponent: Fraction
    winners: tuple[str, ...]
    balance: Balance | None
    paid: Cost | None

    @property
    def promise(self) -> str:
        """The guarantee, a sentence."""
        wish = self.wish
        return words.promised(
            epsilon_text(wish.epsilon),
            wish.bound.sensitivity,
            self.mechanism.value,
            self.exponent,
            monotonic=wish.monotonic,
        )

    def to_json(self) -> dict[str, object]:
        """As --json prints it."""
        wish, left = self.wish, None if self.balance is None else self.balance.remaining.amount
        return {
            "winners": list(self.winners),
            "seats": wish.seats,
            "mechanism": self.mechanism.value,
            "epsilon": float(wish.epsilon),
            "epsilon_exact": str(wish.epsilon),
            "neighbors": None if wish.neighbors is None else wish.neighbors.value,
            "sensitivity": str(wish.bound.sensitivity),
            "monotonic": wish.monotonic,
            "exponent_per_vote": float(self.exponent),
            "exponent_per_vote_exact": str(self.exponent),
            "sampling": "exact",
            "ledger_remaining": None if left is None else float(left),
            "ledger_remaining_exact": None if left is None else str(left),
        }


def select_best(
    labels: Sequence[str],
    values: Scores,
    wish: Wish,
    *,
    book: Ledger | None = None,
    dataset: str | None = None,
) -> Selected:
    """Draw the best candidate, or the best `wish.seats`, by scores in the order of labels. What it costs is on disk
    before. Raises UsageError, BudgetError."""
    seats, exact = wish.seats, wish.epsilon
    if seats > 1 and seats >= len(labels):
        raise words.nothing_to_choose(seats, len(labels))
    kind = BudgetKind.PURE if book is None else book.kind
    chosen = wish.mechanism or _rule(len(labels), seats, exact, wish.bound, wish.gap, kind)
    if seats > 1:
        chosen = FOR_SEVERAL.get(chosen, chosen)
    measurement = BUILDERS[chosen](exact, Declared(wish.bound), seats)
    if isinstance(measurement, CommitteeSelection):
        measurement.check(len(labels))

    balance = paid = None
    if book is not None and dataset is not None:
        what = words.spent_on(chosen.value, epsilon_text(exact))
        paid = book.charged(measurement.event)
        balance = book.spend(dataset, measurement.event, neighbors=wish.neighbors, what=what[:200])
    with saying_paid(lambda: balance is not None):
        released = measurement.release(values)
    winners = sorted(labels[index] for index in ((released,) if isinstance(released, int) else released))
    return Selected(wish, chosen, measurement.exponent, tuple(winners), balance, paid)


def _rule(
    candidates: int, seats: int, epsilon: Fraction, bound: ScoreBound, gap: Fraction | None, kind: BudgetKind
) -> Mechanism:
    """The rule of `dpselect.planning`, for scores in general: from public parameters only."""
    if seats == 1:
        return Mechanism.PERMUTE_AND_FLIP if kind is BudgetKind.PURE else Mechanism.EXPONENTIAL
    race = Race(candidates, seats, float(ASSUMED_GAP * bound.sensitivity if gap is None else gap))
    over_sets = subset_exponential(epsilon, None, seats, Declared(bound))
    peeled = peeling(epsilon, None, seats, Declared(bound))
    return committee_rule(race, over_sets, peeled)[0] if over_sets.fits(candidates) else Mechanism.PEELING
