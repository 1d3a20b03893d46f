"""The order of 64-bit numbers, several times as fast as NumPy's own where they are spread evenly.

NumPy sorts 16-bit numbers by counting and longer ones by comparing. So numbers are ordered by the upper 32 of the bits
that they use, in two steps of 16, and the few that share these by all their bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]


def order(numbers: U64) -> npt.NDArray[np.int64]:
    """Indices that sort the numbers, shape (n,), equal ones in their order: as `np.argsort(numbers, kind="stable")`.
    Time depends on the numbers; on evenly spread ones hardly."""
    lower = max(0, int(numbers.max(initial=0)).bit_length() - 32)
    upper = (numbers >> np.uint64(lower)).astype(np.uint32)
    found = np.argsort(upper.astype(np.uint16), kind="stable")
    found = found[np.argsort((upper >> np.uint32(16)).astype(np.uint16)[found], kind="stable")]
    upper = upper[found]
    same = upper[1:] == upper[:-1]
    if same.any():
        tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
        found[tied] = _by_all_bits(numbers, found[tied])
    return found.astype(np.int64, copy=False)


def _by_all_bits(numbers: U64, some: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """`some` indices, already in the order of the upper bits, in the order of all bits."""
    return some[np.argsort(numbers[some], kind="stable")]
