"""What a task does with Arrow batches. An instance holds public values and paths only, and can be pickled.

A peer's fault comes back as a row with `fault` set: an engine would try a task again that raises.
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from psi.agreement.modes import Reveal
from psi.distributed import secret_files, words
from psi.group import masking
from psi.group.curve25519.backend import Backend, load_backend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psi.inputs import items
from psi.inputs.tokens import with_prefix
from psi.normalize import parse_key
from psi.offline import chunks
from psi.offline.chunks import PREFIX_BYTES, ColumnForm
from psi.store import rows
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError
from psiselect.base.packed import U8, Packed

THE_TABLE = "the table"  # what a task calls it in errors
Batches = Iterator[pa.RecordBatch]
_LOCK = threading.Lock()


@functools.cache
def _loaded(process: int) -> Backend:
    return load_backend("auto", 1, lambda reason: None)


def backend() -> Backend:
    """One for each worker process: a scheduler gives a task one core."""
    with _LOCK:  # Sail calls from several threads of one process
        return _loaded(os.getpid())


@dataclass(frozen=True)
class Normalise:
    """Key columns -> `key` (null where there is none) and `reason` (null unless unreadable)."""

    schema = "key binary, reason string"
    spec: str
    nulls: tuple[str, ...] = ()

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        spec = parse_key(self.spec)
        for batch in batches:
            _, read = items.keys_of(batch, spec, self.nulls, THE_TABLE)
            reasons = np.full(batch.num_rows, None, object)
            for reason, places in read.unreadable.items():
                reasons[places] = str(reason)
            yield _batch(key=read.values.cast(pa.binary()), reason=pa.array(reasons, pa.string()))


@dataclass(frozen=True)
class WithKeys:
    """All columns of a row -> the same and a canonical key for each spec, null where there is none."""

    specs: tuple[str, ...]
    names: tuple[str, ...]
    nulls: tuple[str, ...] = ()

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        specs = [parse_key(spec) for spec in self.specs]
        for batch in batches:
            keys = [items.keys_of(batch, spec, self.nulls, THE_TABLE)[1].values.cast(pa.binary()) for spec in specs]
            yield pa.RecordBatch.from_arrays([*batch.columns, *keys], names=[*batch.schema.names, *self.names])


@dataclass(frozen=True)
class HashAndMask:
    """`key` -> `key`, `name` (the element's first 16 bytes) and `element`."""

    schema = "key binary, name binary, element binary"
    secrets: str
    prefix: bytes

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        scalar = Scalar(secret_files.read(self.secrets)["mask"])
        for batch in batches:
            tokens = with_prefix(self.prefix, Packed.from_arrow(batch.column(0)))
            element = backend().hash_and_mask(tokens, scalar, DST)
            yield _batch(key=batch.column(0), name=binary(element[:, :PREFIX_BYTES]), element=binary(element))


@dataclass(frozen=True)
class TagOwn:
    """`key` -> `value`: the answerer's tag of it."""

    schema = "value binary"
    secrets: str
    prefix: bytes
    binding: bytes
    width: int
    hides: bool

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        scalar = Scalar(secret_files.read(self.secrets)["mask"])
        for batch in batches:
            tokens = with_prefix(self.prefix, Packed.from_arrow(batch.column(0)))
            element = backend().hash_and_mask(tokens, scalar, DST)
            found = masking.tags(backend(), self.binding, element, None if self.hides else tokens, self.width)
            yield _batch(value=binary(found))


@dataclass(frozen=True)
class Reply:
    """A peer's elements, `value` -> `value`: replies as they are written; or `fault`."""

    schema = "value binary, fault string"
    secrets: str
    reveal: Reveal

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        scalar = Scalar(secret_files.read(self.secrets)["mask"])
        for batch in batches:
            elements = table(batch.column(0), 32)
            try:
                made = masking.mask_checked(backend(), elements, scalar)
            except RemoteError as error:
                yield _fault(error)
                continue
            if not self.reveal.hides_membership:
                made = np.concatenate([elements[:, :PREFIX_BYTES], made], axis=1)
            yield _batch(value=binary(made), fault=pa.nulls(len(made), pa.string()))


@dataclass(frozen=True)
class Split:
    """Replies with names, `value` -> `name`, `reply`."""

    schema = "name binary, reply binary"

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found = table(batch.column(0), PREFIX_BYTES + 32)
            yield _batch(name=binary(found[:, :PREFIX_BYTES]), reply=binary(found[:, PREFIX_BYTES:]))


@dataclass(frozen=True)
class UnmaskAndTag:
    """`reply` and `key` (null where membership is hidden) -> `product`, `tag`, `key`; or `fault`."""

    schema = "product binary, tag binary, key binary, fault string"
    secrets: str
    prefix: bytes
    binding: bytes
    width: int
    hides: bool

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        scalar = Scalar(secret_files.read(self.secrets)["unmask"])
        for batch in batches:
            keys = batch.column(1)
            try:
                product = masking.mask_checked(backend(), table(batch.column(0), 32), scalar)
            except RemoteError as error:
                nothing = pa.array([None], pa.binary())
                yield _batch(product=nothing, tag=nothing, key=nothing, fault=pa.array([str(error)], pa.string()))
                continue
            tokens = None if self.hides else with_prefix(self.prefix, Packed.from_arrow(keys))
            tags = masking.tags(backend(), self.binding, product, tokens, self.width)
            fault = pa.nulls(len(product), pa.string())
            yield _batch(product=binary(product), tag=binary(tags), key=keys.cast(pa.binary()), fault=fault)


@dataclass(frozen=True)
class Bucket:
    """`value` -> `value`, `bucket`: equal ranges of the first two bytes. Values are uniform, so buckets are alike."""

    schema = "value binary, bucket int"
    width: int
    buckets: int

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            lead = table(batch.column(0), self.width)[:, :2].astype(np.int64)
            bucket = ((lead[:, 0] << 8 | lead[:, 1]) * self.buckets >> 16).astype(np.int32)
            yield _batch(value=batch.column(0), bucket=pa.array(bucket))


@dataclass(frozen=True)
class Seal:
    """A bucket's `value` -> `sealed`: sorted here, since Sail keeps no order between a sort and a function."""

    schema = "sealed binary"
    secrets: str
    form: ColumnForm

    def __call__(self, bucket: pa.Table) -> pa.Table:
        key = secret_files.read(self.secrets)["key"]
        found = np.concatenate([table(some, self.form.width) for some in bucket.column("value").chunks])
        ordered = np.take(found, rows.order(found), axis=0)
        sealed = [chunks.seal(key, self.form, values, SystemEntropy()) for values in chunks.cut([ordered])]
        return pa.table({"sealed": pa.array(sealed, pa.binary())})


@dataclass(frozen=True)
class SealInTurn:
    """The same for an engine without functions of groups: rows of `value`, `bucket`, each bucket in one piece."""

    schema = "sealed binary"
    seal: Seal

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        for bucket in _pieces(batches):
            yield from self.seal(pa.table({"value": bucket})).to_batches()


@dataclass(frozen=True)
class Facts:
    """`sealed` -> `value`: what a manifest lists of each chunk; or `fault`."""

    schema = "value binary, fault string"
    secrets: str
    form: ColumnForm

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        key = secret_files.read(self.secrets)["key"]
        seen: set[bytes] = set()
        for sealed in _cells(batches):
            try:
                entry = chunks.unseal(key, self.form, sealed)[0].encode()
                if entry in seen:
                    raise words.chunk_twice(self.form.name)
            except RemoteError as error:
                yield _fault(error)
                break  # a carrier can put in any number of rows, and the driver collects these
            seen.add(entry)
            yield _batch(value=pa.array([entry], pa.binary()), fault=pa.nulls(1, pa.string()))
        _drain(batches)


@dataclass(frozen=True)
class Unseal:
    """`sealed` -> `value`: the values of chunks that are listed, checked on the bytes that are used; or `fault`."""

    schema = "value binary, fault string"
    secrets: str
    form: ColumnForm
    listed: frozenset[bytes]

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        key = secret_files.read(self.secrets)["key"]
        for sealed in _cells(batches):
            try:
                values = self._open(key, sealed)
            except RemoteError as error:
                yield _fault(error)
                break
            yield _batch(value=binary(values), fault=pa.nulls(len(values), pa.string()))
        _drain(batches)

    def _open(self, key: bytes, sealed: bytes) -> U8:
        entry, values = chunks.unseal(key, self.form, sealed)
        if entry.encode() not in self.listed:
            raise words.unlisted_chunk(self.form.name)
        return values


def binary(values: U8) -> pa.Array:
    """Rows of one width as Arrow binary."""
    flat = np.ascontiguousarray(values)
    offsets = np.arange(0, flat.size + 1, flat.shape[1], dtype=np.int32)
    return pa.Array.from_buffers(pa.binary(), len(flat), [None, pa.py_buffer(offsets), pa.py_buffer(flat)])


def table(values: pa.Array, width: int) -> U8:
    """The reverse of `binary`."""
    packed = Packed.from_arrow(values)
    return packed.data[packed.offsets[0] : packed.offsets[-1]].reshape(-1, width)


def _fault(error: RemoteError) -> pa.RecordBatch:
    return _batch(value=pa.nulls(1, pa.binary()), fault=pa.array([str(error)], pa.string()))


def _pieces(batches: Batches) -> Iterator[pa.ChunkedArray]:
    """The values of one bucket after the other."""
    held: list[pa.Array] = []
    last = None
    for batch in batches:
        buckets = batch.column(1).to_numpy()
        starts = [0, *(np.flatnonzero(np.diff(buckets)) + 1), len(buckets)]
        for start, end in itertools.pairwise(starts):
            if start < end and held and buckets[start] != last:
                yield pa.chunked_array(held)
                held = []
            if start < end:
                last = buckets[start]
                held.append(batch.column(0)[start:end])
    if held:
        yield pa.chunked_array(held)


def _cells(batches: Batches) -> Iterator[bytes]:
    return (cell.as_py() or b"" for batch in batches for cell in batch.column(0))


def _drain(batches: Batches) -> None:
    """Take what is left: an engine does not expect a task that stops reading."""
    for _ in batches:
        pass


def _batch(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
