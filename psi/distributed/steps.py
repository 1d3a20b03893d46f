"""Steps on DataFrames, by the API that also runs over Spark Connect. `session` and frames are the engine's own."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from psi.distributed import failures, words
from psi.distributed.functions import Bucket, Facts, Normalise, Seal, SealInTurn, Unseal
from psi.normalize import KeySpec
from psi.offline.chunks import CHUNK_VALUES, ChunkEntry, ColumnForm, check_entries
from psi.offline.manifest import Listed
from psiselect.base.errors import ResourceError

Frame = Any
Session = Any
_BUCKET_VALUES = 16 * CHUNK_VALUES  # 16 to 24 MiB, which a task holds


def gathered(session: Session, source: Frame, key: KeySpec, nulls: Sequence[str], place: str) -> Frame:
    """Each distinct key with its number of rows, and the rows without a key by reason, written to `place` and read from
    there: the source is read once, so that it may change afterwards. Columns `key`, `reason`, `rows`."""
    columns = list(dict.fromkeys(key.columns))
    made = source.select(*columns).mapInArrow(task := Normalise(str(key), tuple(nulls)), task.schema)
    return stored(session, made.groupBy("key", "reason").count().withColumnRenamed("count", "rows"), place)


def stored(session: Session, frame: Frame, place: str) -> Frame:
    """The frame, computed once: written and read again."""
    plain = {"compression": "uncompressed"}
    frame.write.mode("error").options(**plain).parquet(place)
    return session.read.parquet(place)


def write_column(session: Session, values: Frame, form: ColumnForm, total: int, place: str, secrets: str) -> Listed:
    """Cut stored values into buckets, seal each, and list what is found when they are read again. total: how many.
    Raises RemoteError unless these are so many, and distinct where they must be."""
    cut = Bucket(form.width, max(1, total // _BUCKET_VALUES))
    bucketed = values.select("value").mapInArrow(cut, cut.schema)
    chunked = stored(session, _sealed(bucketed, Seal(secrets, form)), place)
    listed = Listed(form, entries(chunked, form, secrets))
    check_entries(form, listed.entries, total)
    return listed


def _sealed(bucketed: Frame, task: Seal) -> Frame:
    """One bucket after the other, sealed."""

    def seal(bucket: pa.Table) -> pa.Table:  # engines count the arguments of a plain function
        return task(bucket)

    groups = bucketed.groupBy("bucket")
    if hasattr(groups, "applyInArrow"):
        return groups.applyInArrow(seal, task.schema)
    # Spark 3.5 has no such function, and keeps the order of a partition, as Sail does not.
    each = SealInTurn(task)
    return bucketed.repartition("bucket").sortWithinPartitions("bucket").mapInArrow(each, each.schema)


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


def read_column(session: Session, place: str, listed: Listed, secrets: str) -> Frame:
    """The values of a peer's column: `value`, `fault`. Raises RemoteError unless its chunks are those listed, each one
    once, InputError when the engine cannot read its files."""
    if not listed.entries:
        return session.createDataFrame([], "value binary, fault string")
    try:
        with failures.typed():
            sealed = session.read.schema("sealed binary").parquet(place)
            found = entries(sealed, listed.form, secrets)
    except ResourceError as error:
        raise words.unreadable_column(place, error) from None
    if found != list(listed.entries):
        raise words.other_chunks(listed.form.name)
    known = frozenset(entry.encode() for entry in listed.entries)
    return sealed.select("sealed").mapInArrow(task := Unseal(secrets, listed.form, known), task.schema)


def without_faults(frame: Frame) -> Frame:
    """A stored frame without its column `fault`. Raises RemoteError for the first fault in it, once."""
    for row in frame.where("fault is not null").select("fault").limit(1).collect():
        raise words.of_a_task(row["fault"])
    return frame.drop("fault")
