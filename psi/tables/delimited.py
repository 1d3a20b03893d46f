"""CSV files: read by Arrow as text, diagnosed by line when Arrow refuses them."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.csv as arrow_csv

from psi.tables.source import FileSource, distinct_names
from psiselect.base.errors import InputError

# Rows must fit into a block; several blocks are in memory at once.
_BLOCK_BYTES = 1 << 22
_DELIMITERS = ",;\t"


class CsvSource(FileSource):
    """A UTF-8 CSV file (RFC 4180, LF or CRLF, with or without BOM) under a header of distinct names.

    delimiter: the first of comma, semicolon and tab that occurs in the header line outside quotes. Empty lines are
    skipped, except in a file of one column, where they are empty values.
    """

    first_row: ClassVar[int] = 2
    delimiter: str

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with path.open("rb") as file:
            start = file.read(_BLOCK_BYTES)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError(f"{path}: is UTF-16; save it as UTF-8")
        text = start.decode("utf-8-sig", errors="replace")
        header = re.sub('"[^"]*"', "", text).lstrip("\r\n").partition("\n")[0]
        if not text.strip("\r\n"):
            raise InputError(f"{path}: is empty; expected a header line with the columns' names")
        self.delimiter = next((d for d in _DELIMITERS if d in header), ",")
        try:
            names = next(row for row in csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter) if row)
        except csv.Error:
            raise InputError(f"{path}: line 1 is not a CSV header") from None
        distinct_names(names, self.name)
        self.schema = pa.schema([pa.field(name, pa.string()) for name in names])

    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        with self.path.open("rb") as raw:
            stream = _Checked(raw, self.path)
            try:
                yield from self._reader(pa.PythonFile(stream, mode="r"), columns)
            except pa.ArrowInvalid:
                raise stream.fault or self._diagnose() from None
            if stream.quotes % 2 and (fault := self._unclosed_quote()):
                raise fault

    def _reader(self, stream: pa.NativeFile, columns: list[str]) -> arrow_csv.CSVStreamingReader:
        single = len(self.schema) == 1
        return arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, ignore_empty_lines=not single
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=self.schema,
                include_columns=columns,
                strings_can_be_null=False,
                check_utf8=False,  # _Checked has, with a line number
            ),
        )

    def _diagnose(self) -> InputError:
        """Read the file again, slowly, to say which line Arrow could not read; values are not quoted."""
        width, line = len(self.schema), 0
        try:
            for line, fields in self._rows():
                if fields and len(fields) != width:
                    return InputError(
                        f"{self.path}: line {line} has {len(fields)} fields, the header has {width}; a field that "
                        f"holds {self.delimiter!r}, a quote or a line break needs double quotes around it"
                    )
        except csv.Error:
            pass
        return InputError(
            f"{self.path}: not readable as CSV after line {line}: a quoted field that is not closed, or a row of more "
            f"than {_BLOCK_BYTES >> 20} MiB"
        )

    def _unclosed_quote(self) -> InputError | None:
        """The error if the last quoted field never closes, so that it swallowed the rows after it."""
        line = 0
        try:
            for line, _ in self._rows():  # noqa: B007
                pass
        except csv.Error:
            return InputError(f"{self.path}: a quoted field that begins after line {line} is never closed")
        return None

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row with the number of its last line."""
        with self.path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            reader = csv.reader(text, delimiter=self.delimiter, strict=True)
            for fields in reader:
                yield reader.line_num, fields


class _Checked(io.RawIOBase):
    """The file's bytes as Arrow reads them, checked to be UTF-8, with line numbers and quotes counted."""

    def __init__(self, raw: io.BufferedReader, path: Path) -> None:
        self._raw = raw
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._line = 1
        self._last = b""
        self.quotes = 0
        self.fault: InputError | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._raw.read(size)
        try:
            self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            line = self._line + error.object.count(b"\n", 0, error.start)
            self.fault = InputError(f"{self._path}: line {line} is not UTF-8 text; save the file as UTF-8")
            raise pa.ArrowInvalid("not UTF-8") from None
        self._line += block.count(b"\n")
        self.quotes += block.count(b'"')
        if len(block) < size and (block or self._last)[-1:] != b"\n":
            block += b"\n"  # without it Arrow takes a header alone for an empty file
        self._last = block[-1:]
        return block
