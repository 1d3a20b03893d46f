"""Releases from columns of every kind: what is added up in batches is what each row by itself would give."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cli.release.command import command
from dpselect import numeric
from dpselect.decimals import parse_number
from dpselect.numeric import DiscreteLaplace
from psiselect.base.errors import InputError

HUGE = ["--epsilon", "1e9"]  # noise is 0 but for a chance below e^-1000
HALVES = ["1.5", "2.5", "-0.5", "7", "", None, "1e-40", "1e99", "4.499999999999999999", "4.5", " 3 ", "+2", "5."]
COLUMNS: dict[str, Any] = {
    "text": pa.array([*HALVES, "no", "nan"] * 3),
    "large text": pa.array(HALVES * 3, pa.large_string()),
    "dictionary": pa.array(["1.5", "2.5", None, "x"] * 9).dictionary_encode(),
    "int64": pa.array([1, 5, 15, -25, None, 2**62, -(2**63), 2**63 - 1]),
    "int8": pa.array([1, 5, 15, -25, None, 127], pa.int8()),
    "uint64": pa.array([1, 5, 2**64 - 1, None], pa.uint64()),
    "double": pa.array([0.5, 1.5, 2.5, 0.1, 1e-7, 1e22, 1e300, float("nan"), float("inf"), None, -0.0, 4.35]),
    "float": pa.array([0.5, 1.5, 0.1, 4.35, None], pa.float32()),
    "decimal": pa.array(["1.50", "2.50", "3.25", None], pa.string()).cast(pa.decimal128(12, 2)),
    "bool": pa.array([True, False, None]),
    "date": pa.array([datetime.date(2024, 2, 29), None]),
    "nulls": pa.nulls(3),
}
STATISTICS = [
    ["sum", "--lower", "-3", "--upper", "7", "--unit", "1"],
    ["sum", "--lower", "0", "--upper", "4.5", "--unit", "0.1"],
    ["sum", "--lower", "-1e30", "--upper", "1e30", "--unit", "1e-10"],  # more units than 64 bits hold
    ["mean", "--lower", "-3", "--upper", "7", "--neighbors", "add-remove"],
    ["histogram", "--bins", "0,0.1,1.5,7"],
    ["count", "--lower", "1.5"],
    ["count", "--lower", "0.1", "--upper", "2.5"],
]


def cell_texts(column: Any) -> list[str]:
    """Text as a CSV file would have it, written by hand for the columns above."""

    def text(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float) and value == value and abs(value) < 2**53 and value == int(value):
            return str(int(value))
        return repr(value) if isinstance(value, float) else str(value)

    values = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if column.type == pa.float32():
        values = pa.array([None if v is None else float(str(np.float32(v))) for v in values.to_pylist()])
    return [text(value) for value in values.to_pylist()]


def numbers(column: Any) -> list[Fraction]:
    found = []
    for text in cell_texts(column):
        try:
            found.append(parse_number(text, "x"))
        except InputError:
            continue
    return found


def run(*words: object) -> Any:
    result = CliRunner().invoke(command, [*map(str, words), "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)["value"]


def value_of(given: dict[str, str], rows: list[Fraction], statistic: str) -> object:
    """The same by one row after another, without noise."""
    low, high = (None if given.get(k) is None else Fraction(given[k]) for k in ("--lower", "--upper"))
    if statistic == "count":
        return sum((low is None or low <= v) and (high is None or v <= high) for v in rows)
    if statistic == "histogram":
        edges = [Fraction(e) for e in given["--bins"].split(",")]
        measurement = numeric.histogram(Fraction(1), numeric.NeighbouringRelation.ADD_REMOVE, edges=edges)
        return [int(v) for v in measurement.release(rows, None).values]  # type: ignore[arg-type]
    assert low is not None
    assert high is not None
    unit = Fraction(given.get("--unit", "1/100"))
    total = sum(round(min(high, max(low, v)) / unit) for v in rows) * unit
    return float(total) if statistic == "sum" else float(total / max(1, len(rows)) if rows else (low + high) / 2)


@pytest.fixture
def no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DiscreteLaplace, "release", lambda self, values, entropy: list(values))


@pytest.mark.usefixtures("no_noise")
@pytest.mark.parametrize("words", STATISTICS, ids=" ".join)
@pytest.mark.parametrize("name", COLUMNS)
def test_batches_add_up_as_rows_do(name: str, words: list[str], tmp_path: Path) -> None:
    column = COLUMNS[name]
    pq.write_table(pa.table({"v": column}), tmp_path / "t.parquet")
    given = dict(zip(words[1::2], words[2::2], strict=True))
    found = run(words[0], tmp_path / "t.parquet", "--column", "v", *words[1:], "--epsilon", 1, "--on-invalid", "drop")
    wanted = value_of(given, numbers(column), words[0])
    assert (list(found.values()) if isinstance(found, dict) else found) == pytest.approx(wanted)


@pytest.mark.usefixtures("no_noise")
@pytest.mark.parametrize("name", COLUMNS)
def test_cells_are_compared_as_text(name: str, tmp_path: Path) -> None:
    column = COLUMNS[name]
    pq.write_table(pa.table({"v": column}), tmp_path / "t.parquet")
    texts = [text.strip() for text in cell_texts(column)]
    common = [tmp_path / "t.parquet", "--column", "v", "--epsilon", 1]
    assert run("count", *common) == sum(text != "" for text in texts)
    assert run("count", *common, "--equals", " 1.5") == texts.count("1.5")
    cells = run("histogram", *common, "--categories", "1.5,2.5", "--other", "rest")
    assert cells == {
        "1.5": texts.count("1.5"),
        "2.5": texts.count("2.5"),
        "rest": len(texts) - sum(text in ("1.5", "2.5") for text in texts),
    }


@pytest.mark.usefixtures("no_noise")
def test_units_that_64_bits_do_not_hold(tmp_path: Path) -> None:
    """Values, bounds and steps of any size, in each statistic that reads numbers."""
    (tmp_path / "t.csv").write_text("p,v\na,5e29\nb,-7e29\nc,1e30\n")
    wide = [tmp_path / "t.csv", "--column", "v", "--epsilon", "1e70"]
    bounds = ["--lower", "-1e30", "--upper", "1e30", "--unit", "1e-10"]
    assert run("sum", *wide, *bounds, "--person", "p") == 8 * 10**29
    assert run("mean", *wide, *bounds, "--n", 3) == pytest.approx(8e29 / 3)
    cells = run("table", *wide, *bounds, "--by", "p", "--groups", "a,b,c", "--statistic", "sum")
    assert [cell["sum"] for cell in cells] == [5 * 10**29, -7 * 10**29, 10**30]
    far = [str(5 * 10**29 - 1), "--upper", str(5 * 10**29 + 8), "--unit", 1]
    assert run("quantile", *wide, "--q", "1/2", "--lower", *far) == 5 * 10**29


@pytest.mark.usefixtures("no_noise")
def test_all_rows_are_counted_in_batches(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"v": pa.array(range(200_000)), "w": pa.array(["a", "b"] * 100_000)}), tmp_path / "t.parquet"
    )
    common = [tmp_path / "t.parquet", "--epsilon", 1]
    assert run("count", *common, "--neighbors", "add-remove") == 200_000
    assert run("count", *common, "--column", "w", "--equals", "b") == 100_000
    assert run("sum", *common, "--column", "v", "--lower", 0, "--upper", 10**6) == 199_999 * 100_000


def test_an_invalid_cell_is_named_by_its_line(tmp_path: Path) -> None:
    rows = ["v,w", *(f"{k}.5,x" for k in range(70_000)), "seven,x", "8,x"]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    words = ["sum", str(tmp_path / "t.csv"), "--column", "v", "--lower", "0", "--upper", "9", "--epsilon", "1"]
    result = CliRunner().invoke(command, words)
    assert isinstance(result.exception, InputError)
    assert "line 70002: the value in the column 'v' is not a decimal number" in str(result.exception)
    assert "seven" not in str(result.exception)


def test_nested_columns_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"v": pa.array([[1], [2]])}), tmp_path / "t.parquet")
    for words in (["count"], ["sum", "--lower", "0", "--upper", "1"]):
        result = CliRunner().invoke(
            command, [words[0], str(tmp_path / "t.parquet"), "--column", "v", *words[1:], "--epsilon", "1"]
        )
        assert isinstance(result.exception, InputError)
        assert "cannot be written as text" in str(result.exception)


@pytest.mark.soak
@pytest.mark.parametrize(
    "words",
    [
        ["count", "--column", "n", "--equals", "7"],
        ["sum", "--column", "x", "--lower", "0", "--upper", "5000"],
        ["sum", "--column", "x", "--lower", "0", "--upper", "5000", "--person", "p", "--contributions", "5"],
        ["mean", "--column", "x", "--lower", "0", "--upper", "5000", "--neighbors", "add-remove"],
        ["histogram", "--column", "n", "--bins", "0,20,40,100"],
        ["quantile", "--column", "x", "--lower", "0", "--upper", "5000", "--unit", "1"],
    ],
    ids=lambda words: words[0],
)
def test_ten_million_rows_take_300_mb(words: list[str], tmp_path: Path) -> None:
    """Memory, and processor time below 60 s: that does not grow where others use the machine. A million persons."""
    draw = np.random.default_rng(1)
    table = pa.table(
        {"x": np.round(draw.gamma(2, 1500, 10**6), 2), "n": draw.integers(0, 100, 10**6), "p": range(10**6)}
    )
    with pq.ParquetWriter(tmp_path / "t.parquet", table.schema) as writer:
        for _ in range(10):
            writer.write_table(table)
    line = [sys.executable, "-m", "cli.main", "release", words[0], tmp_path / "t.parquet", *words[1:], "--epsilon", "1"]
    process = subprocess.Popen([*map(str, line)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    assert used.ru_maxrss < 300 * 1024
    assert used.ru_utime + used.ru_stime < 60
