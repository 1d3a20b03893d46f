"""Items that no table holds: dummies, which carry the noise of `noisy-count`, and fillers, which match nothing.

Both are tokens of a type of their own (docs/protocol.md, "Items") and are hashed and masked like all others, so that
nobody can tell them from real ones by their form: random bytes instead would lie on the twist half of the time.
"""

from __future__ import annotations

import enum

import numpy as np
import pyarrow as pa

from dpselect.entropy import Entropy, permutation
from dpselect.truncated import truncated_laplace
from psi.noise import Noise
from psi.packed import I64, U8, Packed
from psi.tokens import TokenSource

DUMMY_TYPE = b"\x02"
FILLER_TYPE = b"\x03"
_FILLER_BYTES = 32


class Part(enum.Enum):
    """What a side is in a run."""

    RECEIVER = enum.auto()
    SENDER = enum.auto()


def pad(tokens: TokenSource, size: int, noise: Noise | None, part: Part, entropy: Entropy) -> TokenSource:
    """A run's tokens, filled up to `size`, with what the noise adds to that: the receiver has all 2t dummies; of the
    sender's 2t, D are dummies and the others fillers, D - t being the noise."""
    present, missing = 0, size - len(tokens)
    if noise is not None:
        present = noise.added
        if part is Part.SENDER:
            present = noise.bound + truncated_laplace(entropy, noise.epsilon, noise.bound)
        missing += noise.added - present
    return PaddedTokens(tokens, dummies(present), fillers(missing, entropy), entropy) if present or missing else tokens


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


def _join(first: Packed, second: Packed) -> Packed:
    return Packed.from_arrow(pa.concat_arrays([first.to_arrow(), second.to_arrow()]))


class PaddedTokens:
    """A TokenSource with more tokens strewn in at uniform places; they have no key numbers. They stay in memory."""

    def __init__(self, tokens: TokenSource, dummies: Packed, fillers: Packed, entropy: Entropy) -> None:
        self._tokens = tokens
        more = _join(dummies, fillers)
        total = len(tokens) + len(more)
        places = permutation(entropy, total)[: len(more)]
        order = np.argsort(places)
        self._places: I64 = places[order]
        self._more = more.take(order)

    def __len__(self) -> int:
        return len(self._tokens) + len(self._more)

    def read(self, start: int, stop: int) -> Packed:
        """Tokens start..stop of all."""
        stop = min(stop, len(self))
        begin, end = np.searchsorted(self._places, (start, stop))
        inner = self._tokens.read(start - int(begin), stop - int(end))
        both = _join(inner, self._more.slice(int(begin), int(end)))
        strewn = np.zeros(stop - start, np.bool_)
        strewn[self._places[begin:end] - start] = True
        source = np.empty(stop - start, np.int64)
        source[~strewn] = np.arange(len(inner))
        source[strewn] = np.arange(len(inner), len(both))
        return both.take(source)

    def keys(self, positions: I64) -> I64:
        """Key numbers of those positions that are real, ascending."""
        real = positions[~np.isin(positions, self._places)]
        return self._tokens.keys(real - np.searchsorted(self._places, real))

    def close(self) -> None:
        """As of the tokens inside. Safe to call twice."""
        self._tokens.close()
