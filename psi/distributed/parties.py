"""Offer, answer and finish on DataFrames: the columns of `psi.offline.by_parts`, made by an engine.

`place` is a directory that the engine writes and reads, for the peer; `work` is another, as secret as the list; both
may be addresses. Only `matches` and `count`, one-to-many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from psi.agreement.modes import Side
from psi.distributed import distinct, packs, secret_files, steps, words
from psi.distributed.functions import STATE_SCHEMA, HashAndMask, TagOwn
from psi.distributed.received import Different, Match, Opening, Reply, Spread, UnmaskAndTag, UnmaskAndTagAll
from psi.distributed.secret_files import TaskKey
from psi.distributed.steps import Frame, Session
from psi.group import masking
from psi.normalize import KeySpec
from psi.offline import by_parts, chunks
from psi.offline.by_parts import Answered, Offered, require_parts
from psi.offline.chunks import ColumnForm, ColumnKind
from psi.offline.exchange import Exchange, beginning, changed
from psi.offline.manifest import Listed, ManifestReader
from psi.protocol.outcome import Outcome
from psi.protocol.party import run_binding
from psi.protocol.schedule import plan
from psi.protocol.setup import Setup
from psi.session.job import token_prefix


@dataclass(frozen=True)
class Engine:
    """Where the work is done.

    Attributes:
        session: of the engine.
        work: a new directory, which the engine writes and reads.
        offered: at `finish`, the work directory of the offer.
        secrets: where tasks read secrets: a folder of this machine, or the task key.
        step: called after each step, with nothing; what it raises ends the work.
    """

    session: Session
    work: str
    secrets: Path | TaskKey
    offered: str | None = None
    step: Callable[[], None] = lambda: None

    def stored(self, frame: Frame, name: str) -> Frame:
        """The frame, computed once, in the work directory."""
        made = steps.stored(self.session, frame, f"{self.work}/{name}")
        self.step()
        return made

    def own_list(self, number: int) -> Frame:
        """The list of a key as the offer has gathered it."""
        return self._stored_then(f"keys-{number}", distinct.SCHEMA)

    def state(self, number: int) -> Frame:
        """What the offer has kept of a key: packs."""
        return self._stored_then(f"state-{number}", STATE_SCHEMA)

    def _stored_then(self, name: str, schema: str) -> Frame:
        return self.session.read.schema(schema).parquet(f"{self.offered or self.work}/{name}")

    def opened(self, column: Listed, where: str, secrets: str, task: Callable[[Opening], Any]) -> Frame:
        """A peer's column in the directory `where`, opened by the task."""
        return steps.opened(self.session, where, column, secrets, task)

    def checked(self, frame: Frame, where: str, columns: Sequence[Listed], name: str) -> Frame:
        """What was made of these columns, computed once, in the work directory."""
        made = steps.checked(self.session, frame, where, columns, f"{self.work}/{name}")
        self.step()
        return made

    def column(self, values: Frame, form: ColumnForm, total: int, place: str, secrets: str) -> Listed:
        """Write a column for the peer."""
        made = steps.write_column(self.session, values, form, total, f"{place}/{form.name}", secrets)
        self.step()
        return made


class Finished(NamedTuple):
    """What an answer says: the matches of each key; for each the matched keys, with how many rows have them (`key` and
    `rows`, null in `count`); and the exchange with the peer's signature over its record."""

    counts: tuple[int, ...]
    matched: list[Frame]
    exchange: Exchange
    signature: bytes


# What may be in a work directory, for those who cannot list it.
WORK_NAMES = (
    *("keys-{}-parts", "keys-{}", "again-{}-parts", "again-{}"),
    *("state-{}", "replies-{}", "tagged-{}", "matched-{}"),
)


def work_names(lists: int) -> list[str]:
    """What the steps below, and the gathering of lists, store."""
    return [name.format(number) for number in range(1, lists + 1) for name in WORK_NAMES]


def column_names(lists: int) -> list[str]:
    """The columns of an offer or answer."""
    return [f"{kind.value}-{number}" for number in range(1, lists + 1) for kind in ColumnKind]


