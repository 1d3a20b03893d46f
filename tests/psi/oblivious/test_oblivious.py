"""Base transfers, their extension and correlated transfers: results against plain arithmetic, relations of the papers
against a computation bit by bit, and sides that cheat."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from support.entropy import FixedEntropy

from psi.group.curve25519.backend import Backend, load_backend
from psi.group.curve25519.portable import PortableBackend
from psi.group.curve25519.suite import DST
from psi.oblivious import columns
from psi.oblivious.base import BaseReceiver, BaseSender
from psi.oblivious.columns import CHECK_ROWS, COLUMNS, ROW_BYTES, Streams, UniversalHash, rows_of, select
from psi.oblivious.correlated import CorrelatedReceiver, CorrelatedSender, PadHash
from psi.oblivious.extension import ANSWER_BYTES, ExtensionReceiver, ExtensionSender, Layout, VerifiedRows
from psi.store.spool import DiskStore, MemoryStore
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError
from psiselect.base.packed import I64, U8

BINDING = bytes(range(64))


@functools.cache
def backend() -> Backend:
    return load_backend("auto", 1)


def random_bits(count: int, name: str = "bits") -> U8:
    return np.frombuffer(FixedEntropy(name).read(count), np.uint8) & 1


def pair(rows: int, block: int = 64, bits: U8 | None = None, store: MemoryStore | None = None, name: str = "") -> tuple[
    ExtensionReceiver, ExtensionSender
]:  # fmt: skip
    """Both sides of an extension, on seeds dealt without base transfers."""
    entropy = FixedEntropy(f"pair {name}")
    seeds = np.frombuffer(entropy.read(COLUMNS * 64), np.uint8).reshape(COLUMNS, 2, 32).copy()
    s = random_bits(COLUMNS, f"s {name}").copy()
    receiver = ExtensionReceiver(seeds, random_bits(rows) if bits is None else bits, block, entropy)
    chosen = seeds[np.arange(COLUMNS), s].copy()
    received = (store or MemoryStore()).column("transfers", ROW_BYTES)
    return receiver, ExtensionSender(s, chosen, Layout(rows, block), received)


def extend(receiver: ExtensionReceiver, sender: ExtensionSender, change: object = None) -> tuple[U8, bytes]:
    """Carry all blocks; the receiver's rows and the challenge. change(block number, u) -> u, of a receiver that
    cheats."""
    rows, challenge = [np.zeros((0, ROW_BYTES), np.uint8)], b""
    blocks = list(receiver.blocks())
    for number, (sent, own) in enumerate(blocks):
        sent = sent if change is None else change(number, sent.copy())
        if number < len(blocks) - 1:
            sender.take(sent.reshape(-1))
        else:
            challenge = sender.challenge(sent.reshape(-1), FixedEntropy("challenge"))
        rows.append(own)
    return np.concatenate(rows), challenge


def all_rows(verified: VerifiedRows) -> U8:
    return np.concatenate([np.zeros((0, ROW_BYTES), np.uint8), *verified.blocks()])


# ---- columns


def test_rows_are_the_columns_bit_by_bit() -> None:
    table = np.frombuffer(FixedEntropy("table").read(COLUMNS * 3), np.uint8).reshape(COLUMNS, 3)
    rows = rows_of(table)
    assert rows.shape == (24, ROW_BYTES)
    for j in range(24):
        for i in range(COLUMNS):
            assert (rows[j, i // 8] >> i % 8) & 1 == (table[i, j // 8] >> j % 8) & 1


def test_streams_are_aes_in_counter_mode_however_they_are_taken() -> None:
    seeds = np.frombuffer(FixedEntropy("seeds").read(96), np.uint8).reshape(3, 32)
    streams = Streams(seeds)
    taken = np.concatenate([streams.take(rows) for rows in (8, 128, 40, 1024)], axis=1)
    for seed, column in zip(seeds, taken, strict=True):
        blocks = -(-len(column) // 16)
        ecb = Cipher(algorithms.AES256(seed.tobytes()), modes.ECB()).encryptor()
        whole = ecb.update(b"".join(i.to_bytes(16, "big") for i in range(blocks)))
        assert column.tobytes() == whole[: len(column)]


def test_the_hash_is_the_product_with_the_matrix_and_the_identity() -> None:
    seed, widths = FixedEntropy("seed").read(32), (1, 8, 3)
    blocks = [np.frombuffer(FixedEntropy(str(w)).read(5 * w), np.uint8).reshape(5, w) for w in widths]
    last = np.frombuffer(FixedEntropy("last").read(5 * 16), np.uint8).reshape(5, 16)
    check = UniversalHash(seed, 5)
    for block in blocks:
        check.add(block)
    hashed = check.finish(last)
    stream = Cipher(algorithms.AES256(seed), modes.CTR(bytes(16))).encryptor()
    expected = np.unpackbits(last, axis=1, bitorder="little").astype(int)
    for width, block in zip(widths, blocks, strict=True):
        drawn = np.frombuffer(stream.update(bytes(CHECK_ROWS * width)), np.uint8).reshape(CHECK_ROWS, width)
        matrix = np.unpackbits(drawn, axis=1, bitorder="little").astype(int)
        expected += np.unpackbits(block, axis=1, bitorder="little").astype(int) @ matrix.T
    assert np.array_equal(np.unpackbits(hashed, axis=1, bitorder="little"), expected % 2)


def test_selecting_takes_row_by_row() -> None:
    zero, one = np.full((4, 3), 5, np.uint8), np.full((4, 3), 9, np.uint8)
    assert select(np.array([0, 1, 1, 0], np.uint8), zero, one)[:, 1].tolist() == [5, 9, 9, 5]


# ---- base transfers


@pytest.mark.parametrize("name", ["lanes", "portable"])
def test_the_chooser_gets_the_seed_it_chose_and_all_seeds_differ(name: str) -> None:
    group = load_backend(name, 1)
    chooser = BaseReceiver(group, DST, BINDING, SystemEntropy())
    answer, seeds = BaseSender(group, DST, BINDING, SystemEntropy()).answer(chooser.request())
    assert np.array_equal(chooser.seeds(answer), seeds[np.arange(COLUMNS), chooser.bits])
    assert len({seed.tobytes() for seed in seeds.reshape(-1, 32)}) == 2 * COLUMNS
    assert 0 < chooser.bits.sum() < COLUMNS  # fails by chance with probability 2^-127
    group.close()


def test_seeds_are_bound_to_the_run() -> None:
    chooser = BaseReceiver(backend(), DST, BINDING, FixedEntropy())
    answer, seeds = BaseSender(backend(), DST, bytes(64), FixedEntropy("dealer")).answer(chooser.request())
    opened = chooser.seeds(answer)
    assert not (opened == seeds[np.arange(COLUMNS), chooser.bits]).all(axis=1).any()


def test_each_pair_has_a_scalar_of_its_own() -> None:
    """The same element in all places comes back as 128 different ones."""
    request = np.repeat(BaseReceiver(backend(), DST, BINDING, FixedEntropy()).request()[:1], COLUMNS, axis=0)
    answer, _ = BaseSender(backend(), DST, BINDING, SystemEntropy()).answer(request)
    assert len({row.tobytes() for row in answer}) == COLUMNS


def bad_elements() -> dict[str, U8]:
    low = np.zeros(32, np.uint8)
    high = np.full(32, 255, np.uint8)
    return {"low order": low, "not canonical": high}


@pytest.mark.parametrize("words", bad_elements())
def test_elements_that_no_honest_side_sends_are_refused_by_position(words: str) -> None:
    chooser = BaseReceiver(backend(), DST, BINDING, FixedEntropy())
    request = chooser.request()
    answer, _ = BaseSender(backend(), DST, BINDING, FixedEntropy("d")).answer(request)
    for good, refuse in (
        (request, BaseSender(backend(), DST, BINDING, FixedEntropy("d")).answer),
        (answer, chooser.seeds),
    ):
        bad = good.copy()
        bad[77] = bad_elements()[words]
        with pytest.raises(RemoteError, match=f"element 77 .*{words}"):
            refuse(bad)


def test_hashing_and_tokens_of_the_chooser_do_not_depend_on_its_bits() -> None:
    """What it hashes is the same for all choices; only arithmetic on the results differs."""

    class Watched(PortableBackend):
        def hash_to_curve(self, items: object, dst: bytes) -> U8:
            asked.append(bytes(items.data))
            return super().hash_to_curve(items, dst)

    seen = []
    for seed in ("one", "two"):
        asked: list[bytes] = []
        group = Watched(threads=1)
        BaseReceiver(group, DST, BINDING, FixedEntropy(seed)).request()
        group.close()
        seen.append(asked)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 2


# ---- extension


@pytest.mark.parametrize(("rows", "block"), [(0, 8), (1, 8), (8, 8), (300, 64), (129, 128), (1000, 4096)])
def test_rows_differ_by_the_secret_where_the_bit_is_one(rows: int, block: int) -> None:
    bits = random_bits(rows)
    receiver, sender = pair(rows, block, bits)
    own, challenge = extend(receiver, sender)
    verified = sender.verify(receiver.answer(challenge))
    s = np.packbits(sender.bits, bitorder="little")
    assert np.array_equal(verified.difference, s)
    assert own.shape == (rows, ROW_BYTES)
    assert np.array_equal(all_rows(verified), own ^ np.where(bits[:, None] == 1, s, 0))


def test_rows_are_the_same_from_disk(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psi.oblivious.extension._READ_ROWS", 700)
    store = DiskStore(tmp_path, 40_000)
    bits = random_bits(5000)
    receiver, sender = pair(5000, 256, bits, store)
    own, challenge = extend(receiver, sender)
    assert store.disk_bytes > 0
    verified = sender.verify(receiver.answer(challenge))
    assert np.array_equal(all_rows(verified), own ^ np.where(bits[:, None] == 1, verified.difference, 0))
    store.close()


def test_what_travels_says_nothing_that_a_single_seed_explains() -> None:
    """Two receivers with opposite bits send, column by column, complements; both look the same to a sender that has
    one seed of each pair: its q differs from the receiver's t by c*s whichever c it is."""
    ones, zeros = np.ones(64, np.uint8), np.zeros(64, np.uint8)
    (one, _), (zero, _) = pair(64, 64, ones), pair(64, 64, zeros)
    assert np.array_equal(next(one.blocks())[0] ^ 255, next(zero.blocks())[0])


