"""The sender of a run: masks the receiver's elements again, then hands out tags of its own items."""

from __future__ import annotations

from collections.abc import Iterator

from psi import masking, rows
from psi.curve25519.scalar import Scalar
from psi.errors import RemoteError
from psi.messages import MessageType as M
from psi.outcomes import Outcome
from psi.packed import U8
from psi.run import Payload, RunContext, chunk_frame, empty
from psi.run import rows as parse_rows
from psi.spool import Column
from psi.states import State
from psi.wire import Frame


class Sender:
    """Steps S1 to S4 of docs/protocol.md. Holds a scalar `b` for this run only."""

    def __init__(self, run: RunContext) -> None:
        self.opening = State.COLLECTING if run.reveal.hides_membership else State.ANSWERING
        self.outcome: Outcome | None = None
        self._run = run
        self._mask = Scalar.draw(run.entropy)
        self._own_tags = run.store.column("own-tags", run.tag_width)
        self._collected = run.store.column("collected", 32)
        self._received = 0
        self._outgoing: Iterator[U8] | None = None

    def receive(self, message: M, payload: Payload, state: State) -> list[Frame]:
        """Take the receiver's elements. Raises RemoteError."""
        match message:
            case M.ELEMENTS:
                return self._elements(payload)
            case M.ELEMENTS_END:
                empty(payload, "end of elements")
                if self._received != self._run.peer_size:
                    raise RemoteError("the peer sent fewer elements than it declared items")
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
        """Wipe the scalar."""
        self._mask.wipe()

    def _elements(self, payload: Payload) -> list[Frame]:
        elements = parse_rows(payload, 32, self._run.chunk, "elements")
        if self._received + len(elements) > self._run.peer_size:
            raise RemoteError("the peer sent more elements than it declared items")
        masked = masking.mask_checked(self._run.backend, elements, self._mask, self._received)
        self._received += len(elements)
        self._run.advance(len(elements))
        if not self._run.reveal.hides_membership:
            return [chunk_frame(M.REPLIES, masked)]
        self._collected.append(masked)
        return []

    def _reply(self) -> list[Frame]:
        """The replies that were kept, in ascending order, none before all are known to be distinct."""
        if self._outgoing is None:
            self._refuse_repeats(self._collected)
            self._outgoing = self._chunks(self._collected)
        chunk = next(self._outgoing, None)
        if chunk is not None:
            return [chunk_frame(M.REPLIES, chunk)]
        self._outgoing = None
        return [Frame(M.REPLIES_END, b"")]

    def _hand_out_tags(self) -> list[Frame]:
        if self._outgoing is None:
            self._outgoing = self._chunks(self._own_tags)
        chunk = next(self._outgoing, None)
        if chunk is not None:
            return [chunk_frame(M.TAGS, chunk)]
        self.outcome = Outcome()
        return [Frame(M.TAGS_END, b"")]

    def _tag_some(self) -> None:
        start = len(self._own_tags)
        stop = min(start + self._run.chunk, len(self._run.tokens))
        items = self._run.tokens.read(start, stop)
        masked = self._run.backend.hash_and_mask(items, self._mask, self._run.dst)
        self._own_tags.append(self._run.tags(masked, start))
        self._run.advance(stop - start)

    def _chunks(self, column: Column) -> Iterator[U8]:
        for block in self._run.store.ascending(column):
            for start in range(0, len(block), self._run.chunk):
                yield block[start : start + self._run.chunk]

    def _refuse_repeats(self, column: Column) -> None:
        # u and 1/u are two inputs with one output: a repeated output would mark an item through the shuffle.
        for block in self._run.store.ascending(column):
            if rows.repeats(block):
                raise RemoteError("two of the peer's elements have the same masked value")