def offer(
    engine: Engine, setup: Setup, lists: list[Frame], keys: tuple[KeySpec, ...], place: str, key: bytes
) -> Offered:
    """Write the columns of an offer. lists: what `steps.gathered` gave, for each key."""
    require_parts(setup.terms)
    begun = beginning(setup)
    setup.admit()
    columns, contents = [], begun.digest()
    for run in plan(setup.terms):
        with (
            by_parts.ReceiverScalars(setup) as scalars,
            secret_files.kept(engine.secrets, {"mask": bytes(scalars.mask.key), "key": key}) as secrets,
        ):
            size = setup.sizes[run.list]
            task = HashAndMask(secrets, token_prefix(run.list + 1, keys[run.list]), packs.buckets_for(size))
            own = lists[run.list].where("key is not null").select("key", "rows").mapInArrow(task, task.schema)
            state = engine.stored(own, f"state-{run.list + 1}")
            form = chunks.elements_form(run.list + 1)
            values = state.selectExpr("bucket", "element as value")
            columns.append(engine.column(values, form, size, place, secrets))
        contents += chunks.contents_digest(columns[-1].entries)
    return Offered(begun, columns, contents)


def answer(
    engine: Engine,
    setup: Setup,
    lists: list[Frame],
    keys: tuple[KeySpec, ...],
    offered: tuple[bytes, ManifestReader, str],
    place: str,
    key: bytes,
) -> Answered:
    """Read an offer whose author is verified, and write the columns of its answer. offered: its id, its manifest and
    its directory. Raises as `psi.offline.exchange.answer`."""
    require_parts(setup.terms)
    offer_id, read, where = offered
    exchange = Exchange(setup, offer_id, own=beginning(setup), theirs=read.begun)
    setup.admit()
    runs, sizes = plan(setup.terms), exchange.peer_sizes
    listed = [read.column(chunks.elements_form(each.list + 1), sizes[each.list]) for each in runs]
    read.end()
    for column in listed:
        steps.require_uniform(column)
    columns: list[Listed] = []
    for run, elements in zip(runs, listed, strict=True):
        number, hides = run.list + 1, run.reveal.hides_membership
        with (
            by_parts.sender_scalar(setup) as mask,
            secret_files.kept(engine.secrets, {"key": read.key}) as theirs,
            secret_files.kept(engine.secrets, {"mask": bytes(mask.key), "key": key}) as own,
        ):
            size, own_size = sizes[run.list], setup.sizes[run.list]
            reply = partial(Reply, secrets=own, reveal=run.reveal, buckets=packs.buckets_for(size))
            made = engine.checked(engine.opened(elements, where, theirs, reply), where, [elements], f"replies-{number}")
            form = chunks.replies_form(number, run.reveal)
            columns.append(engine.column(made, form, size, place, own))
            width = masking.tag_bytes(size, own_size)
            prefix, binding = token_prefix(number, keys[run.list]), run_binding(exchange.transcript, run.number)
            tag = TagOwn(own, prefix, binding, width, hides, packs.buckets_for(own_size))
            items = lists[run.list].where("key is not null").select("key")
            tags = items.mapInArrow(tag, tag.schema)
            columns.append(engine.column(tags, chunks.tags_form(number, width), own_size, place, own))
    signature = exchange.sign()
    return Answered(exchange.own, columns, signature, exchange.result(Outcome(), {Side.LISTEN: signature}))


