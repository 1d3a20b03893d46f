"""Whole runs against a plain join: exactness first. A peer's mode of this kind once lost matches in silence."""

from __future__ import annotations

import random
import tracemalloc

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.fast import Listed, context, drive, every_kernels, expected, portable, run_both, without_curve
from support.symbols import drawn

from psi.fast import band
from psi.fast.items import Located, Purpose, Salted
from psi.fast.kernels.interface import Kernels
from psi.fast.parameters import MAX_ITEMS, SLICE_SLOTS, slots
from psi.fast.receiver import FastReceiver
from psi.fast.sender import FastSender
from psi.fast.states import FastState
from psi.fast.tags import Tagger
from psi.store.spool import Store
from psiselect.base.errors import RemoteError, UsageError
from psiselect.base.packed import I64, U8, Packed


def pair_of_lists(seed: int, most: int = 5000) -> tuple[list[bytes], list[bytes]]:
    """Two lists of random sizes, with random items of random lengths in common."""
    draw = random.Random(seed)
    own, other = (draw.choice([draw.randrange(20), draw.randrange(300), draw.randrange(most + 1)]) for _ in range(2))
    common = draw.choice([0, min(own, other), draw.randrange(min(own, other) + 1)])
    everything = [
        draw.randbytes(draw.choice([4, 20, 55, 56, 64, 119, 120])) + b"%d" % k for k in range(own + other - common)
    ]
    first, second = everything[:own], everything[own - common :]
    draw.shuffle(first), draw.shuffle(second)
    return first, second


def check(seed: int, kernels: Kernels, **changes: object) -> None:
    own, other = pair_of_lists(seed)
    matches, _, _, _ = run_both(own, other, kernels=kernels, **changes)
    assert matches.tolist() == expected(own, other).tolist(), f"seed {seed}"


@pytest.mark.parametrize("kernels", every_kernels(), ids=lambda kernels: kernels.name)
@pytest.mark.parametrize("sizes", [(0, 0), (0, 3), (3, 0), (1, 1), (2, 200), (200, 2), (257, 256)])
def test_edges(kernels: Kernels, sizes: tuple[int, int]) -> None:
    own, other = ([b"%d" % number for number in range(size)] for size in sizes)
    matches, _, _, _ = run_both(own, other, kernels=kernels)
    assert matches.tolist() == expected(own, other).tolist()


@pytest.mark.parametrize("seed", range(60))
def test_random_pairs_of_lists(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    without_curve(monkeypatch)
    check(seed, every_kernels()[-1])


@pytest.mark.parametrize("seed", range(1000, 1003))
def test_random_pairs_of_lists_without_compiled_code(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    without_curve(monkeypatch)
    check(seed, every_kernels()[0])


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2000, 3000))
def test_a_thousand_random_pairs_of_lists(seed: int) -> None:
    check(seed, every_kernels()[-1])


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("bits", [16, pytest.param(20, marks=pytest.mark.soak)])
def test_one_item_against_many(swapped: bool, bits: int) -> None:
    many, one = [b"%d" % number for number in range(1 << bits)], [b"777"]
    own, other = (many, one) if swapped else (one, many)
    matches, _, _, _ = run_both(own, other, kernels=every_kernels()[-1], chunk=32767)
    assert matches.tolist() == ([777] if swapped else [0])


@pytest.mark.soak
@pytest.mark.parametrize("turn", range(50))
def test_many_against_many(turn: int) -> None:
    count, common = 1 << 18, (1 << 18) * turn // 50
    own = Listed(numbered(0, count))
    matches, _, _, _ = run_both(own, Listed(numbered(count - common, count)), kernels=every_kernels()[-1], chunk=32767)
    assert np.array_equal(matches, np.arange(count - common, count))


def test_lists_over_several_slices_lose_no_match() -> None:
    """Every band that lies across the end of a slice is looked up: some 500 of 60,000."""
    own, other = Listed(numbered(0, 60_000)), Listed(numbered(0, 60_000))
    assert slots(60_000) > 2 * SLICE_SLOTS
    matches, _, _, _ = run_both(own, other, kernels=every_kernels()[-1], chunk=32767)
    assert np.array_equal(matches, np.arange(60_000))


