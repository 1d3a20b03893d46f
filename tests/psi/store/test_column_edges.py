"""Columns at their edges: the first and the last row of each slice, and the last of several rows alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from psi.store import rows, spool
from psi.store.partitions import PARTITIONS, ContentPartition, PartitionedStrings
from psi.store.scratch import Scratch
from psi.store.spool import Column, Store
from psiselect.base.errors import RemoteError
from psiselect.base.packed import Packed

WIDTH, SLICE = 12, 64


@pytest.fixture(params=["memory", "disk", "both"])
def column(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Column]:
    """A column of 5 slices: all in memory, all on disk, or the last rows in memory."""
    monkeypatch.setattr(spool, "_LEAST_SLICE_ROWS", SLICE)
    monkeypatch.setattr(spool, "_MEMORY_SLICE_ROWS", SLICE)
    store = Store() if request.param == "memory" else Store(tmp_path, 1 << 30)
    made = store.column("rows", WIDTH)
    for start in range(0, len(TABLE), SLICE):
        made.append(TABLE[start : start + SLICE])
        if store._scratch is not None and (request.param == "disk" or start < 3 * SLICE):
            made.spill(store._scratch, SLICE)
    assert len(made._spilled) == {"memory": 0, "disk": 5, "both": 3}[request.param]
    yield made
    store.close()


TABLE = np.random.default_rng(1).integers(0, 256, (4 * SLICE + 7, WIDTH), np.uint8)
EDGES = sorted({0, len(TABLE), *(n + d for n in range(0, len(TABLE), SLICE) for d in (-1, 0, 1) if n + d >= 0)})


def test_every_row_is_taken_by_its_number(column: Column) -> None:
    """One by one, all together, and in reverse: the first of each slice too."""
    numbers = np.arange(len(TABLE))
    assert np.array_equal(column.take(numbers), TABLE)
    assert np.array_equal(column.take(numbers[::-1]), TABLE[::-1])
    for number in EDGES[:-1]:
        assert np.array_equal(column.take(np.array([number])), TABLE[[number]])
    assert column.take(numbers[:0]).shape == (0, WIDTH)


def test_rows_are_read_between_any_two_edges(column: Column) -> None:
    for start in EDGES:
        for stop in (stop for stop in EDGES if stop >= start):
            assert np.array_equal(column.read(start, stop), TABLE[start:stop]), (start, stop)


def test_every_row_is_in_one_part_under_its_own_number(column: Column) -> None:
    for bits in (0, 1, 4, 12):
        seen = np.full(len(TABLE), -1)
        for part in range(1 << bits):
            for block, numbers in column.part(part, bits, 3):
                assert len(block) <= 3
                assert np.array_equal(block, TABLE[numbers])
                assert np.all((block[:, 0].astype(int) << 8 | block[:, 1]) >> (16 - bits) == part)
                seen[numbers] += 1
        assert np.all(seen == 0)


def test_each_row_finds_itself_and_no_other(column: Column) -> None:
    own, peer = column._store.join(column, column).pairs()
    assert own.tolist() == peer.tolist() == list(range(len(TABLE)))


# ---- several rows alike


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("folder", [False, True], ids=["memory", "disk"])
def test_each_of_eight_rows_alike_can_be_the_one_that_matches(tmp_path: Path, place: int, *, folder: bool) -> None:
    """They share their first eight bytes; the last of them is compared like the first."""
    store = Store(tmp_path, 1) if folder else Store()
    peer = np.random.default_rng(2).integers(0, 256, (100, WIDTH), np.uint8)
    peer[40:48, :8] = peer[40, :8]
    peer[40:48, 8:] = np.arange(8)[:, None]
    columns = {name: store.column(name, WIDTH) for name in ("own", "peer")}
    columns["own"].append(np.concatenate([TABLE[:5], peer[40 + place, None], TABLE[5:9]]))
    columns["peer"].append(peer)
    own, found = store.join(columns["own"], columns["peer"]).pairs()
    assert (own.tolist(), found.tolist()) == ([5], [40 + place])
    store.close()


@pytest.mark.parametrize("alike", [spool._MOST_ALIKE, spool._MOST_ALIKE + 1])
def test_eight_rows_alike_pass_and_nine_are_refused(alike: int) -> None:
    store, peer = Store(), TABLE[:50].copy()
    peer[10 : 10 + alike, :8] = peer[10, :8]
    own, theirs = store.column("own", WIDTH), store.column("peer", WIDTH)
    own.append(TABLE[60:70])
    theirs.append(peer)
    if alike == 8:
        assert store.join(own, theirs).pairs()[0].tolist() == []
    else:
        with pytest.raises(RemoteError, match="9 of the peer's encrypted values"):
            store.join(own, theirs)


@pytest.mark.parametrize("at", [0, 1, 30, 61, 62])
@pytest.mark.parametrize("width", [2, 7, 8, 9, 16, 17, 32])
def test_two_equal_rows_are_found_wherever_they_are(width: int, at: int) -> None:
    """The first two, the last two and others; and rows that differ in their last byte alone are not equal."""
    table = np.unique(np.random.default_rng(3).integers(0, 256, (64, width), np.uint8), axis=0)
    table = table[:64]
    assert rows.ascend(table)
    assert not rows.repeats(table)
    at = min(at, len(table) - 2)
    table[at + 1] = table[at]
    assert rows.repeats(table)
    near = table[at : at + 2].copy()
    near[1, -1] ^= 1
    assert not rows.repeats(near)
    assert rows.ascend(near) != rows.ascend(near[::-1])


@pytest.mark.parametrize("width", [3, 8, 9, 20])
def test_rows_with_one_beginning_are_ordered_by_their_ends(width: int) -> None:
    """And equal ones stay in the order in which they came."""
    table = np.random.default_rng(4).integers(0, 3, (200, width), np.uint8)
    table[:, : width - 1] = table[0, : width - 1]
    assert rows.order(table).tolist() == sorted(range(200), key=lambda n: table[n].tobytes())


# ---- strings in partitions


def test_strings_at_the_edge_of_a_window_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal strings have one partition wherever they stand; of longer ones only a window counts."""
    monkeypatch.setattr("psi.store.partitions._WINDOW", 32)
    part = ContentPartition()
    texts = [b"", b"a", b"b" * 31, b"b" * 32, b"b" * 33, b"b" * 32 + b"c", b"c" * 30, b"d", b"d", b"e" * 64, b""]
    alone = [int(part.of(Packed.of([text]))[0]) for text in texts]
    for start in range(len(texts)):
        assert part.of(Packed.of(texts).slice(start, len(texts))).tolist() == alone[start:]
    assert alone[3] == alone[4] == alone[5]
    assert len({alone[i] for i in (1, 2, 3, 6, 7)}) > 1


@pytest.mark.parametrize("memory", [0, 1 << 20], ids=["disk", "memory"])
def test_strings_come_back_by_partition_with_their_numbers(tmp_path: Path, memory: int) -> None:
    """The first and the last partition, and several appends, the last with large numbers."""
    scratch = Scratch(tmp_path)
    strings, where = PartitionedStrings(scratch.file("strings", memory)), {}
    for first in (0, 10, 1 << 33):
        texts = [b"%d" % (first + n) for n in range(10)]
        part = np.array([0, 255, 7, 0, 255, 0, 7, 7, 254, 1], np.uint8)
        strings.append(Packed.of(texts), np.arange(first, first + 10), part)
        for text, number in zip(texts, part.tolist(), strict=True):
            where.setdefault(number, []).append((text, int(text)))
    for number in range(PARTITIONS):
        packed, numbers = strings.load(number)
        found = [(packed[i], int(n)) for i, n in enumerate(numbers)]
        assert found == where.get(number, [])
        assert strings.counts[number] == len(found)
    scratch.close()
