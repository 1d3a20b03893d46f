"""Columns in memory and on disk: the same answers, bounded memory, files that nobody else can read and nobody finds."""

from __future__ import annotations

import errno
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psi.store import rows, spool
from psi.store.spool import Store
from psiselect.base.errors import InputError, RemoteError

LIMIT = 150_000  # bytes: far less than the tables below


def in_memory(folder: Path) -> Store:
    return Store()


def on_disk(folder: Path) -> Store:
    return Store(folder, LIMIT)


STORES = {"memory": in_memory, "disk": on_disk}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = STORES[request.param](tmp_path)
    yield made
    made.close()
    assert list(tmp_path.iterdir()) == []


def uniform(count: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, width), np.uint8)


def fill(store: Store, name: str, table: np.ndarray, chunk: int = 997) -> spool.Column:
    column = store.column(name, table.shape[1])
    for start in range(0, len(table), chunk):
        column.append(table[start : start + chunk])
    return column


def expected_match(own: np.ndarray, peer: np.ndarray) -> list[int]:
    present = {row.tobytes() for row in peer}
    return [i for i, row in enumerate(own) if row.tobytes() in present]


@pytest.mark.parametrize("width", [5, 8, 11, 32])
def test_match_is_the_set_intersection(store: Store, width: int) -> None:
    own, peer = uniform(20_000, width, 1), uniform(15_000, width, 2)
    common = np.random.default_rng(3).choice(15_000, 6_000, replace=False)
    peer[common] = own[np.random.default_rng(4).choice(20_000, 6_000, replace=False)]
    positions = store.join(fill(store, "own", own), fill(store, "peer", peer)).pairs()[0]
    assert positions.dtype == np.int64
    assert positions.tolist() == expected_match(own, peer)
    assert len(positions) >= 6_000


def test_the_disk_store_did_use_its_disk(tmp_path: Path) -> None:
    store = Store(tmp_path, LIMIT)
    fill(store, "own", uniform(20_000, 11))
    assert 0 < store.disk_bytes <= 20_000 * (11 + 4)
    assert 20_000 * 11 - store.disk_bytes * 11 // 15 <= LIMIT  # what is not there is in memory
    store.close()


@pytest.mark.parametrize("width", [5, 11])
def test_near_misses_do_not_match(store: Store, width: int) -> None:
    own = uniform(5_000, width, 1)
    peer = own.copy()
    peer[:, -1] ^= 1
    assert store.join(fill(store, "own", own), fill(store, "peer", peer)).pairs()[0].tolist() == expected_match(
        own, peer
    )


def test_repeated_rows_on_either_side(store: Store) -> None:
    base = uniform(4_000, 11)
    own, peer = np.concatenate([base, base[:3_000]]), np.concatenate([base[2_000:], base[2_000:], base[2_000:2_500]])
    assert store.join(fill(store, "own", own), fill(store, "peer", peer)).pairs()[0].tolist() == expected_match(
        own, peer
    )


def test_empty_columns(store: Store) -> None:
    empty, some = store.column("none", 11), fill(store, "some", uniform(5_000, 11))
    assert store.join(empty, some)[0].tolist() == store.join(some, empty).pairs()[0].tolist() == []
    assert list(store.ascending(empty)) == []
    assert empty.read(0, 0).shape == (0, 11)


def test_a_peer_whose_rows_share_their_beginning(store: Store) -> None:
    """Up to eight of them are told apart at full width."""
    own = uniform(3_000, 11)
    peer = uniform(20_000, 11, 9)
    peer[500:508, :8] = own[7, :8]
    peer[503] = own[7]
    assert store.join(fill(store, "own", own), fill(store, "peer", peer)).pairs()[1].tolist() == [503]


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("hit", [True, False])
def test_a_flood_of_rows_alike_is_refused_whether_they_match_or_not(store: Store, equal: bool, hit: bool) -> None:
    """Their number would multiply the time of a match, for a peer with a watch to see."""
    own, peer = uniform(3_000, 11), uniform(20_000, 11, 9)
    peer[:9] = own[7] if hit else peer[9_000]
    if not equal:
        peer[:9, 10] = np.arange(9)
    with pytest.raises(RemoteError, match="have the same first bytes"):
        store.join(fill(store, "own", own), fill(store, "peer", peer))


