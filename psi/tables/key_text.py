"""What becomes of numbers and bytes in a key column."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

_DIGEST_BYTES = 32  # of SHA-256
_HEX = re.compile(rb"[0-9A-Fa-f]*")
_EXACT_DOUBLES = 1 << 53
# Below these, by bits of the type, every whole number is one that the type holds exactly.
_EXACT = {16: 1 << 11, 32: 1 << 24, 64: _EXACT_DOUBLES}


def digits_lost(values: pa.Array) -> pa.BooleanArray | None:
    """Where a floating-point number is beyond those that its type holds exactly, and so stands for several; false for
    nulls. None for other types."""
    if pa.types.is_dictionary(values.type):
        return digits_lost(values.dictionary_decode())
    if not pa.types.is_floating(values.type):
        return None
    exact = _EXACT[values.type.bit_width]
    beyond = pc.greater_equal(pc.abs(values.cast(pa.float64())), float(exact))
    return pc.fill_null(beyond, False)


def digits_of_doubles(values: pa.Array) -> pa.Array:
    """Whole numbers below 2^53 as their digits, others as Arrow writes them, null for not-a-number."""
    wide = values.cast(pa.float64())
    texts = pc.if_else(pc.is_nan(wide), pa.scalar(None, pa.string()), values.cast(pa.string()))
    whole = pc.and_(pc.equal(pc.floor(wide), wide), pc.less(pc.abs(wide), float(_EXACT_DOUBLES)))
    digits = pc.cast(pc.if_else(whole, wide, None), pa.int64()).cast(pa.string())
    return pc.if_else(pc.fill_null(whole, False), digits, texts)


def hexadecimal(values: pa.LargeBinaryArray) -> pa.Array:
    """Bytes with values of 32 bytes that are not all hexadecimal digits written as such; all others as they are."""
    sized = pc.fill_null(pc.equal(pc.binary_length(values), _DIGEST_BYTES), False)
    if not pc.any(sized).as_py():
        return values
    found = values.filter(sized).to_pylist()
    texts = [each if _HEX.fullmatch(each) else each.hex().encode() for each in found]
    return pc.replace_with_mask(values, sized, pa.array(texts, pa.large_binary()))
