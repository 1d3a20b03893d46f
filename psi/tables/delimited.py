"""CSV files: read by Arrow as text, and line by line where that is wanted or something is wrong.

What a CSV file is, is decided here once: the header and the delimiter by `CsvLayout`, rows and their faults by
`CsvSource.rows`. Arrow reads the same rows many times faster but is less strict, so the bytes on their way to it are
looked at for whatever might be a fault. If there is anything, `rows` decides.
"""

from __future__ import annotations

import codecs
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, ClassVar

import pyarrow as pa
import pyarrow.csv as arrow_csv

from psi.tables.files import NOT_UTF8, TableFile
from psi.tables.quotes import Quotes
from psi.tables.source import FileSource, distinct_names, fault_error
from psiselect.base.errors import InputError
from psiselect.base.rows import Fault, Row
from psiselect.base.splitting import MAX_ROW, Line, split

# Arrow takes rows that fit into a block; several blocks are in memory at once.
_BLOCK_BYTES = MAX_ROW
_READ_BYTES = 1 << 18
_DELIMITERS = ",;\t"
_NUL = "a NUL character, which text does not have; save the file as UTF-8 text"
_TOO_LONG = f"a line longer than {MAX_ROW >> 20} MiB"


@dataclass(frozen=True)
class CsvLayout:
    """How a CSV file is to be read, by its first bytes and its header line; its rows are never looked at.

    start: where the header begins, in bytes, behind a byte order mark and blank lines. header_line: its number.
    header: the columns' names, which may repeat. delimiter: the first of comma, semicolon and tab under which the
    header has several fields; comma if there is none.
    """

    start: int
    header_line: int
    header: tuple[str, ...]
    delimiter: str

    @classmethod
    def of(cls, file: TableFile) -> CsvLayout:
        """Read the header. Raises InputError."""
        head = file.head(MAX_ROW)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError(f"{file.name}, line 1: UTF-16 text; save the file as UTF-8", line=1)
        body = head.removeprefix(codecs.BOM_UTF8)
        text = body.lstrip(b"\r\n")
        if not text:
            raise InputError(
                f"{file.name}, line 1: the file is empty; expected a header line with the columns' names", line=1
            )
        start = len(head) - len(text)
        line = 1 + len(body[: len(body) - len(text)].splitlines())

        def header(delimiter: str) -> Row | Fault:
            with file.open() as raw:
                raw.seek(start)
                return next(split(text_lines(raw), delimiter, line))

        found = {delimiter: header(delimiter) for delimiter in _DELIMITERS}
        several = (d for d, row in found.items() if isinstance(row, Row) and len(row.cells) > 1)
        delimiter = next(several, _DELIMITERS[0])
        names = found[delimiter]
        if isinstance(names, Fault):
            raise InputError(f"{file.name}, line {names.line}: {names.problem}", line=names.line)
        return cls(start, line, tuple(names.cells), delimiter)


class CsvSource(FileSource):
    """A UTF-8 CSV file (RFC 4180, LF or CRLF, with or without BOM) under a header.

    delimiter: see `CsvLayout`. Blank lines are rows without cells to `rows`. To `batches` they are nothing, or in a
    file of one column an empty value. The columns' names must be distinct, unless `distinct` is False: then only
    `rows` can be read.
    """

    first_row: ClassVar[int] = 2
    unit: ClassVar[str] = "line"

    def __init__(self, file: TableFile, *, distinct: bool = True) -> None:
        super().__init__(file)
        self._layout = CsvLayout.of(file)
        self._sound = False
        self.header_line = self._layout.header_line
        self.delimiter = self._layout.delimiter
        self.schema = pa.schema([pa.field(name, pa.string()) for name in self._layout.header])
        if distinct:
            distinct_names(self.schema.names, self.name)

    def _rows(self, columns: list[str]) -> Iterator[Row | Fault]:
        header = self._layout.header
        width = len(header)
        places = None if columns == list(header) else [header.index(name) for name in columns]
        with self.file.open() as raw:
            raw.seek(self._layout.start)
            found = split(text_lines(raw), self.delimiter, self.header_line)
            next(found, None)
            for row in found:
                if isinstance(row, Fault) or not row.cells:
                    yield row
                elif len(row.cells) != width:
                    yield Fault(row.line, self._wrong_width(len(row.cells)))
                elif places is None:
                    yield row
                else:
                    yield Row(row.line, [row.cells[place] for place in places])

    def _wrong_width(self, fields: int) -> str:
        return (
            f"{fields} {'field' if fields == 1 else 'fields'}, the header has {len(self.schema)}; a field that holds "
            f"{self.delimiter!r}, a quote or a line break needs double quotes around it"
        )

    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        distinct_names(self.schema.names, self.name)
        with self.file.open() as raw:
            raw.seek(self._layout.start)
            stream = _Watched(raw, self.delimiter, trusted=self._sound)
            try:
                for batch in self._reader(pa.PythonFile(stream, mode="r"), columns):
                    self._check(stream)
                    yield batch
            except pa.ArrowInvalid:
                self._raise_fault()
                raise InputError(
                    f"{self.name}: not readable as CSV: a row longer than {_BLOCK_BYTES >> 20} MiB"
                ) from None
            self._check(stream)
            self._sound = True

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
                check_utf8=False,  # _Watched does
            ),
        )

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


