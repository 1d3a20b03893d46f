"""Queries that run, and how a signal ends them.

Python handles a signal in the main thread, between two steps of Python code. A thread that waits for a database is in
neither: so the main thread leaves each query to a thread of its own, and waits for that in a way that a signal ends.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from psi.tables import words_remote
from psiselect.base import threads
from psiselect.base.errors import InputError, ResourceError

_CANCEL_SECONDS = 5.0  # for a server to take note
_LOOK_SECONDS = 0.5  # a signal that comes just before a thread begins to wait does not wake it

_T = TypeVar("_T")

_running: set[RunningQuery] = set()
_lock = threading.Lock()


class RunningQuery:
    """One query, which another thread may cancel."""

    def __init__(self) -> None:
        self._cursor: Any = None
        self._lock = threading.Lock()
        self.cancelled = False

    @contextlib.contextmanager
    def by(self, cursor: Any) -> Iterator[None]:
        """Meanwhile the query is the cursor's. Raises InputError when it was cancelled before."""
        with self._lock:
            if self.cancelled:
                raise _cancelled()
            self._cursor = cursor
        try:
            yield
        finally:
            with self._lock:  # not while it is being cancelled: the driver would use what is closed next
                self._cursor = None

    def cancel(self) -> bool:
        """Have the database end it; whether the database can. May wait for the network."""
        with self._lock:
            self.cancelled = True
            try:
                if self._cursor is not None:
                    self._cursor.adbc_cancel()
            except Exception:  # noqa: BLE001 - SQLite's driver has no such call: its queries end with the process
                return False
            return self._cursor is not None


def run(work: Callable[[RunningQuery], _T]) -> _T:
    """What `work` returns or raises. When a signal ends the wait for it, the query is cancelled. Raises InputError when
    `cancel_all` did so, ResourceError when the system grants no thread."""
    query = RunningQuery()
    with _lock:
        _running.add(query)
    try:
        if threading.current_thread() is threading.main_thread():
            return _in_background(work, query)
        return work(query)
    except InputError:
        if query.cancelled:
            raise _cancelled() from None
        raise
    finally:
        with _lock:
            _running.discard(query)


def cancel_all() -> None:
    """Cancel all queries of this process; returns at once."""
    with _lock:
        found = list(_running)
    for query in found:
        with contextlib.suppress(ResourceError):  # then the connection breaks when the process ends
            threads.start(query.cancel, name="psiselect-cancel")


def _in_background(work: Callable[[RunningQuery], _T], query: RunningQuery) -> _T:
    done: Future[_T] = Future()

    def play() -> None:
        try:
            done.set_result(work(query))
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            done.set_exception(error)

    try:
        threads.start(play, name="psiselect-query")
        while not wait([done], _LOOK_SECONDS).done:
            pass
        return done.result()
    except BaseException:
        if not done.done():
            _end(query, done)
        raise


def _end(query: RunningQuery, done: Future[Any]) -> None:
    """Cancel it, and wait a moment for its connection to close."""
    can: Future[bool] = Future()
    with contextlib.suppress(ResourceError):
        threads.start(lambda: can.set_result(query.cancel()), name="psiselect-cancel")
        if wait([can], _CANCEL_SECONDS).done and can.result():
            wait([done], _CANCEL_SECONDS)


def _cancelled() -> InputError:
    return words_remote.query_cancelled()
