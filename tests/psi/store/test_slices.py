"""The first and the last row of every slice of a column, on disk and in memory: read, taken, matched and sorted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from psi.store import rows, spool
from psi.store.scratch import Scratch
from psi.store.spool import Column, Store
from psiselect.base.packed import U8

SLICE = 4
WIDTH = 11
SIZES = (0, 1, SLICE - 1, SLICE, SLICE + 1, 3 * SLICE, 3 * SLICE + 1)


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_LEAST_SLICE_ROWS", SLICE)
    monkeypatch.setattr(spool, "_MEMORY_SLICE_ROWS", SLICE)


@pytest.fixture(params=["memory", "disk", "both"])
def place(request: pytest.FixtureRequest) -> str:
    """Where a column's rows are: `both` has its first half on disk."""
    return str(request.param)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path, 1 << 20)
    yield made
    made.close()


def table(size: int, seed: int = 1) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (size, WIDTH), np.uint8)


def column(store: Store, name: str, content: U8, place: str) -> Column:
    made = store.column(name, content.shape[1])
    scratch = store._scratch
    assert isinstance(scratch, Scratch)
    half = {"memory": 0, "disk": len(content), "both": len(content) // 2}[place]
    made.append(content[:half])
    if half:
        made.spill(scratch, SLICE)
    made.append(content[half:])
    return made


def test_every_range_of_rows_is_read(store: Store, place: str) -> None:
    for size in SIZES:
        content = table(size)
        made = column(store, f"of {size}", content, place)
        assert len(made) == size
        for start in range(size + 1):
            for stop in range(start, size + 1):
                assert np.array_equal(made.read(start, stop), content[start:stop])
        numbers = np.random.default_rng(2).permutation(size)
        assert np.array_equal(made.take(numbers), content[numbers])
        for number in range(size):
            assert np.array_equal(made.take(np.array([number])), content[number : number + 1])


@pytest.mark.parametrize("block", [1, 2, SLICE, 100])
@pytest.mark.parametrize("bits", [0, 1, 3, 12])
def test_every_row_is_in_one_part_with_its_number(store: Store, place: str, bits: int, block: int) -> None:
    content = table(3 * SLICE + 1)
    content[0, :2] = 0  # in the first part
    content[-1, :2] = 255  # in the last part
    made = column(store, "rows", content, place)
    seen: list[int] = []
    for number in range(1 << bits):
        for some, numbers in made.part(number, bits, block):
            assert len(some) <= block
            assert np.array_equal(some, content[numbers])
            prefixes = (some[:, 0].astype(int) << 4 | some[:, 1] >> 4) >> (12 - bits)
            assert set(prefixes.tolist()) <= {number}
            seen += numbers.tolist()
    assert sorted(seen) == list(range(len(content)))


@pytest.mark.parametrize("part_rows", [2, 100])
def test_every_row_alone_is_matched(store: Store, place: str, part_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_part_rows", part_rows)
    own = table(3 * SLICE + 1)
    here = column(store, "own", own, place)
    for number in range(len(own)):
        for at in (SLICE - 1, SLICE):
            peer = table(2 * SLICE + 1, 100 + number)
            peer[at] = own[number]
            there = column(store, f"peer {number} {at}", peer, place)
            found = store.join(here, there).pairs()
            assert (found[0].tolist(), found[1].tolist()) == ([number], [at])


@pytest.mark.parametrize("part_rows", [1, 3, 100])
def test_all_rows_come_out_in_order(store: Store, place: str, part_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_part_rows", part_rows)
    for size in SIZES:
        content = table(size)
        if size > 1:
            content[-1] = content[0]
        blocks = list(store.ascending(column(store, f"of {size}", content, place)))
        found = [row.tobytes() for block in blocks for row in block]
        assert found == sorted(row.tobytes() for row in content)


# --- rows as numbers ---


@pytest.mark.parametrize("width", [1, 2, 7, 8, 9, 11, 16, 32])
def test_rows_compare_as_bytes_to_their_last_byte(width: int) -> None:
    """Rows that differ in one byte only, each byte in turn."""
    for at in range(width):
        low = np.full((1, width), 7, np.uint8)
        high = low.copy()
        high[0, at] = 200
        up, down = np.concatenate([low, high]), np.concatenate([high, low])
        assert rows.ascend(up)
        assert not rows.ascend(down)
        assert rows.order(up).tolist() == [0, 1]
        assert rows.order(down).tolist() == [1, 0]
        assert not rows.repeats(up)
    assert rows.order(np.concatenate([low, low, low])).tolist() == [0, 1, 2]  # stable


@pytest.mark.parametrize("size", [0, 1, 2, 3, 9])
def test_only_the_last_pair_may_decide(size: int) -> None:
    content = np.zeros((size, WIDTH), np.uint8)
    content[:, 0] = np.arange(size)
    assert rows.ascend(content)
    assert not rows.repeats(content)
    for at in range(size - 1):
        fallen, equal = content.copy(), content.copy()
        fallen[at + 1, 0], fallen[at, 0] = content[at, 0], content[at + 1, 0]
        equal[at + 1] = equal[at]
        assert not rows.ascend(fallen)
        assert rows.ascend(equal)
        assert rows.repeats(equal)
