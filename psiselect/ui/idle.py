"""How long nobody has used the page. The time does not run while something works."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator


class Idle:
    """Counts idle time. Thread-safe.

    seconds: after so much idle time the page is over. clock: gives seconds that never go back.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._since = clock()
        self._working = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Meanwhile no idle time runs; afterwards it begins anew."""
        with self._lock:
            self._working += 1
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1
                self._since = self._clock()

    def over(self) -> bool:
        """Whether the page has been idle for long enough."""
        with self._lock:
            return self._working == 0 and self._clock() - self._since >= self.seconds
