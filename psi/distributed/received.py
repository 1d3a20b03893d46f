"""What a task does with a peer's column. An instance holds public values and paths only, and can be pickled.

A peer's fault comes back as a row with `fault` set: an engine would try a task again that raises. Each chunk that was
used comes back as a row with `entry` set: whoever stores a task's rows once can check what they were made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from psi.agreement.modes import Reveal
from psi.distributed import packs, secret_files, words
from psi.distributed.functions import Batches, backend, by_bucket, cells, drain, in_packs, with_keys
from psi.group import masking
from psi.group.curve25519.scalar import Scalar
from psi.inputs.tokens import with_prefix
from psi.offline import chunks
from psi.offline.chunks import PREFIX_BYTES, ColumnForm
from psi.store import rows
from psiselect.base.errors import RemoteError
from psiselect.base.packed import U8

_ELEMENT_BYTES = 32
_NAMED_BYTES = PREFIX_BYTES + _ELEMENT_BYTES
_AT_ONCE = 1 << 16  # elements, which a task masks
_NO_BUCKET = pa.array([-1], pa.int32())  # of rows that say something of a chunk, and have no pack


@dataclass(frozen=True)
class Opening:
    """How the chunks of a column open. listed: the encoded entries of its manifest. secrets: where its key is."""

    secrets: str
    form: ColumnForm
    listed: frozenset[bytes]

    def each(
        self, batches: Batches, schema: str, work: Callable[[U8], Iterable[pa.RecordBatch]]
    ) -> Iterator[pa.RecordBatch]:
        """What `work` makes of the values of each chunk, and a row for the chunk, after checks on the bytes that are
        used; a row with `fault` ends it. schema: of all rows."""
        key, seen, empty = secret_files.read(self.secrets)["key"], set(), _empty(schema)
        for sealed in cells(batches):
            try:
                facts, values = chunks.unseal(key, self.form, sealed)
                entry = facts.encode()
                if entry not in self.listed:
                    raise words.unlisted_chunk(self.form.name)
                if entry in seen:  # a carrier can put in any number of rows, and the driver collects these
                    raise words.chunk_twice(self.form.name)
                made = list(work(values))
            except RemoteError as error:
                yield _filled(empty, bucket=_NO_BUCKET, fault=pa.array([str(error)], pa.string()))
                break
            seen.add(entry)
            yield _filled(empty, bucket=_NO_BUCKET, entry=pa.array([entry], pa.binary()))
            for batch in made:
                yield _filled(empty, **dict(zip(batch.schema.names, batch.columns, strict=True)))
        drain(batches)


@dataclass(frozen=True)
class Spread:
    """`sealed` -> packs of the same values, by bucket."""

    schema = "bucket int, value binary, entry binary, fault string"
    opening: Opening
    buckets: int

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        yield from self.opening.each(batches, self.schema, lambda values: by_bucket(values, self.buckets))


@dataclass(frozen=True)
class Reply:
    """`sealed`, a peer's elements -> packs of replies as they are written."""

    schema = "bucket int, value binary, entry binary, fault string"
    opening: Opening
    secrets: str
    reveal: Reveal
    buckets: int

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        scalar = Scalar(secret_files.read(self.secrets)["mask"])

        def reply(elements: U8) -> Iterator[pa.RecordBatch]:
            made = masking.mask_checked(backend(), elements, scalar)
            if not self.reveal.hides_membership:
                made = np.concatenate([elements[:, :PREFIX_BYTES], made], axis=1)
            return by_bucket(made, self.buckets)

        yield from self.opening.each(batches, self.schema, reply)


@dataclass(frozen=True)
class UnmaskAndTagAll:
    """`sealed`, replies that name nothing -> packs of tags, `value`, and of what these are made of, `product`."""

    schema = "bucket int, value binary, product binary, entry binary, fault string"
    opening: Opening
    secrets: str
    binding: bytes
    width: int
    buckets: int
    product_buckets: int

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        scalar = Scalar(secret_files.read(self.secrets)["unmask"])

        def tagged(replies: U8) -> Iterator[pa.RecordBatch]:
            product = masking.mask_checked(backend(), replies, scalar)
            yield from by_bucket(masking.tags(backend(), self.binding, product, None, self.width), self.buckets)
            split = packs.split(product, self.product_buckets)
            yield from in_packs(split, product=lambda where: packs.of_values(product[where]))

        yield from self.opening.each(batches, self.schema, tagged)


