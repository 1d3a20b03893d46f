"""From equal tags to matched items when items have several keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psiselect.base.packed import I64

Pairs = tuple[I64, I64]  # own rows (ascending) and, for each, the peer's


def one_to_one(equal: Sequence[Pairs], own: int, peer: int) -> list[Pairs]:
    """For each key, in order of precedence, the pairs that it matches: those with equal tags under it of which neither
    row is taken by an earlier key.

    On either side a row has one tag a key and no two rows share one, so no choice is left: both sides, and anybody who
    sees the equal tags, come to the same pairs. own, peer: numbers of rows. One key: all its pairs.
    """
    taken, gone = np.zeros(own, np.bool_), np.zeros(peer, np.bool_)
    found = []
    for rows, partners in equal:
        free = ~taken[rows] & ~gone[partners]
        found.append((rows[free], partners[free]))
        taken[rows[free]], gone[partners[free]] = True, True
    return found
