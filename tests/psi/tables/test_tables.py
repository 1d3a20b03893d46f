"""Tables in and rows out: what comes in comes out, and what is malformed is named by line or column."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psi.tables import Source, check_target, open_source, require_columns, text_column, write_rows
from psiselect.base.errors import InputError, UsageError

CUSTOMERS = b'id,e-mail,note\n007,a@example.com,"x, ""y"""\n+48,B@example.com,\n2,,"two\nlines"\n3, c ,=1+1\n'


def file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def rows(source: Source) -> list[dict[str, object]]:
    return [row for batch in source.batches() for row in batch.to_pylist()]


def everything(source: Source) -> np.ndarray:
    return np.ones(sum(len(batch) for batch in source.batches()), bool)


def test_csv_comes_out_byte_for_byte(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "in.csv", CUSTOMERS))
    assert source.schema.names == ["id", "e-mail", "note"]
    assert rows(source)[0] == {"id": "007", "e-mail": "a@example.com", "note": 'x, "y"'}
    assert write_rows(source, everything(source), tmp_path / "out.csv") == 4
    assert (tmp_path / "out.csv").read_bytes() == CUSTOMERS


def test_matched_rows_keep_their_order(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "in.csv", CUSTOMERS))
    assert write_rows(source, np.array([True, False, True, False]), tmp_path / "out.csv") == 2
    assert (tmp_path / "out.csv").read_bytes() == b'id,e-mail,note\n007,a@example.com,"x, ""y"""\n2,,"two\nlines"\n'


def test_csv_through_parquet_and_back(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "in.csv", CUSTOMERS))
    write_rows(source, everything(source), tmp_path / "mid.parquet")
    assert pq.read_schema(tmp_path / "mid.parquet").equals(source.schema)
    middle = open_source(tmp_path / "mid.parquet")
    write_rows(middle, everything(middle), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == CUSTOMERS


def test_bom_crlf_and_semicolons(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "in.csv", b"\xef\xbb\xbfid;mail\r\n1;a,b\r\n2;c\r\n"))
    assert rows(source) == [{"id": "1", "mail": "a,b"}, {"id": "2", "mail": "c"}]
    write_rows(source, everything(source), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b"id;mail\n1;a,b\n2;c\n"


def test_separator_inside_quotes_is_no_separator(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "in.csv", b'"last, first"\tid\nx\t1\n'))
    assert source.schema.names == ["last, first", "id"]


