"""Columns gathered for their keys and joined again, against plain loops; in memory and from disk."""

from __future__ import annotations

import csv
import itertools
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from psi.labels import columns, payloads
from psi.tables import Source, joined_schema, open_source, write_joined
from psiselect.base.errors import InputError, RemoteError

SMALLEST = 1 << 12  # bytes of memory, so that all but the shortest columns go to disk


def table(folder: Path, name: str, rows: list[list[str]], header: list[str]) -> Source:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return open_source(path)


def random_table(draw: random.Random, rows: int, owners: int) -> tuple[list[list[str]], np.ndarray]:
    words = ["", "a", "żółw", "x,y", 'say "no"', "two\nlines", "0" * 30]
    made = [[draw.choice(words), str(number)] for number in range(rows)]
    return made, np.array([draw.randrange(-1, owners) for _ in range(rows)], np.int64)


@pytest.mark.parametrize("memory", [None, SMALLEST])
def test_each_number_has_its_rows_in_the_tables_order(tmp_path: Path, memory: int | None) -> None:
    draw = random.Random(5)
    rows, owners = random_table(draw, 5000, 3000)
    source = table(tmp_path, "t.csv", rows, ["word", "number"])
    sent = columns.gather(source, ["number", "word"], owners, 3000, 512, folder=tmp_path, memory_limit=memory)
    assert (sent.peak_disk_bytes > 0) == (memory is not None)
    wanted = [draw.randrange(-1, 3000) for _ in range(4000)]
    found = sent.payloads(np.array(wanted, np.int64))
    assert found.shape == (4000, 512)
    expected = [[(rows[i][1], rows[i][0]) for i in np.flatnonzero(owners == n)] if n >= 0 else [] for n in wanted]
    assert payloads.row_counts(found).tolist() == [len(e) for e in expected]
    texts = payloads.decode(found, 2)
    assert list(zip(*(t.to_pylist() for t in texts), strict=True)) == list(itertools.chain(*expected))
    sent.close()
    sent.close()
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_no_numbers_at_all(tmp_path: Path) -> None:
    source = table(tmp_path, "t.csv", [["a"]], ["c"])
    sent = columns.gather(source, ["c"], np.array([-1]), 0, 64)
    assert not sent.payloads(np.array([-1, -1])).any()


