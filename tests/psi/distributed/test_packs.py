"""Packs hold what was put in; and what tasks on packs and on a peer's chunks say of faults. No engine runs here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psi.distributed import functions, packs, secret_files, steps
from psi.distributed.distinct import DistinctKeys, FrequentKeys, Normalise
from psi.distributed.functions import HashAndMask, TagOwn, backend
from psi.distributed.received import Different, Match, Opening, Spread, UnmaskAndTag
from psi.group import masking
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psi.inputs.tokens import with_prefix
from psi.offline import chunks
from psi.offline.chunks import ChunkEntry
from psi.offline.manifest import Listed
from psi.store import rows
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError
from psiselect.base.packed import Packed

PREFIX, BINDING, KEY = b"\x01", bytes(64), bytes(range(32))
OWN = [b"k%d" % n for n in range(40)]


def values_of(count: int, width: int = 32) -> Any:
    drawn = np.frombuffer(SystemEntropy().read(count * width), np.uint8).reshape(count, width)
    return drawn[rows.order(drawn)]


@given(st.lists(st.lists(st.binary(max_size=9), max_size=5), max_size=4))
def test_keys_in_packs_are_the_keys(parts: list[list[bytes]]) -> None:
    cells = pa.array([*(packs.of_keys(Packed.of([b"before", *part]).slice(1, 1 + len(part))) for part in parts), None])
    for kind in (cells.cast(pa.binary()), pa.chunked_array([cells.cast(pa.binary())])):
        found = packs.keys(kind)
        assert [found[n] for n in range(len(found))] == [key for part in parts for key in part]


@given(st.lists(st.lists(st.integers(0, 2**62), max_size=5), max_size=4))
def test_numbers_in_packs_are_the_numbers(parts: list[list[int]]) -> None:
    cells = pa.array([*(packs.of_numbers(np.array(part, np.int64)) for part in parts), None], pa.binary())
    assert packs.numbers(cells).tolist() == [number for part in parts for number in part]


@pytest.mark.parametrize("buckets", [1, 2, 7, 1 << 16])
def test_each_value_is_in_one_bucket_and_buckets_ascend_as_values_do(buckets: int) -> None:
    values = np.concatenate([values_of(500), np.zeros((1, 32), np.uint8), np.full((1, 32), 255, np.uint8)])
    found = dict(packs.split(values, buckets))
    assert sorted(np.concatenate(list(found.values())).tolist()) == list(range(502))
    assert set(found) <= set(range(buckets))
    ordered = [values[found[number]] for number in sorted(found)]
    for before, after in itertools.pairwise(ordered):
        assert max(before.tolist()) < min(after.tolist())
    assert [
        values[found[min(found)]].tolist().count([0] * 32),
        values[found[max(found)]].tolist().count([255] * 32),
    ] == [1, 1]


def test_a_pack_has_so_many_things_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "MOST", 20)
    found = list(packs.split(values_of(50), 1))
    assert [(number, len(where)) for number, where in found] == [(0, 20), (0, 20), (0, 10)]
    assert sorted(np.concatenate([where for _, where in found]).tolist()) == list(range(50))
    assert gathered([[f"{n}@x.org" for n in range(50)]])["distinct"].to_pylist() == [20, 20, 10]


def test_a_bucket_has_up_to_twice_as_many_values_as_it_is_made_for() -> None:
    full = 8 * chunks.CHUNK_VALUES
    assert [packs.buckets_for(n) for n in (0, 1, full, 2 * full - 1, 2 * full, 10**12)] == [1, 1, 1, 1, 2, 1 << 16]


@pytest.mark.parametrize(("counts", "refused"), [((9, 8, 8, 8, 15), False), ((9, 8, 9, 8, 15), True)])
def test_a_peers_bucket_has_up_to_twice_as_many_values_as_a_full_one(
    monkeypatch: pytest.MonkeyPatch, counts: tuple[int, ...], refused: bool
) -> None:
    """Four chunks begin in the second of eight buckets, and one of these ends elsewhere."""
    monkeypatch.setattr(packs, "_BUCKET_VALUES", 6)
    lead = (0x1F, 0x20, 0x28, 0x3F, 0x3F), (0x1F, 0x28, 0x28, 0x3F, 0x40)
    named = zip(counts, *lead, strict=True)
    entries = [ChunkEntry(bytes(32), many, bytes([first] * 32), bytes([last] * 32)) for many, first, last in named]
    assert packs.buckets_for(sum(counts)) == 8
    listed = Listed(chunks.elements_form(1), entries)
    if refused:
        with pytest.raises(RemoteError, match="not random"):
            steps.require_uniform(listed)
    else:
        steps.require_uniform(listed)


@pytest.fixture
def where(tmp_path: Path) -> Iterator[str]:
    drawn = Scalar.draw(SystemEntropy())
    secrets = {"mask": bytes(drawn.key), "unmask": bytes(drawn.inverse(SystemEntropy()).key), "key": KEY}
    with secret_files.kept(tmp_path, secrets) as path:
        yield path


def list_of(keys: list[bytes], first: int = 1) -> pa.RecordBatch:
    times = packs.of_numbers(np.arange(first, first + len(keys)))
    return pa.record_batch({"key": pa.array([packs.of_keys(Packed.of(keys))]), "rows": pa.array([times])})


def test_what_is_masked_stands_beside_its_key_and_number_of_rows(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "_ROWS_AT_ONCE", packs.MOST)
    some = [list_of(OWN[:15]), list_of(OWN[15:], first=16), list_of([])]
    rounds = list(
        HashAndMask(where, PREFIX, 1)(iter([pa.Table.from_batches(some[:2]).combine_chunks().to_batches()[0]]))
    )
    assert [len(packs.keys(each.column(1))) for each in rounds] == [15, 25]
    found = pa.Table.from_batches(list(HashAndMask(where, PREFIX, 3)(iter(some))))
    for bucket, element in zip(found["bucket"].to_pylist(), found["element"], strict=True):
        assert [number for number, _ in packs.split(packs.values(pa.array([element.as_py()]), 32), 3)] == [bucket]
    keys, times = packs.keys(found["key"]), packs.numbers(found["rows"])
    assert {keys[n]: int(times[n]) for n in range(len(keys))} == {key: n for n, key in enumerate(OWN, 1)}
    mask = Scalar(secret_files.read(where)["mask"])
    again = backend().hash_and_mask(with_prefix(PREFIX, keys), mask, DST)
    assert np.array_equal(packs.values(found["element"], 32), again)
    assert list(HashAndMask(where, PREFIX, 3)(iter([]))) == list(HashAndMask(where, PREFIX, 3)(iter(some[2:]))) == []


def gathered(parts: list[list[str | None]]) -> pa.Table:
    """By the tasks, without an engine: one bucket, each part a task of its own."""
    task = Normalise("mail:email", ("none",))
    made = [row for part in parts for row in task(iter([pa.record_batch({"mail": pa.array(part, pa.string())})]))]
    table = pa.Table.from_batches(made)
    keyless = pa.array([key is None for key in table["key"].to_pylist()])
    assert [bucket == -1 for bucket in table["bucket"].to_pylist()] == keyless.to_pylist()
    buckets = (table.filter(keyless), table.filter(pc.invert(keyless)))
    return pa.concat_tables([DistinctKeys()(each) for each in buckets if len(each)])


def test_keys_are_found_once_with_all_their_rows_and_others_are_counted() -> None:
    parts = [["a@x.org", "A@X.org ", "", None, "no at"], ["a@x.org", "b@x.org", "none", "neither"]]
    *others, keyed = gathered(parts).to_pylist()
    keys, times = packs.keys(pa.array([keyed["key"]])), packs.numbers(pa.array([keyed["rows"]]))
    assert {keys[n]: int(times[n]) for n in range(len(keys))} == {b"a@x.org": 3, b"b@x.org": 1}
    assert (keyed["distinct"], keyed["many"], keyed["reason"]) == (2, 4, None)
    assert sum(row["many"] for row in others if row["reason"] is None) == 3
    assert sorted((row["many"], row["reason"] is not None, row["distinct"]) for row in others) == [
        (1, False, None), (1, True, None), (1, True, None), (2, False, None)
    ]  # fmt: skip


def test_keys_of_one_task_are_merged_before_they_travel() -> None:
    """A placeholder in very many rows must not fill one bucket."""
    (found,) = Normalise("mail:email")(iter([pa.record_batch({"mail": pa.array(["a@x.org"] * 1000)})]))
    (row,) = found.to_pylist()
    assert (row["distinct"], row["many"], len(packs.keys(found.column(1)))) == (1, 1000, 1)
    (many,) = FrequentKeys(1000)(iter([pa.record_batch({"rows": found.column(2)})]))
    assert many.to_pylist() == [{"rows": 1000}]
    assert [each.num_rows for each in FrequentKeys(1001)(iter([pa.record_batch({"rows": found.column(2)})]))] == [0]


def sealed(*columns: Any) -> list[bytes]:
    return [chunks.seal(KEY, chunks.elements_form(1), values, SystemEntropy()) for values in columns]


def spread(where: str, listed: list[Any], cells: list[bytes | None]) -> list[dict[str, Any]]:
    entries = frozenset(ChunkEntry.of(values).encode() for values in listed)
    task = Spread(Opening(where, chunks.elements_form(1), entries), 4)
    left = iter([pa.record_batch({"sealed": pa.array([cell], pa.binary())}) for cell in cells])
    made = [row for batch in task(left) for row in batch.to_pylist()]
    assert list(left) == []  # an engine expects that a task reads all
    return made


def test_chunks_that_are_listed_open_with_a_row_for_each(where: str) -> None:
    one, two = values_of(20), values_of(30)
    found = spread(where, [one, two], sealed(one, two))
    assert [row["entry"] for row in found if row["entry"]] == [ChunkEntry.of(one).encode(), ChunkEntry.of(two).encode()]
    assert {row["fault"] for row in found} == {None}
    given_back = b"".join(row["value"] for row in found if row["value"])
    assert sorted(given_back[n : n + 32] for n in range(0, 50 * 32, 32)) == sorted(map(bytes, (*one, *two)))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (lambda one, two: sealed(one, one), "twice"),
        (lambda one, two: sealed(one, two), "does not name"),
        (lambda one, two: [*sealed(one), bytes(100)], "cannot decrypt"),
        (lambda one, two: [*sealed(one), None], "cannot decrypt"),
    ],
)
def test_a_chunk_that_is_not_as_listed_ends_the_task_with_a_fault(where: str, cells: Any, said: str) -> None:
    one, two = values_of(20), values_of(30)
    found = spread(where, [one], [*cells(one, two), *sealed(one)])
    faults = [row["fault"] for row in found if row["fault"]]
    assert len(faults) == 1
    assert said in faults[0]
    assert len([row for row in found if row["entry"]]) == 1
    assert found[-1]["fault"] == faults[0]


def nothing_said(many: int) -> dict[str, pa.Array]:
    """Of chunks."""
    return {"entry": pa.nulls(many, pa.binary()), "fault": pa.nulls(many, pa.string())}


def tagged(where: str, change: Any = None, tag_buckets: int = 3) -> pa.Table:
    """One bucket with all own elements, and a peer's replies to them."""
    state = pa.Table.from_batches(list(HashAndMask(where, PREFIX, 1)(iter([list_of(OWN)]))))
    elements = packs.values(state["element"], 32)
    peer = Scalar.draw(SystemEntropy())
    replies = np.concatenate([elements[:, :16], backend().mask(elements, peer)], axis=1)
    replies = replies[rows.order(replies)]
    replies = replies if change is None else change(replies)
    half = len(replies) // 2
    both = pa.table(
        {
            **{
                name: pa.chunked_array([*state[name].chunks, pa.nulls(2, state[name].type)])
                for name in state.schema.names
            },
            "value": pa.array([None, replies[:half].tobytes(), replies[half:].tobytes()], pa.binary()),
            **nothing_said(3),
        }
    )
    found = UnmaskAndTag(where, PREFIX, BINDING, 11, tag_buckets)(both)
    if change is None:
        keys, times = packs.keys(found["key"]), packs.numbers(found["rows"])
        assert {keys[n]: int(times[n]) for n in range(len(keys))} == {key: n for n, key in enumerate(OWN, 1)}
        tokens = with_prefix(PREFIX, keys)
        made = masking.tags(backend(), BINDING, backend().hash_and_mask(tokens, peer, DST), tokens, 11)
        assert np.array_equal(packs.values(found["value"], 11), made)
    return found


