"""A party that is honest but for some of its frames, which it changes as it sends them over TLS."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from psi.transport.queue import QueuedChannel
from psi.transport.tlschannel import TlsChannel
from psi.transport.wire import Frame

# The frames that are sent in a frame's stead.
Change = Callable[[Frame], list[Frame]]


def tampering(patch: pytest.MonkeyPatch, victim: bytes, message: int, change: Change, number: int = 0) -> None:
    """What this process sends to the party with the fingerprint `victim`: its message of a type, the `number`th from 0,
    becomes what `change` makes of it."""
    send, seen = QueuedChannel.send, 0

    def changed(channel: QueuedChannel, frame: Frame) -> None:
        nonlocal seen
        frames = [frame]
        if isinstance(channel, TlsChannel) and channel.peer_fingerprint == victim and frame.type == message:
            frames = change(frame) if seen == number else frames
            seen += 1
        for one in frames:
            send(channel, one)

    patch.setattr(QueuedChannel, "send", changed)
