"""Private selection of one winner: permute-and-flip and the exponential mechanism, exactly.

A constructor returns a frozen measurement, that is the release together with its guarantee. The neighbouring relation
is an argument. The exponent per unit of score follows from what the score promises under it:

    exponent = epsilon / range

Both laws depend on differences of scores only. The scores of neighbours differ by something in [c, c + range]. Without
c, that is a monotone change of at most `range`, for which exponent epsilon/range is enough. Sources: McKenna, Sheldon
2020, arXiv 2010.12603, for permute-and-flip; McSherry, Talwar 2007, with Dong, Durfee, Rogers 2020 for the range.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from dpselect import words
from dpselect.accounting import BoundedRange, Event, PureDp
from dpselect.ladder import Gaps, Ladder, ladder
from dpselect.law import ONE, Law, exponential_law, permute_and_flip_law
from dpselect.privacy import EpsilonLike, NeighbouringRelation, parse_epsilon
from dpselect.sampling import LANE_WIDTH, Indices, flip_on, random_digits, uniform_below, uniforms_below
from dpselect.scores import APPROVAL, Bounded, ScoreBound, Scores, ScoresLike, take
from psiselect.base.entropy import Entropy, SystemEntropy

_SYSTEM = SystemEntropy()
# Lanes of one pass of a batch: 4 MB of random digits, so that it stays in cache.
_LANES = 1 << 21


class Mechanism(enum.Enum):
    """Names, as the command line spells them."""

    PERMUTE_AND_FLIP = "permute-and-flip"
    EXPONENTIAL = "exponential"
    SUBSET_EXPONENTIAL = "subset-exponential"
    PEELING = "peeling"
    ABOVE_THRESHOLD = "above-threshold"


@dataclass(frozen=True)
class Guarantee:
    """What every measurement promises: `epsilon`-DP for neighbours under `relation`, given that `bound` is true."""

    epsilon: Fraction
    relation: NeighbouringRelation | None
    bound: ScoreBound

    @cached_property
    def exponent(self) -> Fraction:
        """Weight of one unit of score: a candidate a gap g behind shows heads, or weighs, exp(-exponent * g)."""
        return self.epsilon / self.bound.range

    def privacy_map(self, changes: int = 1) -> Fraction:
        """Epsilon between data sets that are `changes` neighbour steps apart (group privacy). Raises UsageError."""
        if isinstance(changes, bool) or not isinstance(changes, int) or changes < 0:
            raise words.changes(changes)
        return changes * self.epsilon

    @cached_property
    def _unit_ladder(self) -> Ladder:
        return ladder(self.exponent)

    def _gaps(self, scores: ScoresLike | Scores) -> Gaps:
        exact = take(scores)
        whole = exact.denominator == 1
        return Gaps(exact, self._unit_ladder if whole else ladder(self.exponent / exact.denominator))


class Selection(Guarantee, ABC):
    """A measurement that releases the index of one candidate."""

    mechanism: Mechanism

    @property
    @abstractmethod
    def event(self) -> Event:
        """What a ledger charges for one release."""

    @abstractmethod
    def _draw(self, gaps: Gaps, entropy: Entropy) -> int: ...

    @abstractmethod
    def _draws(self, gaps: Gaps, count: int, entropy: Entropy) -> Indices: ...

    @abstractmethod
    def probabilities(self, scores: ScoresLike | Scores) -> Law:
        """The exact law; outcomes are indices of candidates. Raises UsageError where it would have too many terms."""

    def release(self, scores: ScoresLike | Scores, entropy: Entropy = _SYSTEM) -> int:
        """The index of one candidate, drawn exactly. Ties are uniform. Raises InputError for scores that are not exact
        numbers (see `dpselect.scores.take`). Costs `epsilon` each time."""
        return self._draw(self._gaps(scores), entropy)

    def release_many(self, scores: ScoresLike | Scores, count: int, entropy: Entropy = _SYSTEM) -> Indices:
        """`count` independent releases, shape (count,), int64, sharing what can be shared. Costs count * epsilon: for
        simulation, or where that is budgeted."""
        return self._draws(self._gaps(scores), count, entropy)


class PermuteAndFlip(Selection):
    """Flips a coin exp(-exponent * gap) for each candidate, and picks uniformly among the heads.

    The best candidate always shows heads. On every input the expected loss is at most that of the exponential
    mechanism.
    """

    mechanism = Mechanism.PERMUTE_AND_FLIP

    @property
    def event(self) -> Event:
        return PureDp(self.epsilon)

    def probabilities(self, scores: ScoresLike | Scores) -> Law:
        gaps, unit = _integer_gaps(scores, self.exponent)
        return Law(tuple(range(len(gaps))), tuple(permute_and_flip_law(gaps)), ONE, unit)

    def _draw(self, gaps: Gaps, entropy: Entropy) -> int:
        if not gaps.small:
            return _pick_head(gaps, gaps.ladder.steps.heads(entropy, gaps.counts), entropy)
        steps, coins = gaps.steps, gaps.ladder.steps
        wanted = coins.digits(0, LANE_WIDTH)[steps]
        drawn = random_digits(entropy, gaps.size, LANE_WIDTH)
        # Heads for sure by their first digit, and those whose first digit does not decide. Going through them in random
        # order, up to the first whose later digits and rest's coin show heads too, gives a uniform one of the heads.
        heads = (drawn <= wanted).nonzero()[0].tolist()
        while True:
            at = uniform_below(entropy, len(heads))
            candidate: int = heads[at]
            step = int(steps[candidate])
            decided = step == 0 or drawn[candidate] < wanted[candidate]
            if (decided or flip_on(entropy, coins[step], LANE_WIDTH)) and gaps.ladder.accept(
                entropy, gaps.rest(candidate, step)
            ):
                return candidate
            heads[at] = heads[-1]
            heads.pop()

    def _draws(self, gaps: Gaps, count: int, entropy: Entropy) -> Indices:
        if gaps.small:
            rows = max(1, _LANES // gaps.size)
            parts = [_pick_rows(gaps, min(rows, count - at), entropy) for at in range(0, count, rows)]
            return np.concatenate([np.empty(0, dtype=np.int64), *parts])
        heads = gaps.ladder.steps.heads(entropy, np.tile(gaps.counts, (count, 1)))
        return np.array([_pick_head(gaps, row, entropy) for row in heads], dtype=np.int64)

    def draw_run(self, scores: Scores, most: int, entropy: Entropy) -> list[int]:
        """Draw winners one after the other, each without those before it.

        The run ends after `most` winners (at least 1). It ends earlier once no candidate with the best score is left,
        because the gaps no longer hold then.
        """
        gaps = self._gaps(scores)
        if gaps.small:
            return [self._draw(gaps, entropy)]
        counts = gaps.counts.copy()
        chosen: list[int] = []
        tied = gaps.tied
        while len(chosen) < most and tied:
            heads = gaps.ladder.steps.heads(entropy, counts)
            chosen.append(_pick_head(gaps, heads, entropy, taken=chosen))
            gap = gaps.gap(chosen[-1])
            tied -= gap == 0
            counts[min(gap >> gaps.ladder.shift, gaps.ladder.last)] -= 1
        return chosen


def _pick_rows(gaps: Gaps, rows: int, entropy: Entropy) -> Indices:
    """`PermuteAndFlip._draw` for few candidates, `rows` times at once."""
    heads = gaps.ladder.steps.flips(entropy, gaps.steps, rows=rows)
    flat = np.flatnonzero(heads)
    left = np.count_nonzero(heads, axis=1).astype(np.int64)
    starts = np.cumsum(left) - left
    heads_of = flat % gaps.size
    chosen = np.empty(rows, dtype=np.int64)
    active = np.arange(rows)
    while active.size:
        at = starts[active] + uniforms_below(entropy, left[active])
        candidates = heads_of[at]
        stands = gaps.ladder.accept_many(entropy, gaps.rests(candidates, gaps.steps[candidates]))
        chosen[active[stands]] = candidates[stands]
        at, active = at[~stands], active[~stands]
        left[active] -= 1
        heads_of[at] = heads_of[starts[active] + left[active]]
    return chosen


def _pick_head(gaps: Gaps, heads: Indices, entropy: Entropy, taken: Iterable[int] = ()) -> int:
    """`PermuteAndFlip._draw` for many candidates without the taken ones, given how many heads each step shows; which
    members of the step they are is a uniform subset, revealed one by one."""
    left = heads.tolist()
    seen = set(taken)
    while True:
        at = uniform_below(entropy, sum(left))
        step = 0
        while at >= left[step]:
            at -= left[step]
            step += 1
        members = gaps.members(step)
        candidate = int(members[uniform_below(entropy, members.size)])
        while candidate in seen:
            candidate = int(members[uniform_below(entropy, members.size)])
        if gaps.ladder.accept(entropy, gaps.rest(candidate, step)):
            return candidate
        seen.add(candidate)
        left[step] -= 1


class Exponential(Selection):
    """Draws candidate i with probability proportional to exp(exponent * score_i).

    It has epsilon-bounded range. So under a zCDP budget it composes better than permute-and-flip.
    """

    mechanism = Mechanism.EXPONENTIAL

    @property
    def event(self) -> Event:
        return BoundedRange(self.epsilon)

    def probabilities(self, scores: ScoresLike | Scores) -> Law:
        gaps, unit = _integer_gaps(scores, self.exponent)
        weights, whole = exponential_law(gaps)
        return Law(tuple(range(len(gaps))), tuple(weights), whole, unit)

    # By rejection: an entry (a candidate, or a step of many) in proportion to an upper bound of its weight, which also
    # draws the first bits of the step's coin; then the rest of that coin, then the coin of the candidate's rest; from
    # the start unless all show heads.

    def _draw(self, gaps: Gaps, entropy: Entropy) -> int:
        wheel = _Wheel(gaps)
        total = int(wheel.ends[-1])
        while True:
            drawn = uniform_below(entropy, total)
            entry = int(wheel.ends.searchsorted(drawn, side="right"))
            cap = int(wheel.caps[entry])
            rank, low = divmod(int(wheel.ends[entry]) - 1 - drawn, cap)
            step = int(gaps.steps[entry]) if gaps.small else entry
            if low == cap - 1 and step and not flip_on(entropy, gaps.ladder.steps[step], wheel.bits):
                continue
            candidate = entry if gaps.small else int(gaps.members(step)[rank])
            if gaps.ladder.accept(entropy, gaps.rest(candidate, step)):
                return candidate

    def _draws(self, gaps: Gaps, count: int, entropy: Entropy) -> Indices:
        wheel = _Wheel(gaps)
        chosen = np.empty(count, dtype=np.int64)
        active = np.arange(count)
        while active.size:
            drawn = uniforms_below(entropy, np.full(active.size, wheel.ends[-1]))
            entries = np.searchsorted(wheel.ends, drawn, side="right")
            caps = wheel.caps[entries]
            ranks, low = np.divmod(wheel.ends[entries] - 1 - drawn, caps)
            steps = gaps.steps[entries] if gaps.small else entries
            stands = (low < caps - 1) | (steps == 0)
            for at in np.flatnonzero(~stands):
                stands[at] = flip_on(entropy, gaps.ladder.steps[int(steps[at])], wheel.bits)
            candidates = entries if gaps.small else gaps.nth(steps, ranks)
            stands &= gaps.ladder.accept_many(entropy, gaps.rests(candidates, steps))
            chosen[active[stands]] = candidates[stands]
            active = active[~stands]
        return chosen


class _Wheel:
    """Entries of the exponential mechanism's rejection: cumulated upper bounds of their weights, times 2^bits."""

    def __init__(self, gaps: Gaps) -> None:
        self.bits = 62 - gaps.size.bit_length()  # so that the sum fits int64
        caps = gaps.ladder.cap_array(self.bits)
        self.caps = caps[gaps.steps] if gaps.small else caps
        self.ends: Indices = np.cumsum(self.caps if gaps.small else self.caps * gaps.counts)


def permute_and_flip(
    epsilon: EpsilonLike, relation: NeighbouringRelation | None, score: Bounded = APPROVAL
) -> PermuteAndFlip:
    """Permute-and-flip, `epsilon`-DP for neighbours under `relation`. Raises UsageError."""
    return PermuteAndFlip(parse_epsilon(epsilon), relation, score.bound(relation))


def exponential(epsilon: EpsilonLike, relation: NeighbouringRelation | None, score: Bounded = APPROVAL) -> Exponential:
    """The exponential mechanism, `epsilon`-DP and `epsilon`-bounded range under `relation`. Raises UsageError."""
    return Exponential(parse_epsilon(epsilon), relation, score.bound(relation))


def _integer_gaps(scores: ScoresLike | Scores, exponent: Fraction) -> tuple[list[int], Fraction]:
    """Gaps in whole units, and the exponent per unit."""
    exact = take(scores)
    units = exact.units.tolist()
    best = max(units)
    return [best - unit for unit in units], exponent / exact.denominator
