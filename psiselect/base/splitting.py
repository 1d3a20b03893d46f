"""From lines of text to rows of fields: the one splitter of CSV files and of files like them (RFC 4180).

A field may stand in double quotes, and may then hold delimiters, line breaks, and quotes written twice. A quote inside
an unquoted field is a character like any other. A row that breaks these rules is one fault, of its first line; reading
goes on with the line after that one. So a stray quote never swallows the rows below it.
"""

from __future__ import annotations

import csv
import enum
import re
from collections.abc import Iterable, Iterator

from psiselect.base import words
from psiselect.base.rows import Fault, Row

MAX_ROW = 4 << 20  # characters of a row of several lines

# The text of a line with its line break, and what is wrong with it. The text is empty where the line is too long.
Line = tuple[str, str | None]

BARE_BREAK = words.BARE_BREAK
_TWO_BREAKS = ("\r\r\n", "\n\r\n", "\r\r", "\n\r", "\n\n")


class Escape(enum.Enum):
    """Whether a backslash escapes. UNKNOWN: it does not, but a row where that could hide other rows is a fault."""

    NONE = "none"
    BACKSLASH = "backslash"
    UNKNOWN = "unknown"


def split(
    lines: Iterable[Line], delimiter: str, first: int = 1, *, escape: Escape = Escape.NONE
) -> Iterator[Row | Fault]:
    """The rows of these lines, the first of which has the number `first`.

    A blank line is a Row without cells. A line whose text has a problem makes its whole row one fault, at that line.
    """
    feed = _Feed(lines)
    escaped = escape is Escape.BACKSLASH
    quoted = _Quoted(feed, delimiter, escaped=escaped)
    number = first
    for text, problem in feed:
        if '"' not in text and not (escaped and "\\" in text):
            bare = without_end(text)
            if problem is not None:
                yield Fault(number, problem)
            elif "\r" in bare or "\n" in bare:
                yield Fault(number, BARE_BREAK)
            else:
                yield Row(number, bare.split(delimiter) if bare else ())
            number += 1
            continue
        fields = quoted.fields(text)
        broken = quoted.problem(number) if fields is None else _doubt(text, feed.taken, escape)
        if fields is None or broken is not None:
            yield Fault(number, problem or str(broken))
            feed.put_back()
            number += 1
            continue
        below = feed.keep()
        wrong = None if problem is None and not below else _first_problem(number, [(text, problem), *below])
        yield Row(number, fields) if wrong is None else wrong
        number += 1 + len(below)


def _doubt(first: str, below: list[Line], escape: Escape) -> str | None:
    """What is wrong with the lines of a row that can be split."""
    if (below[-1][0] if below else first).endswith(_TWO_BREAKS):
        return BARE_BREAK
    if below and escape is Escape.UNKNOWN and ('\\"' in first or any('\\"' in text for text, _ in below)):
        return words.PERHAPS_ESCAPED
    return None


def without_end(text: str) -> str:
    """A line without the line break that ends it: LF, CRLF or CR."""
    return text[:-2] if text.endswith("\r\n") else text[:-1] if text.endswith(("\n", "\r")) else text


def _first_problem(number: int, lines: list[Line]) -> Fault | None:
    return next((Fault(at, problem) for at, (_, problem) in enumerate(lines, number) if problem is not None), None)


class _Feed:
    """Lines, of which those that a row takes besides its first can be put back."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = iter(lines)
        self._again: list[Line] = []  # the next one last
        self.taken: list[Line] = []

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        return self._again.pop() if self._again else next(self._lines)

    def more(self) -> str:
        """The text of the next line of a row; empty at the end, and where a line is too long to hold."""
        line = next(self, None)
        if line is None:
            return ""
        self.taken.append(line)
        return line[0]

    def keep(self) -> list[Line]:
        """The lines that `more` gave; they are not put back any more."""
        taken, self.taken = self.taken, []
        return taken

    def put_back(self) -> None:
        """Give the lines that `more` gave once more."""
        self._again.extend(reversed(self.keep()))


class _Quoted:
    """Splits rows with quotes. Python's csv module does it, given the lines that it asks for."""

    def __init__(self, feed: _Feed, delimiter: str, *, escaped: bool) -> None:
        self._feed = feed
        self._delimiter = delimiter
        # What a backslash escapes; the module would take it away before other characters too.
        self._escaped = re.compile(rf'\\(\r\n|[\\"\r\n{re.escape(delimiter)}]|)') if escaped else None
        self._first = ""
        self._open = False
        self._bare_break = False
        self._reader = self._begin()

    def fields(self, text: str) -> list[str] | None:
        """The fields of the row that begins with this line; None if it breaks the rules."""
        found = self._attempt(text)
        if found is None and len(text) + sum(len(line) for line, _ in self._feed.taken) > csv.field_size_limit():
            # The module refuses long fields, unless told otherwise for the whole process.
            self._feed.put_back()
            limit = csv.field_size_limit(MAX_ROW)
            try:
                found = self._attempt(text)
            finally:
                csv.field_size_limit(limit)
        return found

    def _attempt(self, text: str) -> list[str] | None:
        self._first, self._open = text, False
        try:
            return next(self._reader)
        except csv.Error as error:
            self._bare_break = str(error).startswith("new-line character")
            self._reader = self._begin()
            return None

    def problem(self, number: int) -> str:
        """What was wrong with the row that began at this line."""
        if self._open:
            return words.not_closed(MAX_ROW >> 20)
        if self._bare_break:
            return BARE_BREAK
        return words.text_after_quote(number + len(self._feed.taken) if self._feed.taken else None)

    def _begin(self) -> Iterator[list[str]]:
        escape = None if self._escaped is None else "\\"
        return csv.reader(self._lines(), delimiter=self._delimiter, strict=True, escapechar=escape)

    def _lines(self) -> Iterator[str]:
        size = 0
        while True:
            if self._first:
                text, self._first = self._first, ""
                size = 0
            else:
                text = self._feed.more()
            size += len(text)
            self._open = not text or size > MAX_ROW
            if self._open:
                return
            if self._escaped is not None:
                # Behind an escaped line break the module needs another one to see the end.
                text = self._escaped.sub(_escape, text) + ("" if text.endswith(("\n", "\r")) else "\n")
            yield text


def _escape(found: re.Match[str]) -> str:
    """The same for Python's csv module: both characters of CRLF escaped, and a backslash by itself doubled."""
    return "\\\r\\\n" if found[1] == "\r\n" else found[0] if found[1] else "\\\\"
