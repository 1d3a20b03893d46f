"""Files that tables are in: read as often as wanted, and each time the same."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, TypeVar

from psi.tables import words
from psiselect.base import working
from psiselect.base.durable import stamp
from psiselect.base.errors import InputError

STANDARD_INPUT = "-"
_BY_NUMBER = Path("/proc/self/fd")  # where there is one, each opening of a name there has a place of its own
_Answer = TypeVar("_Answer")


class TableFile:
    """A file that holds a table.

    path: where its bytes are. name: what errors call it. encoding: what its text was in before it came to be UTF-8,
    None where it is as it was. A pipe, or whatever else can be read only once, is copied
    into a file without a name where `copied` allows it. held: keep the file open, so that it can be read to the end
    after another one has taken its name; not for the many parts of a folder. Raises InputError when it cannot be read.
    """

    encoding: str | None = None
    is_nameless = False  # standard input

    def __init__(self, path: Path, *, copied: bool = False, folder: Path | None = None, held: bool = True) -> None:
        self.path = path
        self.name = str(path)
        self._copy: IO[bytes] | None = None
        if self.name == STANDARD_INPUT:
            self.is_nameless = True
            self.name, self.path, copied = "standard input", Path("/dev/stdin"), True
            path = self.path
        kind = self._ask(os.stat).st_mode
        if copied and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
            self._copy = _copy(path, self.name, folder)
            self.path = Path(f"/dev/fd/{self._copy.fileno()}")
        elif not stat.S_ISREG(kind):
            raise words.not_a_file(self.name)
        elif held and _BY_NUMBER.is_dir():
            handle = self._ask(_open)
            weakref.finalize(self, os.close, handle)
            self.path = _BY_NUMBER / str(handle)
        self._opened_as = self._ask(stamp)

    def open(self) -> BinaryIO:
        """Its bytes from the beginning; to be closed by the caller."""
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from None
        file.seek(0)  # /dev/fd may share its place with whoever read it before
        return file

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        with self.open() as file:
            try:
                return file.read(size)
            except OSError as error:
                raise self._unreadable(error) from None

    def check_unchanged(self) -> None:
        """Raise InputError when the file was written to since it was opened, or replaced where it is not held."""
        if self._ask(stamp) != self._opened_as:
            raise words.changed(self.name)

    def _ask(self, question: Callable[[Path], _Answer]) -> _Answer:
        try:
            return question(self.path)
        except FileNotFoundError:
            raise words.no_file(self.name) from None
        except OSError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: OSError) -> InputError:
        return words.unreadable(self.name, error.strerror)


class SpooledFile(TableFile):
    """A file that came from elsewhere, a piece at a time, in a file without a name.

    name: what errors call it; its ending counts. length: how many bytes there must be, None where that is not known.
    Raises InputError, before anything is fetched where that can be told, when the folder has no room, and when there
    are more or fewer bytes; what `pieces` raises.
    """

    def __init__(self, name: str, pieces: Iterator[bytes], length: int | None, folder: Path) -> None:
        self.name = name
        try:
            free = _room(folder)
            if length is not None and length > free:
                raise words.no_room(name, length, folder, free)
            copy = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as this
            size = 0
            for piece in pieces:
                size += len(piece)
                if length is not None and size > length:
                    break
                if size > free:
                    raise words.no_room(name, None, folder, free)
                copy.write(piece)
            copy.flush()
        except OSError as error:
            raise words.not_kept(name, folder, error.strerror) from None
        if length is not None and size != length:
            raise words.other_length(name, length)
        self._copy: IO[bytes] | None = copy
        self.path = Path(f"/dev/fd/{copy.fileno()}")
        self._opened_as = self._ask(stamp)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _room(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def beginning_at(file: TableFile, start: int) -> BinaryIO:
    """A file's bytes from `start` on, also where it cannot be sought in; to be closed by the caller."""
    opened = file.open()
    if opened.seekable():
        opened.seek(start)
    else:
        while start > 0 and (skipped := opened.read(start)):
            start -= len(skipped)
    return opened


def _copy(path: Path, name: str, folder: Path | None) -> IO[bytes]:
    """What can be read only once, in a file without a name: it goes with the process, however that ends."""
    folder = working.folder(folder)
    try:
        copy = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as the TableFile
        with path.open("rb") as once:
            shutil.copyfileobj(once, copy)
        copy.flush()
    except OSError as error:
        raise words.not_copied(name, error.strerror) from None
    return copy
