"""Text files with a key a line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa

from psi.tables.files import NOT_UTF8
from psi.tables.source import FileSource, fault_error
from psiselect.base.rows import Fault, Row

COLUMN = "value"
_BLOCK_BYTES = 1 << 20


class LinesSource(FileSource):
    """A UTF-8 text file: each line, without its line break (LF or CRLF), is a row of the column `value`."""

    unit: ClassVar[str] = "line"
    schema = pa.schema([pa.field(COLUMN, pa.string())])

    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        line = 1
        with self.file.open() as file:
            torn = file.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
            while block := file.read(_BLOCK_BYTES):
                *whole, torn = (torn + block).split(b"\n")
                if whole:
                    yield self._batch(whole, line)
                    line += len(whole)
        if torn:  # no line break at the end of the last line, or a file of a few bytes
            yield self._batch(torn.removesuffix(b"\n").split(b"\n"), line)

    def _batch(self, lines: list[bytes], first: int) -> pa.RecordBatch:
        bare = pa.array([line.removesuffix(b"\r") for line in lines], pa.binary())
        try:
            return pa.RecordBatch.from_arrays([bare.cast(pa.string())], schema=self.schema)
        except pa.ArrowInvalid:
            fault = next(row for row in map(_row, range(first, first + len(lines)), lines) if isinstance(row, Fault))
            raise fault_error(self, fault) from None

    def _rows(self, columns: list[str]) -> Iterator[Row | Fault]:
        with self.file.open() as file:
            file.seek(len(codecs.BOM_UTF8) if file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8 else 0)
            for number, line in enumerate(file, 1):
                yield _row(number, line.removesuffix(b"\n"))


def _row(number: int, line: bytes) -> Row | Fault:
    try:
        return Row(number, (line.removesuffix(b"\r").decode(),))
    except UnicodeDecodeError:
        return Fault(number, NOT_UTF8)
