"""Folders of Parquet files, as Spark and others write them: one table in parts, perhaps by partitions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath
from urllib.parse import unquote

import pyarrow as pa

from psi.tables import words
from psi.tables.columnar import ParquetSource
from psi.tables.files import TableFile
from psi.tables.reading import CONTENT_BYTES, Kind, kind_by_content
from psi.tables.source import FileSource, distinct_names

# What a partition is called in which a column is null.
_NULL = "__HIVE_DEFAULT_PARTITION__"
_IGNORED = ("_", ".")  # how names of files begin that are no parts: _SUCCESS, .part-0.crc


class TableFolder(TableFile):
    """The files of a folder, in the order of their names, with the partitions that they belong to.

    partitions: the columns, in order, whose values the folders' names say, as in country=PL. Raises InputError where a
    file is no Parquet, or partitions differ.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        self._found = self._look()
        self._take([(Path(part).relative_to(path), TableFile(Path(part), held=False)) for part in self._found])

    def _take(self, found: Sequence[tuple[PurePath, TableFile]]) -> None:
        """Make a table of files, in order, each with its path inside the folder. Raises InputError."""
        if not found:
            raise words.no_parts(self.name)
        self.parts = [(file, _partition(inside.parent)) for inside, file in found]
        self.partitions = tuple(self.parts[0][1])
        for file, place in self.parts:
            if tuple(place) != self.partitions:
                first = self.parts[0][0].name
                raise words.other_partitions(file.name, first)
        for file, _ in self.parts:
            if kind_by_content(file.head(CONTENT_BYTES)) is not Kind.PARQUET:
                raise words.not_parquet(file.name)

    def check_unchanged(self) -> None:
        """Raise InputError when a part was replaced, written to, added or removed."""
        if self._look() != self._found:
            raise words.folder_changed(self.name)
        for file, _ in self.parts:
            file.check_unchanged()

    def _look(self) -> list[str]:
        found: list[str] = []

        def failed(error: OSError) -> None:
            raise words.unreadable(error.filename, error.strerror)

        for folder, inside, files in os.walk(self.path, onerror=failed):
            inside[:] = [name for name in inside if not name.startswith(_IGNORED)]
            found += (os.path.join(folder, name) for name in files if not name.startswith(_IGNORED))
        return sorted(found)


class FolderSource(FileSource):
    """A folder of Parquet files as one table: the columns of its files, then those of its partitions, as text.

    All files must have the same columns. Where their types differ, the one that holds both is taken, if there is any.
    """

    def __init__(self, folder: TableFolder, open_part: Callable[[TableFile], ParquetSource] = ParquetSource) -> None:
        super().__init__(folder)
        self._parts = [(open_part(file), place) for file, place in folder.parts]
        first = self._parts[0][0]
        for part, _ in self._parts:
            if sorted(part.schema.names) != sorted(first.schema.names):
                raise words.other_columns(part.name, first.name)
        partitions = [pa.field(name, pa.string()) for name in folder.partitions]
        distinct_names([*first.schema.names, *folder.partitions], self.name)
        try:
            schemas = [part.schema.remove_metadata() for part, _ in self._parts]
            common = pa.unify_schemas(schemas, promote_options="permissive")
        except pa.ArrowException:
            raise words.types_apart(self.name) from None
        self.schema = pa.schema([*common, *partitions])

    def _read(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        shape = pa.schema([self.schema.field(name) for name in columns])
        for part, place in self._parts:
            inside = [name for name in columns if name not in place]
            for batch in part.batches(inside):
                arrays = [
                    pa.repeat(pa.scalar(place[name], pa.string()), len(batch))
                    if name in place
                    else batch.column(name).cast(self.schema.field(name).type)
                    for name in columns
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=shape)


def is_part(inside: PurePath) -> bool:
    """Whether a file of a folder is a part of its table, by its path inside."""
    return not any(name.startswith(_IGNORED) for name in inside.parts)


def _partition(folder: PurePath) -> dict[str, str | None]:
    """What the names of a part's folders say: columns and their values. Other folders say nothing."""
    found = (name.partition("=") for name in folder.parts)
    return {unquote(key): None if text == _NULL else unquote(text) for key, equals, text in found if equals and key}
