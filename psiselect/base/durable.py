"""Files that a crash must not undo: when a call that writes returns, what it wrote is on disk.

A file's content and its name are two things, and each is synced on its own: `sync_file` for the content, `sync_folder`
for a name that appeared, changed or went. `AppendLog` is a file that only grows, `transaction` one step in a SQLite
file. Those two raise what the caller's `failed` makes of the reason, so that each error says what the file was for and
what to do; all others raise OSError. Not covered: file systems whose locks or syncs do not work.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, Self

from psiselect.base import words
from psiselect.base.errors import PsiselectError

Connection = sqlite3.Connection
Failed = Callable[[str], PsiselectError]  # takes the reason in a few words, makes the error to raise
Stamp = tuple[int, int, int, int]
_KEEP_SIZE = 1  # of fallocate(2)
_CANNOT_HOLD = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV)
_BUSY_SECONDS = 30.0  # how long a transaction waits for another process's write


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk: files that were made, renamed or removed there. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(file: BinaryIO) -> None:
    """Put the content of an open file on disk, with what its buffer holds. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def open_private(path: Path, flags: int = 0) -> int:
    """The handle of a file, open for reading and writing, made with mode 0600 if need be.

    `flags` are added to the usual ones. A symbolic link is not followed: else whoever may write to the folder could
    have another file written to. Raises OSError.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o600)


@functools.cache
def _fallocate() -> Callable[[int, int, int, int], int] | None:
    """The system's call, or None where it has none. Looked up once: each time, ctypes makes classes for it."""
    found = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if found is not None:
        found.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
    return found


def hold_room(handle: int, size: int) -> None:
    """Take room on the disk for so many bytes after the end of an open file, whose size stays.

    The room stays taken until it is written to, or until the file is cut. File systems that cannot do this are left as
    they are, and so is what is no file. Raises OSError when there is no room.
    """
    found, fallocate = os.fstat(handle), _fallocate()
    if not stat.S_ISREG(found.st_mode) or fallocate is None:
        return
    while fallocate(handle, _KEEP_SIZE, found.st_size, size) != 0:
        number = ctypes.get_errno()
        if number in _CANNOT_HOLD:
            return
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def create_private(path: Path) -> None:
    """Make an empty file, 0600, that must not exist yet. Raises FileExistsError, or OSError for any other reason."""
    os.close(open_private(path, os.O_EXCL))
    try:
        sync_folder(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)  # else the next attempt finds a file that nobody has
        raise


def remove(path: Path) -> None:
    """Remove a file, if there is one. Raises OSError."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def stamp(path: str | os.PathLike[str]) -> Stamp:
    """Device, inode, size in bytes and time of change in ns: differs when the file was replaced or written to.

    Raises OSError.
    """
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class AppendLog:
    """A file of lines that only grows, open and locked: whoever else opens it waits until this one is closed.

    It is 0600 from its creation. An entry is on disk when `append` returns. A crash may leave the beginning of an
    entry at the end of the file: `append` has not returned then, so whoever opens the file next cuts it off.
    """

    def __init__(
        self,
        path: Path,
        whole: Callable[[bytes], int | None],
        *,
        failed: Failed,
        foreign: str,
        title: bytes = b"",
        tail: int | None = None,
    ) -> None:
        """Open the file, or make it, wait for the lock, and cut off a torn entry.

        whole: takes the end of the file, without the title; returns how many of its bytes are whole entries, or None
        when this is no file of the caller's. Such a file stays as it is.
        failed: makes the error for what the system refuses.
        foreign: what InputError says when the file is not the caller's.
        title: what the file begins with.
        tail: how many bytes of the end `whole` takes at most; None for all.

        Raises InputError for another file, and what `failed` makes when the file cannot be opened or written.
        """
        self.path = path
        self._title = title
        self._failed = failed
        with self._reported():
            self._handle = open_private(path, os.O_APPEND)
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX)
                self._mend(whole, foreign, tail)
            except BaseException:
                os.close(self._handle)
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._handle)

    def append(self, entry: bytes) -> None:
        """Add one entry, which ends with a newline. When that fails, the file stays as it was."""
        with self._reported():
            self._write(entry)

    def hold(self, size: int) -> None:
        """Take room for entries of so many bytes in all, so that a later `append` does not find the disk full."""
        with self._reported():
            hold_room(self._handle, size)
            os.fsync(self._handle)

    def entries(self) -> Iterator[bytes]:
        """Every entry so far, oldest first, with its newline."""
        with self._reported(), os.fdopen(os.dup(self._handle), "rb") as file:
            file.seek(len(self._title))
            yield from file

    def _mend(self, whole: Callable[[bytes], int | None], foreign: str, tail: int | None) -> None:
        size, first = self._size(), len(self._title)
        head = os.pread(self._handle, first, 0)
        if size <= first and self._title.startswith(head):  # new, or torn when it was made
            self._write(self._title[size:])
            sync_folder(self.path.parent)
            return
        if head != self._title:
            raise words.not_ours(foreign)
        start = first if tail is None else max(first, size - tail)
        end = os.pread(self._handle, size - start, start)
        kept = whole(end)
        if kept is None:
            raise words.not_ours(foreign)
        if kept < len(end):
            os.ftruncate(self._handle, start + kept)

    def _write(self, content: bytes) -> None:
        before = self._size()
        try:
            if os.write(self._handle, content) != len(content):
                raise OSError(errno.ENOSPC, words.DISK_FULL)
            os.fsync(self._handle)
        except BaseException:
            with contextlib.suppress(OSError):  # then it is a torn entry, for the next to cut off
                os.ftruncate(self._handle, before)
            raise

    def _size(self) -> int:
        return os.fstat(self._handle).st_size

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            link = error.errno == errno.ELOOP
            reason = words.SYMBOLIC_LINK if link else error.strerror or str(error)
            raise self._failed(reason) from None


def whole_lines(start: bytes, longest: int) -> Callable[[bytes], int | None]:
    """What AppendLog asks about a file of lines that all begin with `start` and have at most `longest` bytes."""

    def whole(tail: bytes) -> int | None:
        end = tail.rfind(b"\n") + 1
        last, torn = tail[tail.rfind(b"\n", 0, max(0, end - 1)) + 1 : end], tail[end:]
        # After whole lines nothing is ours to cut but the beginning of a line.
        ours = len(torn) < longest and (torn.startswith(start) or start.startswith(torn))
        return end if ours and (not last or last.startswith(start)) else None

    return whole


@contextlib.contextmanager
def transaction(path: Path, begin: Literal["BEGIN", "BEGIN IMMEDIATE"], failed: Failed) -> Iterator[Connection]:
    """A connection to an existing SQLite file, in one transaction: on disk when the block ends, undone when it raises.

    begin: IMMEDIATE holds the write lock from the start, so that what the block reads stays true until it commits; a
    plain BEGIN sees one state of the file.

    synchronous is EXTRA: FULL, and the folder is synced after the journal was deleted; a journal that came back after
    a power cut would undo the transaction. The schema is not trusted: a file may come from anybody.

    Raises what `failed` makes of SQLite's reason: the file is missing, no database, damaged, or busy for 30 seconds.
    """
    uri = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with contextlib.closing(
            sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
    except sqlite3.Error as error:
        raise failed(str(error)) from None
