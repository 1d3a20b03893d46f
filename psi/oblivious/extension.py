"""As many transfers as there are rows, from 128: the extension of Ishai, Kilian, Nissim and Petrank (Crypto 2003),
with the consistency check of Roy (Crypto 2022, section 4) against a receiver that cheats.

The extension's receiver has both seeds of each of 128 pairs, and a secret bit c_j for each row j; its sender has one
seed of each pair, by 128 secret bits s. A seed gives a column of pseudo-random bits. The receiver sends, for each
column i, u_i = t0_i ^ t1_i ^ c; afterwards it knows a row t_j of 128 bits for each j, and the sender

    q_j = t_j            where c_j = 0
    q_j = t_j ^ s        where c_j = 1

without learning c_j. A receiver that puts different c into different columns would learn bits of s; so before the
sender uses any row, it draws a random linear hash, the receiver answers with the hashes of its t columns and of c, and
the sender checks that they fit its own columns. 128 more rows with random bits, which nobody uses, hide c in that.

    sender     take(u) for each block, challenge(the check's u), verify(answer) -> the rows
    receiver   blocks(): u to send and own rows; answer(challenge)

Rows come in blocks of `Layout.block`, the last one filled up to a multiple of 8 with random bits.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from psi.oblivious import words
from psi.oblivious.columns import (
    CHECK_ROWS,
    COLUMNS,
    ROW_BYTES,
    SEED_BYTES,
    Streams,
    UniversalHash,
    rows_of,
    spread,
)
from psi.oblivious.field import F2
from psi.oblivious.vole import VoleReceiver, VoleSender
from psi.store.spool import Column
from psiselect.base.entropy import Entropy
from psiselect.base.packed import U8

ANSWER_BYTES = (COLUMNS + 1) * CHECK_ROWS // 8
_READ_ROWS = 1 << 18  # a column on disk is read a slice at a time, whatever is asked for


def block_rows(chunk: int) -> int:
    """Rows of a full block of transfers: the terms' chunk, filled up to a multiple of 8."""
    return -(-chunk // 8) * 8


@dataclass(frozen=True, slots=True)
class Layout:
    """How `rows` rows are cut into blocks of `block`, a multiple of 8; the check's 128 rows come after them."""

    rows: int
    block: int

    @property
    def sent(self) -> int:
        """Rows that travel in blocks: all, filled up to a multiple of 8."""
        return -(-self.rows // 8) * 8

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Start and stop of each block."""
        for start in range(0, self.sent, self.block):
            yield start, min(start + self.block, self.sent)


class ExtensionReceiver:
    """The side with a bit for each row. seeds: (128, 2, 32). bits: uint8, shape (rows,), each 0 or 1; both secret."""

    def __init__(self, seeds: U8, bits: U8, block: int, entropy: Entropy) -> None:
        self.layout = Layout(len(bits), block)
        self._seeds = seeds
        random = np.unpackbits(np.frombuffer(entropy.read(1 + CHECK_ROWS // 8), np.uint8))
        more = self.layout.sent - len(bits) + CHECK_ROWS
        self._bits = np.packbits(np.concatenate([bits, random[:more]]), bitorder="little")

    def blocks(self) -> Iterator[tuple[U8, U8]]:
        """For each block of k rows: what the sender gets, shape (128, k/8), and own rows t, shape (at most k, 16),
        those that only fill the block left out. The last one is the check's, without rows of one's own."""
        # The sender has the seed that s_i names. In the words of psi.oblivious.vole it lacks number s_i, so that the
        # dealer's first seed is number 1 there.
        vole = VoleReceiver(self._seeds[:, ::-1], F2)
        for start, stop in self.layout.blocks():
            own, sent = self._block(vole, start, stop)
            yield sent, rows_of(own)[: self.layout.rows - start]
        _, sent = self._block(vole, self.layout.sent, self.layout.sent + CHECK_ROWS)
        yield sent, np.zeros((0, ROW_BYTES), np.uint8)

    def _block(self, vole: VoleReceiver, start: int, stop: int) -> tuple[U8, U8]:
        both, own = (planes[:, 0] for planes in vole.take(stop - start))
        return own, both ^ self._bits[start // 8 : stop // 8]

    def answer(self, challenge: bytes) -> U8:
        """The hashes of the 128 columns t and of the bits, 129 times 16 bytes."""
        streams = Streams(self._seeds[:, 0])
        check = UniversalHash(challenge, COLUMNS + 1)
        for start, stop in self.layout.blocks():
            check.add(self._with_bits(streams, start, stop))
        return check.finish(self._with_bits(streams, self.layout.sent, self.layout.sent + CHECK_ROWS)).reshape(-1)

    def _with_bits(self, streams: Streams, start: int, stop: int) -> U8:
        return np.concatenate([streams.take(stop - start), self._bits[None, start // 8 : stop // 8]])

    def close(self) -> None:
        """Wipe seeds and bits."""
        self._seeds[:] = 0
        self._bits[:] = 0


class VerifiedRows:
    """The sender's rows q, once the check has passed: only `ExtensionSender.verify` makes one."""

    def __init__(self, sender: ExtensionSender) -> None:
        self._sender = sender
        self.difference: U8 = np.packbits(sender.bits, bitorder="little")  # s as a row, shape (16,)

    def blocks(self) -> Iterator[U8]:
        """Rows in order, shape (k, 16), without those that only fill a block."""
        layout = self._sender.layout
        for (start, _), columns in zip(layout.blocks(), self._sender.columns(), strict=False):
            yield rows_of(columns)[: layout.rows - start]


class ExtensionSender:
    """The side with 128 secret bits s and a seed for each. bits: uint8, shape (128,); seeds: (128, 32).

    received: an empty column of width 16, where what the receiver sends is kept until the check.
    """

    def __init__(self, bits: U8, seeds: U8, layout: Layout, received: Column) -> None:
        self.bits, self.layout = bits, layout
        self._seeds = seeds
        self._received = received
        self._expected = layout.blocks()
        self._challenge = b""

    def take(self, payload: U8) -> None:
        """Keep the receiver's next block; uint8, flat. Raises RemoteError unless it is as long as that block."""
        start, stop = next(self._expected, (0, 0))
        if not 0 < payload.size == (stop - start) * ROW_BYTES:
            raise words.block_length(payload.size, (stop - start) * ROW_BYTES)
        self._received.append(payload.reshape(-1, ROW_BYTES))

    def challenge(self, payload: U8, entropy: Entropy) -> bytes:
        """The receiver's last block, the check's, for a fresh seed of the hash, 32 bytes, which it must not know
        before. Raises RemoteError when blocks are missing or this one is not as long as it should be."""
        if len(self._received) != self.layout.sent or payload.size != CHECK_ROWS * ROW_BYTES:
            raise words.ended_too_early()
        self._received.append(payload.reshape(-1, ROW_BYTES))
        self._challenge = entropy.read(SEED_BYTES)
        return self._challenge

    def verify(self, answer: U8) -> VerifiedRows:
        """The rows, if the answer (129 * 16 bytes, uint8, flat) fits them. Raises RemoteError otherwise: then the
        receiver has not put the same bits into all columns."""
        if not self._challenge:
            raise RuntimeError("an answer without a challenge")
        if answer.size != ANSWER_BYTES:
            raise words.answer_length(answer.size, ANSWER_BYTES)
        check, columns = UniversalHash(self._challenge, COLUMNS), self.columns()
        for _ in self.layout.blocks():
            check.add(next(columns))
        hashes = answer.reshape(COLUMNS + 1, CHECK_ROWS // 8)
        expected = hashes[:COLUMNS] ^ (spread(self.bits)[:, None] & hashes[COLUMNS])
        if not hmac.compare_digest(check.finish(next(columns)).tobytes(), expected.tobytes()):
            raise words.check_failed()
        return VerifiedRows(self)

    def columns(self) -> Iterator[U8]:
        """The sender's own columns of each block, shape (128, k/8): the stream, and u where s_i is 1."""
        vole, chosen = VoleSender(self._seeds[:, None], F2), spread(self.bits)[:, None]
        for sent in self._stored():
            yield vole.take(sent.shape[1] * 8)[:, 0] ^ (chosen & sent)

    def _stored(self) -> Iterator[U8]:
        """What was received, block by block, the check's rows last."""
        reach = max(1, _READ_ROWS // self.layout.block) * self.layout.block
        for first in range(0, self.layout.sent, reach):
            many = self._received.read(first, min(first + reach, self.layout.sent))
            for start in range(0, len(many), self.layout.block):
                yield many[start : start + self.layout.block].reshape(COLUMNS, -1)
        yield self._received.read(self.layout.sent, self.layout.sent + CHECK_ROWS).reshape(COLUMNS, -1)

    def close(self) -> None:
        """Wipe seeds and bits."""
        self._seeds[:] = 0
        self.bits[:] = 0