def test_types_are_written_as_a_csv_file_would_have_them(tmp_path: Path) -> None:
    arrow = pa.table(
        {
            "i": pa.array([7, None, -1]),
            "f": pa.array([0.5, 1e300, None]),
            "b": pa.array([True, False, None]),
            "d": pa.array([0, 1, None], pa.date32()),
            "x": pa.array([b"ab", b"", None]),
            "k": pa.array(["p", None, "q"]).dictionary_encode(),
        }
    )
    pq.write_table(arrow, tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    sent = columns.gather(source, arrow.column_names, np.arange(3), 3, 256)
    texts = [t.to_pylist() for t in payloads.decode(sent.payloads(np.arange(3)), 6)]
    assert texts == [
        ["7", None, "-1"],
        ["0.5", "1e+300", None],
        ["true", "false", None],
        ["1970-01-01", "1970-01-02", None],
        ["ab", "", None],
        ["p", None, "q"],
    ]


def test_what_cannot_be_sent_is_refused_by_name(tmp_path: Path) -> None:
    pq.write_table(pa.table({"l": [[1]], "bytes": [b"\xff"], "s": ["a"]}), tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"no column 'S'. Did you mean 's'\?") as caught:
        columns.check_columns(source, ["S"])
    assert caught.value.term == "send"
    with pytest.raises(InputError, match=r"column 'l' has type list.*, which cannot be written as text"):
        columns.check_columns(source, ["l"])
    columns.check_columns(source, ["bytes"])
    with pytest.raises(InputError, match="column 'bytes' has type binary, which cannot be written as text"):
        columns.gather(source, ["bytes"], np.zeros(1, np.int64), 1, 64, folder=tmp_path, memory_limit=SMALLEST)
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_too_long_a_payload_names_row_length_and_remedy(tmp_path: Path) -> None:
    rows = [["a"], ["b" * 58], ["c"], ["d" * 100], ["e" * 57]]
    source = table(tmp_path, "t.csv", rows, ["c"])
    owners = np.array([0, 1, -1, 2, 0])  # payloads of 3 + 3 + 59, 3 + 60 and 3 + 102 bytes
    columns.gather(source, ["c"], owners, 3, 105)
    with pytest.raises(InputError) as caught:
        columns.gather(source, ["c"], owners, 3, 64)
    message = str(caught.value)
    assert (
        "for row 2 and the rows with the same key, the columns to send take 65 bytes, but --label-bytes allows only 64"
        in message
    )
    assert "the longest take 105 bytes. Agree with the peer on --label-bytes 105 or more" in message
    assert "bbb" not in message
    with pytest.raises(InputError, match="No --label-bytes above 4,096 is possible"):
        columns.gather(table(tmp_path, "u.csv", [["x" * 5000]], ["c"]), ["c"], np.zeros(1, np.int64), 1, 4096)


def received(rows: list[list[tuple[str | None, ...]]], names: list[str], width: int = 256) -> columns.ReceivedColumns:
    flat = [row for some in rows for row in some]
    texts = [pa.array([row[c] for row in flat], pa.large_string()) for c in range(len(names))]
    encoded, lengths = payloads.encode_rows(texts)
    owner = np.repeat(np.arange(len(rows)), [len(some) for some in rows])
    counts = np.bincount(owner, minlength=len(rows))
    total = np.bincount(owner, lengths, len(rows)).astype(np.int64)
    return columns.ReceivedColumns(names, payloads.fill(width, counts, total, encoded.data[: encoded.offsets[-1]]))


def test_an_inner_join_in_my_order(tmp_path: Path) -> None:
    source = table(tmp_path, "mine.csv", [["1", "x"], ["2", ""], ["3", "z"], ["4", "x"]], ["id", "peer_city"])
    others = received([[("Oslo", None), ("", "5")], [("Rome", 'a"b')]], ["city", "n"])
    lines = write_joined(source, np.array([1, -1, 0, 1]), others, tmp_path / "out.csv")
    assert lines == 4
    assert (tmp_path / "out.csv").read_text() == (
        'id,peer_city,peer_city_2,peer_n\n1,x,Rome,"a""b"\n3,z,Oslo,\n3,z,,5\n4,x,Rome,"a""b"\n'
    )
    assert write_joined(source, np.array([1, -1, 0, 1]), others, tmp_path / "out.parquet") == 4
    found = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert found["peer_city_2"] == ["Rome", "Oslo", "", "Rome"]
    assert found["peer_n"] == ['a"b', None, "5", 'a"b']


def test_nothing_matched_is_a_table_without_lines(tmp_path: Path) -> None:
    source = table(tmp_path, "mine.csv", [["1"]], ["id"])
    for partner, others in ((-1, received([], ["c"])), (0, received([[]], ["c"]))):
        assert write_joined(source, np.array([partner]), others, tmp_path / "out.csv") == 0
        assert (tmp_path / "out.csv").read_text() == "id,peer_c\n"


def test_names_never_collide() -> None:
    own = pa.schema([("peer_a", pa.int64()), ("peer_a_2", pa.int64()), ("b", pa.int64())])
    assert joined_schema(own, ["a", "a_2", "b"]).names == [
        "peer_a", "peer_a_2", "b", "peer_a_3", "peer_a_2_2", "peer_b",
    ]  # fmt: skip


def test_many_rows_of_one_key_are_written_in_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psi.tables.joining._LINES", 100)
    draw = random.Random(8)
    partner = np.array([draw.randrange(-1, 3) for _ in range(400)])
    source = table(tmp_path, "mine.csv", [[str(n)] for n in range(400)], ["id"])
    rows = [[(str(n),) for n in range(count)] for count in (0, 40, 200)]
    asked: list[int] = []
    others = received(rows, ["c"], 4096)
    decode = others.rows
    monkeypatch.setattr(others, "rows", lambda numbers: (asked.append(len(numbers)), decode(numbers))[1])
    write_joined(source, partner, others, tmp_path / "out.csv")
    expected = [[str(n), value] for n, p in enumerate(partner) if p >= 0 for (value,) in rows[p]]
    with (tmp_path / "out.csv").open() as file:
        assert list(csv.reader(file))[1:] == expected
    assert len(asked) > 100
    assert sum(asked) == (partner >= 0).sum()


def test_a_payload_that_cannot_be_read_leaves_no_file(tmp_path: Path) -> None:
    source = table(tmp_path, "mine.csv", [["1"], ["2"]], ["id"])
    others = received([[("a",)], [("b",)]], ["c"])
    spoiled = others._opened.copy()
    spoiled[1, -1] = 1
    with pytest.raises(RemoteError):
        write_joined(source, np.arange(2), columns.ReceivedColumns(["c"], spoiled), tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]
