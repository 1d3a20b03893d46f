"""The portable backend's worker processes: when they start, how they end. What it computes: test_backend_contract."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from support.entropy import FixedEntropy

from psi.group.curve25519 import portable
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psiselect.base.errors import LocalError
from psiselect.base.packed import Packed

HANGS = 60  # seconds after which a process counts as hung; nothing here should come near

# A script without a main guard, which `multiprocessing` would run again in each worker. It takes Ctrl-C whatever the
# tests were started with: under nohup, and in the background of a shell, SIGINT is ignored.
SCRIPT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from psiselect.base.entropy import SystemEntropy
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psiselect.base.packed import Packed
backend, scalar = PortableBackend(threads=2), Scalar.draw(SystemEntropy())
items = Packed.of(b"%d" % i for i in range(1000))
backend.hash_and_mask(items, scalar, DST)
print("ready", flush=True)
"""


def start(ending: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT + ending],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for the process and for everyone who inherited its stderr (the workers); return what was written there."""
    try:
        return process.communicate(timeout=HANGS)[1]
    finally:
        process.kill()


def test_a_forgotten_backend_does_not_hold_up_exit() -> None:
    process = start("")
    assert finish(process) == ""
    assert process.returncode == 0


def test_workers_die_with_a_killed_starter() -> None:
    process = start("os.kill(os.getpid(), signal.SIGKILL)")
    assert finish(process) == ""
    assert process.returncode == -signal.SIGKILL


def test_workers_die_with_a_starter_killed_in_mid_batch() -> None:
    process = start(
        "import threading; threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()\n"
        "while True: backend.hash_and_mask(items, scalar, DST)"
    )
    assert finish(process) == ""
    assert process.returncode == -signal.SIGKILL


def test_ctrl_c_ends_everything_with_one_traceback() -> None:
    process = start("while True: backend.hash_and_mask(items, scalar, DST)")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    talk = finish(process)
    assert talk.count("Traceback") == 1
    assert talk.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT


def numbered(count: int) -> Packed:
    return Packed.of(b"%d" % i for i in range(count))


def test_small_batches_and_single_threads_start_no_process(
    monkeypatch: pytest.MonkeyPatch, fixed_entropy: FixedEntropy
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    scalar = Scalar.draw(fixed_entropy)
    PortableBackend(threads=4).hash_and_mask(numbered(256), scalar, DST)
    PortableBackend(threads=1).hash_and_mask(numbered(600), scalar, DST)
    with pytest.raises(AssertionError, match="a process was started"):
        PortableBackend(threads=4).hash_and_mask(numbered(257), scalar, DST)


def test_the_scalar_is_in_no_argument_and_no_environment(
    monkeypatch: pytest.MonkeyPatch, fixed_entropy: FixedEntropy
) -> None:
    started = []

    class Recorder(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, args: list[str], **kwargs: object) -> None:
            started.append((args, kwargs))
            super().__init__(args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", Recorder)
    scalar = Scalar.draw(fixed_entropy)
    backend = PortableBackend(threads=2)
    backend.hash_and_mask(numbered(600), scalar, DST)
    backend.close()
    assert len(started) == 2
    for form in (scalar.key.hex(), str(list(scalar.key)), repr(bytes(scalar.key))):
        assert form not in str(started)
    assert all("env" not in kwargs for _, kwargs in started)


def test_a_killed_worker_is_reported(monkeypatch: pytest.MonkeyPatch, fixed_entropy: FixedEntropy) -> None:
    monkeypatch.setattr(portable, "_BOOT", "import sys; sys.stdin.buffer.read(8)")  # dies over its first message
    backend = PortableBackend(threads=2)
    with pytest.raises(LocalError, match="ended early"):
        backend.hash_and_mask(numbered(600), Scalar.draw(fixed_entropy), DST)
    backend.close()


def test_closing_twice_and_use_after_close(fixed_entropy: FixedEntropy) -> None:
    scalar = Scalar.draw(fixed_entropy)
    backend = PortableBackend(threads=2)
    first = backend.hash_and_mask(numbered(600), scalar, DST)
    assert np.array_equal(first[:300], backend.hash_and_mask(numbered(300), scalar, DST))
    backend.close()
    backend.close()
    with pytest.raises(ValueError, match="closed"):
        backend.hash_and_mask(numbered(600), scalar, DST)


@pytest.mark.parametrize("threads", [0, -1])
def test_thread_counts_are_checked(threads: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        PortableBackend(threads=threads)


def test_arguments_are_checked(fixed_entropy: FixedEntropy) -> None:
    backend, scalar = PortableBackend(threads=1), Scalar.draw(fixed_entropy)
    elements = np.zeros((3, 32), np.uint8)
    for wrong in (np.zeros((3, 31), np.uint8), np.zeros(32, np.uint8), np.zeros((3, 32), np.int8)):
        with pytest.raises(ValueError, match="uint8"):
            backend.mask(wrong, scalar)
    for dst in (b"", b"x" * 256):
        with pytest.raises(ValueError, match="separation tag"):
            backend.hash_to_curve(numbered(3), dst)
    with pytest.raises(ValueError, match="prefix"):
        backend.digest(bytes(127), elements, None, 10)
    with pytest.raises(ValueError, match="width"):
        backend.digest(bytes(128), elements, None, 65)
    with pytest.raises(ValueError, match="3 elements but 2 items"):
        backend.digest(bytes(128), elements, numbered(2), 10)
