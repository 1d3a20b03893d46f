"""One column of a CSV file as text, with line numbers; strict."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from psiselect.base.errors import InputError

MAX_LINE = 1 << 20


def read_column(path: Path, column: str | None) -> Iterator[tuple[int, str]]:
    """Line number and text of each row; with no column, the empty text. Blank lines are no rows.

    Raises InputError, naming file, line and what was expected.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from _rows(lines, path, column)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None


def _rows(lines: Iterator[str], path: Path, column: str | None) -> Iterator[tuple[int, str]]:
    reader = csv.reader(_capped(lines, path), strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise InputError(f"{path} is empty: expected a header with column names")
        if len(set(header)) != len(header):
            raise InputError(f"{path}, line 1: a column is named twice", line=1)
        if column is not None and column not in header:
            raise InputError(f"{path}, line 1: no column {column!r}; found {', '.join(header)[:200]}", line=1)
        at = header.index(column) if column is not None else None
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{path}, line {reader.line_num}: {len(cells)} fields, the header has {len(header)}",
                    line=reader.line_num,
                )
            yield reader.line_num, "" if at is None else cells[at]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}", line=reader.line_num) from None


def _capped(lines: Iterator[str], path: Path) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE or "\0" in line:
            raise InputError(f"{path}, line {number}: too long, or not text", line=number)
        yield line
