"""The exchange by directories on one machine: the steps of a session, on columns that ascend by value.

    offer    elements, ascending
    answer   replies, each with its element's first 16 bytes (in `count` alone), and tags; ascending
    finish   nothing goes out: the receiver compares

A sorted set shows its members and nothing else, as a random order does; so sorting takes the place of the shuffle, and
an engine that distributes the work can make the same columns. Steps and checks: docs/offline-protocol.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from psi.agreement.modes import Matching, Reveal, Side
from psi.agreement.terms import Terms
from psi.group import masking
from psi.group.curve25519.scalar import Scalar
from psi.offline import chunks, words
from psi.offline.chunks import PREFIX_BYTES, ColumnForm, contents_digest
from psi.offline.exchange import Beginning, Exchange, OperationCount, Progress, beginning, changed, require_offline
from psi.offline.manifest import Listed, ManifestReader
from psi.protocol.matching import Comparison
from psi.protocol.outcome import Findings, Outcome
from psi.protocol.party import run_context, run_tokens
from psi.protocol.run import RunContext, refuse_repeats
from psi.protocol.schedule import PlannedRun, operations, plan, size_of
from psi.protocol.setup import Setup
from psi.session.session import SessionResult
from psiselect.base.packed import U8

_TAKEN_AT_ONCE = 1 << 20  # replies, which are read from disk in the order of the own tokens

WriteColumn = Callable[[ColumnForm, Iterable[U8]], Listed]
ReadColumn = Callable[[Listed], Iterator[U8]]


class Answered(NamedTuple):
    """What an answer holds: hello and sizes, its columns, the signature over the record; and this side's result."""

    begun: Beginning
    columns: list[Listed]
    signature: bytes
    result: SessionResult


class Offered(NamedTuple):
    """What an offer holds. contents: 64 bytes for its beginning and for each run, that stand for it at `finish`."""

    begun: Beginning
    columns: list[Listed]
    contents: bytes


def require_parts(agreed: Terms) -> None:
    """Raises UsageError for terms that directories do not carry out."""
    require_offline(agreed)
    for there, term, what in (
        (agreed.reveal is Reveal.NOISY_COUNT, "reveal", words.NOISE_BY_PARTS),
        (agreed.pad_to is not None, "pad_to", words.PADDING_BY_PARTS),
        (agreed.columns is not None, "columns", words.COLUMNS_BY_PARTS),
        (agreed.matching is Matching.ONE_TO_ONE, "matching", words.LINKS_BY_PARTS),
    ):
        if there:
            raise words.not_by_parts(what, term)


def offer(setup: Setup, write: WriteColumn, progress: Progress) -> Offered:
    """Write the columns of an offer. `setup.entropy` is one that can be drawn again. `setup.admit` is asked before
    anything is written."""
    require_parts(setup.terms)
    begun = beginning(setup)
    setup.admit()
    sizes = {setup.side: setup.declared_sizes, setup.side.other: (0,) * setup.terms.lists}  # the peer's, as yet
    count = OperationCount(progress, sum(size_of(run, setup.terms, sizes).elements for run in plan(setup.terms)))
    columns, contents = [], begun.digest()
    for planned in plan(setup.terms):
        with _OpenRun(setup, planned, 0, bytes(64), count) as run, ReceiverScalars(run.context) as masks:
            columns.append(write(chunks.elements_form(planned.list + 1), _elements(run.context, masks)))
        contents += contents_digest(columns[-1].entries)
    return Offered(begun, columns, contents)


def answer(
    setup: Setup, offer_id: bytes, offered: ManifestReader, read: ReadColumn, write: WriteColumn, progress: Progress
) -> Answered:
    """Read an offer, whose author has been verified, and write the columns of its answer. Raises as
    `psi.offline.exchange.answer`."""
    require_parts(setup.terms)
    exchange = Exchange(setup, offer_id, own=beginning(setup), theirs=offered.begun)
    setup.admit()
    count = OperationCount(progress, operations(setup.terms, setup.side, exchange.sizes))
    runs = plan(setup.terms)
    listed = [offered.column(chunks.elements_form(each.list + 1), exchange.peer_sizes[each.list]) for each in runs]
    offered.end()
    columns = []
    for planned, elements in zip(runs, listed, strict=True):
        size = exchange.peer_sizes[planned.list]
        with _OpenRun(setup, planned, size, exchange.transcript, count) as run, sender_scalar(setup) as mask:
            replies = _replies(run.context, mask, read(elements))
            columns.append(write(chunks.replies_form(planned.list + 1, planned.reveal), replies))
            form = chunks.tags_form(planned.list + 1, run.context.tag_width)
            columns.append(write(form, _tags(run.context, mask)))
    signature = exchange.sign()
    return Answered(exchange.own, columns, signature, exchange.result(Outcome(), {Side.LISTEN: signature}))


