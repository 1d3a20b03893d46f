"""Exact laws: the probability of each outcome as a polynomial, or a ratio of two, in z = exp(-exponent).

The one source for tests of a guarantee, and for certified numbers. Coefficients are fractions and powers of z are
non-negative integers, so what is claimed for every epsilon can be decided by algebra.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from dpselect import words_choices
from dpselect.coins import exp_floor

_MAX_TERMS = 200_000


class Polynomial:
    """A polynomial in z: power -> coefficient, zero coefficients left out. Immutable."""

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[int, Fraction | int]) -> None:
        self.terms: dict[int, Fraction] = {power: Fraction(c) for power, c in terms.items() if c}

    @classmethod
    def monomial(cls, power: int, coefficient: Fraction | int = 1) -> Polynomial:
        """coefficient * z^power."""
        return cls({power: coefficient})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __repr__(self) -> str:
        return " + ".join(f"{c}*z^{power}" for power, c in sorted(self.terms.items())) or "0"

    def __add__(self, other: Polynomial) -> Polynomial:
        terms = dict(self.terms)
        for power, coefficient in other.terms.items():
            terms[power] = terms.get(power, Fraction(0)) + coefficient
        return Polynomial(terms)

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + other.scaled(-1)

    def __mul__(self, other: Polynomial) -> Polynomial:
        if len(self.terms) * len(other.terms) > _MAX_TERMS:
            raise words_choices.law_too_long()
        terms: dict[int, Fraction] = {}
        for power, coefficient in self.terms.items():
            for power2, coefficient2 in other.terms.items():
                terms[power + power2] = terms.get(power + power2, Fraction(0)) + coefficient * coefficient2
        return Polynomial(terms)

    def scaled(self, factor: Fraction | int) -> Polynomial:
        """Every coefficient times `factor`."""
        return Polynomial({power: c * factor for power, c in self.terms.items()})

    def shifted(self, power: int) -> Polynomial:
        """Times z^power."""
        return Polynomial({p + power: c for p, c in self.terms.items()})


ONE = Polynomial({0: 1})


def total(polynomials: Iterable[Polynomial]) -> Polynomial:
    """Their sum."""
    terms: dict[int, Fraction] = {}
    for polynomial in polynomials:
        for power, coefficient in polynomial.terms.items():
            terms[power] = terms.get(power, Fraction(0)) + coefficient
    return Polynomial(terms)


@dataclass(frozen=True)
class Law:
    """Probability of outcomes[i] = numerators[i](z) / denominator(z) at z = exp(-exponent)."""

    outcomes: tuple[Hashable, ...]
    numerators: tuple[Polynomial, ...]
    denominator: Polynomial
    exponent: Fraction

    def bounds(self, index: int, bits: int = 53) -> tuple[Fraction, Fraction]:
        """Certified ends of an interval of width at most 2^-bits that holds the probability of outcomes[index]."""
        precision = bits + 32
        while True:
            low, high = self._value(self.numerators[index], precision)
            bottom, top = self._value(self.denominator, precision)
            if bottom > 0:
                ends = (max(low, Fraction(0)) / top, high / bottom)
                if ends[1] - ends[0] <= Fraction(1, 1 << bits):
                    return ends
            precision *= 2

    def floats(self) -> list[float]:
        """The probabilities, correct to about 2^-52. For display and comparison, never for a release."""
        ends = [self.bounds(index) for index in range(len(self.outcomes))]
        return [float((low + high) / 2) for low, high in ends]

    def _value(self, polynomial: Polynomial, precision: int) -> tuple[Fraction, Fraction]:
        """Ends of 2^precision * polynomial(exp(-exponent))."""
        low = high = Fraction(0)
        for power, coefficient in polynomial.terms.items():
            floor = exp_floor(self.exponent * power, precision)
            ceiling = floor + (power > 0)
            low += coefficient * (floor if coefficient > 0 else ceiling)
            high += coefficient * (ceiling if coefficient > 0 else floor)
        return low, high


def permute_and_flip_law(gaps: list[int]) -> list[Polynomial]:
    """The probability of each candidate, as a polynomial in z.

    Candidate i wins if its coin shows heads, with probability p_i = z^gap, and no other head comes before it in a
    random order. That is p_i times the integral over t in [0, 1] of the product over j != i of (1 - p_j t).

    Args:
        gaps: from the best score, in units of -log(z). The least is 0.

    Raises:
        UsageError: the polynomials have too many terms.
    """
    # The product as a polynomial in t whose coefficients are polynomials in z.
    product = [ONE]
    work = 0
    for gap in gaps:
        product.append(Polynomial({}))
        for degree in range(len(product) - 1, 0, -1):
            product[degree] = product[degree] - product[degree - 1].shifted(gap)
        work += sum(len(coefficient.terms) for coefficient in product)
        if work > _MAX_TERMS:
            raise words_choices.law_too_long()
    by_gap = {gap: _without(product, gap) for gap in set(gaps)}
    return [by_gap[gap] for gap in gaps]


def _without(product: list[Polynomial], gap: int) -> Polynomial:
    """z^gap times the integral of product / (1 - z^gap t): the division is exact, lowest power of t first."""
    quotient: list[Polynomial] = []
    for coefficient in product[:-1]:
        quotient.append(coefficient + quotient[-1].shifted(gap) if quotient else coefficient)
    return total(q.scaled(Fraction(1, degree + 1)) for degree, q in enumerate(quotient)).shifted(gap)


def exponential_law(gaps: list[int]) -> tuple[list[Polynomial], Polynomial]:
    """Weights z^gap, and their sum."""
    weights = [Polynomial.monomial(gap) for gap in gaps]
    return weights, total(weights)
