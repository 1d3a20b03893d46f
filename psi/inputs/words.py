"""What people read from this room: every error about a list, its keys and values, and the advice that mends it."""

from __future__ import annotations

from collections.abc import Sequence

from psiselect.base.errors import InputError

_SAME_RULE = "Both sides must use the same rule."

# Lists without keys.


def advised(name: str, advice: str) -> InputError:
    return InputError(f"{name}: {advice}", term="key")


def no_key(name: str, columns: Sequence[str], rule: str) -> InputError:
    return advised(
        name,
        f"no row has a key that the rule '{rule}' can read. Check the column and the rule in --key (now the column is "
        f"{', '.join(map(repr, columns))})",
    )


def unreadable_rows(name: str, rule: str, unreadable: int, rows: int, listed: Sequence[tuple[int, str]]) -> InputError:
    """listed: the first of these rows, each with the reason in words."""
    by_reason: dict[str, list[str]] = {}
    for row, why in listed:
        by_reason.setdefault(why, []).append(f"{row}")
    shown = ", ".join(
        f"{'row' if len(found) == 1 else 'rows'} {', '.join(found)} ({why})" for why, found in by_reason.items()
    )
    more = f" and {unreadable - len(listed):,} more" if unreadable > len(listed) else ""
    return InputError(
        f"{name}: the rule '{rule}' cannot read {unreadable:,} of {rows:,} rows: {shown}{more}. Correct these "
        "keys or make them empty. Or leave out --strict",
        term="rule",
    )


# Advice.


def no_country(column: str) -> str:
    return (
        "The telephone numbers have no country code. If all belong to one country, name it with region=, as in --key "
        f"{column}:phone,region=PL. If a column has each row's country, add region-column=COLUMN"
    )


def no_country_in(column: str) -> str:
    return f"The column '{column}' must have each row's country, as an ISO code such as PL or as an English name"


def set_option(why: str, column: str, rule: str, setting: str) -> str:
    return f"{why}. Add {setting} so that the program reads them, as in --key {column}:{rule},{setting}"


EXTENSIONS = "The numbers have extensions"
BRACKETS = "The addresses are in angle brackets"
MAILTO = "The addresses are mailto links"
SEVERAL = "The cells hold several addresses"
SPACES = "The addresses have spaces in them"
DIGITS_LOST = "A program has rounded these numbers, so digits are lost. Export the list again, with this column as text"


def day_or_month(column: str) -> str:
    return (
        "In some dates, the day or the month may come first. Add order=dmy or order=mdy, as in --key "
        f"{column}:date,order=dmy"
    )


def cured(advice: str) -> str:
    return f"{advice}. {_SAME_RULE}"


def all_blank(lost: int, rows: int) -> str:
    return f"the key is empty in {lost:,} of {rows:,} rows. "


def mostly(rows: int, unreadable: int, why: str, blank: int) -> str:
    also = f", and the key is empty in {blank:,} more" if blank else ""
    return f"the program cannot read the key in {unreadable:,} of {rows:,} rows (most frequent problem: {why}){also}. "


RIGHT_COLUMN = "Does --key name the right column?"
RIGHT_RULE = "Does --key name the right column and the right rule?"


def other_rule(column: str, holds: str, rule: str, written: str, better: str) -> str:
    own = "compares them letter by letter" if rule == "raw" else "cannot read them"
    return (
        f"Column '{column}' seems to hold {holds}, but the rule '{rule}' {own}. Use --key {written}:{better}. "
        f"{_SAME_RULE}"
    )


# Values that add up.


def no_values(name: str, column: str, kind: object, *, floating: bool) -> InputError:
    hint = ". 32-bit floats cannot represent exact decimals" if floating else ""
    return InputError(
        f"{name}: column {column!r} has type {kind}, which the program cannot add up{hint}. Store the column as "
        "text, decimal or integer",
        term="value",
    )


def sum_too_large(name: str, row: int, column: str, largest: str) -> InputError:
    return InputError(
        f"{name}, column {column!r}: the values of row {row} and of the other rows with the same key add up to more "
        f"than --value-max {largest}. Agree with the peer on a larger --value-max",
        term="value_max",
    )


def in_row(name: str, row: int, column: str, problem: str) -> InputError:
    return InputError(f"{name}, row {row}: the value in column {column!r} {problem}", term="value")


NOT_FINITE = "is infinite, or is not a number (NaN)"
TOO_LARGE_FOR_A_DOUBLE = (
    "is a floating-point number that is too large to have exact decimal places. Store the values as decimal numbers or "
    "text"
)
TOO_MANY_DIGITS = "has too many digits. It may have at most 19 digits before the point and 18 after it"
NO_NUMBER = (
    "is not a number like 1234.50. Write it with a point for decimals, without thousands separators and without a "
    "currency"
)


def beyond(largest: str) -> str:
    return (
        f"must be from -{largest} to {largest}, as --value-max says. Correct the value, or agree with the peer on a "
        "larger --value-max"
    )


def too_many_places(decimals: int) -> str:
    return (
        f"has more decimal places than --value-decimals {decimals} allows. Round the value, or agree with the peer on "
        "a larger --value-decimals"
    )
