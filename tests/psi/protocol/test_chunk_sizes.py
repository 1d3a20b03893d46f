"""What goes into a message: whole items, at least one, and no more than a frame holds; tags ascend across them."""

from __future__ import annotations

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.parties import backend

from psi.agreement.modes import Reveal
from psi.group.curve25519.suite import DST
from psi.inputs.tokens import KeyTokens
from psi.protocol.messages import MessageType as M
from psi.protocol.receiver import Receiver
from psi.protocol.run import RunContext
from psi.protocol.states import State
from psi.store.spool import Store
from psi.transport.wire import HEADER_BYTES, MAX_FRAME_BYTES
from psiselect.base.errors import RemoteError
from psiselect.base.packed import Packed


def context(chunk: int, keys: int = 1, label_width: int = 0, peer_size: int = 1) -> RunContext:
    tokens = KeyTokens(Packed.of([b"a"]), np.arange(1), b"\x01")
    return RunContext(
        Reveal.MATCHES, chunk, tokens, peer_size, None, bytes(64), DST, backend(), Store(), FixedEntropy(),
        lambda k: None, keys=keys, label_width=label_width,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("chunk", "keys", "items"), [(1, 1, 1), (1, 2, 1), (3, 2, 1), (4, 2, 2), (7, 3, 2), (16, 1, 16)]
)
def test_a_chunk_has_whole_items_and_at_least_one(chunk: int, keys: int, items: int) -> None:
    run = context(chunk, keys)
    assert run.items_in_chunk == run.tag_rows_in_chunk == items


def test_rows_of_tags_fill_a_frame_and_no_more() -> None:
    """For widths at which the header alone decides how many rows there are."""
    for label_width in range(1, 2_000):
        run = context(32_767, label_width=label_width)
        rows, width = run.tag_rows_in_chunk, run.tag_row_width
        assert HEADER_BYTES + rows * width <= MAX_FRAME_BYTES
        assert rows == 32_767 or HEADER_BYTES + (rows + 1) * width > MAX_FRAME_BYTES


def tags(receiver: Receiver, *values: int) -> None:
    """Hand over a message of tags, each of which repeats one byte."""
    width = context(1, peer_size=3).tag_width
    receiver.receive(M.TAGS, b"".join(bytes([value]) * width for value in values), State.COMPARING)


@pytest.mark.parametrize("chunk", [1, 2])
@pytest.mark.parametrize("last", [0, 4])
def test_a_first_tag_that_does_not_ascend_from_the_last_message_is_refused(chunk: int, last: int) -> None:
    receiver = Receiver(context(chunk, peer_size=3))
    for value in (4, 5) if chunk == 1 else ((4, 5),):
        tags(receiver, *np.atleast_1d(value))
    with pytest.raises(RemoteError, match="order"):
        tags(receiver, last)


def test_the_first_tag_may_be_any() -> None:
    receiver = Receiver(context(2, peer_size=3))
    tags(receiver, 0, 1)
    tags(receiver, 255)
