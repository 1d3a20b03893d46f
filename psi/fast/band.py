"""The store: slots such that the slots under an item's band add up to its value; to others it shows no keys.

This is the random band matrix of Bienstock, Patel, Seo and Yeo (Usenix Security 2023). Items in order of their place
are equations in order of their first slot, so elimination never leaves a band of 256 slots, and its memory is a band
and a value for each slot. A slot that no equation begins with is 0: nobody sees slots but masked.
"""

from __future__ import annotations

import numpy as np

from psi.fast.items import Located
from psi.fast.kernels.interface import U64, WINDOW, Kernels

_CHUNK_ITEMS = 1 << 15


class Solving:
    """The elimination for one attempt, in pieces."""

    def __init__(self, kernels: Kernels, located: Located, slots: int) -> None:
        self.failed = False
        self._kernels, self._located = kernels, located
        self._bands = np.zeros((slots, 4), np.uint64)
        self._values = np.zeros(slots + WINDOW, np.uint64)
        self._done = 0

    @property
    def done(self) -> int:
        """Items that are taken up."""
        return self._done

    def work(self) -> bool:
        """Take up some items; False when all are in, or one of them does not fit, which is then said in `failed`."""
        stop = min(self._done + _CHUNK_ITEMS, len(self._located))
        if self.failed or stop == self._done:
            return False
        bands = self._located.bands(self._done, stop)
        places, values = self._located.places(self._done, stop), self._located.values[self._done : stop].copy()
        self.failed = not self._kernels.eliminate(self._bands, self._values, places, bands, values)
        self._done = stop
        return True

    def slots(self) -> U64:
        """The slots, once all items are in."""
        if self.failed or self._done < len(self._located):
            raise RuntimeError("a store that is not solved")
        self._located.forget_values()
        self._kernels.substitute(self._bands, self._values)
        return self._values[:-WINDOW]
