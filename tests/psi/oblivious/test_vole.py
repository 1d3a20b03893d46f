"""All seeds but one, and the vectors made of seeds: the defining relations symbol by symbol, and what breaks them."""

from __future__ import annotations

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from support.symbols import drawn, slow_product, symbols_of
from support.transfers import BINDING, backend, random_bits

from psi.group.curve25519.suite import DST
from psi.oblivious import trees
from psi.oblivious.base import BaseReceiver, BaseSender
from psi.oblivious.field import F2, F16, Field
from psi.oblivious.vole import VoleReceiver, VoleSender
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import U8

COLUMNS = 3
FIELDS = [F2, F16]


def dealt(depth: int, columns: int = COLUMNS, name: str = "") -> tuple[U8, U8, U8, U8, U8]:
    """Without base transfers: the chooser's bits, Delta, its leaves; the dealer's leaves and corrections."""
    pairs = drawn((columns * depth, 2, 32), f"pairs{name}")
    bits = random_bits(columns * depth, f"choices{name}")
    leaves, corrections = trees.deal(pairs, depth)
    known = trees.choose(bits, pairs[np.arange(len(bits)), bits], corrections)
    return bits, trees.path(bits, depth), known, leaves, corrections


def by_distance(leaves: U8, delta: U8) -> U8:
    """Leaf x ^ Delta for each x from 1 on."""
    numbers = np.arange(1, leaves.shape[1])
    return np.stack([of_column[numbers ^ at] for of_column, at in zip(leaves, delta, strict=True)])


def slow_leaf(pairs: U8, depth: int, column: int, leaf: int) -> bytes:
    """One leaf, from the root down."""
    node = pairs[column * depth, leaf >> (depth - 1) & 1, :16].tobytes()
    for level in range(1, depth):
        both = Cipher(algorithms.AES128(node), modes.CTR(bytes(16))).encryptor().update(bytes(32))
        bit = leaf >> (depth - 1 - level) & 1
        node = both[16 * bit : 16 * bit + 16]
    return node


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_the_chooser_has_all_leaves_but_one(depth: int) -> None:
    _, delta, known, leaves, corrections = dealt(depth)
    assert known.tobytes() == by_distance(leaves, delta).tobytes()
    assert corrections.size == trees.correction_bytes(COLUMNS, depth)
    pairs = drawn((COLUMNS * depth, 2, 32), "pairs")
    for column in range(COLUMNS):
        for leaf in range(1 << depth):
            assert leaves[column, leaf].tobytes() == slow_leaf(pairs, depth, column, leaf)
            assert bool(leaf == delta[column]) is (leaves[column, leaf].tobytes() not in known.tobytes())


def test_delta_is_the_path_that_was_not_chosen() -> None:
    assert trees.path(np.array([0, 1, 1, 0, 1, 1, 1, 1], np.uint8), 4).tolist() == [0b1001, 0]


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("bit", [0, 1])
def test_a_wrong_correction_is_seen_where_the_chooser_opens_it(level: int, bit: int) -> None:
    """What it does not open changes nothing: it could not see what is behind."""
    bits, delta, _, leaves, corrections = dealt(4, name="x")
    pairs = drawn((COLUMNS * 4, 2, 32), "pairsx")
    wrong = corrections.copy()
    wrong[:, level, bit, 0] ^= 1
    known = trees.choose(bits, pairs[np.arange(len(bits)), bits], wrong)
    same = (known == by_distance(leaves, delta)).all(axis=(1, 2))
    assert same.tolist() == [chosen != bit for chosen in bits.reshape(-1, 4)[:, level + 1]]


