"""From bytes to columns, where a line is a row: for files in which no row may reach into another one.

A field may stand in double quotes, and may then hold delimiters and quotes written twice, but no line break. Where a
row ends is decided by line breaks alone, before any quote is looked at. So whatever a line holds, the lines around it
are read as if it were not there. Fields are those of `psiselect.base.splitting`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from psiselect.base import words
from psiselect.base.columns import BLANK, Chunk, Lines, TextColumn
from psiselect.base.rows import Row
from psiselect.base.splitting import MAX_ROW, Line, split

NOT_UTF8 = words.NOT_UTF8
TOO_LONG = words.line_too_long(MAX_ROW >> 20)

Stream = Callable[[], Iterable[bytes]]  # a file's bytes from the beginning, cut anywhere
_Bytes = npt.NDArray[np.uint8]
_Mask = npt.NDArray[np.bool_]
_LF, _CR, _QUOTE = 10, 13, 34
_FOR_THREADS = 1 << 18  # bytes from which on it is worth while to start any


def whole_lines(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Pieces of a file that end with LF, each with how many lines came before it; None is one line that is too long.

    blocks: the file's bytes, cut anywhere.
    """
    torn: list[bytes] = []
    size, number, skipping = 0, 0, False
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if not cut:
            torn.append(block)
            size += len(block)
            if size > MAX_ROW + 2:
                torn, size, skipping = [], 0, True
            continue
        if skipping:
            # What is left of the long line.
            yield number, None
            number += 1
        begin = block.find(b"\n") + 1 if skipping else 0
        skipping = False
        piece = b"".join([*torn, block[begin:cut]])
        torn, size = [block[cut:]], len(block) - cut
        if piece:
            yield number, piece
            number += piece.count(b"\n")
    rest = b"".join(torn)
    if skipping:
        yield number, None
    elif rest:
        yield number, rest + b"\n"


class LineBlock:
    """Some whole lines, and what is wrong with each; None so far."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bytes: _Bytes = np.frombuffer(data, np.uint8)
        self.breaks = np.flatnonzero(self.bytes == _LF)
        self.starts = np.concatenate(([0], self.breaks[:-1] + 1))
        self.ends = self.breaks.copy()
        self.ends -= (self.ends > self.starts) & (self.bytes[self.ends - 1] == _CR)
        self.faults: dict[str, _Mask] = {}
        self._find_faults()

    def __len__(self) -> int:
        return len(self.breaks)

    @property
    def good(self) -> _Mask:
        """Lines without a fault."""
        found = np.ones(len(self), np.bool_)
        for lines in self.faults.values():
            found &= ~lines
        return found

    def text(self, line: int) -> str:
        """A line without a fault, without its break."""
        return self.data[self.starts[line] : self.ends[line]].decode()

    def texts(self, lines: _Mask) -> pa.Array:
        """These lines, all without a fault, as Arrow strings without their breaks."""
        sizes = (self.breaks + 1 - self.starts)[lines]
        offsets = np.append(0, np.cumsum(sizes)).astype(np.int32)
        whole = pa.StringArray.from_buffers(len(sizes), pa.py_buffer(offsets), pa.py_buffer(self.kept(lines)))
        return pc.utf8_rtrim(whole, "\r\n")

    def kept(self, lines: _Mask) -> bytes:
        """The bytes of these lines, with their breaks."""
        if lines.all():
            return self.data
        return self.bytes[np.repeat(lines, self.breaks + 1 - self.starts)].tobytes()

    def add(self, problem: str, lines: _Mask) -> None:
        """Lines with this fault, as far as they have no other."""
        lines = lines & self.good
        if lines.any():
            self.faults[problem] = self.faults.get(problem, np.zeros(len(self), np.bool_)) | lines

    def per_line(self, places: Lines) -> Lines:
        """How many of these bytes, in ascending order, each line has."""
        found: Lines = np.diff(np.searchsorted(places, np.append(self.starts, len(self.data))))
        return found

    def numbered(self, before: int) -> dict[str, Lines]:
        """The faults with the numbers of their lines, if so many lines came before."""
        return {problem: np.flatnonzero(lines) + before + 1 for problem, lines in self.faults.items()}

    def _find_faults(self) -> None:
        lengths = self.ends - self.starts
        self.add(BLANK, lengths == 0)
        self.add(TOO_LONG, lengths > MAX_ROW)
        if b"\0" in self.data:
            self.add(words.NUL, self.per_line(np.flatnonzero(self.bytes == 0)) > 0)
        try:
            self.data.decode()
        except UnicodeDecodeError:
            self.add(NOT_UTF8, self._not_utf8())
        if b"\r" in self.data:
            # The one before LF is no fault.
            self.add(words.BARE_RETURN, self.per_line(np.flatnonzero(self.bytes == _CR)) > self.breaks - self.ends)

    def _not_utf8(self) -> _Mask:
        found = self.per_line(np.flatnonzero(self.bytes >= 0x80)) > 0
        for line in np.flatnonzero(found):
            try:
                self.data[self.starts[line] : self.ends[line]].decode()
                found[line] = False
            except UnicodeDecodeError:
                pass
        return found


def blocks_of_lines(blocks: Iterable[bytes], before: int) -> Iterator[tuple[int, LineBlock | None]]:
    """The lines of a file with how many came before, `before` ones that are not in `blocks` among them."""
    for number, piece in whole_lines(blocks):
        yield before + number, None if piece is None else LineBlock(piece)


def head_lines(stream: Stream) -> Iterator[Line]:
    """A file's lines from its beginning, one by one, for public headers."""
    for _, block in blocks_of_lines(stream(), 0):
        if block is None:
            yield "", TOO_LONG
            continue
        problems = {int(line): what for what, lines in block.faults.items() for line in np.flatnonzero(lines)}
        for line in range(len(block)):
            problem = problems.get(line)
            yield (block.text(line) + "\n", None) if problem in (None, BLANK) else ("", problem)