def finish(
    engine: Engine,
    setup: Setup,
    keys: tuple[KeySpec, ...],
    offered: tuple[bytes, bytes],
    answered: tuple[ManifestReader, str],
) -> Finished:
    """Read an answer whose author is verified. offered: id and contents of the offer, whose work directory is
    `engine.offered`. Raises as `psi.offline.exchange.finish`."""
    (offer_id, contents), (read, where) = offered, answered
    exchange = Exchange(setup, offer_id, own=beginning(setup), theirs=read.begun)
    if not contents.startswith(exchange.own.digest()):
        raise changed()
    own, theirs = setup.declared_sizes, exchange.peer_sizes
    listed = []
    for run in plan(setup.terms):
        width = masking.tag_bytes(own[run.list], theirs[run.list])
        replies = read.column(chunks.replies_form(run.list + 1, run.reveal), own[run.list])
        listed.append((run, replies, read.column(chunks.tags_form(run.list + 1, width), theirs[run.list])))
    signature = read.signature()
    read.end()
    exchange.verify(signature)
    for _, *both_columns in listed:
        for column in both_columns:
            steps.require_uniform(column)
    counts, matched = [], []
    for run, replies, tags in listed:
        number, size = run.list + 1, own[run.list]
        with (
            by_parts.ReceiverScalars(setup) as scalars,
            secret_files.kept(engine.secrets, {"unmask": bytes(scalars.unmask.key), "key": read.key}) as secrets,
        ):
            tagging = _Tagging(
                engine,
                secrets,
                token_prefix(number, keys[run.list]),
                run_binding(exchange.transcript, run.number),
                tags.form.width,
                packs.buckets_for(max(size, theirs[run.list])),
            )
            tagged = (tagging.all if run.reveal.hides_membership else tagging.named)(replies, where, size)
            peers = engine.opened(tags, where, secrets, partial(Spread, buckets=tagging.buckets))
            nothing = "cast(null as binary) as"
            both = tagged.selectExpr("bucket", "value", "key", "rows", f"{nothing} tag", "entry", "fault").union(
                peers.selectExpr(
                    *("bucket", f"{nothing} value", f"{nothing} key", f"{nothing} rows", "value as tag"),
                    *("entry", "fault"),
                )
            )
            columns = [tags] if run.reveal.hides_membership else [replies, tags]
            found = engine.checked(steps.by_bucket(both, Match(tagging.width)), where, columns, f"matched-{number}")
            counts.append(found.count())
            matched.append(found)
    return Finished(tuple(counts), matched, exchange, signature)


@dataclass(frozen=True)
class _Tagging:
    """The learner's tags of one run, from a peer's replies: packs `value`, `key` and `rows` (both null where membership
    is hidden) by `bucket`."""

    engine: Engine
    secrets: str
    prefix: bytes
    binding: bytes
    width: int
    buckets: int

    def all(self, replies: Listed, where: str, size: int) -> Frame:
        """Of replies that nothing names. Raises RemoteError unless they are made of different values."""
        task = partial(
            UnmaskAndTagAll,
            secrets=self.secrets,
            binding=self.binding,
            width=self.width,
            buckets=self.buckets,
            product_buckets=packs.buckets_for(size),
        )
        came = self.engine.opened(replies, where, self.secrets, task)
        made = self.engine.checked(came, where, [replies], f"tagged-{replies.form.list}")
        products = made.where("product is not null").select("bucket", "product")
        found = steps.by_bucket(products, Different()).groupBy().sum("many").collect()
        if int(found[0][0] or 0) != size:
            raise words.other_replies()  # else one item would count several times
        self.engine.step()
        nothing = "cast(null as binary) as"
        return made.where("value is not null").selectExpr(
            *(
                "bucket",
                "value",
                f"{nothing} key",
                f"{nothing} rows",
                f"{nothing} entry",
                "cast(null as string) as fault",
            )
        )

    def named(self, replies: Listed, where: str, size: int) -> Frame:
        """Of replies each of which names an own element; a fault unless each element has one reply."""
        spread = partial(Spread, buckets=packs.buckets_for(size))
        came = self.engine.opened(replies, where, self.secrets, spread)
        nothing = "cast(null as binary) as"
        state = self.engine.state(replies.form.list).selectExpr(
            *("bucket", "key", "rows", "element", f"{nothing} value"),
            *(f"{nothing} entry", "cast(null as string) as fault"),
        )
        peers = came.selectExpr(
            *("bucket", f"{nothing} key", f"{nothing} rows", f"{nothing} element", "value", "entry", "fault")
        )
        task = UnmaskAndTag(self.secrets, self.prefix, self.binding, self.width, self.buckets)
        return steps.by_bucket(state.union(peers), task)
