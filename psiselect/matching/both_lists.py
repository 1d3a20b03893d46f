"""The lists of both parties on this machine, read side by side where both are files."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

from psi.agreement.modes import Side
from psi.agreement.terms import Terms
from psi.session.job import Job
from psiselect.base import threads
from psiselect.matching import files
from psiselect.matching.choices import ListChoice
from psiselect.matching.own_side import told
from psiselect.tables import AnyTable
from psiselect.talk import Talk

_LOOK_SECONDS = 0.1  # how often the caller may end the reading while only B's list is still read

Look = Callable[[], None]


class _Unwanted(BaseException):
    """Ends the reading of a list that nobody waits for."""


@contextlib.contextmanager
def both(here: ListChoice, there: ListChoice, terms: Terms, talk: Talk) -> Iterator[tuple[Job, Job]]:
    """A's list and B's, told of in this order. Raises InputError, A's fault first, and what the caller's look raises.

    Two files are read in two threads. Anything else is read one after the other: a program's relations and the
    connections of a database belong to one thread, and nothing could end a thread that waits for a pipe.
    """
    reading = _aside if _is_file(here.table) and _is_file(there.table) else _after
    with (
        reading(there, terms, talk.looking) as other,
        told(here.read(Side.CONNECT, terms, talk.looking), talk) as own,
        told(other(), talk) as peer,
    ):
        yield own, peer


@contextlib.contextmanager
def _after(there: ListChoice, terms: Terms, look: Look | None) -> Iterator[Callable[[], Job]]:
    """B's list is read when it is asked for."""
    yield lambda: there.read(Side.LISTEN, terms, look)


@contextlib.contextmanager
def _aside(there: ListChoice, terms: Terms, look: Look | None) -> Iterator[Callable[[], Job]]:
    """B's list is read from now on, in a thread that has ended when this is left."""
    unwanted = threading.Event()
    read: Future[Job] = Future()

    def check() -> None:
        if unwanted.is_set():
            raise _Unwanted

    def work() -> None:
        try:
            read.set_result(there.read(Side.LISTEN, terms, check))
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread, when it asks
            read.set_exception(error)

    def wait() -> Job:
        while not _done(read):
            if look is not None:
                look()
        return read.result()

    thread = threads.start(work, name="psiselect-b-list")
    try:
        yield wait
    except BaseException:
        unwanted.set()
        thread.join()
        if read.exception() is None:
            read.result().close()
        raise
    thread.join()


def _is_file(table: AnyTable) -> bool:
    """Whether it is a regular file that can be read at any time."""
    return table.file is not None and not table.in_database and files.is_there(table.file)


def _done(read: Future[Job]) -> bool:
    try:
        read.exception(_LOOK_SECONDS)
    except TimeoutError:
        return False
    return True
