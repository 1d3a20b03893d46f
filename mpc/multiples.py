"""Many exact numbers that share one unit: each is a whole number, without a fraction object for each.

A vector may have a million numbers. As fractions they take minutes to parse, to scale and to print.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import overload

from dpselect.decimals import NUMBER, plain
from mpc import words

_USUAL = 40  # characters: every part of the number is as short as NUMBER allows
_FEW_PLACES = 4


@dataclass(frozen=True, slots=True, eq=False)
class Multiples(Sequence[Fraction]):
    """The numbers `units[i] * unit`.

    units: whole numbers of either sign. unit: positive, exact.
    """

    units: Sequence[int]
    unit: Fraction

    @classmethod
    def parse(cls, cells: Iterable[tuple[int, str]], place: Callable[[int], str]) -> Multiples:
        """Decimal texts, each with its line, in the finest unit that one of them needs.

        place: names a line in an error. Raises InputError at the first text that is no finite decimal.
        """
        digits: list[int] = []
        places: list[int] = []
        for line, text in cells:
            number = text.strip()
            whole, point, part = number.partition(".")
            if number.isascii() and whole.isdigit() and (part.isdigit() or not point) and len(number) <= _USUAL:
                digits.append(int(whole + part))
                places.append(len(part))
                continue
            if not NUMBER.fullmatch(number):
                raise words.not_a_decimal(place(line))
            whole, _, exponent = number.partition("e" if "e" in number else "E")
            whole, _, part = whole.partition(".")
            fine = len(part) - int(exponent or 0)
            digits.append(int(whole + part) if fine >= 0 else int(whole + part) * 10**-fine)
            places.append(max(fine, 0))
        most = max(places, default=0)
        factors = [10 ** (most - n) for n in range(most + 1)]
        return cls([d * factors[n] for d, n in zip(digits, places, strict=True)], Fraction(1, 10**most))

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have none

    def __len__(self) -> int:
        return len(self.units)

    @overload
    def __getitem__(self, index: int) -> Fraction: ...
    @overload
    def __getitem__(self, index: slice) -> Multiples: ...
    def __getitem__(self, index: int | slice) -> Fraction | Multiples:
        if isinstance(index, slice):
            return Multiples(self.units[index], self.unit)
        return self.units[index] * self.unit

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def whole_multiples(self, unit: Fraction) -> Iterator[int | None]:
        """Each number in another unit; None where it is no whole multiple of it."""
        top, bottom = (self.unit / unit).as_integer_ratio()
        return (number // bottom * top if number % bottom == 0 else None for number in self.units)

    def texts(self) -> list[str]:
        """Each number as `dpselect.decimals.plain` writes it."""
        top, bottom = self.unit.as_integer_ratio()
        rest, places = _without_twos_and_fives(bottom)
        scale = 10**places // (bottom // rest)
        if rest == 1:
            factor = top * scale
            return _decimals([number * factor for number in self.units], places)
        return [
            _decimal(number * top // rest * scale, places)
            if number * top % rest == 0
            else plain(Fraction(number * top, bottom))
            for number in self.units
        ]

    def numbers(self) -> list[int | float]:
        """Each number as `dpselect.decimals.number` gives it."""
        top, bottom = self.unit.as_integer_ratio()
        return [n * top // bottom if n * top % bottom == 0 else n * top / bottom for n in self.units]


def _without_twos_and_fives(number: int) -> tuple[int, int]:
    """What is left of a number without its factors 2 and 5, and the decimals that 1 over these factors has."""
    places = 0
    while (common := math.gcd(number, 10)) > 1:
        number //= common
        places += 1
    return number, places


def _decimals(numbers: Sequence[int], places: int) -> list[str]:
    """`_decimal` of each, in less time where decimals are few: every ending is made once."""
    if not 1 <= places <= _FEW_PLACES:
        return [_decimal(number, places) for number in numbers]
    one = 10**places
    endings = [f".{part:0{places}d}".rstrip("0").rstrip(".") for part in range(one)]
    return [
        f"{number // one}{endings[number % one]}" if number >= 0 else f"-{-number // one}{endings[-number % one]}"
        for number in numbers
    ]


def _decimal(digits: int, places: int) -> str:
    """`digits` / 10^`places`, without zeros at the end of its decimals."""
    if not places:
        return str(digits)
    padded = f"{abs(digits):0{places + 1}d}"
    part = padded[-places:].rstrip("0")
    return f"{'-' if digits < 0 else ''}{padded[:-places]}{'.' + part if part else ''}"
