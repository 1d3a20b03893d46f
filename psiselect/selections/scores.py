"""A table of candidates and scores: labels as text, scores exactly."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from dpselect.scores import Scores, parse_score, take
from psi.tables import Source, fault_error
from psiselect.base.errors import InputError
from psiselect.base.rows import Fault
from psiselect.selections import words


def read_scores(source: Source, label: str, score: str, *, exact_floats: bool) -> tuple[list[str], Scores]:
    """Labels and scores of a table.

    Text is read as exact decimals or ratios, integers and decimals as they are. A column of binary floating-point
    numbers is refused unless `exact_floats`. Raises UsageError for a column that is not there, InputError with the line
    (text files) or row (from 1) for anything else: no rows, a repeated or empty label, a score that is no number.
    """
    for name in (label, score):
        _require_one(source, name)
    # A spreadsheet is text too, and its rows have numbers of their own.
    read = _text_scores if source.unit == "line" or source.header_line else _typed_scores
    labels, values, numbers = read(source, label, score, exact_floats)
    if not labels:
        raise words.no_candidates(source.name)
    seen: set[str] = set()
    for name, number in zip(labels, numbers, strict=True):
        if not name:
            raise _error(source, number, words.NO_LABEL)
        if name in seen:
            raise _error(source, number, words.label_twice(name))
        seen.add(name)
    try:
        return labels, take(values, exact_floats=exact_floats)
    except InputError as error:
        raise words.in_column(source.name, score, error) from None


# Labels, scores and the number of each row.
_Read = tuple[list[str], Any, list[int]]


def _text_scores(source: Source, label: str, score: str, _exact_floats: bool) -> _Read:
    labels: list[str] = []
    values: list[Any] = []
    numbers: list[int] = []
    for row in source.rows([label, score]):
        if isinstance(row, Fault):
            raise fault_error(source, row)
        if row.cells:
            labels.append(row.cells[0].strip())
            values.append(_parse(source, row.line, score, row.cells[1]))
            numbers.append(row.line)
    return labels, values, numbers


def _typed_scores(source: Source, label: str, score: str, exact_floats: bool) -> _Read:
    names, scores = _column(source, label), _column(source, score)
    kind = names.type
    if not (_is_text(kind) or pa.types.is_integer(kind)):
        raise words.not_labels(source.name, label, kind)
    labels = [str(value).strip() for value in names.to_pylist()]
    return labels, _numbers(source, score, scores, exact_floats), list(range(1, len(labels) + 1))


def _column(source: Source, name: str) -> pa.ChunkedArray:
    kind = source.schema.field(name).type
    column = pa.chunked_array([batch.column(0) for batch in source.batches([name])], kind)
    if column.null_count:
        raise _error(source, column.is_null().index(True).as_py() + 1, "no value", name)
    return column


def _numbers(source: Source, name: str, column: pa.ChunkedArray, exact_floats: bool) -> Any:
    kind = column.type
    if pa.types.is_integer(kind):
        return column.to_numpy()
    if pa.types.is_decimal(kind):
        return column.to_pylist()
    if pa.types.is_floating(kind):
        if exact_floats:
            return column.to_pylist()
        raise words.binary_floats(source.name, name)
    if _is_text(kind):
        return [_parse(source, row, name, text) for row, text in enumerate(column.to_pylist(), start=1)]
    raise words.not_scores(source.name, name, kind)


def _is_text(kind: pa.DataType) -> bool:
    found: bool = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return found


def _parse(source: Source, number: int, name: str, text: str) -> Any:
    try:
        return parse_score(text)
    except InputError as error:
        raise _error(source, number, str(error), name) from None


def _require_one(source: Source, name: str) -> None:
    header = source.schema.names
    if header.count(name) != 1:
        raise words.no_column(source.name, name, header[:20], several=name in header)


def _error(source: Source, number: int, problem: str, column: str | None = None) -> InputError:
    return words.in_row(source.name, source.unit, number, column, problem)
