"""CSV files: read by Arrow as text, and line by line where that is wanted or something is wrong.

What a CSV file is, is decided here once: header, delimiter and lines by `layout`, rows and their faults by
`CsvSource.rows`. Arrow reads the same rows many times faster but is less strict, so the bytes on their way to it are
looked at for whatever might be a fault. If there is anything, `rows` decides.
"""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Iterator
from typing import BinaryIO, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from psi.tables import words
from psi.tables.files import TableFile, beginning_at
from psi.tables.layout import CsvLayout, has_bare_break, text_lines
from psi.tables.lent import lent
from psi.tables.quotes import Quotes
from psi.tables.reading import ReadingOptions
from psi.tables.source import FileSource, batches_of, distinct_names, fault_error
from psiselect.base.rows import Fault, Row
from psiselect.base.splitting import MAX_ROW, Escape, split

# Arrow takes rows that fit into a block; several blocks are in memory at once.
_BLOCK_BYTES = MAX_ROW


class CsvSource(FileSource):
    """A CSV file in UTF-8 (RFC 4180, LF, CRLF or CR, with or without BOM), with a header unless `reading` says no.

    delimiter, layout: see `CsvLayout`. Blank lines are rows without cells to `rows`. To `batches` they are nothing, or
    in a file of one column an empty value. The columns' names must be distinct, unless `distinct` is False: then only
    `rows` can be read. tabs: whether the file's name says that tabs separate.
    """

    unit: ClassVar[str] = "line"

    def __init__(
        self, file: TableFile, reading: ReadingOptions | None = None, *, distinct: bool = True, tabs: bool = False
    ) -> None:
        super().__init__(file)
        self._reading = reading or ReadingOptions()
        self._layout = CsvLayout.of(file, self._reading, tabs=tabs)
        self._sound = False
        self.header_line = self._layout.header_line
        self.first_row = 1 + self._reading.header_lines if self.header_line else 1
        self.delimiter = self._layout.delimiter
        self.schema = pa.schema([pa.field(name, pa.string()) for name in self._layout.header])
        if distinct:
            distinct_names(self.schema.names, self.name)

    @property
    def layout(self) -> CsvLayout:
        """Where its header, rows and fields are."""
        return self._layout

    def _rows(self, columns: list[str]) -> Iterator[Row | Fault]:
        layout, header, width = self._layout, self._layout.header, self._layout.width
        places = None if columns == list(header) else [header.index(name) for name in columns]
        if places is None and len(header) < width:
            places = list(range(len(header)))
        with beginning_at(self.file, layout.start) as raw:
            lines = text_lines(raw, returns=layout.returns, encoding=self.file.encoding)
            for row in split(lines, self.delimiter, layout.first_line, escape=self._reading.escape):
                if isinstance(row, Fault) or not row.cells:
                    yield row
                elif len(row.cells) != width:
                    yield Fault(row.line, self._wrong_width(len(row.cells)))
                elif places is None:
                    yield row
                elif extra := next((at for at in range(len(header), width) if row.cells[at].strip()), None):
                    yield Fault(row.line, words.value_without_a_name(extra + 1))
                else:
                    yield Row(row.line, [row.cells[place] for place in places])

    def _wrong_width(self, fields: int) -> str:
        return words.wrong_width(fields, self._layout.width, self.delimiter, header=self.header_line > 0)

    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        distinct_names(self.schema.names, self.name)
        if self._reading.escape is Escape.BACKSLASH:  # Arrow takes a backslash away wherever it stands
            yield from batches_of(self._rows(columns), columns, self, blank=len(self.schema) == 1)
            return
        with beginning_at(self.file, self._layout.start) as raw:
            stream = _Watched(raw, self._layout, trusted=self._sound, escape=self._reading.escape)
            try:
                with lent(stream.read) as handed:
                    reader = self._reader(handed, columns)
                    try:
                        with stream.read_to_the_end(reader):
                            for batch in reader:
                                self._check(stream)
                                self._check_unnamed(batch)
                                yield batch
                    finally:
                        del reader
            except pa.ArrowInvalid:
                self._raise_fault()
                if not stream.empty:
                    raise words.row_too_long(self.name, _BLOCK_BYTES >> 20) from None
            self._check(stream)
            self._sound = True

    def _reader(self, handed: list[pa.NativeFile], columns: list[str]) -> arrow_csv.CSVStreamingReader:
        """handed: with the stream, which no name may hold here: where Arrow refuses it, the error would keep it."""
        single = len(self.schema) == 1
        return arrow_csv.open_csv(
            handed.pop(),
            read_options=arrow_csv.ReadOptions(
                block_size=_BLOCK_BYTES, column_names=[*self.schema.names, *self._unnamed()]
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, ignore_empty_lines=not single
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=pa.schema([*self.schema, *(pa.field(name, pa.string()) for name in self._unnamed())]),
                include_columns=[*columns, *self._unnamed()],
                strings_can_be_null=False,
                check_utf8=False,  # _Watched does
            ),
        )

    def _unnamed(self) -> list[str]:
        """Names for the columns at the end that have none: a line break is in no header's name at its end."""
        return [f"{place}\n" for place in range(len(self.schema), self._layout.width)]

    def _check_unnamed(self, batch: pa.RecordBatch) -> None:
        """Raise InputError if a column without a name has a value."""
        for name in () if self._sound else self._unnamed():
            if pc.any(pc.not_equal(pc.utf8_trim_whitespace(batch.column(name)), "")).as_py():
                self._raise_fault()

    def _check(self, stream: _Watched) -> None:
        """Raise InputError if what looked like a fault on the way to Arrow is one."""
        if stream.doubtful and not self._sound:
            self._raise_fault()
            self._sound = True  # the whole file was read

    def _raise_fault(self) -> None:
        """Raise InputError for the first fault, if there is any."""
        for row in self._rows(self.schema.names):
            if isinstance(row, Fault):
                raise fault_error(self, row) from None


