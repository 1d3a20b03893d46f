"""Two ends of a channel within one process: for tests, and for a party that plays both sides (`psi local`).

A `Tap` stands between the ends and decides what becomes of each frame, so that tests can drop, duplicate, reorder and
tamper with them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from psi.transport.queue import QUEUE_BYTES, FrameQueue, QueuedChannel
from psi.transport.wire import Frame
from psiselect.base.errors import TransportError

# Given a frame and its position in the stream (from 0), the frames that arrive in its place.
Tap = Callable[[int, Frame], Iterable[Frame]]

_CLOSED = "the peer closed the connection before the session was over"


class MemoryChannel(QueuedChannel):
    """One end; made in pairs by `memory_pair`."""

    def __init__(
        self,
        outgoing: FrameQueue,
        incoming: FrameQueue,
        *,
        own_fingerprint: bytes,
        peer_fingerprint: bytes,
        timeout: float,
        tap: Tap | None = None,
    ) -> None:
        super().__init__(
            outgoing, incoming, own_fingerprint=own_fingerprint, peer_fingerprint=peer_fingerprint, timeout=timeout
        )
        self._tap = tap
        self._position = 0

    def send(self, frame: Frame) -> None:
        """See `Channel.send`. The peer gets a copy, as over a network."""
        for arriving in self._as_sent(frame):
            super().send(arriving)

    def close(self) -> None:
        """Close this end. What was sent can still be received; then the peer gets a TransportError."""
        self._closed = True
        self._outgoing.finish(TransportError(_CLOSED))
        self._incoming.finish(TransportError(_CLOSED), discard=True)

    def _as_sent(self, frame: Frame) -> Iterable[Frame]:
        frames: Iterable[Frame] = (frame,)
        if self._tap is not None:
            frames = self._tap(self._position, frame)
            self._position += 1
        return [Frame(arriving.type, bytearray(arriving.view())) for arriving in frames]

    def _fail(self, error: TransportError) -> None:
        self._outgoing.finish(error)
        self._incoming.finish(error)

    def _sent(self) -> None:
        self._deadline.progressed()

    def _received(self) -> None:
        self._deadline.progressed()


def memory_pair(
    *,
    timeout: float = 60.0,
    queue_bytes: int = QUEUE_BYTES,
    fingerprints: tuple[bytes, bytes] | None = None,
    taps: tuple[Tap | None, Tap | None] = (None, None),
) -> tuple[MemoryChannel, MemoryChannel]:
    """Two connected ends, each with a queue of `queue_bytes` towards the other.

    fingerprints: of the first and the second party; made up when not given. taps: on what the first and the second
    party sends.
    """
    first, second = fingerprints or (hashlib.sha256(b"first").digest(), hashlib.sha256(b"second").digest())
    forth, back = FrameQueue(queue_bytes), FrameQueue(queue_bytes)
    return (
        MemoryChannel(forth, back, own_fingerprint=first, peer_fingerprint=second, timeout=timeout, tap=taps[0]),
        MemoryChannel(back, forth, own_fingerprint=second, peer_fingerprint=first, timeout=timeout, tap=taps[1]),
    )


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
