"""The names of a table's columns: which they are, and whether the first row has names at all (decision 0171)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from psi.tables import words

# What a cell of a first row is when it is no column's name. Whole numbers of up to six digits may be names: years,
# weeks, sizes.
_YEARS = r"(?:19|20)[0-9]{2}[-/](?:19|20)[0-9]{2}"
_DATA = (
    ("an e-mail address", re.compile(r"(?:mailto:|<)?[^@\s]+@[^@\s]+\.[^@\s]+>?")),
    (words.LONG_NUMBER, re.compile(rf"(?!{_YEARS}\Z)\+?(?:[\s()./-]*[0-9]){{7,}}")),
    (
        "a date",
        re.compile(
            r"(?:[0-9]{4}([-/.])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\2(?:[0-9]{4}|[0-9]{2}))"
            r"(?:[T ]+[0-9]{1,2}:[0-9]{2}.*)?"
        ),
    ),
    ("a number", re.compile(r"-[0-9]+(?:[.,][0-9]+)?|[0-9]+[.,][0-9]+")),
    (
        words.DIGEST,
        re.compile(
            r"(?:0x)?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            re.IGNORECASE,
        ),
    ),
    (words.WEB_ADDRESS, re.compile(r"https?://\S+", re.IGNORECASE)),
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
        raise words.empty_header(name, unit, line)
    found = None if certain else next((kind for cell in names if (kind := looks_like(cell))), None)
    if found is not None:
        raise words.data_for_a_header(name, unit, line, found)
    return tuple(names)


def merged(rows: Sequence[Sequence[str]]) -> list[str]:
    """One name for each column from several rows of equal length: the lowest that is not empty."""
    return [next((cell for cell in reversed(cells) if cell.strip()), "") for cells in zip(*rows, strict=True)]


def looks_like(cell: str) -> str | None:
    """What a cell is that is no name; None where it may be one."""
    return next((kind for kind, pattern in _DATA if pattern.fullmatch(cell)), None)


def numbered(width: int) -> tuple[str, ...]:
    """The names of columns that have none: 1, 2 and so on."""
    return tuple(str(number) for number in range(1, width + 1))
