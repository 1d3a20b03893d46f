"""The extension of transfers and its columns: relations of the papers against a computation bit by bit, and receivers
that cheat."""

from __future__ import annotations

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from support.entropy import FixedEntropy
from support.transfers import BINDING, backend, random_bits

from psi.group.curve25519.suite import DST
from psi.oblivious import columns
from psi.oblivious.base import BaseReceiver
from psi.oblivious.columns import CHECK_ROWS, COLUMNS, ROW_BYTES, Streams, UniversalHash, rows_of, select
from psi.oblivious.extension import ANSWER_BYTES, ExtensionReceiver, ExtensionSender, Layout, VerifiedRows
from psi.store.spool import Store
from psiselect.base.errors import RemoteError
from psiselect.base.packed import U8


def pair(rows: int, block: int = 64, bits: U8 | None = None, store: Store | None = None, name: str = "") -> tuple[
    ExtensionReceiver, ExtensionSender
]:  # fmt: skip
    """Both sides of an extension, on seeds dealt without base transfers."""
    entropy = FixedEntropy(f"pair {name}")
    seeds = np.frombuffer(entropy.read(COLUMNS * 64), np.uint8).reshape(COLUMNS, 2, 32).copy()
    s = random_bits(COLUMNS, f"s {name}").copy()
    receiver = ExtensionReceiver(seeds, random_bits(rows) if bits is None else bits, block, entropy)
    chosen = seeds[np.arange(COLUMNS), s].copy()
    received = (store or Store()).column("transfers", ROW_BYTES)
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
    store = Store(tmp_path, 40_000)
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
            with pytest.raises(RemoteError, match="check of their consistency"):
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
        with pytest.raises(RemoteError, match="check of their consistency"):
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
    with pytest.raises(RemoteError, match="check of their consistency"):
        sender.verify(answer)
    with pytest.raises(RemoteError, match="answer to the check of the oblivious transfers has"):
        sender.verify(answer[1:])


def test_an_answer_to_another_challenge_is_refused() -> None:
    receiver, sender = pair(100)
    extend(receiver, sender)
    with pytest.raises(RemoteError, match="check of their consistency"):
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
    with pytest.raises(RemoteError, match="block of oblivious transfers"):
        sender.take(change(blocks[0]))
    receiver, sender = pair(100, 64)
    for block in blocks[:-1]:
        sender.take(block)
    with pytest.raises(RemoteError, match="block of oblivious transfers"):
        sender.take(blocks[0])
    with pytest.raises(RemoteError, match="wrong length"):
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
