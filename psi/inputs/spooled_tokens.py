"""Tokens of keys that are on disk, in a uniform order, with one partition in memory at a time."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pyarrow as pa

from psi.inputs.distinct import SpooledKeys
from psi.inputs.tokens import KeyTokens, TokenSource, with_prefix
from psi.store.partitions import PartitionedStrings
from psiselect.base.entropy import Entropy, permutation
from psiselect.base.packed import I64, Packed

_CHUNK = 1 << 16
_KEPT = 3  # partitions: a receiver reads at two places, one for what it sends and one for what comes back


class SpooledTokens:
    """A TokenSource over SpooledKeys. 8 bytes a key stay in memory.

    Each key goes to one of 256 buckets by a uniform byte, then each bucket is permuted uniformly: together a uniform
    permutation of all keys (R. Sandelius, 1962), without ever holding all of them.
    """

    def __init__(self, keys: SpooledKeys, prefix: bytes, entropy: Entropy) -> None:
        self._prefix = prefix
        self._buckets = PartitionedStrings(keys.scratch.file("tokens"))
        for start in range(0, len(keys), _CHUNK):
            stop = min(start + _CHUNK, len(keys))
            bucket = np.frombuffer(entropy.read(stop - start), np.uint8)
            self._buckets.append(keys.read(start, stop), np.arange(start, stop), bucket)
        self._bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._buckets.counts)])
        self._order = np.empty(len(keys), np.int64)
        for number in np.flatnonzero(self._buckets.counts):
            shuffled = permutation(entropy, int(self._buckets.counts[number]))
            self._order[self._bounds[number] : self._bounds[number + 1]] = self._buckets.numbers(int(number))[shuffled]
        self._loaded: OrderedDict[int, Packed] = OrderedDict()

    def __len__(self) -> int:
        return len(self._order)

    def read(self, start: int, stop: int) -> Packed:
        """Tokens start..stop in the shuffled order."""
        pieces = []
        while start < stop:
            number = int(np.searchsorted(self._bounds, start, "right")) - 1
            begin, end = self._bounds[number], min(stop, self._bounds[number + 1])
            pieces.append(self._bucket(number).slice(start - begin, end - begin).to_arrow())
            start = int(end)
        joined = pa.concat_arrays(pieces) if pieces else Packed.of(()).to_arrow()
        return with_prefix(self._prefix, Packed.from_arrow(joined))

    def numbers(self, positions: I64) -> I64:
        """Key numbers at shuffled positions."""
        return self._order[positions]

    def close(self) -> None:
        """Remove the file. Safe to call twice."""
        self._buckets.close()

    def _bucket(self, number: int) -> Packed:
        """A bucket's keys in the shuffled order."""
        if number not in self._loaded:
            if len(self._loaded) == _KEPT:
                self._loaded.popitem(last=False)
            strings, numbers = self._buckets.load(number)
            order = self._order[self._bounds[number] : self._bounds[number + 1]]
            self._loaded[number] = strings.take(np.searchsorted(numbers, order))
        self._loaded.move_to_end(number)
        return self._loaded[number]


def shuffled(keys: Packed | SpooledKeys, prefix: bytes, entropy: Entropy) -> TokenSource:
    """Tokens of distinct keys in a fresh uniform order."""
    if isinstance(keys, Packed):
        return KeyTokens.shuffled(keys, prefix, entropy)
    return SpooledTokens(keys, prefix, entropy)
