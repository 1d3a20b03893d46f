"""The symbols of items, from rows that come slice by slice: one sweep over items in order of their place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psi.fast.items import Located
from psi.fast.kernels.interface import U64, WINDOW, Kernels

_CHUNK_ITEMS = 1 << 15


class Sweep:
    """Keeps a band's length of rows beside the slice at hand."""

    def __init__(self, kernels: Kernels, located: Located) -> None:
        self._kernels, self._located = kernels, located
        self._rows = np.zeros((0, 4), np.uint64)
        self._first = 0  # the slot of the first kept row
        self._done = 0

    def feed(self, rows: U64) -> Iterator[tuple[int, int, U64]]:
        """Take the next rows. For items start..stop in order of place that can be looked up now: start, stop and the
        sums of the rows under their bands, (stop - start, 4)."""
        window = np.concatenate([self._rows, rows])
        place = self._first + len(window) - WINDOW  # the last where a band lies within
        ready = int(np.searchsorted(self._located.starts, place, side="right")) if place >= 0 else 0
        for start in range(self._done, ready, _CHUNK_ITEMS):
            stop = min(start + _CHUNK_ITEMS, ready)
            places = self._located.places(start, stop) - self._first
            yield start, stop, self._kernels.decode(window, places, self._located.bands(start, stop))
        self._done = ready
        kept = min(len(window), WINDOW - 1)
        self._first += len(window) - kept
        self._rows = window[len(window) - kept :].copy()
