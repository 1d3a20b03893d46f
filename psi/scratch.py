"""A private folder for what does not fit into memory: files 0600 in a folder 0700, gone when it is closed.

File names say what a file is for, never what is in it. A process that is killed leaves its folder behind; everything
in it belongs to that one session.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from psi.errors import InputError

T = TypeVar("T", bound=np.generic)


class Scratch:
    """A folder of its own under `parent`. Removed by `close`, or when the interpreter ends. Not thread-safe.

    bytes_written: what its files hold together. Raises InputError when the folder cannot be made.
    """

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self.bytes_written = 0
        with _reported(parent):
            self.folder = Path(tempfile.mkdtemp(prefix="psiselect-", dir=parent))
        self._files: list[ScratchFile] = []
        self._remove = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def file(self, name: str) -> ScratchFile:
        """A new, empty file."""
        with _reported(self._parent):
            made = ScratchFile(self, self.folder / f"{len(self._files)}-{name}")
        self._files.append(made)
        return made

    def close(self) -> None:
        """Close and remove everything. Safe to call twice."""
        for file in self._files:
            file.close()
        self._remove()


class ScratchFile:
    """Append-only, read at any place by explicit reads (mapped pages would count as the process's memory)."""

    def __init__(self, scratch: Scratch, path: Path) -> None:
        self._scratch = scratch
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._close = weakref.finalize(self, os.close, self._handle)
        self.size = 0

    def append(self, block: npt.NDArray[np.generic]) -> int:
        """Write an array's bytes at the end; returns where they begin. Raises InputError when the disk is full."""
        start = self.size
        view = memoryview(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)
        with _reported(self._scratch.folder.parent):
            while len(view):
                written = os.pwrite(self._handle, view, self.size)
                view = view[written:]
                self.size += written
                self._scratch.bytes_written += written
        return start

    def read(self, start: int, count: int, dtype: type[T]) -> npt.NDArray[T]:
        """`count` values of `dtype` from byte `start`, shape (count,)."""
        out = np.empty(count, dtype)
        view = memoryview(out.view(np.uint8).data)
        with _reported(self._scratch.folder.parent):
            while len(view):
                got = os.preadv(self._handle, [view], start)
                if not got:
                    raise OSError(0, "the file was cut short")
                view, start = view[got:], start + got
        return out

    def close(self) -> None:
        """Close the handle. Safe to call twice."""
        self._close()


@contextlib.contextmanager
def _reported(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"the working folder {folder} cannot be used: {error.strerror}; choose one that exists, can be written and "
            "has room",
            term="workdir",
        ) from None
