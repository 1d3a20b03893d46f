"""Deciding privacy guarantees by algebra, and comparing counts with an exact law."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from fractions import Fraction

import sympy

from dpselect.law import Law, Polynomial

# For one cell of one comparison: fewer than 1000 cells in the suite, so below 1e-6 in total.
FALSE_ALARM = 1e-9


def nonnegative(polynomial: Polynomial) -> bool:
    """Whether polynomial(z) >= 0 for all z in (0, 1), decided exactly."""
    if not polynomial.terms:
        return True
    least = min(polynomial.terms)
    coefficients = [Fraction(0)] * (max(polynomial.terms) - least + 1)
    for power, coefficient in polynomial.terms.items():
        coefficients[power - least] = coefficient
    return _bernstein_nonnegative(coefficients) or _no_odd_root(coefficients)


def _bernstein_nonnegative(coefficients: list[Fraction]) -> bool:
    """Sufficient: on [0, 1] a polynomial is a mean of its Bernstein coefficients."""
    degree = len(coefficients) - 1
    return all(
        sum(Fraction(math.comb(i, j), math.comb(degree, j)) * coefficients[j] for j in range(i + 1)) >= 0
        for i in range(degree + 1)
    )


def _no_odd_root(coefficients: list[Fraction]) -> bool:
    """Necessary and sufficient: positive at one point of (0, 1), and no root of odd order in it (Sturm sequences)."""
    z = sympy.Symbol("z")
    poly = sympy.Poly([sympy.Rational(c.numerator, c.denominator) for c in reversed(coefficients)], z)
    ends = sympy.Poly(z - 1, z), sympy.Poly(z, z)
    for end in ends:  # both keep their sign on (0, 1); 1 - z is positive, so z - 1 turns the sign
        while poly.rem(end).is_zero and poly.degree() > 0:
            poly = poly.quo(end)
            if end is ends[0]:
                poly = -poly
    odd = [factor for factor, order in poly.factor_list()[1] if order % 2]
    if any(factor.count_roots(0, 1) for factor in odd):
        return False
    samples = (sympy.Rational(k, 1009) for k in range(1, 1009))
    value = next(v for v in (poly.eval(sample) for sample in samples) if v != 0)
    return bool(value > 0)


def keeps(epsilon: Fraction, law: Law, neighbour: Law) -> bool:
    """Whether no outcome's probability under `neighbour` is below exp(-epsilon) times that under `law`, for this and
    every other epsilon with the same exponent/epsilon: decided over all z = exp(-exponent) in (0, 1)."""
    assert law.exponent == neighbour.exponent
    assert law.outcomes == neighbour.outcomes
    power = epsilon / law.exponent  # exp(-epsilon) = z^power
    scale = power.denominator
    for here, there in zip(law.numerators, neighbour.numerators, strict=True):
        kept = _powers(there * law.denominator, scale)
        bound = _powers(here * neighbour.denominator, scale).shifted(power.numerator)
        if not nonnegative(kept - bound):
            return False
    return True


def _powers(polynomial: Polynomial, scale: int) -> Polynomial:
    return Polynomial({power * scale: c for power, c in polynomial.terms.items()})


def assert_follows(law: Law, draws: Iterable[Hashable]) -> None:
    """Every outcome as often as the law says; the law names every outcome that can be drawn."""
    counts = Counter(draws)
    assert set(counts) <= set(law.outcomes)
    _compare(counts, dict(zip(law.outcomes, law.floats(), strict=True)))


def assert_frequencies(probabilities: Mapping[Hashable, float], draws: Iterable[Hashable]) -> None:
    """Every named outcome as often as its probability says, and all that are not named together as often as is left."""
    counts = Counter(outcome if outcome in probabilities else _REST for outcome in draws)
    _compare(counts, {**probabilities, _REST: max(0.0, 1 - sum(probabilities.values()))})


def two_sided(exponent: float, reach: int) -> dict[int, float]:
    """Discrete Laplace, Pr[x] = (1 - z)/(1 + z) * z^|x| with z = exp(-exponent), for |x| <= reach."""
    z = math.exp(-exponent)
    return {x: (1 - z) / (1 + z) * z ** abs(x) for x in range(-reach, reach + 1)}


_REST = "all that are not named"


def _compare(counts: Counter[Hashable], probabilities: Mapping[Hashable, float]) -> None:
    """By Bernstein's inequality, at FALSE_ALARM for each outcome."""
    total = counts.total()
    log = math.log(2 / FALSE_ALARM)
    for outcome, probability in probabilities.items():
        variance = total * probability * (1 - probability)
        slack = log / 3 + math.sqrt(log * log / 9 + 2 * variance * log)
        assert abs(counts[outcome] - total * probability) <= slack, (outcome, counts[outcome], total * probability)
