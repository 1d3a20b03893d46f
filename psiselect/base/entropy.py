"""Where random bits come from.

Everything that draws takes an `Entropy`, so that tests can fix the bits; only `SystemEntropy` ships. It holds no
state: small reads go to the operating system, large ones to AES-256-CTR under a fresh system key that is dropped after
the read. So a fork cannot repeat a stream and a captured process does not give away past draws.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # numpy and ciphers are loaded when many bits are wanted, so that what needs few starts quickly
    import numpy as np
    import numpy.typing as npt

# Below this the system call is cheaper than setting up a cipher (measured: about 1 us against 8 us).
_BULK_BYTES = 2048


class Entropy(Protocol):
    """A source of independent uniform bits."""

    def read(self, size: int) -> bytes:
        """`size` uniform bytes."""
        ...


class SystemEntropy:
    """The operating system's CSPRNG, stretched by AES-256-CTR for bulk reads."""

    def read(self, size: int) -> bytes:
        """`size` uniform bytes. Raises OSError only if the operating system has no randomness."""
        if size <= _BULK_BYTES:
            return os.urandom(size)
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        encryptor = Cipher(algorithms.AES256(os.urandom(32)), modes.CTR(bytes(16))).encryptor()
        return encryptor.update(bytes(size))


def words(entropy: Entropy, count: int) -> npt.NDArray[np.uint64]:
    """`count` uniform 64-bit words, shape (count,), dtype uint64, read-only."""
    import numpy as np

    return np.frombuffer(entropy.read(8 * count), dtype="<u8")


def permutation(entropy: Entropy, count: int) -> npt.NDArray[np.int64]:
    """A uniform permutation of range(count), shape (count,), dtype int64.

    Sorting independent 64-bit keys is uniform when no two are equal; a repeated key (probability below count^2/2^65)
    is drawn again, so the result is exactly uniform. Sorting time depends on the random keys only.
    """
    import numpy as np

    from psiselect.base import sorting

    while True:
        keys = words(entropy, count)
        order = sorting.order(keys)
        ranked = keys[order]
        if not np.any(ranked[1:] == ranked[:-1]):
            return order
