"""What a session would make of a list, found out without a peer: the same counts, for people to look at beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from psi.inputs import items
from psi.inputs.advice import Sample, advise
from psi.inputs.distinct import SpooledKeys
from psi.inputs.items import Frequent, Report, See
from psi.normalize import KeySpec, Normalized, Reason
from psi.tables import Source

EXAMPLES = 20
MOST_FREQUENT = 10
_LOOKED_AT = 5000  # rows, at the beginning, in which examples of readable keys are looked for
_OF_A_REASON = 2  # examples that are kept for each reason, unless there is room for more


@dataclass(frozen=True, slots=True)
class Example:
    """One row before and after the rule. It holds private values: for the eyes of the list's owner only.

    row: its number. before: the texts in the key's columns, None for null. after: the canonical value of each part of
    the key, the reason why there is none, or None for a blank.
    """

    row: int
    before: tuple[str | None, ...]
    after: tuple[str, ...] | Reason | None


@dataclass(frozen=True, slots=True, repr=False)
class CheckedKey:
    """What became of a list's rows under one key.

    report: as a session counts. most_frequent: up to 10 keys that stand in two rows or more, the most frequent first.
    advice: what is wrong and how to mend it, where over half of the rows cannot match, or the rule does not suit the
    column; else None. examples: at most as many as were asked for, by row.
    """

    key: KeySpec
    report: Report
    most_frequent: tuple[Frequent, ...]
    advice: str | None
    examples: tuple[Example, ...]

    def __repr__(self) -> str:
        return f"<CheckedKey {self.key.describe()}>"

    @property
    def digest(self) -> str:
        """64 hex digits, the same on both sides exactly when rules, versions and options are: what sessions compare."""
        return self.key.digest().hex()

    def to_dict(self) -> dict[str, object]:
        """Counts, row numbers and rules, without examples, in values that JSON has."""
        return {
            "columns": list(self.key.columns),
            "rule": self.key.describe(),
            "digest": self.digest,
            **self.report.to_json(),
            "most_frequent": [{"rows": key.rows, "first_rows": list(key.first)} for key in self.most_frequent],
            "advice": self.advice,
        }

    to_json = to_dict  # its older name


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """A list that was checked. rows_with_key: rows that at least one key can match."""

    name: str
    rows: int
    rows_with_key: int
    keys: tuple[CheckedKey, ...]

    def __repr__(self) -> str:
        return f"<Checked {self.name}>"

    def to_dict(self) -> dict[str, object]:
        """What the command prints with `--json`: counts, row numbers and rules, without examples."""
        return {
            "file": self.name,
            "rows": self.rows,
            "rows_with_key": self.rows_with_key,
            "keys": [key.to_dict() for key in self.keys],
        }

    to_json = to_dict  # its older name


def check(
    source: Source,
    keys: Sequence[KeySpec],
    *,
    nulls: Sequence[str] = (),
    folder: Path | None = None,
    memory_limit: int | None = None,
    examples: int = 0,
) -> Checked:
    """Read the list once for each key, and count as a session does. Nothing is sent, and no identity is needed.

    source: see `psi.tables.open_source`. keys: one or more, see `psi.normalize.parse_key`. nulls, folder, memory_limit:
    see `psi.inputs.items.collect`; keys are held one at a time. examples: how many to keep of each key, at most.
    A list without any key is no error here; `rows_with_key` is then 0. Raises InputError when a column is missing or
    the table is malformed.
    """
    if not keys:
        raise ValueError("a list is checked by one key or more")
    each = [_check_key(source, key, nulls, folder, memory_limit, examples) for key in keys]
    with_key = np.logical_or.reduce([rows for _, rows in each])
    return Checked(source.name, len(with_key), int(with_key.sum()), tuple(checked for checked, _ in each))


def _check_key(
    source: Source,
    key: KeySpec,
    nulls: Sequence[str],
    folder: Path | None,
    memory_limit: int | None,
    examples: int,
) -> tuple[CheckedKey, npt.NDArray[np.bool_]]:
    """What became of the rows under one key, and which of them have it; its values are let go of."""
    sample, shown = Sample(key), _Examples(key, examples)
    both = _both(sample.add, shown.add)
    found = items.collect(source, key, nulls=nulls, folder=folder, memory_limit=memory_limit, see=both)
    try:
        frequent = items.most_frequent(found.row_to_key, len(found.keys), source.first_row, least=2, most=MOST_FREQUENT)
    finally:
        if isinstance(found.keys, SpooledKeys):
            found.keys.close()
    checked = CheckedKey(key, found.report, frequent, advise(key, found.report, sample), shown.chosen())
    return checked, found.row_to_key >= 0


def _both(one: See, other: See) -> See:
    def see(columns: Sequence[pa.Array], read: Normalized, first: int) -> None:
        one(columns, read, first)
        other(columns, read, first)

    return see


class _Examples:
    """Rows to show: those that a rule changes or cannot read before those that it leaves as they are."""

    def __init__(self, key: KeySpec, most: int) -> None:
        self._key, self._most = key, most
        self._looked_at = 0
        self._seen: set[tuple[str | None, ...]] = set()
        self._changed: list[Example] = []
        self._same: list[Example] = []
        self._unreadable: dict[Reason, list[Example]] = {}

    def add(self, columns: Sequence[pa.Array], read: Normalized, first: int) -> None:
        """Look at a batch; see `psi.inputs.items.See`."""
        if not self._most:
            return
        for reason, rows in read.unreadable.items():
            kept = self._unreadable.setdefault(reason, [])
            for row in rows[: self._most - len(kept)].tolist():
                kept.append(Example(row + first, _texts(columns, row), reason))
        unreadable = {row for rows in read.unreadable.values() for row in rows[:_LOOKED_AT].tolist()}
        for row in range(min(len(read.values), _LOOKED_AT - self._looked_at)):
            before = _texts(columns, row)
            if row not in unreadable and before not in self._seen and any(text and text.strip() for text in before):
                self._keep(Example(row + first, before, self._after(read, row)))
        self._looked_at = min(self._looked_at + len(read.values), _LOOKED_AT)

    def chosen(self) -> tuple[Example, ...]:
        """Up to as many as were asked for, by row."""
        some = [each for kept in self._unreadable.values() for each in kept[:_OF_A_REASON]][: self._most // 2]
        rest = [each for kept in self._unreadable.values() for each in kept[_OF_A_REASON:]]
        found = [*some, *self._changed, *self._same, *rest][: self._most]
        return tuple(sorted(found, key=lambda example: example.row))

    def _keep(self, example: Example) -> None:
        kept = self._same if example.after == example.before else self._changed
        if len(kept) < self._most:
            self._seen.add(example.before)
            kept.append(example)

    def _after(self, read: Normalized, row: int) -> tuple[str, ...] | None:
        value = read.values[row].as_py()
        return None if value is None else self._key.values_of(value)


def _texts(columns: Sequence[pa.Array], row: int) -> tuple[str | None, ...]:
    return tuple(column[row].cast(pa.large_string()).as_py() for column in columns)
