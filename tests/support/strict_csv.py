"""A strict reader of CSV, written from the rules of docs/tables.md alone: one character at a time, no library.

It shares no code with the readers that it is compared with. It is slow.
"""

from __future__ import annotations

from typing import NamedTuple


class Found(NamedTuple):
    """A row by the number of its first line. cells: None where the row is at fault, empty for a blank line."""

    line: int
    cells: list[str] | None


def lines_of(data: bytes, *, returns: bool) -> list[bytes]:
    """Lines with their ends: LF and CRLF, or CR and CRLF where CR ends the header."""
    found, start = [], 0
    for at, byte in enumerate(data):
        inside_crlf = byte == 13 and data[at + 1 : at + 2] == b"\n"
        behind_cr = byte == 10 and data[at - 1 : at] == b"\r"
        if (byte == 10 and (not returns or behind_cr)) or (byte == 13 and returns and not inside_crlf):
            found.append(data[start : at + 1])
            start = at + 1
    return [*found, data[start:]] if start < len(data) else found


def ends_with_returns(data: bytes) -> bool:
    """Whether the first line break outside quotes is a CR alone. Quotes that begin no field, whatever delimits it, or
    that never close, count as plain."""
    for quotes_count in (True, False):
        at = 0
        while at < len(data):
            begins = data[at] == 34 and (at == 0 or data[at - 1] in b"\t;,|")
            end = _closed(data, at) if begins and quotes_count else None
            if end is None and data[at] in (10, 13):
                return data[at] == 13 and data[at + 1 : at + 2] != b"\n"
            at = at + 1 if end is None else end
    return False


def _closed(data: bytes, at: int) -> int | None:
    """Where a quoted field ends; one that never closes ends within its last two quotes. None for one without."""
    last, at = None, at + 1
    while at < len(data):
        if data[at] != 34:
            at += 1
        elif data[at + 1 : at + 2] == b'"':
            last, at = at + 1, at + 2
        else:
            return at + 1
    return last


def row_of(text: str, delimiter: str, escape: str) -> tuple[list[str], int] | None:
    """The cells of the row at the beginning of a text, and how many characters it takes; None where it breaks the
    rules. A row ends behind the line break that `text` was cut at, or at its end."""
    cells, cell, at = [], "", 0
    state = "start"  # start, plain, quoted, closed
    while at < len(text):
        here, following = text[at], text[at + 1 : at + 2]
        if (
            escape == "backslash"
            and here == "\\"
            and state != "closed"
            and following in (delimiter, '"', "\\", "\r", "\n")
        ):
            if not following:
                cell, at = cell + here, at + 1
            elif text[at + 1 : at + 3] == "\r\n":
                cell, at = cell + "\r\n", at + 3
            else:
                cell, at = cell + following, at + 2
            if at >= len(text) and cell[-1:] in "\r\n":
                return None  # an escaped line break at the end: the row goes on, and there is nothing
            state = "plain" if state == "start" else state
            continue
        if state == "quoted":
            if here == '"' and following == '"':
                cell, at = cell + '"', at + 1
            elif here == '"':
                state = "closed"
            else:
                cell += here
        elif here == delimiter:
            cells.append(cell)
            cell, state = "", "start"
        elif here in "\r\n":
            at += 2 if text[at : at + 2] == "\r\n" else 1
            return [*cells, cell], at
        elif state == "closed":
            return None
        elif here == '"' and state == "start":
            state = "quoted"
        else:
            cell, state = cell + here, "plain"
        at += 1
    return None if state == "quoted" else ([*cells, cell], at)


def strict_rows(data: bytes, delimiter: str, *, escape: str = "unknown", header: bool = True) -> list[Found]:
    """All rows below the header, as wide as it is or at fault; where one is, the next begins with the line below."""
    body = data.removeprefix(b"\xef\xbb\xbf")
    blank = len(body) - len(body.lstrip(b"\r\n"))
    first = 1 + len(body[:blank].splitlines())
    body = body[blank:]
    lines = lines_of(body, returns=ends_with_returns(body))
    texts = [line.decode(errors="replace") for line in lines]
    at, width, names, found = 0, 0, 0, []
    while at < len(lines):
        read = row_of("".join(texts[at:]), delimiter, escape)
        taken, length = 1, len(texts[at])
        while read is not None and length < read[1]:
            length += len(texts[at + taken])
            taken += 1
        if read is not None and (length != read[1] or _suspicious(texts[at : at + taken], escape)):
            read = None  # it ended before its line did, at a line break of another kind
        bad = [i for i in range(at, at + (taken if read else 1)) if b"\0" in lines[i] or not _is_utf8(lines[i])]
        cells = None if read is None else [] if read[0] == [""] and texts[at][:1] in "\r\n" else read[0]
        if not found and header:  # columns at the end that have no name must be empty
            width, names = (
                len(cells or ()),
                max((i for i, cell in enumerate(cells or (), 1) if cell.strip()), default=0),
            )
        elif not found:
            width = names = len(cells or ())
        fault = cells is None or bool(bad) or len(cells) not in (0, width) or any(map(str.strip, cells[names:]))
        found.append(Found(first + (bad[0] if bad and read else at), None if fault or cells is None else cells[:names]))
        at += taken if read is not None else 1
    return found[1:] if header else found


def _suspicious(texts: list[str], escape: str) -> bool:
    return escape == "unknown" and len(texts) > 1 and '\\"' in "".join(texts)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
