"""Directories of Parquet files on this machine's disk: chunks in, chunks out (docs/offline-protocol.md, "Directories").

    DIR/elements-1/part-00000.parquet   rows of one binary column, `sealed`: a chunk each
    DIR/manifest.parquet                one row of one binary column, `manifest`; written last

Spark writes folders where a single machine writes files; both are read. Names that begin with a dot or an underscore
are passed over, as Spark does.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from psi.offline import chunks, words
from psi.offline.chunks import ChunkEntry, ColumnForm
from psi.offline.manifest import MOST_BYTES, Listed
from psiselect.base import atomic, durable
from psiselect.base.entropy import Entropy
from psiselect.base.errors import InputError, RemoteError
from psiselect.base.packed import U8

MANIFEST = "manifest.parquet"
SEALED = pa.schema([pa.field("sealed", pa.binary())])
_MANIFEST_SCHEMA = pa.schema([pa.field("manifest", pa.binary())])
_PART_BYTES = 48 << 20
_MOST_PASSED_OVER = 256  # rows, for each row of a column, so that nobody can make this machine read without end


def require_new(folder: Path) -> None:
    """Raises UsageError when the directory is there already, OutputError when it cannot be made."""
    if folder.exists():
        raise words.directory_exists(folder)
    if not folder.absolute().parent.is_dir():
        raise words.no_folder(folder)


class DirectoryWriter:
    """Writes the columns of one directory, then its manifest. `bytes` counts what was written so far."""

    def __init__(self, folder: Path, key: bytes, entropy: Entropy) -> None:
        """Raises OutputError."""
        self._folder, self._key, self._entropy = folder, key, entropy
        self.bytes = 0
        with atomic.reported(folder):
            folder.mkdir()

    def column(self, form: ColumnForm, blocks: Iterable[U8]) -> Listed:
        """Write ascending values; returns the chunks. Raises OutputError."""
        entries: list[ChunkEntry] = []
        place = self._folder / form.name
        with atomic.reported(place):
            place.mkdir()
            file: pq.ParquetWriter | None = None
            room = 0
            try:
                for values in chunks.cut(blocks):
                    sealed = chunks.seal(self._key, form, values, self._entropy)
                    if file is None or room < len(sealed):
                        if file is not None:
                            file.close()
                        number = sum(1 for _ in place.iterdir())
                        file = _writer(place / f"part-{number:05}.parquet", SEALED)
                        room = _PART_BYTES
                    file.write_table(pa.table([pa.array([sealed], pa.binary())], schema=SEALED))
                    room -= len(sealed)
                    self.bytes += len(sealed)
                    entries.append(ChunkEntry.of(values))
            finally:
                if file is not None:
                    file.close()
            for part in place.iterdir():
                with part.open("rb") as written:
                    durable.sync_file(written)
            durable.sync_folder(place)
            durable.sync_folder(self._folder)
        return Listed(form, entries)

    def manifest(self, content: bytes) -> None:
        """Write the manifest: the directory is whole now. Raises OutputError."""
        write_manifest(self._folder, content)
        self.bytes += len(content)


def write_manifest(folder: Path, content: bytes) -> None:
    """Write the manifest of a directory whose parts are on disk. Raises OutputError."""
    with atomic.replacing(folder / MANIFEST) as part, _writer(part, _MANIFEST_SCHEMA) as file:
        file.write_table(pa.table([pa.array([content], pa.binary())], schema=_MANIFEST_SCHEMA))


def check_parts(place: Path) -> None:
    """Look at the footers of a column's files, for those who read them with an engine. Raises InputError for what
    `read_column` refuses."""
    for path in _parts(place, missing=words.unfinished(place.parent)):
        with _readable(path), pq.ParquetFile(path) as file:
            _check_form(path, file, "sealed")


def read_manifest(folder: Path) -> bytes:
    """The manifest of a directory, nothing of it checked. Raises InputError."""
    found = [
        row for path in _parts(folder / MANIFEST, missing=words.unfinished(folder)) for row in _rows(path, "manifest")
    ]
    if len(found) != 1 or len(found[0]) > MOST_BYTES:
        raise words.rows_of_manifest(folder / MANIFEST, len(found))
    return found[0]


def read_column(folder: Path, key: bytes, listed: Listed) -> Iterator[U8]:
    """The values of a column in ascending order, chunk by chunk. Its files are read twice: first to see that the chunks
    of the manifest are there, each one once. Raises InputError, RemoteError."""
    form = listed.form
    numbers = {entry.digest: number for number, entry in enumerate(listed.entries)}
    left = set(range(len(listed.entries)))
    runs: list[_Run] = []
    for path in _parts(folder / form.name, missing=words.unfinished(folder)) if numbers else ():
        for row, sealed in enumerate(_rows(path, "sealed")):
            number = _known(form, key, sealed, listed, numbers)[0]
            if number not in left:
                raise _other(form)
            left.remove(number)
            last = runs[-1] if row else None
            if last is not None and last.first + last.many == number:
                runs[-1] = last._replace(many=last.many + 1)
            else:
                runs.append(_Run(number, 1, path, row))
    if left:
        raise words.chunks_missing(len(left), form.name)
    if sum(run.row for run in runs) > _MOST_PASSED_OVER * len(numbers):
        raise _other(form)
    for run in sorted(runs):
        came = 0
        for sealed in itertools.islice(_rows(run.path, "sealed", run.row), run.many):
            number, values = _known(form, key, sealed, listed, numbers)
            if number != run.first + came:
                raise words.changed(run.path)
            came += 1
            yield values
        if came != run.many:
            raise words.changed(run.path)


class _Run(NamedTuple):
    """Chunks that follow each other in the column, and in a file: number of the first, how many, and where they begin.
    An engine's file has several runs, one for each bucket that a task had."""

    first: int
    many: int
    path: Path
    row: int


