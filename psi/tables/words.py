"""What people read from this room: every error and every note. words_remote has those of databases, stores and servers,
words_held those of tables that a program holds.

Rule: no cell, password or secret part of an address comes in here; a caller passes the name that people may see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from psiselect.base.errors import InputError, OutputError, UsageError
from psiselect.base.words import counted

START_AGAIN = "Start again, and make sure that nobody changes the file meanwhile"


# Files and folders.


def no_file(name: str) -> InputError:
    return InputError(f"{name}: there is no such file")


def not_a_file(name: str) -> InputError:
    return InputError(f"{name}: this is not an ordinary file, but a folder, a pipe or a device. Name an ordinary file")


def unreadable(name: str, reason: str | None) -> InputError:
    return InputError(f"{name}: the program cannot read this file: {reason}")


def not_copied(name: str, reason: str | None) -> InputError:
    return InputError(
        f"{name}: the program cannot read this file, or cannot keep a copy of the file on the disk: {reason}"
    )


def not_kept(name: str, folder: Path, reason: str | None) -> InputError:
    return InputError(
        f"{name}: the program cannot keep a copy of the file in '{folder}': {reason}. Use --workdir or the variable "
        "TMPDIR to choose a folder that has free space and that you can write to",
        term="workdir",
    )


def no_room(name: str, length: int | None, folder: Path, free: int) -> InputError:
    takes = f"more than {free:,}" if length is None else f"{length:,}"
    return InputError(
        f"{name}: the program must copy this file to '{folder}'. The copy needs {takes} bytes, but only {free:,} are "
        "free there. Delete files there, or use --workdir or the variable TMPDIR to choose a folder on another disk",
        term="workdir",
    )


def other_length(name: str, announced: int) -> InputError:
    return InputError(f"{name}: the file should have {announced:,} bytes, but a different number arrived. Start again")


def changed(name: str) -> InputError:
    return InputError(f"{name}: the file changed while the program used it. {START_AGAIN}")


def folder_changed(name: str) -> InputError:
    return InputError(
        f"{name}: the folder changed while the program used it. Start again, and make sure that nobody "
        "changes the folder meanwhile"
    )


def no_parts(name: str) -> InputError:
    return InputError(f"{name}: this folder has no Parquet file in it. Name a file, or a folder of Parquet files")


def other_partitions(name: str, first: str) -> InputError:
    return InputError(
        f"{name}: this file and '{first}' cannot belong to one table: the names of their folders add different columns "
        "(a folder 'year=2024' adds the column 'year'). Name a folder that has only one table"
    )


def not_parquet(name: str) -> InputError:
    return InputError(
        f"{name}: this is not a Parquet file. A folder that you name as a table must have only Parquet files"
    )


def other_columns(name: str, first: str) -> InputError:
    return InputError(
        f"{name}: this file and '{first}' have different columns. All files in the folder need the same columns"
    )


def types_apart(name: str) -> InputError:
    return InputError(
        f"{name}: a column has different types in different files of the folder. Give the column one type in all files"
    )


def not_whole(name: str, kind: str) -> InputError:
    return InputError(
        f"{name}: this is not a complete {kind} file, or the program cannot read it. Copy or create the file again"
    )


def damaged(name: str, packed: str) -> InputError:
    return InputError(
        f"{name}: this is not a complete {packed} file. The file is damaged or cut short, or has other data "
        "at its end. Copy the file again"
    )


# Which kind of table it is, and what is said about it.


def query_of_a_file() -> UsageError:
    return UsageError("--query needs a database, such as sqlite:///FILE. For a file, leave out --query", term="query")


def packed_kind(name: str, kind: str, packed: str) -> InputError:
    return InputError(f"{name}: the program cannot read a {kind} file inside a {packed} file. Unpack the file first")


def unknown_kind(name: str, endings: Iterable[str], *, nameless: bool) -> InputError:
    how = (
        "Name the kind with --format, such as csv"
        if nameless
        else f"Name the kind with --format, or use a file with one of these endings: {', '.join(endings)}"
    )
    return InputError(f"{name}: the program cannot tell what kind of table this is. {how}", term="form")


def no_query(scheme: str) -> UsageError:
    return UsageError(
        f"{scheme}://...: a database needs --query with one SELECT statement that returns the rows to match",
        term="query",
    )


A_FOLDER = "a folder of Parquet files"


def of_kind(kind: str) -> str:
    return f"a file in the format '{kind}'"


def option_says_nothing(option: str, name: str, what: str, term: str) -> UsageError:
    return UsageError(f"--{option} does not apply to {name}, which is {what}. Leave out --{option}", term=term)


def no_delimiter() -> UsageError:
    return UsageError(
        "--delimiter must be one ASCII character that is not a letter, digit, quote or backslash, such as ';', or "
        r"one of these names: comma, semicolon, tab, pipe, space. Or give its code, such as '\x01'",
        term="delimiter",
    )


def unknown_encoding(text: str) -> UsageError:
    return UsageError(
        f"--encoding {text!r} is not an encoding that this program knows. Use a name such as utf-8, utf-16 or cp1252",
        term="encoding",
    )


def not_an_encoding_of_text(text: str) -> UsageError:
    return UsageError(
        f"--encoding {text!r} is not an encoding of text files. Use a name such as utf-8 or cp1252", term="encoding"
    )


# Headers and columns.

LONG_NUMBER = "a telephone number or another long number"
DIGEST = "a digest or an identifier"
WEB_ADDRESS = "a web address"


def empty_header(name: str, unit: str, line: int) -> InputError:
    return InputError(
        f"{name}, {unit} {line}: there is no header. This {unit} must have the columns' names, but all its fields "
        "are empty. Write the names there",
        line=line,
    )


def header_lines_out_of_range(lines: int, most: int) -> UsageError:
    return UsageError(f"--header-lines must be from 1 to {most}, but is {lines}", term="header_lines")


def header_lines_without_header() -> UsageError:
    return UsageError(
        "--header-lines and --no-header do not go together. If the first rows have the column names, leave "
        "out --no-header. If the first rows are data, leave out --header-lines",
        term="header_lines",
    )


def short_header(name: str, unit: str, found: int, lines: int) -> InputError:
    return InputError(
        f"{name}: with --header-lines {lines}, the first {lines} {unit}s must have the columns' names, but the table "
        f"has only {counted(found, unit, f'{unit}s')}. Use a smaller --header-lines",
        term="header_lines",
    )


def uneven_header(name: str, unit: str, line: int, fields: int, width: int) -> InputError:
    return InputError(
        f"{name}, {unit} {line}: this line of the header has {counted(fields, 'field', 'fields')}, but "
        f"the first line of the header has {width}. Correct the header, or change --header-lines",
        line=line,
    )


def data_for_a_header(name: str, unit: str, line: int, found: str) -> InputError:
    return InputError(
        f"{name}, {unit} {line}: the first row has {found}, so it does not look like a header with column names. If "
        "this row is data, put a row of names above it, or use --no-header to call the columns 1, 2 and so on. If this "
        "row is the header, use --header",
        line=line,
    )


def value_without_a_name(column: int) -> str:
    """What is wrong with a row that has a value where the header has an empty name at its end."""
    return (
        f"there is a value in column {column}, which has no name. Name the column in the header, or empty the field. "
        "If the column names take two lines, use --header-lines 2"
    )


def same_names(name: str, repeated: Sequence[str]) -> InputError:
    return InputError(f"{name}: several columns are named {_quoted(repeated)}. Give each column its own name")


def no_column(name: str, column: str, close: str | None, names: Sequence[str], most: int, term: str) -> InputError:
    hint = f"Did you mean {close!r}? " if close else ""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return InputError(
        f"{name}: there is no column {column!r}. {hint}The columns are {_quoted(names[:most])}{more}", term=term
    )


def unknown_zone(name: str, column: str, zone: str) -> InputError:
    return InputError(
        f"{name}: column {column!r} has the time zone {zone!r}, which this machine does not know. Install the "
        "time zones (in many systems the package tzdata), or store local dates",
        term="key",
    )


def column_not_utf8(name: str, column: str, term: str | None = None) -> InputError:
    return InputError(
        f"{name}: column {column!r} holds bytes that are not UTF-8 text. Store the column as UTF-8 text", term=term
    )


def key_not_text(name: str, column: str, kind: object) -> InputError:
    return InputError(
        f"{name}: column {column!r} has type {kind}, which is not text. Store the key column as text", term="key"
    )


def no_text_of(name: str, column: str, kind: object) -> InputError:
    return InputError(
        f"{name}: column {column!r} has type {kind}, which cannot be written as text. Leave the column out, or "
        "convert the column to text in the table"
    )


# Text files and spreadsheets.


def faulty_row(name: str, unit: str, line: int, problem: str) -> InputError:
    return InputError(f"{name}, {unit} {line}: {problem}", line=line)


def empty_file(name: str, line: int) -> InputError:
    return faulty_row(name, "line", line, "the file is empty. Its first line must have the columns' names")


def in_encoding(name: str, encoding: str) -> InputError:
    return faulty_row(
        name, "line", 1, f"the text is in {encoding.upper()}. Use --encoding {encoding}, or save the file as UTF-8"
    )


def no_mark(name: str, encoding: str) -> InputError:
    return faulty_row(
        name,
        "line",
        1,
        f"the file does not begin with the byte order mark of {encoding.upper()} text. If the file is UTF-8, use "
        f"--encoding utf-8. Otherwise use --encoding {encoding}-le or {encoding}-be",
    )


NUL = "there is a NUL character (a byte with the value 0), which never occurs in text. Save the file as UTF-8 text"
MERGED = "there are merged cells. Split them, so that each row has its own values"


def row_too_long(name: str, mebibytes: int) -> InputError:
    return InputError(
        f"{name}: the program cannot read this file as CSV, because a row is longer than {mebibytes} MiB. Look for an "
        "opening quote without a closing quote"
    )


def not_in(encoding: str) -> str:
    return f"there are bytes that are not text in {encoding}. Check that --encoding names the file's encoding"


NOT_UTF8 = "this is not UTF-8 text. Save the file as UTF-8, or name the file's encoding with --encoding"
_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar", " ": "a space"}
PERHAPS_CP1252 = (
    "this is not UTF-8 text. Save the file as UTF-8, or name its encoding. For a CSV file of a spreadsheet program, "
    "use --encoding cp1252 in Western Europe, or --encoding cp1250 in Central Europe"
)


def wrong_width(fields: int, width: int, delimiter: str, *, header: bool) -> str:
    remedy = f"Put double quotes around each field that contains {_DELIMITERS.get(delimiter, repr(delimiter))}"
    if fields < width:
        remedy = "Add what is missing. If a field contains a line break, put double quotes around the field"
    found = counted(fields, "field", "fields")
    return f"the row has {found}, but the {'header' if header else 'first row'} has {width}. {remedy}"


def empty_sheet(name: str, sheet: str) -> InputError:
    return InputError(f"{name}: the sheet {sheet!r} is empty. Choose another sheet with --sheet")


def no_sheet(name: str, wanted: str, names: Sequence[str]) -> InputError:
    return InputError(
        f"{name}: there is no sheet {wanted!r}. Choose one by name or number with --sheet: {_quoted(names)}",
        term="sheet",
    )


def protected(name: str) -> InputError:
    return InputError(f"{name}: a password protects this spreadsheet. Save it without a password")


def no_spreadsheet(name: str) -> InputError:
    return InputError(
        f"{name}: this spreadsheet is damaged, or the file is not a spreadsheet. If the file is a zip archive, unpack "
        "it. If the file is text, use --format csv or tsv"
    )


def unpacks_too_much(name: str, gibibytes: int) -> InputError:
    return InputError(
        f"{name}: this spreadsheet would take more than {gibibytes} GiB when it is unpacked. Save the sheet as CSV"
    )


# Rows that are written.


def column_twice() -> InputError:
    return InputError("--columns names a column twice. Name each column once", term="columns")


def other_rows(name: str, rows: int) -> InputError:
    return InputError(
        f"{name}: the file had {counted(rows, 'row', 'rows')} when the program first read it, but now has a "
        f"different number of rows. {START_AGAIN}"
    )


def unknown_ending(name: object, endings: Iterable[str]) -> InputError:
    return InputError(
        f"{name}: the program cannot write a file with this ending. Use one of these endings: {', '.join(endings)}"
    )


def no_folder(path: Path) -> OutputError:
    return OutputError(f"{path}: the folder '{path.parent}' does not exist. Choose a folder that exists")


def bytes_in_csv(name: str, column: str) -> InputError:
    return InputError(
        f"{name}: column {column!r} holds bytes that are not text, and a CSV file holds only text. Leave this "
        "column out with --columns, or name a .parquet file with --output"
    )


def nested_in_csv(name: object, column: str, kind: object) -> InputError:
    return InputError(
        f"{name}: column {column!r} has type {kind}, which a CSV file cannot hold. Write a .parquet file, or leave "
        "the column out"
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))


def table_of_engine(where: str) -> UsageError:
    return UsageError(f"'{where}' is a table in Spark or Sail. Add --engine spark or --engine sail", term="engine")