@pytest.mark.skipif(len(every_kernels()) == 1, reason="too slow without compiled code")
@pytest.mark.parametrize("bits", [17, pytest.param(20, marks=pytest.mark.soak)])
def test_memory_is_bounded(bits: int) -> None:
    """128 bytes an item and side, lists apart: 2 GB would be 2^24 items. Two sides in one process take twice that."""
    count = 1 << bits
    lists = Listed(numbered(0, count)), Listed(numbered(count // 2, count))
    run_both([b"a"], [b"a"], kernels=every_kernels()[-1])
    tracemalloc.start()
    try:
        receiver = FastReceiver(context(lists[0], count, kernels=every_kernels()[-1], store=Store(), chunk=32767))
        sender = FastSender(context(lists[1], count, kernels=every_kernels()[-1], store=Store(), chunk=32767))
        drive(receiver, sender, keep=False)
        assert receiver.comparison is not None
        assert receiver.comparison.count() == count // 2
        assert tracemalloc.get_traced_memory()[1] < 2 * 128 * count
    finally:
        tracemalloc.stop()


def numbered(start: int, count: int) -> Packed:
    """Items of eight bytes each."""
    data = np.arange(start, start + count, dtype="<u8").view(np.uint8)
    return Packed(data, np.arange(count + 1, dtype=np.int64) * 8)


def test_both_kinds_of_kernels_work_together() -> None:
    own, other = pair_of_lists(5)
    for first, second in ((0, -1), (-1, 0)):
        receiver = FastReceiver(context(own, len(other), kernels=every_kernels()[first], store=Store()))
        sender = FastSender(context(other, len(own), kernels=every_kernels()[second], store=Store()))
        drive(receiver, sender)
        assert receiver.comparison is not None
        assert receiver.comparison.count() == len(expected(own, other))
        assert receiver.comparison.matches()[0].tolist() == expected(own, other).tolist()


def test_two_runs_on_one_input_share_no_message() -> None:
    """But those that say nothing: which attempt succeeded, and ends."""
    own, other = pair_of_lists(3)
    said = [run_both(own, other, kernels=every_kernels()[-1])[1] for _ in range(2)]
    for (who, first), (again, second) in zip(*said, strict=True):
        assert (who, first.type, len(first)) == (again, second.type, len(second))
        pieces = [
            {bytes(frame.view()[i : i + 8]) for i in range(0, len(frame.view()) - 7, 8)} for frame in (first, second)
        ]
        # Some 30,000 pieces of 64 bits: fails by chance with probability below 2^-33.
        assert not pieces[0] & pieces[1]
        assert len(first.view()) < 8 or pieces[0]


def test_no_message_depends_on_the_order_of_items() -> None:
    """Sessions read lists in the order of the table (decision 0273)."""
    own, other = pair_of_lists(11, most=200)
    said = [
        run_both(first, second, entropy=FixedEntropy, chunk=16)[1]
        for first, second in ((own, other), (own[::-1], sorted(other)))
    ]
    assert [(who, f.type, bytes(f.view())) for who, f in said[0]] == [(w, f.type, bytes(f.view())) for w, f in said[1]]
    assert min(len(own), len(other)) > 5


def test_the_salt_reaches_every_hash() -> None:
    own = [b"%d" % number for number in range(50)]
    places = []
    for who in "ab":
        receiver = FastReceiver(context(own, 1, entropy=FixedEntropy(who)))
        while receiver.work() is not None:
            pass
        places.append(receiver._located)
    assert not np.array_equal(places[0].starts, places[1].starts)
    assert not {row.tobytes() for row in places[0].ids} & {row.tobytes() for row in places[1].ids}
    assert not set(places[0].values.tolist()) & set(places[1].values.tolist())


@pytest.mark.parametrize("failures", [1, 2, 7])
def test_a_store_that_fails_is_made_again_under_a_fresh_salt(failures: int, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = pair_of_lists(4)
    kernels = every_kernels()[-1]
    tried: list[bytes] = []
    work = band.Solving.work

    def failing(self: band.Solving) -> bool:
        going = work(self)
        if not going and len(tried) < failures:
            tried.append(self._located._item_block)
            self.failed = True
        return going

    monkeypatch.setattr(band.Solving, "work", failing)
    matches, said, _, _ = run_both(own, other, kernels=kernels)
    assert matches.tolist() == expected(own, other).tolist()
    assert len(set(tried)) == failures
    # All that the peer sees of it is one byte.
    (encoding,) = (frame for _, frame in said if frame.type == 25)
    assert bytes(encoding.view()) == bytes((failures,))
    plain = run_both(own, other, kernels=kernels)[1]
    assert [(who, frame.type, len(frame)) for who, frame in said] == [(who, f.type, len(f)) for who, f in plain]


def test_items_that_are_not_distinct_fail_for_good() -> None:
    receiver = FastReceiver(context([b"a", b"b", b"a"], 1))
    with pytest.raises(RuntimeError, match="not distinct"):
        all(frames is not None for frames in iter(receiver.work, None))


def test_labels_travel_with_matches_and_open_for_nothing_else() -> None:
    own, other = pair_of_lists(7)
    payloads = drawn((len(other), 64), "payloads")

    def payloads_of(numbers: I64) -> U8:
        return payloads[numbers]

    receiver = FastReceiver(context(own, len(other), label_width=64, store=Store()))
    sender = FastSender(context(other, len(own), label_width=64, payloads=payloads_of, store=Store()))
    drive(receiver, sender)
    assert receiver.comparison is not None
    matches, sealed = receiver.comparison.matches()
    assert matches.tolist() == expected(own, other).tolist()
    assert len(matches)
    assert sealed is not None
    where = {item: number for number, item in enumerate(other)}
    assert sealed.open().tobytes() == payloads[[where[own[number]] for number in matches]].tobytes()
    sealed.keys[0, 0] ^= 1
    with pytest.raises(RemoteError, match="cannot be decrypted"):
        sealed.open()


def test_the_key_of_a_label_does_not_begin_with_the_public_tag() -> None:
    tagger = Tagger(portable(), Salted(bytes(64), bytes(32), 0), 10)
    symbols, ids = drawn((5, 32), "rows").view("<u8"), drawn((5, 16), "ids")
    tags, keys = tagger.tags(symbols, ids), tagger.label_keys(symbols, ids)
    assert (tags.shape, keys.shape) == ((5, 10), (5, 32))
    assert not (keys[:, :10] == tags).all(axis=1).any()
    for changed in (tagger.tags(symbols ^ 1, ids), tagger.tags(symbols, ids ^ 1)):
        assert not (changed == tags).all(axis=1).any()


def test_every_hash_is_bound_to_run_salt_attempt_and_purpose() -> None:
    plain = Salted(bytes(64), bytes(32), 0)
    others = [Salted(b"\1" + bytes(63), bytes(32), 0), Salted(bytes(64), b"\1" + bytes(31), 0)]
    others.append(Salted(bytes(64), bytes(32), 1))
    blocks = [salted.block(purpose) for salted in (plain, *others) for purpose in Purpose]
    assert len(set(blocks)) == 16
    assert {len(block) for block in blocks} == {64}


def test_lists_that_are_too_long_are_refused_on_either_side() -> None:
    class Long(Listed):
        def __len__(self) -> int:
            return MAX_ITEMS + 1

    with pytest.raises(UsageError, match="16,777,216") as own:
        context(Long(Packed.of([])), 1)
    with pytest.raises(RemoteError, match="16,777,216") as other:
        context([b"a"], MAX_ITEMS + 1)
    assert (own.value.term, other.value.term) == ("protocol", "protocol")
    context([b"a"], MAX_ITEMS)


@pytest.mark.parametrize(("items", "count"), [(0, 256), (1, 320), (58, 320), (59, 384), (1 << 20, 1153728)])
def test_slots_are_a_tenth_more_than_items_and_a_band(items: int, count: int) -> None:
    assert slots(items) == count
    assert count >= 1.1 * items + 256
    assert count - 64 < 1.1 * items + 256


def test_nothing_is_left_of_a_run_that_is_closed() -> None:
    own, other = pair_of_lists(9)
    _, _, receiver, sender = run_both(own, other)
    assert receiver._seeds.any()
    assert sender._seeds.any()
    assert sender._delta.any()
    receiver.close(), sender.close()
    secrets = [receiver._seeds, sender._seeds, sender._delta, sender._chooser.bits]
    assert not any(secret.any() for secret in secrets)
    assert (receiver.state, sender.state) == (FastState.OVER, FastState.OVER)


def test_places_are_uniform_over_all_slots() -> None:
    """Chi-square of 64 cells over 20,000 items: above 160 with probability below 1e-9."""
    receiver = FastReceiver(context(Listed(numbered(0, 20000)), 1, kernels=every_kernels()[-1]))
    located = receiver._located
    located.finish()
    places = slots(20000) - 255
    counts = np.bincount(located.starts.astype(np.int64) * 64 // places, minlength=64)
    assert len(counts) == 64
    assert ((counts - 312.5) ** 2 / 312.5).sum() < 160
    assert located.starts.max() < places
    assert np.all(np.diff(located.starts.astype(np.int64)) >= 0)


def test_located_items_keep_their_numbers() -> None:
    items = [b"%d" % number for number in range(500)]
    receiver = FastReceiver(context(items, 1))
    receiver._located.finish()
    shuffled = Located(receiver._run.kernels, receiver._salted, Listed.of(items[::-1]), slots(500))
    shuffled.finish()
    by_id = {
        row.tobytes(): number for row, number in zip(receiver._located.ids, receiver._located.numbers, strict=True)
    }
    assert sorted(by_id.values()) == list(range(500))
    assert all(by_id[row.tobytes()] == 499 - number for row, number in zip(shuffled.ids, shuffled.numbers, strict=True))
