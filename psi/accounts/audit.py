"""One party's own log of sessions: JSON lines in a file that only grows, 0600, one line a session.

A line is on disk when `append` returns. Writers lock the file, so that several processes may share it; a line that a
crash tore is taken off by the next writer, so that only whole lines remain. No identifiers: a line says who, when, on
which terms and how it ended (docs/policy.md, "Audit").
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from psiselect.base import strict_json
from psiselect.base.errors import InputError

FORMAT = "psiselect-1"
_START = b'{"audit":"psiselect-1",'
_MAX_LINE = 1 << 16


def check(path: Path) -> None:
    """Make the file if need be and see that it can be appended to, before a session relies on it. Raises
    InputError."""
    with _locked(path):
        pass


def append(path: Path, entry: dict[str, Any]) -> None:
    """Add one line, durably. Raises InputError when the file cannot be written or is not an audit file."""
    line = strict_json.encode({"audit": FORMAT, **entry}) + b"\n"
    if not line.startswith(_START) or len(line) > _MAX_LINE:
        raise RuntimeError("an audit entry's names sort after 'audit', and it is short")
    with _locked(path) as handle:
        before = os.fstat(handle).st_size
        try:
            written = os.write(handle, line)
            if written != len(line):
                raise InputError(f"the disk is full: no room for a line in the audit file {path}")
            os.fsync(handle)
        except BaseException:
            os.ftruncate(handle, before)
            raise


def holds(path: Path, transcript: bytes) -> bool:
    """Whether a session with this transcript is on file as done. Raises InputError."""
    wanted = b'"transcript":"%s"' % transcript.hex().encode()
    with _locked(path) as handle, os.fdopen(os.dup(handle), "rb") as file:
        file.seek(0)
        return any(wanted in line and b'"outcome":"done"' in line for line in file)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file, open for appending, ours alone, ending with a whole line."""
    try:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(path, flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            _drop_torn_line(handle, path)
            if os.fstat(handle).st_size == 0:
                _sync_folder(path)  # the file may be new
            yield handle
        finally:
            os.close(handle)
    except OSError as error:
        raise InputError(f"cannot append to the audit file {path}: {error.strerror}") from None


def _drop_torn_line(handle: int, path: Path) -> None:
    """A crash may leave the beginning of a line, which nobody was told was written; nothing else is ours to cut."""
    size = os.fstat(handle).st_size
    start = max(0, size - _MAX_LINE)
    tail = os.pread(handle, size - start, start)
    cut = tail.rfind(b"\n") + 1
    torn = tail[cut:]
    if not torn:
        return
    if (start and not cut) or not (torn.startswith(_START) or _START.startswith(torn)):
        raise InputError(f"{path} is not an audit file of psiselect; choose another name for --audit")
    os.ftruncate(handle, start + cut)


def _sync_folder(path: Path) -> None:
    folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
