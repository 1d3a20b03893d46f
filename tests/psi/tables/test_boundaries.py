"""The first and the last row of every part that a table is cut into: batches, blocks, kept rows, portions of a join.

Sizes around each limit are read and written, and compared with a plain list.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.tables import MemoryFile

from psi.tables import columnar, database, delimited, joining, layout, lines, open_file, open_source, writing
from psi.tables import sqlite as sqlite_tables
from psi.tables.database import DatabaseSource
from psi.tables.joining import write_joined
from psi.tables.kept import KeptRows
from psi.tables.source import Source
from psi.tables.writing import write_rows
from psiselect.base.errors import InputError
from psiselect.base.packed import I64
from psiselect.base.rows import Fault

BATCH = 4
SIZES = (0, 1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH, 3 * BATCH + 1)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (columnar, database, writing):
        monkeypatch.setattr(module, "BATCH_ROWS", BATCH)
    monkeypatch.setattr(joining, "_LINES", BATCH)
    monkeypatch.setattr(lines, "_BLOCK_BYTES", 7)
    monkeypatch.setitem(sqlite_tables.Sqlite.options, "adbc.sqlite.query.batch_rows", str(BATCH))  # type: ignore[arg-type]


def as_parquet(place: Path, values: Sequence[str], groups: int = 3) -> Source:
    pq.write_table(pa.table({"value": pa.array(values, pa.string())}), place / "t.parquet", row_group_size=groups)
    return open_source(place / "t.parquet")


def as_one_group(place: Path, values: Sequence[str]) -> Source:
    return as_parquet(place, values, 1_000)


def as_arrow(place: Path, values: Sequence[str]) -> Source:
    table = pa.table({"value": pa.array(values, pa.string())})
    with pa.ipc.new_file(place / "t.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=BATCH + 1)
    return open_source(place / "t.arrow")


def as_csv(place: Path, values: Sequence[str], end: str = "\n") -> Source:
    (place / "t.csv").write_text("\n".join(["value", *values]) + end)
    return open_source(place / "t.csv")


def as_open_csv(place: Path, values: Sequence[str]) -> Source:
    """Without a line break at the end."""
    return as_csv(place, values, "")


def as_lines(place: Path, values: Sequence[str], end: str = "\n") -> Source:
    (place / "t.txt").write_text("".join(f"{value}\n" for value in values).removesuffix("\n") + (end if values else ""))
    return open_source(place / "t.txt")


def as_open_lines(place: Path, values: Sequence[str]) -> Source:
    return as_lines(place, values, "")


def as_crlf_lines(place: Path, values: Sequence[str]) -> Source:
    (place / "t.txt").write_bytes(b"".join(f"{value}\r\n".encode() for value in values))
    return open_source(place / "t.txt")


def as_query(place: Path, values: Sequence[str]) -> Source:
    connection = sqlite3.connect(place / "t.db")
    connection.execute("CREATE TABLE t (value TEXT)")
    connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
    connection.commit()
    connection.close()
    return open_source(f"sqlite:///{place / 't.db'}", query="SELECT value FROM t ORDER BY rowid", folder=place)


KINDS = [
    *(as_parquet, as_one_group, as_arrow, as_csv, as_open_csv, as_lines, as_open_lines, as_crlf_lines, as_query)
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_read_once(tmp_path: Path, kind: Callable[[Path, Sequence[str]], Source]) -> None:
    for number, size in enumerate(SIZES):
        place = tmp_path / str(number)
        place.mkdir()
        values = [f"row {row}" for row in range(size)]
        source = kind(place, values)
        for _ in range(2):
            batches = list(source.batches(["value"]))
            assert [value for batch in batches for value in batch.column(0).to_pylist()] == values
            assert kind in (as_csv, as_open_csv, as_lines, as_open_lines, as_crlf_lines) or all(
                len(batch) <= BATCH for batch in batches
            )
        found = list(source.rows())
        assert [list(row[1]) for row in found] == [[value] for value in values]
        assert [row.line for row in found] == list(range(source.first_row, source.first_row + size))


def masks(size: int) -> Iterator[list[int]]:
    """Rows to keep: none, all, and each row alone that begins or ends a batch."""
    yield []
    yield list(range(size))
    for row in range(size):
        if row % BATCH in (0, BATCH - 1) or row == size - 1:
            yield [row]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_every_chosen_row_is_written_once(tmp_path: Path, ending: str) -> None:
    values = [f"row {row}" for row in range(3 * BATCH + 1)]
    source = as_one_group(tmp_path, values)
    for rows in masks(len(values)):
        mask = np.zeros(len(values), np.bool_)
        mask[rows] = True
        target = tmp_path / f"out{ending}"
        assert write_rows(source, mask, target) == len(rows)
        assert written(target) == [[values[row]] for row in rows]
    for size in (len(values) - 1, len(values) + 1):
        with pytest.raises(InputError, match=r"rows? when the program first read it"):
            write_rows(source, np.ones(size, np.bool_), tmp_path / f"other{ending}")
    assert not list(tmp_path.glob("*other*"))


def written(target: Path) -> list[list[str]]:
    if target.suffix == ".parquet":
        return [list(row.values()) for row in pq.read_table(target).to_pylist()]
    with target.open(newline="") as file:
        return list(csv.reader(file))[1:]


class Peer:
    """A peer's table: partner n has so many rows, "n.0" and so on."""

    columns = ("value",)

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = np.array(sizes, np.int64)
        self.asked: list[int] = []

    def counts(self, numbers: I64) -> I64:
        return self._sizes[numbers]

    def rows(self, numbers: I64) -> list[pa.Array]:
        found = [f"{number}.{row}" for number in numbers for row in range(self._sizes[number])]
        self.asked.append(len(found))
        return [pa.array(found, pa.large_string())]


