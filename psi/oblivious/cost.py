"""What a `sum` costs beyond a `count`: bytes each way, multiplications, and seconds as measured here."""

from __future__ import annotations

import time

import numpy as np

from psi.group.curve25519.backend import Backend
from psi.group.curve25519.suite import ELEMENT_BYTES
from psi.oblivious.columns import CHECK_ROWS, COLUMNS, ROW_BYTES, SEED_BYTES
from psi.oblivious.correlated import WORD_BYTES, CorrelatedReceiver, CorrelatedSender, PadHash
from psi.oblivious.extension import ANSWER_BYTES, ExtensionReceiver, ExtensionSender, Layout
from psi.store.spool import Store
from psi.transport.wire import HEADER_BYTES
from psiselect.base.entropy import Entropy

RECEIVER_MULTIPLICATIONS = 3 * COLUMNS  # of the base transfers
SENDER_MULTIPLICATIONS = 2 * COLUMNS


def receiver_sends(rows: int, block: int) -> int:
    """Bytes of seeds, transfers and proof, with their frames, for so many rows in blocks of `block`."""
    layout = Layout(rows, block)
    fixed = COLUMNS * ELEMENT_BYTES + CHECK_ROWS * ROW_BYTES + ANSWER_BYTES
    return fixed + ROW_BYTES * layout.sent + HEADER_BYTES * (3 + -(-layout.sent // block))


def sender_sends(rows: int, block: int) -> int:
    """Bytes of choices, challenge, corrections and share, with their frames."""
    fixed = COLUMNS * ELEMENT_BYTES + SEED_BYTES + WORD_BYTES
    return fixed + WORD_BYTES * rows + HEADER_BYTES * (3 + -(-rows // block))


def measure(backend: Backend, rows: int, entropy: Entropy) -> float:
    """Seconds that `rows` transfers take here, both sides one after the other, without the base transfers."""
    seeds = np.frombuffer(entropy.read(2 * COLUMNS * SEED_BYTES), np.uint8).reshape(COLUMNS, 2, SEED_BYTES)
    bits, ones = np.zeros(rows, np.uint8), np.ones(COLUMNS, np.uint8)
    start = time.perf_counter()
    receiver = ExtensionReceiver(seeds, bits, rows, entropy)
    received = Store().column("transfers", ROW_BYTES)
    sender = ExtensionSender(ones, seeds[:, 1], Layout(rows, rows), received)
    learner = CorrelatedReceiver(PadHash(backend, bytes(64)))
    (sent, own), (last, _) = receiver.blocks()
    learner.add_rows(own)
    sender.take(sent.reshape(-1))
    verified = sender.verify(receiver.answer(sender.challenge(last.reshape(-1), entropy)))
    giver = CorrelatedSender(PadHash(backend, bytes(64)), verified.difference)
    for some in verified.blocks():
        learner.add_corrections(giver.corrections(some, np.zeros(rows, np.int64)), bits)
    if learner.total(giver.share):
        raise RuntimeError("transfers of nothing add up to something")
    return time.perf_counter() - start
