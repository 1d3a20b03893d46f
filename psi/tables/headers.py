"""The names of a table's columns: which they are, and whether the first row has names at all (decision 0171)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from psiselect.base.errors import InputError

# What a cell of a first row is when it is no column's name. Whole numbers of up to six digits may be names: years,
# weeks, sizes.
_YEARS = r"(?:19|20)[0-9]{2}[-/](?:19|20)[0-9]{2}"
_DATA = (
    ("an e-mail address", re.compile(r"(?:mailto:|<)?[^@\s]+@[^@\s]+\.[^@\s]+>?")),
    ("a telephone number or another long number", re.compile(rf"(?!{_YEARS}\Z)\+?(?:[\s()./-]*[0-9]){{7,}}")),
    (
        "a date",
        re.compile(
            r"(?:[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\2(?:[0-9]{4}|[0-9]{2}))"
            r"(?:[T ]+[0-9]{1,2}:[0-9]{2}.*)?"
        ),
    ),
    ("a number", re.compile(r"-[0-9]+(?:[.,][0-9]+)?|[0-9]+[.,][0-9]+")),
    (
        "a digest or an identifier",
        re.compile(
            r"(?:0x)?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            re.IGNORECASE,
        ),
    ),
    ("an address of the web", re.compile(r"https?://\S+", re.IGNORECASE)),
)


def column_names(cells: Sequence[str], name: str, unit: str, line: int, *, certain: bool) -> tuple[str, ...]:
    """The names that a header has: without spaces around them, and without empty ones at the end.

    unit, line: where they are. certain: the user has said that these are names. Raises InputError when they look like
    data, or there are none.
    """
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        del names[-1]
    if not names:
        raise InputError(
            f"{name}, {unit} {line}: no header: expected the columns' names, found empty fields", line=line
        )
    found = None if certain else next((words for cell in names if (words := looks_like(cell))), None)
    if found is not None:
        raise InputError(
            f"{name}, {unit} {line}: no header: the first row holds {found} in place of a column's name; put a row of "
            "names above it, or say --no-header to call the columns 1, 2 and so on, or --header if these are names",
            line=line,
        )
    return tuple(names)


def looks_like(cell: str) -> str | None:
    """What a cell is that is no name; None where it may be one."""
    return next((words for words, pattern in _DATA if pattern.fullmatch(cell)), None)


def numbered(width: int) -> tuple[str, ...]:
    """The names of columns that have none: 1, 2 and so on."""
    return tuple(str(number) for number in range(1, width + 1))


def value_without_a_name(column: int) -> str:
    """What is wrong with a row that has a value where the header has an empty name at its end."""
    return f"a value in column {column}, which has no name; name the column in the header, or empty the field"
