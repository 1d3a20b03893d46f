"""The results of a listener that keeps running: JSON lines in a file that only grows, 0600, one line per session.

Room for the lines is taken before a session begins, so that the disk cannot be full when its result is known. What is
taken has one size, whatever the session finds. A line is on disk when `append` returns. Several processes may share
the file; a line that a crash tore is taken off by the next writer. A file that was renamed is made anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from psi.accounts.line_file import FORMAT, MAX_LINE, opened

_FIELD, _OPTION = "result", "results"


def hold(path: Path, sessions: int) -> None:
    """Make the file if need be, and take room for the results of so many sessions. Raises OutputError when there is
    none, or when the file cannot be written; InputError when it is another program's file."""
    with opened(path, _FIELD, _OPTION) as log:
        log.hold(sessions * MAX_LINE)


def append(path: Path, entry: dict[str, Any]) -> None:
    """Add one line, durably. entry: plain values, as JSON has them. Raises OutputError, InputError."""
    line = _encoded(entry)
    if len(line) > MAX_LINE:  # how rows became keys is the only part that grows, with the keys
        line = _encoded({**entry, "input": None})
    with opened(path, _FIELD, _OPTION) as log:
        log.append(line)


def _encoded(entry: dict[str, Any]) -> bytes:
    return json.dumps({_FIELD: FORMAT, **entry}, allow_nan=False, separators=(",", ":")).encode() + b"\n"
