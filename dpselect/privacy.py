"""The neighbouring relation and epsilon, both exact.

Epsilon is text that becomes a fraction ("0.1" is 1/10), never a double: a guarantee that is computed from a rounded
epsilon is not the guarantee that was promised.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dpselect import words
from dpselect.coins import exp_floor

_DECIMAL = re.compile(r"\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,2})?|\.\d{1,30}([eE][+-]?\d{1,2})?", re.ASCII)
_RATIO = re.compile(r"(\d{1,30})/(\d{1,30})", re.ASCII)
_LOGARITHM = re.compile(r"ln\(\s*([^()]{1,64}?)\s*\)", re.ASCII)
_LEDGER_BITS = 64

EpsilonLike = str | int | float | Fraction | Decimal


class NeighbouringRelation(enum.Enum):
    """Which two data sets count as neighbours, that is: what one person can change."""

    ADD_REMOVE = "add-remove"  # one person's record is there or not; the number of records is private
    REPLACE = "replace"  # one person's record takes any other value; the number of records is public

    @classmethod
    def parse(cls, text: str) -> NeighbouringRelation:
        """The relation named `text`. Raises UsageError for any other text."""
        try:
            return cls(text)
        except ValueError:
            raise words.no_relation(text) from None


@dataclass(frozen=True)
class Epsilon:
    """An epsilon for polls: a fraction, or ln(ratio) for a rational ratio.

    Attributes:
        text: as the user wrote it.
        value: what a ledger charges: epsilon itself, or ln(ratio) rounded up to a multiple of 2^-64.
        ratio: exp(epsilon) where epsilon was written as ln(ratio), else None.
    """

    text: str
    value: Fraction
    ratio: Fraction | None = None


def parse_fraction(value: EpsilonLike, field: str) -> Fraction:
    """An exact fraction of 0 or more.

    Args:
        value: text such as "0.1", "1/10" or "1e-3", an int, Fraction or Decimal. A float means its shortest text, so
            that 0.1 is 1/10.
        field: what errors call the number.

    Raises:
        UsageError: anything else, such as a sign, NaN, an infinity, a bool or a long text.
    """
    if isinstance(value, Fraction):
        if value < 0:
            raise words.negative(field, value)
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise words.not_a_number(field, words.of_type(type(value).__name__))
    text = str(value).strip()
    if _DECIMAL.fullmatch(text):
        return Fraction(text)
    ratio = _RATIO.fullmatch(text)
    if ratio and int(ratio[2]):
        return Fraction(int(ratio[1]), int(ratio[2]))
    raise words.not_a_number(field, repr(text[:40]))


def parse_epsilon(value: EpsilonLike) -> Fraction:
    """Epsilon as an exact positive fraction; see `parse_fraction`. Raises UsageError when it is not one."""
    if isinstance(value, str) and _LOGARITHM.fullmatch(value.strip()):
        raise words.logarithm()
    epsilon = parse_fraction(value, "epsilon")
    if epsilon == 0:
        raise words.epsilon_of_zero()
    return epsilon


def parse_poll_epsilon(value: EpsilonLike) -> Epsilon:
    """Epsilon as `parse_epsilon` takes it, or "ln(3)" with a rational argument above 1. Raises UsageError."""
    match = _LOGARITHM.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return Epsilon(str(value), parse_epsilon(value))
    ratio = parse_fraction(match[1], words.ARGUMENT_OF_LN)
    if ratio <= 1:
        raise words.small_logarithm(match[1][:40])
    return Epsilon(f"ln({match[1]})", ln_upper(ratio), ratio)


def ln_upper(ratio: Fraction) -> Fraction:
    """A multiple of 2^-64 that is at least ln(ratio) and less than 2^-63 above it; ratio > 1."""
    one = 1 << _LEDGER_BITS
    low, high = 0, ratio.numerator.bit_length() * one  # ln(ratio) < log2(ratio) <= bit length

    def enough(multiple: int) -> bool:
        # exp(-multiple/2^64) * ratio <= 1, decided on the safe side by a floor with 64 bits to spare
        precision = 2 * _LEDGER_BITS + ratio.numerator.bit_length()
        ceiling = exp_floor(Fraction(multiple, one), precision) + 1
        return ceiling * ratio.numerator <= ratio.denominator << precision

    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return Fraction(high, one)
