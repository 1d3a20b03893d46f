"""Both sides of a run of the fast mode in one process."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from psi.fast.kernels.interface import Kernels
from psi.fast.kernels.portable import PortableKernels
from psi.fast.parameters import CHOICES
from psi.fast.receiver import FastReceiver
from psi.fast.run import FastRun
from psi.fast.sender import FastSender
from psi.fast.states import FastState
from psi.group.curve25519.lanes.target import LanesUnavailableError, Target
from psi.group.curve25519.suite import DST
from psi.store.spool import Store
from psi.transport.wire import Frame
from psiselect.base.entropy import Entropy, SystemEntropy
from psiselect.base.packed import I64, U8, Packed
from support.transfers import BINDING, backend

Change = Callable[[str, Frame], Frame | None]


class Listed:
    """Items in a list."""

    def __init__(self, items: Packed) -> None:
        self._items = items

    @classmethod
    def of(cls, items: Sequence[bytes]) -> Listed:
        return cls(Packed.of(items))

    def __len__(self) -> int:
        return len(self._items)

    def read(self, start: int, stop: int) -> Packed:
        return self._items.slice(start, stop)


@functools.cache
def portable() -> Kernels:
    return PortableKernels()


def context(items: Sequence[bytes] | Listed, peer_size: int, **changes: Any) -> FastRun:
    listed = items if isinstance(items, Listed) else Listed.of(items)
    given: dict[str, Any] = {
        "items": listed, "peer_size": peer_size, "binding": BINDING, "dst": DST, "backend": backend(),
        "kernels": portable(), "store": Store(), "entropy": SystemEntropy(), "chunk": 1000,
    }  # fmt: skip
    return FastRun(**{**given, **changes})


def drive(
    receiver: FastReceiver, sender: FastSender, change: Change | None = None, *, keep: bool = True
) -> list[tuple[str, Frame]]:
    """Carry all messages; each with who sent it. change: what the network makes of one; None loses it."""
    sides = {"receiver": receiver, "sender": sender}
    waiting: deque[tuple[str, Frame]] = deque()
    said: list[tuple[str, Frame]] = []

    def send(who: str, frames: list[Frame]) -> None:
        for frame in frames:
            passed = frame if change is None else change(who, frame)
            if passed is not None:
                if keep:
                    said.append((who, passed))
                waiting.append((who, passed))

    for who, side in sides.items():
        send(who, side.start())
    while receiver.state is not FastState.OVER or sender.state is not FastState.OVER:
        if waiting:
            who, frame = waiting.popleft()
            other = "sender" if who == "receiver" else "receiver"
            send(other, sides[other].receive(Frame(frame.type, bytearray(frame.view()))))
            continue
        done = {who: side.work() for who, side in sides.items()}
        for who, frames in done.items():
            send(who, frames or [])
        if all(frames is None for frames in done.values()):
            raise RuntimeError("both sides wait")
    return said


def run_both(
    own: Sequence[bytes] | Listed,
    other: Sequence[bytes] | Listed,
    entropy: Callable[[str], Entropy] = lambda who: SystemEntropy(),
    **changes: Any,
) -> tuple[I64, list[tuple[str, Frame]], FastReceiver, FastSender]:
    """The receiver's matches by number, all messages and both sides."""
    receiver = FastReceiver(context(own, len(other), entropy=entropy("receiver"), store=Store(), **changes))
    sender = FastSender(context(other, len(own), entropy=entropy("sender"), store=Store(), **changes))
    said = drive(receiver, sender)
    assert receiver.comparison is not None
    return receiver.comparison.matches()[0], said, receiver, sender


def expected(own: Sequence[bytes], other: Sequence[bytes]) -> I64:
    """A plain join."""
    there = set(other)
    return np.array([number for number, item in enumerate(own) if item in there], np.int64)


def without_curve(patch: pytest.MonkeyPatch) -> None:
    """Base transfers dealt by hand: they are tested by themselves, and are most of a small run."""
    pairs = np.frombuffer(SystemEntropy().read(CHOICES * 64), np.uint8).reshape(CHOICES, 2, 32)

    class Chooser:
        def __init__(self, *_: object) -> None:
            self.bits = np.frombuffer(SystemEntropy().read(CHOICES), np.uint8) & 1

        def request(self) -> U8:
            return np.zeros((CHOICES, 32), np.uint8)

        def seeds(self, answer: U8) -> U8:
            return pairs[np.arange(CHOICES), self.bits]

        def close(self) -> None:
            """Nothing is secret in a test."""

    patch.setattr("psi.fast.sender.BaseReceiver", Chooser)
    patch.setattr("psi.fast.receiver.BaseSender.answer", lambda self, request: (request, pairs))


@functools.cache
def every_kernels() -> list[Kernels]:
    """The portable ones, and the compiled ones where the processor is one for them, whatever their self-test says."""
    try:
        from psi.fast.kernels.compiled import CompiledKernels

        Target.host().lanes()
    except (ImportError, LanesUnavailableError):
        return [portable()]
    return [portable(), CompiledKernels()]


@functools.cache
def with_sha_instructions() -> Kernels:
    """Compiled ones that hash as on a processor with SHA instructions, whether this one has them or not."""
    from psi.fast.kernels import hashing
    from psi.fast.kernels.compiled import CompiledKernels

    return CompiledKernels(way=hashing.SHA if hashing.SHA in hashing.ways() else hashing.SHA_GENERIC)
