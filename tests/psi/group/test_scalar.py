"""What the inversion of a scalar leaves behind. Its values are compared in test_backend_contract.py."""

from __future__ import annotations

import gc
import sys
import threading

from psi.group.curve25519.scalar import Scalar
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
