"""Where log lines go, without ever holding up whoever logs.

Threads that serve put their lines into a bounded queue, which takes no time. One thread of its own writes them, to
stderr or to a file, and only that thread waits for a stalled reader or a slow disk. Lines for which the queue has no
room, and lines that cannot be written, are counted. Their number is the first line when writing works again.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import logging.handlers
import os
import queue
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from cli.psi import words
from psiselect.base import threads

MOST_LINES = 1000  # that wait to be written
_STDERR = 2


class Sink(Protocol):
    """Takes lines. Used by one thread. name: for people, empty where a failure cannot be said."""

    name: str

    def write(self, data: bytes) -> None:
        """Write all of it; may wait. Raises OSError."""
        ...


class Stderr:
    """The process's stderr, below Python's own buffer: a thread that waits in that holds its lock, and a process cannot
    end in order without it."""

    name = ""

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        while data:
            data = data[os.write(_STDERR, data) :]


class LogFile:
    """Appends to a file, 0600 from creation. It is opened anew for the next line when it was renamed (log rotation),
    when its folder was gone, and after a line that could not be written."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._handle: int | None = None
        self._torn = False  # the last line is not whole

    def open(self) -> int:
        """The handle of the right file. Raises OSError."""
        if self._handle is not None and not self._is_current(self._handle):
            self.close()
        if self._handle is None:
            # Without O_NONBLOCK a pipe that nobody reads would hold up the start of the command.
            waits = os.O_NONBLOCK | os.O_NOCTTY
            self._handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | waits, 0o600)
            os.set_blocking(self._handle, True)
        return self._handle

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        handle = self.open()
        left = b"\n" + data if self._torn else data
        try:
            while left:
                written = os.write(handle, left)
                self._torn = left[written - 1 : written] != b"\n"
                left = left[written:]
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """The next line opens it again. Safe to call twice."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.close(self._handle)
            self._handle = None

    def _is_current(self, handle: int) -> bool:
        try:
            here, there = os.fstat(handle), os.stat(self._path)
        except OSError:
            return False
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def notice(text: str) -> None:
    """One line on stderr, unless that would wait or fails."""
    with contextlib.suppress(OSError):
        poll = select.poll()
        poll.register(_STDERR, select.POLLOUT)
        if poll.poll(0) == [(_STDERR, select.POLLOUT)]:
            os.write(_STDERR, f"{text}\n".encode())


class LogWriter:
    """A handler for a logger, and the thread behind it. Nothing that is logged waits for the sink or raises.

    lost_line: the line that says how many lines were lost. Raises ResourceError when the system grants no thread.
    """

    def __init__(self, sink: Sink, lost_line: Callable[[int], str]) -> None:
        lines: queue.Queue[Any] = queue.Queue(MOST_LINES)
        lost = _Count()
        self.handler = _Enqueuing(lines, lost)
        self._writing = _Writing(lines, _ToSink(sink, lost, lost_line))
        with threads.granted():
            self._writing.start()

    def close(self, seconds: float) -> None:
        """Wait until all lines are written, for so long at most. Later lines are lost."""
        self._writing.end(seconds)


class _Count:
    """A number that several threads add to."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    def add(self, more: int = 1) -> None:
        with self._lock:
            self._count += more

    def take(self) -> int:
        with self._lock:
            count, self._count = self._count, 0
        return count


class _Enqueuing(logging.handlers.QueueHandler):
    """In the threads that log: the record becomes its line, which goes into the queue or is counted as lost."""

    def __init__(self, lines: queue.Queue[Any], lost: _Count) -> None:
        super().__init__(lines)
        self._lost = lost

    def handle(self, record: logging.LogRecord) -> bool:
        """Raises nothing."""
        try:
            return bool(super().handle(record))
        except Exception:  # noqa: BLE001 - a log line must not end the thread that logs
            self._lost.add()
            return False

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """The record with its whole line as the message."""
        made = copy.copy(record)
        made.msg, made.args, made.exc_info = self.format(record), None, None
        return made

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in `logging`
        """The queue is full, or the line could not be made. Python's own writes to stderr, which may wait."""
        self._lost.add()


class _Writing(logging.handlers.QueueListener):
    """The thread that writes."""

    def end(self, seconds: float) -> None:
        """See `LogWriter.close`. Python's own waits for ever."""
        deadline = time.monotonic() + seconds
        thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(queue.Full):
                self.queue.put(self._sentinel, timeout=seconds)  # type: ignore[attr-defined]
                thread.join(max(0.0, deadline - time.monotonic()))


class _ToSink(logging.Handler):
    """In the thread that writes."""

    def __init__(self, sink: Sink, lost: _Count, lost_line: Callable[[int], str]) -> None:
        super().__init__()
        self._sink = sink
        self._lost = lost
        self._lost_line = lost_line
        self._failing = False

    def handle(self, record: logging.LogRecord) -> bool:
        """As `logging` has it, without the lock: Python takes the lock of every handler when it ends, and this thread
        may be waiting for a reader."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Raises nothing."""
        lost = self._lost.take()
        try:
            if lost:
                self._write(self._lost_line(lost))
                lost = 0
            self._write(record.getMessage())
        except Exception as error:  # noqa: BLE001 - the thread has to go on
            self._lost.add(lost + 1)
            if not self._failing and self._sink.name:
                why = error.strerror if isinstance(error, OSError) else type(error).__name__
                notice(words.log_fails(self._sink.name, why))
            self._failing = True
        else:
            if self._failing and self._sink.name:
                notice(words.log_works(self._sink.name))
            self._failing = False

    def _write(self, line: str) -> None:
        self._sink.write(line.encode("ascii") + b"\n")