@pytest.mark.parametrize("width", [5, 32])
def test_ascending_sorts_and_keeps_equal_rows_together(
    store: Store, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_part_rows", 2_000)
    table = uniform(15_000, width)
    table[9_000] = table[17]
    blocks = list(store.ascending(fill(store, "table", table)))
    assert len(blocks) > 4
    together = np.concatenate(blocks)
    assert [row.tobytes() for row in together] == sorted(row.tobytes() for row in table)
    assert sum(rows.repeats(block) for block in blocks) == 1


def test_ascending_refuses_a_flood_of_equal_rows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_part_rows", 2_000)
    table = uniform(40_000, 32)
    table[5_000:] = table[5_000]
    with pytest.raises(RemoteError, match="encrypted keys many times"):
        list(store.ascending(fill(store, "table", table)))


def test_read_gives_rows_as_appended(store: Store) -> None:
    table = uniform(12_000, 32)
    column = fill(store, "table", table)
    assert len(column) == 12_000
    for start, stop in [(0, 12_000), (0, 1), (11_999, 12_000), (500, 7_321), (4_096, 8_192), (6_000, 6_000)]:
        assert np.array_equal(column.read(start, stop), table[start:stop])
    for start, stop in [(-1, 2), (3, 2), (0, 12_001)]:
        with pytest.raises(IndexError):
            column.read(start, stop)


def test_growing_after_a_match(store: Store) -> None:
    own, peer = uniform(9_000, 11, 1), uniform(9_000, 11, 2)
    first, second = fill(store, "own", own), fill(store, "peer", peer)
    assert store.join(first, second).pairs()[0].tolist() == []
    second.append(own[100:200])
    assert store.join(first, second).pairs()[0].tolist() == list(range(100, 200))


def test_columns_are_found_by_name_and_keep_their_width(store: Store) -> None:
    column = store.column("tags", 11)
    assert store.column("tags", 11) is column
    with pytest.raises(ValueError, match="11 bytes"):
        store.column("tags", 12)
    with pytest.raises(ValueError, match="width 11"):
        column.append(uniform(3, 12))
    with pytest.raises(ValueError, match="matched with"):
        store.join(column, store.column("other", 10))


small_rows = st.lists(st.binary(min_size=5, max_size=5), max_size=60, unique=True)


@settings(max_examples=60, deadline=None)
@given(own=small_rows, peer=small_rows, shared=small_rows, parts=st.sampled_from([1, 3, 1 << 18]))
@pytest.mark.parametrize("make", STORES.values(), ids=STORES)
def test_any_rows_at_all(
    make: Callable[[Path], Store],
    tmp_path_factory: pytest.TempPathFactory,
    own: list[bytes],
    peer: list[bytes],
    shared: list[bytes],
    parts: int,
) -> None:
    tables = [np.frombuffer(b"".join(x), np.uint8).reshape(-1, 5) for x in (own + shared, shared + peer)]
    store = make(tmp_path_factory.getbasetemp())
    store._part_rows = parts
    found = store.join(fill(store, "own", tables[0], 7), fill(store, "peer", tables[1], 11)).pairs()[0]
    assert found.tolist() == expected_match(*tables)
    store.close()


def peak_of_a_match(store: Store, count: int) -> int:
    tracemalloc.start()
    try:
        own, peer = store.column("own", 11), store.column("peer", 11)
        for start in range(0, count, 5_000):
            chunk = uniform(5_000, 11, start)
            own.append(chunk)
            peer.append(chunk if start % 10_000 else uniform(5_000, 11, start + 1))
        store.join(own, peer)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        store.close()


def test_memory_is_bounded_on_disk_and_only_there(tmp_path: Path) -> None:
    limit, count = 6 << 18, 250_000  # two columns of 2.75 MB each
    allowed = limit + 14 * count  # the answer, a number a row while it is made, is not part of the limit
    assert peak_of_a_match(Store(tmp_path, limit), count) < allowed
    assert peak_of_a_match(Store(), count) > 1.5 * allowed


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"folder for working files, .*missing"):
        fill(Store(tmp_path / "missing", 1_000), "tags", uniform(5_000, 11))


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    store = Store(tmp_path, 1_000)
    with pytest.raises(InputError, match="No space left") as caught:
        fill(store, "tags", uniform(5_000, 11))
    assert caught.value.term == "workdir"
    store.close()


@pytest.mark.soak
def test_ten_million_rows(tmp_path: Path) -> None:
    count, limit = 10_000_000, 64 << 20
    store = Store(tmp_path, limit)
    own, peer = store.column("own", 11), store.column("peer", 11)
    tracemalloc.start()
    for start in range(0, count, 20_000):
        chunk = uniform(20_000, 11, start)
        own.append(chunk)
        chunk[:10_000] = uniform(10_000, 11, start + 1)
        peer.append(chunk[::-1])
    found = store.join(own, peer).pairs()[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(found, np.flatnonzero(np.arange(count) % 20_000 >= 10_000))
    assert peak < limit + count + found.nbytes
    assert store.disk_bytes <= 2 * count * 15
    store.close()
