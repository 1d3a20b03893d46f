"""The distinct keys of a table, and the way back from keys to rows; blanks, duplicates and unreadable rows counted, and
keys that stand in suspiciously many rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from psi.inputs import words
from psi.inputs.distinct import DistinctBuilder, SpooledKeys
from psi.normalize import KeySpec, Normalized, Reason
from psi.tables import Source, digits_lost, require_columns, text_column
from psiselect.base.errors import InputError
from psiselect.base.packed import I64, Packed

_SHOWN_ROWS = 20
# A key is frequent that stands in more than one row of a hundred, and in so many rows at least.
_FREQUENT_SHARE, _FREQUENT_ROWS = 100, 20
_KEYS_AT_ONCE = 1 << 20  # whose rows are counted in one go

# Gets, for each batch, the key columns as text, what the rule made of them, and the number of the batch's first row.
See = Callable[[Sequence[pa.Array], Normalized, int], None]


@dataclass(frozen=True, slots=True)
class Frequent:
    """A key in very many rows: perhaps a placeholder. rows: how many. first: the numbers of up to 20 of them."""

    rows: int
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """How a table's rows became keys: rows = distinct + duplicates + blank + unreadable.

    unreadable: rows by reason. first_unreadable: for each reason, the numbers of up to 20 first rows. frequent: keys in
    more than 1 % of the rows and at least 20, the most frequent first.
    """

    rows: int
    distinct: int
    duplicates: int
    blank: int
    unreadable: Mapping[Reason, int] = field(default_factory=dict)
    first_unreadable: Mapping[Reason, tuple[int, ...]] = field(default_factory=dict)
    frequent: tuple[Frequent, ...] = ()

    def to_json(self) -> dict[str, object]:
        """For --json and records: counts and row numbers only."""
        return {
            "rows": self.rows,
            "distinct": self.distinct,
            "duplicates": self.duplicates,
            "blank": self.blank,
            "unreadable": {str(reason): count for reason, count in self.unreadable.items()},
            "first_unreadable": {str(reason): list(rows) for reason, rows in self.first_unreadable.items()},
            "frequent": [{"rows": key.rows, "first_rows": list(key.first)} for key in self.frequent],
        }


@dataclass(frozen=True, slots=True)
class Items:
    """Distinct canonical keys, in an order of no meaning.

    row_to_key: int64, shape (rows,); the key of each row, -1 where blank or unreadable.
    """

    keys: Packed | SpooledKeys
    row_to_key: I64
    report: Report

    def matched_rows(self, matched: I64 | npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Rows whose key matched, as bool, shape (rows,). `matched`: indices of keys, or bool of shape (keys,)."""
        chosen = np.zeros(len(self.keys) + 1, bool)  # the last one stands for -1
        chosen[:-1][matched] = True
        found: npt.NDArray[np.bool_] = chosen[self.row_to_key]
        return found


def collect(
    source: Source,
    spec: KeySpec,
    *,
    nulls: Sequence[str] = (),
    strict: bool = False,
    folder: Path | None = None,
    memory_limit: int | None = None,
    see: See | None = None,
) -> Items:
    """Stream the key columns of `source` and gather the distinct canonical keys.

    nulls: texts that stand for nothing, whatever the rule; white space around them does not count. With `folder` and
    `memory_limit` (bytes), keys beyond the limit go to files there; see `psi.inputs.distinct`. see: called with each
    batch. Raises InputError when a column is missing, the table is malformed or, with `strict`, any row is unreadable.
    """
    require_columns(source, spec.columns, [rule.digests for rule in spec.rules])
    tally = _Tally()
    builder = DistinctBuilder(folder, memory_limit)
    try:
        for batch in source.batches(list(dict.fromkeys(spec.columns))):
            columns, read = keys_of(batch, spec, nulls, source.name)
            if see is not None:
                see(columns, read, tally.rows + source.first_row)
            tally.add(read, source.first_row)
            builder.add(read.values)
        if strict and tally.counts:
            raise _unreadable(source, spec, tally)
        distinct = builder.finish()
    except BaseException:
        builder.close()
        raise
    frequent = _frequent(distinct.row_to_key, len(distinct.keys), source.first_row)
    return Items(distinct.keys, distinct.row_to_key, replace(tally.report(len(distinct.keys)), frequent=frequent))


