"""Something that takes a while, in a thread of its own: how far it is, how it is stopped, how it has ended.

Meanwhile no idle time runs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from psiselect.base import threads
from psiselect.base.errors import CancelError, PsiselectError
from psiselect.base.events import SafeLogger, event
from psiselect.base.words import human_seconds
from psiselect.ui import words
from psiselect.ui.idle import Idle

LOGGER = SafeLogger("psiselect.ui")
_LEAST_SECONDS = 2.0  # before this a guess at the time left says nothing
_LEAST_PERCENT = 3


@dataclass(frozen=True)
class Seen:
    """How far work is. percent: None while nobody knows. left: the time left, in words, or nothing."""

    words: str
    percent: int | None
    left: str
    over: bool


class Work:
    """One piece of work. Thread-safe.

    Attributes:
        cancel: set to end the work.
        failed: what it has ended with, None while it works and where it has gone well.
        stopped: whether it has ended because somebody has stopped it.
    """

    def __init__(
        self, run: Callable[[Work], None], idle: Idle, words: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin. run: does the work, and raises PsiselectError. words: what is under way. Raises ResourceError."""
        self.cancel = threading.Event()
        self.failed: BaseException | None = None
        self.stopped = False
        self._run, self._idle, self._words, self._clock = run, idle, words, clock
        self._done = self._total = 0
        self._began = clock()
        self._over = threading.Event()
        self._thread = threads.start(self._work, name="psiselect-page")

    def say(self, words: str) -> None:
        """What is under way from now on."""
        self._words, self._done, self._total, self._began = words, 0, 0, self._clock()

    def progress(self, done: int, total: int) -> None:
        """How much is done, and of how much; 0 while that is not known."""
        self._done, self._total = done, total

    def look(self) -> None:
        """Raise CancelError when the work is to end."""
        if self.cancel.is_set():
            raise words.stopped()

    def seen(self) -> Seen:
        """How far it is."""
        done, total, passed = self._done, self._total, self._clock() - self._began
        percent = None if total <= 0 else min(100, 100 * done // total)
        known = percent is not None and passed >= _LEAST_SECONDS and _LEAST_PERCENT <= percent < 100
        left = f"about {human_seconds(round(passed * (total - done) / done))} left" if known else ""
        return Seen(self._words, percent, left, self.over)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._over.is_set()

    def stop(self) -> None:
        """End it, and return when it has ended."""
        self.cancel.set()
        self.wait()

    def wait(self) -> None:
        """Return when it has ended."""
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        with self._idle.working():
            try:
                self._run(self)
            except CancelError:
                self.stopped = True
            except PsiselectError as error:
                self.failed = error
            except BaseException as error:  # noqa: BLE001 (whatever it is, the page says so and nothing of it is shown)
                LOGGER.error(words.WORK_FAILED, type(error).__name__, extra=event("page_failed"))
                self.failed = error
            finally:
                self._over.set()
