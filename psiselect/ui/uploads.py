"""Files that a form has sent: 0600, without a name where the system can do that, and gone with their task."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

_BY_NUMBER = Path("/proc/self/fd")
_BLOCK = 1 << 20


class NoRoomError(Exception):
    """The disk has no room for what a form sends."""


def is_full(error: OSError) -> bool:
    """Whether this says that there is no room left."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def room() -> int:
    """Bytes that files which a form sends may still take."""
    return shutil.disk_usage(tempfile.gettempdir()).free


def place() -> str:
    """The folder where they are."""
    return tempfile.gettempdir()


@dataclass(eq=False)
class Upload:
    """One file.

    Attributes:
        called: its name on the person's disk, to be shown; no path is made of it.
        path: where it is read.
        kind: of table by its ending, such as "xlsx"; None where the content shows what it is.
        form: the same, but "csv" and "txt" are said too; for readers that need to know.
        size: in bytes.
    """

    called: str
    path: Path
    kind: str | None
    form: str
    size: int
    _held: IO[bytes] = field(repr=False)

    def close(self) -> None:
        """Let it go; the system frees its room."""
        self._held.close()
        if self.path.parent != _BY_NUMBER:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)


def first_bytes(upload: Upload, most: int) -> bytes:
    """The beginning of a file, up to so many bytes."""
    with upload.path.open("rb") as file:
        return file.read(most)


def keep(sent: IO[bytes], name: str | None) -> Upload:
    """Take over what was sent, of which `name` only serves to be shown and for its ending.

    sent: an open file; it may be in memory, and may be closed afterwards. What is on disk without a name already is not
    copied. Raises OSError when there is no room.
    """
    from psi.tables.reading import Kind, kind_by_ending  # here, so that the first page comes quickly

    called = PurePosixPath((name or "").replace("\\", "/")).name[:200] or "file"
    found = kind_by_ending(called)
    kind = None if found is None or found in (Kind.CSV, Kind.TXT) else found.value
    form = kind or (Kind.TXT if found is Kind.TXT else Kind.CSV).value
    nameless = _BY_NUMBER.is_dir()
    taken = _taken_over(sent) if nameless else None
    held: Any = taken or (tempfile.TemporaryFile() if nameless else tempfile.NamedTemporaryFile(delete=False))  # noqa: SIM115
    try:
        if taken is None:
            sent.seek(0)
            shutil.copyfileobj(sent, held, _BLOCK)
            held.flush()
        path = _BY_NUMBER / str(held.fileno()) if nameless else Path(held.name)
        return Upload(called, path, kind, form, os.fstat(held.fileno()).st_size, held)
    except BaseException:
        held.close()
        raise


def _taken_over(sent: IO[bytes]) -> IO[bytes] | None:
    """The same open file under another number, so that it outlives the form; None where it is of another kind, or
    has a name."""
    if not isinstance(sent, tempfile.SpooledTemporaryFile):
        return None
    number = sent.fileno()  # moves it from memory to disk
    sent.flush()
    return os.fdopen(os.dup(number), "rb") if os.fstat(number).st_nlink == 0 else None
