"""From what the user asks to the terms of a run: units, modulus, noise, and what is refused with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from dpselect.decimals import plain
from dpselect.privacy import NeighbouringRelation
from mpc import words
from mpc.fixedpoint import FixedPoint, encode_all
from mpc.noise import SharedNoise, coarsening, widest_sensitivity
from mpc.parties import PartyList
from mpc.sharing import WORD, Modulus
from mpc.terms import Function, MpcTerms
from psiselect.base.entropy import Entropy


@dataclass(frozen=True, slots=True)
class NoiseGuarantee:
    """What makes a sum differentially private: who may collude, what is protected, within which bounds.

    sensitivity: how far one protected person moves one number of a party that holds many; None protects whole parties.
    """

    epsilon: Fraction
    neighbors: NeighbouringRelation
    lower: Fraction
    upper: Fraction
    colluding: int
    contributions: int = 1
    sensitivity: Fraction | None = None

    @property
    def span(self) -> Fraction:
        """How far one number can move."""
        if self.sensitivity is not None:
            return self.sensitivity
        if self.neighbors is NeighbouringRelation.REPLACE:
            return self.upper - self.lower
        return max(abs(self.lower), abs(self.upper))


@dataclass(frozen=True, slots=True)
class SumPlan:
    """Terms of a sum and how this party's values become what it shares.

    sensitivity: in units, how far one party (or a group of `contributions`) can move the vector of sums, in L1;
    None without noise. coarsened: by what the asked unit was multiplied.
    """

    terms: MpcTerms
    point: FixedPoint
    guarantee: NoiseGuarantee | None = None
    noise: SharedNoise | None = None
    sensitivity: int | None = None
    coarsened: int = 1

    def encode(self, values: Sequence[Fraction], entropy: Entropy) -> list[int]:
        """The integers to share: exact, or clamped, rounded and with this party's share of the noise.

        Raises InputError when an exact value does not fit the terms. Clamping is silent: that it happened is private.
        """
        if self.guarantee is None or self.noise is None:
            return encode_all(self.point, values)
        low, high = self.guarantee.lower, self.guarantee.upper
        rounded = [self.point.round(min(high, max(low, value))) for value in values]
        return [v + s for v, s in zip(rounded, self.noise.two_sided(entropy, len(rounded)), strict=True)]

    @property
    def error95(self) -> Fraction | None:
        """What the noise of all parties stays within at 95 %, for one sum, in the unit of the data."""
        if self.noise is None:
            return None
        return Fraction(self.noise.error95()) * self.point.unit


def plan_sum(
    function: Function,
    roster: PartyList,
    *,
    length: int,
    decimals: int = 2,
    bound: Fraction = Fraction(10**12),
    modulus: int = WORD,
    guarantee: NoiseGuarantee | None = None,
    allow_two_inputs: bool = False,
) -> SumPlan:
    """Raises UsageError for terms that make no sense, PolicyError for those that would give an input away or could
    overflow."""
    Modulus(modulus)
    if not 0 <= decimals <= 18:
        raise words.decimals(decimals)
    if bound <= 0:
        raise words.bound(plain(bound))
    inputs = len(roster.inputting)
    unit = Fraction(1, 10**decimals)
    if guarantee is not None:
        return _noisy(function, inputs, length, unit, modulus, guarantee)
    _refuse_telling_inputs(inputs, allow_two_inputs)
    point = FixedPoint(unit, bound)
    point.require_room(modulus, inputs)
    return SumPlan(MpcTerms(function, length, modulus, plain(unit), plain(bound)), point)


def _refuse_telling_inputs(inputs: int, allow_two: bool) -> None:
    if inputs == 1:
        raise words.one_value()
    if inputs == 2 and not allow_two:
        raise words.two_values()


def _noisy(
    function: Function, inputs: int, length: int, unit: Fraction, modulus: int, guarantee: NoiseGuarantee
) -> SumPlan:
    low, high = guarantee.lower, guarantee.upper
    if low >= high:
        raise words.lower(plain(low), plain(high))
    if guarantee.contributions < 1:
        raise words.contributions(guarantee.contributions)
    if guarantee.sensitivity is not None and not 0 < guarantee.sensitivity <= high - low:
        raise words.sensitivity(plain(high - low))
    together = length * guarantee.contributions
    factor = coarsening(guarantee.span * together, unit, widest_sensitivity(guarantee.epsilon, length))
    point = FixedPoint(unit * factor, max(abs(low), abs(high)))
    sensitivity = together * _units_moved(guarantee, point)
    if sensitivity == 0:
        raise words.all_alike(plain(point.unit), plain(low), plain(high))
    noise = SharedNoise(inputs, guarantee.colluding, guarantee.epsilon / sensitivity)
    point.require_room(modulus, inputs, noise.reach(length))
    terms = MpcTerms(
        function,
        length,
        modulus,
        plain(point.unit),
        plain(point.bound),
        epsilon=str(guarantee.epsilon),
        neighbors=guarantee.neighbors.value,
        lower=plain(low),
        upper=plain(high),
        contributions=guarantee.contributions,
        sensitivity=None if guarantee.sensitivity is None else plain(guarantee.sensitivity),
        colluding=guarantee.colluding,
    )
    return SumPlan(terms, point, guarantee, noise, sensitivity, factor)


def _units_moved(guarantee: NoiseGuarantee, point: FixedPoint) -> int:
    """How far one number can move once it is clamped and rounded."""
    if guarantee.sensitivity is not None:
        return int(-(-guarantee.sensitivity // point.unit))
    bottom, top = point.round(guarantee.lower), point.round(guarantee.upper)
    return top - bottom if guarantee.neighbors is NeighbouringRelation.REPLACE else max(abs(bottom), abs(top))
