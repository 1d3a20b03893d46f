"""The messages of a run of the fast mode: their numbers, continuing those of psi.protocol.messages, and their forms."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from psi.fast import words
from psi.transport.wire import Frame
from psiselect.base.packed import U8

Payload = bytes | bytearray | memoryview


class FastMessage(IntEnum):
    """The frame types of a run. Those below 24 have the numbers that they have in other runs."""

    TAGS = 7  # sender: tags of its items
    TAGS_END = 8
    SEED_REQUEST = 16  # sender: masked choices of seeds
    SEED_ANSWER = 17  # receiver: seeds, masked again
    TREES = 24  # receiver: what opens all seeds but one of each column, and the salt of all hashes
    ENCODING = 25  # receiver: which attempt at a store succeeded
    MATRIX = 26  # receiver: a slice of its store, encoded and masked
    MATRIX_END = 27


def exactly(payload: Payload, size: int, what: str) -> U8:
    """A payload of one possible length. Raises RemoteError."""
    if len(payload) != size:
        raise words.length(what, len(payload), size)
    return np.frombuffer(payload, np.uint8)


def frame(message: FastMessage, content: U8 | bytes = b"") -> Frame:
    """A message with these bytes."""
    return Frame(message, content if isinstance(content, bytes) else np.ascontiguousarray(content).data.cast("B"))
