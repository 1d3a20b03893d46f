"""Numbers as programs write them that took a telephone number for a quantity: `4.8601234567E10`, `493012345.0`.

A double holds every whole number below 2^53, so the digits are all there, or the text shows that some are not.
"""

from __future__ import annotations

import re

import numpy as np

from psi.normalize.rule import Reason

MAX_DIGITS = 15  # of a number with its country code (E.164); fewer than a double holds

_SINGLE_DIGITS = 9  # programs write no more of a 32-bit number
_SEPARATORS = ",'\u2019. \u00a0\u202f"
_WITH_ZEROS = re.compile(r"(\+?)([0-9]+)[.,]0+")
_GROUPED = re.compile(rf"(\+?)([0-9]{{1,3}}(?:([{_SEPARATORS}])[0-9]{{3}})(?:\3[0-9]{{3}})*)(?:(?!\3)[.,]0+)?")
_EXPONENT = re.compile(r"(\+?)([0-9]+)(?:[.,]([0-9]*))?([eE])(\+?)([0-9]{1,3})")
_BROKEN = re.compile(r"[+-]?[0-9]+[.,]?[0-9]*[eE][+-]?[0-9]+")


def as_digits(text: str) -> str | Reason | None:
    """The digits of a number that was written as a quantity, after a plus sign if it has one; DIGITS_LOST when not all
    of them are there; None for any other text."""
    found = _WITH_ZEROS.fullmatch(text)
    if found:
        return found[1] + found[2]
    found = _EXPONENT.fullmatch(text)
    if found:
        return _from_exponent(*found.groups())
    found = _GROUPED.fullmatch(text)
    if found:
        return found[1] + re.sub("[^0-9]", "", found[2])
    return Reason.DIGITS_LOST if _BROKEN.fullmatch(text) else None


def _from_exponent(plus: str, whole: str, decimals: str | None, letter: str, sign: str, power: str) -> str | Reason:
    digits, places = whole + (decimals or ""), int(power) - len(decimals or "")
    if places > 0:
        # Java drops the zeros at the end of a double; programs that round write the sign.
        java = letter == "E" and not sign and decimals is not None and len(whole) == 1 and int(power) < MAX_DIGITS
        if not java or _may_be_single(digits + "0" * places):
            return Reason.DIGITS_LOST
        return plus + digits + "0" * places
    if places < 0:
        if digits[places:].strip("0") or -places >= len(digits):
            return Reason.DIGITS_LOST
        digits = digits[:places]
    return Reason.DIGITS_LOST if _may_be_single(digits) else plus + digits


def _may_be_single(digits: str) -> bool:
    """Whether a 32-bit number would be written with these digits that is beyond those that such a type holds exactly:
    most telephone numbers are. Java writes up to nine digits of it, the last of which may say nothing."""
    number, shown = int(digits), digits.strip("0")
    if not 1 << 24 <= number < 10**MAX_DIGITS or len(shown) > _SINGLE_DIGITS:
        return False
    mantissa = f"{float(np.float32(number)):.{len(shown) - 1}e}".partition("e")[0]
    return mantissa.replace(".", "") == shown
