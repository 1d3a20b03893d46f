"""A digest of all that a party puts into a session, in the order in which it would use it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from psi.inputs.tokens import TokenSource
from psi.protocol.setup import Setup
from psiselect.base.entropy import Entropy
from psiselect.base.packed import Packed
from psiselect.base.seeded import SEED_BYTES, SeededEntropy

_CHUNK = 1 << 14


def digest_of(setup: Callable[[Entropy], Setup]) -> bytes:
    """32 bytes for what a setup puts in (tokens, labels and values), given the way to build it with some random bits.
    The same lists in the same order, cut into the same partitions, give the same digest."""
    built = setup(SeededEntropy(bytes(SEED_BYTES)))  # any order will do, as long as it is the same each time
    hasher = hashlib.blake2b(digest_size=32, person=b"psiselect-input")
    for number, size in enumerate(built.sizes):
        hasher.update(size.to_bytes(8, "big"))
        tokens = built.tokens(number)
        try:
            for start in range(0, len(tokens), _CHUNK):
                _add(hasher, built, tokens, start, min(start + _CHUNK, len(tokens)))
        finally:
            tokens.close()
    return hasher.digest()


def _add(hasher: hashlib.blake2b, setup: Setup, tokens: TokenSource, start: int, stop: int) -> None:
    hasher.update(_packed(tokens.read(start, stop)))
    numbers = tokens.numbers(np.arange(start, stop))
    if setup.labels is not None:
        hasher.update(np.ascontiguousarray(setup.labels.payloads(numbers)).tobytes())
    if setup.values is not None:
        hasher.update(setup.values(numbers).astype("<i8").tobytes())


def _packed(items: Packed) -> bytes:
    return np.diff(items.offsets).astype("<u8").tobytes() + items.data[items.offsets[0] : items.offsets[-1]].tobytes()
