"""What a task does to find the distinct keys of the own list, as packs.

A row has packs of keys and of how many rows have each of them, `key` and `rows`; their numbers, `distinct` and `many`;
and a bucket of keys, by a digest. Rows without a key are counted: their row has no pack, the `reason` (null if they
are blank), and bucket -1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from psi.distributed import packs
from psi.distributed.functions import SALT_BYTES, THE_TABLE, Batches, backend, larger
from psi.inputs import items
from psi.normalize import parse_key
from psiselect.base.packed import I64, U8, Packed

SCHEMA = "bucket int, key binary, rows binary, distinct bigint, many bigint, reason string"
FINE = 1 << 10  # buckets, before it is known how many rows there are
_NO_BUCKET = -1


@dataclass(frozen=True)
class Normalise:
    """Key columns -> distinct keys of some rows, in `FINE` buckets."""

    schema = SCHEMA
    spec: str
    nulls: tuple[str, ...] = ()

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        spec = parse_key(self.spec)
        for batch in larger(batches):
            _, read = items.keys_of(batch, spec, self.nulls, THE_TABLE)
            without = {str(reason): len(places) for reason, places in read.unreadable.items()} | {
                None: read.blank_count
            }
            found = read.values.drop_null()
            keys, times = _merged(found.cast(pa.binary()), np.ones(len(found), np.int64))
            yield _rows(
                [(_NO_BUCKET, None, None, many, reason) for reason, many in without.items() if many]
                + [
                    (bucket, keys.take(where), times[where], int(times[where].sum()), None)
                    for bucket, where in packs.split(_digests(keys), FINE)
                ]
            )


@dataclass(frozen=True)
class DistinctKeys:
    """A bucket's rows -> rows with each key once, so many to a pack as fit."""

    schema = SCHEMA

    def __call__(self, bucket: pa.Table) -> pa.Table:
        number = bucket.column("bucket")[0].as_py()
        if number == _NO_BUCKET:
            return bucket.select([each.split()[0] for each in SCHEMA.split(", ")])
        keys = packs.keys(bucket.column("key")).to_arrow().cast(pa.binary())
        keys, times = _merged(keys, packs.numbers(bucket.column("rows")))
        cuts = range(0, len(keys), packs.MOST)
        some = ((keys.slice(start, start + packs.MOST), times[start : start + packs.MOST]) for start in cuts)
        return pa.Table.from_batches([_rows([(number, part, of, int(of.sum()), None) for part, of in some])])


@dataclass(frozen=True)
class FrequentKeys:
    """Packs `rows` -> `rows`, those that are at least so many."""

    schema = "rows bigint"
    least: int

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found = packs.numbers(batch.column(0))
            yield pa.record_batch({"rows": pa.array(found[found >= self.least])})


def _merged(keys: pa.Array, times: I64) -> tuple[Packed, I64]:
    """Each key once, with the sum of its numbers."""
    table = pa.table({"key": keys, "times": pa.array(times)})
    found = table.group_by("key", use_threads=False).aggregate([("times", "sum")]).combine_chunks()
    once = found.column("key").combine_chunks()
    return Packed.from_arrow(once), found.column("times_sum").combine_chunks().to_numpy()


def _digests(keys: Packed) -> U8:
    return backend().digest(bytes(SALT_BYTES), np.zeros((len(keys), 32), np.uint8), keys, 2)


def _rows(rows: list[tuple[int, Packed | None, I64 | None, int, str | None]]) -> pa.RecordBatch:
    """Of bucket, keys, their numbers of rows, all these rows together, and the reason."""
    buckets, keys, times, many, reasons = zip(*rows, strict=True) if rows else ((),) * 5
    return pa.record_batch(
        {
            "bucket": pa.array(buckets, pa.int32()),
            "key": pa.array([each if each is None else packs.of_keys(each) for each in keys], pa.binary()),
            "rows": pa.array([each if each is None else packs.of_numbers(each) for each in times], pa.binary()),
            "distinct": pa.array([each if each is None else len(each) for each in keys], pa.int64()),
            "many": pa.array(many, pa.int64()),
            "reason": pa.array(reasons, pa.string()),
        }
    )
