"""From rows to cells: how many rows each group has, and what their values add up to."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa

from dpselect.columnar import GridPlaces, Integers, Sure, add
from dpselect.grid import Grid
from dpselect.grouped import Cell, Group
from dpselect.numeric import Invalid
from dpselect.persons import PersonRows
from psiselect.base.errors import InputError
from psiselect.base.rows import Fault
from psiselect.releases import words
from psiselect.releases.common import Common
from psiselect.releases.streaming import distinct_cells, placed, plain_array


@dataclass(frozen=True)
class Grouping:
    """How rows become groups. by: the columns. named: the groups named beforehand; None where they are found.
    known: for each column the names that are not `other`; used only with `other`."""

    by: tuple[str, ...]
    named: Collection[Group] | None = None
    known: tuple[frozenset[str], ...] = ()
    other: str | None = None

    def group_of(self, cells: Group) -> Group | None:
        """The group of a row. None where a cell is blank, without `other`: such a row is counted nowhere."""
        if self.other is not None:
            rest = self.other
            return tuple(c if c in known else rest for c, known in zip(cells, self.known, strict=True))
        return cells if all(cells) else None


class Tabulation:
    """One table, read once, or twice where rows are kept by person.

    grid: of the values, which are in the column of `common`; None where rows are only counted.
    """

    def __init__(self, common: Common, grouping: Grouping, grid: Grid | None, rows_per_group: int | None) -> None:
        self._common, self._grouping, self._grid = common, grouping, grid
        self._per_group = rows_per_group
        self._source = common.open(*grouping.by)
        value = [common.column] if grid is not None and common.column is not None else []
        person = [] if common.person is None else [common.person]
        self._columns = list(dict.fromkeys([*grouping.by, *value, *person]))

    def cells(self) -> dict[Group, Cell]:
        """What each group holds. Raises InputError by the rule for invalid values."""
        kept = self._choice()
        found: dict[Group, list[int]] = {}
        for first, batch in self._batches():
            groups, which = self._groups(batch, first)
            counted = which >= 0
            if kept is not None:
                counted &= self._kept(kept, batch, groups, which)
            units = self._units(batch, counted, first)
            rows = np.bincount(which[counted], minlength=len(groups)).tolist()
            totals = self._totals(units, which, counted, len(groups))
            for group, count, total in zip(groups, rows, totals, strict=True):
                if count:
                    cell = found.setdefault(group, [0, 0])
                    cell[0] += count
                    cell[1] += total
        self._common.note_persons(self._source)
        return {group: Cell(rows, total) for group, (rows, total) in found.items()}

    def _batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        first = 0
        for batch in self._source.batches(self._columns):
            yield first, batch
            first += len(batch)

    def _texts(self, batch: pa.RecordBatch, column: str) -> tuple[list[str], Integers]:
        return distinct_cells(plain_array(batch.column(column)), column, self._source.name)

    def _groups(self, batch: pa.RecordBatch, first: int) -> tuple[list[Group], Integers]:
        """The groups of a batch, and for each row which of them it is in; -1 for none."""
        columns = [self._texts(batch, column) for column in self._grouping.by]
        code = np.zeros(len(batch), np.int64)
        for texts, which in columns:
            code = code * len(texts) + which
        codes, place = np.unique(code, return_inverse=True)
        groups: dict[Group, int] = {}
        numbers, wrong = [], []
        for number in codes.tolist():
            cells: list[str] = []
            rest = number
            for texts, _ in reversed(columns):
                rest, at = divmod(rest, len(texts))
                cells.insert(0, texts[at])
            group = self._grouping.group_of(tuple(cells))
            unknown = group is not None and self._grouping.named is not None and group not in self._grouping.named
            wrong.append(unknown)
            numbers.append(-1 if group is None or unknown else groups.setdefault(group, len(groups)))
        if any(wrong) and self._common.invalid is Invalid.ERROR:
            row = int(np.array(wrong)[place].argmax())
            raise self._error(first + row, words.IN_NO_GROUP)
        return list(groups), np.array(numbers, np.int64)[place]

    def _units(self, batch: pa.RecordBatch, counted: Sure, first: int) -> Integers | None:
        """The values of the rows that count, in units; a row without a value counts no more."""
        if self._grid is None:
            return None
        column = self._common.column or ""
        found = placed(plain_array(batch.column(column)), column, self._source.name, GridPlaces(self._grid))
        wrong = counted & ~found.valid
        if wrong.any() and self._common.invalid is Invalid.ERROR:
            raise self._error(first + int(wrong.argmax()), words.not_a_number(column))
        counted &= found.valid
        return found.places

    def _totals(self, units: Integers | None, which: Integers, counted: Sure, groups: int) -> list[int]:
        if units is None or self._grid is None:
            return [0] * groups
        most = max(abs(self._grid.low), abs(self._grid.high))
        if most * which.size >= 1 << 62:
            return [add(units[counted & (which == number)], most) for number in range(groups)]
        sums = np.zeros(groups, np.int64)
        np.add.at(sums, which[counted], units[counted])
        return [int(total) for total in sums]

    # ------------------------------------------------------------------------------------------ rows of a person

    def _choice(self) -> tuple[PersonRows, PersonRows | None] | None:
        """Which rows are kept of each person, and before that of each person in each group."""
        if self._common.person is None:
            return None
        most = self._per_group or 0
        limit = PersonRows(most) if most else None
        chosen = PersonRows(self._common.contributions)
        for first, batch in self._batches():
            persons, whose = self._persons(batch, first)
            if limit is None:
                for person, rows in zip(persons, np.bincount(whose, minlength=len(persons)).tolist(), strict=True):
                    chosen.count(person, rows if person else 0)
            else:
                groups, which = self._groups(batch, first)
                for person, group in zip(whose.tolist(), which.tolist(), strict=True):
                    if persons[person] and limit.count(_both(persons[person], groups, group)) <= most:
                        chosen.count(persons[person])
        return chosen, limit

    def _kept(
        self, choice: tuple[PersonRows, PersonRows | None], batch: pa.RecordBatch, groups: list[Group], which: Integers
    ) -> Sure:
        chosen, limit = choice
        persons, whose = self._texts(batch, self._common.person or "")
        return np.array(
            [
                bool(persons[person])
                and (limit is None or limit.keeps(_both(persons[person], groups, group)))
                and chosen.keeps(persons[person])
                for person, group in zip(whose.tolist(), which.tolist(), strict=True)
            ],
            np.bool_,
        )

    def _persons(self, batch: pa.RecordBatch, first: int) -> tuple[list[str], Integers]:
        column = self._common.person or ""
        persons, whose = self._texts(batch, column)
        blank = np.array([not person for person in persons], np.bool_)[whose]
        if blank.any() and self._common.invalid is Invalid.ERROR:
            raise self._error(first + int(blank.argmax()), words.nobodys_row(column))
        return persons, whose

    def _error(self, row: int, problem: str) -> InputError:
        """The problem of a row, by its number from 0, with the number of its line."""
        single = len(self._source.schema) == 1
        rows = self._source.rows(self._columns)
        lines = (found.line for found in rows if isinstance(found, Fault) or found.cells or single)
        line = next(islice(lines, row, None))
        return words.wrong_row(self._source.name, self._source.unit, line, problem)


def _both(person: str, groups: list[Group], group: int) -> str:
    """A person in a group, as one name that no other pair has."""
    return json.dumps([person, None if group < 0 else groups[group]])
