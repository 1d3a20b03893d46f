"""AboveThreshold (the sparse vector technique) on integers: which of a stream of queries first reaches a threshold?

Noise is discrete Laplace. On the threshold its exponent is epsilon/(2D), where D is the sensitivity. On each answer it
is epsilon/(4D), or epsilon/(2D) when the queries are monotone. Only the position of the first answer above is released,
so any number of queries below costs nothing more.

Proof, as Dwork, Roth 2014, Thm 3.23 (monotone: Lyu, Su, Li 2017, arXiv 1603.01699), on integers. Let the outcome be "k
is the first above" and move to a neighbour. Raise the threshold's noise by D: answers that were below stay below. Raise
the noise of answer k by 2D: it stays above. Where all answers rise together, D is enough for answer k. Where all fall
together, the threshold's noise stays as it is and D is enough again. These are bijections of the integers, and each
changes the probability by at most e^(epsilon/2). D has to be an integer: scale answers that are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, reduce

from dpselect import words_choices
from dpselect.accounting import Event, PureDp
from dpselect.law import ONE, Law, Polynomial, total
from dpselect.mechanisms import Guarantee, Mechanism
from dpselect.privacy import EpsilonLike, NeighbouringRelation, parse_epsilon
from dpselect.sampling import discrete_laplace
from dpselect.scores import Bounded
from psiselect.base.entropy import Entropy, SystemEntropy

_SYSTEM = SystemEntropy()


@dataclass(frozen=True)
class AboveThreshold(Guarantee):
    """A measurement that releases the position of the first query at or above `threshold`, noise added, or None."""

    threshold: int

    mechanism = Mechanism.ABOVE_THRESHOLD

    @cached_property
    def exponent(self) -> Fraction:
        """Of the noise on each answer, per unit."""
        return self._threshold_exponent if self.bound.monotone else self._threshold_exponent / 2

    @cached_property
    def _threshold_exponent(self) -> Fraction:
        return self.epsilon / (2 * self.bound.sensitivity)

    @property
    def event(self) -> Event:
        return PureDp(self.epsilon)

    def start(self, entropy: Entropy = _SYSTEM) -> Stream:
        """A stream of queries, which may be chosen in the light of earlier answers. Costs `epsilon` in all."""
        return Stream(self, entropy, self.threshold + discrete_laplace(entropy, self._threshold_exponent))

    def release(self, answers: Iterable[int], entropy: Entropy = _SYSTEM) -> int | None:
        """The position (from 0) of the first answer that is found above, or None.

        Args:
            answers: the true values of the queries. Those after the first one above are not looked at.
            entropy: the source of random bits; None for the system's.

        Raises:
            InputError: an answer is not an integer.
        """
        stream = self.start(entropy)
        return next((position for position, answer in enumerate(answers) if stream.ask(answer)), None)

    def probabilities(self, answers: Iterable[int]) -> Law:
        """The exact law; outcomes are the positions, then None. z = exp(-exponent)."""
        exact = [_integer(answer) for answer in answers]
        offsets = [self.threshold - answer for answer in exact]
        ratio = 1 if self.bound.monotone else 2
        cases = [(offsets[:position], offset) for position, offset in enumerate(offsets)] + [(offsets, None)]
        most = len(exact) + ratio
        numerators = [_numerator(below, above, ratio, most) for below, above in cases]
        # Cases with fewer answers lack factors 1 + z of the common denominator.
        padded = [
            numerator * _power(_ONE_PLUS_Z, len(exact) - len(below) - (above is not None))
            for numerator, (below, above) in zip(numerators, cases, strict=True)
        ]
        whole = _power(_ONE_PLUS_Z, len(exact)) * (ONE + Polynomial.monomial(ratio)) * _product(_geometric(most))
        return Law((*range(len(exact)), None), tuple(padded), whole, self.exponent)


@dataclass
class Stream:
    """One run of AboveThreshold. Holds the noisy threshold: as secret as the data, until the run is over."""

    measurement: AboveThreshold
    entropy: Entropy = field(repr=False)
    _noisy_threshold: int = field(repr=False)
    over: bool = False

    def ask(self, answer: int) -> bool:
        """Whether this answer is found at or above the threshold; the first True ends the run. Raises UsageError after
        the end, InputError for a non-integer."""
        if self.over:
            raise words_choices.answered()
        noise = discrete_laplace(self.entropy, self.measurement.exponent)
        self.over = _integer(answer) + noise >= self._noisy_threshold
        return self.over


def above_threshold(
    epsilon: EpsilonLike, relation: NeighbouringRelation | None, threshold: int | Fraction, queries: Bounded
) -> AboveThreshold:
    """AboveThreshold, `epsilon`-DP under `relation` for integer queries with the declared bound. Raises UsageError when
    the sensitivity is not an integer."""
    bound = queries.bound(relation)
    if bound.sensitivity.denominator != 1:
        raise words_choices.integer_sensitivity(bound.sensitivity)
    return AboveThreshold(parse_epsilon(epsilon), relation, bound, math.ceil(threshold))


def _integer(answer: object) -> int:
    if isinstance(answer, bool) or not hasattr(answer, "__index__"):
        raise words_choices.integer_answer(type(answer).__name__)
    return int(answer.__index__())


# ---------------------------------------------------------------------------------------------- the exact law

# With noise N of exponent -log(z), (1 + z) * Pr[N >= x] is z^x for x >= 1 and 1 + z - z^(1-x) for x <= 0. The law is
# the sum over the threshold's noise r, whose probability is y^|r| (1 - y)/(1 + y) with y = z^ratio. Far up and far down
# every factor keeps its form, so that with w = z^t (t steps beyond) the terms are polynomials in w, and the sum of w^a
# over t is 1/(1 - z^a). The common denominator is (1 + z)^n * (1 + y) * (1 - z)(1 - z^2)...(1 - z^most).

_ONE_PLUS_Z = Polynomial({0: 1, 1: 1})
_InW = dict[int, Polynomial]


def _numerator(below: list[int], above: int | None, ratio: int, most: int) -> Polynomial:
    """Of: all of `below` stay below and `above` does not; offsets are threshold - answer."""
    offsets = below if above is None else [*below, above]
    up = max([0, *(1 - offset for offset in offsets)])
    down = max([1, *offsets])
    middle = total(_product(_factors(below, above, r)).shifted(ratio * abs(r)) for r in range(1 - down, up))
    upper = _tail([_low(o + up) for o in below] + ([] if above is None else [_high(above + up)]), ratio)
    lower = _tail([_high(1 - o + down) for o in below] + ([] if above is None else [_low(1 - above + down)]), ratio)
    geometric = _geometric(most)
    parts = [middle * _product(geometric)]
    for tail, shift in ((upper, up), (lower, down)):
        for degree, coefficient in tail.items():
            others = _product([factor for number, factor in enumerate(geometric, start=1) if number != degree])
            parts.append((coefficient * others).shifted(ratio * shift))
    return total(parts) * Polynomial({0: 1, ratio: -1})


def _factors(below: list[int], above: int | None, r: int) -> list[Polynomial]:
    factors = [_ONE_PLUS_Z - _at_least(offset + r) for offset in below]
    return factors if above is None else [*factors, _at_least(above + r)]


def _at_least(x: int) -> Polynomial:
    return Polynomial.monomial(x) if x >= 1 else _ONE_PLUS_Z - Polynomial.monomial(1 - x)


def _high(power: int) -> _InW:
    return {1: Polynomial.monomial(power)}


def _low(power: int) -> _InW:
    return {0: _ONE_PLUS_Z, 1: Polynomial.monomial(power, -1)}


def _tail(factors: list[_InW], ratio: int) -> _InW:
    terms: _InW = {ratio: ONE}
    for factor in factors:
        product: _InW = {}
        for degree, coefficient in terms.items():
            for degree2, coefficient2 in factor.items():
                key = degree + degree2
                product[key] = product.get(key, Polynomial({})) + coefficient * coefficient2
        terms = product
    return terms


def _geometric(most: int) -> list[Polynomial]:
    return [Polynomial({0: 1, power: -1}) for power in range(1, most + 1)]


def _product(factors: list[Polynomial]) -> Polynomial:
    return reduce(lambda left, right: left * right, factors, ONE)


def _power(base: Polynomial, exponent: int) -> Polynomial:
    return _product([base] * exponent)
