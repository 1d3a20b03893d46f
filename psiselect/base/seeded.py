"""Random bits that a side can draw again: for sessions that outlive their process (resumed, or run by files).

The seed comes from the system and lives in the side's own secret file; whoever holds it has every secret of the
session.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SEED_BYTES = 32


class SeededEntropy:
    """AES-256-CTR under a seed of 32 uniform bytes: the same reads in the same order give the same bits.

    Each read has a key of its own, derived from the seed and the read's number, so that what one read returns does not
    depend on how long earlier ones were. Not for several threads.
    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
        self._seed = seed
        self._reads = 0

    def read(self, size: int) -> bytes:
        """`size` bytes, uniform to whoever does not know the seed."""
        self._reads += 1
        key = hashlib.shake_256(b"psiselect-1 seed" + self._seed + self._reads.to_bytes(8, "big")).digest(32)
        return Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor().update(bytes(size))
