"""Private committees: the exponential mechanism over sets, and peeling.

The loss of a set is max(0, best excluded score - worst included score). A neighbour changes every candidate's score by
something in [c, c + range]. So both scores move within that interval, and the loss by at most `range`, up or down. The
set score therefore has sensitivity `range`, is not monotone, and its own range is 2 * range. Hence

    exponent = epsilon / (2 * range)        epsilon/2 per vote under add/remove, epsilon/4 under replace

and not the single winner's exponent. Sampled by level as in the canonical Lipschitz mechanism (Shekelyan, Loukides
2022, arXiv 2201.13376; related: Gillenwater et al. 2022).
"""

from __future__ import annotations

import bisect
import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dpselect import words_choices
from dpselect.accounting import BoundedRange, Composed, Event, PureDp
from dpselect.ladder import Gaps, ladder
from dpselect.law import ONE, Law, Polynomial, permute_and_flip_law, total
from dpselect.mechanisms import Guarantee, Mechanism, PermuteAndFlip
from dpselect.privacy import EpsilonLike, NeighbouringRelation, parse_epsilon
from dpselect.sampling import Indices, flip_on, uniform_below
from dpselect.scores import APPROVAL, Bounded, ScoreBound, Scores, ScoresLike, take
from psiselect.base.entropy import Entropy, SystemEntropy

_SYSTEM = SystemEntropy()
# Entries (best excluded, step of the worst included) of one set distribution; each costs about 2 us and a big integer.
_MAX_ENTRIES = 1_000_000
_MAX_LAW_SETS = 20_000

Committee = tuple[int, ...]


@dataclass(frozen=True)
class CommitteeSelection(Guarantee):
    """A measurement that releases a set of `seats` candidates, as ascending indices (the order tells nothing)."""

    seats: int

    def release(self, scores: ScoresLike | Scores, entropy: Entropy = _SYSTEM) -> Committee:
        """One committee, drawn exactly. Raises InputError for scores that are not exact numbers or too few of them.
        Costs `epsilon` each time."""
        return next(self._draws(self._checked(scores), entropy))

    def release_many(self, scores: ScoresLike | Scores, count: int, entropy: Entropy = _SYSTEM) -> list[Committee]:
        """`count` independent releases, sharing what can be shared; costs count * epsilon."""
        return list(itertools.islice(self._draws(self._checked(scores), entropy), count))

    def check(self, candidates: int) -> None:
        """Check that the measurement can be released for so many candidates. Ask before a budget is charged.

        Raises:
            InputError: there are fewer candidates than seats.
            UsageError: the measurement is not offered at this size.
        """
        if candidates < self.seats:
            raise words_choices.too_few_candidates(candidates, self.seats)

    @property
    @abstractmethod
    def event(self) -> Event:
        """What a ledger charges for one release."""

    @abstractmethod
    def probabilities(self, scores: ScoresLike | Scores) -> Law:
        """The exact law over all sets. Raises UsageError where it would have too many terms."""

    @abstractmethod
    def _draws(self, scores: Scores, entropy: Entropy) -> Iterator[Committee]:
        """Independent committees without end."""

    def _checked(self, scores: ScoresLike | Scores) -> Scores:
        exact = take(scores)
        self.check(exact.units.size)
        return exact

    def _sets(self, candidates: int) -> list[Committee]:
        if math.comb(candidates, self.seats) > _MAX_LAW_SETS:
            raise words_choices.too_many_sets(_MAX_LAW_SETS)
        return list(itertools.combinations(range(candidates), self.seats))


class SubsetExponential(CommitteeSelection):
    """A set with probability proportional to exp(-exponent * loss)."""

    mechanism = Mechanism.SUBSET_EXPONENTIAL

    def check(self, candidates: int) -> None:
        super().check(candidates)
        if not self.fits(candidates):
            raise words_choices.sets_not_sampled(self.seats, candidates)

    def fits(self, candidates: int) -> bool:
        """Whether the sets can be sampled in reasonable time and memory: by public sizes, whatever the scores."""
        steps = min(candidates - self.seats, 2 * _reach(candidates, self.seats) + 1)
        return self.seats * steps <= _MAX_ENTRIES

    @property
    def event(self) -> Event:
        return BoundedRange(self.epsilon)

    def probabilities(self, scores: ScoresLike | Scores) -> Law:
        exact = self._checked(scores)
        units = exact.units.tolist()
        sets = self._sets(len(units))
        weights = [Polynomial.monomial(subset_loss(units, chosen)) for chosen in sets]
        return Law(tuple(sets), tuple(weights), total(weights), self.exponent / exact.denominator)

    def _draws(self, scores: Scores, entropy: Entropy) -> Iterator[Committee]:
        if self.seats == scores.units.size:
            return itertools.repeat(tuple(range(self.seats)))
        sets = _SetsByLevel(scores, self.seats, self.exponent)
        return (sets.draw(entropy) for _ in itertools.count())