@dataclass(frozen=True)
class UnmaskAndTag:
    """A bucket's packs of own `key`, `rows` and `element`, and of a peer's replies with names, `value` -> packs of
    tags, `value`, with `key` and `rows`; a fault unless each own element has one reply. What its rows say of chunks is
    handed on."""

    schema = "bucket int, value binary, key binary, rows binary, entry binary, fault string"
    secrets: str
    prefix: bytes
    binding: bytes
    width: int
    buckets: int

    def __call__(self, bucket: pa.Table) -> pa.Table:
        try:
            made = list(self._tagged(bucket))
        except RemoteError as error:
            made = [{"bucket": _NO_BUCKET, "fault": pa.array([str(error)], pa.string())}]
        empty = _empty(self.schema)
        batches = [_filled(empty, **columns) for columns in (*_said(bucket), *made)]
        return pa.Table.from_batches(batches, schema=empty.schema)

    def _tagged(self, bucket: pa.Table) -> Iterator[dict[str, pa.Array]]:
        elements = packs.values(bucket.column("element"), _ELEMENT_BYTES)
        replies = packs.values(bucket.column("value"), _NAMED_BYTES)
        own, theirs = rows.order(elements[:, :PREFIX_BYTES]), rows.order(replies[:, :PREFIX_BYTES])
        if not np.array_equal(elements[own, :PREFIX_BYTES], replies[theirs, :PREFIX_BYTES]):
            raise words.other_replies()  # as many and named differently within a column: so each one has its own
        keys = packs.keys(bucket.column("key")).take(own)
        times = packs.numbers(bucket.column("rows"))[own]
        scalar = Scalar(secret_files.read(self.secrets)["unmask"])
        masked, tags = replies[theirs, PREFIX_BYTES:], []
        for start in range(0, len(masked), _AT_ONCE):
            product = masking.mask_checked(backend(), masked[start : start + _AT_ONCE], scalar, start)
            tokens = with_prefix(self.prefix, keys.slice(start, start + len(product)))
            tags.append(masking.tags(backend(), self.binding, product, tokens, self.width))
        if not tags:
            return
        tag = np.concatenate(tags)
        for made in with_keys("value", tag, self.buckets, keys, times):
            yield dict(zip(made.schema.names, made.columns, strict=True))


@dataclass(frozen=True)
class Different:
    """A bucket's packs of `product` -> `many`: how many different ones they have."""

    schema = "many bigint"

    def __call__(self, bucket: pa.Table) -> pa.Table:
        found = packs.values(bucket.column("product"), _ELEMENT_BYTES)
        many = found[rows.order(found)]
        different = 1 + int(np.any(many[1:] != many[:-1], axis=1).sum())
        return pa.table({"many": pa.array([different], pa.int64())})


@dataclass(frozen=True)
class Match:
    """A bucket's packs of own tags, `value`, with `key` and `rows` (null where membership is hidden), and of a peer's
    tags, `tag` -> a row for each own tag that the peer has: its `key` and `rows`. What its rows say of chunks is handed
    on."""

    schema = "key binary, rows bigint, entry binary, fault string"
    width: int

    def __call__(self, bucket: pa.Table) -> pa.Table:
        own, theirs = (packs.values(bucket.column(name), self.width) for name in ("value", "tag"))
        hit = np.flatnonzero(pc.is_in(_fixed(own), _fixed(theirs)).to_numpy(zero_copy_only=False))
        keys, times = pa.nulls(len(hit), pa.binary()), pa.nulls(len(hit), pa.int64())
        if bucket.column("key").null_count < len(bucket):
            keys = packs.keys(bucket.column("key")).take(hit).to_arrow().cast(pa.binary())
            times = pa.array(packs.numbers(bucket.column("rows"))[hit])
        empty = _empty(self.schema)
        batches = [_filled(empty, **{name: said[name] for name in ("entry", "fault")}) for said in _said(bucket)]
        batches += [_filled(empty, key=keys, rows=times)] if len(hit) else []
        return pa.Table.from_batches(batches, schema=empty.schema)


def _said(bucket: pa.Table) -> Iterator[dict[str, pa.Array]]:
    """The rows that say something of chunks."""
    said = pc.or_(pc.is_valid(bucket.column("entry")), pc.is_valid(bucket.column("fault")))
    for batch in bucket.select(["bucket", "entry", "fault"]).filter(said).to_batches():
        if len(batch):
            yield dict(zip(batch.schema.names, batch.columns, strict=True))


def _fixed(values: U8) -> pa.Array:
    flat = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.binary(flat.shape[1]), len(flat), [None, pa.py_buffer(flat)])


_TYPES = {"int": pa.int32(), "bigint": pa.int64(), "binary": pa.binary(), "string": pa.string()}


def _empty(schema: str) -> pa.RecordBatch:
    """No row of a schema that is written as engines read it."""
    named = (each.split() for each in schema.split(", "))
    return pa.RecordBatch.from_pylist([], schema=pa.schema([(name, _TYPES[kind]) for name, kind in named]))


def _filled(empty: pa.RecordBatch, **given: pa.Array) -> pa.RecordBatch:
    """Rows with these columns, and null in the others."""
    many = len(next(iter(given.values())))
    columns = [given.get(item.name, pa.nulls(many, item.type)) for item in empty.schema]
    return pa.RecordBatch.from_arrays(columns, schema=empty.schema)
