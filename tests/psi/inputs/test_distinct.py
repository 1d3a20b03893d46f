"""Distinct keys of long columns: the keys that a dict gives, in bounded memory, and tokens of them in uniform order."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.entropy import FixedEntropy

from psi.inputs import distinct
from psi.inputs.distinct import Distinct, DistinctBuilder, SpooledKeys
from psi.inputs.spooled_tokens import SpooledTokens, shuffled
from psi.inputs.tokens import KeyTokens
from psi.store.partitions import PARTITIONS, ContentPartition
from psiselect.base.errors import InputError
from psiselect.base.packed import Packed


def build(batches: Iterable[list[bytes | None]], folder: Path | None, limit: int | None) -> Distinct:
    builder = DistinctBuilder(folder, limit)
    for batch in batches:
        builder.add(pa.array(batch, pa.binary()))
    return builder.finish()


def keys_of(found: Distinct) -> list[bytes]:
    packed = found.keys if isinstance(found.keys, Packed) else found.keys.read(0, len(found.keys))
    return [packed[i] for i in range(len(packed))]


def check(batches: list[list[bytes | None]], found: Distinct) -> None:
    """Each key once; each row leads to its own key, blanks to -1."""
    rows = [value for batch in batches for value in batch]
    keys = keys_of(found)
    assert len(keys) == len(set(keys))
    assert set(keys) == {value for value in rows if value is not None}
    assert found.row_to_key.dtype == np.int64
    assert [None if k < 0 else keys[k] for k in found.row_to_key] == rows


def messy(rows: int, seed: int) -> list[bytes | None]:
    """Long-tailed: many repeats, blanks, an empty string, some long keys."""
    draw = np.random.default_rng(seed)
    values: list[bytes | None] = [b"user%d@example.org" % (v % 5_000) for v in draw.zipf(1.3, rows) % 2**31]
    for at in draw.choice(rows, rows // 20, replace=False):
        values[at] = None
    values[rows // 2], values[rows // 3] = b"", b"long " * 400
    return values


ROUTES = {"direct": (1 << 40, None), "memory": (1_000, None), "disk": (1_000, 10_000)}


@pytest.mark.parametrize("route", ROUTES)
def test_distinct_keys_and_the_way_back(route: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    direct, limit = ROUTES[route]
    monkeypatch.setattr(distinct, "_DIRECT_BYTES", direct)
    monkeypatch.setattr(distinct, "_BATCH_BYTES", 5_000)
    batches = [messy(3_000, 1), [], [None] * 10, messy(2_000, 2), messy(100, 3)]
    found = build(batches, tmp_path, limit)
    check(batches, found)
    assert isinstance(found.keys, SpooledKeys) == (route == "disk")
    if isinstance(found.keys, SpooledKeys):
        assert found.keys.peak_disk_bytes > 0
        assert found.keys.scratch.bytes_on_disk > 0
        found.keys.close()
        found.keys.close()
        assert found.keys.scratch.bytes_on_disk == 0
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.none() | st.binary(max_size=12), max_size=30), max_size=8))
@pytest.mark.parametrize("limit", [None, 64], ids=["memory", "disk"])
def test_any_column_at_all(
    limit: int | None, tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes | None]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distinct, "_DIRECT_BYTES", 16)
        patch.setattr(distinct, "_BATCH_BYTES", 16)
        found = build(batches, tmp_path_factory.getbasetemp(), limit)
        check(batches, found)
        if isinstance(found.keys, SpooledKeys):
            found.keys.close()


def test_text_columns_and_slices_are_taken_too() -> None:
    builder = DistinctBuilder()
    builder.add(pa.array(["zoë", "a", None, "a"]))
    builder.add(pa.array(["x", "zoë", "b", "y"]).slice(1, 2))
    found = builder.finish()
    check([["zoë".encode(), b"a", None, b"a", "zoë".encode(), b"b"]], found)


def thue_morse(symbols: bytes, doublings: int) -> bytes:
    """The word of 2^doublings symbols that begins with the first: of it and the word that begins with the second, all
    hashes by a polynomial modulo 2^64 are the same once they are long enough."""
    word = [0]
    for _ in range(doublings):
        word += [1 - symbol for symbol in word]
    return bytes(symbols[symbol] for symbol in word)


def test_different_keys_with_one_hash_stay_different() -> None:
    """Somebody can make such keys for anybody's table, and long keys with one beginning count as such."""
    one, other = thue_morse(b"ab", 12), thue_morse(b"ba", 12)
    assert one != other
    hashed = ContentPartition().hashed(Packed.of([one, other, b"a"]))
    assert hashed[0] == hashed[1] != hashed[2]
    long = [b"x" * 300_000 + tail for tail in (b"1", b"2")]
    for keys in ([one, other], long):
        rows: list[bytes | None] = [b"k", keys[0], None, keys[1], b"k", keys[0], b""]
        check([rows], build([rows], None, None))


def test_keys_come_in_order_of_first_appearance() -> None:
    """In memory; which saves a copy where no key repeats."""
    rows: list[bytes | None] = [b"c", None, b"a", b"c", b"", b"b", b"a", b""]
    found = build([rows[:3], rows[3:]], None, None)
    assert keys_of(found) == [b"c", b"a", b"", b"b"]
    assert found.row_to_key.tolist() == [0, -1, 1, 0, 2, 3, 1, 2]


