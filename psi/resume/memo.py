"""A backend that keeps what it computes, so that a session computes nothing twice, and nothing else in its place.

Each scalar's calls of `mask` are numbered, and so are those of `hash_and_mask`; a party makes them in the same order
each time. Call number i gives what is stored under i, if it is asked for the same input; another input is refused, so
that no scalar is ever applied to more than what was stored with it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

import numpy as np

from psi.group.curve25519.backend import Backend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import ELEMENT_BYTES
from psi.resume import words
from psi.resume.journal import Journal, Operation
from psiselect.base.errors import InputError
from psiselect.base.packed import U8, Packed

_SCALAR_ID_BYTES = 16


class MemoBackend:
    """See Backend. Not for several threads."""

    def __init__(self, inner: Backend, journal: Journal, key: bytes) -> None:
        """key: 32 secret bytes; they hide the scalars in what stands for them in the journal."""
        self.name = inner.name
        self._inner = inner
        self._journal = journal
        self._key = hashlib.blake2b(key, digest_size=32, person=b"psiselect-memo").digest()
        self._calls: Counter[bytes] = Counter()

    def mask(self, elements: U8, scalar: Scalar) -> U8:
        """See Backend."""
        given = np.ascontiguousarray(elements)
        digest = hashlib.blake2b(given.data.cast("B") if given.size else b"", digest_size=32).digest()
        return self._once(b"m", scalar, digest, len(elements), lambda: self._inner.mask(elements, scalar))

    def hash_to_curve(self, items: Packed, dst: bytes) -> U8:
        """See Backend. Without a scalar there is nothing to keep."""
        return self._inner.hash_to_curve(items, dst)

    def hash_and_mask(self, items: Packed, scalar: Scalar, dst: bytes) -> U8:
        """See Backend."""
        digest = hashlib.blake2b(len(dst).to_bytes(8, "big") + dst, digest_size=32)
        digest.update(np.diff(items.offsets).astype("<u8").tobytes())
        digest.update(np.ascontiguousarray(items.data[items.offsets[0] : items.offsets[-1]]).tobytes())
        return self._once(
            b"h", scalar, digest.digest(), len(items), lambda: self._inner.hash_and_mask(items, scalar, dst)
        )

    def digest(self, prefix: bytes, elements: U8, items: Packed | None, width: int) -> U8:
        """See Backend."""
        return self._inner.digest(prefix, elements, items, width)

    def close(self) -> None:
        """The backend inside stays open: it is its owner's."""

    def _once(self, kind: bytes, scalar: Scalar, given: bytes, rows: int, compute: Callable[[], U8]) -> U8:
        label = hashlib.blake2b(scalar.key, key=self._key, digest_size=_SCALAR_ID_BYTES).digest() + kind
        number = self._calls[label]
        self._calls[label] += 1
        stored = self._journal.find_operation(label, number)
        if stored is None:
            output = np.ascontiguousarray(compute())
            self._journal.operation(Operation(label, number, given, output.tobytes()))
            return output
        if stored.input_digest != given or len(stored.output) != rows * ELEMENT_BYTES:
            raise misfit(self._journal)
        return np.frombuffer(stored.output, np.uint8).reshape(rows, ELEMENT_BYTES)


def misfit(journal: Journal) -> InputError:
    """What is done now is not what was done then."""
    return words.other_input(journal.path)
