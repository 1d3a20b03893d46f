"""At most C rows of each person, chosen without looking at any value.

A person's identifier and the number of the person's rows decide which rows are kept. Neither the values nor any other
person's rows matter. So what one person can change is what C rows can change, however many rows the person has. The
choice is a sample: row i of n is kept with probability (C - kept)/(n - i), so all sets of C rows are equally likely
(Knuth, The Art of Computer Programming, vol. 2, algorithm S). The random numbers are SHA-256 of identifier and
position, so the same table gives the same rows again.
"""

from __future__ import annotations

import hashlib

_BITS = 256


class PersonRows:
    """The choice for one table, which is read twice in the same order: `count` each row, then ask `keeps` for each."""

    def __init__(self, contributions: int) -> None:
        self._most = contributions
        # For each person the rows still to come times C, and the rows kept. Once C are kept: the rows to come, below 0.
        # A second table of a million persons would take too much memory.
        self._rows: dict[str, int] = {}

    @property
    def persons(self) -> int:
        """How many persons there are."""
        return len(self._rows)

    def count(self, person: str, rows: int = 1) -> int:
        """Count one row of this person, or several; how many they are by now."""
        counted = self._rows.get(person, 0) + rows * self._most
        self._rows[person] = counted
        return counted // self._most

    def keeps(self, person: str) -> bool:
        """Whether this person's next row is one of those that count. Raises KeyError for a row too many."""
        state = self._rows[person]
        if state < 0:
            self._rows[person] = state + 1
            return False
        left, kept = divmod(state, self._most)
        if left == 0:
            raise KeyError("more rows than were counted")
        wanted = self._most - kept
        keep = left <= wanted or _uniform(person, left) * left < wanted << _BITS
        self._rows[person] = 1 - left if keep and wanted == 1 else state - self._most + keep
        return keep


def _uniform(person: str, position: int) -> int:
    """A number of 256 bits that is as good as random."""
    digest = hashlib.sha256(f"{position} {person}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest, "big")
