"""Numbers that a guarantee depends on, exact or refused."""

from __future__ import annotations

import numbers
from decimal import Decimal
from fractions import Fraction

from dpselect.decimals import parse_number
from dpselect.privacy import parse_fraction
from psiselect.base.errors import InputError, UsageError

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
        raise UsageError(f"{name}: a float is only near the number that was meant; {_instead(value, name)}", term=name)
    return parse_fraction(value, name)


def _instead(value: numbers.Real, name: str) -> str:
    shortest = str(value)  # of any library's float: its shortest text
    try:
        if Fraction(shortest) > 0:
            return f'write {name}="{shortest}"'
    except ValueError:  # not-a-number, infinity
        pass
    return f'write the number as text, such as {name}="0.1"'


def signed(value: Exact, name: str) -> Fraction:
    """The number as a fraction, of either sign; as `exact` otherwise."""
    if isinstance(value, str):
        try:
            return parse_number(value, name)
        except InputError as error:
            raise UsageError(str(error), term=name) from None
    negative = isinstance(value, int | Fraction | Decimal) and value < 0
    return -exact(-value, name) if negative and not isinstance(value, str) else exact(value, name)
