"""Scores of candidates: taken in exactly, and how far one person can move them.

A score function comes with what it promises about neighbouring data. The *range* sets the factor of a mechanism: the
largest |(u_i - u'_i) - (u_j - u'_j)| over candidates i, j and neighbours u, u'. It is at most twice the sensitivity.
Where every neighbour moves all scores the same way (monotone), it is at most the sensitivity.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from dpselect import words, words_choices
from dpselect.privacy import EpsilonLike, NeighbouringRelation, parse_fraction

Record = TypeVar("Record")
Number = int | Fraction | Decimal | float
# What mechanisms take: Python numbers, or a NumPy integer array of any width.
ScoresLike = Sequence[Any] | npt.NDArray[Any]

MAX_DENOMINATOR_BITS = 128
MAX_BITS = 256
_WIDEST: dict[str, np.dtype[Any]] = {"i": np.dtype(np.int64), "u": np.dtype(np.uint64)}
_MAX_DECIMAL_EXPONENT = 76
_TEXT = re.compile(r"[+-]?(\d{1,80}(\.\d{0,80})?|\.\d{1,80})([eE][+-]?\d{1,2})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,80}", re.ASCII)
_RATIO = re.compile(r"([+-]?\d{1,80})/(\d{1,80})", re.ASCII)


# ---------------------------------------------------------------------------------------------- what is promised


@dataclass(frozen=True)
class ScoreBound:
    """How far the scores of two neighbouring data sets lie apart, in units of the score.

    Attributes:
        sensitivity: the largest |u_i - u'_i|.
        monotone: whether each neighbour moves all scores up, or all down.
        range: the largest |(u_i - u'_i) - (u_j - u'_j)|.
    """

    sensitivity: Fraction
    monotone: bool
    range: Fraction

    def __post_init__(self) -> None:
        if self.sensitivity <= 0:
            raise words_choices.sensitivity(self.sensitivity)
        most = self.sensitivity if self.monotone else 2 * self.sensitivity
        if not 0 < self.range <= most:
            raise words_choices.score_range(most, self.range)

    @classmethod
    def of(cls, sensitivity: EpsilonLike, *, monotone: bool, range_: EpsilonLike | None = None) -> ScoreBound:
        """The bound with this sensitivity; its range, when not given, is the most that the rest allows."""
        exact = parse_fraction(sensitivity, "sensitivity")
        most = exact if monotone else 2 * exact
        return cls(exact, monotone, most if range_ is None else parse_fraction(range_, "range"))


class Bounded(Protocol):
    """Whatever declares a bound for a neighbouring relation."""

    def bound(self, relation: NeighbouringRelation | None) -> ScoreBound:
        """The bound under this relation. Raises UsageError when none is declared for it."""
        ...


@dataclass(frozen=True)
class Declared:
    """One bound, declared by the user for a relation that only the user knows (a table of scores)."""

    declared: ScoreBound

    def bound(self, relation: NeighbouringRelation | None) -> ScoreBound:
        """The declared bound, whatever the relation."""
        del relation
        return self.declared


@dataclass(frozen=True)
class Bounds:
    """One bound for each relation under which one is known."""

    name: str
    by_relation: Mapping[NeighbouringRelation, ScoreBound]

    def bound(self, relation: NeighbouringRelation | None) -> ScoreBound:
        """The bound under `relation`. Raises UsageError when none is declared for it."""
        if relation is None or relation not in self.by_relation:
            raise words.undeclared_relation(self.name, [known.value for known in self.by_relation])
        return self.by_relation[relation]


# One voter more raises some approval scores by 1; one ballot replaced raises some and lowers others.
APPROVAL = Bounds(
    "approval",
    {
        NeighbouringRelation.ADD_REMOVE: ScoreBound.of(1, monotone=True),
        NeighbouringRelation.REPLACE: ScoreBound.of(1, monotone=False),
    },
)


@dataclass(frozen=True)
class ScoreFunction(Generic[Record]):
    """A user's score function, and what it promises.

    `dpselect.declaration_search` searches for data that break the promise.

    Attributes:
        name: what errors call it.
        evaluate: takes records and returns one score for each candidate. It must be deterministic, and give the same
            candidates in the same order for all data, also for no records.
        by_relation: the bound that is declared for each relation.
    """

    name: str
    evaluate: Callable[[Sequence[Record]], ScoresLike]
    bounds: Mapping[NeighbouringRelation, ScoreBound]

    def __call__(self, records: Sequence[Record]) -> ScoresLike:
        return self.evaluate(records)

    def bound(self, relation: NeighbouringRelation | None) -> ScoreBound:
        """The bound under `relation`. Raises UsageError when none is declared for it."""
        return Bounds(self.name, self.bounds).bound(relation)


def approval_scores(candidates: int) -> ScoreFunction[Iterable[int]]:
    """Approval counts; a record is the set of approved candidates, each in range(candidates)."""

    def evaluate(records: Sequence[Iterable[int]]) -> npt.NDArray[np.int64]:
        approved = [candidate for record in records for candidate in set(record)]
        if any(not 0 <= candidate < candidates for candidate in approved):
            raise words_choices.unknown_candidate(candidates - 1)
        return np.bincount(np.array(approved, dtype=np.int64), minlength=candidates)

    return ScoreFunction("approval", evaluate, APPROVAL.by_relation)


# ---------------------------------------------------------------------------------------------- exact intake


@dataclass(frozen=True, eq=False)
class Scores:
    """Exact scores: units / denominator. units: shape (m,), m >= 1, dtype int64, uint64 or object (Python int)."""

    units: npt.NDArray[Any]
    denominator: int


def take(scores: ScoresLike | Scores, *, exact_floats: bool = False) -> Scores:
    """Exact scores from a list of int, Fraction or Decimal, also mixed, or from a NumPy integer array of any width.

    Args:
        scores: one score for each candidate, shape (m,).
        exact_floats: whether floats are taken, each as exactly the binary fraction that it is.

    Raises:
        InputError: NaN, infinities, bools, text, no candidates, more than one dimension, or numbers whose common
            denominator exceeds 2^128. It names the position, from 0.
    """
    if isinstance(scores, Scores):
        return scores
    if len(scores) == 0:
        raise words_choices.no_candidate()
    if isinstance(scores, np.ndarray):
        if scores.ndim != 1:
            raise words_choices.dimensions(scores.ndim)
        if scores.dtype.kind in _WIDEST:
            return Scores(scores.astype(_WIDEST[scores.dtype.kind], copy=False), 1)
    elif set(map(type, scores)) == {int}:
        return _integers(list(scores))
    return _rationals([exact_number(value, position, exact_floats) for position, value in enumerate(scores)])


def parse_score(text: str) -> int | Fraction:
    """A score written as a decimal ("-1.5", "2e3") or a ratio ("1/3"), exactly. Raises InputError."""
    stripped = text.strip()
    if _INTEGER.fullmatch(stripped):
        return int(stripped)
    if _TEXT.fullmatch(stripped):
        return Fraction(stripped)
    ratio = _RATIO.fullmatch(stripped)
    if ratio and int(ratio[2]):
        return Fraction(int(ratio[1]), int(ratio[2]))
    raise words_choices.no_score(stripped[:40])


def exact_number(value: Any, position: int, exact_floats: bool = False) -> Fraction:
    """One score as a fraction, of any size. Raises InputError, naming the position, for what `take` refuses."""
    if isinstance(value, (bool, np.bool_)):
        raise words_choices.truth_value(position)
    if isinstance(value, (int, np.integer)):
        return Fraction(int(value))
    if isinstance(value, Fraction):
        return value
    if not isinstance(value, (Decimal, float, np.floating)):
        raise words_choices.score_type(position, type(value).__name__)
    if not (value.is_finite() if isinstance(value, Decimal) else np.isfinite(value)):
        raise words_choices.not_finite(position, value)
    if isinstance(value, Decimal):
        if value and abs(value.adjusted()) + len(value.as_tuple().digits) > _MAX_DECIMAL_EXPONENT:
            raise words_choices.too_many_digits(position)
        return Fraction(value)
    if not exact_floats:
        raise words_choices.binary_float(position, value)
    return Fraction(*value.as_integer_ratio())


def _rationals(values: list[Fraction]) -> Scores:
    denominator = 1
    for value in values:
        denominator = math.lcm(denominator, value.denominator)
        if denominator.bit_length() > MAX_DENOMINATOR_BITS:
            raise words_choices.common_denominator()
    return Scores(_integers([int(value * denominator) for value in values]).units, denominator)


def _integers(values: list[int]) -> Scores:
    if max(abs(min(values)), abs(max(values))).bit_length() > MAX_BITS:
        raise words_choices.too_large()
    try:
        return Scores(np.array(values, dtype=np.int64), 1)
    except OverflowError:
        return Scores(np.array(values, dtype=object), 1)
