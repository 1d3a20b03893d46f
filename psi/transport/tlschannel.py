"""A channel over one TLS connection, moved by a thread of its own.

A TLS connection must not be used by two threads at once, so one thread does all reading and writing, without ever
blocking on either, and meets the others at two bounded queues. When the incoming queue is full it stops reading, and
TCP stops the peer; when the outgoing queue is full, `send` waits. So computing overlaps with the network, and memory
does not grow with a peer that is slow, stopped or too eager.
"""

from __future__ import annotations

import contextlib
import enum
import selectors
import socket
import ssl
import threading
import time
from collections import deque

from psi.transport import words
from psi.transport.pinning import DROPPED, HungUpError, reason
from psi.transport.queue import QUEUE_BYTES, FrameQueue, QueuedChannel
from psi.transport.stream import TlsStream
from psi.transport.wire import HEADER_BYTES, Frame, FrameDecoder
from psiselect.base import threads
from psiselect.base.errors import RemoteError, ResourceError, TransportError

_RECORD_BYTES = 1 << 14  # the most that one TLS record carries
_BURST = 64  # records in one direction before the other gets its turn
_LINGER_SECONDS = 5.0


class _Next(enum.Enum):
    """What one direction waits for."""

    NOTHING = 0  # it can go on at once
    READABLE = selectors.EVENT_READ
    WRITABLE = selectors.EVENT_WRITE
    QUEUE = -1  # a frame to send, or room for one