@pytest.mark.parametrize(
    "sizes",
    [[], [1], [BATCH], [BATCH + 1], [1, BATCH], [BATCH, 1], [BATCH - 1, 1, 1], [1] * (2 * BATCH + 1), [9, 1, 2, 9, 1]],
)
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_every_pair_of_rows_is_written_once(tmp_path: Path, sizes: list[int], ending: str) -> None:
    """Own rows 0, 2, 4 and so on have a partner each, in reverse."""
    own = [f"row {row}" for row in range(2 * len(sizes))]
    partner = np.full(len(own), -1, np.int64)
    partner[::2] = np.arange(len(sizes))[::-1]
    peer = Peer(sizes)
    expected = [[own[row], f"{partner[row]}.{other}"] for row in range(0, len(own), 2)
                for other in range(sizes[partner[row]])]  # fmt: skip
    target = tmp_path / f"out{ending}"
    assert write_joined(as_one_group(tmp_path, own), partner, peer, target) == len(expected)
    assert written(target) == expected
    assert max(peer.asked, default=0) <= max([BATCH, *sizes])
    for size in (len(own) - 1, len(own) + 1) if own else (1,):
        with pytest.raises(InputError, match=r"rows? when the program first read it"):
            write_joined(as_one_group(tmp_path, own), np.full(size, -1), peer, tmp_path / f"other{ending}")
    assert not list(tmp_path.glob("*other*"))


def test_the_longest_line_and_one_byte_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both readers take a line of the limit, its line break included, wherever blocks end. Neither takes one more."""
    most = 32
    monkeypatch.setattr(layout, "MAX_ROW", most)
    for name in ("MAX_ROW", "_BLOCK_BYTES"):
        monkeypatch.setattr(delimited, name, most)
    for block in (3, most, 200):
        monkeypatch.setattr(layout, "READ_BYTES", block)
        for length, last in [(length, last) for length in (most - 1, most, most + 1) for last in (False, True)]:
            line = b"1," + b"x" * (length - 3) + b"\n"
            data = b"a,b\n1,2\n" + line + (b"" if last else b"3,4\n")
            source = open_file(MemoryFile(data, "in.csv"))
            faults = [row.line for row in source.rows() if isinstance(row, Fault)]
            assert faults == ([3] if length > most else []), (block, length, last)
            if faults:
                with pytest.raises(InputError, match="line 3"):
                    list(source.batches())
            else:
                assert sum(map(len, source.batches())) == (2 if last else 3)


def test_kept_rows_come_back_batch_by_batch(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("a", pa.string())])
    rows = KeptRows(tmp_path, schema)
    batches = [
        pa.record_batch([pa.array([f"{n}.{row}" for row in range(n)], pa.string())], schema) for n in (2, 0, 1, 5)
    ]
    for number, batch in enumerate(batches):
        rows.append(batch)
        for _ in range(2):
            assert list(rows) == batches[: number + 1]
    assert rows.disk_bytes == sum(len(memoryview(batch.serialize())) for batch in batches)
    assert not list(tmp_path.iterdir())
    rows.close()
    rows.close()


def test_a_short_write_of_kept_rows_goes_on(tmp_path: Path) -> None:
    """A file system may take a part of what it is given."""

    class Hesitant:
        def __init__(self, inner: object) -> None:
            self._inner = inner

        def write(self, block: memoryview) -> int:
            return self._inner.write(block[:7])  # type: ignore[attr-defined, no-any-return]

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

    schema = pa.schema([pa.field("a", pa.string())])
    rows = KeptRows(tmp_path, schema)
    rows._file = Hesitant(rows._file)  # type: ignore[assignment]
    batch = pa.record_batch([pa.array(["one", "two"])], schema)
    rows.append(batch)
    assert list(rows) == [batch]
    rows.close()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], pa.int64()), ([1, 2.5], pa.float64()), ([None, 1], pa.int64()), ([None, None], pa.string()),
        (["a", b"b"], pa.binary()), (["a", 1], pa.string()), ([1, "a"], pa.string()), ([1] * 9 + ["a"], pa.string()),
    ],
)  # fmt: skip
def test_the_last_value_of_a_column_decides_too(tmp_path: Path, values: list[object], kind: pa.DataType) -> None:
    connection = sqlite3.connect(tmp_path / "t.db")
    connection.execute("CREATE TABLE t (value)")
    connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
    connection.commit()
    connection.close()
    source = open_source(f"sqlite:///{tmp_path / 't.db'}", query="SELECT value FROM t", folder=tmp_path)
    assert isinstance(source, DatabaseSource)
    assert source.schema.field("value").type == kind
    assert sum(map(len, source.batches())) == len(values)


def test_whole_numbers_are_digits_as_long_as_each_is_exact(tmp_path: Path) -> None:
    """From 2^53 on a floating-point number may stand for a whole number beside it."""
    values = [0.0, 2.0**53 - 1, 1 - 2.0**53, 2.0**53, -(2.0**53), 2.0**53 + 2, 0.5]
    pq.write_table(pa.table({"value": values}), tmp_path / "t.parquet")
    texts = [row[1][0] for row in open_source(tmp_path / "t.parquet").rows()]
    assert texts[:3] == ["0", "9007199254740991", "-9007199254740991"]
    assert [float(text) for text in texts] == values
    assert not [text for text in texts[3:] if text.lstrip("-").isdigit()]