def _known(form: ColumnForm, key: bytes, sealed: bytes, listed: Listed, numbers: dict[bytes, int]) -> tuple[int, U8]:
    entry, values = chunks.unseal(key, form, sealed)
    number = numbers.get(entry.digest)
    if number is None or listed.entries[number] != entry:
        raise _other(form)
    return number, values


def _other(form: ColumnForm) -> RemoteError:
    return words.other_chunks(form.name)


def _parts(place: Path, missing: InputError) -> list[Path]:
    try:
        if place.is_file():
            return [place]
        return sorted(path for path in place.iterdir() if not path.name.startswith(("_", ".")))
    except OSError:
        raise missing from None


def _rows(path: Path, column: str, start: int = 0) -> Iterator[bytes]:
    """The rows of a file with one binary column, from row `start`. Raises InputError for any other file."""
    with _readable(path), pq.ParquetFile(path) as file:
        _check_form(path, file, column)
        groups = list(range(file.metadata.num_row_groups))
        while groups and (many := file.metadata.row_group(groups[0]).num_rows) <= start:
            start -= many
            del groups[0]
        # A row at a time: repeated rows, which a few bytes can stand for, are then refused at the second one.
        for batch in file.iter_batches(batch_size=1, row_groups=groups, use_threads=False):
            if start:
                start -= len(batch)
                continue
            for value in batch.column(0):
                if not value.is_valid:
                    raise words.empty_row(path)
                yield value.as_py()


def _check_form(path: Path, file: pq.ParquetFile, column: str) -> None:
    schema = file.schema_arrow
    if schema.names != [column] or schema.field(0).type not in (pa.binary(), pa.large_binary()):
        raise words.not_a_part(path, column)
    for group in range(file.metadata.num_row_groups):
        if file.metadata.row_group(group).column(0).compression != "UNCOMPRESSED":
            raise words.compressed(path)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:
        raise words.not_parquet(path) from error


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="none", use_dictionary=False, write_statistics=False)
