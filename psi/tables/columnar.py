"""Parquet and Arrow IPC (Feather) files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from psi.tables import words
from psi.tables.files import TableFile
from psi.tables.source import BATCH_ROWS, FileSource, distinct_names, without_views
from psiselect.base import later

if TYPE_CHECKING:
    import pyarrow.parquet as pq
else:
    pq = later.Module("pyarrow.parquet")


class ParquetSource(FileSource):
    """A Parquet file, with whatever types its columns have."""

    def __init__(self, file: TableFile) -> None:
        super().__init__(file)
        with _reading(file, "Parquet"), pq.ParquetFile(file.path) as opened:
            self.schema = without_views(opened.schema_arrow)
        distinct_names(self.schema.names, self.name)

    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        # Without pre-buffering a row group is read page by page, so that memory does not grow with it.
        with _reading(self.file, "Parquet"), pq.ParquetFile(self.file.path, pre_buffer=False) as opened:
            yield from opened.iter_batches(BATCH_ROWS, columns=columns)


class ArrowSource(FileSource):
    """An Arrow IPC file, also known as Feather version 2."""

    def __init__(self, file: TableFile) -> None:
        super().__init__(file)
        with _reading(file, "Arrow"), pa.memory_map(str(file.path)) as mapped:
            self.schema = without_views(pa.ipc.open_file(mapped).schema)
        distinct_names(self.schema.names, self.name)

    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        with _reading(self.file, "Arrow"), pa.memory_map(str(self.file.path)) as mapped:
            opened = pa.ipc.open_file(mapped)
            for index in range(opened.num_record_batches):
                batch = opened.get_batch(index)
                for start in range(0, len(batch), BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)


@contextmanager
def _reading(file: TableFile, kind: str) -> Iterator[None]:
    """Turn what the library raises on a malformed file into InputError; its text may quote data, so it is dropped."""
    try:
        yield
    except (pa.ArrowException, OSError, EOFError):
        raise words.not_whole(file.name, kind) from None