def after_lines(stream: Stream, count: int) -> Iterator[bytes]:
    """A file without its first lines."""
    for block in stream():
        start = 0
        while count and (end := block.find(b"\n", start)) >= 0:
            start, count = end + 1, count - 1
        if not count:
            yield block[start:]


def without_mark(stream: Stream) -> Stream:
    """A file without the byte order mark that it may begin with."""

    def blocks() -> Iterator[bytes]:
        first = True
        for block in stream():
            yield block.removeprefix(codecs.BOM_UTF8) if first else block
            first = False

    return blocks


def line_chunks(
    blocks: Iterable[bytes], delimiter: str, width: int, places: Sequence[int], before: int
) -> Iterator[Chunk]:
    """The rows of a file of lines.

    delimiter: one ASCII character. width: fields of each row. places: the columns that are wanted. before: how many
    lines come before those in `blocks`.
    """
    for number, block in blocks_of_lines(blocks, before):
        if block is None:
            yield Chunk(np.zeros(0, np.int64), _none(places), {TOO_LONG: np.array([number + 1])})
        else:
            yield from _chunks(block, delimiter, width, places, number)


def _chunks(block: LineBlock, delimiter: str, width: int, places: Sequence[int], before: int) -> Iterator[Chunk]:
    cuts = np.flatnonzero(block.bytes == ord(delimiter))
    odd = np.zeros(len(block), np.bool_)
    if b'"' in block.data:
        quotes = np.flatnonzero(block.bytes == _QUOTE)
        per_line = block.per_line(quotes)
        odd = _odd(block, per_line > 0, delimiter)
        # Between an odd and an even quote of its line a delimiter is text.
        earlier = (np.cumsum(per_line) - per_line)[np.searchsorted(block.breaks, cuts)]
        cuts = cuts[(np.searchsorted(quotes, cuts) - earlier) & 1 == 0]
    fields = block.per_line(cuts) + 1
    for count in np.unique(fields[(fields != width) & ~odd]).tolist():
        block.add(words.wrong_width(count, width), (fields == count) & ~odd)
    yield from _odd_rows(block, np.flatnonzero(odd), delimiter, width, places, before)
    good = block.good & ~odd
    columns = _parsed(block.kept(good), delimiter, width, places) if good.any() else _none(places)
    yield Chunk(np.flatnonzero(good) + before + 1, columns, block.numbered(before))


def _odd(block: LineBlock, quoted: _Mask, delimiter: str) -> _Mask:
    """Lines whose quotes are not all around whole fields."""
    asked = np.flatnonzero(quoted & block.good)
    offsets = np.append(block.starts, len(block.data)).astype(np.int64)
    lines = pa.LargeStringArray.from_buffers(len(block), pa.py_buffer(offsets), pa.py_buffer(block.data))
    cut = re.escape(delimiter)
    field = rf'(?:[^"\r\n{cut}]*|"(?:[^"]|"")*")'
    sound = pc.match_substring_regex(lines.take(pa.array(asked)), rf"\A{field}(?:{cut}{field})*\r?\n\z")
    found = np.zeros(len(block), np.bool_)
    found[asked] = ~sound.to_numpy(zero_copy_only=False)
    return found


def _odd_rows(
    block: LineBlock, odd: npt.NDArray[np.int64], delimiter: str, width: int, places: Sequence[int], before: int
) -> Iterator[Chunk]:
    """These lines one by one: a quote inside an unquoted field is a character like any other, others are faults."""
    lines: list[int] = []
    cells: list[list[str]] = [[] for _ in places]
    for line in odd.tolist():
        row = next(split([(block.text(line) + "\n", None)], delimiter))
        if isinstance(row, Row) and len(row.cells) == width:
            lines.append(line + before + 1)
            for column, place in zip(cells, places, strict=True):
                column.append(row.cells[place])
        else:
            here = np.zeros(len(block), np.bool_)
            here[line] = True
            block.add(words.wrong_width(len(row.cells), width) if isinstance(row, Row) else row.problem, here)
    if lines:
        columns = [TextColumn.of(pa.array(column, pa.string())) for column in cells]
        yield Chunk(np.array(lines, np.int64), columns)


def _parsed(data: bytes, delimiter: str, width: int, places: Sequence[int]) -> list[TextColumn]:
    names = [str(place) for place in range(width)]
    wanted = [names[place] for place in places]
    if not wanted:
        return []
    kind = pa.dictionary(pa.int32(), pa.string())
    if data.startswith(codecs.BOM_UTF8):
        data = codecs.BOM_UTF8 + data  # Arrow takes one away, and here it is a character of the first field
    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        read_options=arrow_csv.ReadOptions(
            column_names=names, block_size=len(data) + 1, use_threads=len(data) > _FOR_THREADS
        ),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, kind),
            include_columns=list(dict.fromkeys(wanted)),
            strings_can_be_null=False,
            check_utf8=False,  # LineBlock does
        ),
    )
    found = {name: TextColumn.of(table.column(name)) for name in table.column_names}
    return [found[name] for name in wanted]


def _none(places: Sequence[int]) -> list[TextColumn]:
    return [TextColumn(pa.array([], pa.string()), np.zeros(0, np.int32)) for _ in places]
