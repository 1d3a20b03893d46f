"""This party's numbers, from a table."""

from __future__ import annotations

import itertools
from dataclasses import replace

from dpselect.decimals import NUMBER
from mpc.multiples import Multiples
from mpc.terms import MAX_LENGTH
from psi.tables import distinct_names, require_names
from psiselect.cells import texts
from psiselect.sums import words
from psiselect.tables import AnyTable, Table


def read_numbers(table: AnyTable, column: str | None) -> Multiples:
    """The numbers of a table's only column, or of the one that is named. Raises UsageError or InputError.

    A text file holds one number a line, and so does a .csv file of one column whose first line is a number, unless it
    is said to be a header.
    """
    unsaid = isinstance(table, Table) and table.reading.header is None
    if isinstance(table, Table):
        # The first line is looked at below: a number is none of the names here, whatever it looks like.
        table = replace(table, reading=replace(table.reading, any_names=True))
    source = table.open(otherwise=".txt")
    names = source.schema.names
    distinct_names(names, source.name)
    if column is not None:
        require_names(source, [column], "column")
    elif len(names) > 1:
        raise words.which_column(source.name, len(names))
    bare = unsaid and column is None and source.header_line and NUMBER.fullmatch(names[0].strip())
    header = [(source.header_line, names[0])] if bare else []
    cells = itertools.chain(header, texts(source, column or names[0], blanks=True))
    taken = itertools.islice(cells, MAX_LENGTH + 1)
    numbers = Multiples.parse(taken, lambda line: f"{source.name}, {source.unit} {line}")
    if not 1 <= len(numbers) <= MAX_LENGTH:
        raise words.number_of_numbers(source.name, MAX_LENGTH, none=not numbers)
    return numbers
