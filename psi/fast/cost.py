"""What a run takes: pieces of work, bytes on the wire, memory. Pure formulas."""

from __future__ import annotations

from psi.fast import parameters, words
from psi.fast.hermitian import SYMBOLS
from psi.group.curve25519.suite import ELEMENT_BYTES
from psi.oblivious import trees
from psi.oblivious.field import F16
from psi.transport.wire import HEADER_BYTES

_LOCATED_BYTES = 32  # of an item: place, value, identifier, number
_SORTING_BYTES = 28  # of an item, while items are sorted by place
_STORE_BYTES = 40  # of a slot: a band and a value, while the store is solved
_FIXED_BYTES = 32 << 20  # slices, streams and chunks, however long the lists are


def work(own: int, peer: int, *, receives: bool) -> int:
    """What `FastSide.done` comes to: each own item is hashed and tagged. A receiver solves for each of them too and
    takes each of the peer's tags, and a sender sends its own."""
    return 3 * own + peer if receives else 3 * own


def memory_bytes(own: int, *, receives: bool) -> int:
    """The most that a side holds beside its list and the columns of tags, for so many own items."""
    sorting = (_LOCATED_BYTES + _SORTING_BYTES) * own
    solving = _LOCATED_BYTES * own + _STORE_BYTES * parameters.slots(own)
    return _FIXED_BYTES + (max(sorting, solving) if receives else sorting)


def check_room(own: int, limit: int, *, receives: bool) -> None:
    """Whether a side can take so many own items within a limit of bytes. Raises UsageError."""
    if own > parameters.MAX_ITEMS:
        raise words.too_long(own, parameters.MAX_ITEMS)
    needed = memory_bytes(own, receives=receives)
    if needed > limit:
        raise words.too_little_memory(own, needed >> 20, limit >> 20)


def receiver_sends(own: int) -> int:
    """Bytes that a receiver with so many items sends, frames included."""
    slots = parameters.slots(own)
    slices = -(-slots // parameters.SLICE_SLOTS)
    trees_bytes = trees.correction_bytes(SYMBOLS, F16.degree) + parameters.SALT_BYTES
    fixed = parameters.CHOICES * ELEMENT_BYTES + trees_bytes + 1
    return fixed + parameters.PLANES * slots // 8 + HEADER_BYTES * (4 + slices)


def sender_sends(own: int, row_bytes: int, chunk_rows: int) -> int:
    """Bytes that a sender with so many items sends, frames included. row_bytes: a tag with its sealed label."""
    return parameters.CHOICES * ELEMENT_BYTES + row_bytes * own + HEADER_BYTES * (2 + -(-own // chunk_rows))
