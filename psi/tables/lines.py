"""Text files with a key a line."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Iterator
from typing import ClassVar

import pyarrow as pa

from psi.tables.files import TableFile, beginning_at
from psi.tables.layout import beginning_of_text, first_break, has_bare_break, text_lines
from psi.tables.source import FileSource, batches_of, fault_error
from psiselect.base.rows import Fault, Row
from psiselect.base.splitting import BARE_BREAK, without_end

COLUMN = "value"
_BLOCK_BYTES = 1 << 20


class LinesSource(FileSource):
    """A text file in UTF-8: each line, without its line break (LF, CRLF or CR), is a row of the column `value`."""

    unit: ClassVar[str] = "line"
    schema = pa.schema([pa.field(COLUMN, pa.string())])

    def __init__(self, file: TableFile) -> None:
        super().__init__(file)
        head = beginning_of_text(file)
        self._start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
        self._returns = first_break(head) == b"\r"

    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        if self._returns:
            yield from batches_of(self._rows(columns), columns, self, blank=True)
            return
        torn = b""
        with beginning_at(self.file, self._start) as file:
            while block := file.read(_BLOCK_BYTES):
                block = torn + block
                end = block.rfind(b"\n") + 1
                torn = block[end:]
                if end:
                    yield self._batch(block[:end])
        if torn:  # no line break at the end of the last line
            yield self._batch(torn + b"\n")

    def _batch(self, block: bytes) -> pa.RecordBatch:
        if b"\0" not in block and not has_bare_break(block, returns=False):
            bare = [line.removesuffix(b"\r") for line in block[:-1].split(b"\n")]
            with contextlib.suppress(pa.ArrowInvalid):
                return pa.RecordBatch.from_arrays([pa.array(bare, pa.binary()).cast(pa.string())], schema=self.schema)
        raise next(fault_error(self, row) for row in self._rows([COLUMN]) if isinstance(row, Fault))

    def _rows(self, columns: list[str]) -> Iterator[Row | Fault]:
        with beginning_at(self.file, self._start) as file:
            lines = text_lines(file, returns=self._returns, encoding=self.file.encoding)
            for number, (text, problem) in enumerate(lines, 1):
                bare = without_end(text)
                wrong = problem or (BARE_BREAK if "\r" in bare or "\n" in bare else None)
                yield Row(number, (bare,)) if wrong is None else Fault(number, wrong)