@pytest.mark.parametrize("field", FIELDS)
def test_the_vectors_fit_each_other_over_several_slices(field: Field) -> None:
    _, delta, known, leaves, _ = dealt(field.degree)
    receiver, sender = VoleReceiver(leaves, field), VoleSender(known, field)
    every = []
    for rows in (64, 8, 192):
        u, v = (symbols_of(planes) for planes in receiver.take(rows))
        w = symbols_of(sender.take(rows))
        assert u.shape == v.shape == w.shape == (COLUMNS, rows)
        for column in range(COLUMNS):
            products = [slow_product(field, int(delta[column]), int(symbol)) for symbol in u[column]]
            assert (v[column] ^ products).tolist() == w[column].tolist()
        every.append(u.tobytes())
    assert every[0][:8] != every[2][:8]  # streams go on from slice to slice


def test_columns_one_by_one_are_the_same() -> None:
    """As compiled code folds them; each column has streams of its own."""
    _, _, known, leaves, _ = dealt(4)
    for rows in (64, 8):
        u, v = VoleReceiver(leaves, F16).take(rows)
        one_by_one = VoleReceiver(leaves, F16, F16.fold).take(rows)
        assert np.array_equal(one_by_one, (u, v))
        assert len({column.tobytes() for column in u}) == COLUMNS
        assert np.array_equal(VoleSender(known, F16).take(rows), VoleSender(known, F16, F16.fold).take(rows))


def test_a_column_is_the_sum_of_its_streams() -> None:
    _, _, _, leaves, _ = dealt(4)
    u, v = VoleReceiver(leaves, F16).take(16)
    ciphers = [Cipher(algorithms.AES128(leaf.tobytes()), modes.CTR(bytes(16))).encryptor() for leaf in leaves[1]]
    streams = np.frombuffer(b"".join(cipher.update(bytes(8)) for cipher in ciphers), np.uint8)
    symbols = symbols_of(streams.reshape(16, 4, 2))
    for place in range(16):
        plain = weighted = 0
        for x in range(16):
            plain ^= int(symbols[x, place])
            weighted ^= slow_product(F16, x, int(symbols[x, place]))
        assert (symbols_of(u)[1, place], symbols_of(v)[1, place]) == (plain, weighted)


@pytest.mark.parametrize("fault", ["a seed", "two seeds swapped", "delta", "a slice of another length"])
def test_a_fault_breaks_the_relation(fault: str) -> None:
    _, delta, known, leaves, _ = dealt(4)
    known, delta = known.copy(), delta.copy()
    if fault == "a seed":
        known[0, 6, 3] ^= 16
    elif fault == "two seeds swapped":
        known[0, [2, 9]] = known[0, [9, 2]]
    elif fault == "delta":
        delta[0] ^= 1
    receiver, sender = VoleReceiver(leaves, F16), VoleSender(known, F16)
    if fault.startswith("a slice"):
        receiver.take(64), sender.take(32)  # planes of other lengths: the streams no longer run alike
    (u, v), w = receiver.take(64), sender.take(64)
    fits = (w == v ^ F16.scale(u, delta)).all(axis=(1, 2))
    assert not fits[0]
    assert bool(fits[1:].all()) is not fault.startswith("a slice")


@pytest.mark.parametrize(("field", "count"), [(F16, 15), (F16, 17), (F2, 1)])
def test_another_number_of_seeds_is_refused(field: Field, count: int) -> None:
    with pytest.raises(ValueError, match="seeds"):
        VoleReceiver(np.zeros((1, count, 16), np.uint8), field)
    with pytest.raises(ValueError, match="seeds"):
        VoleSender(np.zeros((1, count + 1, 16), np.uint8), field)


@pytest.mark.parametrize("count", [1, 53 * 4, 256])
def test_base_transfers_of_any_number_give_the_chosen_seeds(count: int) -> None:
    chooser = BaseReceiver(backend(), DST, BINDING, SystemEntropy(), count)
    answer, seeds = BaseSender(backend(), DST, BINDING, SystemEntropy()).answer(chooser.request())
    assert seeds.shape == (count, 2, 32)
    opened = chooser.seeds(answer)
    assert np.array_equal(opened, seeds[np.arange(count), chooser.bits])
    assert not (opened == seeds[np.arange(count), 1 - chooser.bits]).all(axis=1).any()
