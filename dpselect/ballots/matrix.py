"""Cells that say yes or no: 1/0, yes/no, true/false, y/n, an x, a tick, or nothing; and what the caller adds.

Some forms write the candidate's name again where it is approved: that is a yes. Where a name is also a word for no, as
a candidate called "No" is, such a cell has two readings and is refused. Candidates with the names 0, f or n are those
of matrices with such marks, so there the mark counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dpselect.ballots import words
from dpselect.ballots.model import BallotBox, Rules
from dpselect.names import clean
from psiselect.base.columns import Lines, TextColumn

_YES = (
    "1",
    "1.0",
    "yes",
    "y",
    "true",
    "t",
    "x",
    "\u2713",
    "\u2714",
    "\u2714\ufe0f",
    "\u2705",
    "\u2611",
    "\u2611\ufe0f",
    "\u221a",
)
_NO = ("0", "0.0", "no", "n", "false", "f", "", "-", "\u2610")
# What a cell says, folded.
MARKS: dict[str, bool] = {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}


class MatrixReader:
    """Reads a column per candidate. Raises UsageError when a text means both yes and no."""

    def __init__(self, candidates: Sequence[str], rules: Rules) -> None:
        yes, no = ({clean(text).casefold() for text in texts} for texts in (rules.yes, rules.no))
        if yes & no:
            raise words.yes_and_no(min(yes & no))
        self._candidates = candidates
        self._marks = {**MARKS, **dict.fromkeys(yes, True), **dict.fromkeys(no, False)}
        self._show = rules.show

    def count(self, lines: Lines, columns: Sequence[TextColumn], chosen: npt.NDArray[np.bool_], box: BallotBox) -> None:
        """Count the rows that are chosen. columns: one per candidate."""
        verdicts = [self._verdicts(*each) for each in zip(columns, self._candidates, strict=True)]
        bad = np.zeros(len(lines), np.bool_)
        for verdict in verdicts:
            bad |= verdict < 0
        bad &= chosen
        if bad.any():
            at = np.flatnonzero(bad)
            first = int(at[np.argmin(lines[at])])
            place = next(place for place, verdict in enumerate(verdicts) if verdict[first] < 0)
            box.refuse(words.NO_MARK, len(at), int(lines[first]), self._problem(place, columns[place], first))
        good = chosen & ~bad
        approvals = np.array([np.count_nonzero((verdict > 0) & good) for verdict in verdicts], np.int64)
        box.count(int(good.sum()), np.arange(len(approvals)), approvals)

    def _verdicts(self, column: TextColumn, candidate: str) -> npt.NDArray[np.int8]:
        """1 for yes, 0 for no and -1 for what is neither or both, for each row."""
        texts: list[str] = column.texts.to_pylist()
        name = clean(candidate).casefold()
        marks: dict[str, int] = {name: 1, **self._marks}
        if not marks[name] and len(name) > 1 and name.isalpha():
            marks[name] = -1
        said = [marks.get(clean(text).casefold(), -1) for text in texts]
        return np.array(said, np.int8)[column.codes] if texts else np.zeros(len(column.codes), np.int8)

    def _problem(self, place: int, column: TextColumn, row: int) -> str:
        found = column.texts[int(column.codes[row])].as_py() if self._show else None
        return words.no_mark(self._candidates[place], found, alone=len(self._candidates) == 1)


def marks_of(texts: pa.Array) -> bool:
    """Whether all of these texts say yes or no."""
    return all(clean(text).casefold() in MARKS for text in texts.to_pylist())
