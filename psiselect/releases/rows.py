"""The rows of a table that count in a release: one column of it, of at most C rows of each person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from dpselect.names import clean
from dpselect.persons import PersonRows
from psi.tables import Source, fault_error
from psiselect.base.rows import Fault
from psiselect.cells import texts
from psiselect.releases import words

# Names of columns that are likely to say whose a row is, at the end of the column's name.
_ID = re.compile(
    r"(?:^|[^a-z]|[a-z](?=I))"
    r"(?:[Ii][Dd]|(?i:uid|uuid|guid|ssn|e-?mail|user|userid|person|customer|client|patient|member|employee|respondent|"
    r"student|voter|account|subscriber|household))$"
)
_LOOKED_AT = 100_000


def column_texts(source: Source, column: str | None) -> Iterator[tuple[int, str]]:
    """The number of each row and its cell, as it is compared; without a column, the empty text.

    A blank line of a file with one column is a row with an empty cell. Raises InputError.
    """
    for line, text in texts(source, column, blanks=True):
        yield line, clean(text)


def person_texts(
    source: Source, column: str | None, person: str, contributions: int, *, drop: bool
) -> Iterator[tuple[int, str]]:
    """As `column_texts`, of at most so many rows of each person; `dpselect.persons` says which.

    drop: leave out a row whose person is blank, in place of InputError.
    """
    chosen = PersonRows(contributions)
    for _, who, _ in _with_person(source, column, person, drop=drop):
        chosen.count(who)
    for line, who, text in _with_person(source, column, person, drop=drop):
        if chosen.keeps(who):
            yield line, text


def _with_person(source: Source, column: str | None, person: str, *, drop: bool) -> Iterator[tuple[int, str, str]]:
    for row in source.rows(list(dict.fromkeys([person, column or person]))):
        if isinstance(row, Fault):
            raise fault_error(source, row)
        if not row.cells:
            continue
        who = clean(row.cells[0])
        if who:
            yield row.line, who, "" if column is None else clean(row.cells[-1])
        elif not drop:
            raise words.wrong_row(source.name, source.unit, row.line, words.nobodys_row(person))


def repeating_id(source: Source, column: str | None, most: int) -> str | None:
    """A column whose name is that of an identifier, and one of whose values stands in more than `most` rows.

    Looks at the first 100,000 rows, and never at `column`.
    """
    names: list[str] = source.schema.names
    for name in names:
        if name != column and _ID.search(name):
            cells = (clean(row.cells[0]) for row in source.rows([name]) if not isinstance(row, Fault) and row.cells)
            counts = Counter(cell for cell in islice(cells, _LOOKED_AT) if cell)
            if counts and max(counts.values()) > most:
                return name
    return None
