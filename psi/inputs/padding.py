"""Items that no table holds: dummies, which carry the noise of `noisy-count`, and fillers, which match nothing.

Both are tokens of a type of their own (docs/protocol.md, "Items") and are hashed and masked like all others, so that
nobody can tell them from real ones by their form: random bytes instead would lie on the twist half of the time.
"""

from __future__ import annotations

import enum

import numpy as np
import pyarrow as pa

from dpselect.truncated import truncated_laplace
from psi.agreement.noise import Noise
from psi.inputs.tokens import TokenSource
from psiselect.base.entropy import Entropy, permutation
from psiselect.base.packed import I64, U8, Packed

DUMMY_TYPE = b"\x02"
FILLER_TYPE = b"\x03"
_FILLER_BYTES = 32


class Part(enum.Enum):
    """What a side is in a run."""

    RECEIVER = enum.auto()
    SENDER = enum.auto()


def pad(
    tokens: TokenSource, size: int, noise: Noise | None, part: Part, entropy: Entropy, keys: int = 1
) -> TokenSource:
    """A run's tokens, filled up to `size` items of `keys` tokens each, with what the noise adds to that (one key
    only): the receiver has all 2t dummies; of the sender's 2t, D are dummies and the others fillers, D - t being the
    noise."""
    present, missing = 0, size - len(tokens)
    if noise is not None:
        present = noise.added
        if part is Part.SENDER:
            present = noise.bound + truncated_laplace(entropy, noise.epsilon, noise.bound)
        missing += noise.added - present
    if not present and not missing:
        return tokens
    return PaddedTokens(tokens, join(dummies(present), fillers(keys * missing, entropy)), entropy, keys)


def dummies(count: int) -> Packed:
    """The first `count` dummies, the same on both sides."""
    return _typed(DUMMY_TYPE, np.arange(count, dtype=">u8").view(np.uint8).reshape(count, 8))


def fillers(count: int, entropy: Entropy) -> Packed:
    """`count` fillers: nobody else ever holds one (32 random bytes each)."""
    drawn = entropy.read(_FILLER_BYTES * count) if count else b""
    return _typed(FILLER_TYPE, np.frombuffer(drawn, np.uint8).reshape(count, _FILLER_BYTES))


def _typed(kind: bytes, rest: U8) -> Packed:
    table = np.concatenate([np.full((len(rest), 1), kind[0], np.uint8), rest], axis=1)
    return Packed(table.reshape(-1), np.arange(len(rest) + 1, dtype=np.int64) * table.shape[1])


def join(first: Packed, second: Packed) -> Packed:
    """Both, one after the other."""
    return Packed.from_arrow(pa.concat_arrays([first.to_arrow(), second.to_arrow()]))


class PaddedTokens:
    """A TokenSource with more items, of `keys` tokens each, strewn in at uniform places. They stay in memory."""

    def __init__(self, tokens: TokenSource, more: Packed, entropy: Entropy, keys: int = 1) -> None:
        self._tokens, self._keys = tokens, keys
        added = len(more) // keys
        places = permutation(entropy, len(tokens) + added)[:added]
        order = np.argsort(places)
        self._places: I64 = places[order]
        self._more = more.take(self._tokens_of(order))

    def __len__(self) -> int:
        return len(self._tokens) + len(self._places)

    def read(self, start: int, stop: int) -> Packed:
        """The tokens of items start..stop of all."""
        stop = min(stop, len(self))
        begin, end = (int(place) for place in np.searchsorted(self._places, (start, stop)))
        inner = self._tokens.read(start - begin, stop - end)
        both = join(inner, self._more.slice(self._keys * begin, self._keys * end))
        strewn = np.zeros(stop - start, np.bool_)
        strewn[self._places[begin:end] - start] = True
        source = np.empty(stop - start, np.int64)
        real = len(inner) // self._keys
        source[~strewn] = np.arange(real)
        source[strewn] = np.arange(real, stop - start)
        return both.take(self._tokens_of(source))

    def numbers(self, positions: I64) -> I64:
        """The owner's numbers at these positions, -1 for items that were strewn in."""
        found = np.full(len(positions), -1, np.int64)
        real = ~np.isin(positions, self._places)
        found[real] = self._tokens.numbers(positions[real] - np.searchsorted(self._places, positions[real]))
        return found

    def _tokens_of(self, items: I64) -> I64:
        """Where the tokens of these items are, item by item."""
        return (items[:, None] * self._keys + np.arange(self._keys)).reshape(-1)

    def close(self) -> None:
        """As of the tokens inside. Safe to call twice."""
        self._tokens.close()
