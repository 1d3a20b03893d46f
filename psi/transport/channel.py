"""What a session needs of a transport: whole frames, both ways, with a deadline."""

from __future__ import annotations

from typing import Protocol

from psi.transport.wire import Frame


class Channel(Protocol):
    """A two-way stream of frames to one authenticated peer.

    `send` and `receive` may be called from different threads. Queues are bounded: `send` blocks while the peer is slow.
    """

    peer_fingerprint: bytes  # SHA-256 of the peer's DER certificate, 32 bytes
    own_fingerprint: bytes
    bytes_sent: int  # application bytes: frames with their headers, without TLS
    bytes_received: int

    def send(self, frame: Frame) -> None:
        """Queue one frame; blocks while the queue is full. The payload is kept by reference: do not change it after.
        Raises TransportError when the link is down or stalls past the deadline; frames that arrived before can still
        be received then, and the peer's reason may be among them."""
        ...

    def receive(self, wait: float | None = None) -> Frame | None:
        """The next frame; None when `wait` seconds passed without one (0 polls; None waits for the channel's own
        deadline, then TransportError). Raises TransportError when the link died, or stalls past the deadline with the
        send queue full; RemoteError when the peer sent something that is not a frame. A peer that closed cleanly
        without the session's last message is a death too."""
        ...

    def ready_to_send(self) -> bool:
        """Whether `send` would return at once."""
        ...

    def abandon(self, last: Frame | None) -> None:
        """Give up: drop what is queued beyond a little, send `last` behind that if the peer takes it within two seconds
        or so, and close. Raises nothing."""
        ...

    def close(self) -> None:
        """Flush what is queued (bounded by the deadline), then close. Safe to call twice. Raises nothing: what the peer
        must have got, it has to confirm in a message."""
        ...
