"""One party's own log of sessions: JSON lines in a file that only grows, 0600, one line per session.

A line is on disk when `append` returns. Writers lock the file, so that several processes may share it; a line that a
crash tore is taken off by the next writer, so that only whole lines remain. No identifiers: a line says who, when, on
which terms and how it ended (docs/policy.md, "Audit").
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psiselect.base import strict_json
from psiselect.base.durable import AppendLog, whole_lines
from psiselect.base.errors import OutputError

FORMAT = "psiselect-1"
_START = b'{"audit":"psiselect-1",'
_MAX_LINE = 1 << 16


def check(path: Path) -> None:
    """Make the file if need be, see that it can be appended to, and take room for a line, before a session relies on
    it. Raises InputError."""
    with _opened(path) as log:
        log.hold(_MAX_LINE)


def append(path: Path, entry: dict[str, Any]) -> None:
    """Add one line, durably. Raises InputError when the file is not an audit file, OutputError when it
    cannot be written."""
    line = strict_json.encode({"audit": FORMAT, **entry}) + b"\n"
    if not line.startswith(_START) or len(line) > _MAX_LINE:
        raise RuntimeError("an audit entry's names sort after 'audit', and it is short")
    with _opened(path) as log:
        log.append(line)


def holds(path: Path, transcript: bytes) -> bool:
    """Whether a session with this transcript is on file as done. Raises InputError."""
    wanted = b'"transcript":"%s"' % transcript.hex().encode()
    with _opened(path) as log:
        return any(wanted in line and b'"outcome":"done"' in line for line in log.entries())


def _opened(path: Path) -> AppendLog:
    return AppendLog(
        path,
        whole_lines(_START, _MAX_LINE),
        tail=2 * _MAX_LINE,  # a whole line and a torn one behind it
        failed=lambda reason: OutputError(
            f"cannot append to the audit file {path}: {reason}; make room, or name another file with --audit"
        ),
        foreign=f"{path} is not an audit file of psiselect; choose another name for --audit",
    )
