"""Random bits: fresh at every read, all of them, and orders that are uniform by counting."""

from __future__ import annotations

import hashlib
import itertools
import os

import numpy as np
import pytest
from support.fresh import assert_every_bit_counts, assert_nothing_repeats
from support.played import Played

from psiselect.base import entropy
from psiselect.base.entropy import SystemEntropy, permutation, words
from psiselect.base.seeded import SEED_BYTES, SeededEntropy

BULK = entropy._BULK_BYTES


@pytest.mark.parametrize("size", [32, 1000, BULK, BULK + 1, 100_000])
def test_system_reads_never_repeat(size: int) -> None:
    """From one source and from two; fails by chance with probability below 1e-10."""
    one, other = SystemEntropy(), SystemEntropy()
    samples = [one.read(size), one.read(size), other.read(size)]
    assert [len(sample) for sample in samples] == [size] * 3
    assert_nothing_repeats(samples)


@pytest.mark.parametrize("size", [0, 1, 7, BULK - 1, BULK, BULK + 1, 3 * BULK + 5])
def test_reads_have_the_size_asked_for(size: int) -> None:
    assert len(SystemEntropy().read(size)) == len(SeededEntropy(bytes(32)).read(size)) == size


@pytest.mark.parametrize("size", [32, BULK + 1])
def test_every_bit_of_a_read_is_drawn(size: int) -> None:
    """The first and the last 32 bytes of small and of bulk reads; each fails by chance with probability below 1e-9."""
    assert_every_bit_counts(lambda: SystemEntropy().read(size)[:32], 256)
    assert_every_bit_counts(lambda: SystemEntropy().read(size)[-32:], 256)


def test_a_bulk_read_has_a_key_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """256 bits of key for each read, and none of them kept: two reads of a source under one key are the same."""
    asked: list[int] = []

    def urandom(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    monkeypatch.setattr(os, "urandom", urandom)
    source = SystemEntropy()
    assert source.read(BULK + 1) == source.read(BULK + 1) != bytes(BULK + 1)
    assert asked == [32, 32]
    assert vars(source) == {}


def test_words_are_little_endian() -> None:
    drawn = words(Played(bytes(range(24))), 3)
    assert drawn.tolist() == [int.from_bytes(bytes(range(at, at + 8)), "little") for at in (0, 8, 16)]
    assert drawn.dtype == np.uint64


def played(*keys: int) -> Played:
    return Played(b"".join(key.to_bytes(8, "little") for key in keys))


@pytest.mark.parametrize("count", range(6))
def test_every_order_of_the_keys_gives_another_permutation(count: int) -> None:
    """All orders of distinct keys are equally likely, so a bijection makes permutations exactly uniform. The keys
    differ in their highest bits, in their lowest ones, or in both."""
    for keys in (range(count), [n << 60 for n in range(count)], [(n << 61) + 7 - n for n in range(count)]):
        made = {tuple(permutation(played(*order), count).tolist()) for order in itertools.permutations(keys)}
        assert made == set(itertools.permutations(range(count)))


def test_equal_keys_are_drawn_again() -> None:
    again = (30, 10, 20)
    for tied in ((1, 1, 2), (2, 1, 1), (1, 2, 1), (0, 0, 0)):
        assert permutation(played(*tied, *again), 3).tolist() == [1, 2, 0]
    with pytest.raises(EOFError):
        permutation(played(5, 5), 2)


# ---- bits that can be drawn again


def test_a_seed_gives_its_reads_again_whatever_their_lengths() -> None:
    """Read number n depends on the seed and on n, not on how much was read before."""
    seed = os.urandom(SEED_BYTES)
    one, other = SeededEntropy(seed), SeededEntropy(seed)
    long = [one.read(100) for _ in range(5)]
    assert [other.read(size) for size in (1, 100, 50, 0, 33)] == [
        read[:size] for read, size in zip(long, (1, 100, 50, 0, 33), strict=True)
    ]
    assert_nothing_repeats(long)


def test_every_bit_of_a_seed_counts() -> None:
    seeds = [bytes(32), *((1 << bit).to_bytes(32, "big") for bit in range(256))]
    assert_nothing_repeats(SeededEntropy(seed).read(64) for seed in seeds)


def test_many_reads_of_one_seed_differ() -> None:
    source = SeededEntropy(bytes(32))
    assert_nothing_repeats(source.read(16) for _ in range(1000))
    assert_every_bit_counts(lambda: source.read(32), 256)


def test_the_key_of_a_read_is_as_stated() -> None:
    """SHAKE-256 of label, seed and number of the read, as the key of AES-256 in counter mode; by other code."""
    aes = pytest.importorskip("Crypto.Cipher.AES")
    seed, source = bytes(range(32)), SeededEntropy(bytes(range(32)))
    for number in range(1, 4):
        material = b"psiselect-1 seed" + seed + number.to_bytes(8, "big")
        cipher = aes.new(hashlib.shake_256(material).digest(32), aes.MODE_CTR, nonce=b"", initial_value=0)
        assert source.read(70) == cipher.encrypt(bytes(70))


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_seed_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, not {size}"):
        SeededEntropy(bytes(size))
