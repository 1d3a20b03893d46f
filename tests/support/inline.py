"""A session's other side inside the channel: one thread, no clock, and endings at any step."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from psi.protocol import messages
from psi.protocol.party import Party
from psi.transport.wire import Frame
from psiselect.base.errors import PsiselectError

# Called at each frame that reaches this side, with its number: the frame that arrives in its stead. May raise.
Fate = Callable[[int, Frame], Frame]


class InlineChannel:
    """A `Channel` whose peer is a Party that moves whenever this side waits."""

    peer_fingerprint = own_fingerprint = b""
    bytes_sent = bytes_received = 0

    def __init__(self, peer: Party, fate: Fate = lambda number, frame: frame) -> None:
        self._peer, self._fate = peer, fate
        self._arrived: deque[Frame] = deque()
        self.received = 0
        self.abandoned = self.closed = False
        self._take(peer.start())

    def send(self, frame: Frame) -> None:
        """To the peer, which answers at once."""
        self._take(self._peers(lambda: self._peer.receive(Frame(frame.type, bytes(frame.payload)))))

    def receive(self, wait: float | None = None) -> Frame | None:
        """What has arrived; while this side waits, the peer works."""
        for _ in range(1000 if wait != 0 else 0):
            if self._arrived:
                break
            self._take(self._peers(self._peer.work))
        if not self._arrived:
            return None
        self.received += 1
        return self._fate(self.received, self._arrived.popleft())

    def ready_to_send(self) -> bool:
        return True

    def abandon(self, last: Frame | None) -> None:
        self.abandoned = True

    def close(self) -> None:
        self.closed = True

    def _peers(self, move: Callable[[], list[Frame] | None]) -> list[Frame]:
        """What the peer sends; when it gives up, that it does."""
        try:
            return move() or []
        except PsiselectError as error:
            return [messages.abort_frame(error)]

    def _take(self, frames: list[Frame]) -> None:
        self._arrived += [Frame(frame.type, bytes(frame.payload)) for frame in frames]
