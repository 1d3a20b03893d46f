"""Text files with a key a line."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import pyarrow as pa

from psi.tables.source import FileSource
from psiselect.base.errors import InputError

COLUMN = "value"
_BLOCK_BYTES = 1 << 20


class LinesSource(FileSource):
    """A UTF-8 text file: each line, without its line break (LF or CRLF), is a row of the column `value`."""

    schema = pa.schema([pa.field(COLUMN, pa.string())])

    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        line = 1
        with self.path.open("rb") as file:
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
            bad = next(i for i, line in enumerate(lines) if not _is_utf8(line))
            raise InputError(f"{self.path}: line {first + bad} is not UTF-8 text") from None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
