"""Whether what a session leaves can be written: its result and its audit line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from psi.serve import words
from psiselect.base.errors import InputError
from psiselect.base.events import SafeLogger, event

LOGGER = SafeLogger("psiselect.serving")

_EVERY_SECONDS = 5.0


class Room:
    """Asks for room now and then, so that health checks show a full disk before a peer calls, and its end as well.

    take: takes room for one session, of one size whatever a session finds; raises InputError. clock: seconds, as of
    `time.monotonic`. Thread-safe.
    """

    def __init__(self, take: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._take = take
        self._clock = clock
        self._next = clock() + _EVERY_SECONDS
        self._lock = threading.Lock()
        self._there = True

    @property
    def there(self) -> bool:
        """Whether there was room when that was last tried."""
        return self._there

    def due(self) -> bool:
        """Whether to `look` now. Call it now and then, from one thread."""
        if self._clock() < self._next:
            return False
        self._next = self._clock() + _EVERY_SECONDS
        return True

    def take(self) -> None:
        """Take room for a session that is about to begin. Raises InputError when there is none."""
        try:
            self._take()
        except InputError as error:
            self._note(str(error))
            raise
        self._note(None)

    def look(self) -> None:
        """Take room although no session begins, which costs nothing where it is taken already. Raises nothing."""
        try:
            self.take()
        except InputError:
            pass  # noted
        except Exception:
            LOGGER.exception(words.BUG_IN_ROOM, extra=event("bug"))

    def _note(self, reason: str | None) -> None:
        with self._lock:
            before, self._there = self._there, reason is None
        if before and reason is not None:
            LOGGER.error(words.NO_ROOM_FOR_RESULTS, reason, extra=event("results_unwritable", reason=reason))
        elif not before and reason is None:
            LOGGER.info(words.ROOM_AGAIN, extra=event("results_writable"))
