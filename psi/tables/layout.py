"""How a delimited file is laid out: its lines, what separates its fields, and where its rows begin.

Only what is said about the file, a line `sep=;` and the header decide that. Rows are never looked at.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from psi.tables import words
from psi.tables.files import TableFile, beginning_at
from psi.tables.headers import column_names, merged, numbered
from psi.tables.reading import ReadingOptions
from psiselect.base.linewise import TOO_LONG
from psiselect.base.rows import Fault, Row
from psiselect.base.splitting import MAX_ROW, Escape, Line, split

READ_BYTES = 1 << 18
# Of equal merit, the one that is less likely inside a name comes first.
_DELIMITERS = "\t;,|"
_SEP_LINE = re.compile(rb'("?)sep=([^"\r\n\\0-9A-Za-z])\1[ \t,;]*(?:\r\n|\n|\r|\Z)', re.IGNORECASE)
_BREAK = re.compile(rb"\r\n|\n|\r")
_LF_LINES, _CR_LINES = re.compile(rb"[^\n]*\n|[^\n]+"), re.compile(rb"[^\r]*\r\n?|[^\r]+")
# Longer marks first: UTF-16's is the beginning of UTF-32's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class CsvLayout:
    """How a CSV file is to be read.

    header: the columns' names, which may repeat; fewer than `width` where those at the end are empty. header_line: the
    number of its first line, 0 without a header. start, first_line: where the rows begin, in bytes and lines. returns:
    whether lines end with CR alone.
    """

    delimiter: str
    header: tuple[str, ...]
    width: int
    header_line: int
    start: int
    first_line: int
    returns: bool

    @classmethod
    def of(cls, file: TableFile, reading: ReadingOptions, *, tabs: bool = False) -> CsvLayout:
        """Look at the beginning of a file. tabs: a tab in the header separates, whatever else is there. Raises
        InputError."""
        head = beginning_of_text(file)
        start, line, given = 0, 1, reading.delimiter
        if head.startswith(codecs.BOM_UTF8):
            start = len(codecs.BOM_UTF8)
        start, line = _below_blank_lines(head, start, line)
        if sep := _SEP_LINE.match(head, start):
            given = given or sep[2].decode()
            start, line = _below_blank_lines(head, sep.end(), line + 1)
        if start == len(head):
            raise words.empty_file(file.name, line)
        returns = ends_with_returns(head[start:], given or _DELIMITERS)
        found = {
            delimiter: _first_row(file, start, line, delimiter, reading.escape, returns=returns)
            for delimiter in (given or _DELIMITERS)
        }
        delimiter = given or _chosen(found, tabs)
        row, size, lines = found[delimiter]
        if isinstance(row, Fault):
            raise words.faulty_row(file.name, "line", row.line, row.problem)
        width = len(row.cells)
        if reading.header is False:
            return cls(delimiter, numbered(width), width, 0, start, line, returns)
        rows, below, at = [row.cells], start + size, line + lines
        while len(rows) < reading.header_lines:
            row, size, lines = _first_row(file, below, at, delimiter, reading.escape, returns=returns)
            if isinstance(row, Fault):
                raise words.faulty_row(file.name, "line", row.line, row.problem)
            if not lines:
                raise words.short_header(file.name, "line", len(rows), reading.header_lines)
            if len(row.cells) != width:
                raise words.uneven_header(file.name, "line", at, len(row.cells), width)
            rows.append(row.cells)
            below, at = below + size, at + lines
        names = column_names(merged(rows), file.name, "line", line, certain=reading.names_certain)
        return cls(delimiter, names, width, line, below, at, returns)


def beginning_of_text(file: TableFile) -> bytes:
    """The first bytes of a text file, as many as a row may have. Raises InputError where it is in UTF-16 or UTF-32."""
    head = file.head(MAX_ROW)
    if file.encoding is None:
        encoding = next((name for mark, name in _MARKS if head.startswith(mark)), None) or _without_a_mark(head)
        if encoding is not None:
            raise words.in_encoding(file.name, encoding)
    return head


def ends_with_returns(text: bytes, delimiters: str) -> bool:
    """Whether the first line that begins here ends with a CR alone, as on old Macintoshes: then all lines must.

    A quote that begins no field is a character like any other. So it does not reach into the lines below.
    """
    begins = rb"(?:\A|(?<=[%s]))" % re.escape(delimiters.encode())
    quoted_or_break = re.compile(begins + rb'"[^"]*(?:""[^"]*)*"|\r\n|\n|\r')
    outside = (found[0] for found in quoted_or_break.finditer(text) if not found[0].startswith(b'"'))
    return (next(outside, None) or first_break(text)) == b"\r"  # the latter where a quote is no field's


def first_break(text: bytes) -> bytes | None:
    """The line break that ends the first line."""
    found = _BREAK.search(text)
    return None if found is None else found[0]


def text_lines(file: BinaryIO, *, returns: bool = False, encoding: str | None = None) -> Iterator[Line]:
    """The lines that are left in a file, each with its end, and what is wrong with it.

    returns: whether lines end with CR or CRLF, else with LF or CRLF. encoding: of the file before it came to be UTF-8.
    """
    torn, skipping = b"", False
    while block := file.read(READ_BYTES):
        block = torn + block
        lines = _lines(block, returns=returns)
        torn = lines.pop()  # its end may be in the next block
        whole = block[: len(block) - len(torn)]
        if skipping and lines:
            del lines[0]
            skipping = False
        if _is_text(whole):
            yield from zip(map(bytes.decode, lines), itertools.repeat(None))
        else:
            yield from (_line(line, encoding) for line in lines)
        if len(torn) > MAX_ROW:
            if not skipping:
                yield "", TOO_LONG
            torn, skipping = torn[-1:], True
    if torn and not skipping:
        yield _line(torn, encoding)


def has_bare_break(block: bytes, *, returns: bool) -> bool:
    """Whether a block holds line breaks of another kind than the file's, inside quotes or not."""
    if returns:
        return b"\n" in block and block.count(b"\n") != block.count(b"\r\n")
    return b"\r" in block and block.count(b"\r") != block.count(b"\r\n")


