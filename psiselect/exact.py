"""Numbers that a guarantee depends on, exact or refused."""

from __future__ import annotations

import numbers
from decimal import Decimal
from fractions import Fraction

from dpselect.decimals import parse_number
from dpselect.privacy import parse_fraction
from psiselect import words_arguments as words
from psiselect.base.errors import InputError

Exact = str | int | Fraction | Decimal
"""Text such as "0.1" or "1/3", a whole number, a Fraction or a Decimal. A float is refused: 0.1 is not 1/10."""


def exact(value: Exact, name: str) -> Fraction:
    """The number as a fraction, 0 or more.

    name: the argument's, for errors. Raises UsageError for a float, with what to write instead, and for what is no
    number.
    """
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        value = int(value)  # numpy has whole numbers of its own
    elif isinstance(value, numbers.Real) and not isinstance(value, Fraction | bool):
        raise words.not_exact(name, _shortest(value))
    return parse_fraction(value, name)


def _shortest(value: numbers.Real) -> str | None:
    """The shortest text of a float, of any library; None for one that is not a number above 0."""
    try:
        return str(value) if Fraction(str(value)) > 0 else None
    except ValueError:  # not-a-number, infinity
        return None


def signed(value: Exact, name: str) -> Fraction:
    """The number as a fraction, of either sign; as `exact` otherwise."""
    if isinstance(value, str):
        try:
            return parse_number(value, name)
        except InputError as error:
            raise words.as_usage(error, name) from None
    negative = isinstance(value, int | Fraction | Decimal) and value < 0
    return -exact(-value, name) if negative and not isinstance(value, str) else exact(value, name)
