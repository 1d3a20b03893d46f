"""One run of the protocol in one direction: what its two roles share.

A run has a receiver, who learns, and a sender. Both are driven by `psi.protocol.Party`: `receive` handles a message
that the transition table has let through, `work` does one bounded piece of own computing. Both return the frames to
send, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dpselect.entropy import Entropy
from psi import masking
from psi.curve25519.backend import Backend
from psi.errors import RemoteError
from psi.messages import MessageType
from psi.outcomes import Outcome, Reveal
from psi.packed import U8
from psi.spool import Store
from psi.states import State
from psi.tokens import TokenSource
from psi.wire import Frame

Payload = bytes | bytearray | memoryview


@dataclass(frozen=True)
class RunContext:
    """What a role needs to know of the session it is part of.

    tokens, peer_size: with what the terms add to each list. offset: taken off the number of equal tags, t where noise
    is added and None elsewhere. binding: 64 bytes that bind every tag to this session and this run. advance(k): called
    as k group operations are done, for progress.
    """

    reveal: Reveal
    chunk: int
    tokens: TokenSource
    peer_size: int
    offset: int | None
    binding: bytes
    dst: bytes
    backend: Backend
    store: Store
    entropy: Entropy
    advance: Callable[[int], None]

    @property
    def tag_width(self) -> int:
        """Bytes of a tag in this run."""
        return masking.tag_bytes(len(self.tokens), self.peer_size)

    def tags(self, elements: U8, start: int) -> U8:
        """Tags of own tokens start.. from their doubly masked (or sender-masked) elements. Where membership is hidden
        the token stays out of the tag, because the learner could not know which one belongs to an element."""
        items = None if self.reveal.hides_membership else self.tokens.read(start, start + len(elements))
        return masking.tags(self.backend, self.binding, elements, items, self.tag_width)


class Role(Protocol):
    """A receiver or a sender in one run."""

    opening: State  # where the role starts
    outcome: Outcome | None  # None until the run is over

    def receive(self, message: MessageType, payload: Payload, state: State) -> list[Frame]:
        """Handle a message that is in order. Raises RemoteError."""
        ...

    def work(self, state: State) -> list[Frame] | None:
        """Do one piece of own work; None when there is nothing to do but wait."""
        ...

    def close(self) -> None:
        """Wipe the secrets."""
        ...


def rows(payload: Payload, width: int, most: int, what: str) -> U8:
    """A chunk's payload as an array (k, width), 1 <= k <= most. Raises RemoteError."""
    count, rest = divmod(len(payload), width)
    if rest or not 1 <= count <= most:
        raise RemoteError(f"the peer sent {what} of {len(payload)} bytes; expected 1 to {most} rows of {width}")
    return np.frombuffer(payload, np.uint8).reshape(count, width)


def empty(payload: Payload, what: str) -> None:
    """An end marker carries nothing. Raises RemoteError."""
    if len(payload):
        raise RemoteError(f"the peer's {what} carries data")


def chunk_frame(message: MessageType, chunk: U8) -> Frame:
    """A chunk as a frame."""
    return Frame(message, np.ascontiguousarray(chunk).data.cast("B"))
