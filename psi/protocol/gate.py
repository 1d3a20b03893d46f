"""The gate: the receiver of a count that decides whether the session goes on, against a sender that cheats.

The sender of a gate is the side that learns. It wants to pass, and could: with the product of one element, times as
many numbers of its own as there are elements, one match would count as often. So this receiver sends each item t
times, under masks that only it can relate, and accepts replies only if they are one set, t times over, under the same
masks. docs/protocol.md, "Gate", says why no other answer passes; `psi.protocol.schedule.gate_copies` has t.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psi.group import masking
from psi.group.curve25519.scalar import Scalar
from psi.protocol import words
from psi.protocol.messages import MessageType as M
from psi.protocol.receiver import Receiver
from psi.protocol.run import Payload, RunContext, chunk_frame, empty
from psi.protocol.run import rows as parse_rows
from psi.protocol.states import State
from psi.store.rows import in_chunks
from psi.transport.wire import Frame
from psiselect.base.errors import RemoteError
from psiselect.base.packed import I64, U8


class GateReceiver(Receiver):
    """Steps G1 to G5 of docs/protocol.md: a receiver that gets one of t sets of replies, when all of them fit.

    Holds scalars d_2 to d_t for this run only, besides a receiver's. Rows are items, whatever the number of their keys:
    copies, check and counts are of whole rows.
    """

    def __init__(self, run: RunContext) -> None:
        super().__init__(run)
        self._factors = [Scalar.draw(run.entropy) for _ in range(run.copies - 1)]
        width = 32 * run.keys
        self._rows = run.copies * len(run.tokens)  # of elements
        self._elements = run.store.column("elements", width)
        self._answers = run.store.column("answers", width)
        self._multiplied = run.store.column("multiplied", width)  # the answers times d_2
        self._outgoing: Iterator[U8] | None = None

    def work(self, state: State) -> list[Frame] | None:
        """Mask all copies of one chunk of items; when all are masked, send one chunk of elements."""
        if state is not State.MASKING_QUIETLY:
            return None
        if self._sent < len(self._run.tokens):
            self._mask_some()
            return []
        if self._outgoing is None:
            # The order of a sorted set says nothing of which rows are copies of one item.
            self._outgoing = in_chunks(self._run.store.ascending(self._elements), self._run.items_in_chunk)
        chunk = next(self._outgoing, None)
        if chunk is not None:
            return [chunk_frame(M.ELEMENTS, chunk)]
        self._run.store.discard(self._elements)
        return [Frame(M.ELEMENTS_END, b"")]

    def receive(self, message: M, payload: Payload, state: State) -> list[Frame]:
        """Take replies and, as any receiver, tags. Raises RemoteError."""
        if message is M.REPLIES:
            self._answer(payload)
            return []
        if message is M.REPLIES_END:
            empty(payload, "end of replies")
            if len(self._answers) != self._rows:
                raise words.too_few_answers()
            one_copy, size = self._one_copy(), self._run.items_in_chunk
            for block in _blocks(one_copy, size):
                self._replies(self._answers.take(block).reshape(-1).data)
            self._run.store.discard(self._answers)
        return super().receive(message, payload, state)

    def close(self) -> None:
        """Wipe all scalars."""
        super().close()
        for factor in self._factors:
            factor.wipe()

    def _mask_some(self) -> None:
        run, start = self._run, self._sent
        self._sent = min(start + run.items_in_chunk, len(run.tokens))
        first = run.backend.hash_and_mask(run.tokens.read(start, self._sent), self._mask, run.dst)
        self._elements.append(first.reshape(-1, self._elements.width))
        for factor in self._factors:
            self._elements.append(run.backend.mask(first, factor).reshape(-1, self._elements.width))
        run.advance(run.copies * len(first))

    def _answer(self, payload: Payload) -> None:
        left = self._rows - len(self._answers)
        answers = parse_rows(payload, self._answers.width, self._run.items_in_chunk, left, "replies")
        if self._factors:
            self._multiplied.append(self._times(answers, self._factors[0], len(self._answers)))
        self._answers.append(answers)

    def _one_copy(self) -> I64:
        """The numbers of the replies to the copies that `a` alone masks, one per item. Raises RemoteError unless all
        replies are these, and these times d_j for each j."""
        items, store = len(self._run.tokens), self._run.store
        if not self._factors:
            return np.arange(items)
        found, second = store.join(self._multiplied, self._answers).pairs()
        store.discard(self._multiplied)
        if len(found) != items:
            raise _inconsistent()
        others = store.column("others", self._answers.width)  # times d_3 to d_t
        for factor in self._factors[1:]:
            for block in _blocks(found, self._run.items_in_chunk):
                others.append(self._times(self._answers.take(block), factor))
        again, further = store.join(others, self._answers).pairs()
        store.discard(others)
        hit = np.zeros(len(self._answers), np.bool_)
        for numbers in (found, second, further):
            hit[numbers] = True
        # As many hits as replies, so that each reply is hit once.
        if len(again) != len(others) or not hit.all():
            raise _inconsistent()
        return found

    def _times(self, answers: U8, factor: Scalar, start: int = 0) -> U8:
        """Each element of some rows multiplied. start: the number of the first row. Raises RemoteError for an element
        that is refused."""
        run = self._run
        product = masking.mask_checked(run.backend, answers.reshape(-1, 32), factor, start * run.keys)
        run.advance(len(product))
        return product.reshape(answers.shape)


def _blocks(numbers: I64, size: int) -> Iterator[I64]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def _inconsistent() -> RemoteError:
    return words.several_scalars()
