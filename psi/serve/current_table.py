"""The table that sessions to come are run with, when the file behind it may be replaced between them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from psi.session.job import Job
from psiselect.base import durable
from psiselect.base.durable import Stamp
from psiselect.base.errors import PsiselectError

_FIRST_RETRY_SECONDS = 5.0  # then twice as long after each failure, up to:
_LAST_RETRY_SECONDS = 60.0


def stamp_of(path: str | os.PathLike[str]) -> Stamp | None:
    """The file's stamp. None when there is no such file (a database, for one), or it is a folder, whose stamp says
    nothing of its files: nobody can tell then whether the table is what it was."""
    if os.path.isdir(path):
        return None
    try:
        return durable.stamp(path)
    except (OSError, ValueError):
        return None


@dataclass(slots=True, eq=False)
class _Edition:
    job: Job
    stamp: Stamp | None
    users: int = 1  # the table itself is one of them
    closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)


class CurrentTable:
    """Reads a table once, and again when its file is another one. Sessions that run keep the edition they began with,
    which is closed when the last of them is over. Thread-safe; close it at the end.

    read: reads the table as it is now; raises InputError. While the table cannot be read there is none: there is no
    going back to an older one. clock: seconds, as of `time.monotonic`.
    readable: whether it could be read when that was last tried.
    """

    def __init__(
        self, path: str | os.PathLike[str], read: Callable[[], Job], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._read = read
        self._clock = clock
        self._read_at: float | None = None
        self._retry_at: float | None = None  # while it is unreadable
        self._retry_seconds = _FIRST_RETRY_SECONDS
        self._current: _Edition | None = None
        self._lock = threading.Lock()  # held for moments, unlike:
        self._reading = threading.Lock()
        self._last_look: Stamp | None = None
        self.readable = True

    @contextlib.contextmanager
    def lease(self) -> Iterator[Job]:
        """The table as it is now, for one session. Raises what `read` raises."""
        edition = self._take()
        try:
            yield edition.job
        finally:
            self._give_back(edition)

    @property
    def age(self) -> float | None:
        """Seconds since it was last read; None if it never was."""
        return None if self._read_at is None else self._clock() - self._read_at

    def look(self) -> bool:
        """Whether to `refresh` now, before a peer comes, so that it need not wait. Call it now and then.

        That is so when the file is a new one and has settled: it is the same as when this was last called. A file that
        is gone is looked for once, so that it shows. A table that could not be read, such as one of a database that was
        down, is tried again after a while, so that nobody has to call first.
        """
        return self._file_is_new() or self._retry_is_due()

    def _retry_is_due(self) -> bool:
        with self._lock:
            if self._retry_at is None or self._clock() < self._retry_at:
                return False
            self._retry_at = self._clock() + self._retry_seconds
            return True

    def _file_is_new(self) -> bool:
        last, self._last_look = self._last_look, stamp_of(self._path)
        with self._lock:
            known = None if self._current is None else self._current.stamp
        return self._last_look == last and self._last_look != known

    def refresh(self) -> None:
        """Read the table if the file is a new one. Raises what `read` raises."""
        with self.lease():
            pass

    def close(self) -> None:
        """Close what no session uses. Safe to call twice."""
        self._let_go()

    def _take(self) -> _Edition:
        with self._reading:  # whoever comes while the table is read waits for that
            stamp = stamp_of(self._path)
            with self._lock:
                edition = self._current
                if edition is not None and stamp is not None and edition.stamp == stamp:
                    edition.users += 1
                    return edition
            self._let_go()
            try:
                job = self._read()
            except PsiselectError:
                self._failed()
                # A file that stays as unreadable as it is need not be tried again before a peer comes.
                self._last_look = None
                raise
            self._succeeded()
            edition = _Edition(job, stamp, users=2)
            edition.closing.enter_context(job)
            with self._lock:
                self._current = edition
            return edition

    def _failed(self) -> None:
        with self._lock:
            self.readable = False
            self._retry_at = self._clock() + self._retry_seconds
            self._retry_seconds = min(_LAST_RETRY_SECONDS, 2 * self._retry_seconds)

    def _succeeded(self) -> None:
        with self._lock:
            self.readable = True
            self._read_at = self._clock()
            self._retry_at, self._retry_seconds = None, _FIRST_RETRY_SECONDS

    def _let_go(self) -> None:
        with self._lock:
            edition, self._current = self._current, None
        if edition is not None:
            self._give_back(edition)

    def _give_back(self, edition: _Edition) -> None:
        with self._lock:
            edition.users -= 1
            last = edition.users == 0
        if last:
            edition.closing.close()