class _Watched:
    """The file's bytes as Arrow reads them, watched for what Arrow would take and `rows` would not.

    doubtful: they hold a NUL, a line that is too long, a line break of another kind, text after a closing quote, a
    quote that is never closed, or perhaps one that is escaped. trusted: they were watched before. empty: there are
    none. Raises ArrowInvalid, through Arrow, for bytes that are not UTF-8.
    """

    def __init__(self, raw: BinaryIO, layout: CsvLayout, *, trusted: bool, escape: Escape) -> None:
        self._raw = raw
        self._returns = layout.returns
        self._trusted = trusted
        self._escapes = escape is Escape.UNKNOWN
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._quotes = Quotes(layout.delimiter)
        self._held = b""  # Arrow takes an LF away when CR and LF are in two blocks, even inside quotes
        self._ends = b"\r\n" if layout.returns else b"\n"
        self._last = b"\n"
        self._unbroken = 0  # bytes since the last line break
        self._stopped = False
        self.doubtful = False
        self.empty = True

    @contextlib.contextmanager
    def read_to_the_end(self, reader: arrow_csv.CSVStreamingReader) -> Iterator[None]:
        """Let no thread of Arrow's ask for bytes when this is over: at the end of the process it would abort it."""
        try:
            yield
        finally:
            self._stopped = True
            with contextlib.suppress(pa.ArrowException, StopIteration):
                while True:
                    reader.read_next_batch()

    def read(self, size: int = -1) -> bytes:
        if self._stopped:
            return b""
        first = self.empty
        wanted = size - len(codecs.BOM_UTF8) if first else size
        block = self._held + self._raw.read(wanted - len(self._held))
        ended = len(block) < wanted
        self._held = b"\r" if block[-1:] == b"\r" and not ended else b""
        block = block.removesuffix(self._held)
        self.empty = self.empty and not block
        if ended and (block or self._last)[-1:] not in self._ends:
            block += self._ends[:1]  # so that the last line is looked at like the others
        if not self._trusted:
            self._watch(block, ended)
        self._last = block[-1:] or self._last
        # Below the header a mark belongs to the first cell, and Arrow takes one away.
        return codecs.BOM_UTF8 + block if first and block.startswith(codecs.BOM_UTF8) else block

    def _watch(self, block: bytes, ended: bool) -> None:
        if self._decoder.getstate()[0] or not block.isascii():
            try:
                self._decoder.decode(block, final=ended)
            except UnicodeDecodeError:
                raise pa.ArrowInvalid("not UTF-8") from None
        if not self.doubtful:
            self.doubtful = (
                b"\0" in block
                or has_bare_break(block, returns=self._returns)
                or (self._escapes and b"\\" in block and b'\\"' in block)  # the first is much faster
                or self._has_long_line(block)
                or not self._quotes.sound(block, ended)
            )

    def _has_long_line(self, block: bytes) -> bool:
        """Whether a line is longer than a block, and so goes on from one to the next."""
        end = b"\n" if b"\n" in block else b"\r"
        first = block.find(end)
        self._unbroken += len(block) if first < 0 else first + 1
        found = self._unbroken > MAX_ROW
        if first >= 0:
            self._unbroken = len(block) - 1 - block.rfind(end)
        return found
