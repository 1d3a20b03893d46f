"""Decimals as integers: what is shared is a whole number of units, and both are agreed in the terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from dpselect.decimals import NUMBER, plain
from mpc import words
from mpc.multiples import Multiples
from mpc.sharing import MAX_MODULUS


def parse_decimal(text: str, what: str) -> Fraction:
    """Decimal text as an exact fraction. Raises InputError, naming `what`, for anything but a finite decimal."""
    if not NUMBER.fullmatch(text.strip()):
        raise words.not_a_decimal(what)
    return Fraction(text.strip())


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """Whole multiples of `unit`, none larger than `bound` in absolute value. Both are positive."""

    unit: Fraction
    bound: Fraction

    @property
    def largest(self) -> int:
        """The bound in units, rounded up."""
        return -(-self.bound // self.unit)

    def encode(self, value: Fraction, what: str) -> int:
        """`value` in units. Raises InputError when it is no whole multiple of the unit or beyond the bound; neither
        the value nor its size is part of the message."""
        if abs(value) > self.bound:
            raise words.beyond_bound(what, plain(self.bound))
        units = value / self.unit
        if units.denominator != 1:
            raise words.not_a_multiple(what, plain(self.unit))
        return units.numerator

    def round(self, value: Fraction) -> int:
        """The nearest number of units, halves up: values at most s apart land at most ceil(s/unit) units apart."""
        return (value / self.unit + Fraction(1, 2)) // 1

    def decode(self, units: int) -> Fraction:
        """The value of `units`."""
        return units * self.unit

    def require_room(self, modulus: int, addends: int, spread: int = 0) -> None:
        """Refuse terms under which a sum of `addends` values, give or take `spread` units of noise, could wrap
        around `modulus`. Raises PolicyError with the arithmetic."""
        reach = addends * self.largest + spread
        if 2 * reach >= modulus:
            raise words.no_room(modulus, addends, self.largest, spread, reach, most_bits=MAX_MODULUS.bit_length() - 1)


def encode_all(point: FixedPoint, values: Sequence[Fraction], what: str = "value") -> list[int]:
    """Encode a vector; errors name the position, counted from 1."""
    if len(values) == 1:
        return [point.encode(values[0], what)]
    if isinstance(values, Multiples):
        found = [units for units in values.whole_multiples(point.unit) if units is not None]
        limit = point.bound // point.unit
        if len(found) == len(values) and all(-limit <= units <= limit for units in found):
            return found
    return [point.encode(value, f"{what} {index}") for index, value in enumerate(values, 1)]