def test_quoted_header(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "in.csv", b'"a ""b"", c",d\n1,2\n'))
    assert source.schema.names == ['a "b", c', "d"]
    write_rows(source, everything(source), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b'"a ""b"", c",d\n1,2\n'


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"a,b\n1,2", ["1"]),
        (b"a,b", []),
        (b"a,b\n", []),
        (b"a,b\n\n1,2\n\n", ["1"]),
        (b"a\n1\n\n2\n", ["1", "", "2"]),
        (b'a\n1\n""\n', ["1", ""]),
        (b"a,b\nNA,1\nnull,2\n,3\n", ["NA", "null", ""]),
        (b'a,b\n1,5" pipe\n2,x\n', ["1", "2"]),
        (b"a,b\n1e5,x\n0x10,y\n", ["1e5", "0x10"]),
    ],
)
def test_csv_values_are_text(tmp_path: Path, content: bytes, values: list[str]) -> None:
    source = open_source(file(tmp_path, "in.csv", content))
    assert [row["a"] for row in rows(source)] == values
    assert [v for batch in source.batches(["a"]) for v in batch.column(0).to_pylist()] == values


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\r\n", "is empty"),
        (b"a,a\n1,2\n", "several columns are named 'a'"),
        (b"a,b\n1,2\n3\n", "line 3: the row has 1 field, but the header has 2. Add what is missing"),
        (b"a,b\n1,2\n\n3,4,secret\n", "line 4: the row has 3 fields"),
        (b"a,b\n1,2,3\n", "Put double quotes around each field that contains a comma"),
        (b"a;b\n1;2;3\n", "Put double quotes around each field that contains a semicolon"),
        (b'a,b\n1,"two\nlines"\n3\n', "line 4: the row has 1 field"),
        (b"a,b\n1,2\n3,\xff\n", "line 3: this is not UTF-8"),
        (b"a,b\n1,2\n3,\xc3", "line 3: this is not UTF-8"),
        (b'a,b\n1,2\n3,"secret\n5,6\n', "line 3: a quoted field is not closed"),
        (b'a,b\n1,2\n"secret\n5,6\n', "line 3: a quoted field is not closed"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_malformed_csv_is_named_by_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = file(tmp_path, "in.csv", content)
    with pytest.raises(InputError) as caught:
        list(open_source(path).batches(["a"]))
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "secret" not in str(caught.value)


def test_fault_beyond_the_first_block_is_found(tmp_path: Path) -> None:
    lines = b"".join(b"%07d,x%s\n" % (i, b"y" * 40) for i in range(120_000))
    assert len(lines) > 1 << 22
    for bad, says in (
        (b"1,2,3\n", "line 120002: the row has 3 fields"),
        (b"1,\xe9\n", "line 120002: this is not UTF-8"),
    ):
        path = file(tmp_path, "in.csv", b"a,b\n" + lines + bad + lines)
        with pytest.raises(InputError, match=says):
            list(open_source(path).batches())


def test_line_breaks_in_fields_at_the_ends_of_blocks(tmp_path: Path) -> None:
    row = b'1,"' + b"\n" * 50 + b'"\n'
    source = open_source(file(tmp_path, "in.csv", b"a,b\n" + row * 200_000))
    for batch in source.batches():
        assert set(batch.column(1).to_pylist()) == {"\n" * 50}
    assert len(everything(source)) == 200_000


def test_row_beyond_the_block_is_refused(tmp_path: Path) -> None:
    path = file(tmp_path, "in.csv", b"a,b\n1," + b"x" * (9 << 20) + b"\n")
    with pytest.raises(InputError, match="MiB"):
        list(open_source(path).batches())


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
tables = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[texts] * width), max_size=12))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables, st.data())
def test_any_text_survives(tmp_path: Path, table: list[tuple[str, ...]], data: st.DataObject) -> None:
    """Whatever Python's csv module writes, the chosen rows come out as Python's csv module reads them."""
    width = len(table[0]) if table else 1
    names = [f"c{i}" for i in range(width)]
    content = io.StringIO(newline="")
    csv.writer(content).writerows([names, *table])
    source = open_source(file(tmp_path, "in.csv", content.getvalue().encode()))
    assert [tuple(row.values()) for row in rows(source)] == table
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(table), max_size=len(table))), bool)
    write_rows(source, mask, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as out:
        again = [tuple(row) for row in csv.reader(out)]
    assert again == [tuple(names), *(row for row, keep in zip(table, mask, strict=True) if keep)]


def test_text_file_is_a_key_a_line(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "in.txt", b"\xef\xbb\xbfone\r\n two \n\nthree"))
    assert [row["value"] for row in rows(source)] == ["one", " two ", "", "three"]
    assert source.first_row == 1
    assert rows(open_source(file(tmp_path, "empty.txt", b""))) == []
    assert rows(open_source(file(tmp_path, "one.txt", b"a"))) == [{"value": "a"}]
    assert rows(open_source(file(tmp_path, "short.txt", b"a\n\n"))) == [{"value": "a"}, {"value": ""}]


def test_text_file_over_several_blocks(tmp_path: Path) -> None:
    lines = [f"line {i} \u00e9" for i in range(150_000)]
    source = open_source(file(tmp_path, "in.txt", "\n".join(lines).encode()))
    assert [row["value"] for row in rows(source)] == lines
    broken = open_source(file(tmp_path, "bad.txt", "\n".join(lines).encode() + b"\n\xff\n"))
    with pytest.raises(InputError, match="line 150001: this is not UTF-8"):
        rows(broken)


TYPED = pa.table(
    {
        "int": pa.array([1, None, -3]),
        "float": [1.5, None, 2.0],
        "date": pa.array([0, 1, None], pa.date32()),
        "ms": pa.array([0, 86_399_999, None], pa.timestamp("ms")),
        "zoned": pa.array([0, 1, None], pa.timestamp("us", "Europe/Berlin")),
        "coded": pa.array(["x", "y", None]).dictionary_encode(),
        "view": pa.array(["x", "y", None], pa.string_view()),
        "bytes": pa.array([b"x", None, b"y"], pa.binary()),
        "whole": pa.array([1, 2, None], pa.decimal128(9, 0)),
        "list": [[1], [], None],
    }
)


@pytest.fixture
def typed(tmp_path: Path) -> Source:
    pq.write_table(TYPED, tmp_path / "typed.parquet")
    return open_source(tmp_path / "typed.parquet")


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        ("int", ["1", None, "-3"]),
        ("date", ["1970-01-01", "1970-01-02", None]),
        ("ms", ["1970-01-01 00:00:00.000000", "1970-01-01 23:59:59.999000", None]),
        ("zoned", ["1970-01-01 00:00:00.000000", "1970-01-01 00:00:00.000001", None]),
        ("coded", ["x", "y", None]),
        ("view", ["x", "y", None]),
        ("bytes", ["x", None, "y"]),
        ("whole", ["1", "2", None]),
    ],
)
def test_key_columns_as_text(typed: Source, column: str, texts: list[str | None]) -> None:
    require_columns(typed, [column])
    (batch,) = typed.batches([column])
    assert text_column(batch.column(0), column, "t").to_pylist() == texts


@pytest.mark.parametrize("column", ["list"])
def test_key_columns_that_are_no_text(typed: Source, column: str) -> None:
    with pytest.raises(InputError, match=f"'{column}' has type"):
        require_columns(typed, [column])


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        text_column(pa.array([b"\xff"]), "c", "t")