def test_short_rows_count_with_what_sorting_takes(tmp_path: Path) -> None:
    """A column of short keys takes more for its order than for its bytes."""
    builder = DistinctBuilder(tmp_path, 1 << 20)
    for _ in range(20):
        builder.add(pa.array([b""] * 1_000, pa.binary()))
    assert builder._parts is not None
    check([[b""] * 20_000], builder.finish())


def test_no_rows(tmp_path: Path) -> None:
    found = build([], tmp_path, 1_000)
    assert len(found.keys) == len(found.row_to_key) == 0


def test_reading_keys_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "_INDEX_EVERY", 64)
    found = build([[b"%d" % (i * i) for i in range(3_000)]], tmp_path, 4_000)
    assert isinstance(found.keys, SpooledKeys)
    everything = keys_of(found)
    for start, stop in [(0, 1), (63, 65), (64, 128), (1_000, 2_500), (2_999, 3_000), (5, 5), (3_000, 3_000)]:
        part = found.keys.read(start, stop)
        assert [part[i] for i in range(len(part))] == everything[start:stop]
    for start, stop in [(-1, 1), (4, 3), (0, 3_001)]:
        with pytest.raises(IndexError):
            found.keys.read(start, stop)
    found.keys.close()


def test_partitions_by_content_are_even_and_honest() -> None:
    part = ContentPartition()
    for form in (b"%d", b"user%09d@example.org", b"%d" + b" and a long common tail" * 20, b"x" * 60 + b"%d"):
        numbers = part.of(Packed.of(form % i for i in range(40_000)))
        counts = np.bincount(numbers, minlength=PARTITIONS)
        assert counts.max() < 3 * 40_000 / PARTITIONS
    strings = [b"", b"a", b"b" * 300_000, b"c", b"b" * 300_000, b"", b"c"]
    together = part.of(Packed.of(strings))
    assert together.tolist() == [int(part.of(Packed.of([s]))[0]) for s in strings]


PEAK_SCRIPT = """
import pathlib, re, sys
import numpy as np, pyarrow as pa, pyarrow.compute as pc
from psi.inputs.distinct import DistinctBuilder
def peak():
    # Not getrusage: its peak survives exec, so a large test process would hide a small child's growth.
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])
def batch(start, stop):
    return pc.utf8_lpad(pa.array(np.arange(start, stop)).cast(pa.string()), 31, "0")
folder, limit, rows = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
DistinctBuilder(folder, 1 << 30).add(batch(0, 20_000))
before = peak()
builder = DistinctBuilder(folder, limit)
for start in range(0, rows, 20_000):
    builder.add(batch(start, start + 20_000))
assert len(builder.finish().keys) == rows
print((peak() - before) * 1024)
"""


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")


def peak(folder: Path, limit: int, rows: int) -> int:
    """Bytes by which a process of its own grew."""
    command = [sys.executable, "-c", PEAK_SCRIPT, str(folder), str(limit), str(rows)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout)


@needs_proc
def test_memory_is_bounded_on_disk_and_only_there(tmp_path: Path) -> None:
    """1,500,000 keys of 31 bytes are 58 MB with their offsets, and twice that while they are sorted in memory; a row's
    number costs 8 bytes, allocators and code some 40 MB."""
    rows, limit = 1_500_000, 16 << 20
    allowed = 2 * limit + 16 * rows + (48 << 20)
    assert peak(tmp_path, limit, rows) < allowed
    assert peak(tmp_path, 1 << 30, rows) > 5 * allowed // 4


def spooled(folder: Path, count: int, limit: int = 100) -> SpooledKeys:
    found = build([[b"key %d" % i for i in range(count)]], folder, limit)
    assert isinstance(found.keys, SpooledKeys)
    return found.keys


@pytest.mark.parametrize("kind", [SpooledTokens, KeyTokens])
def test_tokens_are_the_prefixed_keys_with_their_numbers(
    tmp_path: Path, fixed_entropy: FixedEntropy, kind: type[SpooledTokens] | type[KeyTokens]
) -> None:
    """Every token once, whatever the chunks, and at each place the number of its key; on disk and in memory.
    Orders: tests/psi/inputs/test_orders.py."""
    keys = spooled(tmp_path, 3_000)
    everything = keys.read(0, 3_000)
    tokens = shuffled(keys if kind is SpooledTokens else everything, b"type:", fixed_entropy)
    assert isinstance(tokens, kind)
    assert len(tokens) == 3_000
    order = []
    for start in range(0, 3_000, 700):
        part = tokens.read(start, min(start + 700, 3_000))
        order += [part[i] for i in range(len(part))]
    assert sorted(order) == sorted(b"type:" + everything[i] for i in range(3_000))
    numbers = tokens.numbers(np.arange(3_000)).tolist()
    assert [b"type:" + everything[number] for number in numbers] == order
    assert tokens.numbers(np.array([2_999, 0, 17])).tolist() == [numbers[2_999], numbers[0], numbers[17]]
    assert len(tokens.read(5, 5)) == 0
    again = shuffled(keys if kind is SpooledTokens else everything, b"type:", fixed_entropy)
    assert again.numbers(np.arange(3_000)).tolist() != numbers
    for made in (tokens, again, keys):
        made.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder for working files"):
        build([[b"%d" % i for i in range(5_000)]], tmp_path / "missing", 100)


@needs_proc
@pytest.mark.soak
def test_ten_million_rows(tmp_path: Path) -> None:
    rows, limit = 10_000_000, 128 << 20
    assert peak(tmp_path, limit, rows) < 2 * limit + 16 * rows
