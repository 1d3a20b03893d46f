"""What the two sides of a run share: what they are told of the session, and how they are driven.

    side.start()          the first frames
    side.receive(frame)   the frames that answer one from the peer
    side.work()           one bounded piece of own computing, and the frames it yields; None when only waiting is left

until `side.state` is OVER. As in psi.protocol: no file, no socket, no clock, no thread.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psi.fast import words
from psi.fast.items import ItemList
from psi.fast.kernels.interface import Kernels
from psi.fast.parameters import MAX_ITEMS
from psi.fast.states import FastState, after
from psi.group import masking
from psi.group.curve25519.backend import Backend
from psi.labels.labels import SEAL_BYTES
from psi.store.spool import Store
from psi.transport.wire import HEADER_BYTES, MAX_FRAME_BYTES, Frame
from psiselect.base.entropy import Entropy
from psiselect.base.packed import I64, U8
from psiselect.base.turns import RECEIVE, SEND

# The payloads of the list's items with these numbers, in their order, uint8, shape (n, label width).
Payloads = Callable[[I64], U8]


@dataclass(frozen=True)
class FastRun:
    """What a side needs to know of the session.

    Attributes:
        items: own items, distinct, in any order: nothing that is sent depends on it.
        peer_size: the peer's number of items.
        binding: 64 bytes that stand for the session and the run.
        dst: the domain separation tag of the group's hash, for the base transfers.
        chunk: tags in a full frame, at most.
        label_width: bytes that travel along with each of the sender's items before they are sealed; 0 for none.
        payloads: where the sender has them from.
    """

    items: ItemList
    peer_size: int
    binding: bytes
    dst: bytes
    backend: Backend
    kernels: Kernels
    store: Store
    entropy: Entropy
    chunk: int
    label_width: int = 0
    payloads: Payloads | None = None

    def __post_init__(self) -> None:
        if len(self.items) > MAX_ITEMS:
            raise words.too_long(len(self.items), MAX_ITEMS)
        if self.peer_size > MAX_ITEMS:
            raise words.peer_too_long(self.peer_size, MAX_ITEMS)

    @property
    def tag_width(self) -> int:
        """Bytes of a tag, as in other runs."""
        return masking.tag_bytes(len(self.items), self.peer_size)

    @property
    def sealed_width(self) -> int:
        """Bytes of a sealed label, 0 when none travels."""
        return self.label_width + SEAL_BYTES if self.label_width else 0

    @property
    def tag_rows_in_chunk(self) -> int:
        """Tags with their labels in a full frame."""
        return min(self.chunk, (MAX_FRAME_BYTES - HEADER_BYTES) // (self.tag_width + self.sealed_width))


class FastSide(abc.ABC):
    """The table's part of a side: every message passes it, both ways."""

    state: FastState

    @property
    @abc.abstractmethod
    def done(self) -> int:
        """How much of `psi.fast.cost.work` is done."""

    def _receiving(self, message: int) -> FastState:
        """Let a message in; the state before it. Raises RemoteError."""
        before, self.state = self.state, after(self.state, RECEIVE, message)
        return before

    def _sending(self, frames: Sequence[Frame]) -> list[Frame]:
        """Let messages out."""
        for frame in frames:
            self.state = after(self.state, SEND, frame.type)
        return list(frames)
