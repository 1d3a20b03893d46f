"""Ballots as the `vote` commands read them: a file of any format, or a table in a database."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cli._table import Table
from cli.vote.options import GivenBallots
from dpselect import ballots
from dpselect.ballots import BallotColumnError, OnInvalid, Reading, Rules
from psi.tables import Source, TableFile, as_text, is_columnar, open_file, row_table
from psi.tables.delimited import CsvLayout, CsvSource
from psiselect.base.columns import Chunk, ColumnTable, TextColumn, column_table
from psiselect.base.errors import InputError, UsageError
from psiselect.base.linewise import Stream, after_lines, line_chunks

_BLOCK = 1 << 20


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
    """Read ballots as a command's options say.

    Raises InputError with the place of what is wrong, UsageError for options that do not go together.
    """
    table = given.table
    try:
        if isinstance(table.where, Path) and table.query is None:
            file = TableFile(table.where, copied=True)
            return read_file(file, given.rules, given.form, line_breaks=given.line_breaks)
        if given.form not in (None, ballots.TABLE):
            raise UsageError(f"--format {given.form} is for files; a database returns a table", term="form")
        return ballots.read(_typed(table.open()), given.rules)
    except BallotColumnError as error:
        if error.column is None:
            raise
        command = shlex.join(["psiselect", *sys.argv[1:], "--ballot-column", error.column])
        raise InputError(f"{error}. The column {error.column!r} fits; run: {command}", line=error.line) from None


def read_file(file: TableFile, rules: Rules, form: str | None = None, *, line_breaks: bool = False) -> Reading:
    """Read ballots from a file, in a format told by its content or forced. line_breaks: whether cells of a CSV file may
    hold line breaks. Raises InputError."""
    if form is None:
        form = ballots.TABLE if is_columnar(file) else ballots.recognise(file.head(ballots.HEAD), file.name)
    if form == ballots.TABLE:
        return ballots.read(_table(file, line_breaks=line_breaks), rules)
    return ballots.read_stream(_stream(file), rules, form=form, name=file.name)


def _stream(file: TableFile, start: int = 0) -> Stream:
    def blocks() -> Iterator[bytes]:
        with file.open() as opened:
            opened.seek(start)
            while block := opened.read(_BLOCK):
                yield block

    return blocks


def _table(file: TableFile, *, line_breaks: bool) -> ColumnTable:
    source = open_file(file, ".csv")
    if not isinstance(source, CsvSource):
        return _typed(source)
    if line_breaks:
        return column_table(row_table(source), source.rows, whole=True)
    layout = CsvLayout.of(file)
    # The header may hold line breaks between quotes.
    lines = 1 + sum(name.count("\n") for name in layout.header)
    before = layout.header_line - 1 + lines
    stream = _stream(file, layout.start)

    def chunks(places: Sequence[int]) -> Iterator[Chunk]:
        file.check_unchanged()
        yield from line_chunks(after_lines(stream, lines), layout.delimiter, len(layout.header), places, before)
        file.check_unchanged()

    return ColumnTable(source.name, layout.header, layout.header_line, chunks)


def _typed(source: Source) -> ColumnTable:
    """A table of typed columns, or of lines without a header."""
    if source.unit == "line":
        return column_table(row_table(source), source.rows)
    header = tuple(source.schema.names)

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
