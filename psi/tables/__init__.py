"""Tables in and matched rows out, as streams of record batches: CSV, Parquet, Arrow, a key a line, databases.

A `Source` can be read more than once and never holds its table. What a CSV file holds is text, and comes out again as
the same text. A row's *number* is the one a spreadsheet shows: the header of a CSV file is row 1 and its first record
row 2; where there is no header the first row is row 1.
"""

from __future__ import annotations

from psi.tables.joining import joined_schema, write_joined
from psi.tables.opening import open_source
from psi.tables.source import Source, as_text, require_columns, require_names, text_column
from psi.tables.writing import check_target, write_rows

__all__ = [
    "Source",
    "as_text",
    "check_target",
    "joined_schema",
    "open_source",
    "require_columns",
    "require_names",
    "text_column",
    "write_joined",
    "write_rows",
]
