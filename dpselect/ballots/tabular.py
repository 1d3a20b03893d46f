"""Ballots in a table, in the shapes of `shapes`; docs/ballot-formats.md defines them.

A row that the table's reader could not read is an invalid ballot like any other. So is a blank line, except at the end
of the file. In a table whose rows can be told apart only by reading their cells, an unreadable row breaks the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dpselect.ballots import words
from dpselect.ballots.cells import CellReader, index_of
from dpselect.ballots.matrix import MatrixReader
from dpselect.ballots.model import BallotBox, BallotColumnError, InvalidBallotsError, OnInvalid, Reading, Rules
from dpselect.ballots.shapes import Shape, choose, maybe_ballots
from dpselect.ballots.voters import ALL, Electorate, electorate
from psiselect.base.columns import BLANK, Chunk, ColumnTable, Lines, TextColumn
from psiselect.base.errors import InputError

_LOOKED_AT = 1000


def read(table: ColumnTable, rules: Rules) -> Reading:
    """Read ballots. Raises InputError, with the table's name and the row's place; UsageError for rules that do not fit
    the table."""
    try:
        return _read(table, rules)
    except InvalidBallotsError as error:
        raise InvalidBallotsError(f"{table.name}: {error}", line=error.line) from None
    except BallotColumnError as error:
        said = table.error(error.line or 0, str(error))
        raise BallotColumnError(str(said), line=error.line or 0, column=_that_fits(table, rules)) from None
    except InputError as error:
        if error.line is None:  # the reader's own
            raise
        raise table.error(error.line, str(error)) from None


def _read(table: ColumnTable, rules: Rules) -> Reading:
    shape = choose(table.header, table.header_line, rules)
    box = BallotBox(len(shape.candidates), rules, table.unit)
    counter = _counter(shape, rules, box, table.header_line)
    voters = _voters(table, shape, rules, box)
    for chunk in sound_chunks(table, shape.places, box, words.HINTS):
        counter.count(chunk.lines, chunk.columns, voters.chosen(chunk.lines), box)
    box.replaced = voters.earlier
    notes = [words.unused_columns(shape.ignored)] if shape.ignored else []
    form = "csv" if table.unit == "line" else "table"
    return box.reading(shape.candidates, form, notes=notes, by_voter=shape.voter is not None)


def _counter(shape: Shape, rules: Rules, box: BallotBox, line: int) -> ListCounter | NumberedCounter | MatrixReader:
    if shape.matrix:
        return MatrixReader(shape.candidates, rules)
    if shape.numbered:
        return NumberedCounter(shape.candidates, rules)
    try:
        return ListCounter(CellReader.of(rules, shape.candidates), rules.show)
    except InputError as error:
        raise words.fault(line, str(error)) from None


def _voters(table: ColumnTable, shape: Shape, rules: Rules, box: BallotBox) -> Electorate:
    if shape.voter is None:
        return ALL
    ids = ((chunk.lines, chunk.columns[0]) for chunk in table.chunks([shape.voter]))
    return electorate(ids, rules.of_repeated, box)


def sound_chunks(
    table: ColumnTable, places: Sequence[int], box: BallotBox, hints: Mapping[str, str] | None = None
) -> Iterator[Chunk]:
    """The rows that could be read; the others go to `box`, blank lines at the end of the file to nobody.

    hints: for the tallier, what is wrong with a row and what may be done about it, by what is wrong.
    """
    blanks: list[Lines] = []
    last = 0
    for chunk in table.chunks(places):
        faults = dict(chunk.faults)
        blanks.append(faults.pop(BLANK, np.zeros(0, np.int64)))
        if table.whole and faults:
            problem, lines = min(faults.items(), key=lambda item: int(item[1].min()))
            raise words.fault(int(lines.min()), problem)
        box.refuse_lines(faults, hints)
        last = max([last, *(int(lines.max()) for lines in (chunk.lines, *faults.values()) if len(lines))])
        if len(chunk.lines):
            yield chunk
    blank = np.concatenate([np.zeros(0, np.int64), *blanks])
    box.refuse_lines({words.EMPTY_LINE: blank[blank < last]})


class ListCounter:
    """Counts ballots whose cells hold names. show: whether messages show a cell."""

    def __init__(self, reader: CellReader, show: bool, bounds: tuple[int, int | None] = (0, None)) -> None:
        self._reader = reader
        self._show = show
        self._shortest, self._longest = bounds

    def count(self, lines: Lines, columns: Sequence[TextColumn], chosen: npt.NDArray[np.bool_], box: BallotBox) -> None:
        """Count the rows that are chosen. columns: one, or several whose names are taken together."""
        if len(columns) > 1:
            columns = [_joined(columns, box.rules.separator or "\n")]
        (column,) = columns
        cells = self._reader.read(column.texts)
        lengths = cells.lengths
        times = np.bincount(column.codes[chosen], minlength=len(column.texts))
        self._refuse(lines, column, chosen & cells.bad[column.codes], box)
        wrong = ~cells.bad & (lengths < self._shortest)
        if self._longest is not None:
            wrong |= ~cells.bad & (lengths > self._longest)
        self._refuse_length(lines, column, chosen & wrong[column.codes], lengths, box)
        times[cells.bad | wrong] = 0
        box.count(int(times.sum()), cells.candidate, times[cells.cell])

    def _refuse(self, lines: Lines, column: TextColumn, bad: npt.NDArray[np.bool_], box: BallotBox) -> None:
        if bad.any():
            at = np.flatnonzero(bad)
            first = int(at[np.argmin(lines[at])])
            text = column.texts[int(column.codes[first])].as_py()
            # The guess at what is wrong is for the tallier.
            strict = box.rules.on_invalid is OnInvalid.ERROR
            detail = self._reader.problem(text, show=self._show) if strict else None
            box.refuse(words.STRANGER, len(at), int(lines[first]), detail)

    def _refuse_length(
        self, lines: Lines, column: TextColumn, bad: npt.NDArray[np.bool_], lengths: Lines, box: BallotBox
    ) -> None:
        if bad.any():
            at = np.flatnonzero(bad)
            first = int(at[np.argmin(lines[at])])
            detail = words.wrong_number(int(lengths[column.codes[first]]), self._shortest, self._longest)
            box.refuse(words.WRONG_NUMBER, len(at), int(lines[first]), detail)


class NumberedCounter:
    """Counts ballots whose cells hold one name each."""

    def __init__(self, candidates: tuple[str, ...], rules: Rules) -> None:
        self._candidates = candidates
        self._rules = rules

    def count(self, lines: Lines, columns: Sequence[TextColumn], chosen: npt.NDArray[np.bool_], box: BallotBox) -> None:
        """Count the rows that are chosen. columns: the first name of each row, the second, and so on."""
        found = np.stack([self._named(column) for column in columns], axis=1)
        strange = chosen & (found == -2).any(axis=1)
        ordered = np.sort(found, axis=1)
        twice = chosen & ~strange & ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1)
        if strange.any():
            at = np.flatnonzero(strange)
            first = int(at[np.argmin(lines[at])])
            place = int(np.flatnonzero(found[first] == -2)[0])
            cell = columns[place].texts[int(columns[place].codes[first])].as_py()
            detail = (
                words.not_a_candidate_found(place + 1, cell) if self._rules.show else words.not_a_candidate(place + 1)
            )
            box.refuse(words.STRANGER, len(at), int(lines[first]), detail)
        if twice.any():
            box.refuse(words.TWICE, int(twice.sum()), int(lines[twice].min()))
        good = found[chosen & ~strange & ~twice]
        box.count(len(good), good[good >= 0])

    def _named(self, column: TextColumn) -> Lines:
        if not len(column.texts):
            return np.zeros(len(column.codes), np.int64)
        found = index_of(column.texts, self._candidates)
        if self._rules.other.value == "ignore":
            found[found == -2] = -1
        return found[column.codes]


def _joined(columns: Sequence[TextColumn], separator: str) -> TextColumn:
    """Several cells of each row as one."""
    texts = [column.texts.take(pa.array(column.codes)) for column in columns]
    return TextColumn.of(pc.binary_join_element_wise(*texts, separator))


def _that_fits(table: ColumnTable, rules: Rules) -> str | None:
    """The one column whose cells are lists of candidates, if one alone is. Under ERROR the first rows are looked at,
    under DROP the header alone."""
    voter = table.header.index(rules.voter_column) if rules.voter_column in table.header else None
    places = maybe_ballots(table.header, voter)
    if rules.on_invalid is OnInvalid.ERROR and places and rules.candidates is not None:
        try:
            reader = CellReader.of(rules, rules.candidates)
        except InputError:
            return None
        chunk = next(iter(table.chunks(places)), None)
        if chunk is None or sum(map(len, chunk.faults.values())) * 2 > len(chunk.lines):
            return None  # such as under a second line of the header
        places = [place for place, column in zip(places, chunk.columns, strict=True) if _fits(reader, column)]
    return table.header[places[0]] if len(places) == 1 else None


def _fits(reader: CellReader, column: TextColumn) -> bool:
    """Whether at least half of the cells that hold anything are lists of candidates."""
    texts = column.texts.slice(0, _LOOKED_AT)
    cells = reader.read(texts)
    filled = np.array([bool(text.strip()) for text in texts.to_pylist()], np.bool_)
    return bool(filled.any()) and int((filled & ~cells.bad).sum()) * 2 >= int(filled.sum())
