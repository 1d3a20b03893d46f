"""Integers in vectors together with the least and the greatest value that any lane can hold.

Every operation works out the range of its result while code is generated, and raises RangeError where a result could
be negative, could reach 2^63, or would not be what the caller states. So code that was generated at all cannot
overflow, for any input: no test has to find the input that does.
"""

from __future__ import annotations

from dataclasses import dataclass

from psi.group.curve25519.lanes.codegen import Code, Vec

DIGIT_BITS = 52
DIGIT = 2**DIGIT_BITS - 1
_LIMIT = 2**63


class RangeError(ArithmeticError):
    """Code that could overflow was about to be generated."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A factor of `vpmadd52luq` and `vpmadd52huq`: bits 0 to 51 of each lane, which are at most `most`.

    clean: bits 52 to 63 are zero too.
    """

    vec: Vec
    most: int
    clean: bool

    def value(self) -> Ranged:
        """The factor as a number to add."""
        vec = self.vec if self.clean else self.vec & self.vec.code.ints(DIGIT)
        return Ranged(vec, 0, self.most)


@dataclass(frozen=True, slots=True)
class Ranged:
    """Non-negative integers below 2^63: `least` <= lane <= `most` for every lane."""

    vec: Vec
    least: int
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most < _LIMIT:
            raise RangeError(f"a number from {self.least:#x} to {self.most:#x} does not fit")

    def __add__(self, other: Ranged) -> Ranged:
        return Ranged(self.vec + other.vec, self.least + other.least, self.most + other.most)

    def __sub__(self, other: Ranged) -> Ranged:
        return Ranged(self.vec - other.vec, self.least - other.most, self.most - other.least)

    def __rshift__(self, bits: int) -> Ranged:
        return Ranged(self.vec >> bits, self.least >> bits, self.most >> bits)

    def cut(self, bits: int) -> Ranged:
        """The lowest `bits` bits."""
        mask = 2**bits - 1
        return Ranged(self.vec & self.vec.code.ints(mask), 0, min(self.most, mask))

    def low(self) -> Operand:
        """The lowest 52 bits as a factor: what is above was carried on, or is dealt with by the caller."""
        return Operand(self.vec, min(self.most, DIGIT), self.most <= DIGIT)

    def exact(self) -> Operand:
        """The number itself as a factor."""
        if self.most > DIGIT:
            raise RangeError(f"{self.most:#x} has more than {DIGIT_BITS} bits")
        return Operand(self.vec, self.most, clean=True)


def known(code: Code, value: int) -> Ranged:
    """The same number in every lane."""
    return Ranged(code.ints(value), value, value)
