"""The numbers that are printed, each with its formula and unit; the table of them is `quantities.py`.

An entry is shown when `when` holds and every field that it needs is known. `value` gets the facts, the derived numbers
and this machine's calibration.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cli.advisor import costs
from cli.advisor.costs import Machine
from cli.advisor.numbers import Numbers
from cli.advisor.predicates import Traits
from cli.advisor.printed_commands import both_learn
from cli.advisor.task import Facts, NeedToKnow
from cli.advisor.words import phrase


@dataclass(frozen=True)
class Setting:
    """What a quantity is computed from: a task's traits, and this machine's speed."""

    t: Traits
    machine: Machine

    @property
    def f(self) -> Facts:
        """The task's fields."""
        return self.t.f

    @property
    def n(self) -> Numbers:
        """The task's numbers."""
        return self.t.n


@dataclass(frozen=True)
class Quantity:
    """One printed number: name, formula, unit, when it is of interest, its value."""

    name: str
    formula: str
    unit: str
    when: Callable[[Setting], bool]
    value: Callable[[Setting], float]


@dataclass(frozen=True)
class Prediction:
    """A quantity's value for one task, as in the JSON."""

    quantity: str
    formula: str
    value: float
    unit: str

    @property
    def title(self) -> str:
        """What the quantity is, in words."""
        return phrase(f"quantities.{named(self.quantity)}")


def named(quantity: str) -> str:
    """The name of a quantity among the words."""
    return re.sub("[^a-z0-9]+", "-", quantity.lower()).strip("-")


P_YES = 0.95  # of the example in which everybody votes alike
PHONES = 10**10
DEMO_DELTA = 1e-6  # where a formula needs a delta and the task has none; the formula says so


def psi_cost(s: Setting, both: bool = False, swap: bool = False, sums: bool = False) -> costs.SetCost:
    """The cost model's answer for the task's lists; `swap`: the other side learns. NeedToKnow without their sizes."""
    own, peer = int(s.f.need("n_a")), int(s.f.need("n_b"))
    return costs.psi(*((peer, own) if swap else (own, peer)), s.machine, both=both, sums=sums)


def list_cost(s: Setting, sums: bool = False) -> costs.SetCost:
    """What the exact protocol costs for these lists: both learn where all participants are to. sums: values too."""
    return psi_cost(s, both=both_learn(s.f), sums=sums)


def shared_items(f: Facts) -> int:
    """Items in common: the expected value where it is that, else half of the shorter list."""
    own, peer = int(f.need("n_a")), int(f.need("n_b"))
    guess = f.expected_value if f.expected_value is not None else min(own, peer) / 2
    return int(min(own, peer, max(0, guess)))


def predict(setting: Setting, quantities: Sequence[Quantity]) -> list[Prediction]:
    """Every quantity of interest whose fields are known, finite ones only."""
    found = []
    for quantity in quantities:
        value: Any
        try:
            if not quantity.when(setting):
                continue
            value = quantity.value(setting)
        except NeedToKnow:
            continue
        except (OverflowError, ZeroDivisionError):
            continue
        if math.isfinite(value):
            found.append(Prediction(quantity.name, quantity.formula, value, quantity.unit))
    return found