def flip(column: int, block: int = 0, byte: int = 0) -> object:
    def change(number: int, sent: U8) -> U8:
        if number == block:
            sent[column, byte] ^= 1
        return sent

    return change


def test_one_wrong_bit_passes_exactly_where_the_secret_bit_is_zero() -> None:
    """A receiver with another bit in one column passes only by guessing s_i: then the column of that i is used
    unchanged. The hashes of two different columns are equal with probability 2^-128 each."""
    for column in range(COLUMNS):
        receiver, sender = pair(200, 64, name="guess")
        _, challenge = extend(receiver, sender, flip(column))
        answer = receiver.answer(challenge)
        if sender.bits[column]:
            with pytest.raises(RemoteError, match="consistency check"):
                sender.verify(answer)
        else:
            sender.verify(answer)


@pytest.mark.parametrize("rows_changed", [1, 3])
def test_many_wrong_columns_do_not_pass(rows_changed: int) -> None:
    """Random columns changed, in blocks or in the check's rows: passes when s is 0 in all of them, about 2^-64."""
    for where in (0, 3, 4):  # the first block, the last one, the check's rows
        receiver, sender = pair(256, 64)

        def change(number: int, sent: U8, where: int = where) -> U8:
            if number == where:
                for byte in range(rows_changed):
                    sent[:, byte] ^= random_bits(COLUMNS, f"cheat {byte}") << 3
            return sent

        _, challenge = extend(receiver, sender, change)
        with pytest.raises(RemoteError, match="consistency check"):
            sender.verify(receiver.answer(challenge))


