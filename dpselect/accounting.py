"""What releases cost, as immutable events and exact fractions.

An event says what is known about one release; a budget kind says in which currency it is paid:

    kind    amount of an event                         what a total promises
    pure    epsilon                                    epsilon-DP (plus the events' deltas)
    zcdp    rho: epsilon^2/8 for the exponential       rho-zCDP, hence (epsilon, delta)-DP for every delta by
            mechanism, epsilon^2/2 for any other       `epsilon_of_rho`

Both kinds add up, also when later releases are chosen after seeing earlier ones (Dwork, Rothblum, Vadhan 2010, Thm.
III.3 for pure; Bun, Steinke 2016, Lemma 2.3 for zCDP). A ledger keeps to one kind: taking the better of the two
afterwards is no valid filter.

Sources: epsilon-DP implies epsilon^2/2-zCDP and (epsilon, delta)-DP implies delta-approximate epsilon^2/2-zCDP (Bun,
Steinke 2016, Prop. 1.4, Sec. 8); epsilon-bounded range, which the exponential mechanism has, implies epsilon^2/8-zCDP
(Cesar, Rogers 2020, arXiv 2004.07223, Lemma 3.4). Permute-and-flip is not bounded-range, so it pays the full price.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, Self

from dpselect import words
from dpselect.privacy import ln_upper

# Conversions are computed in floating point by a library; the result is raised by this factor, then rounded up.
_FLOAT_MARGIN = Fraction(1, 10**9)
_DECIMALS = 10**6
# What a rho is searched from: below it, the search could not tell two apart.
_LEAST_RHO = Fraction(1, 10**18)


class BudgetKind(enum.Enum):
    """The currency of a ledger, fixed when it is created."""

    PURE = "pure"
    ZCDP = "zcdp"


# What ledgers count in: amounts are multiples of 1/UNIT. Common amounts are exact multiples: decimals of up to 64
# places, ln(...) of a poll (64 bits), whole parts of 1 to 100, and one eighth of the square of each of these, except
# that decimals of more than 32 places lose their square.
UNIT = 2**192 * 5**60 * math.lcm(*range(1, 100, 2)) ** 2
_SUM_BITS = 4096


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount in a budget kind's currency (epsilon or rho), and a delta; both exact, neither negative."""

    amount: Fraction = Fraction(0)
    delta: Fraction = Fraction(0)

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.amount + other.amount, self.delta + other.delta)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.amount - other.amount, self.delta - other.delta)

    def fits(self, budget: Cost) -> bool:
        """True when neither part exceeds the budget's."""
        return self.amount <= budget.amount and self.delta <= budget.delta

    def rounded_up(self, unit: int) -> Cost:
        """The least cost that is not below this one, both parts in multiples of 1/unit."""
        return Cost(round_up_to(self.amount, unit), round_up_to(self.delta, unit))


class Event(Protocol):
    """One release, or several, as far as privacy goes. Immutable."""

    def cost(self, kind: BudgetKind) -> Cost:
        """What it takes from a ledger of this kind."""
        ...

    def for_group(self, size: int) -> Event:
        """The same release as seen by `size` persons who act, or are inferred about, together."""
        ...


def _checked(epsilon: Fraction) -> Fraction:
    if not isinstance(epsilon, Fraction):
        raise words.not_a_fraction(type(epsilon).__name__)
    if epsilon < 0:
        raise words.negative("epsilon", epsilon)
    return epsilon


def _group(size: int) -> int:
    if size < 1:
        raise words.no_persons(size)
    return size


@dataclass(frozen=True, slots=True)
class PureDp:
    """A release with epsilon-DP and nothing more known: permute-and-flip, discrete Laplace, randomised response."""

    epsilon: Fraction

    def __post_init__(self) -> None:
        _checked(self.epsilon)

    def cost(self, kind: BudgetKind) -> Cost:
        return Cost(self.epsilon if kind is BudgetKind.PURE else self.epsilon**2 / 2)

    def for_group(self, size: int) -> Self:
        """`size` times epsilon."""
        return type(self)(_group(size) * self.epsilon)


