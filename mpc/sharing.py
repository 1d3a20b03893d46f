"""Additive secret sharing over the integers modulo M.

A value v becomes k shares that sum to v modulo M; k-1 of them are uniform and independent of v, and so is any set of
k-1 shares. The article's shares ("four random numbers that sum to the raise") have no such property: integers drawn
from a bounded range show in their sum how large the value is. See docs/systems/secure-sum.md.

Nothing here depends on the values but by arithmetic of fixed width: no branch and no index is taken on a secret for
the moduli of one machine word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mpc import words as said
from mpc import words_messages
from psiselect.base.entropy import Entropy, words

# uint64 where residues and their sums fit one word (M = 2^64 by natural wrap-around, M <= 2^63), else Python integers.
Residues = npt.NDArray[Any]

WORD = 1 << 64
MAX_MODULUS = 1 << 512


@dataclass(frozen=True, slots=True)
class Modulus:
    """The ring of integers modulo `value`. Arrays of residues have shape (count,), dtype uint64 or object."""

    value: int = WORD

    def __post_init__(self) -> None:
        if not 2 <= self.value <= MAX_MODULUS:
            raise said.modulus(MAX_MODULUS.bit_length() - 1)

    @property
    def one_word(self) -> bool:
        """Whether arrays are uint64."""
        return self.value == WORD or self.value <= WORD >> 1

    @property
    def width(self) -> int:
        """Bytes of one residue on the wire."""
        return 8 if self.one_word else ((self.value - 1).bit_length() + 7) // 8

    def residues(self, values: Sequence[int]) -> Residues:
        """Integers of either sign, reduced."""
        return np.array([v % self.value for v in values], dtype=np.uint64 if self.one_word else object)

    def add(self, a: Residues, b: Residues) -> Residues:
        """a + b modulo M, element by element."""
        return self._reduce(a + b)

    def subtract(self, a: Residues, b: Residues) -> Residues:
        """a - b modulo M, element by element."""
        return a - b if self.value == WORD else self._reduce(a + (self._own(self.value) - b))

    def uniform(self, count: int, entropy: Entropy) -> Residues:
        """`count` independent residues, exactly uniform: words past the last whole multiple of M are drawn again."""
        if self.value == WORD:
            return words(entropy, count).copy()
        if not self.one_word:
            return np.array([self._uniform_integer(entropy) for _ in range(count)], dtype=object)
        beyond = np.uint64(WORD - WORD % self.value - 1)
        drawn = words(entropy, count).copy()
        while True:
            again = np.flatnonzero(drawn > beyond)
            if not len(again):
                return drawn % np.uint64(self.value)
            drawn[again] = words(entropy, len(again))

    def split(self, values: Residues, parties: int, entropy: Entropy) -> list[Residues]:
        """`parties` arrays that sum to `values`; all but the last are uniform."""
        shares = [self.uniform(len(values), entropy) for _ in range(parties - 1)]
        last = values
        for share in shares:
            last = self.subtract(last, share)
        return [*shares, last]

    def total(self, arrays: Sequence[Residues]) -> Residues:
        """The sum of one or more arrays."""
        first, *rest = arrays
        for array in rest:
            first = self.add(first, array)
        return first

    def centred(self, values: Residues) -> list[int]:
        """Each residue as the integer in [-M/2, M/2) that it stands for."""
        half = (self.value + 1) // 2
        return [v - self.value if v >= half else v for v in map(int, values)]

    def pack(self, values: Residues) -> bytes:
        """Residues as fixed-width little-endian bytes."""
        if self.one_word:
            return values.astype("<u8", copy=False).tobytes()
        return b"".join(int(v).to_bytes(self.width, "little") for v in values)

    def unpack(self, data: bytes | bytearray | memoryview) -> Residues:
        """The reverse of `pack`. Raises RemoteError for a torn residue or one that is not below M."""
        if len(data) % self.width:
            raise words_messages.torn_share(self.width)
        if self.one_word:
            values: Residues = np.frombuffer(data, "<u8").astype(np.uint64)
            if self.value != WORD and np.any(values >= np.uint64(self.value)):
                raise words_messages.share_too_large()
            return values
        view = memoryview(data)
        numbers = [int.from_bytes(view[i : i + self.width], "little") for i in range(0, len(view), self.width)]
        if any(n >= self.value for n in numbers):
            raise words_messages.share_too_large()
        return np.array(numbers, dtype=object)

    def _own(self, number: int) -> Any:
        return np.uint64(number) if self.one_word else number

    def _reduce(self, values: Residues) -> Residues:
        return values if self.value == WORD else values % self._own(self.value)

    def _uniform_integer(self, entropy: Entropy) -> int:
        bits = (self.value - 1).bit_length()
        while True:
            drawn = int.from_bytes(entropy.read((bits + 7) // 8), "little") & ((1 << bits) - 1)
            if drawn < self.value:
                return drawn
