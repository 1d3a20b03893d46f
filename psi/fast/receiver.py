"""The side that learns: encodes its items in a store, sends it masked, and compares tags."""

from __future__ import annotations

import numpy as np

from psi.fast import parameters, words
from psi.fast.band import Solving
from psi.fast.comparison import FastComparison
from psi.fast.expansion import Encoder
from psi.fast.items import Located, Salted
from psi.fast.lookup import Sweep
from psi.fast.messages import FastMessage as M
from psi.fast.messages import Payload, exactly, frame
from psi.fast.run import FastRun, FastSide
from psi.fast.states import FastState
from psi.fast.tags import KEY_BYTES, Tagger
from psi.group.curve25519.suite import ELEMENT_BYTES
from psi.oblivious import trees
from psi.oblivious.base import BaseSender
from psi.oblivious.field import F16
from psi.store import rows
from psi.transport.wire import Frame
from psiselect.base.packed import I64, U8


class FastReceiver(FastSide):
    """Steps F2, F4, F5 and F8 of docs/fast-protocol.md. comparison: None until the run is over."""

    def __init__(self, run: FastRun) -> None:
        self.state = FastState.WAITING
        self.comparison: FastComparison | None = None
        self._run = run
        self._slots = parameters.slots(len(run.items))
        self._salt = run.entropy.read(parameters.SALT_BYTES)
        self._own_tags = run.store.column("fast-own-tags", run.tag_width)
        self._peer_tags = run.store.column("fast-peer-tags", run.tag_width)
        self._label_keys = run.store.column("fast-label-keys", KEY_BYTES) if run.label_width else None
        self._sealed = run.store.column("fast-sealed", run.sealed_width) if run.label_width else None
        self._last: U8 = np.zeros((0, run.tag_width), np.uint8)  # the last tag seen
        self._seeds: U8 = np.zeros((0, 0), np.uint8)
        self._encoder: Encoder | None = None
        self._begin(0)

    def _begin(self, attempt: int) -> None:
        """Hash with the salt of this attempt."""
        if attempt == parameters.MAX_ATTEMPTS:
            raise RuntimeError(f"no store in {attempt} attempts: the items are not distinct")
        run = self._run
        self._salted = Salted(run.binding, self._salt, attempt)
        self._located = Located(run.kernels, self._salted, run.items, self._slots)
        self._solving: Solving | None = None
        self._solved = 0

    @property
    def done(self) -> int:
        """Items hashed, items solved for, items tagged, and tags that have come."""
        solved = self._solved if self._solving is None else self._solving.done
        return self._located.done + solved + len(self._own_tags) + len(self._peer_tags)

    def start(self) -> list[Frame]:
        """Nothing: the sender begins."""
        return []

    def receive(self, message: Frame) -> list[Frame]:
        """Take the request for seeds, and tags. Raises RemoteError."""
        self._receiving(message.type)
        match message.type:
            case M.SEED_REQUEST:
                return self._grant(message.payload)
            case M.TAGS:
                self._tags(message.payload)
            case M.TAGS_END:
                exactly(message.payload, 0, "end of tags")
                self._finish()
        return []

    def work(self) -> list[Frame] | None:
        """Hash, solve; once the seeds are out, send what is due."""
        if self.state is FastState.ENCODING:
            return self._encode()
        if self.state not in (FastState.WAITING, FastState.SOLVING):
            return None
        if self._located.work():
            return []
        if self._solving is None:
            self._solving = Solving(self._run.kernels, self._located, self._slots)
        if self._solving.work():
            return []
        if self._solving.failed:
            self._begin(self._salted.attempt + 1)
            return []
        if self.state is FastState.WAITING:
            return None
        self._encoder = Encoder(self._run.kernels, self._seeds, self._solving.slots())
        self._sweep = Sweep(self._run.kernels, self._located)
        self._tagger = Tagger(self._run.kernels, self._salted, self._run.tag_width)
        self._solved, self._solving = self._solving.done, None
        return self._sending([frame(M.ENCODING, bytes((self._salted.attempt,)))])

    def close(self) -> None:
        """Wipe the seeds."""
        self._seeds[:] = 0

    def _grant(self, payload: Payload) -> list[Frame]:
        run = self._run
        request = exactly(payload, parameters.CHOICES * ELEMENT_BYTES, "request for seeds")
        dealer = BaseSender(run.backend, run.dst, run.binding, run.entropy)
        answer, pairs = dealer.answer(request.reshape(-1, ELEMENT_BYTES))
        self._seeds, corrections = trees.deal(pairs, F16.degree)
        opening = np.concatenate([corrections.reshape(-1), np.frombuffer(self._salt, np.uint8)])
        return self._sending([frame(M.SEED_ANSWER, answer), frame(M.TREES, opening)])

    def _encode(self) -> list[Frame]:
        """Send a slice of the matrix, and tag the items that it completes."""
        if self._encoder is None:
            raise RuntimeError("a matrix without a store")
        found = self._encoder.next()
        if found is None:
            self._encoder = None
            self._located.forget()
            return self._sending([frame(M.MATRIX_END)])
        sent, own = found
        for start, stop, symbols in self._sweep.feed(own):
            ids = self._located.ids[start:stop]
            self._own_tags.append(self._tagger.tags(symbols, ids))
            if self._label_keys is not None:
                self._label_keys.append(self._tagger.label_keys(symbols, ids))
        return self._sending([frame(M.MATRIX, sent)])

    def _tags(self, payload: Payload) -> None:
        run = self._run
        count = min(run.tag_rows_in_chunk, run.peer_size - len(self._peer_tags))
        if count < 1:
            raise words.too_many_tags()
        width = run.tag_width + run.sealed_width
        received = exactly(payload, count * width, words.CHUNK).reshape(count, width)
        tags = received[:, : run.tag_width]
        if not rows.ascend(np.concatenate([self._last, tags])):
            raise words.tags_unordered()
        self._last = tags[-1:].copy()
        self._peer_tags.append(tags)
        if self._sealed is not None:
            self._sealed.append(received[:, run.tag_width :])

    def _finish(self) -> None:
        if len(self._peer_tags) != self._run.peer_size:
            raise words.too_few_tags()
        places = self._located.numbers

        def numbers(own: I64) -> I64:
            return places[own].astype(np.int64)

        self.comparison = FastComparison(
            self._run.store, numbers, self._own_tags, self._peer_tags, self._label_keys, self._sealed
        )
