"""Tables that the calling program holds, as sources: every form gives the same rows, as often as asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from psi.tables import held as held_tables
from psi.tables import hold
from psiselect.base.errors import InputError, UsageError

ROWS = {"mail": ["ann@example.com", None, "zoë@example.org"], "n": [1, 2, 3]}


def pandas_frame() -> Any:
    return pytest.importorskip("pandas", reason="pandas is in the test extra").DataFrame(ROWS)


def polars_frame() -> Any:
    return pytest.importorskip("polars", reason="polars is in the test extra").DataFrame(ROWS)


def duckdb_relation() -> Any:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is in the test extra")
    return duckdb.sql("SELECT * FROM (VALUES ('ann@example.com', 1), (NULL, 2), ('zoë@example.org', 3)) t(mail, n)")


def arrow() -> pa.Table:
    return pa.table(ROWS)


class Capsule:
    """Nothing but the PyCapsule interface, once, as Ibis and others offer it."""

    def __init__(self) -> None:
        self._left = [arrow()]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._left.pop().__arrow_c_stream__(requested_schema)


FORMS: dict[str, Callable[[], Any]] = {
    "pandas": pandas_frame,
    "polars": polars_frame,
    "polars, as its views": lambda: pa.table(polars_frame()),
    "duckdb": duckdb_relation,
    "pyarrow": arrow,
    "a batch": lambda: arrow().to_batches()[0],
    "batches": lambda: arrow().to_batches(max_chunksize=2),
    "an iterator": lambda: iter(arrow().to_batches(max_chunksize=2)),
    "a generator": lambda: (batch for batch in arrow().to_batches(max_chunksize=1)),
    "a reader": lambda: arrow().to_reader(),
    "a capsule": Capsule,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_rows_twice(form: str, tmp_path: Path) -> None:
    source = hold(FORMS[form](), tmp_path)
    assert source.schema.names == ["mail", "n"]
    for _ in range(2):
        assert pa.Table.from_batches(source.batches(), source.schema).to_pydict() == ROWS
        assert pa.Table.from_batches(source.batches(["n", "mail"])).column_names == ["n", "mail"]
    assert [(row.line, *row.cells) for row in source.rows(["mail"])] == [  # type: ignore[union-attr]
        (1, "ann@example.com"),
        (2, ""),
        (3, "zoë@example.org"),
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["an iterator", "a reader", "a capsule", "duckdb"])
def test_what_comes_once_is_kept_on_disk_and_what_stays_is_not(form: str, tmp_path: Path) -> None:
    assert hold(FORMS[form](), tmp_path).disk_bytes > 0
    assert hold(arrow(), tmp_path).disk_bytes == 0


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(held_tables, "BATCH_ROWS", 2)
    assert [len(batch) for batch in hold(arrow(), tmp_path).batches()] == [2, 1]


@pytest.mark.parametrize("as_batches", [False, True])
def test_categories_and_views_become_plain_text(as_batches: bool, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars", reason="polars is in the test extra")
    frame = polars.DataFrame({"c": polars.Series(["p", "q", "p"], dtype=polars.Categorical), "b": [b"1", b"2", b"3"]})
    table = pa.table(frame)
    assert pa.types.is_string_view(table.schema.field("c").type.value_type)
    source = hold(iter(table.to_batches()) if as_batches else table, tmp_path)
    assert source.schema.field("b").type == pa.large_binary()
    assert pa.Table.from_batches(source.batches()).to_pydict() == {"c": ["p", "q", "p"], "b": [b"1", b"2", b"3"]}


def test_named_levels_of_an_index_are_columns_and_others_are_not(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is in the test extra")
    frame = pandas.DataFrame({"n": [1, 2], 5: [3, 4]}, index=pandas.Index(["a", "b"], name="mail"))
    assert hold(frame, tmp_path).schema.names == ["mail", "n", "5"]
    assert hold(frame.rename_axis(None), tmp_path).schema.names == ["n", "5"]
    several = pandas.DataFrame({"n": [1]}, index=pandas.MultiIndex.from_tuples([("a", 2)], names=["mail", None]))
    assert hold(several, tmp_path).schema.names == ["mail", "n"]


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a number": (lambda: 3, UsageError, "is of type int, which is not a table. Give a path"),
    "none": (lambda: None, UsageError, "is of type NoneType"),
    "text": (lambda: "x.csv", UsageError, "is of type str"),
    "columns as lists": (lambda: ROWS, UsageError, r"use pyarrow\.table"),
    "rows as dictionaries": (lambda: [{"mail": "ann@example.com"}], UsageError, r"Table\.from_pylist"),
    "no batch": (list, UsageError, "no record batch"),
    "an empty iterator": (lambda: iter([]), UsageError, "no record batch"),
    "batches that differ": (
        lambda: [pa.record_batch({"a": [1]}), pa.record_batch({"a": ["x"]})],
        InputError,
        "different columns",
    ),
    "an iterator of batches that differ": (
        lambda: iter([pa.record_batch({"a": [1]}), pa.record_batch({"b": [1]})]),
        InputError,
        "different columns",
    ),
    "two columns of one name": (
        lambda: pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]),
        InputError,
        "several columns are named 'a'",
    ),
    "mixed values": (
        lambda: pytest.importorskip("pandas").DataFrame({"n": [1], "m": [object()]}),
        InputError,
        "column 'm' has values of several types",
    ),
    "a column": (lambda: polars_frame()["mail"], UsageError, "something else, such as a single column"),
    "a plan": (lambda: polars_frame().lazy(), UsageError, r"Call \.collect\(\) first"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused_with_what_to_do(case: str, tmp_path: Path) -> None:
    made, error, words = REFUSED[case]
    with pytest.raises(error, match=words) as raised:
        hold(made(), tmp_path, "table A")
    assert str(raised.value).startswith("table A")
    assert "ann@" not in str(raised.value)


def test_a_stream_that_breaks_off_is_an_input_error_without_its_words(tmp_path: Path) -> None:
    def broken() -> Any:
        yield arrow().to_batches()[0]
        raise OSError("ann@example.com could not be read")

    with pytest.raises(InputError, match="the program could not read all rows") as raised:
        hold(broken(), tmp_path)
    assert "ann@" not in str(raised.value)
