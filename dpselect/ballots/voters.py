"""One person, one ballot: which row counts for each voter, by the voters' ids and the order of rows alone.

Ids are compared without blanks around them, in Unicode form NFC and case-folded. A row that has a blank id is an
invalid ballot. Which row counts is decided before any ballot is looked at: it counts valid or not, and is never
replaced by another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dpselect.ballots import words
from dpselect.ballots.model import BallotBox, Repeated
from dpselect.names import clean
from psiselect.base.columns import Lines, TextColumn


@dataclass(frozen=True)
class Electorate:
    """Which rows count.

    Attributes:
        lines: their numbers, ascending; None when all rows count.
        earlier: how many rows count for nobody, because their voter has another row.
    """

    lines: Lines | None
    earlier: int = 0

    def chosen(self, lines: Lines) -> npt.NDArray[np.bool_]:
        """Which of these rows count."""
        if self.lines is None or not len(lines):
            return np.ones(len(lines), np.bool_)
        if not len(self.lines):
            return np.zeros(len(lines), np.bool_)
        places = np.searchsorted(self.lines, lines)
        places[places == len(self.lines)] = 0
        found: npt.NDArray[np.bool_] = self.lines[places] == lines
        return found


ALL = Electorate(None)


def electorate(ids: Iterable[tuple[Lines, TextColumn]], rule: Repeated, box: BallotBox) -> Electorate:
    """Choose one row for each voter.

    Args:
        ids: rows' numbers, and the column of their ids.
        rule: which row of a voter counts.
        box: gets rows without an id as invalid ballots, and under ERROR the repeated voters.
    """
    numbers: list[Lines] = []
    names: list[pa.Array] = []
    for lines, column in ids:
        folded = _folded(column.texts)
        numbers.append(lines)
        names.append(folded.take(pa.array(column.codes)).cast(pa.large_string()))
    if not numbers:
        return ALL
    voter = _codes(pa.chunked_array(names, pa.large_string()))
    names.clear()
    pa.default_memory_pool().release_unused()
    lines = np.concatenate(numbers)
    numbers.clear()
    if (np.diff(lines) < 0).any():
        order = np.argsort(lines, kind="stable")
        lines, voter = lines[order], voter[order]
    blank = voter < 0
    if blank.any():
        box.refuse(words.NO_ID, int(blank.sum()), int(lines[blank][0]))
        lines, voter = lines[~blank], voter[~blank]
    kept = _kept(voter, rule)
    earlier = int((~kept).sum())
    if rule is Repeated.ERROR and earlier:
        place = int(np.argmin(kept))
        first = f"{box.unit} {lines[voter == voter[place]][0]}"
        box.refuse(words.SEVERAL_BALLOTS, earlier, int(lines[place]), words.several_ballots(first))
    if not earlier and not blank.any():
        return ALL
    return Electorate(lines[kept], 0 if rule is Repeated.ERROR else earlier)


def _kept(voter: npt.NDArray[np.int32], rule: Repeated) -> npt.NDArray[np.bool_]:
    """Which rows are the last of their voter, or the first, in the order of rows."""
    rows = np.arange(len(voter), dtype=np.int64)
    size = int(voter.max(initial=-1)) + 1
    if rule is Repeated.LAST:
        chosen = np.full(size, -1, np.int64)
        np.maximum.at(chosen, voter, rows)
    else:
        chosen = np.full(size, len(voter), np.int64)
        np.minimum.at(chosen, voter, rows)
    found: npt.NDArray[np.bool_] = chosen[voter] == rows
    return found


def _codes(ids: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """A number for each distinct id; -1 for a blank one."""
    encoded = ids.dictionary_encode()
    if not len(ids):
        return np.zeros(0, np.int32)
    codes = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in encoded.chunks])
    blank = pc.index(encoded.chunk(0).dictionary, pa.scalar("", pa.large_string())).as_py()
    if blank >= 0:
        codes[codes == blank] = -1
    return codes


def _folded(texts: pa.Array) -> pa.Array:
    if pc.all(pc.string_is_ascii(texts)).as_py() is not False:
        return pc.utf8_lower(pc.utf8_trim_whitespace(texts))
    # Folding may undo the form, so it is made once more.
    return pa.array([clean(clean(text).casefold()) for text in texts.to_pylist()], pa.string())
