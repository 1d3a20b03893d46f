"""Steps on DataFrames, by the API that also runs over Spark Connect. `session` and frames are the engine's own."""

from __future__ import annotations

import contextlib
import importlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from psi.distributed import failures, packs, words
from psi.distributed.distinct import FINE, DistinctKeys, Normalise
from psi.distributed.functions import BucketTask, Facts, InTurn, Seal
from psi.distributed.received import Opening
from psi.normalize import KeySpec
from psi.offline.chunks import ChunkEntry, ColumnForm, check_entries
from psi.offline.manifest import Listed
from psiselect.base.errors import ResourceError

Frame = Any
Session = Any
# Uniform bytes gain nothing from the first two. An engine has a group of rows in memory, so groups are short; and it
# writes a hundred rows before it looks how long they are, unless told otherwise.
_PLAIN = {
    "compression": "uncompressed",
    "parquet.enable.dictionary": "false",
    "parquet.block.size": str(16 << 20),
    "parquet.page.size.row.check.min": "4",
    "parquet.page.size.row.check.max": "64",
}


def gathered(session: Session, source: Frame, key: KeySpec, nulls: Sequence[str], place: str) -> Frame:
    """The distinct keys of a table with their numbers of rows, and how many rows have none, written to `place` and read
    from there: the source is read once, so that it may change afterwards. Rows as `psi.distributed.distinct` says."""
    columns = list(dict.fromkeys(key.columns))
    made = source.select(*columns).mapInArrow(task := Normalise(str(key), tuple(nulls)), task.schema)
    parts = stored(session, made, f"{place}-parts")
    (row,) = parts.where("bucket >= 0").groupBy().sum("many").collect()
    buckets = min(packs.buckets_for(int(row[0] or 0)), FINE)
    bucket = f"case when bucket < 0 then bucket else cast(bucket * {buckets} / {FINE} as int) end as bucket"
    others = ("key", "rows", "distinct", "many", "reason")
    return stored(session, by_bucket(parts.selectExpr(bucket, *others), DistinctKeys()), place)


def stored(session: Session, frame: Frame, place: str) -> Frame:
    """The frame, computed once: written and read again."""
    frame.write.mode("error").options(**_PLAIN).parquet(place)
    return session.read.schema(frame.schema).parquet(place)  # an engine that must find the schema reads files for it


def write_column(session: Session, packed: Frame, form: ColumnForm, total: int, place: str, secrets: str) -> Listed:
    """Seal the stored packs of each bucket, `bucket` and `value`, and list what is found when they are read again.
    total: how many values. Raises RemoteError unless these are so many, and distinct where they must be."""
    chunked = stored(session, by_bucket(packed.select("bucket", "value"), Seal(secrets, form)), place)
    listed = Listed(form, entries(chunked, form, secrets))
    check_entries(form, listed.entries, total)
    return listed


def by_bucket(frame: Frame, task: BucketTask) -> Frame:
    """What a task makes of each bucket, a column `bucket` of the frame."""

    def work(bucket: pa.Table) -> pa.Table:  # engines count the arguments of a plain function
        return task(bucket)

    groups = frame.groupBy("bucket")
    if hasattr(groups, "applyInArrow"):
        return groups.applyInArrow(work, task.schema)
    # Spark 3.5 has no such function, and keeps the order of a partition, as Sail does not.
    each = InTurn(task)
    return frame.repartition("bucket").sortWithinPartitions("bucket").mapInArrow(each, each.schema)


def in_arrow(frame: Frame) -> pa.Table:
    """Few rows, as a table of Arrow."""
    if hasattr(frame, "toArrow"):
        return frame.toArrow()
    schema = importlib.import_module("pyspark.sql.pandas.types").to_arrow_schema(frame.schema)  # Spark 3.5
    return pa.Table.from_pylist([row.asDict() for row in frame.collect()], schema=schema)


def entries(sealed: Frame, form: ColumnForm, secrets: str) -> list[ChunkEntry]:
    """The chunks of a column, in order. Raises RemoteError for one that does not open, or is there twice."""
    found = sealed.select("sealed").mapInArrow(task := Facts(secrets, form), task.schema).collect()
    for row in found:
        if row["fault"] is not None:
            raise words.of_a_task(row["fault"])
    listed = [ChunkEntry.decode(bytes(row["value"]), form.width) for row in found]
    return sorted(listed, key=lambda entry: (entry.first, entry.last))


def require_uniform(listed: Listed) -> None:
    """Before a peer's column is opened. Raises RemoteError when one task would get far more of it than the others:
    values of a peer that follows the protocol are uniform."""
    buckets, held = packs.buckets_for(sum(entry.count for entry in listed.entries)), Counter[int]()
    for entry in listed.entries:
        first = packs.bucket_of(entry.first, buckets)
        if first == packs.bucket_of(entry.last, buckets):
            held[first] += entry.count
    if max(held.values(), default=0) > packs.most_of_a_peer():
        raise words.not_uniform(listed.form.name)


def opened(session: Session, place: str, listed: Listed, secrets: str, task: Callable[[Opening], Any]) -> Frame:
    """A peer's column in a directory, opened by a task of `psi.distributed.received`; nothing is read as yet."""
    made = task(Opening(secrets, listed.form, frozenset(entry.encode() for entry in listed.entries)))
    if not listed.entries:
        return session.createDataFrame([], made.schema)
    where = f"{place}/{listed.form.name}"
    with _readable(where):  # Sail looks into files before it reads them
        return session.read.schema("sealed binary").parquet(where).select("sealed").mapInArrow(made, made.schema)


def checked(session: Session, frame: Frame, place: str, columns: Sequence[Listed], work: str) -> Frame:
    """What was made of opened columns, stored at `work`. Raises RemoteError for a fault in it, and unless it was made
    of the chunks that are listed, each one once; InputError when the engine cannot read the directory `place`."""
    with _readable(place):
        found = stored(session, frame, work)
    said = found.where("entry is not null or fault is not null").select("entry", "fault").collect()
    faults = sorted((row["fault"] for row in said if row["fault"] is not None), key=str(words.other_replies()).__eq__)
    entries = sorted(bytes(row["entry"]) for row in said if row["entry"] is not None)
    if faults and faults[0] != str(words.other_replies()):  # else replies may be missing because chunks are
        raise words.of_a_task(faults[0])
    for listed in columns:
        form = listed.form
        known = sorted(entry.encode() for entry in listed.entries)
        if [entry for entry in entries if len(entry) == form.entry_bytes] != known:
            raise words.other_chunks(form.name)
    if faults:
        raise words.other_replies()
    return found.where("entry is null").drop("entry", "fault")


@contextlib.contextmanager
def _readable(place: str) -> Iterator[None]:
    try:
        with failures.typed():
            yield
    except ResourceError as error:
        raise words.unreadable_column(place, error) from None


def sums(frame: Frame) -> list[int]:
    """Four sums modulo 2^64 of what tasks gave as `sums`."""
    found = [np.frombuffer(bytes(row["sums"]), np.uint64) for row in frame.collect()]
    return [sum(int(each[place]) for each in found) % (1 << 64) for place in range(4)]
