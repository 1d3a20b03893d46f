"""Matrices of bits in 128 columns: drawn from seeds, turned into rows, hashed.

A matrix of k rows is kept column by column: uint8, shape (columns, k/8), the bit of row j at bit j % 8 of byte j // 8.
k is a multiple of 8. Bits that somebody must not learn are only ever combined by arithmetic: no branch and no index
depends on them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from psiselect.base.packed import U8

COLUMNS = 128
ROW_BYTES = COLUMNS // 8
CHECK_ROWS = 128  # rows that only serve the check, and bits of the hash that it compares
SEED_BYTES = 32


class Streams:
    """Pseudo-random bits, a column from each seed: AES-CTR from counter 0. seeds: uint8, shape (n, 32), for AES-256, or
    (n, 16), for AES-128."""

    def __init__(self, seeds: U8) -> None:
        self._streams = [Cipher(algorithms.AES(bytes(s)), modes.CTR(bytes(16))).encryptor() for s in seeds]
        self._zeros = b""

    def take(self, rows: int) -> U8:
        """The next `rows` bits of every column, shape (n, rows/8)."""
        drawn = np.empty((len(self._streams), rows // 8), np.uint8)
        self.fill(drawn)
        return drawn

    def fill(self, out: U8, first: int = 0) -> None:
        """Write the next bytes of the streams from number `first` on, each to a row of `out`: uint8, shape (k, bytes),
        C-contiguous."""
        size = out.shape[1]
        if len(self._zeros) != size:
            self._zeros = bytes(size)
        for stream, row in zip(self._streams[first : first + len(out)], out, strict=True):
            stream.update_into(self._zeros, row)


def spread(bits: U8) -> U8:
    """For each bit (0 or 1) a byte of so many ones: what `&` selects by."""
    return np.uint8(0) - bits


def select(bits: U8, zero: U8, one: U8) -> U8:
    """Row i of `zero` where bit i is 0, of `one` where it is 1, in the same time. bits: (n,), others (n, width)."""
    return zero ^ (spread(bits)[:, None] & (zero ^ one))


def rows_of(columns: U8) -> U8:
    """The same bits row by row: (128, k/8) -> (k, 16)."""
    return np.packbits(np.unpackbits(columns, axis=1, bitorder="little").T, axis=1, bitorder="little")


class UniversalHash:
    """The hash (A | I) of columns, fed block by block: a random matrix A of 128 times the rows before the last 128
    ones, from a public seed, beside the identity for those.

    It is linear; for a random seed, two different columns have equal hashes with probability 2^-128. The last 128
    rows, where they are random, hide all others.
    """

    def __init__(self, seed: bytes, columns: int) -> None:
        self._matrix = Streams(np.frombuffer(seed, np.uint8).reshape(1, SEED_BYTES))
        self._sums = np.zeros((CHECK_ROWS, columns), np.uint64)

    def add(self, columns: U8) -> None:
        """The next rows, shape (columns, k/8): A's next bits are 128 times k, row of A by row of A."""
        matrix = _words(self._matrix.take(8 * CHECK_ROWS * columns.shape[1]).reshape(CHECK_ROWS, -1))
        words = _words(columns)
        for number in range(CHECK_ROWS):
            self._sums[number] ^= np.bitwise_xor.reduce(words & matrix[number], axis=1)

    def finish(self, last: U8) -> U8:
        """The hashes, given the last 128 rows of each column, shape (columns, 16): 16 bytes a column."""
        odd = (np.bitwise_count(self._sums) & 1).astype(np.uint8)
        return np.packbits(odd, axis=0, bitorder="little").T ^ last


def _words(table: U8) -> npt.NDArray[np.uint64]:
    """Rows of bytes as machine words, filled up with zeros."""
    width = table.shape[1]
    padded = np.zeros((len(table), -(-width // 8) * 8), np.uint8)
    padded[:, :width] = table
    return padded.view(np.uint64)
