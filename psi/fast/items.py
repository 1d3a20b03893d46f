"""From items to where they are looked up: places, values, identifiers and bands, all by salted hashes.

A salt belongs to one attempt of one run; everything is bound to the run by it (docs/fast-protocol.md, "Hashes").
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from psi.fast.kernels.interface import U64, WINDOW, Kernels
from psi.fast.parameters import ID_BYTES
from psiselect.base.packed import I64, U8, Packed

U32 = npt.NDArray[np.uint32]

LABEL_BYTES = 64
_CHUNK_ITEMS = 1 << 16  # hashed at once


class Purpose(enum.Enum):
    """What a hash is for. Values are domain separation labels of the protocol."""

    ITEM = b"psiselect-v1 fast item"
    BAND = b"psiselect-v1 fast band"
    TAG = b"psiselect-v1 fast tag"
    LABEL = b"psiselect-v1 fast label"


@dataclass(frozen=True, slots=True)
class Salted:
    """The hashes of one attempt. binding: 64 bytes that stand for the run. salt: 32 bytes. attempt: from 0."""

    binding: bytes
    salt: bytes
    attempt: int

    def block(self, purpose: Purpose) -> bytes:
        """What is hashed first, 64 bytes: one block of SHA-256."""
        start = purpose.value.ljust(LABEL_BYTES, b"\0")
        return hashlib.sha512(start + self.binding + self.salt + bytes((self.attempt,))).digest()


class ItemList(Protocol):
    """A list of distinct items, as psi.inputs.tokens.TokenSource gives it."""

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int) -> Packed:
        """Items start..stop, one token each."""
        ...


class Located:
    """Where the items of a list are, in ascending order of their places.

    starts: uint32, (n,): the first slot of an item's band. values: uint64, (n,). ids: uint8, (n, 16). numbers: uint32,
    (n,): the item's number in the list. All four say something of the items to whoever knows the salt.
    """

    def __init__(self, kernels: Kernels, salted: Salted, items: ItemList, slots: int) -> None:
        self.starts: U32 = np.empty(len(items), np.uint32)
        self.values: U64 = np.empty(len(items), np.uint64)
        self.ids: U8 = np.empty((len(items), ID_BYTES), np.uint8)
        self.numbers: U32 = np.zeros(0, np.uint32)
        self._kernels, self._items = kernels, items
        self._places = slots - WINDOW + 1
        self._item_block, self._band_block = salted.block(Purpose.ITEM), salted.block(Purpose.BAND)
        self._done = 0
        self._sorted = False

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def done(self) -> int:
        """Items that are hashed."""
        return self._done

    def work(self) -> bool:
        """Hash some items, or sort them at last; False when there is nothing left to do."""
        if self._sorted:
            return False
        if self._done < len(self):
            stop = min(self._done + _CHUNK_ITEMS, len(self))
            digests = self._kernels.sha256(self._item_block, self._items.read(self._done, stop))
            words = digests[:, :16].copy().view("<u8").astype(np.uint64, copy=False)
            self.starts[self._done : stop] = scaled(words[:, 0], self._places)
            self.values[self._done : stop] = words[:, 1]
            self.ids[self._done : stop] = digests[:, 16:]
            self._done = stop
        else:
            self.starts, self.numbers = ascending(self.starts)
            self.values, self.ids = np.take(self.values, self.numbers), np.take(self.ids, self.numbers, axis=0)
            self._sorted = True
        return True

    def finish(self) -> None:
        """Do all that is left."""
        while self.work():
            pass

    def forget_values(self) -> None:
        """Drop the values, once the store holds them: memory is scarcest then."""
        self.values = self.values[:0].copy()

    def forget(self) -> None:
        """Keep the numbers alone, once all items are looked up."""
        self.starts, self.values, self.ids = self.starts[:0].copy(), self.values[:0].copy(), self.ids[:0].copy()

    def bands(self, start: int, stop: int) -> U64:
        """The bands of items start..stop in order of place, rows of 256 bits: (k, 4)."""
        ids = np.ascontiguousarray(self.ids[start:stop]).reshape(-1)
        offsets = np.arange(stop - start + 1, dtype=np.int64) * ID_BYTES
        return rows(self._kernels.sha256(self._band_block, Packed(ids, offsets)))

    def places(self, start: int, stop: int) -> I64:
        """The first slots of items start..stop in order of place, int64."""
        return self.starts[start:stop].astype(np.int64)


def scaled(words: U64, count: int) -> U64:
    """floor(word * count / 2^64): uniform numbers below count, up to 2^-39, from uniform words. count <= 2^31."""
    high, low = words >> np.uint64(32), words & np.uint64(0xFFFFFFFF)
    by = np.uint64(count)
    return high * by + (low * by >> np.uint64(32)) >> np.uint64(32)


def ascending(starts: U32) -> tuple[U32, U32]:
    """The starts in ascending order, and where each was before. Sorting both halves of one word takes half of the time
    that np.argsort does."""
    both = starts.astype(np.uint64) << np.uint64(32) | np.arange(len(starts), dtype=np.uint64)
    both.sort()
    return (both >> np.uint64(32)).astype(np.uint32), both.astype(np.uint32)


def rows(digests: U8) -> U64:
    """Digests (n, 32) as rows of 256 bits (n, 4), least significant bit first."""
    return digests.view("<u8").astype(np.uint64, copy=False)