def sender_scalar(setup: Setup) -> Scalar:
    """The answering side's scalar for one run."""
    return Scalar.draw(setup.entropy)


def finish(
    setup: Setup, offer_id: bytes, contents: bytes, answered: ManifestReader, read: ReadColumn, progress: Progress
) -> SessionResult:
    """Read an answer, whose author has been verified and which answers the offer `offer_id`. Arguments and errors as
    for `psi.offline.exchange.finish`."""
    with contextlib.closing(Findings(setup.terms.min_matches)) as findings:
        exchange = Exchange(setup, offer_id, own=beginning(setup), theirs=answered.begun)
        marks = exchange.own.digest()
        if not contents.startswith(marks):
            raise changed()
        count = OperationCount(progress, operations(setup.terms, setup.side, exchange.sizes))
        runs, own, theirs = plan(setup.terms), setup.declared_sizes, exchange.peer_sizes
        listed = []
        for each in runs:
            form = chunks.replies_form(each.list + 1, each.reveal)
            replies = answered.column(form, own[each.list])
            form = chunks.tags_form(each.list + 1, masking.tag_bytes(own[each.list], theirs[each.list]))
            listed.append((replies, answered.column(form, theirs[each.list])))
        signature = answered.signature()
        answered.end()
        exchange.verify(signature)
        for planned, (replies, tags) in zip(runs, listed, strict=True):
            size = theirs[planned.list]
            with (
                _OpenRun(setup, planned, size, exchange.transcript, count) as run,
                ReceiverScalars(run.context) as masks,
            ):
                receiver = _Finishing(run.context, masks)
                marks += contents_digest(receiver.entries())
                if not contents.startswith(marks):
                    raise changed()
                receiver.take_replies(read(replies))
                receiver.take_tags(read(tags))
                findings.add(receiver.comparison(), run.give())
        return exchange.result(findings.outcome(), {Side.LISTEN: signature, Side.CONNECT: exchange.sign()})


class _Dropped(Protocol):
    def close(self) -> None: ...


class _OpenRun:
    """One run's store and tokens; they are closed on exit, unless somebody takes them over."""

    def __init__(
        self, setup: Setup, planned: PlannedRun, peer_size: int, transcript: bytes, advance: Callable[[int], None]
    ) -> None:
        self._store, self._tokens = setup.stores(), run_tokens(setup, planned)
        self._given = False
        self.context = run_context(setup, planned, self._tokens, peer_size, transcript, self._store, advance)

    def __enter__(self) -> _OpenRun:
        return self

    def __exit__(self, *error: object) -> None:
        if not self._given:
            self._store.close()
            self._tokens.close()

    def give(self) -> tuple[_Dropped, ...]:
        """What a finding needs."""
        self._given = True
        return self._store, self._tokens


class ReceiverScalars:
    """A receiver's two scalars, wiped on exit."""

    def __init__(self, run: RunContext | Setup) -> None:
        self.mask = Scalar.draw(run.entropy)
        self.unmask = self.mask.inverse(run.entropy)

    def __enter__(self) -> ReceiverScalars:
        return self

    def __exit__(self, *error: object) -> None:
        self.mask.wipe()
        self.unmask.wipe()


def _elements(run: RunContext, masks: ReceiverScalars) -> Iterator[U8]:
    """Own elements, ascending."""
    column = run.store.column("elements", 32)
    for start in range(0, len(run.tokens), run.chunk):
        items = run.tokens.read(start, min(start + run.chunk, len(run.tokens)))
        column.append(run.backend.hash_and_mask(items, masks.mask, run.dst))
        run.advance(len(items))
    return run.store.ascending(column)


