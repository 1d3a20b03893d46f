"""What online channels are made of: queues of frames, bounded in bytes, and a deadline that moves with progress."""

from __future__ import annotations

import abc
import math
import threading
import time
from collections import deque
from types import TracebackType
from typing import Self

from psi.transport import words
from psi.transport.wire import MAX_FRAME_BYTES, Frame
from psiselect.base.errors import PsiselectError, TransportError

QUEUE_BYTES = 4 << 20
# What a queued frame costs besides its bytes: a peer that sends empty frames must not fill memory with objects.
_FRAME_OVERHEAD = 512
# What a side that gives up leaves queued, so that its reason is not stuck behind megabytes, and how long it waits for
# a peer that takes nothing.
_FAREWELL_BYTES = 1 << 16
_FAREWELL_SECONDS = 2.0


class ProgressDeadline:
    """A deadline of `seconds` without progress, shared by everything that waits on one channel."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last = time.monotonic()

    def progressed(self) -> None:
        """Bytes moved, in either direction."""
        self._last = time.monotonic()

    def left(self, since: float) -> float:
        """Seconds until a wait that began at `since` (of `time.monotonic`) gives up; negative when it is over."""
        return max(since, self._last) + self.seconds - time.monotonic()

    def require(self, awaited: str, since: float = -math.inf) -> float:
        """As `left`, but raises TransportError when it is over; `awaited` says for whom."""
        left = self.left(since)
        if left <= 0:
            raise words.no_progress(self.seconds, awaited)
        return left


class FrameQueue:
    """A queue of frames that is full once it holds `limit` bytes, so it never holds more than that and one frame.

    It ends once, with the error that its users get from then on: putters at once, getters after the last frame.
    """

    def __init__(self, limit: int = QUEUE_BYTES) -> None:
        self._limit = limit
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._end: PsiselectError | None = None
        self._sealed: PsiselectError | None = None

    @property
    def full(self) -> bool:
        """Whether `put` would wait."""
        return self._bytes >= self._limit

    @property
    def end(self) -> PsiselectError | None:
        """What the queue ended with, None while it lives."""
        return self._end

    def put(self, frame: Frame, deadline: ProgressDeadline, awaited: str) -> None:
        """Add a frame, waiting for room. Raises the error the queue ended with, or TransportError when the deadline
        passes; `awaited` says for whom."""
        since = time.monotonic()
        with self._changed:
            while (closed := self._end or self._sealed) is None and self.full:
                self._wait(deadline, since, awaited)
            if closed is not None:
                raise _again(closed)
            self._add(frame)

    def offer(self, frame: Frame) -> None:
        """Add a frame at once (the caller looked at `full`); it is dropped when the queue has ended."""
        with self._changed:
            if self._end is None and self._sealed is None:
                self._add(frame)

    def seal(self, error: PsiselectError, last: Frame) -> None:
        """Put `last` in place of all that waits. Putters get the error from now on; getters still get the frame."""
        with self._changed:
            if self._end is None and self._sealed is None:
                self._sealed = error
                self._frames.clear()
                self._bytes = 0
                self._add(last)

    def get(self, deadline: ProgressDeadline, awaited: str, wait: float | None) -> Frame | None:
        """The next frame; None when `wait` seconds passed without one. With `wait` None the deadline is the limit, and
        TransportError says that it passed. Raises the error the queue ended with once it is empty."""
        since = time.monotonic()
        with self._changed:
            while not self._frames:
                if self._end is not None:
                    raise _again(self._end)
                if wait is None:
                    self._wait(deadline, since, awaited)
                elif (left := since + wait - time.monotonic()) > 0:
                    self._changed.wait(left)
                else:
                    return None
            return self._remove()

    def take(self) -> Frame | None:
        """The next frame, if there is one now."""
        with self._changed:
            return self._remove() if self._frames else None

    def cut(self, most: int) -> None:
        """Drop the newest frames until at most `most` bytes are left."""
        with self._changed:
            while self._bytes > most:
                self._bytes -= len(self._frames.pop()) + _FRAME_OVERHEAD
            self._changed.notify_all()

    def finish(self, error: PsiselectError, *, discard: bool = False) -> None:
        """End the queue (the first end counts); with `discard`, drop what it holds. The error itself is not kept: its
        traceback leads back to the channel, and both would stay until they are looked for."""
        with self._changed:
            if self._end is None:
                self._end = _again(error)
            if discard:
                self._frames.clear()
                self._bytes = 0
            self._changed.notify_all()

    def _add(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._bytes += len(frame) + _FRAME_OVERHEAD
        self._changed.notify_all()

    def _remove(self) -> Frame:
        frame = self._frames.popleft()
        self._bytes -= len(frame) + _FRAME_OVERHEAD
        self._changed.notify_all()
        return frame

    def _wait(self, deadline: ProgressDeadline, since: float, awaited: str) -> None:
        self._changed.wait(deadline.require(awaited, since))


class QueuedChannel(abc.ABC):
    """`send` and `receive` of a `Channel` over an outgoing and an incoming queue that something else empties and
    fills. A context manager: leaving it closes."""

    def __init__(
        self,
        outgoing: FrameQueue,
        incoming: FrameQueue,
        *,
        own_fingerprint: bytes,
        peer_fingerprint: bytes,
        timeout: float,
    ) -> None:
        self.own_fingerprint = own_fingerprint
        self.peer_fingerprint = peer_fingerprint
        self.bytes_sent = 0
        self.bytes_received = 0
        self._outgoing = outgoing
        self._incoming = incoming
        self._deadline = ProgressDeadline(timeout)
        self._closed = False

    def send(self, frame: Frame) -> None:
        """See `Channel.send`. Frames that arrived before a failure can still be received after it."""
        if len(frame) > MAX_FRAME_BYTES:
            raise words.frame_too_large(len(frame), MAX_FRAME_BYTES)
        self._require_open()
        try:
            self._outgoing.put(frame, self._deadline, words.ROOM)
        except TransportError as error:
            self._fail(error)
            raise
        self.bytes_sent += len(frame)
        self._sent()

    def receive(self, wait: float | None = None) -> Frame | None:
        """See `Channel.receive`."""
        self._require_open()
        try:
            frame = self._incoming.get(self._deadline, words.NEXT_MESSAGE, wait)
            if frame is None and self._outgoing.full:  # whoever polls until there is room waits for the peer too
                self._deadline.require(words.ROOM)
        except TransportError as error:
            self._fail(error)
            raise
        if frame is not None:
            self.bytes_received += len(frame)
            self._received()
        return frame

    def ready_to_send(self) -> bool:
        """Whether `send` would return, or raise, at once."""
        return self._closed or self._outgoing.end is not None or not self._outgoing.full

    def abandon(self, last: Frame | None) -> None:
        """See `Channel.abandon`."""
        if not self._closed:
            self._hurry()
            self._outgoing.cut(_FAREWELL_BYTES)
            if last is not None:
                self._outgoing.offer(last)
        self.close()

    @property
    def closing_since(self) -> float | None:
        """When this side began to close it, of `time.monotonic`; None before that, and where no link is closed."""
        return None

    def _hurry(self) -> None:
        self._deadline.seconds = min(self._deadline.seconds, _FAREWELL_SECONDS)

    @abc.abstractmethod
    def close(self) -> None:
        """See `Channel.close`. Raises nothing: what the peer must have got, it has to confirm in a message."""

    @abc.abstractmethod
    def _fail(self, error: TransportError) -> None:
        """The link is of no more use: end both queues, keeping what has arrived. When this side is closing, what it has
        queued still goes."""

    @abc.abstractmethod
    def _sent(self) -> None:
        """A frame was queued."""

    @abc.abstractmethod
    def _received(self) -> None:
        """A frame was taken, so there is room."""

    def _require_open(self) -> None:
        if self._closed:
            raise words.closed_here()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _again(error: PsiselectError) -> PsiselectError:
    """A fresh instance: raising one object in several threads would chain their tracebacks."""
    return type(error)(str(error), term=error.term)
