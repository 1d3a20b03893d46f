"""A terminal of a given width with the program in it: what a person sees on the screen, as text."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO

import pyte

from support.processes import Process

_ROWS = 60
_POLL_SECONDS = 0.01
_LONGEST_SECONDS = 60.0


class Terminal:
    """The program in a terminal. raw: all that it has written."""

    def __init__(self, columns: int, *arguments: object, stdout: IO[str] | None = None) -> None:
        self.raw = b""
        self._screen = pyte.Screen(columns, _ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
        self.process = Process(*arguments, terminal=theirs, stdout=stdout)
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # how Linux says that the program has left the terminal
            while data := os.read(self._ours, 1 << 16):
                with self._lock:
                    self.raw += data
                    self._stream.feed(data)

    @property
    def lines(self) -> list[str]:
        """The screen, without what is empty at its end."""
        with self._lock:
            shown = [line.rstrip() for line in self._screen.display]
        return shown[: max((n for n, line in enumerate(shown, start=1) if line), default=0)]

    def wait_for(self, found: Callable[[list[str]], bool]) -> list[str]:
        """The screen as soon as it is so."""
        until = time.monotonic() + _LONGEST_SECONDS
        while not found(lines := self.lines):
            assert time.monotonic() < until, lines
            time.sleep(_POLL_SECONDS)
        return lines

    def ended(self) -> tuple[int, list[str]]:
        """The exit code and the last screen, once the program has ended."""
        code = self.process.wait(_LONGEST_SECONDS)
        self._reader.join(_LONGEST_SECONDS)
        return code, self.lines

    def close(self) -> None:
        self.process.kill()
        self.process.wait(_LONGEST_SECONDS)
        self._reader.join(_LONGEST_SECONDS)
        os.close(self._ours)


@contextlib.contextmanager
def terminal(columns: int, *arguments: object, stdout: IO[str] | None = None) -> Iterator[Terminal]:
    """stdout: where results go instead of the terminal."""
    made = Terminal(columns, *arguments, stdout=stdout)
    try:
        yield made
    finally:
        made.close()
