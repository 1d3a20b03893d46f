"""What a task does with the own list, and with columns for the peer.

An instance holds public values and paths only, and can be pickled.

A task gets Arrow batches, or one bucket as a table.
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from psi.distributed import packs, secret_files, words
from psi.group import masking
from psi.group.curve25519.backend import Backend, load_backend
from psi.group.curve25519.scalar import Scalar
from psi.group.curve25519.suite import DST
from psi.inputs import items
from psi.inputs.tokens import with_prefix
from psi.normalize import parse_key
from psi.offline import chunks
from psi.offline.chunks import ColumnForm
from psi.store import rows
from psiselect.base.entropy import SystemEntropy
from psiselect.base.errors import RemoteError
from psiselect.base.packed import I64, U8, Packed

THE_TABLE = "the table"  # what a task calls it in errors
Batches = Iterator[pa.RecordBatch]
Sums = npt.NDArray[np.uint64]
_NO_SUMS: Sums = np.zeros(4, np.uint64)
_ROWS_AT_ONCE = 1 << 18
STATE_SCHEMA = "bucket int, key binary, rows binary, element binary"
SALT_BYTES = 128  # of a digest: one block
_LOCK = threading.Lock()


@functools.cache
def _loaded(process: int) -> Backend:
    return load_backend("auto", 1, lambda reason: None)


class BucketTask(Protocol):
    """What is done with all rows of one bucket."""

    @property
    def schema(self) -> str:
        """Of what it gives."""
        ...

    def __call__(self, bucket: pa.Table) -> pa.Table:
        """bucket: its rows."""
        ...


def backend() -> Backend:
    """One for each worker process: a scheduler gives a task one core."""
    with _LOCK:  # Sail calls from several threads of one process
        return _loaded(os.getpid())


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
class Digest:
    """All columns of a row -> `sums`: what each canonical key adds to four sums, added up; see `digest_of`."""

    schema = "sums binary"
    spec: str
    nulls: tuple[str, ...]
    secrets: str

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        salt, spec, sums = secret_files.read(self.secrets)["digest"], parse_key(self.spec), _NO_SUMS
        for batch in batches:
            _, read = items.keys_of(batch, spec, self.nulls, THE_TABLE)
            found = Packed.from_arrow(read.values.drop_null())
            sums = sums + digest_of(salt, found, np.ones(len(found), np.int64))
        yield _batch(sums=pa.array([sums.tobytes()], pa.binary()))


@dataclass(frozen=True)
class DigestOfState:
    """Packs `key` and `rows` -> `sums`: the same of what was stored. once: as if each key had one row."""

    schema = "sums binary"
    secrets: str
    once: bool

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        salt, sums = secret_files.read(self.secrets)["digest"], _NO_SUMS
        for some in _together(batches):
            keys, times = packs.keys(some.column("key")), packs.numbers(some.column("rows"))
            sums = sums + digest_of(salt, keys, np.ones_like(times) if self.once else times)
        yield _batch(sums=pa.array([sums.tobytes()], pa.binary()))


def digest_of(salt: bytes, keys: Packed, rows: I64) -> Sums:
    """Four sums modulo 2^64 over all rows: of the four words of each key's digest. rows: how many have each key."""
    digests = backend().digest(salt, np.zeros((len(keys), 32), np.uint8), keys, 32)
    found: Sums = (digests.view("<u8").astype(np.uint64) * rows.astype(np.uint64)[:, None]).sum(axis=0, dtype=np.uint64)
    return found


@dataclass(frozen=True)
class HashAndMask:
    """Packs `key` and `rows` -> the same with `element`, by the element's bucket."""

    schema = STATE_SCHEMA
    secrets: str
    prefix: bytes
    buckets: int

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        scalar = Scalar(secret_files.read(self.secrets)["mask"])
        for some in _together(batches):
            keys, rows = packs.keys(some.column("key")), packs.numbers(some.column("rows"))
            element = backend().hash_and_mask(with_prefix(self.prefix, keys), scalar, DST)
            yield from with_keys("element", element, self.buckets, keys, rows)


@dataclass(frozen=True)
class TagOwn:
    """Packs `key` -> packs of `value`, the answerer's tags, by the tag's bucket."""

    schema = "bucket int, value binary"
    secrets: str
    prefix: bytes
    binding: bytes
    width: int
    hides: bool
    buckets: int

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        scalar = Scalar(secret_files.read(self.secrets)["mask"])
        for some in _together(batches):
            tokens = with_prefix(self.prefix, packs.keys(some.column("key")))
            element = backend().hash_and_mask(tokens, scalar, DST)
            found = masking.tags(backend(), self.binding, element, None if self.hides else tokens, self.width)
            yield from by_bucket(found, self.buckets)


