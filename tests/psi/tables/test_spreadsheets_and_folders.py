"""Spreadsheets as people make them, and folders of Parquet files as Spark writes them."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from support.spreadsheets import write_spreadsheet

from psi.tables import ReadingOptions, open_source, spreadsheet
from psiselect.base.errors import InputError
from psiselect.base.rows import Fault


def people(path: Path) -> Path:
    """A sheet that begins in C3 and has cells of every kind, and a second sheet."""
    with xlsxwriter.Workbook(path) as book:
        sheet, other = book.add_worksheet("People"), book.add_worksheet("Other")
        day, moment = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm"))
        sheet.write_row(2, 2, ["email", "phone", "born", "seen", "sum", ""])
        sheet.write_row(3, 2, ["ann@x.example", 48601234567])
        sheet.write_datetime(3, 4, datetime.datetime(1990, 2, 3), day)
        sheet.write_datetime(3, 5, datetime.datetime(1990, 2, 3, 4, 5), moment)
        sheet.write_formula(3, 6, "=1+1", None, 2)
        sheet.write_row(4, 2, ["00123", 0.5, True])
        sheet.write_row(6, 2, [" z ", 1e17])
        sheet.write_blank(30, 2, None, day)
        other.write_row(0, 0, ["email"])
        other.write_row(1, 0, ["bob@x.example"])
    return path


def test_cells_are_what_they_show(tmp_path: Path) -> None:
    source = open_source(people(tmp_path / "t.xlsx"))
    assert (source.schema.names, source.header_line, source.first_row) == (
        ["email", "phone", "born", "seen", "sum"],
        3,
        4,
    )
    expected = [
        (4, ["ann@x.example", "48601234567", "1990-02-03", "1990-02-03 04:05:00", "2"]),
        (5, ["00123", "0.5", "TRUE", "", ""]),
        (6, []),
        (7, [" z ", "1e+17", "", "", ""]),
    ]
    assert [(row.line, list(row.cells)) for row in source.rows() if not isinstance(row, Fault)] == expected
    read = [list(row.values()) for batch in source.batches() for row in batch.to_pylist()]
    assert read == [cells for _, cells in expected if cells]


@pytest.mark.parametrize("sheet", ["Other", "2"])
def test_a_sheet_is_chosen_by_name_or_number(tmp_path: Path, sheet: str) -> None:
    source = open_source(people(tmp_path / "t.xlsx"), reading=ReadingOptions(sheet=sheet))
    assert [row["email"] for batch in source.batches() for row in batch.to_pylist()] == ["bob@x.example"]


@pytest.mark.parametrize("sheet", ["Others", "0", "3"])
def test_a_sheet_that_is_not_there(tmp_path: Path, sheet: str) -> None:
    with pytest.raises(InputError, match="Choose one by name or number with --sheet: 'People', 'Other'"):
        open_source(people(tmp_path / "t.xlsx"), reading=ReadingOptions(sheet=sheet))


def test_merged_cells_and_values_without_a_name_are_faults(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["a", "b"])
        sheet.merge_range(1, 0, 2, 0, "x")
        sheet.write_row(3, 0, ["1", "2", "3"])
        sheet.write_row(4, 0, ["4", "5"])
    rows = list(open_source(tmp_path / "t.xlsx").rows())
    assert [(row.line, isinstance(row, Fault)) for row in rows] == [(2, True), (3, True), (4, True), (5, False)]


def test_headers_of_spreadsheets(tmp_path: Path) -> None:
    write_spreadsheet(tmp_path / "data.xls", [["ann@x.example", 1], ["bob@x.example", 2]])
    with pytest.raises(InputError, match="row 1: the first row has an e-mail address"):
        open_source(tmp_path / "data.xls")
    source = open_source(tmp_path / "data.xls", reading=ReadingOptions(header=False))
    assert (source.schema.names, sum(map(len, source.batches()))) == (["1", "2"], 2)
    write_spreadsheet(tmp_path / "years.ods", [["name", 2019, 2020], ["Ann", 1, 2]])
    assert open_source(tmp_path / "years.ods").schema.names == ["name", "2019", "2020"]


def test_spreadsheets_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in (("t.xls", b"email,name\n"), ("t.xlsx", b"PK\3\4 not really"), ("t.ods", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            InputError,
            match=r"this spreadsheet is damaged, or the file is not a spreadsheet\. If the file is a zip archive",
        ):
            open_source(tmp_path / name)
    write_spreadsheet(tmp_path / "empty.xlsx", [])
    with pytest.raises(InputError, match="is empty"):
        open_source(tmp_path / "empty.xlsx")
    path = people(tmp_path / "large.xlsx")
    with zipfile.ZipFile(path) as packed:
        size = sum(entry.file_size for entry in packed.infolist())
    monkeypatch.setattr(spreadsheet, "MAX_UNPACKED", size)
    open_source(path)
    monkeypatch.setattr(spreadsheet, "MAX_UNPACKED", size - 1)
    with pytest.raises(InputError, match="Save the sheet as CSV"):
        open_source(path)


# --- folders ---


def parts(folder: Path) -> Path:
    for place, ids in (("country=PL/zip=01234", [1, 2]), ("country=DE/zip=__HIVE_DEFAULT_PARTITION__", [3])):
        (folder / place).mkdir(parents=True)
        pq.write_table(
            pa.table({"id": pa.array(ids, pa.int32()), "m": ["x"] * len(ids)}), folder / place / "part-0.parquet"
        )
    (folder / "_SUCCESS").touch()
    (folder / ".part-0.parquet.crc").write_bytes(b"x")
    return folder


def test_partitions_are_columns_of_text(tmp_path: Path) -> None:
    source = open_source(parts(tmp_path))
    read = [tuple(row.values()) for batch in source.batches() for row in batch.to_pylist()]
    assert read == [(3, "x", "DE", None), (1, "x", "PL", "01234"), (2, "x", "PL", "01234")]
    assert [row.cells for row in source.rows(["zip", "id"])][1] == ("01234", "1")


def test_parts_must_fit_together(tmp_path: Path) -> None:
    folder = parts(tmp_path / "t")
    source = open_source(folder)
    pq.write_table(pa.table({"id": [7], "m": ["y"]}), folder / "country=PL" / "zip=01234" / "part-1.parquet")
    with pytest.raises(InputError, match="changed while the program used it"):
        list(source.batches())
    assert pa.types.is_int64(open_source(folder).schema.field("id").type)
    extra = folder / "country=PL" / "zip=01234" / "part-2.parquet"
    for table, says in (
        ({"id": [1]}, "have different columns"),
        ({"id": ["x"], "m": ["y"]}, "different types in different files"),
    ):
        pq.write_table(pa.table(table), extra)
        with pytest.raises(InputError, match=says):
            open_source(folder)
    extra.write_text("id,m\n")
    with pytest.raises(InputError, match="is not a Parquet file"):
        open_source(folder)
    extra.rename(folder / "country=PL" / "part-2.parquet")
    with pytest.raises(InputError, match="cannot belong to one table"):
        open_source(folder)
