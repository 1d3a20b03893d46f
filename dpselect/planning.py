"""Which mechanism, and how well it will do: from public parameters alone, before any budget is spent.

The rule of `choose`, in full. It never sees a ballot, since a choice that depends on private counts leaks:

1. One seat: permute-and-flip. Its expected loss is at most the exponential mechanism's at the same epsilon, on every
   profile. Against a zCDP ledger: the exponential mechanism, which costs a quarter there.
2. Several seats: the exponential mechanism over sets or peeling, whichever is more likely to return the true committee
   in the race (see `dpselect.utility`). The race has the gap that the user expects, or `ASSUMED_GAP` votes when none
   is given. At a gap of 0, or when the sets would be too many to sample: peeling.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from dpselect import utility, words_choices, words_numbers
from dpselect.accounting import BudgetKind
from dpselect.committee import CommitteeSelection, peeling, subset_exponential
from dpselect.mechanisms import Mechanism, Selection, exponential, permute_and_flip
from dpselect.privacy import NeighbouringRelation
from dpselect.utility import Race, UtilityEstimate
from psiselect.base.errors import UsageError

ASSUMED_GAP = 15  # votes; chosen on real elections, see docs/privacy.md

Measurement: TypeAlias = Selection | CommitteeSelection
Formula: TypeAlias = Callable[[Race, float], UtilityEstimate]


@dataclass(frozen=True, slots=True)
class Offer:
    """A mechanism with its formulas for the race."""

    build: Callable[[Fraction, NeighbouringRelation, int], Measurement]
    probability: Formula
    loss: Formula


ONE_SEAT: dict[Mechanism, Offer] = {
    Mechanism.PERMUTE_AND_FLIP: Offer(
        lambda epsilon, neighbors, seats: permute_and_flip(epsilon, neighbors),
        utility.permute_and_flip_probability,
        utility.permute_and_flip_loss,
    ),
    Mechanism.EXPONENTIAL: Offer(
        lambda epsilon, neighbors, seats: exponential(epsilon, neighbors),
        utility.exponential_probability,
        utility.exponential_loss,
    ),
}
SEVERAL_SEATS: dict[Mechanism, Offer] = {
    Mechanism.SUBSET_EXPONENTIAL: Offer(subset_exponential, utility.subset_probability, utility.subset_loss),
    Mechanism.PEELING: Offer(peeling, utility.peeling_probability, utility.peeling_loss),
}
# What the name of a single winner's mechanism means for several seats.
FOR_SEVERAL = {
    Mechanism.PERMUTE_AND_FLIP: Mechanism.PEELING,
    Mechanism.EXPONENTIAL: Mechanism.SUBSET_EXPONENTIAL,
}


@dataclass(frozen=True, slots=True)
class Task:
    """What is public about a choice.

    Attributes:
        gap: the votes by which the best candidates are expected to lead; None without a guess.

    Raises:
        UsageError: there is nothing to choose.
    """

    candidates: int
    epsilon: Fraction
    neighbors: NeighbouringRelation
    seats: int = 1
    gap: Fraction | None = None
    budget: BudgetKind = BudgetKind.PURE

    def __post_init__(self) -> None:
        Race(self.candidates, self.seats, float(self.gap or 0))
        if self.epsilon <= 0:
            raise words_numbers.epsilon(self.epsilon)

    @property
    def race(self) -> Race:
        """The example behind the numbers."""
        return Race(self.candidates, self.seats, float(ASSUMED_GAP if self.gap is None else self.gap))

    @property
    def offers(self) -> dict[Mechanism, Offer]:
        """The mechanisms for this number of seats."""
        return ONE_SEAT if self.seats == 1 else SEVERAL_SEATS

    @property
    def available(self) -> list[Mechanism]:
        """Those of the offers that can be sampled at this size."""
        return [mechanism for mechanism in self.offers if self._can(mechanism)]

    def _can(self, mechanism: Mechanism) -> bool:
        try:
            self.build(mechanism)
        except UsageError:
            return False
        return True

    def build(self, mechanism: Mechanism) -> Measurement:
        """The measurement. Raises UsageError when it is not offered for this number of seats, or not at this size."""
        if mechanism not in self.offers:
            names = [offer.value for offer in self.offers]
            raise words_choices.not_offered(mechanism.value, self.seats, self.candidates, names)
        measurement = self.offers[mechanism].build(self.epsilon, self.neighbors, self.seats)
        if isinstance(measurement, CommitteeSelection):
            measurement.check(self.candidates)
        return measurement


@dataclass(frozen=True, slots=True)
class Choice:
    """A mechanism, ready to release, and in words why it was chosen."""

    mechanism: Mechanism
    measurement: Measurement
    why: str


def choose(task: Task, wanted: Mechanism | None = None) -> Choice:
    """The mechanism by the rule above, or the wanted one. Raises UsageError when the wanted one is not offered."""
    if wanted is None:
        mechanism, why = _rule(task)
    else:
        mechanism, why = FOR_SEVERAL.get(wanted, wanted) if task.seats > 1 else wanted, words_choices.AS_ASKED
    return Choice(mechanism, task.build(mechanism), why)


def _rule(task: Task) -> tuple[Mechanism, str]:
    if task.seats == 1 and task.budget is BudgetKind.ZCDP:
        return Mechanism.EXPONENTIAL, words_choices.CHEAPER
    if task.seats == 1:
        return Mechanism.PERMUTE_AND_FLIP, words_choices.NEVER_WORSE
    if Mechanism.SUBSET_EXPONENTIAL not in task.available:
        return Mechanism.PEELING, words_choices.TOO_MANY_SETS
    over_sets, peeled = (task.build(mechanism) for mechanism in SEVERAL_SEATS)
    return committee_rule(task.race, over_sets, peeled, " votes" + (" (assumed)" if task.gap is None else ""))


def committee_rule(race: Race, over_sets: Measurement, peeled: Measurement, unit: str = "") -> tuple[Mechanism, str]:
    """Part 2 of the rule, for measurements of any score: the mechanism, and why. `unit`: what follows the gap there."""
    if race.gap == 0:
        return Mechanism.PEELING, words_choices.NO_GAP
    lead = words_choices.leading(race.gap, unit)
    sets_odds = utility.subset_log_odds(race, float(over_sets.exponent))
    if sets_odds > utility.peeling_log_odds(race, float(peeled.exponent)):
        return Mechanism.SUBSET_EXPONENTIAL, words_choices.sets_likelier(lead)
    return Mechanism.PEELING, words_choices.peeling_as_likely(lead)


@dataclass(frozen=True, slots=True)
class Row:
    """What to expect of one mechanism.

    Attributes:
        epsilon_for_target: rounded up; None where there is no gap, because then no epsilon is enough.
        gap_for_target: the votes that are enough at the task's own epsilon.
    """

    mechanism: Mechanism
    exponent: Fraction
    probability: UtilityEstimate
    loss: UtilityEstimate
    epsilon_for_target: Fraction | None
    gap_for_target: float


@dataclass(frozen=True, slots=True)
class VotePlan:
    """Every mechanism on offer, and the one that `choose` takes."""

    task: Task
    target: float
    rows: tuple[Row, ...]
    choice: Choice

    @property
    def chosen(self) -> Row:
        return next(row for row in self.rows if row.mechanism is self.choice.mechanism)


def plan(task: Task, target: float) -> VotePlan:
    """What to expect. Raises UsageError when the target is no probability that can be reached."""
    rows = tuple(_row(task, mechanism, target) for mechanism in task.available)
    return VotePlan(task, target, rows, choose(task))


def probability_curve(task: Task, mechanism: Mechanism, epsilons: list[float]) -> list[float]:
    """The probability of the true winner at each epsilon, for a plot."""
    unit = float(_exponent(task, mechanism)) / float(task.epsilon)
    return [task.offers[mechanism].probability(task.race, epsilon * unit).value for epsilon in epsilons]


def _row(task: Task, mechanism: Mechanism, target: float) -> Row:
    offer, race, exponent = task.offers[mechanism], task.race, _exponent(task, mechanism)
    # Everything depends on exponent * gap alone: what a gap of one vote needs answers both questions.
    needed = utility.exponent_needed(offer.probability, Race(race.candidates, race.seats, 1.0), target)
    factor = float(exponent) / float(task.epsilon)
    return Row(
        mechanism,
        _built_exponent(task, mechanism),
        offer.probability(race, exponent),
        offer.loss(race, exponent),
        _significant_up(needed / (factor * race.gap)) if race.gap else None,
        needed / exponent,
    )


def _built_exponent(task: Task, mechanism: Mechanism) -> Fraction:
    return task.offers[mechanism].build(task.epsilon, task.neighbors, task.seats).exponent


def _exponent(task: Task, mechanism: Mechanism) -> float:
    return float(_built_exponent(task, mechanism))


def _significant_up(value: float) -> Fraction:
    """Four significant digits, rounded up."""
    scale = Fraction(10) ** (3 - math.floor(math.log10(value)))
    return Fraction(math.ceil(Fraction(value) * scale)) / scale
