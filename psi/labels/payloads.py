"""What is sealed for an item: its rows' chosen columns as text, in one width (docs/protocol.md, "Labels").

    0x01 || number of rows (2 bytes) || row || row ... || zeros        for an item with rows
    zeros                                                              for a filler, or an item without rows

A row is a value for each column, in the order of the terms; a value is the number of its bytes plus one (2 bytes) and
its UTF-8, a null the number 0. Numbers are big-endian. What a peer sent goes through `decode`, which takes nothing but
that. All of it works on whole arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from psi.labels import words
from psiselect.base.packed import I64, U8, Packed

HEADER_BYTES = 3
LENGTH_BYTES = 2
MAX_WIDTH = 4096
_FORMAT = 1


def encode_rows(columns: Sequence[pa.Array]) -> tuple[Packed, I64]:
    """Each row's bytes, from text columns of equal length (Arrow large_string), and how long each is.

    Rows beyond `MAX_WIDTH` fit into no payload: their bytes are left empty, their length is told.
    """
    lengths = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        lengths += LENGTH_BYTES + pc.fill_null(pc.binary_length(column), 0).to_numpy().astype(np.int64)
    fits = pa.array(lengths <= MAX_WIDTH - HEADER_BYTES)
    parts: list[pa.Array | pa.Scalar] = []
    for column in columns:
        kept = pc.if_else(fits, column.cast(pa.large_binary()), pa.scalar(b"", pa.large_binary()))
        size = pc.fill_null(pc.add(pc.binary_length(kept), 1), 0).to_numpy()
        parts += [_two_bytes(size), pc.fill_null(kept, b"")]
    joined = pc.binary_join_element_wise(*parts, pa.scalar(b"", pa.large_binary()))
    return Packed.from_arrow(pc.if_else(fits, joined, pa.scalar(b"", pa.large_binary()))), lengths


def fill(width: int, counts: I64, lengths: I64, data: U8) -> U8:
    """Payloads (n, width), uint8, from the number of rows of each and the bytes of its rows.

    counts, lengths: int64, shape (n,); data: the rows' bytes of all payloads end to end, in order.
    """
    out = np.zeros((len(counts), width), np.uint8)
    having = counts > 0
    out[having, 0] = _FORMAT
    out[:, 1] = counts >> 8
    out[:, 2] = counts & 0xFF
    begins = np.arange(len(counts)) * width + HEADER_BYTES
    out.reshape(-1)[spans(begins, lengths)] = data
    return out


def row_counts(payloads: U8) -> I64:
    """How many rows each payload says it has, int64, shape (n,). Raises RemoteError unless its first byte fits."""
    counts = (payloads[:, 1].astype(np.int64) << 8) | payloads[:, 2]
    if not np.all(payloads[:, 0] == (counts > 0) * _FORMAT):
        raise words.malformed()
    return counts


def decode(payloads: U8, columns: int) -> list[pa.Array]:
    """The rows of all payloads, (n, width) uint8, in order: for each column its values, Arrow large_string, with
    `row_counts(payloads)[i]` of them from payload i. Raises RemoteError for anything that `fill` would not have made.

    Memory is a few dozen bytes for each value, and a value takes two bytes at least: cut hostile payloads into blocks
    by `row_counts`.
    """
    counts, width = row_counts(payloads), payloads.shape[1]
    flat = np.ascontiguousarray(payloads).reshape(-1)
    firsts = np.cumsum(counts) - counts
    starts = np.zeros((columns, int(counts.sum())), np.int64)  # of each value's bytes in `flat`
    sizes = np.zeros_like(starts)  # its length plus one, 0 for a null
    ends = np.arange(1, len(payloads) + 1) * width
    at = np.arange(len(payloads)) * width + np.where(counts > 0, HEADER_BYTES, 0)
    live, row = np.flatnonzero(counts), 0
    while len(live):
        for column in range(columns):
            place = at[live]
            if np.any(place + LENGTH_BYTES > ends[live]):
                raise words.malformed()
            size = (flat[place].astype(np.int64) << 8) | flat[place + 1]
            starts[column, firsts[live] + row] = place + LENGTH_BYTES
            sizes[column, firsts[live] + row] = size
            at[live] = place + LENGTH_BYTES + np.maximum(size - 1, 0)
            if np.any(at[live] > ends[live]):
                raise words.malformed()
        row += 1
        live = live[counts[live] > row]
    rest = np.arange(width) >= (at - ends + width)[:, None]
    rest &= payloads != 0
    if rest.any():
        raise words.malformed()
    return [_text(flat, starts[column], sizes[column]) for column in range(columns)]


def spans(begins: I64, lengths: I64) -> I64:
    """The numbers begins[i] .. begins[i] + lengths[i] - 1 for each i, end to end."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(begins - before, lengths) + np.arange(int(lengths.sum()))


def _two_bytes(numbers: npt.NDArray[np.integer]) -> pa.Array:
    """Each number as two big-endian bytes."""
    data = numbers.astype(">u2")
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(LENGTH_BYTES), len(data), [None, pa.py_buffer(data)]).cast(
        pa.large_binary()
    )


def _text(flat: U8, starts: I64, sizes: I64) -> pa.Array:
    lengths = np.maximum(sizes - 1, 0)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    valid = pa.array(sizes > 0).buffers()[1]
    data = flat[spans(starts, lengths)]
    packed = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(lengths), [valid, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
    try:
        return packed.cast(pa.large_string())
    except pa.ArrowInvalid:
        raise words.malformed() from None
