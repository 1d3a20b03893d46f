"""Two ends of a channel within one process: both parties are here (`psi local`)."""

from __future__ import annotations

from psi.transport import words
from psi.transport.queue import QUEUE_BYTES, FrameQueue, QueuedChannel
from psi.transport.wire import Frame
from psiselect.base.errors import TransportError


class MemoryChannel(QueuedChannel):
    """One end; made in pairs by `memory_pair`."""

    def send(self, frame: Frame) -> None:
        """See `Channel.send`. The peer gets a copy, as over a network."""
        super().send(Frame(frame.type, bytearray(frame.view())))

    def close(self) -> None:
        """Close this end. What was sent can still be received; then the peer gets a TransportError."""
        self._closed = True
        self._outgoing.finish(words.closed())
        self._incoming.finish(words.closed(), discard=True)

    def _fail(self, error: TransportError) -> None:
        self._outgoing.finish(error)
        self._incoming.finish(error)

    def _sent(self) -> None:
        self._deadline.progressed()

    def _received(self) -> None:
        self._deadline.progressed()


def memory_pair(
    *, fingerprints: tuple[bytes, bytes], timeout: float = 60.0, queue_bytes: int = QUEUE_BYTES
) -> tuple[MemoryChannel, MemoryChannel]:
    """Two connected ends, each with a queue of `queue_bytes` towards the other.

    fingerprints: of the first and the second party.
    """
    first, second = fingerprints
    forth, back = FrameQueue(queue_bytes), FrameQueue(queue_bytes)
    return (
        MemoryChannel(forth, back, own_fingerprint=first, peer_fingerprint=second, timeout=timeout),
        MemoryChannel(back, forth, own_fingerprint=second, peer_fingerprint=first, timeout=timeout),
    )