def test_replies_are_tagged_with_the_keys_of_their_elements(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psi.distributed.received._AT_ONCE", 7)
    found = tagged(where)
    assert set(found["bucket"].to_pylist()) <= {0, 1, 2}
    assert found["fault"].null_count == found.num_rows == len(set(found["bucket"].to_pylist()))


@pytest.mark.parametrize(
    "change",
    [
        lambda replies: replies[1:],
        lambda replies: np.concatenate([replies, values_of(1, 48)]),
        lambda replies: np.concatenate([replies[:-1], values_of(1, 48)]),
        lambda replies: np.concatenate([replies[:-1], replies[:1]]),
    ],
)
def test_a_reply_that_is_missing_or_named_otherwise_is_a_fault(where: str, change: Any) -> None:
    found = tagged(where, change)
    assert [bool(fault) for fault in found["fault"].to_pylist()] == [True]
    assert "one value for each value" in found["fault"][0].as_py()
    assert found["value"].null_count == found["key"].null_count == 1


def test_own_tags_that_the_peer_has_are_matches_once(where: str) -> None:
    """Also beside a bucket of which one side has nothing."""
    own, theirs, others = values_of(9, 11), values_of(3, 11), values_of(2, 11)
    mine = {"value": own.tobytes(), "key": packs.of_keys(Packed.of(OWN[:9])), "rows": packs.of_numbers(np.arange(9))}
    peers = {"tag": np.concatenate([own[[2, 5]], theirs, own[[5]]]).tobytes()}
    found = match(mine, peers, {"tag": others.tobytes()})
    assert sorted((row["key"], row["rows"]) for row in found) == [(OWN[2], 2), (OWN[5], 5)]
    assert match({"value": own.tobytes()}, peers) == [{"key": None, "rows": None, "entry": None, "fault": None}] * 2
    assert [match(mine), match(peers)] == [[], []]


def match(*rows_: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("value", "key", "rows", "tag", "entry")
    schema = pa.schema([*((name, pa.binary()) for name in names), ("fault", pa.string()), ("bucket", pa.int32())])
    found: list[dict[str, Any]] = Match(11)(pa.Table.from_pylist(list(rows_), schema=schema)).to_pylist()
    return found


def test_what_rows_say_of_chunks_is_handed_on(where: str) -> None:
    """By the tasks between the one that opens a chunk and the driver."""
    said = [{"entry": b"e", "bucket": -1}, {"fault": "f", "bucket": -1}, {"entry": b"g", "bucket": -1}]
    assert [(row["entry"], row["fault"]) for row in match(*said)] == [(b"e", None), (None, "f"), (b"g", None)]
    names = ("key", "rows", "element", "value", "entry")
    schema = pa.schema([*((name, pa.binary()) for name in names), ("fault", pa.string()), ("bucket", pa.int32())])
    found = UnmaskAndTag(where, PREFIX, BINDING, 11, 1)(pa.Table.from_pylist(said, schema=schema)).to_pylist()
    assert [(row["bucket"], row["entry"], row["fault"]) for row in found] == [
        (-1, b"e", None), (-1, None, "f"), (-1, b"g", None)
    ]  # fmt: skip


def test_different_products_are_counted() -> None:
    some = values_of(9)
    table = pa.table({"product": pa.array([some.tobytes(), some[3:5].tobytes()], pa.binary())})
    assert Different()(table).to_pylist() == [{"many": 9}]


@pytest.mark.parametrize("hides", [False, True])
def test_own_tags_are_those_of_one_machine(where: str, hides: bool) -> None:
    (found,) = TagOwn(where, PREFIX, BINDING, 11, hides, 1)(iter([list_of(OWN).select(["key"])]))
    tokens = with_prefix(PREFIX, Packed.of(OWN))
    element = backend().hash_and_mask(tokens, Scalar(secret_files.read(where)["mask"]), DST)
    made = masking.tags(backend(), BINDING, element, None if hides else tokens, 11)
    assert np.array_equal(packs.values(found.column("value"), 11), made)


def test_a_digest_depends_on_keys_and_how_often_they_are_there_not_on_their_order() -> None:
    def of(keys: list[bytes], times: list[int], salt: int = 1) -> list[int]:
        found = functions.digest_of(bytes([salt]) * functions.SALT_BYTES, Packed.of(keys), np.array(times, np.int64))
        return [int(each) for each in found]

    assert of([b"a", b"b", b"a"], [1, 1, 1]) == of([b"b", b"a"], [1, 2])
    several = (of([b"a", b"b"], [1, 1]), of([b"a", b"b"], [2, 1]), of([b"ab", b""], [1, 1]), of([b"a"], [2]))
    several += (of([b"a", b"b"], [1, 1], salt=2),)
    assert len({tuple(each) for each in several}) == len(several)
    assert of([], []) == [0, 0, 0, 0]
    assert all(each > 2**32 for each in several[0])
