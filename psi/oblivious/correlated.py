"""Correlated transfers modulo 2^64, added up: of values v_j the total of those whose secret bit c_j is 1.

From the rows of the extension, with H a hash of row and row number to 64 bits: the sender takes r_j = H(q_j) and sends
the corrections d_j = v_j + r_j - H(q_j ^ s). The receiver's row hashes to r_j where c_j = 0 and to H(q_j ^ s) where
c_j = 1, so that H(t_j) + c_j * d_j = r_j + c_j * v_j. Both add up their own; the sender tells its sum of all r_j, and
the difference is the total. One number a side is kept, whatever the number of rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from psi.group import masking
from psi.group.curve25519.backend import Backend
from psi.group.curve25519.suite import ELEMENT_BYTES
from psi.group.masking import Derivation
from psi.oblivious.columns import ROW_BYTES
from psiselect.base.packed import I64, U8

WORD_BYTES = 8
U64 = npt.NDArray[np.uint64]
_MODULUS = 1 << 64


class PadHash:
    """H: rows (k, 16) from number `start` on -> uint64 (k,), bound to one run (binding: its 64 bytes)."""

    def __init__(self, backend: Backend, binding: bytes) -> None:
        self._backend, self._binding = backend, binding

    def __call__(self, rows: U8, start: int) -> U64:
        numbered = np.zeros((len(rows), ELEMENT_BYTES), np.uint8)
        numbered[:, :WORD_BYTES] = np.arange(start, start + len(rows), dtype="<u8").view(np.uint8).reshape(-1, 8)
        numbered[:, WORD_BYTES : WORD_BYTES + ROW_BYTES] = rows
        pads = masking.derive(self._backend, Derivation.PAD, self._binding, numbered, None, WORD_BYTES)
        return np.ascontiguousarray(pads).view("<u8")[:, 0].astype(np.uint64, copy=False)


class CorrelatedSender:
    """The side with the values. difference: s as a row, shape (16,)."""

    def __init__(self, hashing: PadHash, difference: U8) -> None:
        self._hash, self._difference = hashing, difference
        self._rows = 0
        self.share = 0  # the sum of all r_j so far, modulo 2^64

    def corrections(self, rows: U8, values: I64) -> U64:
        """The corrections of the next rows (k, 16), whose values are int64 (k,)."""
        pads = self._hash(rows, self._rows)
        others = self._hash(rows ^ self._difference, self._rows)
        self._rows += len(rows)
        self.share = (self.share + _total(pads)) % _MODULUS
        return values.view(np.uint64) + pads - others

    def close(self) -> None:
        """Wipe s."""
        self._difference[:] = 0


class CorrelatedReceiver:
    """The side with the bits."""

    def __init__(self, hashing: PadHash) -> None:
        self._hash = hashing
        self._rows = self._corrected = 0
        self._share = 0

    def add_rows(self, rows: U8) -> None:
        """Own next rows (k, 16)."""
        self._share += _total(self._hash(rows, self._rows))
        self._rows += len(rows)

    def add_corrections(self, corrections: U64, bits: U8) -> None:
        """The next corrections, and the bits (0 or 1, uint8) of the same rows."""
        self._share += _total(corrections & (np.uint64(0) - bits))
        self._corrected += len(bits)

    def total(self, share: int) -> int:
        """The total of the values chosen, in [-2^63, 2^63), given the sender's share."""
        if self._rows != self._corrected:
            raise RuntimeError(f"{self._rows} rows and {self._corrected} corrections")
        difference = (self._share - share) % _MODULUS
        return difference - _MODULUS if difference >= _MODULUS // 2 else difference


def _total(words: U64) -> int:
    """The sum modulo 2^64."""
    return int(np.sum(words, dtype=np.uint64))
