"""A channel within one process on which frames are dropped, duplicated, swapped or tampered with on their way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from psi.transport.memory import MemoryChannel, memory_pair
from psi.transport.queue import ProgressDeadline
from psi.transport.wire import Frame

# Given a frame and its position in the stream (from 0), the frames that arrive in its stead.
Tap = Callable[[int, Frame], Iterable[Frame]]

PRINTS = hashlib.sha256(b"first").digest(), hashlib.sha256(b"second").digest()


def tapped_pair(
    *,
    fingerprints: tuple[bytes, bytes] = PRINTS,
    taps: tuple[Tap | None, Tap | None] = (None, None),
    **options: object,
) -> tuple[MemoryChannel, MemoryChannel]:
    """Two connected ends; taps: on what the first and the second party sends."""
    ends = memory_pair(fingerprints=fingerprints, **options)  # type: ignore[arg-type]
    for end, tap in zip(ends, taps, strict=True):
        if tap is not None:
            _tap(end, tap)
    return ends


def _tap(end: MemoryChannel, tap: Tap) -> None:
    """Stand between the end and its queue, so that last words pass too."""
    queue, position = end._outgoing, 0
    put, offer = queue.put, queue.offer

    def arriving(frame: Frame) -> list[Frame]:
        nonlocal position
        frames = list(tap(position, frame))  # a tap may raise: then it meets the next frame in the same position
        position += 1
        return frames

    def tapped_put(frame: Frame, deadline: ProgressDeadline, awaited: str) -> None:
        for one in arriving(frame):
            put(one, deadline, awaited)

    def tapped_offer(frame: Frame) -> None:
        for one in arriving(frame):
            offer(one)

    queue.put, queue.offer = tapped_put, tapped_offer  # type: ignore[method-assign]


def drop(position: int) -> Tap:
    """The frame at `position` never arrives."""
    return lambda at, frame: () if at == position else (frame,)


def duplicate(position: int) -> Tap:
    """The frame at `position` arrives twice."""
    return lambda at, frame: (frame, frame) if at == position else (frame,)


def swap(position: int) -> Tap:
    """The frame at `position` arrives after its successor."""
    held: list[Frame] = []

    def tap(at: int, frame: Frame) -> Iterable[Frame]:
        if at == position:
            held.append(frame)
            return ()
        late, held[:] = tuple(held), ()
        return (frame, *late)

    return tap


def tamper(position: int, change: Callable[[Frame], Frame]) -> Tap:
    """The frame at `position` arrives as `change` makes it."""
    return lambda at, frame: (change(frame),) if at == position else (frame,)