def _replies(run: RunContext, mask: Scalar, elements: Iterator[U8]) -> Iterator[U8]:
    """The peer's elements masked again, ascending. Raises RemoteError."""
    collected = run.store.column("collected", 32)
    start = 0
    for chunk in elements:
        masked = masking.mask_checked(run.backend, chunk, mask, start)
        start += len(chunk)
        run.advance(len(chunk))
        if run.reveal.hides_membership:
            collected.append(masked)
        else:
            yield np.concatenate([chunk[:, :PREFIX_BYTES], masked], axis=1)  # they ascend as the elements do
    if run.reveal.hides_membership:
        refuse_repeats(run.store, collected)
        yield from run.store.ascending(collected)


def _tags(run: RunContext, mask: Scalar) -> Iterator[U8]:
    """Tags of own items, ascending."""
    tags = run.store.column("own-tags", run.tag_width)
    for start in range(0, len(run.tokens), run.chunk):
        items = run.tokens.read(start, min(start + run.chunk, len(run.tokens)))
        tags.append(run.tags(run.backend.hash_and_mask(items, mask, run.dst), start))
        run.advance(len(items))
    return run.store.ascending(tags)


class _Finishing:
    """What the offering side does with an answer."""

    def __init__(self, run: RunContext, masks: ReceiverScalars) -> None:
        self._run, self._masks = run, masks
        self._elements = run.store.column("elements", 32)
        self._own_tags = run.store.column("own-tags", run.tag_width)
        self._peer_tags = run.store.column("peer-tags", run.tag_width)

    def entries(self) -> list[chunks.ChunkEntry]:
        """Make the elements again; returns their chunks."""
        blocks = _elements(self._run, self._masks)
        return [chunks.ChunkEntry.of(values) for values in chunks.cut(blocks)]

    def take_replies(self, replies: Iterator[U8]) -> None:
        """Unmask and tag all replies. Raises RemoteError."""
        if self._run.reveal.hides_membership:
            self._take_shuffled(replies)
        else:
            self._take_named(replies)

    def take_tags(self, tags: Iterator[U8]) -> None:
        """Keep the peer's tags."""
        for chunk in tags:
            self._peer_tags.append(chunk)

    def comparison(self) -> Comparison:
        """Both sides' tags."""
        return Comparison(self._run, [self._own_tags], [self._peer_tags])

    def _take_shuffled(self, replies: Iterator[U8]) -> None:
        run = self._run
        products = run.store.column("products", 32)
        for chunk in replies:
            product = masking.mask_checked(run.backend, chunk, self._masks.unmask, len(products))
            self._own_tags.append(run.tags(product, len(products)))
            products.append(product)
            run.advance(len(chunk))
        refuse_repeats(run.store, products)  # else one item would count several times
        run.store.discard(products)
        run.store.discard(self._elements)

    def _take_named(self, replies: Iterator[U8]) -> None:
        run, store = self._run, self._run.store
        names, masked = store.column("names", PREFIX_BYTES), store.column("masked", 32)
        for chunk in replies:
            names.append(chunk[:, :PREFIX_BYTES])
            masked.append(chunk[:, PREFIX_BYTES:])
        own = store.column("own-names", PREFIX_BYTES)
        for start in range(0, len(self._elements), _TAKEN_AT_ONCE):
            some = self._elements.read(start, min(start + _TAKEN_AT_ONCE, len(self._elements)))
            own.append(some[:, :PREFIX_BYTES])
        store.discard(self._elements)
        joined = store.join(own, names)
        if not joined.equal.all():  # as many replies as elements, all named differently: so each has one
            raise words.replies_unnamed()
        for column in (own, names):
            store.discard(column)
        for begin in range(0, len(joined.rows), _TAKEN_AT_ONCE):
            block = masked.take(joined.rows[begin : begin + _TAKEN_AT_ONCE])
            for start in range(0, len(block), run.chunk):
                product = masking.mask_checked(
                    run.backend, block[start : start + run.chunk], self._masks.unmask, begin + start
                )
                self._own_tags.append(run.tags(product, begin + start))
                run.advance(len(product))
        store.discard(masked)
