"""Byte strings in one buffer: slices that share it, and what Arrow gives."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from psiselect.base.packed import Packed, arrow_mask, arrow_numbers

ITEMS = [b"one", b"", b"three", b"\x00\xff", b"", b"last"]


def listed(packed: Packed) -> list[bytes]:
    return [packed[i] for i in range(len(packed))]


@pytest.mark.parametrize("items", [[], [b""], [b"", b""], [b"a"], ITEMS])
def test_items_come_back(items: list[bytes]) -> None:
    packed = Packed.of(items)
    assert listed(packed) == items
    assert packed.to_arrow().to_pylist() == items
    assert listed(Packed.from_arrow(packed.to_arrow())) == items


def test_every_slice_is_a_slice() -> None:
    packed = Packed.of(ITEMS)
    for start in range(len(ITEMS) + 1):
        for stop in range(start, len(ITEMS) + 1):
            part = packed.slice(start, stop)
            assert listed(part) == ITEMS[start:stop]
            assert part.to_arrow().to_pylist() == ITEMS[start:stop]
            assert listed(part.take(np.arange(stop - start)[::-1])) == ITEMS[start:stop][::-1]
            assert listed(part.slice(0, stop - start)) == ITEMS[start:stop]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.string(), pa.large_string()])
def test_slices_of_arrow_arrays_keep_to_their_window(kind: pa.DataType) -> None:
    texts = ["zoë", "", "b", "last"]
    array = pa.array(texts).cast(kind)
    for start in range(5):
        assert listed(Packed.from_arrow(array.slice(start))) == [text.encode() for text in texts[start:]]
        assert listed(Packed.from_arrow(array.slice(0, start))) == [text.encode() for text in texts[:start]]


def test_items_are_taken_in_the_order_named() -> None:
    packed = Packed.of(ITEMS).slice(1, 6)
    numbers = np.array([4, 0, 2, 4, 1])
    assert listed(packed.take(numbers)) == [ITEMS[1 + n] for n in numbers]
    assert listed(packed.take(np.zeros(0, np.int64))) == []


def test_nulls_are_refused() -> None:
    with pytest.raises(ValueError, match="no nulls"):
        Packed.from_arrow(pa.array([b"a", None]))
    assert listed(Packed.from_arrow(pa.array([b"a", None]).slice(0, 1))) == [b"a"]


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_numbers_and_masks_as_arrow_arrays(dtype: type[np.generic]) -> None:
    numbers = np.arange(40, dtype=dtype)[::3]
    mask = numbers % 2 == 0
    for some, bits in ((numbers, mask), (numbers[:0], mask[:0])):
        assert arrow_numbers(some).to_pylist() == some.tolist()
        assert arrow_mask(bits).to_pylist() == bits.tolist()