def _lines(block: bytes, *, returns: bool) -> list[bytes]:
    if not has_bare_break(block, returns=returns):
        return block.splitlines(keepends=True)
    return (_CR_LINES if returns else _LF_LINES).findall(block)


def _is_text(lines: bytes) -> bool:
    """Whether no line among these has a problem."""
    try:
        lines.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in lines and len(lines) <= MAX_ROW


def _line(line: bytes, encoding: str | None) -> Line:
    if len(line) > MAX_ROW:
        return "", TOO_LONG
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return line.decode(errors="replace"), not_text(line, encoding)
    return text, words.NUL if "\0" in text else None


def not_text(line: bytes, encoding: str | None) -> str:
    """What is wrong with a line that is not UTF-8; with a proposal where its bytes are those of cp1252."""
    if encoding is not None:
        return words.not_in(encoding)
    try:
        line.decode("cp1252")
    except UnicodeDecodeError:
        return words.NOT_UTF8
    return words.PERHAPS_CP1252


def _below_blank_lines(head: bytes, start: int, line: int) -> tuple[int, int]:
    text = head[start:].lstrip(b"\r\n")
    below = len(head) - len(text)
    return below, line + len(head[start:below].splitlines())


def _without_a_mark(head: bytes) -> str | None:
    """UTF-16 by its NULs: every second byte of plain letters. No row below the first line has a say."""
    first = head[:4096].partition(b"\n")[0]
    even, odd = first[0::2], first[1::2]
    for name, zeros, letters in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if len(zeros) > 1 and zeros.count(0) > len(zeros) * 3 // 4 and letters.count(0) == 0:
            return name
    return None


def _first_row(
    file: TableFile, start: int, line: int, delimiter: str, escape: Escape, *, returns: bool
) -> tuple[Row | Fault, int, int]:
    """The row, how many bytes it takes, and how many lines: none at the end of the file."""
    taken: list[Line] = []

    def kept(lines: Iterator[Line]) -> Iterator[Line]:
        for each in lines:
            taken.append(each)
            yield each

    with beginning_at(file, start) as raw:
        row = next(
            split(kept(text_lines(raw, returns=returns, encoding=file.encoding)), delimiter, line, escape=escape),
            Row(line, ()),
        )
    return row, sum(len(text.encode()) for text, _ in taken), len(taken)


def _chosen(found: dict[str, tuple[Row | Fault, int, int]], tabs: bool) -> str:
    """The delimiter under which the header has the most names that no space goes before, as in "Amount, EUR"; where
    there are none, the most fields. A comma where it has one field under each."""
    rows = {delimiter: row.cells for delimiter, (row, *_) in found.items() if isinstance(row, Row)}
    if tabs and len(rows.get("\t", ())) > 1:
        return "\t"

    def merit(delimiter: str) -> tuple[int, int]:
        cells = rows[delimiter]
        return sum(bool(cell.strip()) and not cell.startswith(" ") for cell in cells[1:]), len(cells)

    several = [delimiter for delimiter, cells in rows.items() if len(cells) > 1]
    return max(several, key=merit) if several else ","
