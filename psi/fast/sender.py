"""The side that learns nothing: opens the receiver's matrix by its secret symbols, and hands out tags."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from psi.fast import hermitian, parameters, words
from psi.fast.expansion import Opener, slices
from psi.fast.items import Located, Salted
from psi.fast.lookup import Sweep
from psi.fast.messages import FastMessage as M
from psi.fast.messages import Payload, exactly, frame
from psi.fast.run import FastRun, FastSide
from psi.fast.states import FastState
from psi.fast.tags import Tagger
from psi.group.curve25519.suite import ELEMENT_BYTES
from psi.labels import labels
from psi.oblivious import trees
from psi.oblivious.base import BaseReceiver
from psi.oblivious.field import F16
from psi.store.rows import in_chunks
from psi.transport.wire import Frame
from psiselect.base.packed import U8


class FastSender(FastSide):
    """Steps F1, F3, F6 and F7 of docs/fast-protocol.md. Holds 53 secret symbols for this run only."""

    def __init__(self, run: FastRun) -> None:
        self.state = FastState.ASKING
        self._run = run
        self._slots = parameters.slots(run.peer_size)
        self._chooser = BaseReceiver(run.backend, run.dst, run.binding, run.entropy, parameters.CHOICES)
        self._delta = trees.path(self._chooser.bits, F16.degree)
        self._lengths = slices(self._slots)
        self._own_tags = run.store.column("fast-own-tags", run.tag_width + run.sealed_width)
        self._opened: U8 = np.zeros((0, 0), np.uint8)
        self._seeds: U8 = np.zeros((0, 0), np.uint8)
        self._salted: Salted | None = None
        self._located: Located | None = None
        self._outgoing: Iterator[U8] | None = None
        self._hashed = self._sent = 0

    @property
    def done(self) -> int:
        """Items hashed, items tagged, and tags that are sent."""
        return self._hashed + len(self._own_tags) + self._sent

    def start(self) -> list[Frame]:
        """The request for seeds."""
        return self._sending([frame(M.SEED_REQUEST, self._chooser.request())])

    def receive(self, message: Frame) -> list[Frame]:
        """Take seeds, trees and the matrix. Raises RemoteError."""
        self._receiving(message.type)
        match message.type:
            case M.SEED_ANSWER:
                answer = exactly(message.payload, parameters.CHOICES * ELEMENT_BYTES, words.SEEDS)
                self._opened = self._chooser.seeds(answer.reshape(-1, ELEMENT_BYTES))
            case M.TREES:
                self._open(message.payload)
            case M.ENCODING:
                self._encoding(message.payload)
            case M.MATRIX:
                self._slice(message.payload)
            case M.MATRIX_END:
                exactly(message.payload, 0, words.END_OF_MATRIX)
                if next(self._lengths, 0):
                    raise words.too_few_slices()
                self._located = None
                self._outgoing = in_chunks(self._run.store.ascending(self._own_tags), self._run.tag_rows_in_chunk)
        return []

    def work(self) -> list[Frame] | None:
        """Hash own items while nothing else is to be done; in the end hand out tags."""
        if self.state is FastState.HASHING and self._located is not None:
            going = self._located.work()
            self._hashed = self._located.done
            return [] if going else None
        if self.state is not FastState.TAGGING or self._outgoing is None:
            return None
        chunk = next(self._outgoing, None)
        self._sent += 0 if chunk is None else len(chunk)
        return self._sending([frame(M.TAGS_END) if chunk is None else frame(M.TAGS, chunk)])

    def close(self) -> None:
        """Wipe symbols, scalars and seeds."""
        self._chooser.close()
        self._delta[:] = 0
        self._seeds[:] = 0

    def _open(self, payload: Payload) -> None:
        size = trees.correction_bytes(hermitian.SYMBOLS, F16.degree)
        received = exactly(payload, size + parameters.SALT_BYTES, words.TREES)
        corrections = received[:size].reshape(hermitian.SYMBOLS, F16.degree - 1, 2, trees.NODE_BYTES)
        self._seeds = trees.choose(self._chooser.bits, self._opened, corrections)
        self._salt = received[size:].tobytes()
        self._hash(0)

    def _hash(self, attempt: int) -> None:
        self._salted = Salted(self._run.binding, self._salt, attempt)
        self._located = Located(self._run.kernels, self._salted, self._run.items, self._slots)

    def _encoding(self, payload: Payload) -> None:
        """Everything that the matrix is looked up by, in the attempt that succeeded."""
        run, attempt = self._run, int(exactly(payload, 1, words.ATTEMPT)[0])
        if attempt >= parameters.MAX_ATTEMPTS:
            raise words.too_many_attempts(attempt + 1, parameters.MAX_ATTEMPTS)
        if attempt:
            self._hash(attempt)
        if self._located is None or self._salted is None:
            raise RuntimeError("a matrix without a salt")
        self._located.finish()
        self._hashed = self._located.done
        self._opener = Opener(run.kernels, self._seeds, self._delta)
        self._sweep = Sweep(run.kernels, self._located)
        self._tagger = Tagger(run.kernels, self._salted, run.tag_width)
        self._shifts = hermitian.rows_of_bits(self._delta)

    def _slice(self, payload: Payload) -> None:
        run, count = self._run, next(self._lengths, 0)
        if not count:
            raise words.too_many_slices()
        sent = exactly(payload, parameters.PLANES * count // 8, words.SLICE)
        if self._located is None:
            raise RuntimeError("a slice without items")
        for start, stop, symbols in self._sweep.feed(self._opener.rows(sent)):
            shifted = symbols ^ run.kernels.combine(self._shifts, self._located.values[start:stop])
            ids = self._located.ids[start:stop]
            parts = [self._tagger.tags(shifted, ids)]
            if run.payloads is not None and run.label_width:
                payloads = run.payloads(self._located.numbers[start:stop].astype(np.int64))
                parts.append(labels.seal(self._tagger.label_keys(shifted, ids), payloads))
            self._own_tags.append(np.concatenate(parts, axis=1))
