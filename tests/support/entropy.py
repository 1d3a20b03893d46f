"""Reproducible bits for tests."""

from __future__ import annotations

import hashlib


class FixedEntropy:
    """SHAKE-256 of a seed and a counter. Not part of the product."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed.encode()
        self._reads = 0

    def read(self, size: int) -> bytes:
        self._reads += 1
        return hashlib.shake_256(self._seed + self._reads.to_bytes(8, "big")).digest(size)