def text_lines(file: BinaryIO) -> Iterator[Line]:
    """The lines that are left in a file, each with its end (LF, CRLF or CR), and what is wrong with it."""
    torn, skipping = b"", False
    while block := file.read(_READ_BYTES):
        block = torn + block
        lines = block.splitlines(keepends=True)
        torn = lines.pop()  # its end may be in the next block
        whole = block[: len(block) - len(torn)]
        if skipping and lines:
            del lines[0]
            skipping = False
        yield from zip(map(bytes.decode, lines), itertools.repeat(None)) if _is_text(whole) else map(_line, lines)
        if len(torn) > MAX_ROW:
            if not skipping:
                yield "", _TOO_LONG
            torn, skipping = torn[-1:], True
    if torn and not skipping:
        yield _line(torn)


def _is_text(lines: bytes) -> bool:
    """Whether no line among these has a problem."""
    try:
        lines.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in lines and len(lines) <= MAX_ROW


def _line(line: bytes) -> Line:
    if len(line) > MAX_ROW:
        return "", _TOO_LONG
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return line.decode(errors="replace"), NOT_UTF8
    return text, _NUL if "\0" in text else None


class _Watched(io.RawIOBase):
    """The file's bytes as Arrow reads them, watched for what Arrow would take and `rows` would not.

    doubtful: they hold a NUL, a line that is too long, text after a closing quote, or a quote that is never closed.
    trusted: they were watched before. Raises ArrowInvalid, through Arrow, for bytes that are not UTF-8.
    """

    def __init__(self, raw: BinaryIO, delimiter: str, *, trusted: bool) -> None:
        self._raw = raw
        self._trusted = trusted
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._quotes = Quotes(delimiter)
        self._held = b""  # Arrow takes an LF away when CR and LF are in two blocks, even inside quotes
        self._last = b"\n"
        self._unbroken = 0  # bytes since the last line break
        self.doubtful = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._held + self._raw.read(size - len(self._held))
        ended = len(block) < size
        self._held = b"\r" if block[-1:] == b"\r" and not ended else b""
        block = block.removesuffix(self._held)
        if ended and (block or self._last)[-1:] != b"\n":
            block += b"\n"  # without it Arrow takes a header alone for an empty file
        if not self._trusted:
            self._watch(block, ended)
        self._last = block[-1:] or self._last
        return block

    def _watch(self, block: bytes, ended: bool) -> None:
        if self._decoder.getstate()[0] or not block.isascii():
            try:
                self._decoder.decode(block, final=ended)
            except UnicodeDecodeError:
                raise pa.ArrowInvalid("not UTF-8") from None
        if not self.doubtful:
            self.doubtful = b"\0" in block or self._has_long_line(block) or not self._quotes.sound(block, ended)

    def _has_long_line(self, block: bytes) -> bool:
        """Whether a line is longer than a block, and so goes on from one to the next."""
        end = b"\n" if b"\n" in block else b"\r"
        first = block.find(end)
        self._unbroken += len(block) if first < 0 else first + 1
        found = self._unbroken > MAX_ROW
        if first >= 0:
            self._unbroken = len(block) - 1 - block.rfind(end)
        return found
