"""Private files for what does not fit into memory: 0600, and without a name from the moment they are open.

So nothing is left behind, however the process ends: the system frees the space of a file that nobody has open. A
file's former name says what it is for, never what is in it; `lsof +L1` shows it, with its size, while it is open.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from psi.store import words
from psiselect.base import words as of_files
from psiselect.base.packed import U8

T = TypeVar("T", bound=np.generic)


class Scratch:
    """Files in the folder `parent`, and what they take. Thread-safe; each of its files is for one thread at a time,
    except that any number may read.

    bytes_on_disk: what its files hold now. peak_bytes: the most they held. Both exclude what is in memory.
    """

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self.bytes_on_disk = 0
        self.peak_bytes = 0
        self._files: set[ScratchFile] = set()
        self._lock = threading.Lock()

    def file(self, name: str, memory: int = 0) -> ScratchFile:
        """A new, empty file; its first `memory` bytes stay in memory as long as there are no more."""
        made = ScratchFile(self, name, memory)
        with self._lock:
            self._files.add(made)
        return made

    def open(self, name: str) -> int:
        """The handle of a new file, which goes with it. Raises InputError when the folder cannot be used."""
        with _reported(self.parent):
            handle, path = tempfile.mkstemp(prefix=f"psiselect-{name}-", dir=self.parent)
            try:
                os.unlink(path)
            except BaseException:
                os.close(handle)
                raise
            return handle

    def count(self, grown: int) -> None:
        """Account for bytes written, or (negative) given up."""
        with self._lock:
            self.bytes_on_disk += grown
            self.peak_bytes = max(self.peak_bytes, self.bytes_on_disk)

    def forget(self, file: ScratchFile) -> None:
        """A file was closed."""
        with self._lock:
            self._files.discard(file)

    def close(self) -> None:
        """Close all files. Safe to call twice."""
        with self._lock:
            files = list(self._files)
        for file in files:
            file.close()


class ScratchFile:
    """Append-only bytes, read at any place: in memory up to `memory` bytes, then all of them on disk.

    Read by explicit reads, since mapped pages would count as the process's memory.
    """

    def __init__(self, scratch: Scratch, name: str, memory: int) -> None:
        self._scratch, self._name, self._memory = scratch, name, memory
        self._pending = bytearray()
        self._handle = -1
        self._close: Callable[[], object] = _nothing
        self.size = 0

    @property
    def in_memory(self) -> bool:
        """Whether nothing of it is on disk."""
        return self._handle < 0

    def append(self, block: npt.NDArray[np.generic]) -> int:
        """Write an array's bytes at the end; returns where they begin. Raises InputError when the disk is full."""
        start = self.size
        view = np.ascontiguousarray(block).reshape(-1).view(np.uint8).data
        self.size += len(view)
        if self.in_memory and self.size <= self._memory:
            self._pending += view
        else:
            if self.in_memory:
                self._handle = self._scratch.open(self._name)
                self._close = weakref.finalize(self, os.close, self._handle)
                self._write(memoryview(self._pending), 0)
                self._pending = bytearray()
            self._write(view, start)
        return start

    def read(self, start: int, count: int, dtype: type[T]) -> npt.NDArray[T]:
        """`count` values of `dtype` from byte `start`, shape (count,), a copy."""
        if self.in_memory:
            return np.frombuffer(self._pending, dtype, count, start).copy()
        out = np.empty(count, dtype)
        view = out.view(np.uint8).data
        with _reported(self._scratch.parent):
            while len(view):
                got = os.preadv(self._handle, [view], start)
                if not got:
                    raise OSError(0, words.CUT_SHORT)
                view, start = view[got:], start + got
        return out

    def take_memory(self) -> U8:
        """All bytes without a copy, of a file that is in memory; nothing may be appended to it any more."""
        return np.frombuffer(self._pending, np.uint8)

    def close(self) -> None:
        """Forget the bytes, on disk too. Safe to call twice."""
        self._pending = bytearray()
        if not self.in_memory:
            self._close()
            self._scratch.count(-self.size)
            self._handle = -1
        self.size = 0
        self._scratch.forget(self)

    def _write(self, view: memoryview, start: int) -> None:
        self._scratch.count(len(view))
        with _reported(self._scratch.parent):
            while len(view):
                written = os.pwrite(self._handle, view, start)
                view, start = view[written:], start + written


def _nothing() -> None:
    """What closing a file that was never opened does."""


@contextlib.contextmanager
def _reported(folder: Path) -> Iterator[None]:
    """Raises InputError, naming the folder, for what the system refuses."""
    try:
        yield
    except OSError as error:
        raise of_files.unusable_folder(folder, error.strerror) from None
