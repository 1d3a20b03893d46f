"""Files of JSON lines that only grow: the audit file and the results file."""

from __future__ import annotations

from pathlib import Path

from psi.accounts import words
from psiselect.base.durable import AppendLog, whole_lines

FORMAT = "psiselect-1"
MAX_LINE = 1 << 16


def opened(path: Path, field: str, option: str) -> AppendLog:
    """The file, made 0600 if need be, and locked. field: the first name in each of its lines, whose value is `FORMAT`.
    option: the one that names such a file. Raises OutputError when it cannot be written, InputError when it is
    something else."""
    return AppendLog(
        path,
        whole_lines(b'{"%s":"%s",' % (field.encode(), FORMAT.encode()), MAX_LINE),
        tail=2 * MAX_LINE,  # a whole line and a torn one behind it
        failed=lambda reason: words.line_not_written(path, option, reason),
        foreign=words.not_made_for(path, option),
    )
