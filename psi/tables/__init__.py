"""Tables in and matched rows out: the one reader of tables for every command.

    opening    from a path or a database's address to a source
    reading    what a user may say about a table: delimiter, encoding, sheet; the kinds by name, ending and content
    files      what a table is in: a file that stays as it is, or a copy of what can be read only once
    stores     files in object stores, fetched and written whole; by_fsspec: other stores; web: files of web servers
    unpacking  packed files and other encodings, as UTF-8 text
    source     what every source offers, and columns as text
    key_text   numbers and bytes of a key column as text
    delimited, lines, columnar, folder, spreadsheet, database, sqlite, postgres: one kind of source each
    layout     of CSV files: delimiter, header and lines; headers: columns' names, or what is none
    quotes     of CSV files: checked before Arrow reads them; lent: what Arrow's threads hold meanwhile
    held       tables that the calling program holds: frames, streams, iterables of record batches
    kept       rows that come only once, in a file without a name; queries: those that run, and how a signal ends them
    writing    rows out; joining: own rows beside the peer's
    words      every error and note; words_remote: of databases, stores and web servers; words_held: of tables in memory

A `Source` can be read more than once and never holds its table: as Arrow batches, which end at the first row that
cannot be read, or row by row as text, where such a row is a `Fault`. What a CSV file holds is text, and comes out again
as the same text. A row's *number* is the one a spreadsheet shows: the header of a CSV file is row 1 and its first
record row 2; where there is no header the first row is row 1. Rows as text have the number of their line in the file.

Rule: no row is skipped, merged or split in silence.
"""

from __future__ import annotations

from psi.tables.files import TableFile
from psi.tables.held import frame_library, hold
from psi.tables.joining import joined_schema, read_joined, write_joined
from psi.tables.key_text import digits_lost
from psi.tables.opening import is_columnar, open_file, open_source, table_at
from psi.tables.reading import ReadingOptions
from psi.tables.source import (
    Source,
    as_text,
    distinct_names,
    fault_error,
    require_columns,
    require_names,
    row_table,
    text_column,
)
from psi.tables.stores import StoreTarget
from psi.tables.writing import (
    ALL,
    MATCHED_BY,
    Chosen,
    KeyNames,
    Target,
    check_bytes,
    check_target,
    read_rows,
    write_rows,
    written_text,
)

__all__ = [
    "ALL",
    "MATCHED_BY",
    "Chosen",
    "KeyNames",
    "ReadingOptions",
    "Source",
    "StoreTarget",
    "TableFile",
    "Target",
    "as_text",
    "check_bytes",
    "check_target",
    "digits_lost",
    "distinct_names",
    "fault_error",
    "frame_library",
    "hold",
    "is_columnar",
    "joined_schema",
    "open_file",
    "open_source",
    "read_joined",
    "read_rows",
    "require_columns",
    "require_names",
    "row_table",
    "table_at",
    "text_column",
    "write_joined",
    "write_rows",
    "written_text",
]