@dataclass(frozen=True)
class Seal:
    """A bucket's packs of `value` -> `sealed`: sorted here, since Sail keeps no order between a sort and a function."""

    schema = "sealed binary"
    secrets: str
    form: ColumnForm

    def __call__(self, bucket: pa.Table) -> pa.Table:
        key = secret_files.read(self.secrets)["key"]
        found = packs.values(bucket.column("value"), self.form.width)
        ordered = np.take(found, rows.order(found), axis=0)
        sealed = [chunks.seal(key, self.form, values, SystemEntropy()) for values in chunks.cut([ordered])]
        return pa.table({"sealed": pa.array(sealed, pa.binary())})


@dataclass(frozen=True)
class InTurn:
    """A task on buckets, for an engine without functions of groups: rows come by bucket, each bucket in one piece."""

    task: BucketTask

    @property
    def schema(self) -> str:
        """Of what it gives."""
        return self.task.schema

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        for bucket in _pieces(batches):
            yield from self.task(bucket).to_batches()


@dataclass(frozen=True)
class Facts:
    """`sealed` -> `value`: what a manifest lists of each chunk; or `fault`."""

    schema = "value binary, fault string"
    secrets: str
    form: ColumnForm

    def __call__(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        key = secret_files.read(self.secrets)["key"]
        seen: set[bytes] = set()
        for sealed in cells(batches):
            try:
                entry = chunks.unseal(key, self.form, sealed)[0].encode()
                if entry in seen:
                    raise words.chunk_twice(self.form.name)
            except RemoteError as error:
                yield _batch(value=pa.nulls(1, pa.binary()), fault=pa.array([str(error)], pa.string()))
                break  # somebody can put in any number of rows, and the driver collects these
            seen.add(entry)
            yield _batch(value=pa.array([entry], pa.binary()), fault=pa.nulls(1, pa.string()))
        drain(batches)


def in_packs(split: Iterable[tuple[int, I64]], **packed: Callable[[I64], bytes]) -> Iterator[pa.RecordBatch]:
    """Buckets and their packs. split: as `packs.split` gives it; packed: makes a pack of the values at such places."""
    found = list(split)
    if found:
        columns = {name: pa.array([make(where) for _, where in found], pa.binary()) for name, make in packed.items()}
        yield _batch(bucket=pa.array([bucket for bucket, _ in found], pa.int32()), **columns)


def with_keys(name: str, values: U8, buckets: int, keys: Packed, rows: I64) -> Iterator[pa.RecordBatch]:
    """Values as packs with this name, beside packs of their keys and of the keys' numbers of rows."""
    packed = {name: lambda where: packs.of_values(values[where])}
    return in_packs(
        packs.split(values, buckets),
        key=lambda where: packs.of_keys(keys.take(where)),
        rows=lambda where: packs.of_numbers(rows[where]),
        **packed,
    )


def by_bucket(values: U8, buckets: int) -> Iterator[pa.RecordBatch]:
    """Values as packs of `value`."""
    return in_packs(packs.split(values, buckets), value=lambda where: packs.of_values(values[where]))


def cells(batches: Batches) -> Iterator[bytes]:
    """The first column, one cell after the other."""
    return (cell.as_py() or b"" for batch in batches for cell in batch.column(0))


def drain(batches: Batches) -> None:
    """Take what is left: an engine does not expect a task that stops reading."""
    for _ in batches:
        pass


def _together(batches: Batches) -> Iterator[pa.Table]:
    """Some rows at a time of what may be long batches: as many packs as have `_ROWS_AT_ONCE` keys together."""
    each = _ROWS_AT_ONCE // packs.MOST
    held: list[pa.RecordBatch] = []
    for row in (batch[row : row + 1] for batch in batches for row in range(len(batch))):
        held.append(row)
        if len(held) == each:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def larger(batches: Batches) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of some size, so that a pack has many values."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(len(each) for each in held) >= _ROWS_AT_ONCE:
            yield _one(held)
            held = []
    if any(len(each) for each in held):
        yield _one(held)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    (found,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    return found


def _pieces(batches: Batches) -> Iterator[pa.Table]:
    """The rows of one bucket after the other."""
    held: list[pa.RecordBatch] = []
    last = None
    for batch in batches:
        buckets = batch.column("bucket").to_numpy()
        starts = [0, *(np.flatnonzero(np.diff(buckets)) + 1), len(buckets)]
        for start, end in itertools.pairwise(starts):
            if start < end and held and buckets[start] != last:
                yield pa.Table.from_batches(held)
                held = []
            if start < end:
                last = buckets[start]
                held.append(batch[start:end])
    if held:
        yield pa.Table.from_batches(held)


def _batch(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