@dataclass(frozen=True, slots=True)
class BoundedRange:
    """A release with epsilon-bounded range: the exponential mechanism, over candidates or over committees."""

    epsilon: Fraction

    def __post_init__(self) -> None:
        _checked(self.epsilon)

    def cost(self, kind: BudgetKind) -> Cost:
        return Cost(self.epsilon if kind is BudgetKind.PURE else self.epsilon**2 / 8)

    def for_group(self, size: int) -> Self:
        """`size` times epsilon: the range adds up along a path of neighbours as the loss does."""
        return type(self)(_group(size) * self.epsilon)


@dataclass(frozen=True, slots=True)
class ApproximateDp:
    """A release with (epsilon, delta)-DP, such as truncated noise."""

    epsilon: Fraction
    delta: Fraction

    def __post_init__(self) -> None:
        _checked(self.epsilon)
        if not 0 <= self.delta < 1:
            raise words.delta_from_zero(self.delta)

    def cost(self, kind: BudgetKind) -> Cost:
        return Cost(self.epsilon if kind is BudgetKind.PURE else self.epsilon**2 / 2, self.delta)

    def for_group(self, size: int) -> ApproximateDp:
        """(c*epsilon, c*e^((c-1)*epsilon)*delta), the second rounded up (Vadhan 2017, Lemma 2.2)."""
        if _group(size) == 1:
            return self
        exponent = (size - 1) * self.epsilon
        delta = size * self.delta * round_up(math.exp(exponent)) if exponent < 700 else Fraction(1)
        if delta >= 1:
            raise words.delta_of_group(size)
        return ApproximateDp(size * self.epsilon, delta)


@dataclass(frozen=True, slots=True)
class Zcdp:
    """A release with rho-zCDP, such as Gaussian noise; with a delta above 0, delta-approximate rho-zCDP.

    Attributes:
        rho: above 0.
        delta: 0 or more, and below 1.
        stated: the epsilon and delta that the release was made for, which a pure ledger pays. Without them a pure
            ledger refuses the release, because no epsilon alone holds for it.
    """

    rho: Fraction
    delta: Fraction = Fraction(0)
    stated: Cost | None = None

    def __post_init__(self) -> None:
        if self.rho <= 0 or not 0 <= self.delta < 1:
            raise words.rho_and_delta()

    def cost(self, kind: BudgetKind) -> Cost:
        if kind is BudgetKind.ZCDP:
            return Cost(self.rho, self.delta)
        if self.stated is None:
            raise words.rho_from_pure_ledger()
        return self.stated

    def for_group(self, size: int) -> Zcdp:
        """rho times the square of the size (Bun, Steinke 2016, Prop. 1.9). Raises UsageError where there is a delta."""
        if _group(size) == 1:
            return self
        if self.delta:
            raise words.group_with_delta()
        return Zcdp(size * size * self.rho)


@dataclass(frozen=True, slots=True)
class Composed:
    """Several releases on the same data, in any order, adaptively chosen or not."""

    events: tuple[Event, ...]

    def cost(self, kind: BudgetKind) -> Cost:
        return total(event.cost(kind) for event in self.events)

    def for_group(self, size: int) -> Composed:
        """Each part as seen by the group."""
        return Composed(tuple(event.for_group(size) for event in self.events))


def total(costs: Iterable[Cost]) -> Cost:
    """The sum, exact."""
    sum_ = Cost()
    for cost in costs:
        sum_ += cost
    return sum_