def test_a_cheat_that_guesses_right_in_its_answer_passes_in_half_of_the_cases() -> None:
    """The best that a single wrong column gives: the receiver bets on s_i = 1 and changes the answer to fit. It passes
    where s_i is 1 and fails where it is 0, so never with more than probability 1/2 a column."""
    passed = []
    for column in range(COLUMNS):
        receiver, sender = pair(200, 64, name="bet")
        _, challenge = extend(receiver, sender, flip(column))
        answer = receiver.answer(challenge).reshape(COLUMNS + 1, -1).copy()
        extra = UniversalHash(challenge, 1)
        for start, stop in receiver.layout.blocks():
            block = np.zeros((1, (stop - start) // 8), np.uint8)
            block[0, 0] = 1 if start == 0 else 0
            extra.add(block)
        answer[column] ^= extra.finish(np.zeros((1, 16), np.uint8))[0]
        try:
            sender.verify(answer.reshape(-1))
            passed.append(int(sender.bits[column]))
        except RemoteError:
            assert sender.bits[column] == 0
    assert passed == [1] * int(sender.bits.sum())


@pytest.mark.parametrize("byte", [0, 16 * 60 + 3, ANSWER_BYTES - 1])
def test_a_wrong_answer_is_refused(byte: int) -> None:
    receiver, sender = pair(100)
    _, challenge = extend(receiver, sender)
    answer = receiver.answer(challenge).copy()
    answer[byte] ^= 4
    with pytest.raises(RemoteError, match="consistency check"):
        sender.verify(answer)
    with pytest.raises(RemoteError, match="answered the check with"):
        sender.verify(answer[1:])


def test_an_answer_to_another_challenge_is_refused() -> None:
    receiver, sender = pair(100)
    extend(receiver, sender)
    with pytest.raises(RemoteError, match="consistency check"):
        sender.verify(receiver.answer(bytes(32)))


def test_rows_are_out_of_reach_before_the_check() -> None:
    receiver, sender = pair(100, 64)
    with pytest.raises(RuntimeError, match="without a challenge"):
        sender.verify(np.zeros(ANSWER_BYTES, np.uint8))
    assert not hasattr(sender, "blocks")
    blocks = [sent.reshape(-1) for sent, _ in receiver.blocks()]
    with pytest.raises(RemoteError, match="too early"):
        sender.challenge(blocks[-1], FixedEntropy())
    sender.take(blocks[0])
    with pytest.raises(RemoteError, match="too early"):
        sender.challenge(blocks[-1], FixedEntropy())


@pytest.mark.parametrize("change", [lambda u: u[:-1], lambda u: u[:0], lambda u: np.concatenate([u, u])])
def test_blocks_of_another_length_are_refused(change: object) -> None:
    receiver, sender = pair(100, 64)
    blocks = [sent.reshape(-1) for sent, _ in receiver.blocks()]
    with pytest.raises(RemoteError, match="bytes of transfers"):
        sender.take(change(blocks[0]))
    receiver, sender = pair(100, 64)
    for block in blocks[:-1]:
        sender.take(block)
    with pytest.raises(RemoteError, match="bytes of transfers"):
        sender.take(blocks[0])
    with pytest.raises(RemoteError, match="wrong number"):
        sender.challenge(change(blocks[-1]), FixedEntropy())


def test_the_bits_are_hidden_in_the_answer_by_the_random_rows() -> None:
    """For any challenge, the hash of the bits is uniform: over many runs with the same bits each of its 128 bits is 1
    in about half of them. Hoeffding at 1e-9 for each of 128 bits."""
    runs, seen = 400, np.zeros(CHECK_ROWS, int)
    for number in range(runs):
        seeds = np.zeros((COLUMNS, 2, 32), np.uint8)
        receiver = ExtensionReceiver(seeds, np.ones(16, np.uint8), 16, FixedEntropy(f"hiding {number}"))
        answer = receiver.answer(bytes(32)).reshape(COLUMNS + 1, -1)
        seen += np.unpackbits(answer[COLUMNS], bitorder="little")
    assert np.all(np.abs(seen - runs / 2) < np.sqrt(runs * np.log(2e9) / 2))


# ---- correlated transfers


def total_of(values: I64, bits: U8, block: int = 64, group: Backend | None = None, spoil: object = None) -> int:
    """The receiver's total, by all of the steps."""
    group = group or backend()
    entropy = SystemEntropy()
    chooser = BaseReceiver(group, DST, BINDING, entropy)
    answer, seeds = BaseSender(group, DST, BINDING, entropy).answer(chooser.request())
    layout = Layout(len(bits), block)
    store = MemoryStore()
    sender = ExtensionSender(chooser.bits, chooser.seeds(answer), layout, store.column("transfers", ROW_BYTES))
    receiver = ExtensionReceiver(seeds, bits, block, entropy)
    learner = CorrelatedReceiver(PadHash(group, BINDING))
    blocks = list(receiver.blocks())
    for sent, own in blocks[:-1]:
        sender.take(sent.reshape(-1))
        learner.add_rows(own)
    verified = sender.verify(receiver.answer(sender.challenge(blocks[-1][0].reshape(-1), entropy)))
    giver = CorrelatedSender(PadHash(group, BINDING), verified.difference)
    done = 0
    for rows in verified.blocks():
        corrections = giver.corrections(rows, values[done : done + len(rows)])
        if spoil is not None:
            corrections = spoil(corrections)
        learner.add_corrections(corrections, bits[done : done + len(rows)])
        done += len(rows)
    return learner.total(giver.share)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 500])
