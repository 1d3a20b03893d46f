"""Spreadsheets: .xlsx, .xls and .ods, one sheet, each cell as text."""

from __future__ import annotations

import contextlib
import datetime
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from psi.tables import words
from psi.tables.files import TableFile
from psi.tables.headers import column_names, merged, numbered
from psi.tables.reading import CONTENT_BYTES, Kind, ReadingOptions, kind_by_content
from psi.tables.source import EXACT, FileSource, batches_of, distinct_names
from psiselect.base import later
from psiselect.base.rows import Fault, Row

if TYPE_CHECKING:
    import zipfile

    import python_calamine
else:
    python_calamine, zipfile = later.Module("python_calamine"), later.Module("zipfile")

# A sheet is held in memory while it is read; the file format has no other way. What a file of a few bytes unpacks to
# is limited.
MAX_UNPACKED = 4 << 30


class SpreadsheetSource(FileSource):
    """One sheet of a spreadsheet: the first row that is not blank has the columns' names, unless `reading` says no.

    Whole numbers become their digits, dates YYYY-MM-DD, text stays text, and a formula is its value. Blank rows are
    rows without cells, as blank lines of CSV files are; those at the end are no rows. Rows have the numbers that the
    spreadsheet shows.
    """

    def __init__(self, file: TableFile, reading: ReadingOptions | None = None, *, distinct: bool = True) -> None:
        super().__init__(file)
        self._reading = reading or ReadingOptions()
        self._sheet = self._chosen()
        rows = self._cells()
        number, cells = next(((n, c) for n, c in rows if any(map(str.strip, c))), (0, None))
        if cells is None:
            raise words.empty_sheet(self.name, self._sheet)
        self._width = len(cells)
        if self._reading.header is False:
            self.first_row = number
            names = numbered(self._width)
        else:
            lines = self._reading.header_lines
            header = [cells, *(below for _, below in itertools.islice(rows, lines - 1))]
            if len(header) < lines:
                raise words.short_header(self.name, self.unit, len(header), lines)
            names = column_names(merged(header), self.name, self.unit, number, certain=self._reading.names_certain)
            self.header_line, self.first_row = number, number + lines
        self.schema = pa.schema([pa.field(name, pa.string()) for name in names])
        if distinct:
            distinct_names(self.schema.names, self.name)

    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        distinct_names(self.schema.names, self.name)
        yield from batches_of(self._rows(columns), columns, self, blank=len(self.schema) == 1)

    def _rows(self, columns: list[str]) -> Iterator[Row | Fault]:
        names = self.schema.names
        places = range(len(names)) if columns == names else [names.index(name) for name in columns]
        merged = self._merged()
        for number, cells in self._cells():
            if number < self.first_row:
                continue
            if number in merged:
                yield Fault(number, words.MERGED)
            elif extra := next((at for at in range(len(names), self._width) if cells[at].strip()), None):
                yield Fault(number, words.value_without_a_name(extra + 1))
            else:
                yield Row(number, [cells[place] for place in places] if any(cells) else ())

    def _chosen(self) -> str:
        """The sheet's name."""
        with self._book() as book:
            names, wanted = book.sheet_names, self._reading.sheet
        if wanted is None:
            return names[0]
        if wanted in names:
            return wanted
        if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(names):
            return names[int(wanted) - 1]
        raise words.no_sheet(self.name, wanted, names)

    def _cells(self) -> Iterator[tuple[int, list[str]]]:
        """The rows of the sheet with their numbers, from the first that has a cell to the last that has a value."""
        with self._book() as book:
            sheet = book.get_sheet_by_name(self._sheet)
            blank = []
            for number, values in enumerate(sheet.iter_rows(), 1):
                cells = [_text(value) for value in values]
                if not any(cells):
                    blank.append((number, cells))
                    continue
                yield from blank
                blank.clear()
                yield number, cells

    def _merged(self) -> set[int]:
        """The numbers of rows that share a cell with another row or column."""
        with self._book() as book:
            ranges = book.get_sheet_by_name(self._sheet).merged_cell_ranges or ()
            return {row + 1 for (first, _), (last, _) in ranges for row in range(first, last + 1)}

    @contextlib.contextmanager
    def _book(self) -> Iterator[python_calamine.CalamineWorkbook]:
        """The spreadsheet, opened. Raises InputError; what the library says may quote data, so it is dropped."""
        with self.file.open() as file:
            try:
                _check_size(file, self.name)
                yield python_calamine.CalamineWorkbook.from_filelike(file)
            except python_calamine.PasswordError:
                raise words.protected(self.name) from None
            except (python_calamine.CalamineError, zipfile.BadZipFile, OSError):
                raise words.no_spreadsheet(self.name) from None


def _check_size(file: BinaryIO, name: str) -> None:
    """Raise InputError if a packed spreadsheet would take too much memory."""
    if kind_by_content(file.read(CONTENT_BYTES)) is Kind.XLSX:
        with zipfile.ZipFile(file) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_UNPACKED:
                raise words.unpacks_too_much(name, MAX_UNPACKED >> 30)
    file.seek(0)


def _text(value: object) -> str:
    """A cell as text: what a CSV file of the sheet would hold, with dates as ISO 8601 has them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)