def test_parquet_keeps_types_and_csv_refuses_lists(typed: Source, tmp_path: Path) -> None:
    write_rows(typed, np.array([True, False, True]), tmp_path / "out.parquet")
    views = TYPED.schema.get_field_index("view")
    plain = TYPED.set_column(views, "view", TYPED.column("view").cast(pa.large_string()))
    assert pq.read_table(tmp_path / "out.parquet").equals(plain.take([0, 2]))
    with pytest.raises(InputError, match=r"'list'.*a CSV file cannot hold"):
        check_target(tmp_path / "out.csv", typed.schema)
    with pytest.raises(InputError, match=r"'list'.*a CSV file cannot hold"):
        write_rows(typed, everything(typed), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_columns_in_the_order_asked_for(typed: Source) -> None:
    assert [b.schema.names for b in typed.batches(["ms", "int"])] == [["ms", "int"]]


def test_feather(tmp_path: Path) -> None:
    feather.write_feather(pa.table({"a": ["x", "y"], "b": [1, 2]}), tmp_path / "t.feather")
    source = open_source(tmp_path / "t.feather")
    assert rows(source) == [{"a": "x", "b": 1}, {"a": "y", "b": 2}]
    write_rows(source, np.array([False, True]), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b"a,b\ny,2\n"


@pytest.mark.parametrize("ending", ["parquet", "arrow", "feather"])
def test_broken_columnar_file(tmp_path: Path, ending: str) -> None:
    path = file(tmp_path, f"t.{ending}", b"PAR1 ARROW1 not really")
    with pytest.raises(InputError, match="not a complete"):
        open_source(path)


def test_truncated_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [str(i) for i in range(10_000)]}), tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    with pytest.raises(InputError, match="not a complete Parquet"):
        open_source(file(tmp_path, "cut.parquet", content[:-9]))
    damaged = bytearray(content)
    damaged[4:200] = bytes(196)
    with pytest.raises(InputError, match="not a complete Parquet"):
        rows(open_source(file(tmp_path, "damaged.parquet", bytes(damaged))))


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_source(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="this folder has no Parquet file in it"):
        open_source(tmp_path / "folder.csv")
    with pytest.raises(InputError, match=r"or use a file with one of these endings: \.csv, \.tsv"):
        open_source(file(tmp_path, "t.xyz", b""))
    with pytest.raises(InputError, match="Use one of these endings"):
        check_target(tmp_path / "out.xlsx", pa.schema([]))
    with pytest.raises(InputError, match="does not exist"):
        check_target(tmp_path / "no" / "out.csv", pa.schema([]))
    with pytest.raises(UsageError, match="query"):
        open_source(file(tmp_path, "t.csv", b"a\n"), query="select 1")


def test_missing_column_names_the_closest(tmp_path: Path) -> None:
    source = open_source(file(tmp_path, "in.csv", b"Id,Email,note\n"))
    with pytest.raises(
        InputError, match=r"no column 'emial'. Did you mean 'Email'\? The columns are 'Id', 'Email', 'note'"
    ):
        require_columns(source, ["emial"])
    with pytest.raises(InputError, match=r"no column 'zzz'. The columns are"):
        require_columns(source, ["zzz"])


def test_a_file_that_changes_is_refused(tmp_path: Path) -> None:
    path = file(tmp_path, "in.csv", CUSTOMERS)
    source = open_source(path)
    mask = everything(source)
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputError, match="changed while the program used it"):
        write_rows(source, mask, tmp_path / "out.csv")
    source = open_source(path)
    stream = source.batches()
    next(stream)
    path.write_bytes(CUSTOMERS + b"9,9,9\n")
    with pytest.raises(InputError, match="changed while the program used it"):
        list(stream)
    path.unlink()
    with pytest.raises(InputError, match=r"changed while the program used it|no such file"):
        list(source.batches())
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("size", [3, 5])
def test_a_mask_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    source = open_source(file(tmp_path, "in.csv", CUSTOMERS))
    with pytest.raises(InputError, match="rows"):
        write_rows(source, np.ones(size, bool), tmp_path / "out.csv")
    assert os.listdir(tmp_path) == ["in.csv"]


def test_output_may_replace_its_own_input(tmp_path: Path) -> None:
    path = file(tmp_path, "in.csv", CUSTOMERS)
    source = open_source(path)
    write_rows(source, np.array([False, True, False, False]), path)
    assert path.read_bytes() == b"id,e-mail,note\n+48,B@example.com,\n"


def test_streams_in_bounded_batches(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array(range(200_000)).cast(pa.string())})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=200_000)
    source = open_source(tmp_path / "t.parquet")
    sizes = [len(batch) for batch in source.batches()]
    assert sum(sizes) == 200_000
    assert max(sizes) <= 1 << 16
    write_rows(source, everything(source), tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").equals(table)
