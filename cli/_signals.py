"""What signals do to a command: one rule for all.

SIGTERM, SIGHUP and SIGINT (Ctrl-C) end it in order: an exception in the main thread, so that working files go and the
peer is told. The exit code is 128 and the signal's number. A second SIGTERM or SIGINT leaves it `LAST_SECONDS` more,
whatever blocks, and a third none. `psi listen --serve` puts its own meaning in place of the first (docs/serving.md).

Python calls its handlers in the main thread only, when that gets to it. So a thread of its own counts the signals: it
hears of them over a pipe that Python writes to at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable

from psiselect.base import threads
from psiselect.base.errors import ResourceError

LAST_SECONDS = 8.0  # longer than a listener takes to break its sessions off
_COUNTED = (signal.SIGTERM, signal.SIGINT)

_installed = False


def install() -> None:
    """Have signals follow the rule from now on. To be called in the main thread; a second time it does nothing more
    than to take SIGTERM and SIGHUP back. A signal that the starter ignores (`nohup`) stays ignored."""
    global _installed  # noqa: PLW0603 - signals are the process's, not an object's
    for number in (signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminated)
    if _installed:
        return
    heard, told = os.pipe()
    os.set_blocking(told, False)
    with contextlib.suppress(ResourceError):  # without a thread the second signal is like the first
        threads.start(watch, heard, name="psiselect-signals")
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        _installed = True


def _terminated(number: int, _frame: object) -> None:
    """Leave by an exception, so that working files go and the peer is told."""
    sys.exit(128 + number)


def watch(heard: int, last_seconds: float = LAST_SECONDS, leave: Callable[[int], object] = os._exit) -> None:
    """Count the signals whose numbers come, as bytes, over a pipe; leave the process after the second or third."""
    count, code, deadline = 0, 0, None
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([heard], [], [], left)[0]:
            leave(code)
            return
        numbers = os.read(heard, 64)
        if not numbers:
            return
        for number in numbers:
            if number not in _COUNTED:
                continue
            count, code = count + 1, 128 + number
            if count == 2:
                deadline = time.monotonic() + last_seconds
            elif count > 2:
                leave(code)
                return