class TlsChannel(QueuedChannel):
    """See `psi.transport.channel.Channel`. Takes over a stream whose handshake is done and whose peer is pinned."""

    def __init__(
        self,
        stream: TlsStream,
        *,
        own_fingerprint: bytes,
        peer_fingerprint: bytes,
        timeout: float,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        super().__init__(
            FrameQueue(queue_bytes),
            FrameQueue(queue_bytes),
            own_fingerprint=own_fingerprint,
            peer_fingerprint=peer_fingerprint,
            timeout=timeout,
        )
        self._stream = stream
        self._decoder = FrameDecoder()
        self._unsent: deque[memoryview] = deque()
        self._reading = True
        self._writing_failed: OSError | None = None
        self._closing_since: float | None = None
        self._woken = False
        self._waking = threading.Lock()
        self._waker, self._wakes = socket.socketpair()
        self._waker.setblocking(False)
        self._wakes.setblocking(False)
        try:
            self._thread = threads.start(self._run, name="psiselect-tls")
        except ResourceError:
            self._waker.close()
            self._wakes.close()
            raise

    @property
    def closing_since(self) -> float | None:
        """See `QueuedChannel.closing_since`."""
        return self._closing_since

    def close(self) -> None:
        """See `Channel.close`."""
        if not self._closed:
            self._closed = True
            self._closing_since = self._closing_since or time.monotonic()
            self._incoming.finish(words.closed(), discard=True)
            self._wake()
        self._thread.join(self._deadline.seconds + 2 * _LINGER_SECONDS)

    def break_off(self, why: str, last: Frame | None = None) -> None:
        """End the session from another thread: whoever waits on this channel, or uses it next, gets a TransportError
        that says why. The peer gets `last`, where there is one and the link takes it, and nothing more."""
        error = words.ended(why)
        self._incoming.finish(error, discard=True)
        if last is None or self._closed:
            self._outgoing.finish(error, discard=True)
        else:
            self._hurry()
            self._outgoing.seal(error, last)
            self._closing_since = time.monotonic()
        self._wake()

    def _fail(self, error: TransportError) -> None:
        if self._closing_since is not None:
            return  # close() ended the incoming queue, which a reader took for a broken link: what is queued still goes
        self._incoming.finish(error)
        self._outgoing.finish(error, discard=True)
        self._wake()

    def _sent(self) -> None:
        self._wake()

    def _received(self) -> None:
        self._wake()

    def _wake(self) -> None:
        # The thread clears the flag before it looks at the queues: a change made before the flag was seen set is seen.
        # The lock keeps a number of a closed socket from being used for another one.
        if not self._woken:
            with self._waking, contextlib.suppress(OSError):  # full, or the thread has ended: no need to wake it
                self._woken = True
                self._waker.send(b"\0")

    # From here on, everything runs in the channel's thread.

    def _run(self) -> None:
        error: TransportError = words.thread_failed()
        polite = False
        try:
            polite = self._move()
            error = HungUpError(words.CLOSED)
        except OSError as failure:
            kind = HungUpError if isinstance(failure, DROPPED) else TransportError
            error = kind(words.broke(reason(failure)))
        finally:
            self._incoming.finish(error)
            self._outgoing.finish(error, discard=True)
            with contextlib.suppress(OSError):
                self._hang_up(polite)
            with self._waking:
                self._waker.close()
                self._wakes.close()
            self._writing_failed = None  # its traceback leads back here

    def _move(self) -> bool:
        """Move bytes until the peer closes, this side has closed and all is sent (then True: a close_notify makes
        sense), or the deadline has passed (False). Raises OSError when the link fails."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakes, selectors.EVENT_READ)
            watched = 0
            while self._outgoing.end is None:
                incoming = self._read() if self._reading else _Next.QUEUE
                if incoming is None:
                    return True
                # Read before the queue: what was queued before this side closed is then found in it.
                closing_since = self._closing_since
                outgoing = self._write()
                if self._writing_failed is not None and not self._reading:
                    raise self._writing_failed
                timeout = None
                if closing_since is not None:
                    if outgoing is _Next.QUEUE:
                        return True
                    timeout = closing_since + self._deadline.seconds - time.monotonic()
                    if timeout <= 0:
                        return False
                if _Next.NOTHING in (incoming, outgoing):
                    timeout = 0
                wanted = 0
                for waits_for in (incoming, outgoing):
                    if waits_for in (_Next.READABLE, _Next.WRITABLE):
                        wanted |= waits_for.value
                watched = _watch(selector, self._stream.sock, watched, wanted)
                for key, _ in selector.select(timeout):
                    if key.fileobj is self._wakes:
                        self._wakes.recv(64)
                        self._woken = False
            return False

    def _read(self) -> _Next | None:
        """Read until there is no more, or no room. None when the peer closed."""
        for _ in range(_BURST):
            if self._incoming.full:
                return _Next.QUEUE
            try:
                count = self._stream.recv_into(self._decoder.buffer())
                self._deadline.progressed()
                if count == 0:
                    self._decoder.end()
                    return None
                frame = self._decoder.advance(count)
            except ssl.SSLWantReadError:
                return _Next.READABLE
            except ssl.SSLWantWriteError:
                return _Next.WRITABLE
            except RemoteError as error:
                # Nothing after this makes sense, but this side may still have its say before it closes.
                self._incoming.finish(error)
                self._reading = False
                return _Next.QUEUE
            if frame is not None:
                self._incoming.offer(frame)
        return _Next.NOTHING

    def _write(self) -> _Next:
        """Write until there is no more, or no room."""
        for _ in range(_BURST):
            if self._writing_failed is not None:
                return _Next.QUEUE
            if not self._unsent and (frame := self._outgoing.take()) is not None:
                self._unsent.extend(_pieces(frame))
            try:
                if not self._unsent:
                    self._stream.flush()
                    return _Next.QUEUE
                piece = self._unsent[0]
                count = self._stream.send(piece)
            except ssl.SSLWantReadError:
                return _Next.READABLE
            except ssl.SSLWantWriteError:
                return _Next.WRITABLE
            except DROPPED as error:
                # The peer's reason (its last frame, or an alert) may still be waiting to be read: it says more.
                self._writing_failed = error
                continue
            self._deadline.progressed()
            if count == len(piece):
                self._unsent.popleft()
            else:
                self._unsent[0] = piece[count:]
        return _Next.NOTHING

    def _hang_up(self, polite: bool) -> None:
        """Send close_notify, then wait for the peer to close too: closing first, with its bytes unread, would make a
        reset that can destroy the last frame sent to it."""
        deadline = time.monotonic() + min(_LINGER_SECONDS, self._deadline.seconds)
        with contextlib.closing(self._stream.sock) as raw:
            if not polite:
                return
            goodbye = self._writing_failed is None
            while goodbye and time.monotonic() < deadline:
                try:
                    self._stream.say_goodbye()
                except ssl.SSLWantWriteError:
                    _ready(raw, selectors.EVENT_WRITE, deadline)
                    continue
                break
            raw.shutdown(socket.SHUT_WR)
            while _ready(raw, selectors.EVENT_READ, deadline) and raw.recv(1 << 16):
                pass


def _pieces(frame: Frame) -> list[memoryview]:
    """A frame as views to write in turn; the header shares a record with the start of the payload."""
    payload = frame.view()
    start = _RECORD_BYTES - HEADER_BYTES
    first = memoryview(frame.header() + payload[:start])
    return [first, payload[start:]] if len(payload) > start else [first]


def _watch(selector: selectors.BaseSelector, sock: socket.socket, watched: int, wanted: int) -> int:
    if wanted and watched:
        if wanted != watched:
            selector.modify(sock, wanted)
    elif wanted:
        selector.register(sock, wanted)
    elif watched:
        selector.unregister(sock)
    return wanted


def _ready(sock: socket.socket, event: int, deadline: float) -> bool:
    """Wait until `sock` can be read or written; False when the deadline passes first."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, event)
        return bool(selector.select(max(0.0, deadline - time.monotonic())))
