"""Offer, answer and finish on DataFrames: the columns of `psi.offline.by_parts`, made by an engine.

`place` is a directory that the engine writes and reads, for the peer; `work` is another, as secret as the list; both
may be URIs. `secrets` is a folder that tasks can read. Only `matches` and `count`, one-to-many.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psi.agreement.modes import Side
from psi.distributed import secret_files, steps
from psi.distributed.functions import HashAndMask, Reply, Split, TagOwn, UnmaskAndTag
from psi.distributed.steps import Frame, Session
from psi.group import masking
from psi.normalize import KeySpec
from psi.offline import by_parts, chunks
from psi.offline.by_parts import Answered, Offered, require_parts
from psi.offline.exchange import Exchange, beginning, changed
from psi.offline.manifest import Listed, ManifestReader
from psi.protocol.outcome import Outcome
from psi.protocol.party import run_binding
from psi.protocol.schedule import plan
from psi.protocol.setup import Setup
from psi.session.job import token_prefix
from psiselect.base.errors import RemoteError


@dataclass(frozen=True)
class Engine:
    """Where the work is done: a session of the engine, its work directory, and the folder of secrets."""

    session: Session
    work: str
    secrets: Path


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
            state = steps.stored(engine.session, own, f"{engine.work}/state-{run.list + 1}")
            form = chunks.elements_form(run.list + 1)
            values = state.withColumnRenamed("element", "value")
            columns.append(
                steps.write_column(engine.session, values, form, setup.sizes[run.list], f"{place}/{form.name}", secrets)
            )
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
    runs, sizes, session = plan(setup.terms), exchange.peer_sizes, engine.session
    listed = [read.column(chunks.elements_form(each.list + 1), sizes[each.list]) for each in runs]
    read.end()
    columns: list[Listed] = []
    for run, elements in zip(runs, listed, strict=True):
        number, hides = run.list + 1, run.reveal.hides_membership
        mask = by_parts.sender_scalar(setup)
        with (
            secret_files.kept(engine.secrets, {"key": read.key}) as theirs,
            secret_files.kept(engine.secrets, {"mask": bytes(mask.key), "key": key}) as own,
        ):
            values = steps.read_column(session, f"{where}/{elements.form.name}", elements, theirs)
            values = steps.without_faults(steps.stored(session, values, f"{engine.work}/elements-{number}"))
            reply = Reply(own, run.reveal)
            made = steps.stored(session, values.mapInArrow(reply, reply.schema), f"{engine.work}/replies-{number}")
            form = chunks.replies_form(number, run.reveal)
            made = steps.without_faults(made)
            columns.append(steps.write_column(session, made, form, sizes[run.list], f"{place}/{form.name}", own))
            width = masking.tag_bytes(sizes[run.list], setup.sizes[run.list])
            prefix, binding = token_prefix(number, keys[run.list]), run_binding(exchange.transcript, run.number)
            tag = TagOwn(own, prefix, binding, width, hides)
            items = lists[run.list].where("key is not null").select("key")
            tags = steps.stored(session, items.mapInArrow(tag, tag.schema), f"{engine.work}/tags-{number}")
            form = chunks.tags_form(number, width)
            columns.append(steps.write_column(session, tags, form, setup.sizes[run.list], f"{place}/{form.name}", own))
        mask.wipe()
    signature = exchange.sign()
    return Answered(exchange.own, columns, signature, exchange.result(Outcome(), {Side.LISTEN: signature}))


def finish(
    engine: Engine,
    setup: Setup,
    keys: tuple[KeySpec, ...],
    offered: tuple[bytes, bytes],
    answered: tuple[ManifestReader, str],
) -> tuple[tuple[int, ...], list[Frame], Exchange]:
    """Read an answer whose author is verified. offered: id and contents of the offer, whose work directory is
    `engine.work`. Returns the matches of each key, for each the matched keys (`key`; null in `count`), and the
    exchange, whose record the peer has signed. Raises as `psi.offline.exchange.finish`."""
    (offer_id, contents), (read, where) = offered, answered
    exchange = Exchange(setup, offer_id, own=beginning(setup), theirs=read.begun)
    if not contents.startswith(exchange.own.digest()):
        raise changed()
    own, theirs, session = setup.declared_sizes, exchange.peer_sizes, engine.session
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
                found = steps.read_column(session, f"{where}/{column.form.name}", column, secrets)
                place = f"{engine.work}/{column.form.kind.value}-read-{number}"
                return steps.without_faults(steps.stored(session, found, place))

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
                state = session.read.parquet(f"{engine.work}/state-{number}").select("key", "name")
                pairs = came.mapInArrow(split, split.schema).join(state, "name").select("reply", "key")
            tagged = steps.stored(session, pairs.mapInArrow(task, task.schema), f"{engine.work}/tagged-{number}")
            tagged = steps.without_faults(tagged)
            if tagged.select("product").distinct().count() != own[run.list]:
                raise RemoteError("the peer's replies are not one for each element of the offer")
            common = tagged.join(opened(tags).withColumnRenamed("value", "tag").distinct(), "tag").select("key")
            found = steps.stored(session, common, f"{engine.work}/matched-{number}")
            counts.append(found.count())
            matched.append(found)
    return tuple(counts), matched, exchange
