"""What people read from this room: every error and every note. words_remote has those of databases, stores and servers,
words_held those of tables that a program holds.

Rule: no cell, password or secret part of an address comes in here; a caller passes the name that people may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from psiselect.base.errors import InputError, OutputError, UsageError

START_AGAIN = "start again with a file that stays as it is"


# Files and folders.


def no_file(name: str) -> InputError:
    return InputError(f"{name}: no such file")


def not_a_file(name: str) -> InputError:
    return InputError(f"{name}: is not a file")


def unreadable(name: str, reason: str | None) -> InputError:
    return InputError(f"{name}: cannot be read: {reason}")


def not_copied(name: str, reason: str | None) -> InputError:
    return InputError(f"{name}: cannot be read or copied to the disk: {reason}")


def not_kept(name: str, folder: Path, reason: str | None) -> InputError:
    return InputError(
        f"{name}: cannot be kept in {folder}: {reason}; with --workdir or TMPDIR, choose a folder that can "
        "be written and has free space",
        term="workdir",
    )


def no_room(name: str, takes: str, folder: Path, free: int) -> InputError:
    return InputError(
        f"{name}: {takes}, and {folder} has {free:,} bytes free; delete files there, or name a folder on "
        "another disk with --workdir or TMPDIR",
        term="workdir",
    )


def other_length(name: str, announced: int) -> InputError:
    return InputError(f"{name}: the sender announced {announced:,} bytes, and another number came; start again")


def changed(name: str) -> InputError:
    return InputError(f"{name}: changed while it was in use; {START_AGAIN}")


def folder_changed(name: str) -> InputError:
    return InputError(f"{name}: changed while it was in use; start again with a folder that stays as it is")


def no_parts(name: str) -> InputError:
    return InputError(f"{name}: a folder without Parquet files; name a file, or a folder of Parquet files")


def other_partitions(name: str, first: str) -> InputError:
    return InputError(
        f"{name}: is at another level of folders (NAME=VALUE) than {first}, so both cannot be of one table; name "
        "the folder of one table"
    )


def not_parquet(name: str) -> InputError:
    return InputError(f"{name}: is not a Parquet file; a folder that you name as a table must hold only Parquet files")


def other_columns(name: str, first: str) -> InputError:
    return InputError(f"{name}: has other columns than {first}; all files of the folder must have the same columns")


def types_apart(name: str) -> InputError:
    return InputError(
        f"{name}: a column has different types in different files of the folder; give the column one type in all files"
    )


def not_whole(name: str, kind: str) -> InputError:
    return InputError(f"{name}: is not a complete, readable {kind} file; copy it again, or write it again")


def damaged(name: str, packed: str) -> InputError:
    return InputError(
        f"{name}: is not a complete {packed} file: it is damaged, cut short, or followed by other bytes; copy it again"
    )


# Which kind of table it is, and what is said about it.


def query_of_a_file() -> UsageError:
    return UsageError("--query needs a database, such as sqlite:///FILE; leave out --query for a file", term="query")


def packed_kind(name: str, kind: str, packed: str) -> InputError:
    return InputError(f"{name}: {kind} inside a {packed} file; unpack it first")


def unknown_kind(name: str, endings: Iterable[str], *, nameless: bool) -> InputError:
    how = "use --format to say what kind it is" if nameless else f"use one of these endings: {', '.join(endings)}"
    return InputError(f"{name}: the program cannot tell what kind of table this is; {how}", term="form")


def no_query(scheme: str) -> UsageError:
    return UsageError(
        f"{scheme}://...: a database needs --query, one statement that selects the rows to match", term="query"
    )


A_FOLDER = "a folder of Parquet files"


def of_kind(kind: str) -> str:
    return f"a file of the kind {kind}"


def option_says_nothing(option: str, name: str, what: str, term: str) -> UsageError:
    return UsageError(f"--{option} does not apply to {name}, which is {what}; leave out --{option}", term=term)


def no_delimiter() -> UsageError:
    return UsageError(
        "--delimiter: expected one ASCII character that is no letter, digit, quote or backslash, such as ';', or "
        r"its name: comma, semicolon, tab, pipe, space, \x01",
        term="delimiter",
    )


def unknown_encoding(text: str) -> UsageError:
    return UsageError(
        f"--encoding {text!r} is unknown; use a name such as utf-8, utf-16, cp1252 or iso-8859-2", term="encoding"
    )


def not_an_encoding_of_text(text: str) -> UsageError:
    return UsageError(
        f"--encoding {text!r} is not an encoding of text files; use a name such as utf-8 or cp1252", term="encoding"
    )


# Headers and columns.

LONG_NUMBER = "a telephone number or another long number"
DIGEST = "a digest or an identifier"
WEB_ADDRESS = "an address of the web"


def empty_header(name: str, unit: str, line: int) -> InputError:
    return InputError(f"{name}, {unit} {line}: no header: expected the columns' names, found empty fields", line=line)


def header_lines_out_of_range(lines: int, most: int) -> UsageError:
    return UsageError(f"--header-lines: expected 1 to {most}, got {lines}", term="header_lines")


def header_lines_without_header() -> UsageError:
    return UsageError(
        "--header-lines and --no-header say opposite things: leave out --no-header if the first rows are names, else "
        "--header-lines",
        term="header_lines",
    )


def short_header(name: str, unit: str, found: int, lines: int) -> InputError:
    return InputError(
        f"{name}: --header-lines {lines}: expected {lines} {unit}s of names, and the table has {found}",
        term="header_lines",
    )


def uneven_header(name: str, unit: str, line: int, fields: int, width: int) -> InputError:
    return InputError(
        f"{name}, {unit} {line}: {fields} {'field' if fields == 1 else 'fields'} in this line of the header, but "
        f"the first line of the header has {width}; check --header-lines",
        line=line,
    )


def data_for_a_header(name: str, unit: str, line: int, found: str) -> InputError:
    return InputError(
        f"{name}, {unit} {line}: no header: the first row holds {found} in place of a column's name. Put a "
        "row of names above it; or use --no-header to call the columns 1, 2 and so on; or use --header if "
        "these are names",
        line=line,
    )


def value_without_a_name(column: int) -> str:
    """What is wrong with a row that has a value where the header has an empty name at its end."""
    return (
        f"a value in column {column}, which has no name; name the column in the header, or empty the field. "
        "If the names are in two lines, use --header-lines 2"
    )


def same_names(name: str, repeated: Sequence[str]) -> InputError:
    return InputError(f"{name}: several columns are named {_quoted(repeated)}; give each its own name")


def no_column(name: str, column: str, close: str | None, names: Sequence[str], most: int, term: str) -> InputError:
    hint = f"did you mean {close!r}? " if close else ""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return InputError(f"{name}: no column {column!r}; {hint}its columns: {_quoted(names[:most])}{more}", term=term)


def unknown_zone(name: str, column: str, zone: str) -> InputError:
    return InputError(
        f"{name}: column {column!r} has the time zone {zone!r}, which this machine does not know; install its table "
        "of time zones, or store local dates",
        term="key",
    )


def column_not_utf8(name: str, column: str, term: str | None = None) -> InputError:
    return InputError(
        f"{name}: column {column!r} holds bytes that are not UTF-8 text; store the column as UTF-8 text", term=term
    )


def key_not_text(name: str, column: str, kind: object) -> InputError:
    return InputError(
        f"{name}: column {column!r} has type {kind}, which is not text; store the key as text", term="key"
    )


def no_text_of(name: str, column: str, kind: object) -> InputError:
    return InputError(
        f"{name}: column {column!r} of type {kind} cannot be written as text; leave it out, or store it as text"
    )


# Text files and spreadsheets.


def faulty_row(name: str, unit: str, line: int, problem: str) -> InputError:
    return InputError(f"{name}, {unit} {line}: {problem}", line=line)


def empty_file(name: str, line: int) -> InputError:
    return faulty_row(name, "line", line, "the file is empty; expected a header line with the columns' names")


def in_encoding(name: str, encoding: str) -> InputError:
    return faulty_row(
        name, "line", 1, f"the text is in {encoding.upper()}; use --encoding {encoding}, or save the file as UTF-8"
    )


def no_mark(name: str, encoding: str) -> InputError:
    return faulty_row(
        name,
        "line",
        1,
        f"no byte order mark, which {encoding.upper()} text begins with; say --encoding utf-8 if the file is UTF-8, "
        f"else --encoding {encoding}-le or {encoding}-be",
    )


NUL = "a NUL character, which text does not have; save the file as UTF-8 text"
MERGED = "merged cells; split them, so that each row has its own values"


def row_too_long(name: str, mebibytes: int) -> InputError:
    return InputError(
        f"{name}: cannot be read as CSV: a row is longer than {mebibytes} MiB; look for a quote that is never closed"
    )


def not_in(encoding: str) -> str:
    return f"bytes that are not text in {encoding}; check that --encoding names the file's encoding"


NOT_UTF8 = "not UTF-8 text; save the file as UTF-8, or name its --encoding"
PERHAPS_CP1252 = (
    "not UTF-8 text; save the file as UTF-8, or name its encoding: --encoding cp1252 for a spreadsheet's CSV of "
    "Western Europe, cp1250 of Central Europe"
)


def wrong_width(fields: int, width: int, delimiter: str, *, header: bool) -> str:
    return (
        f"{fields} {'field' if fields == 1 else 'fields'}, but the {'header' if header else 'first row'} has "
        f"{width}; a field that holds {delimiter!r}, a quote or a line break needs double quotes around it"
    )


def empty_sheet(name: str, sheet: str) -> InputError:
    return InputError(f"{name}: the sheet {sheet!r} is empty; choose another with --sheet")


def no_sheet(name: str, wanted: str, names: Sequence[str]) -> InputError:
    return InputError(f"{name}: no sheet {wanted!r}; choose one by its name or number: {_quoted(names)}", term="sheet")


def protected(name: str) -> InputError:
    return InputError(f"{name}: is protected by a password; save it without one")


def no_spreadsheet(name: str) -> InputError:
    return InputError(
        f"{name}: is not a complete, readable spreadsheet. If it is a zip archive, unpack it. If it is text, use "
        "--format csv or tsv"
    )


def unpacks_too_much(name: str, gibibytes: int) -> InputError:
    return InputError(f"{name}: unpacks to more than {gibibytes} GiB; save the sheet as CSV")


# Rows that are written.


def column_twice() -> InputError:
    return InputError("--columns names a column twice; name each column once", term="columns")


def other_rows(name: str, rows: int) -> InputError:
    return InputError(
        f"{name}: had {rows:,} rows when the program first read it, and now has another number; {START_AGAIN}"
    )


def unknown_ending(name: object, endings: Iterable[str]) -> InputError:
    return InputError(
        f"{name}: the program cannot tell the file format from this name; use one of these endings: "
        f"{', '.join(endings)}"
    )


def no_folder(path: Path) -> OutputError:
    return OutputError(f"{path}: the folder {path.parent} does not exist; choose one that does")


def nested_in_csv(name: object, column: str, kind: object) -> InputError:
    return InputError(
        f"{name}: column {column!r} has type {kind}, which CSV cannot hold; write .parquet, or leave it out"
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def table_of_engine(where: str) -> UsageError:
    return UsageError(f"{where} is a table in Spark or Sail; add --engine spark or --engine sail", term="engine")
