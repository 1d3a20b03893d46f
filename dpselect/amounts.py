"""Amounts as the file of a ledger holds them: text and fractions, and sums of many entries.

A long ledger has the same few texts again and again, so each is read once. What no ledger holds raises ValueError.
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction

from dpselect import words_ledger
from dpselect.accounting import BoundedSum, Cost

MAX_DIGITS = 400
_FRACTION = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}(/[1-9][0-9]{{0,{MAX_DIGITS - 1}}})?", re.ASCII)
# An entry is a multiple of 1/unit, and the unit holds the budget's own denominators.
_ENTRY_DIGITS = 4 * MAX_DIGITS
# More than a long ledger has entries: its balances and its entries are read one after the other.
_REMEMBERED = 1 << 17


class Sums:
    """The two parts of many costs, added up."""

    def __init__(self, unit: int) -> None:
        self._amount, self._delta = BoundedSum(unit), BoundedSum(unit)

    def add(self, amount: object, delta: object) -> None:
        """Add an entry, as the file holds it. Raises ValueError."""
        self._amount.add(*_parts(amount))
        self._delta.add(*_parts(delta))

    @property
    def cost(self) -> Cost:
        """The sum so far."""
        return Cost(self._amount.value, self._delta.value)


def text_of(amount: Fraction) -> str:
    """A budget's part, as the file holds it. Raises UsageError for one of too many digits."""
    text = str(amount) if max(amount.numerator, amount.denominator) < 10**MAX_DIGITS else ""
    if not _FRACTION.fullmatch(text):
        raise words_ledger.amount(MAX_DIGITS)
    return text


def budget_of(text: object) -> Fraction:
    """A budget's part. Raises ValueError."""
    if not isinstance(text, str) or not _FRACTION.fullmatch(text):
        raise ValueError
    return Fraction(text)


@functools.lru_cache(4096)
def cost_of(amount: object, delta: object) -> Cost:
    """An entry's cost, as it was written. Raises ValueError."""
    return Cost(Fraction(*_parts(amount)), _delta(delta))


def sum_of_one(unit: int, amount: object, delta: object) -> Cost:
    """What `Sums` has of one entry. Raises ValueError."""
    cost = cost_of(amount, delta)
    if BoundedSum.has_exactly(unit, cost.amount) and BoundedSum.has_exactly(unit, cost.delta):
        return cost
    sums = Sums(unit)
    sums.add(amount, delta)
    return sums.cost


@functools.lru_cache(4096)  # 0 in most ledgers
def _delta(text: object) -> Fraction:
    return Fraction(*_parts(text))


@functools.lru_cache(_REMEMBERED)
def _parts(text: object) -> tuple[int, int]:
    """Numerator and denominator of an entry's part."""
    if not isinstance(text, str) or len(text) > 2 * _ENTRY_DIGITS:
        raise ValueError
    above, ratio, below = text.partition("/")
    if not (above.isdecimal() and above.isascii()):
        raise ValueError
    if not ratio:
        return int(above), 1
    if not (below.isdecimal() and below.isascii()) or below[0] == "0":
        raise ValueError
    return int(above), int(below)
