"""One column of a table, row by row, as text."""

from __future__ import annotations

from collections.abc import Iterator

from psi.tables import Source, fault_error
from psiselect.base.rows import Fault


def texts(source: Source, column: str | None = None, *, blanks: bool = False) -> Iterator[tuple[int, str]]:
    """The number of each row and its text in the column; without a column, the empty text.

    A blank line is no row, or with `blanks`, in a file of one column, an empty text. Raises InputError at the first row
    that cannot be read.
    """
    # Some column has to be read, to see that there are rows.
    for row in source.rows(source.schema.names[:1] if column is None else [column]):
        if isinstance(row, Fault):
            raise fault_error(source, row)
        if row.cells:
            yield row.line, "" if column is None else row.cells[0]
        elif blanks and len(source.schema) == 1:
            yield row.line, ""