def test_totals_equal_a_plain_computation(count: int) -> None:
    draw = np.random.default_rng(count)
    values = draw.integers(-(10**15), 10**15, count)
    bits = draw.integers(0, 2, count).astype(np.uint8)
    assert total_of(values, bits) == int(values[bits == 1].sum())


@pytest.mark.parametrize("name", ["lanes", "portable"])
def test_totals_on_every_backend(name: str) -> None:
    values, bits = np.array([5, -7, 100, 2], np.int64), np.array([1, 1, 0, 1], np.uint8)
    group = load_backend(name, 1)
    assert total_of(values, bits, 8, group) == 0
    group.close()


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), -1, 0])
def test_totals_at_the_ends_of_64_bits(value: int) -> None:
    values = np.array([value, 12345, value], np.int64)
    assert total_of(values, np.array([0, 0, 1], np.uint8)) == value
    assert total_of(values, np.array([0, 0, 0], np.uint8)) == 0


def test_corrections_in_another_order_give_another_total() -> None:
    """They are bound to their rows: 64 bits agree by chance with probability 2^-64."""
    values, bits = np.full(16, 10, np.int64), random_bits(16)
    assert total_of(values, bits, 16) == 10 * int(bits.sum())
    assert total_of(values, bits, 16, spoil=lambda c: np.roll(c, 1)) != 10 * int(bits.sum())


