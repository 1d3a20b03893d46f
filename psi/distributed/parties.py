"""Offer, answer and finish on DataFrames: the columns of `psi.offline.by_parts`, made by an engine.

`place` is a directory that the engine writes and reads, for the peer; `work` is another, as secret as the list; both
may be addresses. Only `matches` and `count`, one-to-many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from psi.agreement.modes import Side
from psi.distributed import secret_files, steps, words
from psi.distributed.functions import HashAndMask, Reply, Split, TagOwn, UnmaskAndTag
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

    def read(self, name: str) -> Frame:
        """What the offer has stored."""
        return self.session.read.parquet(f"{self.offered or self.work}/{name}")

    def column(self, values: Frame, form: ColumnForm, total: int, place: str, secrets: str) -> Listed:
        """Write a column for the peer."""
        made = steps.write_column(self.session, values, form, total, f"{place}/{form.name}", secrets)
        self.step()
        return made


class Finished(NamedTuple):
    """What an answer says: the matches of each key, for each the matched keys (`key`; null in `count`), and the
    exchange with the peer's signature over its record."""

    counts: tuple[int, ...]
    matched: list[Frame]
    exchange: Exchange
    signature: bytes


# What may be in a work directory, for those who cannot list it.
WORK_NAMES = ("list", "again", "state", "elements", "replies", "tags", "replies-read", "tags-read", "tagged", "matched")


def work_names(lists: int) -> list[str]:
    """What the steps below, and the gathering of lists, store."""
    return [f"{name}-{number}" for number in range(1, lists + 1) for name in WORK_NAMES]


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
            task = HashAndMask(secrets, token_prefix(run.list + 1, keys[run.list]))
            own = lists[run.list].where("key is not null").select("key").mapInArrow(task, task.schema)
            state = engine.stored(own, f"state-{run.list + 1}")
            form = chunks.elements_form(run.list + 1)
            values = state.withColumnRenamed("element", "value")
            columns.append(engine.column(values, form, setup.sizes[run.list], place, secrets))
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
    columns: list[Listed] = []
    for run, elements in zip(runs, listed, strict=True):
        number, hides = run.list + 1, run.reveal.hides_membership
        with (
            by_parts.sender_scalar(setup) as mask,
            secret_files.kept(engine.secrets, {"key": read.key}) as theirs,
            secret_files.kept(engine.secrets, {"mask": bytes(mask.key), "key": key}) as own,
        ):
            values = steps.read_column(engine.session, f"{where}/{elements.form.name}", elements, theirs)
            values = steps.without_faults(engine.stored(values, f"elements-{number}"))
            reply = Reply(own, run.reveal)
            made = engine.stored(values.mapInArrow(reply, reply.schema), f"replies-{number}")
            form = chunks.replies_form(number, run.reveal)
            columns.append(engine.column(steps.without_faults(made), form, sizes[run.list], place, own))
            width = masking.tag_bytes(sizes[run.list], setup.sizes[run.list])
            prefix, binding = token_prefix(number, keys[run.list]), run_binding(exchange.transcript, run.number)
            tag = TagOwn(own, prefix, binding, width, hides)
            items = lists[run.list].where("key is not null").select("key")
            tags = engine.stored(items.mapInArrow(tag, tag.schema), f"tags-{number}")
            columns.append(engine.column(tags, chunks.tags_form(number, width), setup.sizes[run.list], place, own))
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
    counts, matched = [], []
    for run, replies, tags in listed:
        number, hides = run.list + 1, run.reveal.hides_membership
        with (
            by_parts.ReceiverScalars(setup) as scalars,
            secret_files.kept(engine.secrets, {"unmask": bytes(scalars.unmask.key), "key": read.key}) as secrets,
        ):

            def opened(column: Listed, secrets: str = secrets, number: int = number) -> Frame:
                found = steps.read_column(engine.session, f"{where}/{column.form.name}", column, secrets)
                found = steps.without_faults(engine.stored(found, f"{column.form.kind.value}-read-{number}"))
                if found.count() != sum(entry.count for entry in column.entries):
                    raise words.chunks_changed(column.form.name)
                return found

            task = UnmaskAndTag(
                secrets,
                token_prefix(number, keys[run.list]),
                run_binding(exchange.transcript, run.number),
                tags.form.width,
                hides,
            )
            came = opened(replies)
            if hides:
                pairs = came.selectExpr("value as reply", "cast(null as binary) as key")
            else:
                split = Split()
                state = engine.read(f"state-{number}").select("key", "name")
                pairs = came.mapInArrow(split, split.schema).join(state, "name").select("reply", "key")
            tagged = steps.without_faults(engine.stored(pairs.mapInArrow(task, task.schema), f"tagged-{number}"))
            if tagged.select("product").distinct().count() != own[run.list]:
                raise words.other_replies()
            common = tagged.join(opened(tags).withColumnRenamed("value", "tag").distinct(), "tag").select("key")
            found = engine.stored(common, f"matched-{number}")
            counts.append(found.count())
            matched.append(found)
    return Finished(tuple(counts), matched, exchange, signature)
