"""What the tests of oblivious transfers share."""

from __future__ import annotations

import functools

import numpy as np

from psi.group.curve25519.backend import Backend, load_backend
from psiselect.base.packed import U8
from support.entropy import FixedEntropy

BINDING = bytes(range(64))


@functools.cache
def backend() -> Backend:
    return load_backend("auto", 1)


def random_bits(count: int, name: str = "bits") -> U8:
    return np.frombuffer(FixedEntropy(name).read(count), np.uint8) & 1
