"""Linked rows as tokens: one token per key, whatever a row lacks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psi.inputs.padding import fillers, join
from psi.inputs.tokens import with_prefix
from psiselect.base.entropy import Entropy, permutation
from psiselect.base.packed import I64, Packed


class RowTokens:
    """A TokenSource of rows that have several keys, in a fresh uniform order. Stays in memory.

    keys: for each key of the terms its distinct values. prefixes: the type of each key (docs/protocol.md, "Items").
    table: int64, shape (rows, keys): which value a row has, -1 for none. What is missing becomes a filler: where
    blanks are would single rows out of shuffled ones.
    """

    def __init__(self, keys: Sequence[Packed], prefixes: Sequence[bytes], table: I64, entropy: Entropy) -> None:
        self._order = permutation(entropy, len(table))
        self._keys = table.shape[1]
        everything, first = Packed.of(()), np.zeros(self._keys, np.int64)
        for number, (values, prefix) in enumerate(zip(keys, prefixes, strict=True)):
            first[number] = len(everything)
            everything = join(everything, with_prefix(prefix, values))
        where = table[self._order] + first
        blank = table[self._order] < 0
        where[blank] = len(everything) + np.arange(np.count_nonzero(blank))
        self._tokens = join(everything, fillers(int(np.count_nonzero(blank)), entropy))
        self._where: I64 = where.reshape(-1)

    def __len__(self) -> int:
        return len(self._order)

    def read(self, start: int, stop: int) -> Packed:
        """The tokens of rows start..stop in the shuffled order, row by row."""
        return self._tokens.take(self._where[self._keys * start : self._keys * stop])

    def numbers(self, positions: I64) -> I64:
        """Record numbers at shuffled positions."""
        return self._order[positions]

    def close(self) -> None:
        """Nothing of its own to drop."""
