"""The store: values come back, the same store as a dense elimination gives, and how often there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.fast import every_kernels

from psi.fast.kernels.interface import U64, Kernels
from psiselect.base.packed import I64

ALL = pytest.mark.parametrize("kernels", every_kernels(), ids=lambda kernels: kernels.name)


def system(items: int, slots: int, name: str, width: int = 256) -> tuple[I64, U64, U64]:
    """Places, bands and values; bands of `width` bits."""
    drawn = np.frombuffer(FixedEntropy(name).read(48 * items), "<u8").astype(np.uint64).reshape(-1, 6)
    starts = np.sort((drawn[:, 4] % np.uint64(slots - width + 1)).astype(np.int64))
    bands = np.ascontiguousarray(drawn[:, :4])
    for word in range(4):
        kept = min(max(width - 64 * word, 0), 64)
        bands[:, word] &= np.uint64((1 << kept) - 1)
    return starts, bands, np.ascontiguousarray(drawn[:, 5])


def solved(kernels: Kernels, slots: int, starts: I64, bands: U64, values: U64, cut: int = 10**9) -> U64 | None:
    """The store, its items taken `cut` at a time."""
    steps, out = np.zeros((slots, 4), np.uint64), np.zeros(slots + 256, np.uint64)
    for first in range(0, len(starts), cut):
        some = slice(first, first + cut)
        if not kernels.eliminate(steps, out, starts[some], bands[some].copy(), values[some].copy()):
            return None
    kernels.substitute(steps, out)
    assert not out[slots:].any()
    return out[:slots]


def dense(slots: int, starts: I64, bands: U64, values: U64) -> list[int] | None:
    """By elimination over whole rows of big integers, in any order, the first slot of a row first; slots that no row
    begins with are 0."""
    rows: list[tuple[int, int]] = []
    for start, band, value in zip(starts.tolist(), bands.astype("<u8"), values.tolist(), strict=True):
        rows.append((int.from_bytes(band.tobytes(), "little") << start, value))
    found: dict[int, tuple[int, int]] = {}
    for slot in range(slots):
        with_bit = [number for number, (row, _) in enumerate(rows) if row >> slot & 1]
        if with_bit:
            row, value = rows.pop(with_bit[0])
            found[slot] = row, value
            rows = [(r ^ row, v ^ value) if r >> slot & 1 else (r, v) for r, v in rows]
    if rows:
        return None
    out = [0] * slots
    for slot in sorted(found, reverse=True):
        row, value = found[slot]
        for other in range(slot + 1, slots):
            value ^= out[other] * (row >> other & 1)
        out[slot] = value
    return out


@ALL
@pytest.mark.parametrize(("items", "slots"), [(0, 256), (1, 256), (1, 300), (40, 256), (60, 320), (300, 640)])
def test_it_is_the_one_that_a_dense_elimination_gives(kernels: Kernels, items: int, slots: int) -> None:
    starts, bands, values = system(items, slots, f"{items} {slots}")
    found = solved(kernels, slots, starts, bands, values, cut=17)
    assert found is not None
    assert found.tolist() == dense(slots, starts, bands, values)
    rows = np.zeros((slots, 4), np.uint64)
    rows[:, 0] = found
    assert np.array_equal(kernels.decode(rows, starts, bands)[:, 0], values)


@ALL
def test_the_order_of_items_at_one_place_does_not_matter(kernels: Kernels) -> None:
    starts, bands, values = system(200, 512, "order")
    starts[50:60] = starts[50]
    starts.sort()
    turned = np.arange(200)
    first, last = np.searchsorted(starts, [starts[50], starts[50] + 1])
    turned[first:last] = turned[first:last][::-1]
    one, other = (solved(kernels, 512, starts, bands[of], values[of]) for of in (np.arange(200), turned))
    assert one is not None
    assert np.array_equal(one, other)


@ALL
def test_an_item_that_follows_from_others_is_refused(kernels: Kernels) -> None:
    starts, bands, values = system(90, 384, "more")
    starts[11] = starts[10]
    assert np.all(np.diff(starts) >= 0) or not starts.sort()
    for value in (values[10], values[10] ^ np.uint64(1)):
        again = [np.insert(a, 12, b, axis=0) for a, b in ((starts, starts[10]), (bands, bands[10]), (values, value))]
        order = np.argsort(again[0], kind="stable")
        assert solved(kernels, 384, *(part[order] for part in again)) is None
    assert solved(kernels, 384, starts, bands, values) is not None
    empty = bands.copy()
    empty[5] = 0
    assert solved(kernels, 384, starts, empty, values) is None


# Failures at reduced widths -------------------------------------------------------------------------------------------

ITEMS = 4096


def failures(width: int, trials: int) -> int:
    """Of so many random systems with bands of `width` bits, in 1.1 slots for each item and a band, those without a
    store."""
    slots, kernels, failed = -(-(11 * ITEMS + 10 * width) // 10), every_kernels()[-1], 0
    draw = np.random.default_rng(width)
    masks = np.array([(1 << min(max(width - 64 * word, 0), 64)) - 1 for word in range(4)], np.uint64)
    for _ in range(trials):
        starts = np.sort(draw.integers(0, slots - width + 1, ITEMS))
        bands = draw.integers(0, 2**64, (ITEMS, 4), np.uint64) & masks
        # More slots behind the last, for the kernel, which works in windows of 256.
        failed += solved(kernels, slots + 256, starts, bands, bands[:, 0].copy()) is None
    return failed


def model(width: int) -> float:
    """The chance of a failure by docs/fast-protocol.md, fitted at small widths."""
    return float(2.0 ** -(0.2691 * width + 4.79 - math.log2(ITEMS)))


@pytest.mark.skipif(len(every_kernels()) == 1, reason="too slow without compiled code")
@pytest.mark.parametrize(
    ("width", "trials"),
    [(32, 250), (40, 400), (48, 600), *(pytest.param(w, 20000, marks=pytest.mark.soak) for w in (40, 48, 56))],
)
def test_failures_at_reduced_widths_are_as_often_as_the_model_says(width: int, trials: int) -> None:
    """The model may be off by a factor of 1.6. Beyond that a right store fails with probability below 1e-6, were the
    seeds drawn anew: 5.2 standard deviations on either side, and a little for small numbers."""
    failed = failures(width, trials)
    for factor, side in ((1.6, 1), (1 / 1.6, -1)):
        chance = min(1.0, model(width) * factor)
        bound = trials * chance + side * (5.2 * math.sqrt(trials * chance * max(0.0, 1 - chance)) + 4)
        assert side * failed <= side * bound, (failed, bound)


@pytest.mark.skipif(len(every_kernels()) == 1, reason="too slow without compiled code")
def test_no_store_of_full_width_fails() -> None:
    """By the model one of these fails with probability below 2^-50."""
    for trial in range(40):
        items = 37 * trial**2
        starts, bands, values = system(items, -(-(11 * items + 2560) // 640) * 64, f"whole {trial}")
        assert solved(every_kernels()[-1], -(-(11 * items + 2560) // 640) * 64, starts, bands, values) is not None
