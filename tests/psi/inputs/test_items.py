"""Distinct keys of a table and the way back to its rows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psi.inputs.distinct import SpooledKeys
from psi.inputs.items import collect
from psi.normalize import Reason, parse_key
from psi.tables import open_source
from psiselect.base.errors import InputError
from psiselect.base.packed import Packed

CUSTOMERS = """id,email,phone
1,Ann@example.com,+1 202 555 0143
2,,12
3,bob@example.org,(202) 555-0144
4,ANN@EXAMPLE.COM ,
5,nobody,+1 202 555 0143
6, bob@example.org,+44 7700 900123
7,a@b@c.example,
"""


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(CUSTOMERS)
    return path


def test_keys_rows_and_report(customers: Path) -> None:
    items = collect(open_source(customers), parse_key("email:email"))
    assert isinstance(items.keys, Packed)
    assert [items.keys[i] for i in range(len(items.keys))] == [b"ann@example.com", b"bob@example.org"]
    assert items.row_to_key.tolist() == [0, -1, 1, 0, -1, 1, -1]
    assert items.row_to_key.dtype == np.int64
    assert items.report.to_json() == {
        "rows": 7,
        "distinct": 2,
        "duplicates": 2,
        "blank": 1,
        "unreadable": {"no-at-sign": 1, "several-at-signs": 1},
        "first_unreadable": {"no-at-sign": [6], "several-at-signs": [8]},
        "frequent": [],
    }


def test_matched_rows_by_index_and_by_mask(customers: Path) -> None:
    items = collect(open_source(customers), parse_key("email:email"))
    rows = [False, False, True, False, False, True, False]
    assert items.matched_rows(np.array([1])).tolist() == rows
    assert items.matched_rows(np.array([False, True])).tolist() == rows
    assert not items.matched_rows(np.array([], np.int64)).any()
    assert items.matched_rows(np.array([0, 1])).tolist() == [True, False, True, True, False, True, False]


def test_strict_names_rows_as_a_spreadsheet_does(customers: Path) -> None:
    with pytest.raises(InputError) as caught:
        collect(open_source(customers), parse_key("email:email"), strict=True)
    message = str(caught.value)
    assert "cannot read 2 of 7 rows" in message
    assert "rows: row 6 (no @ in the address), row 8 (more than one @ in the address). " in message
    assert "nobody" not in message
    assert "c.example" not in message
    assert len(collect(open_source(customers), parse_key("id"), strict=True).keys) == 7


def test_strict_names_the_first_twenty(tmp_path: Path) -> None:
    pq.write_table(pa.table({"e": ["x"] * 100_000}), tmp_path / "t.parquet")
    with pytest.raises(
        InputError,
        match=r"'email' cannot read 100,000 of 100,000 rows: rows 1, 2, .*, 20 \(no @ in the address\) and 99,980 more",
    ):
        collect(open_source(tmp_path / "t.parquet"), parse_key("e:email"), strict=True)


def test_row_numbers_run_over_batches(tmp_path: Path) -> None:
    values = ["a@example.com"] * 150_000
    values[70_000] = values[140_000] = "bad"
    pq.write_table(pa.table({"e": values}), tmp_path / "t.parquet")
    report = collect(open_source(tmp_path / "t.parquet"), parse_key("e:email")).report
    assert report.first_unreadable == {Reason.NO_AT_SIGN: (70_001, 140_001)}
    assert (report.rows, report.distinct, report.duplicates) == (150_000, 1, 149_997)


def test_compound_key_may_use_a_column_twice(customers: Path) -> None:
    items = collect(open_source(customers), parse_key("email:email+phone:phone,region=US+email"))
    assert items.report.unreadable == {Reason.LENGTH: 1, Reason.NO_AT_SIGN: 1, Reason.SEVERAL_AT_SIGNS: 1}
    assert items.report.blank == 1
    first = b"".join(len(p).to_bytes(4, "big") + p for p in (b"ann@example.com", b"+12025550143", b"Ann@example.com"))
    assert items.keys[0] == first


def test_missing_and_untextual_columns(customers: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'email'"):
        collect(open_source(customers), parse_key("mail:email"))
    pq.write_table(pa.table({"x": [[1.5]]}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="type list"):
        collect(open_source(tmp_path / "t.parquet"), parse_key("x"))


@pytest.mark.parametrize("content", ["value", "value\n", "value\n\n \n"])
def test_tables_without_a_key(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    items = collect(open_source(tmp_path / "t.csv"), parse_key("value"))
    assert len(items.keys) == items.report.distinct == 0
    assert items.report.rows == items.report.blank == len(items.row_to_key)
    assert items.matched_rows(np.array([], np.int64)).tolist() == [False] * items.report.rows


values = st.lists(
    st.one_of(st.sampled_from(["a", "b", "A", " ", "", "\u00e9", "e\u0301"]), st.text(max_size=3)), max_size=40
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values)
def test_items_equal_a_plain_dictionary(tmp_path: Path, values: list[str]) -> None:
    pq.write_table(pa.table({"v": pa.array(values, pa.string())}), tmp_path / "t.parquet")
    items = collect(open_source(tmp_path / "t.parquet"), parse_key("v"))
    order = {value: i for i, value in enumerate(dict.fromkeys(v for v in values if v.strip()))}
    assert [items.keys[i].decode() for i in range(len(items.keys))] == list(order)
    assert items.row_to_key.tolist() == [order.get(v, -1) for v in values]
    report = items.report
    assert report.rows == report.distinct + report.duplicates + report.blank
    assert report.distinct == len(order)


def test_keys_beyond_memory_go_to_files(tmp_path: Path) -> None:
    """The same keys and rows, from disk; the folder is empty when they are closed."""
    values = [f"{i % 90_000} {'x' * 900}" for i in range(130_000)]
    pq.write_table(pa.table({"v": values}), tmp_path / "t.parquet")
    (tmp_path / "spool").mkdir()
    source, spec = open_source(tmp_path / "t.parquet"), parse_key("v")
    plain = collect(source, spec)
    spooled = collect(source, spec, folder=tmp_path / "spool", memory_limit=32 << 20)
    assert isinstance(spooled.keys, SpooledKeys)
    assert spooled.report == plain.report
    keys = spooled.keys.read(0, 90_000)
    assert all(keys[k].decode() == value for k, value in zip(spooled.row_to_key.tolist(), values, strict=True))
    spooled.keys.close()
    with pytest.raises(InputError):
        collect(source, parse_key("v:email"), strict=True, folder=tmp_path / "spool", memory_limit=32 << 20)
    assert list((tmp_path / "spool").iterdir()) == []


def test_null_marks_are_blank_under_any_rule(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("ref\nNULL\n nan \nnull\nX1\n")
    items = collect(open_source(tmp_path / "t.csv"), parse_key("ref"), nulls=("NULL", " nan"))
    assert items.row_to_key.tolist() == [-1, -1, 0, 1]
    assert items.report.blank == 2


@pytest.mark.parametrize(("rows", "same", "found"), [(100, 20, 1), (100, 19, 0), (3000, 30, 0), (3000, 31, 1)])
def test_a_frequent_key_is_told_by_rows(tmp_path: Path, rows: int, same: int, found: int) -> None:
    texts = [f"k{n}" for n in range(rows - same)] + ["same"] * same
    pq.write_table(pa.table({"k": texts}), tmp_path / "t.parquet")
    frequent = collect(open_source(tmp_path / "t.parquet"), parse_key("k")).report.frequent
    first = tuple(range(rows - same + 1, rows - same + 21))
    assert [(key.rows, key.first) for key in frequent] == [(same, first)] * found


def test_doubles_that_stand_for_several_numbers_are_unreadable(tmp_path: Path) -> None:
    values = pa.array([48601234567.0, float(1 << 53), float("nan"), None, float((1 << 53) - 1)])
    narrow = pa.array([601.0, float(1 << 24), float((1 << 24) - 1), None, 7.0], pa.float32())
    pq.write_table(pa.table({"wide": values, "narrow": narrow}), tmp_path / "t.parquet")
    wide = collect(open_source(tmp_path / "t.parquet"), parse_key("wide"))
    assert wide.row_to_key.tolist() == [0, -1, -1, -1, 1]
    assert wide.report.first_unreadable == {Reason.DIGITS_LOST: (2,)}
    assert isinstance(wide.keys, Packed)
    assert wide.keys[0] == b"48601234567"
    assert collect(open_source(tmp_path / "t.parquet"), parse_key("narrow")).report.first_unreadable == {
        Reason.DIGITS_LOST: (2,)
    }


def test_zoned_times_and_binary_digests(tmp_path: Path) -> None:
    digest = bytes(range(32))
    born = pa.array([datetime(1985, 6, 30, 15)], pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "Asia/Tokyo"))
    table = pa.table({"born": born, "wide": [digest], "fixed": pa.array([digest], pa.binary(32))})
    pq.write_table(table, tmp_path / "t.parquet")
    wanted = {
        "born:date": b"1985-07-01",
        "born:date/1": b"1985-06-30",
        "wide:sha256": digest.hex().encode(),
        "fixed:sha256": digest.hex().encode(),
    }
    for key, canonical in wanted.items():
        keys = collect(open_source(tmp_path / "t.parquet"), parse_key(key)).keys
        assert isinstance(keys, Packed)
        assert keys[0] == canonical
