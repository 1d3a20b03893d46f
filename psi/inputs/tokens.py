"""What a party puts into a run: its items as tokens, in an order that says nothing about its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from psi.inputs.distinct import SpooledKeys
from psiselect.base.entropy import Entropy, permutation
from psiselect.base.packed import I64, Packed


class TokenSource(Protocol):
    """Items, each with one token a key, readable in chunks. The order is independent of the owner's table. With one
    key an item is a distinct key."""

    def __len__(self) -> int:
        """The number of items."""
        ...

    def read(self, start: int, stop: int) -> Packed:
        """The tokens of items start..stop as they are hashed, item by item."""
        ...

    def numbers(self, positions: I64) -> I64:
        """The owner's numbers of the records at these positions, in their order; -1 for one that was only added."""
        ...

    def close(self) -> None:
        """Drop what this order of the tokens took, on disk too. Safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class KeyTokens:
    """The distinct keys of one list under one rule.

    A token is `prefix` (the key's type, docs/protocol.md, "Items") followed by the canonical key, so that keys of
    different types never meet.
    """

    packed: Packed
    order: I64
    prefix: bytes

    @classmethod
    def shuffled(cls, packed: Packed, prefix: bytes, entropy: Entropy) -> KeyTokens:
        """Tokens in a fresh uniform order."""
        return cls(packed, permutation(entropy, len(packed)), prefix)

    def __len__(self) -> int:
        return len(self.packed)

    def read(self, start: int, stop: int) -> Packed:
        """Tokens start..stop in the shuffled order."""
        return with_prefix(self.prefix, self.packed.take(self.order[start:stop]))

    def numbers(self, positions: I64) -> I64:
        """Key numbers at shuffled positions."""
        return self.order[positions]

    def close(self) -> None:
        """Nothing of its own to drop."""


@dataclass(frozen=True, slots=True)
class TokensInOrder:
    """Tokens in the order of the table, for a run whose messages follow from the set of items alone: the fast protocol.

    keys: distinct keys in memory or on disk. rows: which of them, one for each item, of keys in memory; None for all.
    """

    keys: Packed | SpooledKeys
    prefix: bytes
    rows: I64 | None = None

    def __len__(self) -> int:
        return len(self.keys) if self.rows is None else len(self.rows)

    def read(self, start: int, stop: int) -> Packed:
        """Tokens start..stop in the table's order."""
        if isinstance(self.keys, SpooledKeys):
            some = self.keys.read(start, stop)
        else:
            some = self.keys.slice(start, stop) if self.rows is None else self.keys.take(self.rows[start:stop])
        return with_prefix(self.prefix, some)

    def numbers(self, positions: I64) -> I64:
        """The positions."""
        return positions

    def close(self) -> None:
        """Nothing of its own to drop."""


def with_prefix(prefix: bytes, items: Packed) -> Packed:
    """prefix || item for each item."""
    parts = (pa.scalar(prefix, pa.large_binary()), items.to_arrow(), pa.scalar(b"", pa.large_binary()))
    return Packed.from_arrow(pc.binary_join_element_wise(*parts))
