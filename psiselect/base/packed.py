"""Many byte strings in one buffer with offsets: how items travel from the table to the kernel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Packed:
    """Byte strings laid end to end; item i is data[offsets[i]:offsets[i+1]].

    data: uint8, shape (bytes,). offsets: int64, shape (n+1,), non-decreasing; offsets[0] need not be 0, so that a
    slice shares its parent's buffer.
    """

    data: U8
    offsets: I64

    @classmethod
    def of(cls, items: Iterable[bytes]) -> Packed:
        """Pack Python byte strings (tests, small lists)."""
        parts = list(items)
        offsets = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(p) for p in parts], out=offsets[1:])
        return cls(np.frombuffer(b"".join(parts), np.uint8), offsets)

    @classmethod
    def from_arrow(cls, array: pa.Array) -> Packed:
        """View an Arrow string or binary array without nulls; copies nothing but 32-bit offsets."""
        if array.null_count:
            raise ValueError("a packed column has no nulls")
        array = array.cast(pa.large_binary())
        _, offsets, data = array.buffers()
        window = (
            np.frombuffer(offsets, np.int64, len(array) + 1, 8 * array.offset) if len(array) else np.zeros(1, np.int64)
        )
        return cls(np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8), window)

    def to_arrow(self) -> pa.LargeBinaryArray:
        """The same items as an Arrow array over the same buffers."""
        buffers = [None, pa.py_buffer(np.ascontiguousarray(self.offsets)), pa.py_buffer(self.data)]
        return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(self), buffers)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> bytes:
        return self.data[self.offsets[index] : self.offsets[index + 1]].tobytes()

    def slice(self, start: int, stop: int) -> Packed:
        """Items start..stop over the same buffer."""
        return Packed(self.data, self.offsets[start : stop + 1])

    def take(self, indices: I64) -> Packed:
        """The named items, in the order named, in a buffer of their own."""
        return Packed.from_arrow(self.to_arrow().take(arrow_numbers(indices)))


def arrow_numbers(numbers: I64) -> pa.Int64Array:
    """The same numbers as an Arrow array. `pa.array` loads numpy.ma, which takes longer than a short list."""
    return pa.Array.from_buffers(
        pa.int64(), len(numbers), [None, pa.py_buffer(np.ascontiguousarray(numbers, np.int64))]
    )


def arrow_mask(mask: npt.NDArray[np.bool_]) -> pa.BooleanArray:
    """The same mask as an Arrow array; see `arrow_numbers`."""
    bits = np.packbits(mask, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, pa.py_buffer(bits)])
