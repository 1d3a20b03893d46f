"""Outputs that appear whole or not at all.

A file has no name until it is complete and on disk, so a process that is killed leaves nothing behind. Then it gets its
name, or, where a file is replaced, a second name for the moment between `link` and `rename`. File systems without
nameless files get a named one beside the target. Such a leftover is removed by the next output for the same target,
unless a process still holds its lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from psiselect.base import durable, words

_MOST_LINKS = 40  # one after the other, as the system itself allows
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_NAMELESS = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


@contextlib.contextmanager
def replacing(target: Path, *, secret: bool = False, guarded: bool = False) -> Iterator[Path]:
    """Yield a path to write to; on success what was written is synced and gets the target's name, on any error it is
    gone.

    secret: always 0600. guarded: 0600 unless it replaces a file. Others get the usual mode under the umask. A replaced
    file keeps its mode, unless `secret`. Where the target is a link, the file that it leads to is replaced; a `secret`
    file replaces the link. Raises OutputError for what the system refuses, in the block too.
    """
    target = Path(target)
    with reported(target):
        target = target if secret else followed(target)
        _sweep(target)
        handle, part = _open(target)
        try:
            # Held until the file has its name: who sweeps leftovers spares those that a process holds.
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Path(f"/proc/self/fd/{handle}") if part is None else part
            os.fchmod(handle, _mode(target, secret=secret, guarded=guarded))
            with open(handle, "rb", closefd=False) as written:
                durable.sync_file(written)
            part = _name(handle, part, target)
            durable.sync_folder(target.parent)
        except BaseException:
            if part is not None:
                part.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)


@contextlib.contextmanager
def reported(target: str | os.PathLike[str]) -> Iterator[None]:
    """Raises OutputError, naming the target and what to do, for what the system refuses in the block."""
    try:
        yield
    except OSError as error:
        # Arrow puts a text of its own in the place of the system's.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise words.not_written(target, reason, _remedy(error.errno)) from None


def check(target: Path, *, secret: bool = False) -> None:
    """Raise OutputError now if `replacing` could not write there. Leaves nothing behind; how much room there is, is for
    `room`."""
    with reported(target):
        found = target if secret else followed(target)
        if found.is_dir():
            raise words.is_a_folder(target)
        if os.path.lexists(found) and not found.is_symlink() and not found.is_file():
            raise words.is_a_device(target)
        handle, part = _open(found)
        os.close(handle)
        if part is not None:
            part.unlink()


def room(target: Path) -> int:
    """Bytes that are free for this user where the target is. Raises OutputError."""
    with reported(target):
        free = os.statvfs(followed(target).parent)
        return free.f_bavail * free.f_frsize


def followed(target: Path) -> Path:
    """The file that a link leads to, or the target itself. Raises OutputError for a link that somebody else has laid in
    a folder that all may write to: its file could be anyone's. Raises OSError."""
    for _ in range(_MOST_LINKS):
        if not target.is_symlink():
            return target
        folder, link = target.parent.stat(), target.lstat()
        shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
        if shared and link.st_uid not in (os.geteuid(), folder.st_uid):
            raise words.link_of_another(target)
        target = target.parent / target.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def write_bytes(target: Path, content: bytes, *, secret: bool = False) -> None:
    """Write `content` to `target` atomically. Raises OutputError."""
    with replacing(target, secret=secret) as part:
        part.write_bytes(content)


def _remedy(number: int | None) -> str:
    if number in _FULL:
        return words.MAKE_ROOM
    return words.OTHER_FOLDER


def _open(target: Path) -> tuple[int, Path | None]:
    """A new file, 0600, and its name; None where it needs none."""
    if os.path.isdir("/proc/self/fd"):
        try:
            return os.open(target.parent, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600), None
        except OSError as error:
            if error.errno not in _NO_NAMELESS:
                raise
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    return handle, Path(name)


def _name(handle: int, part: Path | None, target: Path) -> Path | None:
    """Give a complete file the target's name; returns a name to remove if what follows fails, of which there is none
    once the target is replaced."""
    if part is None:
        try:
            _link(handle, target)
            return None
        except FileExistsError:
            # No other file of this file system has the number, so no other process has the name.
            part = target.with_name(f".{target.name}.{os.fstat(handle).st_ino}.part")
            _link(handle, part)
    try:
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return None


def _link(handle: int, name: Path) -> None:
    folder = os.open(name.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Python follows the link to the file only when it is given a folder's handle.
        os.link(f"/proc/self/fd/{handle}", name.name, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def _mode(target: Path, *, secret: bool, guarded: bool) -> int:
    if secret:
        return 0o600
    with contextlib.suppress(FileNotFoundError):
        return stat.S_IMODE(target.stat().st_mode)
    umask = os.umask(0o077)
    os.umask(umask)
    return 0o600 if guarded else 0o666 & ~umask


def _sweep(target: Path) -> None:
    """Remove what killed processes have left of outputs for the same target."""
    before, after = f".{target.name}.", ".part"
    for name in os.listdir(target.parent):
        if not (name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)):
            continue
        left = target.parent / name
        with contextlib.suppress(OSError):  # it is another user's, or gone, or in use
            handle = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(handle)
