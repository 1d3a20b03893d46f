"""A signal ends the wait for a query, and the query where the database can."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from support.clocks import until

from psi.tables import queries
from psi.tables.queries import RunningQuery
from psiselect.base.errors import InputError, ResourceError


class Cursor:
    """A query that takes until it is cancelled."""

    def __init__(self, *, can: bool = True) -> None:
        self.begun = threading.Event()
        self.ends = threading.Event()
        self.can = can

    def wait(self, query: RunningQuery) -> str:
        with query.by(self):
            self.begun.set()
            assert self.ends.wait(60)
        if query.cancelled:
            raise InputError("what the driver says")
        return "rows"

    def adbc_cancel(self) -> None:
        if not self.can:
            raise NotImplementedError
        self.ends.set()


def interrupt_when(begun: threading.Event) -> None:
    assert begun.wait(60)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("can", [True, False])
def test_a_signal_ends_the_wait_and_the_query(can: bool) -> None:
    """A database that cannot cancel is left alone: its query ends with the process."""
    cursor = Cursor(can=can)
    signalling = threading.Thread(target=interrupt_when, args=(cursor.begun,), daemon=True)
    signalling.start()
    with pytest.raises(KeyboardInterrupt):
        queries.run(cursor.wait)
    signalling.join()
    assert cursor.ends.wait(60) if can else not cursor.ends.is_set()  # on a busy machine it may take a while
    cursor.ends.set()
    assert not queries._running


def test_a_signal_that_wakes_nobody_ends_the_wait_too() -> None:
    """It came between two steps of the main thread: after the last look at signals, before the sleep. Here it is
    handled by another thread, which is the same to the sleeper."""
    cursor = Cursor()
    signalling = threading.Thread(target=interrupt_when, args=(cursor.begun,), daemon=True)
    signalling.start()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with pytest.raises(KeyboardInterrupt):
            queries.run(cursor.wait)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert cursor.ends.is_set()


def test_what_a_query_returns_or_raises_comes_through() -> None:
    assert queries.run(lambda query: 7) == 7
    with pytest.raises(InputError, match="no such table"):
        queries.run(lambda query: (_ for _ in ()).throw(InputError("no such table")))


def test_a_listener_that_stops_cancels_the_queries_of_its_sessions() -> None:
    cursors = [Cursor(), Cursor()]
    errors: list[str] = []

    def session(cursor: Cursor) -> None:
        try:
            queries.run(cursor.wait)
        except InputError as error:
            errors.append(str(error))

    sessions = [threading.Thread(target=session, args=(cursor,), daemon=True) for cursor in cursors]
    for thread in sessions:
        thread.start()
    for cursor in cursors:
        assert cursor.begun.wait(60)
    queries.cancel_all()
    for thread in sessions:
        thread.join(60)
    assert errors == ["`psiselect psi serve` is stopping, so it cancelled the query in the database"] * 2


def test_a_query_that_was_cancelled_before_it_began_does_not_begin() -> None:
    query = RunningQuery()
    assert query.cancel() is False
    with pytest.raises(InputError, match="cancelled"), query.by(Cursor()):
        raise AssertionError("it began")


def test_a_query_is_not_closed_while_it_is_being_cancelled() -> None:
    query, inside, goes_on, closed = RunningQuery(), threading.Event(), threading.Event(), threading.Event()

    class Slow:
        def adbc_cancel(self) -> None:
            inside.set()
            assert goes_on.wait(60)
            assert not closed.is_set()

    def session() -> None:
        with query.by(Slow()):
            assert inside.wait(60)
        closed.set()

    running = threading.Thread(target=session)
    running.start()
    until(lambda: query._cursor is not None)
    cancelling = threading.Thread(target=query.cancel)
    cancelling.start()
    assert inside.wait(60)
    assert not closed.wait(0.05)
    goes_on.set()
    for thread in (running, cancelling):
        thread.join(60)
    assert closed.is_set()


def test_no_thread_for_a_query_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    with pytest.raises(ResourceError, match="any more threads"):
        queries.run(lambda query: 7)
    assert not queries._running
