"""The column whose values add up in `sum`: what is asked of it, and what became of it."""

from __future__ import annotations

from fractions import Fraction

from dpselect.decimals import number
from psi.agreement.amounts import Amounts, canonical
from psi.agreement.modes import Reveal
from psi.protocol.outcome import Outcome
from psiselect.matching import words

DEFAULT_DECIMALS = 2
DEFAULT_LARGEST = "1000000000"


def asked(reveal: Reveal, decimals: int | None, largest: str | None) -> tuple[int | None, str | None]:
    """Decimal places and largest value of the terms; defaults in `sum` only. Raises UsageError."""
    largest = None if largest is None else canonical(largest)
    if reveal is not Reveal.SUM:
        return decimals, largest
    return DEFAULT_DECIMALS if decimals is None else decimals, largest or DEFAULT_LARGEST


def check_column(reveal: Reveal, learn: str, column: str | None) -> None:
    """`learn`: me, peer or both. Raises UsageError for a --value that is missing, or that nobody would use."""
    if column is not None and reveal is not Reveal.SUM:
        raise words.value_is_for_sums(reveal)
    if reveal is not Reveal.SUM:
        return
    if learn == "me" and column is not None:
        raise words.values_of_the_other_side()
    if learn != "me" and column is None:
        raise words.value_is_missing()


def text(amounts: Amounts, total: int) -> str:
    """A total for people, with separators: 1,234,567.50."""
    whole, point, places = amounts.text(total).partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}{point}{places}"


def check_total(amounts: Amounts | None, outcome: Outcome) -> None:
    """Raises RemoteError for a total that no values within the terms can have.

    Only when the session is over: a sender that learnt of it could tell matches by spoiling single values.
    """
    if amounts is None or outcome.total is None or outcome.matches is None:
        return
    if abs(outcome.total) > outcome.matches * amounts.largest:
        raise words.total_too_large(outcome.matches, amounts.text(amounts.largest))


def as_json(amounts: Amounts | None, outcome: Outcome) -> dict[str, object]:
    """`sum`, a number (the nearest double where it has places), and `sum_exact`, text."""
    if amounts is None or outcome.total is None:
        return {"sum": None, "sum_exact": None}
    exact = amounts.text(outcome.total)
    return {"sum": number(Fraction(exact)), "sum_exact": exact}
