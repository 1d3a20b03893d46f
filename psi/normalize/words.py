"""What people read from this room: every error about a key and its rule, and why a value cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psiselect.base.errors import UsageError
from psiselect.base.words import counted

# Without an article, by the word that --json has (`psi.normalize.rule.Reason`).
OF_REASONS: Mapping[str, str] = {
    "no-at-sign": "no @ in the address",
    "several-at-signs": "more than one @ in the address",
    "inner-space": "a space inside the address",
    "bad-local-part": "a bad address before the @",
    "bad-domain": "a bad domain after the @",
    "in-angle-brackets": "an address in angle brackets",
    "mailto-link": "a mailto link",
    "several-addresses": "several addresses in one cell",
    "not-a-phone-number": "not a telephone number",
    "unknown-country": "a telephone number without its country",
    "impossible-length": "a telephone number of impossible length",
    "has-extension": "a telephone number with an extension",
    "letters-in-number": "letters in a telephone number",
    "digits-lost": "digits lost when a program rounded them",
    "two-readings": "a telephone number with two readings",
    "not-a-date": "not a date",
    "day-month-order-unknown": "a date whose day and month may be swapped",
    "no-such-day": "a day that does not exist",
    "no-letters": "no letters in the name",
    "not-64-hex-digits": "not 64 hexadecimal digits",
    "not-a-sha256-digest": "not a SHA-256 digest",
}


# Keys, as --key has them.


def _of_key(key: str, what: str, term: str) -> UsageError:
    return UsageError(f"--key {key}: {what}", term=term)


def key_form(key: str) -> UsageError:
    return _of_key(
        key,
        "write COLUMN, or COLUMN:RULE, or COLUMN:RULE,option=value. If a column's name has a colon, plus sign, comma "
        "or equals sign in it, write a backslash before that sign",
        "key",
    )


def ends_in_backslash() -> UsageError:
    return UsageError(
        "--key ends in a backslash, but another character must follow. If the column's name has a backslash, write two "
        "backslashes for it",
        term="key",
    )


def other_columns(key: str, columns: int, rules: str) -> UsageError:
    return _of_key(
        key, f"the rule '{rules}' needs {counted(columns, 'column', 'columns')}, with + between columns", "key"
    )


def no_region_column(key: str, column: str, option: str) -> UsageError:
    return _of_key(
        key, f"if each row's country is in a column, name that column, as in {column}:{option}=COLUMN", "rule"
    )


def no_rule(key: str, name: str, near: str | None, known: Iterable[str]) -> UsageError:
    hint = f"Did you mean {near!r}? " if near else ""
    return _of_key(key, f"there is no rule {name!r}. {hint}The rules are {', '.join(known)}", "rule")


def no_version(key: str, name: str, version: str, known: Iterable[int]) -> UsageError:
    has = " and ".join(map(str, known))
    return _of_key(
        key,
        f"this program does not have version {version or '(none)'} of the rule '{name}'. It has version {has}",
        "rule",
    )


def no_setting(key: str, setting: str) -> UsageError:
    return _of_key(key, f"{setting!r} must have the form option=value, such as region=PL", "rule")


def set_twice(key: str, option: str) -> UsageError:
    return _of_key(key, f"the option '{option}' occurs twice. Give it only once", "rule")


def region_or_column(key: str) -> UsageError:
    return _of_key(
        key,
        "give either region (one country for all rows) or region-column (the column that names each row's "
        "country), not both",
        "rule",
    )


# Options of rules.


def no_option(rule: str, option: str, known: Iterable[str]) -> UsageError:
    return UsageError(
        f"the rule '{rule}' has no option {option!r}. The options of this rule are: {', '.join(known) or 'none'}",
        term="rule",
    )


def no_value(rule: str, option: str, value: str, expected: str) -> UsageError:
    return UsageError(f"for the rule '{rule}', the option '{option}' cannot be {value!r}. {expected}", term="rule")


def perhaps(*meant: str) -> str:
    return f"Did you mean {' or '.join(meant)}?"


def one_of(allowed: Iterable[str]) -> str:
    return f"Choose from {', '.join(allowed)}"


def examples(some: Iterable[str]) -> str:
    return f"Examples: {', '.join(some)}"
