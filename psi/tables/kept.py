"""Record batches in a nameless file."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa

from psiselect.base.words import unusable_folder


class KeptRows:
    """Batches of one schema, appended once and read as often as wanted, in the same order.

    The file has no name: it goes with this object, and with the process however that ends. Only one batch is in memory
    at a time. Raises InputError when the folder cannot be used or is full.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self.schema = schema
        self._folder = folder
        self._sizes: list[int] = []
        with self._reported():
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - lives as long as this

    @property
    def disk_bytes(self) -> int:
        """What the file holds."""
        return sum(self._sizes)

    def append(self, batch: pa.RecordBatch) -> None:
        """Write one batch at the end."""
        block = memoryview(batch.serialize())
        self._sizes.append(len(block))
        with self._reported():
            while block:
                block = block[self._file.write(block) :]

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        at = 0
        for size in self._sizes:
            with self._reported():
                self._file.seek(at)
                block = self._file.read(size)
            at += size
            yield pa.ipc.read_record_batch(pa.py_buffer(block), self.schema)

    def close(self) -> None:
        """Forget the rows. Safe to call twice."""
        self._file.close()

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unusable_folder(self._folder, error.strerror) from None