def keys_of(batch: pa.RecordBatch, spec: KeySpec, nulls: Sequence[str], name: str) -> tuple[list[pa.Array], Normalized]:
    """The key columns of a batch as text, and what the rule makes of them. name: of the table, for errors. Raises
    InputError."""
    columns = [
        text_column(batch.column(column), column, name, local_time=rule.local_time, digests=rule.digests)
        for column, rule in zip(spec.columns, spec.rules, strict=True)
    ]
    marks = pa.array(sorted({text.strip() for text in nulls}), pa.large_string())
    read = spec.apply([_without(marks, column) for column in columns] if len(marks) else columns)
    for column in spec.columns:
        lost = digits_lost(batch.column(column))
        read = read if lost is None else read.without(lost, Reason.DIGITS_LOST)
    return columns, read


def _without(marks: pa.Array, column: pa.Array) -> pa.Array:
    """The column with null instead of the texts of `--null`."""
    text = column.cast(pa.large_string())
    hit = pc.is_in(pc.utf8_trim_whitespace(text), marks)
    return pc.if_else(pc.and_(hit, pc.is_valid(text)), pa.scalar(None, pa.large_string()), text)


def no_key(source: Source, keys: Sequence[KeySpec], advice: Sequence[str | None] = ()) -> InputError:
    """The error of a list in which no row has a key. advice: for each key what is wrong with it, where that is known;
    see `psi.inputs.advice`."""
    known = [each for each in advice if each is not None]
    if known:
        return words.advised(source.name, known[0])
    return words.no_key(
        source.name, list(dict.fromkeys(column for key in keys for column in key.columns)), keys[0].describe()
    )


def most_frequent(row_to_key: I64, keys: int, first_row: int, *, least: int, most: int | None) -> tuple[Frequent, ...]:
    """Keys that stand in at least `least` rows, 2 or more, and of these the `most` first: the most frequent first, of
    equally frequent ones that whose first row comes first. Takes memory for a part of the keys only.

    row_to_key, keys: see `Items`; keys is how many. first_row: the number of the table's first row.
    """
    with_key = int((row_to_key >= 0).sum())
    if with_key - keys < least - 1:  # so few rows repeat a key
        return ()
    found: list[tuple[int, int, int]] = []
    for start in range(0, keys, _KEYS_AT_ONCE):
        rows = np.flatnonzero((row_to_key >= start) & (row_to_key < start + _KEYS_AT_ONCE))
        here = row_to_key[rows]
        here -= start
        counts = np.bincount(here)
        many = np.flatnonzero(counts >= least)
        if not len(many):
            continue
        first = np.zeros(len(counts), np.int64)
        first[here[::-1]] = rows[::-1]  # the last assignment stays: the first row's
        order = many[np.lexsort((first[many], -counts[many]))][:most]
        found += [(-int(counts[key]), int(first[key]), start + int(key)) for key in order]
    return tuple(
        Frequent(-count, tuple((np.flatnonzero(row_to_key == key)[:_SHOWN_ROWS] + first_row).tolist()))
        for count, _, key in sorted(found)[:most]
    )


def _frequent(row_to_key: I64, keys: int, first_row: int) -> tuple[Frequent, ...]:
    """Keys that stand in suspiciously many rows."""
    return most_frequent(row_to_key, keys, first_row, least=suspicious_rows(len(row_to_key)), most=None)


def suspicious_rows(rows: int) -> int:
    """In how many rows of a table with `rows` rows a key stands that is `Report.frequent`."""
    return max(rows // _FREQUENT_SHARE + 1, _FREQUENT_ROWS)


class _Tally:
    """Counts over the batches seen so far."""

    def __init__(self) -> None:
        self.rows = 0
        self.blank = 0
        self.counts: dict[Reason, int] = {}
        self.first: dict[Reason, list[int]] = {}

    def add(self, read: Normalized, first_row: int) -> None:
        for reason, rows in read.unreadable.items():
            self.counts[reason] = self.counts.get(reason, 0) + len(rows)
            shown = self.first.setdefault(reason, [])
            shown += (rows[: _SHOWN_ROWS - len(shown)] + self.rows + first_row).tolist()
        self.blank += read.blank_count
        self.rows += len(read.values)

    def report(self, distinct: int) -> Report:
        with_key = self.rows - self.blank - sum(self.counts.values())
        first = {reason: tuple(rows) for reason, rows in self.first.items()}
        return Report(self.rows, distinct, with_key - distinct, self.blank, dict(self.counts), first)


def _unreadable(source: Source, spec: KeySpec, tally: _Tally) -> InputError:
    shown = sorted((row, reason) for reason, rows in tally.first.items() for row in rows)[:_SHOWN_ROWS]
    listed = [(row, reason.words) for row, reason in shown]
    return words.unreadable_rows(source.name, spec.rule_names(), sum(tally.counts.values()), tally.rows, listed)
