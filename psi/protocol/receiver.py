"""The receiver of a run: masks its items, takes its mask off the replies, keeps both sides' tags for a comparison."""

from __future__ import annotations

import numpy as np

from psi.agreement.modes import Reveal
from psi.group import masking
from psi.group.curve25519.scalar import Scalar
from psi.labels.labels import KEY_BYTES
from psi.protocol import words
from psi.protocol.matching import Comparison
from psi.protocol.messages import MessageType as M
from psi.protocol.outcome import Finding
from psi.protocol.run import Payload, RunContext, chunk_frame, empty, refuse_repeats
from psi.protocol.run import rows as parse_rows
from psi.protocol.states import State
from psi.protocol.summing import SumReceiver
from psi.store import rows
from psi.store.spool import Column
from psi.transport.wire import Frame
from psiselect.base.packed import U8


class Receiver:
    """Steps R1 to R5 of docs/protocol.md. Holds a scalar `a` for this run only."""

    def __init__(self, run: RunContext) -> None:
        self.opening = State.MASKING_QUIETLY if run.reveal.hides_membership else State.MASKING
        self.finding: Finding | None = None
        self.successor: SumReceiver | None = None
        self._run = run
        self._mask = Scalar.draw(run.entropy)
        self._unmask = self._mask.inverse(run.entropy)
        self._own_tags = self._columns("own-tags", run.tag_width)
        self._peer_tags = self._columns("peer-tags", run.tag_width)
        self._label_keys = self._columns("label-keys", KEY_BYTES) if run.label_width else []
        self._sealed = self._columns("sealed", run.sealed_width) if run.label_width else []
        # Where replies come shuffled, equal ones would count one item several times.
        self._products = run.store.column("products", 32) if run.reveal.hides_membership else None
        self._sent = 0
        self._last: U8 = np.zeros((0, run.keys * run.tag_width), np.uint8)  # the last tags seen

    def _columns(self, name: str, width: int) -> list[Column]:
        """A column a key, a row an item."""
        return [self._run.store.column(f"{name}-{key}", width) for key in range(self._run.keys)]

    def work(self, state: State) -> list[Frame] | None:
        """Mask and send one chunk of own items."""
        if state not in (State.MASKING, State.MASKING_QUIETLY):
            return None
        frames, total = [], len(self._run.tokens)
        stop = min(self._sent + self._run.items_in_chunk, total)
        if stop > self._sent:
            items = self._run.tokens.read(self._sent, stop)
            masked = self._run.backend.hash_and_mask(items, self._mask, self._run.dst)
            frames.append(chunk_frame(M.ELEMENTS, masked))
            self._run.advance(len(masked))
            self._sent = stop
        if stop == total:
            frames.append(Frame(M.ELEMENTS_END, b""))
        return frames

    def receive(self, message: M, payload: Payload, state: State) -> list[Frame]:
        """Take replies and tags. Raises RemoteError."""
        match message:
            case M.REPLIES:
                self._replies(payload)
            case M.REPLIES_END:
                empty(payload, "end of replies")
                if len(self._own_tags[0]) != len(self._run.tokens):
                    raise words.too_few_answers()
                if self._products is not None:
                    refuse_repeats(self._run.store, self._products)
                    self._run.store.discard(self._products)
            case M.TAGS:
                self._tags(payload)
            case M.TAGS_END:
                empty(payload, "end of tags")
                self._compare()
        return []

    def close(self) -> None:
        """Wipe both scalars."""
        self._mask.wipe()
        self._unmask.wipe()

    def _replies(self, payload: Payload) -> None:
        run = self._run
        start = len(self._own_tags[0])
        replies = parse_rows(payload, 32 * run.keys, run.items_in_chunk, self._sent - start, "replies")
        elements = replies.reshape(-1, 32)
        sender_masked = masking.mask_checked(run.backend, elements, self._unmask, start * run.keys)
        if self._products is not None:
            self._products.append(sender_masked)
        _append(self._own_tags, run.tags(sender_masked, start))
        if run.label_width:
            _append(self._label_keys, run.label_keys(sender_masked, start))
        run.advance(len(elements))

    def _tags(self, payload: Payload) -> None:
        run = self._run
        left = run.peer_size - len(self._peer_tags[0])
        received = parse_rows(payload, run.tag_row_width, run.tag_rows_in_chunk, left, "tags")
        tag_bytes = run.keys * run.tag_width
        tags = received[:, :tag_bytes]
        if not rows.ascend(np.concatenate([self._last, tags])):
            raise words.tags_unordered()
        self._last = tags[-1:].copy()
        _append(self._peer_tags, tags)
        if run.label_width:
            _append(self._sealed, received[:, tag_bytes:])

    def _compare(self) -> None:
        run = self._run
        if len(self._peer_tags[0]) != run.peer_size:
            raise words.too_few_tags()
        comparison = Comparison(run, self._own_tags, self._peer_tags, self._label_keys, self._sealed)
        if run.reveal is Reveal.SUM:
            self.successor = SumReceiver(run, comparison.bits(), comparison.counts() or ())
        else:
            self.finding = comparison


def _append(columns: list[Column], table: U8) -> None:
    """Add items to columns that hold one key each; `table` has an item's parts side by side or row by row."""
    parts = np.ascontiguousarray(table).reshape(-1, len(columns), columns[0].width)
    for key, column in enumerate(columns):
        column.append(parts[:, key])
