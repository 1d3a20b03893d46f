"""Where an engine reads and writes: folders on this machine's disk, or addresses that only the engine can open.

    EnginePlaces      both kinds, behind one set of functions
    source_of   the list: a path, an address or a table
    write_rows  matched rows

On this machine a folder is made 0700, removed when it is not to be, and synced before its manifest appears. At an
address there are only the engine's own reads and writes: so what is not to be is written over with nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from psi.distributed import failures, steps, words
from psi.offline import directory
from psi.offline.manifest import MOST_BYTES
from psi.tables import ReadingOptions
from psi.tables.opening import TABLE, is_address
from psi.tables.reading import Kind, kind_by_ending
from psiselect.base import atomic, durable
from psiselect.base.errors import InputError
from psiselect.base.splitting import Escape

Frame = Any
Session = Any
_PLAIN = {"compression": "uncompressed"}


@dataclass(frozen=True)
class EnginePlaces:
    """What one session of an engine can open. here: whether the engine works on this machine, so that a path means the
    same to it."""

    session: Session
    here: bool

    def is_local(self, place: str) -> bool:
        """Whether it is a folder that this process can open too."""
        return self.here and not is_address(place)

    def named(self, place: str) -> str:
        """The place as it is kept: a path on this machine is made absolute."""
        return str(Path(place).absolute()) if self.is_local(place) else place.rstrip("/")

    def require_new(self, place: str) -> None:
        """Raises UsageError, OutputError when there is something already, as far as this machine can see."""
        if self.is_local(place):
            directory.require_new(Path(place))

    def make(self, place: str) -> None:
        """Make a folder for its owner only. Raises OutputError."""
        if self.is_local(place):
            with atomic.reported(place):
                Path(place).mkdir(mode=0o700)

    def remove(self, place: str, names: Iterable[str]) -> None:
        """It is not to be. names: what may be in it."""
        if self.is_local(place):
            shutil.rmtree(place, ignore_errors=True)
            return
        for name in names:
            with contextlib.suppress(Exception):  # nothing is there, or the engine is gone
                if self.session.read.parquet(f"{place}/{name}").columns:
                    nothing = self.session.createDataFrame([], "nothing binary")
                    nothing.write.mode("overwrite").parquet(f"{place}/{name}")

    def read_manifest(self, place: str) -> bytes:
        """The manifest of a directory, nothing of it checked. Raises InputError."""
        if self.is_local(place):
            return directory.read_manifest(Path(place))
        there = f"{place}/{directory.MANIFEST}"
        try:
            with failures.typed():
                rows = self.session.read.schema("manifest binary").parquet(there).limit(2).collect()
        except InputError:
            raise words.not_whole(place) from None
        if not rows:
            raise words.not_whole(place)
        content = rows[0]["manifest"]
        if len(rows) != 1 or content is None or len(content) > MOST_BYTES:
            raise words.no_manifest(there)
        return bytes(content)

    def check_parts(self, place: str, columns: Iterable[str]) -> None:
        """Refuse packed files before the engine parses them, where this machine can open them. Raises InputError."""
        for name in columns if self.is_local(place) else ():
            if (Path(place) / name).exists():  # what is missing is found when chunks are counted
                directory.check_parts(Path(place) / name)

    def write_manifest(self, place: str, content: bytes) -> None:
        """Let a directory appear: all else is on disk before. Raises OutputError."""
        if self.is_local(place):
            folder = Path(place)
            with atomic.reported(place):
                for part in sorted(folder.rglob("*")):
                    if part.is_dir():
                        durable.sync_folder(part)
                    else:
                        with part.open("rb") as file:
                            durable.sync_file(file)
                durable.sync_folder(folder)
            directory.write_manifest(folder, content)
            os.chmod(folder, 0o777 & ~_umask())
            return
        frame = self.session.createDataFrame([(bytearray(content),)], "manifest binary")
        frame.coalesce(1).write.mode("error").options(**_PLAIN).parquet(f"{place}/{directory.MANIFEST}")


def _umask() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found


def source_of(session: Session, name: str, reading: ReadingOptions, places: EnginePlaces) -> Frame:
    """The list: `table:NAME`, CSV (`.csv`, or said so), or Parquet, a file or a folder. Raises UsageError,
    InputError."""
    if reading.header_lines > 1:
        raise words.one_header_line()
    with failures.typed():
        if name.startswith(TABLE):
            reading.require_fit(name, None, words.TABLE_OF_THE_ENGINE)
            return session.table(name.removeprefix(TABLE))
        if places.is_local(name) and not Path(name).exists():
            raise words.no_list(name)
        kind = reading.form or kind_by_ending(name)
        if kind is Kind.CSV:
            return session.read.options(**_csv(reading)).csv(name)
        if kind not in (None, Kind.PARQUET):
            raise words.not_for_engines(kind.value)
        reading.require_fit(name, Kind.PARQUET, words.PARQUET_FILE)
        return session.read.parquet(name)


def write_rows(rows: Frame, place: str, places: EnginePlaces) -> int:
    """Write matched rows: to a table, a folder of CSV (`.csv`) or of Parquet; returns how many. Raises UsageError when
    there is something already, OutputError."""
    read = places.session.read
    with failures.typed():
        if place.startswith(TABLE):
            rows.write.mode("error").saveAsTable(place.removeprefix(TABLE))
            return int(places.session.table(place.removeprefix(TABLE)).count())
        places.require_new(place)
        if kind_by_ending(place) is Kind.CSV:
            rows.write.mode("error").options(header="true", quote='"', escape='"').csv(place)
            _there(rows, place, places, "part-0.csv", csv.write_csv)
            return int(read.options(**_csv(ReadingOptions())).csv(place).count())
        rows.write.mode("error").parquet(place)
        _there(rows, place, places, "part-0.parquet", pq.write_table)
        return int(read.schema(rows.schema).parquet(place).count())


def _there(rows: Frame, place: str, places: EnginePlaces, part: str, write: Callable[[pa.Table, Path], object]) -> None:
    """Sail makes no folder where there is no row."""
    if places.is_local(place) and not Path(place).exists():
        with atomic.reported(place):
            Path(place).mkdir()
            write(steps.in_arrow(rows.limit(0)), Path(place, part))


def _csv(reading: ReadingOptions) -> dict[str, str]:
    """Text as it stands, nothing guessed, no row passed over."""
    return {
        "header": "false" if reading.header is False else "true",
        "sep": reading.delimiter or ",",
        "quote": '"',
        "escape": "\\" if reading.escape is Escape.BACKSLASH else '"',
        "encoding": reading.encoding or "UTF-8",
        "multiLine": "true",
        "mode": "FAILFAST",
        "inferSchema": "false",
    }
