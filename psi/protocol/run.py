"""One run of the protocol in one direction: what its two roles share.

A run has a receiver, who learns, and a sender. Both are driven by `psi.protocol.party.Party`: `receive` handles a
message that the transition table has let through, `work` does one bounded piece of own computing. Both return the
frames to send, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from psi.agreement.modes import Reveal
from psi.group import masking
from psi.group.curve25519.backend import Backend
from psi.group.masking import Derivation
from psi.inputs.tokens import TokenSource
from psi.labels.labels import KEY_BYTES, SEAL_BYTES
from psi.protocol import words
from psi.protocol.messages import MessageType
from psi.protocol.outcome import Finding
from psi.protocol.states import State
from psi.store.rows import repeats
from psi.store.spool import Column, Store
from psi.transport.wire import HEADER_BYTES, MAX_FRAME_BYTES, Frame
from psiselect.base.entropy import Entropy
from psiselect.base.packed import I64, U8, Packed

Payload = bytes | bytearray | memoryview


@dataclass(frozen=True)
class RunContext:
    """What a role needs to know of the session it is part of.

    keys: tokens an item has. tokens, peer_size: items, with what the terms add to each list. offset: taken off the
    number of equal tags, t where noise is added and None elsewhere. binding: 64 bytes that bind every tag to this
    session and this run. advance(k): called as k group operations are done, for progress. label_width: bytes that
    travel along with each of the sender's items, 0 for none; labels: where the sender has them from. values: where it
    has the values from that add up, in `sum` only. copies: of each of the receiver's items, more than one in a gate
    only.
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
    keys: int = 1
    label_width: int = 0
    labels: Labels | None = None
    values: Values | None = None
    copies: int = 1

    @property
    def items_in_chunk(self) -> int:
        """Items whose elements make a full chunk."""
        return max(1, self.chunk // self.keys)

    @property
    def sealed_width(self) -> int:
        """Bytes of a sealed label, 0 when none travels."""
        return self.label_width + SEAL_BYTES if self.label_width else 0

    @property
    def tag_row_width(self) -> int:
        """Bytes of a sender's item in TAGS: its tags, then its sealed labels."""
        return self.keys * (self.tag_width + self.sealed_width)

    @property
    def tag_rows_in_chunk(self) -> int:
        """Such rows in a full chunk; a frame has its limit, however wide they are."""
        return min(self.items_in_chunk, (MAX_FRAME_BYTES - HEADER_BYTES) // self.tag_row_width)

    @property
    def tag_width(self) -> int:
        """Bytes of a tag in this run."""
        return masking.tag_bytes(len(self.tokens), self.peer_size)

    def tags(self, elements: U8, start: int) -> U8:
        """Tags of own items start.. from their doubly masked (or sender-masked) elements, token by token. Where
        membership is hidden the token stays out of the tag, because the learner could not know which one belongs to an
        element."""
        items = None if self.reveal.hides_membership else self._items(elements, start)
        return masking.tags(self.backend, self.binding, elements, items, self.tag_width)

    def label_keys(self, elements: U8, start: int) -> U8:
        """What the labels of these tokens are sealed under, shape (tokens, 32); without the element nobody has it."""
        items = self._items(elements, start)
        return masking.derive(self.backend, Derivation.LABEL, self.binding, elements, items, KEY_BYTES)

    def _items(self, elements: U8, start: int) -> Packed:
        return self.tokens.read(start, start + len(elements) // self.keys)


# The values of the records with these numbers, int64, in their order; 0 for -1, a record that was only added.
Values = Callable[[I64], I64]


class Labels(Protocol):
    """What a side gives along with its items."""

    width: int  # bytes, the same for each

    def payloads(self, numbers: I64) -> U8:
        """Those of the records with these numbers, in their order, shape (len(numbers), width); -1 stands for a record
        that was only added."""
        ...


class Role(Protocol):
    """A receiver or a sender in one run."""

    opening: State  # where the role starts
    finding: Finding | None  # None until the run is over

    def receive(self, message: MessageType, payload: Payload, state: State) -> list[Frame]:
        """Handle a message that is in order. Raises RemoteError."""
        ...

    @property
    def successor(self) -> Role | None:
        """Who goes on with the run, once this one's part of it is over."""
        ...

    def work(self, state: State) -> list[Frame] | None:
        """Do one piece of own work; None when there is nothing to do but wait."""
        ...

    def close(self) -> None:
        """Wipe the secrets."""
        ...


def rows(payload: Payload, width: int, full: int, left: int, what: str) -> U8:
    """A chunk's payload as an array (k, width): a full chunk, or all that is left. Raises RemoteError for any other:
    many small chunks would cost this side many times the work of full ones."""
    if left < 1:
        raise words.too_many(what)
    count = min(full, left)
    if len(payload) != count * width:
        raise words.chunk_size(what, len(payload), count, width)
    return np.frombuffer(payload, np.uint8).reshape(count, width)


def refuse_repeats(store: Store, column: Column) -> None:
    """Masked values of distinct items are distinct at full width. Raises RemoteError where two are equal: sent in
    different guises (u and 1/u, or u plus a point of small order) they would mark an item through a shuffle, or count
    one item several times."""
    for block in store.ascending(column):
        if repeats(block):
            raise words.repeated_element()


def empty(payload: Payload, what: str) -> None:
    """An end marker carries nothing. Raises RemoteError."""
    if len(payload):
        raise words.carries_data(what)


def chunk_frame(message: MessageType, chunk: U8) -> Frame:
    """A chunk as a frame."""
    return Frame(message, np.ascontiguousarray(chunk).data.cast("B"))
