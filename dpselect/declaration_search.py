"""Does a score function keep what it declares? A search for neighbouring data that show it does not.

Every pair of neighbours up to a size is tried when there are few; otherwise `hypothesis` searches and shrinks what it
finds. A violation proves the declaration wrong; no violation proves it only when the search was exhaustive,
and then only for data up to that size.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Generic

from dpselect import words_choices
from dpselect.privacy import NeighbouringRelation
from dpselect.scores import Record, ScoreBound, ScoreFunction, take

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

DEFAULT_SIZE = 4
DEFAULT_PAIRS = 20_000
DEFAULT_EXAMPLES = 1_000


@dataclass(frozen=True)
class Violation(Generic[Record]):
    """A counterexample: neighbouring data whose scores break the declaration named by `broken`."""

    broken: str
    declared: str
    found: str
    data: tuple[Record, ...]
    neighbour: tuple[Record, ...]
    scores: tuple[Fraction, ...]
    neighbour_scores: tuple[Fraction, ...]

    def __str__(self) -> str:
        data = list(self.data), _listed(self.scores)
        neighbour = list(self.neighbour), _listed(self.neighbour_scores)
        return words_choices.violation(self.broken, self.declared, self.found, data, neighbour)


@dataclass(frozen=True)
class Audit(Generic[Record]):
    """What a search has seen.

    Attributes:
        sensitivity: the largest change of one score.
        range: the largest difference between the changes of two scores.
        monotone: whether each pair of neighbours moved all scores up, or all down.
    """

    relation: NeighbouringRelation
    exhaustive: bool
    pairs: int
    size: int
    sensitivity: Fraction
    range: Fraction
    monotone: bool
    violation: Violation[Record] | None

    def __str__(self) -> str:
        if self.violation is not None:
            return words_choices.violation_found(self.violation)
        return words_choices.no_violation(
            self.pairs, self.relation.value, self.size, self.sensitivity, self.range, exhaustive=self.exhaustive
        )


def audit(
    function: ScoreFunction[Record],
    relation: NeighbouringRelation,
    records: Sequence[Record] | SearchStrategy[Record],
    *,
    size: int = DEFAULT_SIZE,
    pairs: int = DEFAULT_PAIRS,
    examples: int = DEFAULT_EXAMPLES,
) -> Audit[Record]:
    """Search data of up to `size` records for a violation of what `function` declares under `relation`.

    Args:
        function: the scores, and what is declared about them.
        relation: what one person can change.
        records: a sequence of all possible records, or a hypothesis strategy that draws one.
        size: the most records of one data set.
        pairs: with a sequence, the search tries every pair of neighbours if there are at most so many.
        examples: otherwise hypothesis tries about so many pairs, the same ones each time.

    Raises:
        UsageError: nothing is declared for the relation, or hypothesis is needed and not installed.
        InputError: the function gives scores that are not exact numbers.
        Exception: whatever the function raises.
    """
    search = _Search(function, relation, size)
    if isinstance(records, Sequence):
        if not records or size < 1:
            raise words_choices.nothing_to_search()
        if _pair_count(len(records), relation, size) <= pairs:
            return search.exhaustively(records)
    return search.by_hypothesis(records, examples)


def _pair_count(records: int, relation: NeighbouringRelation, size: int) -> int:
    each = 1 if relation is NeighbouringRelation.ADD_REMOVE else records
    return sum(length * records**length * each for length in range(1, size + 1))


class _Search(Generic[Record]):
    def __init__(self, function: ScoreFunction[Record], relation: NeighbouringRelation, size: int) -> None:
        self.function = function
        self.relation = relation
        self.size = size
        self.bound = function.bound(relation)
        self.pairs = 0
        self.sensitivity = self.range = Fraction(0)
        self.monotone = True

    def exhaustively(self, records: Sequence[Record]) -> Audit[Record]:
        violations = (self.check(data, neighbour) for data, neighbour in self._all_pairs(records))
        return self._report(next((violation for violation in violations if violation is not None), None), True)

    def by_hypothesis(self, records: Sequence[Record] | SearchStrategy[Record], examples: int) -> Audit[Record]:
        try:
            from hypothesis import Phase, find, settings
            from hypothesis import strategies as st
            from hypothesis.errors import NoSuchExample
        except ImportError:
            raise words_choices.no_hypothesis() from None
        record: Any = st.sampled_from(records) if isinstance(records, Sequence) else records
        places = st.integers(0, self.size - 1)
        cases = st.tuples(st.lists(record, min_size=1, max_size=self.size), places, record)
        quiet = settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
        )

        def neighbours(case: tuple[list[Record], int, Record]) -> tuple[tuple[Record, ...], tuple[Record, ...]]:
            data, place, other = tuple(case[0]), case[1] % len(case[0]), case[2]
            return data, self._neighbour(data, place, other)

        try:
            case = find(cases, lambda case: self.check(*neighbours(case)) is not None, settings=quiet)
        except NoSuchExample:
            return self._report(None, False)
        return self._report(self.check(*neighbours(case)), False)

    def _all_pairs(self, records: Sequence[Record]) -> Iterator[tuple[tuple[Record, ...], tuple[Record, ...]]]:
        others = records[:1] if self.relation is NeighbouringRelation.ADD_REMOVE else records
        for length in range(1, self.size + 1):
            for data in itertools.product(records, repeat=length):
                for place, other in itertools.product(range(length), others):
                    yield data, self._neighbour(data, place, other)

    def _neighbour(self, data: tuple[Record, ...], place: int, other: Record) -> tuple[Record, ...]:
        """Without the record at `place`, or with `other` there."""
        instead = () if self.relation is NeighbouringRelation.ADD_REMOVE else (other,)
        return (*data[:place], *instead, *data[place + 1 :])

    def check(self, data: tuple[Record, ...], neighbour: tuple[Record, ...]) -> Violation[Record] | None:
        scores, others = self._scores(data), self._scores(neighbour)
        self.pairs += 1
        if len(scores) != len(others):
            found = words_choices.one_and_another(len(scores), len(others))
            return Violation("candidates", words_choices.SAME_FOR_ALL, found, data, neighbour, scores, others)
        moves = [there - here for here, there in zip(scores, others, strict=True)]
        self.sensitivity = max(self.sensitivity, *map(abs, moves))
        self.range = max(self.range, max(moves) - min(moves))
        self.monotone = self.monotone and not min(moves) < 0 < max(moves)
        for broken, test in _CHECKS.items():
            verdict = test(self.bound, moves)
            if verdict is not None:
                return Violation(broken, *verdict, data, neighbour, scores, others)
        return None

    def _scores(self, data: tuple[Record, ...]) -> tuple[Fraction, ...]:
        exact = take(self.function(data))
        return tuple(Fraction(int(unit), exact.denominator) for unit in exact.units)

    def _report(self, violation: Violation[Record] | None, exhaustive: bool) -> Audit[Record]:
        return Audit(
            self.relation,
            exhaustive,
            self.pairs,
            self.size,
            self.sensitivity,
            self.range,
            self.monotone,
            violation,
        )


_Verdict = tuple[str, str] | None


def _check_sensitivity(bound: ScoreBound, moves: list[Fraction]) -> _Verdict:
    found = max(map(abs, moves))
    return (str(bound.sensitivity), str(found)) if found > bound.sensitivity else None


def _check_monotone(bound: ScoreBound, moves: list[Fraction]) -> _Verdict:
    mixed = bound.monotone and min(moves) < 0 < max(moves)
    return ("monotone", words_choices.mixed_moves(min(moves), max(moves))) if mixed else None


def _check_range(bound: ScoreBound, moves: list[Fraction]) -> _Verdict:
    found = max(moves) - min(moves)
    return (str(bound.range), str(found)) if found > bound.range else None


# What is declared -> (declared, found) where the moves of the scores from data to neighbour break it.
_CHECKS: dict[str, Callable[[ScoreBound, list[Fraction]], _Verdict]] = {
    "sensitivity": _check_sensitivity,
    "monotonicity": _check_monotone,
    "range": _check_range,
}


def _listed(scores: tuple[Fraction, ...]) -> str:
    return "[" + ", ".join(map(str, scores)) + "]"
