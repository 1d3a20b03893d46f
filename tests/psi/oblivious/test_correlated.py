"""Correlated transfers: totals against plain arithmetic, and what a sender can shift."""

from __future__ import annotations

import numpy as np
import pytest
from support.transfers import BINDING, backend, random_bits

from psi.group.curve25519.backend import Backend, load_backend
from psi.group.curve25519.suite import DST
from psi.oblivious.base import BaseReceiver, BaseSender
from psi.oblivious.columns import ROW_BYTES
from psi.oblivious.correlated import CorrelatedReceiver, CorrelatedSender, PadHash
from psi.oblivious.extension import ExtensionReceiver, ExtensionSender, Layout
from psi.store.spool import Store
from psiselect.base.entropy import SystemEntropy
from psiselect.base.packed import I64, U8


def total_of(values: I64, bits: U8, block: int = 64, group: Backend | None = None, spoil: object = None) -> int:
    """The receiver's total, by all of the steps."""
    group = group or backend()
    entropy = SystemEntropy()
    chooser = BaseReceiver(group, DST, BINDING, entropy)
    answer, seeds = BaseSender(group, DST, BINDING, entropy).answer(chooser.request())
    layout = Layout(len(bits), block)
    store = Store()
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
