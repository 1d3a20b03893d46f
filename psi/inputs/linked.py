"""Linked rows: the rows of a table that several keys speak for, and which value of each key is a row's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psi.inputs.items import Items
from psiselect.base.packed import I64


@dataclass(frozen=True, slots=True)
class Linked:
    """Linked rows, for one-to-one matching.

    rows: int64, shape (rows,), the numbers of the linked rows, ascending. table: int64, shape (rows, keys), the number
    of each one's value among the key's distinct values, -1 for none.
    """

    rows: I64
    table: I64

    @classmethod
    def of(cls, keys: Sequence[Items]) -> Linked:
        """A value that occurs in several rows belongs to the first of them, so that it makes one match at most. A row
        to which no value belongs, blank or a repetition, is no linked row."""
        values = np.stack([items.row_to_key for items in keys], axis=1)
        numbers = np.arange(len(values))
        for key, items in enumerate(keys):
            present = values[:, key] >= 0
            first = np.zeros(len(items.keys), np.int64)
            first[values[present, key][::-1]] = numbers[present][::-1]  # the last assignment stays: the first row's
            repeated = present.copy()
            repeated[present] = first[values[present, key]] != numbers[present]
            values[repeated, key] = -1
        rows = np.flatnonzero((values >= 0).any(axis=1))
        return cls(rows, values[rows])
