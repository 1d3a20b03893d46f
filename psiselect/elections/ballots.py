"""Ballots as the `vote` commands read them: a file of any format, or a table in a database."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dpselect import ballots
from dpselect.ballots import BallotColumnError, OnInvalid, Reading, Rules
from psi.tables import Source, TableFile, as_text, is_columnar, open_file, row_table
from psi.tables.delimited import CsvSource
from psi.tables.files import beginning_at
from psi.tables.folder import TableFolder
from psi.tables.reading import SPREADSHEETS, Kind, ReadingOptions, kind_by_ending
from psi.tables.spreadsheet import SpreadsheetSource
from psi.tables.unpacking import UnpackedFile
from psi.tables.words import value_without_a_name
from psiselect.base.columns import Chunk, ColumnTable, TextColumn, column_table
from psiselect.base.linewise import Stream, line_chunks
from psiselect.base.splitting import Escape
from psiselect.elections import words
from psiselect.tables import AnyTable, Table

TABLE_FORMATS = tuple(kind.value for kind in Kind)
_BLOCK = 1 << 20
_SWAPPED = bytes.maketrans(b"\r\n", b"\n\r")


@dataclass(frozen=True)
class GivenBallots:
    """What is said about ballots. form: None for whatever the content shows. line_breaks: see `--help`."""

    table: AnyTable
    rules: Rules
    form: str | None
    line_breaks: bool = False


def separator_of(text: str) -> str:
    r"""What stands between names in a cell, where \n and \t may be written as two characters. Raises UsageError."""
    plain = text.replace(r"\n", "\n").replace(r"\t", "\t")
    found = plain.strip(" ") or plain
    if not found:
        raise words.no_separator()
    return found


def load(
    table: Table,
    *,
    candidates: Path | None = None,
    on_invalid: OnInvalid = OnInvalid.ERROR,
    form: str | None = None,
) -> Reading:
    """Read ballots, and a file of candidates (one a line) where given. `form` forces a format. Raises like
    `load_given`."""
    rules = Rules(None if candidates is None else ballots.load_candidates(candidates), on_invalid)
    return load_given(GivenBallots(table, rules, form))


def load_given(given: GivenBallots) -> Reading:
    """Read ballots as a command's options say; a column that fits is named as its option.

    Raises InputError with the place of what is wrong, UsageError for options that do not go together.
    """
    try:
        return read_given(given)
    except BallotColumnError as error:
        if error.column is None:
            raise
        command = shlex.join(["psiselect", *sys.argv[1:], "--ballot-column", error.column])
        raise words.other_column(error, error.column, command, error.line) from None


def read_given(given: GivenBallots) -> Reading:
    """Read ballots as they are said to be. Raises as `load_given` does, and BallotColumnError."""
    table = given.table
    if isinstance(table, Table) and not table.in_database and table.query is None:
        return read_file(table.file_in(), given.rules, given.form, reading=table.reading, line_breaks=given.line_breaks)
    if given.form not in (None, ballots.TABLE):
        raise words.format_of_a_database(given.form)
    return ballots.read(_typed(table.open()), given.rules)


def read_file(
    file: TableFile,
    rules: Rules,
    form: str | None = None,
    *,
    reading: ReadingOptions | None = None,
    line_breaks: bool = False,
) -> Reading:
    """Read ballots from a file, in a format told by its content or forced. reading: what is said about a table.
    line_breaks: whether cells of a CSV file may hold line breaks. Raises InputError, UsageError."""
    reading = reading or ReadingOptions()
    if form in TABLE_FORMATS:
        reading = replace(reading, form=Kind(form))
    elif form is None and (is_columnar(file) or kind_by_ending(file.name) in SPREADSHEETS):
        form = ballots.TABLE
    text = file if isinstance(file, TableFolder) else UnpackedFile(file, reading.encoding)
    form = form or ballots.recognise(text.head(ballots.HEAD), file.name)
    if form in TABLE_FORMATS:
        return ballots.read(_table(open_file(file, ".csv", reading), reading, line_breaks=line_breaks), rules)
    replace(reading, encoding=None).require_fit(file.name, None, words.in_the_format(form))
    return ballots.read_stream(_stream(text), rules, form=form, name=file.name)


def _stream(file: TableFile, start: int = 0, *, returns: bool = False) -> Stream:
    """A file's bytes. returns: its lines end with CR; then CR and LF change places, so that they end with LF."""

    def blocks() -> Iterator[bytes]:
        file.check_unchanged()
        with beginning_at(file, start) as opened:
            while block := opened.read(_BLOCK):
                yield block.translate(_SWAPPED) if returns else block
        file.check_unchanged()

    return blocks


def _table(source: Source, reading: ReadingOptions, *, line_breaks: bool) -> ColumnTable:
    """A file as a table whose rows are lines, where it is a CSV file. An escaped line break is one in a cell."""
    if not isinstance(source, CsvSource):
        return _typed(source)
    if line_breaks or reading.escape is Escape.BACKSLASH:
        return column_table(row_table(source), source.rows, whole=True)
    layout = source.layout
    stream = _stream(source.file, layout.start, returns=layout.returns)
    unnamed = range(len(layout.header), layout.width)

    def chunks(places: Sequence[int]) -> Iterator[Chunk]:
        wanted = [*places, *unnamed]
        for chunk in line_chunks(stream(), layout.delimiter, layout.width, wanted, layout.first_line - 1):
            yield without_values(chunk, len(places), unnamed)

    return ColumnTable(source.name, layout.header, layout.header_line, chunks)


def without_values(chunk: Chunk, kept: int, unnamed: range) -> Chunk:
    """The first columns of a chunk; a row with a value in one of the others, which have no name, is a fault."""
    good = np.ones(len(chunk.lines), np.bool_)
    faults = dict(chunk.faults)
    for place, column in zip(unnamed, chunk.columns[kept:], strict=True):
        filled = pc.not_equal(pc.utf8_trim_whitespace(column.texts), "").to_numpy(zero_copy_only=False)
        bad = good & filled[column.codes] if len(filled) else ~good
        if bad.any():
            faults[value_without_a_name(place + 1)] = chunk.lines[bad]
            good &= ~bad
    columns = [TextColumn(column.texts, column.codes[good]) for column in chunk.columns[:kept]]
    return Chunk(chunk.lines[good], columns, faults)


def _typed(source: Source) -> ColumnTable:
    """A table of typed columns. Of a spreadsheet, or where names repeat, it is read row by row."""
    header = tuple(source.schema.names)
    if isinstance(source, SpreadsheetSource) or len(set(header)) < len(header):
        return column_table(row_table(source), source.rows, whole=True)

    def chunks(places: Sequence[int]) -> Iterator[Chunk]:
        wanted = [header[place] for place in dict.fromkeys(places)]
        row = source.first_row
        for batch in source.batches(wanted):
            texts = dict(
                zip(wanted, (_text(v, n, source.name) for v, n in zip(batch, wanted, strict=True)), strict=True)
            )
            lines = np.arange(row, row + len(batch), dtype=np.int64)
            yield Chunk(lines, [texts[header[place]] for place in places])
            row += len(batch)

    return ColumnTable(source.name, header, source.header_line, chunks, source.unit)


def _text(values: pa.Array, column: str, name: str) -> TextColumn:
    """A column's cells as text, empty for nulls, and whole floating-point numbers as their digits."""
    texts = pc.fill_null(as_text(values, column, name), "")
    if pa.types.is_floating(values.type):
        texts = pc.replace_substring_regex(texts, r"\A(-?[0-9]{1,15})\.0\z", r"\1")
    return TextColumn.of(texts.cast(pa.string()))
