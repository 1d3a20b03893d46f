"""Cells that hold names: which candidates a cell stands for, by the public list of candidates alone.

All of `;` `,` `|` and the line break separate names in every cell, unless the caller names one separator. Blanks around
names and empty names mean nothing, and a name twice counts once. Names may hold separators. A list of candidates is
refused if some cell would have two readings under it. So nothing in other cells or rows decides how a cell is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dpselect.ballots import words
from dpselect.ballots.decodable import normal, separators, two_readings
from dpselect.ballots.model import Other, Rules
from dpselect.names import clean
from psiselect.base.errors import InputError

# Every space separator but the plain one, as Arrow writes it.
_SPACES = r"[\x{a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]"
_GUESSES = (";", ",", "|", "/", "\t", "&", "+", "\n", " ")

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """Distinct cells as candidates.

    Attributes:
        cell: for each approval, the place of its cell, dtype int64.
        candidate: for each approval, the candidate's index; ascending within a cell, without repetition, dtype int64.
        bad: which cells hold a name that is no candidate.
    """

    cell: Places
    candidate: Places
    bad: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, cell: Places, candidate: Places, bad: npt.NDArray[np.bool_], size: int) -> Cells:
        """With repetitions taken out, and the approvals of bad cells; `size` candidates."""
        kept = ~bad[cell]
        keys = np.sort(cell[kept] * size + candidate[kept])
        keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]
        return cls(keys // size, keys % size, bad)

    @property
    def lengths(self) -> Places:
        """How many candidates each cell approves."""
        return np.bincount(self.cell, minlength=len(self.bad))


class CellReader:
    """Reads cells. Raises InputError when the candidates cannot be told apart in a cell."""

    def __init__(self, candidates: Sequence[str], separator: str | None = None, other: Other = Other.REFUSE) -> None:
        self._cut = separators(separator)
        self._ignores = other is Other.IGNORE
        self._index = {normal(name, self._cut): place for place, name in enumerate(candidates)}
        self._size = len(candidates)
        # How many pieces a name that begins with this piece may have, the most first.
        self._pieces: dict[str, list[int]] = {}
        if any(self._cut.search(name) for name in candidates):
            _require_one_reading(candidates, self._cut.pattern, two_readings(candidates, self._cut))
            for name in self._index:
                pieces = self._cut.split(name)
                self._pieces.setdefault(pieces[0], []).append(len(pieces) // 2 + 1)
            self._pieces = {first: sorted(set(counts), reverse=True) for first, counts in self._pieces.items()}
        self._names = pa.array(list(self._index), pa.string())

    @classmethod
    def of(cls, rules: Rules, candidates: Sequence[str]) -> CellReader:
        """For cells as the caller describes them."""
        return cls(candidates, rules.separator, rules.other)

    def read(self, texts: pa.Array) -> Cells:
        """Read distinct cells, an Arrow array of strings."""
        parts = pc.split_pattern_regex(_folded(texts), self._cut.pattern[1:-1])
        pieces = pc.utf8_trim_whitespace(parts.flatten())
        cell = np.repeat(np.arange(len(texts)), parts.value_lengths().to_numpy(zero_copy_only=False))
        candidate = pc.fill_null(pc.index_in(pieces, self._names), -1).to_numpy(zero_copy_only=False).astype(np.int64)
        strange = (candidate < 0) & (pc.binary_length(pieces).to_numpy(zero_copy_only=False) > 0)
        bad = np.zeros(len(texts), np.bool_)
        bad[cell[strange]] = True
        if self._pieces:
            return self._with_long_names(texts, cell, candidate, bad)
        if self._ignores:
            bad[:] = False
        known = candidate >= 0
        return Cells.of(cell[known], candidate[known], bad, self._size)

    def read_one(self, text: str) -> tuple[list[int], int | None]:
        """The candidates of one cell, and the place, from 1, of the first name that is none."""
        pieces = self._cut.split(clean(text))
        names, cuts = [piece.strip() for piece in pieces[::2]], pieces[1::2]
        # From the end: the fewest pieces that are in no name, and how many pieces the first name has, 0 if none.
        best: list[tuple[int, int]] = [(0, 0)] * (len(names) + 1)
        for at in range(len(names) - 1, -1, -1):
            best[at] = (best[at + 1][0] + bool(names[at]), 0)
            for count in self._pieces.get(names[at], (1,)):
                if at + count <= len(names) and self._spelt(names, cuts, at, count) in self._index:
                    best[at] = min(best[at], (best[at + count][0], -count))
        found, strange, at, place = [], None, 0, 0
        while at < len(names):
            count = -best[at][1]
            if count:
                found.append(self._index[self._spelt(names, cuts, at, count)])
            elif names[at] and strange is None:
                strange = place + 1
            place += bool(count or names[at])
            at += count or 1
        return found, None if self._ignores else strange

    def problem(self, text: str, *, show: bool = False) -> str:
        """What is wrong with a bad cell, for the tallier."""
        place = self.read_one(text)[1]
        problem = words.not_a_candidate_in(place or 0, text) if show else words.not_a_candidate(place or 0)
        named = list(self._index)
        for guess in _GUESSES:
            if guess in text and not self._cut.fullmatch(guess):
                try:
                    other = CellReader(named, guess)
                except InputError:
                    continue
                found, strange = other.read_one(text)
                if found and strange is None:
                    return words.other_separator(problem, guess)
        return problem

    @staticmethod
    def _spelt(names: list[str], cuts: list[str], at: int, count: int) -> str:
        """The pieces from `at` with the separators between them."""
        text = names[at]
        for place in range(at, at + count - 1):
            text += cuts[place] + names[place + 1]
        return text

    def _with_long_names(self, texts: pa.Array, cell: Places, candidate: Places, bad: npt.NDArray[np.bool_]) -> Cells:
        """A cell whose pieces are all candidates is read; it has no other reading. The others are read one by one."""
        known = (candidate >= 0) & ~bad[cell]
        cells, candidates = [cell[known]], [candidate[known]]
        for place in np.flatnonzero(bad).tolist():
            found, strange = self.read_one(texts[place].as_py())
            bad[place] = strange is not None
            cells.append(np.full(len(found), place))
            candidates.append(np.array(found, np.int64))
        return Cells.of(np.concatenate(cells), np.concatenate(candidates), bad, self._size)


def index_of(texts: pa.Array, names: Sequence[str]) -> Places:
    """The index of the name that each text is, -1 for an empty one, -2 for no name at all."""
    trimmed = pc.utf8_trim_whitespace(_folded(texts))
    found = pc.fill_null(pc.index_in(trimmed, pa.array(names, pa.string())), -2).to_numpy(zero_copy_only=False)
    empty = pc.binary_length(trimmed).to_numpy(zero_copy_only=False) == 0
    return np.where(empty, -1, found.astype(np.int64))


def _folded(texts: pa.Array) -> pa.Array:
    """As `names.clean` has it, but for blanks around."""
    if pc.all(pc.string_is_ascii(texts)).as_py() is not False:
        return texts
    return pc.replace_substring_regex(pc.utf8_normalize(texts, form="NFC"), _SPACES, " ")


def _require_one_reading(
    names: Sequence[str], pattern: str, found: tuple[tuple[str, ...], tuple[str, ...]] | None
) -> None:
    if found is not None:
        raise words.several_readings(*found)
