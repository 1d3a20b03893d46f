"""The distinct keys of a table, and the way back from keys to rows; blanks, duplicates and unreadable rows counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from psi.inputs.distinct import DistinctBuilder, SpooledKeys
from psi.normalize import KeySpec, Normalized, Reason
from psi.tables import Source, require_columns, text_column
from psiselect.base.errors import InputError
from psiselect.base.packed import I64, Packed

_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Report:
    """How a table's rows became keys: rows = distinct + duplicates + blank + unreadable.

    unreadable: rows by reason. first_unreadable: for each reason, the numbers of up to 20 first rows.
    """

    rows: int
    distinct: int
    duplicates: int
    blank: int
    unreadable: Mapping[Reason, int] = field(default_factory=dict)
    first_unreadable: Mapping[Reason, tuple[int, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """For --json and records: counts and row numbers only."""
        return {
            "rows": self.rows,
            "distinct": self.distinct,
            "duplicates": self.duplicates,
            "blank": self.blank,
            "unreadable": {str(reason): count for reason, count in self.unreadable.items()},
            "first_unreadable": {str(reason): list(rows) for reason, rows in self.first_unreadable.items()},
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
    strict: bool = False,
    folder: Path | None = None,
    memory_limit: int | None = None,
) -> Items:
    """Stream the key columns of `source` and gather the distinct canonical keys.

    With `folder` and `memory_limit` (bytes), keys beyond the limit go to files there; see `psi.inputs.distinct`. Raises
    InputError when a column is missing, the table is malformed or, with `strict`, any row is unreadable.
    """
    require_columns(source, spec.columns)
    tally = _Tally()
    builder = DistinctBuilder(folder, memory_limit)
    try:
        for batch in source.batches(list(dict.fromkeys(spec.columns))):
            columns = [text_column(batch.column(name), name, source.name) for name in spec.columns]
            read = spec.apply(columns)
            tally.add(read, source.first_row)
            builder.add(read.values)
        if strict and tally.counts:
            raise _unreadable(source, spec, tally)
        distinct = builder.finish()
    except BaseException:
        builder.close()
        raise
    return Items(distinct.keys, distinct.row_to_key, tally.report(len(distinct.keys)))


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
    total = sum(tally.counts.values())
    listed = ", ".join(f"{row} ({reason})" for row, reason in shown)
    more = f" and {total - len(shown)} more" if total > len(shown) else ""
    return InputError(
        f"{source.name}: {total} of {tally.rows} rows are unreadable under {spec.describe()}: rows: {listed}{more}; "
        "correct or empty them, or run without --strict",
        term="rule",
    )
