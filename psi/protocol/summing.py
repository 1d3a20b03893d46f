"""The last part of a run of `sum`, when the tags are compared: the values of the matched rows add up.

The run's sender has a value for each row that it sent a tag of, the receiver a bit: whether that tag was one of its
own. Steps T1 to T7 of docs/protocol.md; the arithmetic is in `psi.oblivious`. Both are roles like the ones whose place
they take (`psi.protocol.run.Role`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psi.oblivious.base import BaseReceiver, BaseSender
from psi.oblivious.columns import CHECK_ROWS, COLUMNS, ROW_BYTES, SEED_BYTES
from psi.oblivious.correlated import WORD_BYTES, CorrelatedReceiver, CorrelatedSender, PadHash
from psi.oblivious.extension import ANSWER_BYTES, ExtensionReceiver, ExtensionSender, Layout, VerifiedRows, block_rows
from psi.protocol import words
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Finding, Known, Outcome
from psi.protocol.run import Payload, RunContext, chunk_frame
from psi.protocol.run import rows as parse_rows
from psi.protocol.states import State
from psi.transport.wire import Frame
from psiselect.base.packed import I64, U8


class SumReceiver:
    """The side that learns. bits: uint8, (m,), 1 where the sender's tag of that number is one of this side's own.

    counts: what the comparison gave, as in `Outcome`.
    """

    opening = State.DEALING
    successor = None

    def __init__(self, run: RunContext, bits: U8, counts: tuple[int, ...]) -> None:
        self.finding: Finding | None = None
        self._run, self._bits, self._counts = run, bits, counts
        self._dealer = BaseSender(run.backend, run.dst, run.binding, run.entropy)
        self._adding = CorrelatedReceiver(PadHash(run.backend, run.binding))
        self._extension: ExtensionReceiver | None = None
        self._outgoing: Iterator[tuple[U8, U8]] = iter(())
        self._sent = self._corrected = 0

    def receive(self, message: M, payload: Payload, state: State) -> list[Frame]:
        """Deal seeds, answer the check, add up. Raises RemoteError."""
        match message:
            case M.SEED_REQUEST:
                return self._deal(_exactly(payload, COLUMNS * 32, "request for seeds").reshape(COLUMNS, 32))
            case M.CHALLENGE:
                challenge = _exactly(payload, SEED_BYTES, "challenge").tobytes()
                return [chunk_frame(M.PROOF, self._extending.answer(challenge))]
            case M.CORRECTIONS:
                self._correct(payload)
            case M.TOTAL:
                self._finish(_exactly(payload, WORD_BYTES, words.SHARE))
        return []

    def work(self, state: State) -> list[Frame] | None:
        """Send one block of transfers."""
        if state is not State.TRANSFERRING:
            return None
        sent, own = next(self._outgoing)
        self._sent += len(own)
        self._adding.add_rows(own)
        last = not len(own)
        return [chunk_frame(M.TRANSFERS_END if last else M.TRANSFERS, sent)]

    def close(self) -> None:
        """Wipe seeds and bits."""
        if self._extension is not None:
            self._extension.close()
        self._bits[:] = 0

    @property
    def _extending(self) -> ExtensionReceiver:
        if self._extension is None:
            raise RuntimeError("transfers without seeds")
        return self._extension

    def _deal(self, request: U8) -> list[Frame]:
        answer, seeds = self._dealer.answer(request)
        self._extension = ExtensionReceiver(seeds, self._bits, block_rows(self._run.chunk), self._run.entropy)
        self._outgoing = self._extension.blocks()
        return [chunk_frame(M.SEED_ANSWER, answer)]

    def _correct(self, payload: Payload) -> None:
        left = len(self._bits) - self._corrected
        some = parse_rows(payload, WORD_BYTES, block_rows(self._run.chunk), left, "corrections")
        stop = self._corrected + len(some)
        self._adding.add_corrections(some.view("<u8")[:, 0], self._bits[self._corrected : stop])
        self._corrected = stop

    def _finish(self, share: U8) -> None:
        if self._corrected != len(self._bits):
            raise words.too_few_corrections()
        total = self._adding.total(int.from_bytes(share.tobytes(), "little"))
        self.finding = Known(Outcome(counts=self._counts, total=total))


class SumSender:
    """The side with the values: int64, in blocks of any size, in the order of its tags, `count` in all."""

    opening = State.ASKING
    successor = None

    def __init__(self, run: RunContext, values: Iterator[I64], count: int) -> None:
        self.finding: Finding | None = None
        self._run, self._values = run, values
        self._chooser = BaseReceiver(run.backend, run.dst, run.binding, run.entropy)
        self._layout = Layout(count, block_rows(run.chunk))
        self._extension: ExtensionSender | None = None
        self._giving: CorrelatedSender | None = None
        self._outgoing: Iterator[U8] = iter(())
        self._waiting: I64 = np.zeros(0, np.int64)

    def receive(self, message: M, payload: Payload, state: State) -> list[Frame]:
        """Take seeds, transfers and the answer to the check. Raises RemoteError."""
        match message:
            case M.SEED_ANSWER:
                answer = _exactly(payload, COLUMNS * 32, "answer with seeds").reshape(COLUMNS, 32)
                received = self._run.store.column("transfers", ROW_BYTES)
                seeds = self._chooser.seeds(answer)
                self._extension = ExtensionSender(self._chooser.bits, seeds, self._layout, received)
            case M.TRANSFERS:
                self._extending.take(np.frombuffer(payload, np.uint8))
            case M.TRANSFERS_END:
                last = _exactly(payload, CHECK_ROWS * ROW_BYTES, "end of transfers")
                return [Frame(M.CHALLENGE, self._extending.challenge(last, self._run.entropy))]
            case M.PROOF:
                self._accept(self._extending.verify(_exactly(payload, ANSWER_BYTES, words.CHECK)))
        return []

    def work(self, state: State) -> list[Frame] | None:
        """Ask for seeds; in the end hand out corrections, block by block, and the share."""
        if state is State.ASKING:
            return [chunk_frame(M.SEED_REQUEST, self._chooser.request())]
        if state is not State.CORRECTING or self._giving is None:
            return None
        rows = next(self._outgoing, None)
        if rows is not None:
            corrections = self._giving.corrections(rows, self._next_values(len(rows)))
            return [chunk_frame(M.CORRECTIONS, corrections.astype("<u8", copy=False).view(np.uint8))]
        self.finding = Known(Outcome())
        return [Frame(M.TOTAL, self._giving.share.to_bytes(WORD_BYTES, "little"))]

    def close(self) -> None:
        """Wipe scalars, seeds and bits."""
        self._chooser.close()
        if self._extension is not None:
            self._extension.close()
        if self._giving is not None:
            self._giving.close()

    @property
    def _extending(self) -> ExtensionSender:
        if self._extension is None:
            raise RuntimeError("transfers without seeds")
        return self._extension

    def _accept(self, verified: VerifiedRows) -> None:
        self._giving = CorrelatedSender(PadHash(self._run.backend, self._run.binding), verified.difference)
        self._outgoing = verified.blocks()

    def _next_values(self, count: int) -> I64:
        while len(self._waiting) < count:
            self._waiting = np.concatenate([self._waiting, next(self._values)])
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken


def _exactly(payload: Payload, size: int, what: str) -> U8:
    """A payload of one possible length. Raises RemoteError."""
    if len(payload) != size:
        raise words.length(what, len(payload), size)
    return np.frombuffer(payload, np.uint8)
