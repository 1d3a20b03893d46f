"""How work that takes a while speaks to whoever started it, and hears from it.

A command prints words and progress. A program finds the words in its log, under `psiselect`, gets progress by a call,
and may cancel.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from psi.identity.identity import Identity, PeerIdentity
from psi.protocol.messages import STOPPED
from psi.protocol.setup import Setup
from psi.session.session import SessionResult
from psiselect import words
from psiselect.base import threads
from psiselect.base.errors import PsiselectError
from psiselect.base.events import SafeLogger, event
from psiselect.base.words import human_seconds

if TYPE_CHECKING:
    from psi.transport.tlschannel import TlsChannel

LOGGER = SafeLogger("psiselect.session")
LOOK_SECONDS = 0.1  # between two looks at whether the caller has cancelled

Progress = Callable[[int, int], None]
"""Called with how much is done, and of how much; 0 while that is not known."""


def tell_log(text: str) -> None:
    """A notice in the log. It holds numbers of rows and names of files and columns, and no value of any row."""
    LOGGER.info("%s", text, extra=event("notice"))


def tell_slower(text: str) -> None:
    """That the slower backend is used, in the log."""
    LOGGER.warning("%s", text, extra=event("slower_backend"))


def silent(done: int, total: int) -> None:
    """Progress that nobody asked for."""


def nobody_asked(addresses: Sequence[str]) -> None:
    """Addresses that nobody asked for."""


@contextlib.contextmanager
def no_display(keys: int) -> Iterator[Progress]:
    """Nothing is shown of progress."""
    yield silent


def unobserved(setup: Setup, identity: Identity, peer: PeerIdentity, run: Callable[[], SessionResult]) -> SessionResult:
    """A session that leaves nothing in a log."""
    return run()


class ProgressLines:
    """What a long run says of its progress where there is no terminal: a line each minute, none in a short run.

    Called with how much is done, and of how much; 0 while that is not known. tell: takes the line and both numbers.
    clock: seconds, like `time.monotonic`.
    """

    EVERY_SECONDS = 60.0

    def __init__(
        self, what: str, tell: Callable[[str, int, int], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._tell = tell
        self._clock = clock
        self._began = self._told = clock()

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        if now - self._told < self.EVERY_SECONDS:
            return
        self._told = now
        spent = now - self._began
        if 0 < done <= total:
            left = human_seconds(spent * (total - done) / done) if done < total else None
            text = words.done_so_far(self._what, 100 * done // total, human_seconds(spent), left)
        else:
            text = words.waiting(self._what, human_seconds(spent))
        self._tell(text, done, total)


@dataclass(frozen=True)
class Talk:
    """Where words and progress go, and how the work is cancelled.

    Attributes:
        tell: takes one line for people.
        table: takes the names and the rows of a table for people. None for a log, where each line stands alone.
        slower: takes the line that the slower backend is used.
        shown: a display of progress, for as long as the work lasts. It gets the number of keys on this side. It must
            end before the result is given out.
        listening: takes the addresses at which this side waits, with their real ports.
        observed: runs a session, with a note in a log.
        cancel: set by the caller to end the work; None where it will not be.
    """

    tell: Callable[[str], None] = tell_log
    table: Callable[[Sequence[str], Sequence[Sequence[str]]], None] | None = None
    slower: Callable[[str], None] = tell_slower
    shown: Callable[[int], AbstractContextManager[Progress]] = field(default=no_display)
    listening: Callable[[Sequence[str]], None] = nobody_asked
    observed: Callable[[Setup, Identity, PeerIdentity, Callable[[], SessionResult]], SessionResult] = unobserved
    cancel: threading.Event | None = None

    def look(self) -> None:
        """Raise CancelError when the caller has cancelled."""
        if self.cancel is not None and self.cancel.is_set():
            raise words.cancelled()

    @property
    def looking(self) -> Callable[[], None] | None:
        """`look` for those who wait, None where nobody will cancel."""
        return None if self.cancel is None else self.look

    @contextlib.contextmanager
    def breaking_off(self, channel: TlsChannel) -> Iterator[None]:
        """Meanwhile, end the channel's session when the caller cancels, even while this side waits for its peer. Raises
        CancelError then."""
        if self.cancel is None:
            yield
            return
        over, cancel = threading.Event(), self.cancel

        def watch() -> None:
            while not over.wait(LOOK_SECONDS):
                if cancel.is_set():
                    channel.break_off(words.CANCELLED, STOPPED)
                    return

        thread = threads.start(watch, name="psiselect-cancel")
        try:
            yield
        except PsiselectError:
            self.look()  # what the session ended with follows from that
            raise
        finally:
            over.set()
            thread.join()
