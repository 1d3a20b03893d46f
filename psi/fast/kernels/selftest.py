"""What compiled kernels must give before they are trusted: on fixed inputs, what the portable ones give."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from psi.fast.kernels.interface import U64, Kernels
from psi.fast.kernels.portable import PortableKernels
from psiselect.base.packed import I64, U8, Packed

# FIPS 180-4's example of two blocks, as NIST prints it, cut where its first block ends.
_MESSAGE = (
    b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
)
_DIGEST = "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
_SLOTS = 2368  # more than a piece of tables, and no whole number of vectors
_ITEMS = 200


def failures(kernels: Kernels) -> list[str]:
    """The names of the operations that give a wrong answer."""
    known = PortableKernels()
    drawn = hashlib.shake_256(b"psiselect-v1 fast self-test").digest(1 << 18)
    numbers = np.frombuffer(drawn, "<u8").astype(np.uint64)
    planes = np.frombuffer(drawn, np.uint8)[: 212 * _SLOTS // 8].reshape(212, -1)
    rows, bands = numbers[: 4 * _SLOTS].reshape(-1, 4), numbers[-4 * _ITEMS :].reshape(-1, 4)
    starts = np.sort((numbers[:_ITEMS] % np.uint64(_SLOTS - 255)).astype(np.int64))
    starts[-1] = _SLOTS - 256
    streams, symbols = planes[:, :120].reshape(-1)[: 16 * 4 * 328].reshape(16, 4, 328), planes[:53, 0] & np.uint8(15)
    block, items = _MESSAGE[:64], Packed.of([_MESSAGE[64:], *(drawn[:length] for length in range(130))])

    def same(act: Callable[[Kernels], Sequence[U8 | U64]]) -> bool:
        return all(a.tobytes() == b.tobytes() for a, b in zip(act(kernels), act(known), strict=True))

    results = {
        "sha256": kernels.sha256(block, items)[0].tobytes().hex() == _DIGEST
        and same(lambda some: [some.sha256(block, items)]),
        "solve": same(lambda some: _solved(some, starts, bands, numbers[:_ITEMS])),
        "decode": same(lambda some: [some.decode(rows, starts, bands)]),
        "combine": same(lambda some: [some.combine(rows[:64], numbers[:_ITEMS])]),
        "to_rows": same(lambda some: [some.to_rows(planes)]),
        "to_planes": same(lambda some: [some.to_planes(rows, 212)]),
        "fold": same(lambda some: list(some.fold(streams))),
        "scale": same(lambda some: [some.scale(planes.reshape(53, 4, -1), planes[::-1].reshape(53, 4, -1), symbols)]),
    }
    return [name for name, passed in results.items() if not passed]


def _solved(kernels: Kernels, starts: I64, bands: U64, values: U64) -> list[U64]:
    """Slots and, at the end, whether the last equation was refused when it came again."""
    steps, slots = np.zeros((_SLOTS, 4), np.uint64), np.zeros(_SLOTS + 256, np.uint64)
    added = kernels.eliminate(steps, slots, starts, bands.copy(), values.copy())
    again = kernels.eliminate(steps, slots, starts[-1:], bands[-1:].copy(), values[-1:].copy())
    kernels.substitute(steps, slots)
    return [slots, np.array([added, again], np.uint64)]