class BoundedSum:
    """A sum of many fractions whose denominator stays small. The sum is exact where that can be, else too high.

    It is exact while all denominators have a common multiple of at most 4096 bits. Otherwise only the smallest
    denominators, as many as have such a multiple, are added up exactly. The other fractions are rounded up to it.
    """

    def __init__(self, unit: int = UNIT) -> None:
        self._unit = unit
        self._numerators: dict[int, int] = {}

    def add(self, numerator: int, denominator: int) -> None:
        """Add numerator/denominator, which need not be in lowest terms."""
        self._numerators[denominator] = self._numerators.get(denominator, 0) + numerator

    @staticmethod
    def has_exactly(unit: int, amount: Fraction) -> bool:
        """Whether a sum of this amount alone is surely exact: unit and denominator have a short multiple."""
        return unit.bit_length() + amount.denominator.bit_length() <= _SUM_BITS

    @property
    def value(self) -> Fraction:
        """The sum so far."""
        common = self._unit
        if len(self._numerators) == 1:
            ((denominator, numerator),) = self._numerators.items()
            if common % denominator == 0:
                return Fraction(numerator, denominator)
        for denominator in sorted(self._numerators):
            multiple = math.lcm(common, denominator)
            if multiple.bit_length() > _SUM_BITS:
                break
            common = multiple
        # A denominator that does not divide the common one is rounded up: its part becomes a multiple of 1/common.
        return Fraction(sum(-(-n * common // d) for d, n in self._numerators.items()), common)


def round_up_to(amount: Fraction, unit: int) -> Fraction:
    """The least multiple of 1/unit that is not below the amount."""
    return Fraction(math.ceil(amount * unit), unit)


def round_up(value: float) -> Fraction:
    """A fraction with six decimals, at least `value` plus the margin for floating-point error in computing it."""
    if not math.isfinite(value) or value < 0:
        raise words.not_finite(value)
    return Fraction(math.ceil(Fraction(value) * (1 + _FLOAT_MARGIN) * _DECIMALS), _DECIMALS)


def epsilon_of_rho(rho: Fraction, delta: Fraction) -> Fraction:
    """The epsilon of (epsilon, delta)-DP that rho-zCDP implies, rounded up to six decimals.

    Each order a > 1 gives a bound (Canonne, Kamath, Steinke 2020, Prop. 12, solved for epsilon):

        epsilon = a rho + ln(1/(a delta))/(a - 1) + ln(1 - 1/a)

    Doubles choose a. Fractions then compute the bound at that a, with both logarithms rounded up. The bound is tighter
    than rho + 2*sqrt(rho*ln(1/delta)) (Bun, Steinke).

    Args:
        rho: 0 or more.
        delta: above 0 and below 1.

    Raises:
        UsageError: rho or delta is out of range.
    """
    if rho < 0 or not 0 < delta < 1:
        raise words.rho_not_convertible(rho, delta)
    if rho == 0:
        return Fraction(0)
    order = _best_order(rho, delta)
    beyond = 1 / (order * delta)
    first = ln_upper(beyond) if beyond > 1 else Fraction(0)
    second = ln_upper(order / (order - 1)) - Fraction(1, 1 << 63)  # a lower bound: see `ln_upper`
    return max(Fraction(0), round_up_to(order * rho + first / (order - 1) - second, _DECIMALS))


def _best_order(rho: Fraction, delta: Fraction) -> Fraction:
    """A good order for `epsilon_of_rho`, above 1; by doubles, since every order is allowed."""
    size, miss = float(rho), -math.log(delta.numerator) + math.log(delta.denominator)
    # The best one is near 1 + sqrt(ln(1/delta)/rho); this grid loses under 0.1 %.
    orders = [1 + math.sqrt(miss / size) * 1.02**step for step in range(-60, 61)]
    best = min(orders, key=lambda a: a * size + (miss - math.log(a)) / (a - 1) + math.log1p(-1 / a))
    return 1 + max(Fraction(1, 10**6), Fraction(best - 1).limit_denominator(10**6))


def rho_of_epsilon(epsilon: Fraction, delta: Fraction) -> Fraction:
    """The largest rho whose zCDP implies (epsilon, delta)-DP, to six significant digits, rounded down.

    It sets up a zCDP ledger from a promise in epsilon and delta.

    Args:
        epsilon: above 0.
        delta: above 0 and below 1.

    Raises:
        UsageError: an argument is out of range, or epsilon is so small that no rho of 1e-18 or more gives it.
    """
    if epsilon <= 0 or not 0 < delta < 1:
        raise words.epsilon_not_convertible(epsilon, delta)
    if epsilon_of_rho(_LEAST_RHO, delta) > epsilon:
        raise words.no_rho(epsilon)
    low, high = (
        Fraction(0),
        epsilon,
    )  # rho-zCDP means expected loss rho, so rho >= epsilon never suffices at small delta
    while epsilon_of_rho(high, delta) <= epsilon:
        low, high = high, 2 * high
    while high - low > high * Fraction(1, 10**7):
        middle = Fraction((low + high) / 2).limit_denominator(10**18)
        low, high = (middle, high) if epsilon_of_rho(middle, delta) <= epsilon else (low, middle)
    scale = Fraction(10) ** (5 - math.floor(math.log10(low)))
    return math.floor(low * scale) / scale