def subset_loss(units: list[int], chosen: Committee) -> int:
    """max(0, best excluded - worst included)."""
    inside = set(chosen)
    excluded = [unit for index, unit in enumerate(units) if index not in inside]
    return max(0, max(excluded, default=min(units)) - min(units[index] for index in chosen))


def _reach(candidates: int, seats: int) -> int:
    """Sets of a loss above reach/exponent weigh less, all together, than e^-8 times the best one: they share a step,
    and are seldom proposed."""
    return 8 + math.comb(candidates, seats).bit_length() * 7 // 10  # ln 2 < 7/10


class _SetsByLevel:
    """All sets of k out of m, grouped by best excluded candidate and by step of the worst included one.

    Put the candidates in order of falling score, ties by index; positions count from 1. A set that is not the first k
    positions has a first position i <= k outside and a last position j > k inside; it holds 1..i-1, and k - i of the
    j - i - 1 positions between, so there are C(j-i-1, k-i) such sets, and all have loss v_i - v_j. Summed over j from
    lo + 1 to hi that is C(hi-i, k-i+1) - C(lo-i, k-i+1). A level is split into v_i - v_(k+1), for which there are k
    values, and v_(k+1) - v_j, of which only the step counts until the end.
    """

    def __init__(self, scores: Scores, seats: int, exponent: Fraction) -> None:
        self.seats = seats
        self._top = _top(scores, seats)
        self._taken = sorted(self._top.tolist())
        count = math.comb(scores.units.size, seats)
        rungs = ladder(exponent / scores.denominator, _reach(scores.units.size, seats))
        self._gaps = Gaps(Scores(_without(scores.units, self._taken), scores.denominator), rungs)
        self._leads = [int(scores.units[candidate]) - self._gaps.best for candidate in self._top]
        self._bits = count.bit_length() + 64
        self._caps = self._gaps.ladder.caps(self._bits)
        self._sorted: dict[int, Indices] = {}
        self._build()

    def _build(self) -> None:
        steps = [int(step) for step in np.flatnonzero(self._gaps.counts)]
        self._steps = steps
        # _bounds[n] positions come before the step number n of `steps`.
        self._bounds = [self.seats]
        for step in steps:
            self._bounds.append(self._bounds[-1] + int(self._gaps.counts[step]))
        # Entry 0 is the set of the first k; then, for each i, one entry a step.
        weight = 1 << self._bits
        self._ends = [weight]
        for position, lead in enumerate(self._leads, start=1):
            size = self.seats - position + 1
            before = math.comb(self.seats - position, size)
            for number, step in enumerate(steps):
                upto = math.comb(self._bounds[number + 1] - position, size)
                weight += (upto - before) * self._caps[self._step(lead, step)]
                self._ends.append(weight)
                before = upto

    def _step(self, lead: int, step: int) -> int:
        together: int = min((lead >> self._gaps.ladder.shift) + step, self._gaps.ladder.last)
        return together

    def draw(self, entropy: Entropy) -> Committee:
        while True:
            drawn = uniform_below(entropy, self._ends[-1])
            entry = bisect.bisect_right(self._ends, drawn)
            if entry == 0:
                return tuple(sorted(self._top.tolist()))
            position, number = divmod(entry - 1, len(self._steps))
            position += 1
            lead = self._leads[position - 1]
            step = self._step(lead, self._steps[number])
            rank, low = divmod(drawn - self._ends[entry - 1], self._caps[step])
            if low == self._caps[step] - 1 and step and not flip_on(entropy, self._gaps.ladder.steps[step], self._bits):
                continue
            last = self._last_position(position, number, rank)
            behind = lead + self._gaps.gap(self._other(last))
            if self._gaps.ladder.accept(entropy, behind - (step << self._gaps.ladder.shift)):
                between = _subset(entropy, last - position - 1, self.seats - position)
                positions = [*range(1, position), *(position + 1 + offset for offset in between), last]
                return tuple(sorted(self._candidate(p) for p in positions))

    def _last_position(self, position: int, number: int, rank: int) -> int:
        """Where the worst included one of set number `rank` of an entry stands."""
        size = self.seats - position + 1
        before = math.comb(self._bounds[number] - position, size)
        ends = range(self._bounds[number] + 1, self._bounds[number + 1] + 1)
        return ends[bisect.bisect_right(ends, rank, key=lambda end: math.comb(end - position, size) - before)]

    def _candidate(self, position: int) -> int:
        if position <= self.seats:
            return int(self._top[position - 1])
        candidate = self._other(position)
        for taken in self._taken:  # rising: each one passed shifts the index by one
            candidate += taken <= candidate
        return candidate

    def _other(self, position: int) -> int:
        """Index among the others of the candidate at a position > seats; steps are sorted when first looked into."""
        number = bisect.bisect_left(self._bounds, position) - 1
        step = self._steps[number]
        found = self._sorted.get(step)
        if found is None:
            members = self._gaps.members(step)
            rests = self._gaps.rests(members, np.full(members.size, step))
            found = self._sorted[step] = members[_stable_order(rests, self._gaps.ladder.shift)]
        return int(found[position - self._bounds[number] - 1])


