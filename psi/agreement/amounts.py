"""Values that are added up, as whole numbers of a smallest unit: how many decimal places, and how large."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Self

from psi.agreement import words
from psi.agreement.modes import Reveal

MAX_DECIMALS = 9
TOTAL_LIMIT = 1 << 63  # totals stay below it in absolute value, so that 64 bits hold them with their sign

_DECIMAL = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,19})?(?:[eE]\+?[0-9]{1,2})?", re.ASCII)


def canonical(text: str) -> str:
    """A positive decimal in the one form that the terms take: 1000000000 for 1e9, 0.5 for 0.50. Raises UsageError."""
    stripped = text.strip().replace("_", "")
    if not _DECIMAL.fullmatch(stripped):
        raise words.largest_value()
    plain = f"{Decimal(stripped):f}"
    whole, _, places = plain.partition(".")
    places = places.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{places}" if places else "")


@dataclass(frozen=True, slots=True)
class Amounts:
    """decimals: places that count, 0 to 9. largest: the most that one row may have, either sign, in units of
    10^-decimals."""

    decimals: int
    largest: int

    @classmethod
    def of(cls, decimals: int, largest: str) -> Self:
        """As in the terms; `largest` in canonical form. Raises UsageError."""
        if not 0 <= decimals <= MAX_DECIMALS:
            raise words.decimal_places(MAX_DECIMALS, decimals)
        if canonical(largest) != largest:
            raise words.largest_value_written(canonical(largest))
        units = Fraction(largest) * 10**decimals
        if units.denominator != 1:
            raise words.largest_value_places(largest, decimals)
        if not 0 < units < TOTAL_LIMIT:
            raise words.largest_value_range(decimals, cls(decimals, 0).text(TOTAL_LIMIT - 1))
        return cls(decimals, int(units))

    def check_room(self, rows: int) -> None:
        """Raises UsageError unless the values of so many rows fit into 64 bits, whatever they are."""
        if rows * self.largest >= TOTAL_LIMIT:
            most = (TOTAL_LIMIT - 1) // rows
            raise words.total_too_large(rows, self.text(self.largest), self.text(most) if most else None, self.decimals)

    def text(self, units: int) -> str:
        """Units as a decimal with all its places: 1234.50."""
        whole, places = divmod(abs(units), 10**self.decimals)
        sign = "-" if units < 0 else ""
        return f"{sign}{whole}.{places:0{self.decimals}d}" if self.decimals else f"{sign}{whole}"


def agreed(reveal: Reveal, decimals: int | None, largest: str | None) -> Amounts | None:
    """The amounts that the terms name; None in modes that add up nothing. Raises UsageError."""
    if reveal is not Reveal.SUM:
        if decimals is not None or largest is not None:
            raise words.values_of_another_mode(reveal.value)
        return None
    if decimals is None or largest is None:
        raise words.no_amounts()
    return Amounts.of(decimals, largest)