def test_what_a_sender_adds_to_a_correction_shifts_the_total_where_the_bit_is_one() -> None:
    """What docs/protocol.md grants a sender that cheats."""
    values, bits = np.zeros(16, np.int64), np.arange(16, dtype=np.uint8) % 2
    shift = np.where(np.arange(16) == 5, 1000, 0).astype(np.uint64)
    assert total_of(values, bits, 16, spoil=lambda c: c + shift) == 1000
    assert total_of(values, 1 - bits, 16, spoil=lambda c: c + shift) == 0


def test_corrections_do_not_show_values() -> None:
    """Corrections of all zeros and of all ones hash alike: no correction repeats, and each of 64 bits is 1 in about
    half of them (Hoeffding at 1e-9 a bit)."""
    seen: list[np.ndarray] = []

    def keep(corrections: np.ndarray) -> np.ndarray:
        seen.append(corrections.copy())
        return corrections

    total_of(np.zeros(2000, np.int64), random_bits(2000), 512, spoil=keep)
    words = np.concatenate(seen)
    assert len(np.unique(words)) == 2000
    ones = np.unpackbits(words.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=0)
    assert np.all(np.abs(ones - 1000.0) < np.sqrt(2000 * np.log(2e9) / 2))


def test_pads_are_bound_to_run_and_row_number() -> None:
    rows = np.zeros((3, ROW_BYTES), np.uint8)
    here, there = PadHash(backend(), BINDING), PadHash(backend(), bytes(64))
    assert len({*here(rows, 0).tolist(), *here(rows, 3).tolist(), *there(rows, 0).tolist()}) == 9
    assert np.array_equal(here(rows, 0)[1:], here(rows[1:], 1))


def test_a_total_needs_all_corrections() -> None:
    learner = CorrelatedReceiver(PadHash(backend(), BINDING))
    learner.add_rows(np.zeros((2, ROW_BYTES), np.uint8))
    learner.add_corrections(np.zeros(1, np.uint64), np.zeros(1, np.uint8))
    with pytest.raises(RuntimeError, match="2 rows and 1 corrections"):
        learner.total(0)


def test_secrets_are_wiped() -> None:
    receiver, sender = pair(20)
    chooser = BaseReceiver(backend(), DST, BINDING, FixedEntropy())
    for side in (receiver, sender, chooser):
        side.close()
    for secret in (receiver._seeds, receiver._bits, sender._seeds, sender.bits, chooser.bits):
        assert not secret.any()
    for scalar in (*chooser._masks, *chooser._unmasks):
        assert not any(scalar.key)


def test_the_matrix_has_as_many_columns_as_the_security_parameter() -> None:
    assert (columns.COLUMNS, columns.CHECK_ROWS, columns.ROW_BYTES) == (128, 128, 16)
