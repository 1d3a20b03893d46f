"""One party's own log of sessions: JSON lines in a file that only grows, 0600, one line per session.

A line is on disk when `append` returns. Writers lock the file, so that several processes may share it; a line that a
crash tore is taken off by the next writer, so that only whole lines remain. No identifiers: a line says who, when, on
which terms and how it ended (docs/policy.md, "Audit").
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psi.accounts.line_file import FORMAT, MAX_LINE, opened
from psiselect.base import strict_json

_AUDIT = "audit"  # the first name in each line, and the option


def check(path: Path) -> None:
    """Make the file if need be, see that it can be appended to, and take room for a line, before a session relies on
    it. Raises InputError."""
    with opened(path, _AUDIT, _AUDIT) as log:
        log.hold(MAX_LINE)


def append(path: Path, entry: dict[str, Any]) -> None:
    """Add one line, durably. Raises InputError when the file is not an audit file, OutputError when it
    cannot be written."""
    line = strict_json.encode({_AUDIT: FORMAT, **entry}) + b"\n"
    if min(entry) < _AUDIT or len(line) > MAX_LINE:
        raise RuntimeError("an audit entry's names sort after 'audit', and it is short")
    with opened(path, _AUDIT, _AUDIT) as log:
        log.append(line)


def holds(path: Path, transcript: bytes) -> bool:
    """Whether a session with this transcript is on file as done. Raises InputError."""
    wanted = b'"transcript":"%s"' % transcript.hex().encode()
    with opened(path, _AUDIT, _AUDIT) as log:
        return any(wanted in line and b'"outcome":"done"' in line for line in log.entries())
