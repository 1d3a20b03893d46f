"""Reading a table of candidates and scores: labels as text, scores exactly."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dpselect.scores import Scores, parse_score, take
from psiselect.base.errors import InputError, UsageError

_PARQUET_MAGIC = b"PAR1"


def read_scores(path: Path, label: str, score: str, *, exact_floats: bool) -> tuple[list[str], Scores]:
    """Labels and scores of a CSV file (UTF-8, with a header) or a Parquet file, told apart by content.

    CSV scores are exact decimals or ratios as written. A Parquet column of floats is refused unless `exact_floats`.
    Raises UsageError for a column that is not there, InputError with the line (CSV) or row (Parquet, from 1) for
    anything else: no rows, a repeated or empty label, a score that is no number.
    """
    try:
        with path.open("rb") as file:
            binary = file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    reader = _parquet if binary else _csv
    labels, values, places = reader(path, label, score, exact_floats)
    if not labels:
        raise InputError(f"{path}: no candidates; expected a row for each")
    _check_labels(path, labels, places)
    try:
        return labels, take(values, exact_floats=exact_floats)
    except InputError as error:
        raise InputError(f"{path}, column {score!r}: {error}") from None


def _check_labels(path: Path, labels: list[str], places: Sequence[str]) -> None:
    seen: set[str] = set()
    for name, place in zip(labels, places, strict=True):
        if not name:
            raise InputError(f"{path}, {place}: the label is empty")
        if name in seen:
            raise InputError(f"{path}, {place}: the label {name!r} is there twice; each candidate needs its own")
        seen.add(name)


_Read = tuple[list[str], Any, list[str]]


def _csv(path: Path, label: str, score: str, _exact_floats: bool) -> _Read:
    labels: list[str] = []
    values: list[Any] = []
    places: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            columns = _column(path, header, label), _column(path, header, score)
            for row in rows:
                if not row:
                    continue
                place = f"line {rows.line_num}"
                if len(row) != len(header):
                    raise InputError(f"{path}, {place}: {len(row)} fields, expected {len(header)} as in the header")
                try:
                    values.append(parse_score(row[columns[1]]))
                except InputError as error:
                    raise InputError(f"{path}, {place}, column {score!r}: {error}", line=rows.line_num) from None
                labels.append(row[columns[0]].strip())
                places.append(place)
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; expected a CSV or Parquet file") from None
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: {error}") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    return labels, values, places


def _column(path: Path, header: list[str], name: str) -> int:
    if header.count(name) != 1:
        there = ", ".join(map(repr, header[:20])) or "none"
        raise UsageError(f"{path}: expected one column {name!r} in the header; the columns are {there}")
    return header.index(name)


def _parquet(path: Path, label: str, score: str, exact_floats: bool) -> _Read:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            for name in (label, score):
                _column(path, names, name)
            table = file.read(columns=[label, score])
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({error})") from None
    for name in (label, score):
        if table[name].null_count:
            row = table[name].is_null().index(True).as_py() + 1
            raise InputError(f"{path}, row {row}, column {name!r}: no value")
    kind = table[label].type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        raise InputError(f"{path}, column {label!r}: {kind} is no label; expected text or integers")
    labels = [str(value).strip() for value in table[label].to_pylist()]
    places = [f"row {row}" for row in range(1, len(labels) + 1)]
    return labels, _arrow_scores(path, score, table[score], exact_floats), places


def _arrow_scores(path: Path, name: str, column: Any, exact_floats: bool) -> Any:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_integer(kind):
        return column.to_numpy()
    if pa.types.is_decimal(kind):
        return column.to_pylist()
    if pa.types.is_floating(kind):
        if exact_floats:
            return column.to_pylist()
        raise InputError(
            f"{path}, column {name!r}: binary floating-point numbers; store integers, decimals or text, or say "
            "--exact-floats if exactly these binary fractions are meant"
        )
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        values = []
        for row, text in enumerate(column.to_pylist(), start=1):
            try:
                values.append(parse_score(text))
            except InputError as error:
                raise InputError(f"{path}, row {row}, column {name!r}: {error}") from None
        return values
    raise InputError(f"{path}, column {name!r}: {kind} is no score; expected integers, decimals or text")
