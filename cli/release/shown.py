"""How a release is shown to people: the number with the word "about" before it, and how far off it may be.

Rule: what is said of the noise is public; it comes from the release's record, never from the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction
from typing import Any

from cli.release import words
from dpselect.decimals import plain

_SHORT = 16  # characters of a decimal that is shown as it is


def about(value: Fraction) -> str:
    """A number with commas: all digits of a short decimal, else two behind the point, or three in all below 1.

    A double would invent digits of a number with more than 16, so that becomes a whole number.
    """
    text = plain(value)
    if abs(value) >= 10**_SHORT:
        return f"{round(value):,}"
    if "/" not in text and len(text) <= _SHORT:
        return f"{Decimal(text):,f}"
    return f"{float(value):,.2f}" if abs(value) >= 1 else f"{float(value):.3g}"


def number_lines(statistic: str, value: Fraction, record: Mapping[str, Any]) -> dict[str, str]:
    """One number by name, with its noise in words; and the number that was drawn, where the first is rounded."""
    error, in_ranks = record["error95"], record.get("error_in") == "ranks"
    rounded = about(value)
    lines = {statistic: words.number(rounded, None if error is None else _up(error), in_ranks=in_ranks)}
    if Fraction(rounded.replace(",", "")) != value:
        lines["drawn"] = plain(value) if value.denominator < 10**9 else f"{float(value):.10g}"
    return lines


def histogram_line(record: Mapping[str, Any]) -> str:
    """The line above a histogram."""
    return words.histogram(_up(record["error95"]), _up(record["error95_all"]))


def table_line(statistics: Sequence[str], record: Mapping[str, Any]) -> str:
    """The line above a table of groups."""
    errors = record["error95"]
    known = [(name, _up(errors[name])) for name in statistics if errors[name] is not None]
    return words.table(known, all_known=len(known) == len(statistics))


def _up(value: float) -> str:
    """An error, rounded up to three digits or to whole numbers."""
    exact = Decimal(str(value))
    digits = max(3, exact.adjusted() + 1)
    return f"{Context(prec=digits, rounding=ROUND_CEILING).plus(exact).normalize():,f}"
