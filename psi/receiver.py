"""The receiver of a run: masks its items, takes its mask off the replies, compares tags, learns."""

from __future__ import annotations

import numpy as np

from psi import masking, rows
from psi.curve25519.scalar import Scalar
from psi.errors import RemoteError
from psi.messages import MessageType as M
from psi.outcomes import Outcome
from psi.packed import U8
from psi.run import Payload, RunContext, chunk_frame, empty
from psi.run import rows as parse_rows
from psi.states import State
from psi.wire import Frame


class Receiver:
    """Steps R1 to R5 of docs/protocol.md. Holds a scalar `a` for this run only."""

    def __init__(self, run: RunContext) -> None:
        self.opening = State.MASKING_QUIETLY if run.reveal.hides_membership else State.MASKING
        self.outcome: Outcome | None = None
        self._run = run
        self._mask = Scalar.draw(run.entropy)
        self._unmask = self._mask.inverse(run.entropy)
        self._own_tags = run.store.column("own-tags", run.tag_width)
        self._peer_tags = run.store.column("peer-tags", run.tag_width)
        self._sent = 0
        self._last: U8 = np.zeros((0, run.tag_width), np.uint8)  # the last tag seen, to check the order across chunks

    def work(self, state: State) -> list[Frame] | None:
        """Mask and send one chunk of own items."""
        if state not in (State.MASKING, State.MASKING_QUIETLY):
            return None
        frames, total = [], len(self._run.tokens)
        stop = min(self._sent + self._run.chunk, total)
        if stop > self._sent:
            items = self._run.tokens.read(self._sent, stop)
            masked = self._run.backend.hash_and_mask(items, self._mask, self._run.dst)
            frames.append(chunk_frame(M.ELEMENTS, masked))
            self._run.advance(stop - self._sent)
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
                if len(self._own_tags) != len(self._run.tokens):
                    raise RemoteError("the peer answered fewer elements than it was sent")
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
        replies = parse_rows(payload, 32, self._run.chunk, "replies")
        start = len(self._own_tags)
        if start + len(replies) > self._sent:
            raise RemoteError("the peer answered more elements than it was sent")
        sender_masked = masking.mask_checked(self._run.backend, replies, self._unmask, start)
        self._own_tags.append(self._run.tags(sender_masked, start))
        self._run.advance(len(replies))

    def _tags(self, payload: Payload) -> None:
        tags = parse_rows(payload, self._run.tag_width, self._run.chunk, "tags")
        if len(self._peer_tags) + len(tags) > self._run.peer_size:
            raise RemoteError("the peer sent more tags than it declared items")
        if not rows.ascend(np.concatenate([self._last, tags])):
            raise RemoteError("the peer's tags are not in ascending order")
        self._last = tags[-1:].copy()
        self._peer_tags.append(tags)

    def _compare(self) -> None:
        if len(self._peer_tags) != self._run.peer_size:
            raise RemoteError("the peer sent fewer tags than it declared items")
        positions = self._run.store.match(self._own_tags, self._peer_tags)
        if self._run.offset is not None:
            self.outcome = Outcome(noisy_count=len(positions) - self._run.offset)
        elif self._run.reveal.hides_membership:
            self.outcome = Outcome(matches=len(positions))
        else:
            self.outcome = Outcome(matches=len(positions), matched=self._run.tokens.keys(positions))
