"""What Arrow's threads hold of Python's, and how a reader waits until they hold nothing any more.

A thread of Arrow's that lets go of a Python object asks Python first. If the process ends at that moment, Python ends
the thread, and C++ aborts the whole process: exit code 134 after all work was done.
"""

from __future__ import annotations

import contextlib
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator

import pyarrow as pa

_PAUSE = 0.001  # seconds
_PAUSES = 5_000  # then reading ends all the same


class _Lent:
    """A stream for Arrow. blocks: what it handed out and is still held. No Python code runs when one of them goes, so
    the thread that lets it go needs Python no second time."""

    closed = False

    def __init__(self, read: Callable[[int], bytes], blocks: list[weakref.ref[memoryview]]) -> None:
        self._read = read
        self._blocks = blocks

    def read(self, size: int) -> memoryview:
        block = memoryview(self._read(size))
        self._blocks[:] = [each for each in self._blocks if each() is not None]
        self._blocks.append(weakref.ref(block))
        return block

    def close(self) -> None:
        """Arrow calls this; whoever opened the file closes it."""


@contextlib.contextmanager
def lent(read: Callable[[int], bytes]) -> Iterator[list[pa.NativeFile]]:
    """Yield a list with one stream for Arrow, which the caller takes out of it. At the end wait until Arrow's threads
    hold neither the stream nor its blocks; by then the caller must have let go of the stream and its reader."""
    blocks: list[weakref.ref[memoryview]] = []
    stream = _Lent(read, blocks)
    alive = weakref.ref(stream)
    handed = [pa.PythonFile(stream, mode="r")]
    del stream
    try:
        yield handed
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # an error that the stream raised holds it
        raise
    finally:
        handed.clear()
        pause = threading.Event()
        for _ in range(_PAUSES):
            if alive() is None and not any(block() is not None for block in blocks):
                break
            pause.wait(_PAUSE)
