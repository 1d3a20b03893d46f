"""Threads: what is said when the system grants no more of them, and how long one may wait."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from psiselect.base import words
from psiselect.base.errors import PsiselectError, ResourceError

LONGEST_WAIT = 1_000_000  # seconds, 11 days; the system's calls that wait take up to 2^31 ms
# What Python's own RuntimeError says, and an error of Arrow, which is of no kind of its own.
_REFUSALS = ("can't start new thread", "Failed to launch worker thread")


@contextlib.contextmanager
def granted() -> Iterator[None]:
    """Put around what starts threads. Raises ResourceError when the system grants none."""
    try:
        yield
    except Exception as error:
        if isinstance(error, PsiselectError) or not any(words in str(error) for words in _REFUSALS):
            raise
        raise refused() from None


def available_cores() -> int:
    """Cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def refused() -> ResourceError:
    """What to say when a thread or a process could not be started."""
    return words.no_threads()


def start(target: Callable[..., object], *args: object, name: str) -> threading.Thread:
    """Start a thread that does not keep the process alive. Raises ResourceError when the system grants none."""
    thread = threading.Thread(target=target, args=args, name=name, daemon=True)
    with granted():
        thread.start()
    return thread


def pool(size: int, name: str) -> ThreadPoolExecutor:
    """A pool of `size` threads that all run already. So no later `submit` is refused a thread, which would leave its
    work in the queue, to run after the caller has given up. Raises ResourceError."""
    made = ThreadPoolExecutor(size, thread_name_prefix=name)
    all_run = threading.Event()
    try:
        with granted():
            for _ in range(size):
                made.submit(all_run.wait)
    except ResourceError:
        all_run.set()
        made.shutdown(wait=True, cancel_futures=True)
        raise
    all_run.set()
    return made


def require(count: int) -> None:
    """See that the system grants so many threads more. Raises ResourceError. Libraries written in C++ may hang or abort
    the process where they get none."""
    pool(count, "psiselect-probe").shutdown(wait=True)