def _stable_order(rests: Any, bits: int) -> Indices:
    """Indices that sort `rests`, ties in their order; NumPy sorts 16-bit integers ten times as fast as wider ones."""
    narrow = rests.dtype != object and bits <= 16 and int(rests.max()) < 1 << 16
    order: Indices = np.argsort(rests.astype(np.uint16) if narrow else rests, kind="stable")
    return order


def _top(scores: Scores, seats: int) -> Indices:
    """The first `seats` candidates in order of falling score, ties by index."""
    units = scores.units
    if units.dtype == object:
        return np.array(sorted(range(units.size), key=lambda index: -units[index])[:seats])
    # A part's best `seats` reach at least as low as all's: partitioning a small part first leaves few to look at.
    part = units[:: max(1, min(64, units.size // (64 * seats)))]
    near = np.flatnonzero(units >= np.partition(part, part.size - seats)[part.size - seats])
    return near[np.argsort(~units[near], kind="stable")[:seats]]


def _without(units: npt.NDArray[Any], taken: list[int]) -> npt.NDArray[Any]:
    """units without the entries at the rising positions `taken` (np.delete, at the speed of a copy)."""
    ends = [*taken, units.size]
    return np.concatenate([units[: taken[0]], *(units[start + 1 : end] for start, end in itertools.pairwise(ends))])


def _subset(entropy: Entropy, size: int, wanted: int) -> set[int]:
    """A uniform subset of range(size) with `wanted` members (Floyd's algorithm)."""
    chosen: set[int] = set()
    for top in range(size - wanted, size):
        drawn = uniform_below(entropy, top + 1)
        chosen.add(top if drawn in chosen else drawn)
    return chosen


class Peeling(CommitteeSelection):
    """Permute-and-flip, `seats` times without the winners so far, each at epsilon/seats (sequential composition)."""

    mechanism = Mechanism.PEELING

    @cached_property
    def exponent(self) -> Fraction:
        """Weight of one unit of score in each of the `seats` rounds."""
        return self.epsilon / (self.seats * self.bound.range)

    @property
    def event(self) -> Event:
        return Composed((PureDp(self.epsilon / self.seats),) * self.seats)

    def probabilities(self, scores: ScoresLike | Scores) -> Law:
        exact = self._checked(scores)
        units = exact.units.tolist()
        sets = self._sets(len(units))
        reached: dict[Committee, Polynomial] = {(): ONE}
        for _ in range(self.seats):
            following: dict[Committee, Polynomial] = {}
            for chosen, probability in reached.items():
                left = [index for index in range(len(units)) if index not in chosen]
                best = max(units[index] for index in left)
                laws = permute_and_flip_law([best - units[index] for index in left])
                for index, law in zip(left, laws, strict=True):
                    key = tuple(sorted((*chosen, index)))
                    following[key] = following.get(key, Polynomial({})) + probability * law
            reached = following
        return Law(tuple(sets), tuple(reached[key] for key in sets), ONE, self.exponent / exact.denominator)

    def _draws(self, scores: Scores, entropy: Entropy) -> Iterator[Committee]:
        winner = PermuteAndFlip(self.epsilon / self.seats, self.relation, self.bound)
        while True:
            left, chosen = np.arange(scores.units.size), list[int]()
            while len(chosen) < self.seats:
                units = scores.units[left] if chosen else scores.units
                taken = winner.draw_run(Scores(units, scores.denominator), self.seats - len(chosen), entropy)
                chosen.extend(left[taken].tolist())
                left = np.delete(left, taken)
            yield tuple(sorted(chosen))


def subset_exponential(
    epsilon: EpsilonLike, relation: NeighbouringRelation | None, seats: int, score: Bounded = APPROVAL
) -> SubsetExponential:
    """The exponential mechanism over sets of candidates; `epsilon`-DP and of `epsilon`-bounded range.

    Args:
        epsilon: the strength of the guarantee.
        relation: what one person can change.
        seats: how many candidates are chosen, at least 2. For one seat, `permute_and_flip` costs half.
        score: the bound of one candidate's score. The bound of a set's score follows from it.

    Raises:
        UsageError: there are fewer than 2 seats, or an argument is malformed.
    """
    if seats < 2:
        raise words_choices.one_seat(seats)
    candidate = score.bound(relation)
    bound = ScoreBound(candidate.range, False, 2 * candidate.range)
    return SubsetExponential(parse_epsilon(epsilon), relation, bound, seats)


def peeling(
    epsilon: EpsilonLike, relation: NeighbouringRelation | None, seats: int, score: Bounded = APPROVAL
) -> Peeling:
    """Permute-and-flip peeling for `seats` >= 1 candidates, `epsilon`-DP in all under `relation`. Raises UsageError."""
    if seats < 1:
        raise words_choices.no_seat(seats)
    return Peeling(parse_epsilon(epsilon), relation, score.bound(relation), seats)
