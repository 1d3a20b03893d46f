"""From the tags of both sides to the receiver's matches. Not before the session is over where that can be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from psi.labels.labels import SealedLabels
from psi.store.spool import Column, Joined, Store
from psiselect.base.packed import I64

# The numbers in the list of items by their place.
Numbers = Callable[[I64], I64]


class FastComparison:
    """The tags of both sides, and what opens the sender's labels, where some travel. own: in order of place."""

    def __init__(
        self,
        store: Store,
        numbers: Numbers,
        own: Column,
        peer: Column,
        label_keys: Column | None = None,
        sealed: Column | None = None,
    ) -> None:
        self._store, self._numbers = store, numbers
        self._own, self._peer = own, peer
        self._label_keys, self._sealed = label_keys, sealed
        self._joined: Joined | None = None

    def join(self) -> Joined:
        """For each own tag a tag of the peer's, and whether they are equal. Time depends on the two sizes. Raises
        RemoteError when many of the peer's tags are alike."""
        if self._joined is None:
            self._joined = self._store.join(self._own, self._peer)
            self._store.discard(self._own)
            self._store.discard(self._peer)
        return self._joined

    def count(self) -> int:
        """The number of matches. Time depends on the two sizes. Raises as `join`."""
        return int(np.count_nonzero(self.join().equal))

    def matches(self) -> tuple[I64, SealedLabels | None]:
        """The numbers in the list of own items that matched, ascending, and what the peer sent along with them. Not
        before the session is over: it takes time for each match. Raises as `join`."""
        own, peer = self.join().pairs()
        numbers = self._numbers(own)
        order = np.argsort(numbers)
        if self._label_keys is None or self._sealed is None:
            return numbers[order], None
        return numbers[order], SealedLabels(self._label_keys.take(own[order]), self._sealed.take(peer[order]))
