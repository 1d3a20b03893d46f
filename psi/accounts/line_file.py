"""Files of JSON lines that only grow: the audit file and the results file."""

from __future__ import annotations

from pathlib import Path

from psiselect.base.durable import AppendLog, whole_lines
from psiselect.base.errors import OutputError

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
        failed=lambda reason: OutputError(
            f"cannot write the {option} file {path}: {reason}; make room, or name another file with --{option}"
        ),
        foreign=f"{path} is not a file that psiselect made for --{option}; choose another name",
    )
