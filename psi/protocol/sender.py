"""The sender of a run: masks the receiver's elements again, then hands out tags of its own items."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psi.group import masking
from psi.group.curve25519.scalar import Scalar
from psi.labels import labels
from psi.protocol import words
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Finding, Known, Outcome
from psi.protocol.run import Payload, RunContext, chunk_frame, empty, refuse_repeats
from psi.protocol.run import rows as parse_rows
from psi.protocol.states import State
from psi.protocol.summing import SumSender
from psi.store.rows import in_chunks
from psi.store.spool import Column
from psi.transport.wire import Frame
from psiselect.base.packed import I64, U8

VALUE_BYTES = 8


class Sender:
    """Steps S1 to S4 of docs/protocol.md. Holds a scalar `b` for this run only."""

    def __init__(self, run: RunContext) -> None:
        self.opening = State.COLLECTING if run.reveal.hides_membership else State.ANSWERING
        self.finding: Finding | None = None
        self.successor: SumSender | None = None
        self._run = run
        # A scalar a key: an element sent under one key says nothing about the list under another.
        self._masks = [Scalar.draw(run.entropy) for _ in range(run.keys)]
        # A row as it is sent and, where values add up, its value: so it stays beside its tag when tags are sorted.
        self._own_tags = run.store.column("own-tags", run.tag_row_width + (0 if run.values is None else VALUE_BYTES))
        self._collected = run.store.column("collected", 32 * run.keys)
        self._products = self._collected if run.keys == 1 else run.store.column("products", 32)
        self._received = 0
        self._due = run.peer_size * run.copies  # rows of elements
        self._outgoing: Iterator[U8] | None = None

    def receive(self, message: M, payload: Payload, state: State) -> list[Frame]:
        """Take the receiver's elements. Raises RemoteError."""
        match message:
            case M.ELEMENTS:
                return self._elements(payload)
            case M.ELEMENTS_END:
                empty(payload, "end of elements")
                if self._received != self._due:
                    raise words.too_few_elements()
        return []

    def work(self, state: State) -> list[Frame] | None:
        """Hash and mask own items while nothing else is to be done; then send what is due."""
        if state is State.REPLYING:
            return self._reply()
        if len(self._own_tags) < len(self._run.tokens):
            self._tag_some()
            return []
        return self._hand_out_tags() if state is State.TAGGING else None

    def close(self) -> None:
        """Wipe the scalars."""
        for mask in self._masks:
            mask.wipe()

    def _elements(self, payload: Payload) -> list[Frame]:
        run = self._run
        left = self._due - self._received
        items = parse_rows(payload, 32 * run.keys, run.items_in_chunk, left, "elements")
        elements = items.reshape(-1, 32)
        masked = np.empty_like(elements)
        for key, mask in enumerate(self._masks):
            masked[key :: run.keys] = masking.mask_checked(run.backend, elements[key :: run.keys], mask, self._received)
        self._received += len(items)
        run.advance(len(elements))
        if not run.reveal.hides_membership:
            return [chunk_frame(M.REPLIES, masked)]
        self._collected.append(masked.reshape(-1, 32 * run.keys))
        if run.keys > 1:
            self._products.append(masked)
        return []

    def _reply(self) -> list[Frame]:
        """The replies that were kept, in ascending order, none before all are known to be distinct."""
        if self._outgoing is None:
            refuse_repeats(self._run.store, self._products)
            self._outgoing = self._chunks(self._collected, self._run.items_in_chunk)
        chunk = next(self._outgoing, None)
        if chunk is not None:
            return [chunk_frame(M.REPLIES, chunk)]
        self._outgoing = None
        return [Frame(M.REPLIES_END, b"")]

    def _hand_out_tags(self) -> list[Frame]:
        if self._outgoing is None:
            self._outgoing = self._chunks(self._own_tags, self._run.tag_rows_in_chunk)
        chunk = next(self._outgoing, None)
        if chunk is not None:
            return [chunk_frame(M.TAGS, chunk[:, : self._run.tag_row_width])]
        if self._run.values is None:
            self.finding = Known(Outcome())
        else:
            self.successor = SumSender(self._run, self._values_as_sent(), len(self._own_tags))
        return [Frame(M.TAGS_END, b"")]

    def _tag_some(self) -> None:
        run = self._run
        start = len(self._own_tags)
        stop = min(start + run.items_in_chunk, len(run.tokens))
        tokens = run.tokens.read(start, stop)
        masked = np.empty((len(tokens), 32), np.uint8)
        for key, mask in enumerate(self._masks):
            of_key = tokens if run.keys == 1 else tokens.take(np.arange(key, len(tokens), run.keys))
            masked[key :: run.keys] = run.backend.hash_and_mask(of_key, mask, run.dst)
        parts = [run.tags(masked, start).reshape(stop - start, -1)]
        if run.labels is not None and run.label_width:
            # An item's label is sealed once under each of its keys: whichever of them matches opens it.
            payloads = run.labels.payloads(run.tokens.numbers(np.arange(start, stop)))
            sealed = labels.seal(run.label_keys(masked, start), np.repeat(payloads, run.keys, axis=0))
            parts.append(sealed.reshape(stop - start, -1))
        if run.values is not None:
            values = run.values(run.tokens.numbers(np.arange(start, stop)))
            parts.append(values.astype("<i8").view(np.uint8).reshape(-1, VALUE_BYTES))
        self._own_tags.append(np.concatenate(parts, axis=1))
        run.advance(len(masked))

    def _chunks(self, column: Column, size: int) -> Iterator[U8]:
        return in_chunks(self._run.store.ascending(column), size)

    def _values_as_sent(self) -> Iterator[I64]:
        """Values in the order in which their tags were sent."""
        for block in self._run.store.ascending(self._own_tags):
            yield np.ascontiguousarray(block[:, self._run.tag_row_width :]).view("<i8")[:, 0].astype(np.int64)
