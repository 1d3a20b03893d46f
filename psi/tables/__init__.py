"""Tables in and matched rows out, as streams of record batches: CSV, Parquet, Arrow, a key a line.

A `Source` can be read more than once and never holds its table. What a CSV file holds is text, and comes out again as
the same text. A row's *number* is the one a spreadsheet shows: the header of a CSV file is row 1 and its first record
row 2; where there is no header the first row is row 1.
"""

from __future__ import annotations

from psi.tables.opening import open_source
from psi.tables.source import Source, require_columns, text_column
from psi.tables.writing import check_target, write_rows

__all__ = ["Source", "check_target", "open_source", "require_columns", "text_column", "write_rows"]
