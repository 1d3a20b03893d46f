"""A table's file stays the one that was opened, whoever takes its name meanwhile."""

from __future__ import annotations

import contextlib
import gc
import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from psi.tables import open_source

ROWS = 100_000  # several reads of every kind
Write = Callable[[pa.Table, Path], object]

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="files are held by their numbers in /proc")


def _packed(table: pa.Table, path: Path) -> None:
    with gzip.open(path, "wb") as file:
        pa_csv.write_csv(table, file)


def numbers(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


@pytest.mark.parametrize(
    ("ending", "write"),
    [
        (".csv", pa_csv.write_csv),
        (".csv.gz", _packed),
        (".txt", lambda table, path: path.write_text("\n".join(["id", *table["id"].to_pylist()]) + "\n")),
        (".parquet", pq.write_table),
        (".arrow", lambda table, path: feather.write_feather(table, path, compression="uncompressed")),
    ],
    ids=["csv", "packed", "lines", "parquet", "arrow"],
)
def test_a_file_whose_name_another_takes_is_read_to_the_end(tmp_path: Path, ending: str, write: Write) -> None:
    path, new = tmp_path / f"in{ending}", tmp_path / f"new{ending}"
    write(pa.table({"id": numbers(ROWS)}), path)
    write(pa.table({"id": numbers(1)}), new)
    source = open_source(path)
    column = source.schema.names[0]

    def read() -> list[str]:
        return [value for batch in source.batches() for value in batch[column].to_pylist() if value != "id"]

    stream = source.batches()
    next(stream)
    new.replace(path)
    for _ in stream:
        pass
    assert read() == read() == numbers(ROWS)
    assert sum(map(len, open_source(path).batches())) in (1, 2)  # a list of lines may begin with a name


def test_a_file_is_let_go_with_its_table(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("id\n1\n")

    def held() -> int:
        found = 0
        for number in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):  # the folder's own
                found += os.readlink(f"/proc/self/fd/{number}") == str(path.resolve())
        return found

    source = open_source(path)
    assert held() == 1
    assert len(list(source.batches())) == 1
    assert held() == 1
    del source
    gc.collect()
    assert held() == 0
