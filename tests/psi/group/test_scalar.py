"""What the inversion of a scalar leaves behind. Its values are compared in test_backend_contract.py."""

from __future__ import annotations

import gc
import sys
import threading

import pytest
from support.entropy import FixedEntropy

from psi.group.curve25519 import scalar
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import ORDER
from psiselect.base.entropy import SystemEntropy

THREADS = 300


def test_a_thread_that_inverts_leaves_nothing() -> None:
    """A listener has a thread per session. gmpy2 would keep three blocks of each, about 280 bytes."""
    entropy = SystemEntropy()

    def session() -> None:
        Scalar.draw(entropy).inverse(entropy)

    def run(count: int) -> None:
        for _ in range(count):
            thread = threading.Thread(target=session)
            thread.start()
            thread.join()
        gc.collect()

    run(50)
    before = sys.getallocatedblocks()
    run(THREADS)
    assert sys.getallocatedblocks() - before < THREADS


def test_the_inversion_sees_a_blinded_scalar_that_is_another_one_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time depends on what it inverts. Two blinds are alike with probability about 2^-252."""
    seen: list[int] = []

    def spy(base: int, exponent: int, modulus: int) -> int:
        if modulus == ORDER:
            seen.append(base)
        return pow(base, exponent, modulus)

    monkeypatch.setattr(scalar, "pow", spy, raising=False)
    secret = Scalar(bytes(range(32)))
    inverses = {bytes(secret.inverse(FixedEntropy(seed)).key) for seed in ("one", "two")}
    assert len(inverses) == 1
    own = int.from_bytes(secret.key, "little") % ORDER
    assert len({*seen, own, ORDER - own}) == 4
