"""No class survives masking: neither curve or twist, nor a coset of the prime-order subgroup.

X25519 keeps a u-coordinate on the curve or on its twist. A hash taken as u-coordinate as it stands puts half of the
items on each, so the peer reads one bit of every masked item. The same check is run on the real map and on that bare
hash: it must hold for the one and fail for the other.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from support.entropy import FixedEntropy

from psi.group.curve25519 import reference
from psi.group.curve25519.backend import load_backend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST, FIELD_PRIME
from psiselect.base.packed import U8, Packed

ITEMS = [b"person%d@example.org" % i for i in range(256)]


def element_class(row: bytes) -> tuple[bool, bool]:
    """What anyone can compute of a masked element: on the curve (else on its twist); in the subgroup of order N."""
    u = int.from_bytes(row, "little")
    return reference.is_square(reference.rhs(u)), reference.ladder(reference.N, u) == 0


def check_one_class(masked: U8) -> None:
    """All elements look alike. If each had a bit of its own, 256 would agree with probability 2^-255."""
    classes = {element_class(row.tobytes()) for row in masked}
    assert classes == {(True, True)}


def bare_hash(items: list[bytes]) -> U8:
    """The planted fault: SHA-256 of the item as u-coordinate."""
    rows = [int.from_bytes(hashlib.sha256(i).digest(), "little") % 2**255 % FIELD_PRIME for i in items]
    return np.frombuffer(b"".join(u.to_bytes(32, "little") for u in rows), np.uint8).reshape(-1, 32)


def test_masked_items_of_the_real_map_are_of_one_class(fixed_entropy: FixedEntropy) -> None:
    backend = load_backend("portable", threads=1)
    check_one_class(backend.hash_and_mask(Packed.of(ITEMS), Scalar.draw(fixed_entropy), DST))


def test_the_same_check_fails_for_a_bare_hash(fixed_entropy: FixedEntropy) -> None:
    backend = load_backend("portable", threads=1)
    scalar = Scalar.draw(fixed_entropy)
    hashed = bare_hash(ITEMS)
    masked = backend.mask(hashed, scalar)
    with pytest.raises(AssertionError):
        check_one_class(masked)
    # And it is the item's own bit that shows: known before masking, read after it.
    before = [element_class(row.tobytes())[0] for row in hashed]
    after = [element_class(row.tobytes())[0] for row in masked]
    assert before == after
    assert 64 < sum(after) < 192  # a fair coin leaves these bounds with probability below 1e-15


def test_a_wrong_branch_of_the_map_is_caught(fixed_entropy: FixedEntropy) -> None:
    """Elligator 2 that always takes its first candidate: half of the items land on the twist."""
    firsts = []
    for item in ITEMS:
        (u,) = reference.hash_to_field(item, 1, DST)
        firsts.append(-reference.A * pow(1 + 2 * u * u, -1, FIELD_PRIME) % FIELD_PRIME)
    rows = np.frombuffer(b"".join(x.to_bytes(32, "little") for x in firsts), np.uint8).reshape(-1, 32)
    masked = load_backend("portable", threads=1).mask(rows, Scalar.draw(fixed_entropy))
    with pytest.raises(AssertionError):
        check_one_class(masked)
