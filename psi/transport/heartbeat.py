"""Whether a loop still turns."""

from __future__ import annotations

import time
from collections.abc import Callable

BEAT_SECONDS = 1.0  # the longest that a loop waits without a beat
_LATE_SECONDS = 10.0


class Heartbeat:
    """A loop calls `beat` in each round, at least every `BEAT_SECONDS`; anybody asks `turning`, from any thread.

    late: after so many seconds without a beat the loop counts as stopped. clock: seconds, like `time.monotonic`.
    """

    def __init__(self, late: float = _LATE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._late = late
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """The loop is in its next round."""
        self._last = self._clock()

    def turning(self) -> bool:
        """Whether the last beat is recent. Never waits."""
        return self._clock() - self._last <= self._late
