"""One backend for many sessions: threads get what each would get alone, and a lost worker is replaced."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.entropy import FixedEntropy

from psi.group.curve25519 import reference
from psi.group.curve25519.backend import BACKENDS, Backend, load_backend
from psi.group.curve25519.lanes.backend import LanesBackend
from psi.group.curve25519.lanes.target import LanesUnavailableError
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psiselect.base.errors import LocalError
from psiselect.base.packed import U8, Packed

ROWS = 1_500


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    loaded = load_backend(request.param, threads=2)
    yield loaded
    loaded.close()


def work(backend: Backend, session: int) -> list[U8]:
    """What a session of its own secret and items computes."""
    entropy = FixedEntropy(f"session {session}")
    items = Packed.of([b"%d of %d" % (number, session) for number in range(ROWS)])
    with Scalar.draw(entropy) as scalar:
        masked = backend.hash_and_mask(items, scalar, DST)
        again = backend.mask(masked, scalar)
        return [masked, again, backend.digest(bytes([session]) * 128, again, items, 11)]


def test_sessions_at_once_do_not_touch_each_other(backend: Backend) -> None:
    alone = [work(backend, session) for session in range(5)]
    together: dict[int, list[U8]] = {}
    start = threading.Barrier(5)

    def run(session: int) -> None:
        start.wait()
        together[session] = work(backend, session)

    threads = [threading.Thread(target=run, args=(session,)) for session in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for session in range(5):
        for one, other in zip(alone[session], together[session], strict=True):
            assert np.array_equal(one, other)
    scalar = Scalar(FixedEntropy("session 3").read(32))
    assert reference.x25519(bytes(scalar.key), alone[3][0][7].tobytes()) == alone[3][1][7].tobytes()


def test_a_digest_does_not_wait_for_the_long_pieces_of_another_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs in the caller's thread then; with the pool to itself it is spread over the pool's threads."""
    try:
        backend = LanesBackend(threads=2)
    except LanesUnavailableError:
        pytest.skip("no vector code here")
    kernel, free, at_work = backend._kernel, threading.Event(), threading.Semaphore(0)
    usual, places = kernel.digest, []

    def mask(out: U8, elements: U8, scalar: object) -> None:
        at_work.release()
        assert free.wait(60)

    def digest(*arguments: Any) -> None:
        places.append(threading.current_thread().name)
        usual(*arguments)

    monkeypatch.setattr(kernel, "mask", mask)
    monkeypatch.setattr(kernel, "digest", digest)
    rows = np.zeros((4_096, 32), np.uint8)
    with Scalar.draw(FixedEntropy("scalar")) as scalar:
        masking = threading.Thread(target=backend.mask, args=(rows, scalar))
        masking.start()
        assert all(at_work.acquire(timeout=60) for _ in range(2))  # both threads of the pool
        quick = threading.Thread(target=backend.digest, args=(bytes(128), rows, None, 11), name="caller")
        quick.start()
        quick.join(30)
        waited = quick.is_alive()
        free.set()
        masking.join()
        quick.join()
    assert not waited
    assert places == ["caller", "caller"]
    places.clear()
    backend.digest(bytes(128), rows, None, 11)
    assert len(places) == 2
    assert all(place.startswith("psiselect-lanes") for place in places)
    backend.close()


def test_a_lost_worker_fails_one_call_and_is_replaced() -> None:
    backend = PortableBackend(threads=2)
    try:
        expected = work(backend, 1)
        assert backend._pool is not None
        for worker in backend._pool._workers:
            os.kill(worker._process.pid, signal.SIGKILL)
            worker._process.wait()
        failed = 0
        for _ in range(4):
            try:
                found = work(backend, 1)
            except LocalError:
                failed += 1
        assert 1 <= failed <= 2
        assert all(np.array_equal(one, other) for one, other in zip(expected, found, strict=True))
    finally:
        backend.close()
