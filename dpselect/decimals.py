"""Decimal text and exact fractions, back and forth."""

from __future__ import annotations

import re
from fractions import Fraction

from dpselect import words

NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?", re.ASCII)


def parse_number(text: str, what: str) -> Fraction:
    """Decimal text, signed, exact. Raises InputError, naming `what`, for anything else; the text is not repeated."""
    stripped = text.strip()
    if not NUMBER.fullmatch(stripped):
        raise words.not_decimal(what)
    return Fraction(stripped)


def plain(value: Fraction) -> str:
    """An exact decimal when there is one, otherwise a fraction: 3171.5, 1/3."""
    reduced = value.denominator
    twos = fives = 0
    while reduced % 2 == 0:
        reduced, twos = reduced // 2, twos + 1
    while reduced % 5 == 0:
        reduced, fives = reduced // 5, fives + 1
    if reduced != 1:
        return str(value)
    places = max(twos, fives)
    digits = f"{abs(value.numerator) * 10**places // value.denominator:0{places + 1}d}"
    whole, part = (digits[:-places], digits[-places:]) if places else (digits, "")
    return f"{'-' if value < 0 else ''}{whole}{'.' + part if part else ''}"


def number(value: Fraction) -> int | float:
    """For JSON: a whole number as int, any other as the nearest double (the exact text goes beside it)."""
    return value.numerator if value.denominator == 1 else float(value)
