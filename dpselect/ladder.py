"""The gap histogram: candidates sorted into steps of about 1/exponent below the best score.

A candidate with gap g needs a coin of probability exp(-exponent * g). Write g = step * 2^shift + rest. The coin shows
heads if both the step's coin and the rest's coin do. Since 2^shift <= 1/exponent, the rest's coin shows heads with
probability above 1/e. All candidates of a step share their first coin. Whatever the scores, there are at most 129
steps: gaps of more than 64/exponent share the last one, whose coin is below e^-64. So a million candidates cost as many
coins as there are steps. A rest's coin is only flipped for a candidate that is about to be picked.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dpselect.coins import exp_coin
from dpselect.sampling import Bools, CoinTable, Indices, flip
from dpselect.scores import Scores
from psiselect.base.entropy import Entropy

_REACH = 64
_MAX_SHIFT = 56
# Below this many candidates, a coin for each beats sorting them into a histogram (measured).
SMALL = 4096
_NONE: Indices = np.empty(0, dtype=np.int64)


class Ladder:
    """Coins for one exponent for each unit of gap; see the module.

    Attributes:
        last: the step of all gaps above about reach/exponent.
    """

    def __init__(self, exponent: Fraction, reach: int = _REACH) -> None:
        self.exponent = exponent
        self.shift = max(0, (exponent.denominator // exponent.numerator).bit_length() - 1)
        width = exponent * 2**self.shift
        self.last = -(-reach * width.denominator // width.numerator)
        self.steps = CoinTable([exp_coin(width * step) for step in range(self.last + 1)])
        # Where the last step begins, and the shift, as NumPy scalars: a small draw is mostly overhead.
        self.limit = np.uint64(min(self.last << self.shift, 2**64 - 1))
        self.shift64 = np.uint64(min(self.shift, 63))
        self._digits: dict[int, CoinTable] = {}
        self._caps: dict[int, list[int]] = {}
        self._cap_arrays: dict[int, Indices] = {}

    def _digit(self, bit: int) -> CoinTable:
        # exp(-exponent * 2^bit); the far bits of a rest in the last step are asked for once in e^64 draws.
        table = self._digits.get(bit)
        if table is None:
            table = self._digits[bit] = CoinTable([exp_coin(self.exponent * 2**bit)])
        return table

    def caps(self, bits: int) -> list[int]:
        """Bounds above 2^bits * p for the coins p of the steps: floor + 1, or 2^bits itself for p = 1."""
        found = self._caps.get(bits)
        if found is None:
            found = [self.steps[step].floor(bits) + (step > 0) for step in range(self.last + 1)]
            self._caps[bits] = found
        return found

    def cap_array(self, bits: int) -> Indices:
        """`caps` as int64, shape (last + 1,), bits <= 62."""
        found = self._cap_arrays.get(bits)
        if found is None:
            found = self._cap_arrays[bits] = np.array(self.caps(bits), dtype=np.int64)
        return found

    def accept(self, entropy: Entropy, rest: int) -> bool:
        """One flip of the coin exp(-exponent * rest): a coin for each binary digit of `rest` that is 1."""
        return not rest or all(
            flip(entropy, self._digit(bit)[0]) for bit in range(rest.bit_length()) if rest >> bit & 1
        )

    def accept_many(self, entropy: Entropy, rests: npt.NDArray[Any]) -> Bools:
        """`accept` for each of rests, shape (n,), dtype uint64 or object."""
        heads = np.ones(rests.size, dtype=np.bool_)
        kind: Any = int if rests.dtype == object else np.uint64
        for bit in range(int(rests.max(initial=0)).bit_length()):
            (asked,) = np.nonzero(heads & ((rests >> kind(bit)) & kind(1)).astype(np.bool_))
            heads[asked] = self._digit(bit).flips(entropy, np.zeros(asked.size, dtype=np.int64))[0]
        return heads


@lru_cache(maxsize=64)
def ladder(exponent: Fraction, reach: int = _REACH) -> Ladder:
    """The ladder of this exponent per unit of gap, built once (about 1 ms)."""
    return Ladder(exponent, reach)


class Gaps:
    """Scores as steps below the best. It holds the array that it was given, so do not change that array meanwhile.

    For few candidates (`small`), `steps` holds the step of each one, shape (m,), dtype int64. For many, `counts` holds
    how many are on each step, and the members of a step are listed when asked for.
    """

    def __init__(self, scores: Scores, steps: Ladder) -> None:
        self.ladder = steps
        self._members: dict[int, Indices] = {}
        # A step must fit 64 bits for the fast arithmetic; exponents below 2^-56 go by Python integers.
        self._units = scores.units if steps.shift <= _MAX_SHIFT else scores.units.astype(object)
        self.size: int = scores.units.size
        self._best = self._units.max()
        self.small = self.size <= SMALL
        self.steps = self._steps() if self.small else _NONE

    @property
    def best(self) -> int:
        """The best score."""
        return int(self._best)

    def _below_best(self, units: npt.NDArray[Any]) -> npt.NDArray[Any]:
        below: npt.NDArray[Any] = self._best - units
        # Differences of two int64 may need 64 bits: they wrap around, and read as uint64 they come out right.
        return below if units.dtype == object else below.view(np.uint64)

    def _steps(self) -> Indices:
        gaps = self._below_best(self._units)
        if gaps.dtype == object:
            steps: Indices = np.minimum(gaps >> self.ladder.shift, self.ladder.last).astype(np.int64)
            return steps
        np.minimum(gaps, self.ladder.limit, out=gaps)
        if self.ladder.shift:
            gaps >>= self.ladder.shift64
        return gaps.view(np.int64)

    @property
    def tied(self) -> int:
        """How many candidates have the best score."""
        return int(np.count_nonzero(self._units == self._best))

    @cached_property
    def _cut(self) -> int:
        cut: int = self.best - (self.ladder.last << self.ladder.shift)
        return cut

    @cached_property
    def _near(self) -> tuple[Indices, npt.NDArray[np.uint16]]:
        """Candidates above the last step, and their steps."""
        near = np.flatnonzero(self._units > self._cut)
        units = self._units if near.size == self.size else self._units[near]
        return near, (self._below_best(units) >> self._kind(self.ladder.shift)).astype(np.uint16)

    @property
    def _kind(self) -> Any:
        return int if self._units.dtype == object else np.uint64

    @cached_property
    def counts(self) -> Indices:
        """How many candidates each step holds, shape (last + 1,), int64."""
        near, steps = self._near
        counts: Indices = np.bincount(steps, minlength=self.ladder.last + 1)
        counts[self.ladder.last] = self.size - near.size
        return counts

    def members(self, step: int) -> Indices:
        """The candidates of a step, in their order; kept once they were asked for."""
        found = self._members.get(step)
        if found is None:
            near, steps = self._near
            far = step == self.ladder.last
            found = np.flatnonzero(self._units <= self._cut) if far else near[np.flatnonzero(steps == step)]
            self._members[step] = found
        return found

    def nth(self, steps: Indices, ranks: Indices) -> Indices:
        """Member number ranks[i] of step steps[i], shape (n,)."""
        found = np.empty(steps.size, dtype=np.int64)
        for step in set(steps.tolist()):
            here = steps == step
            found[here] = self.members(step)[ranks[here]]
        return found

    def gap(self, candidate: int) -> int:
        """Best score minus the candidate's."""
        return self.best - int(self._units[candidate])

    def rest(self, candidate: int, step: int) -> int:
        """Gap of the candidate minus what its step stands for."""
        return self.gap(candidate) - (step << self.ladder.shift)

    def rests(self, candidates: Indices, steps: Indices) -> npt.NDArray[Any]:
        """`rest` of each, shape (n,), dtype uint64 or object."""
        gaps = self._below_best(self._units[candidates])
        gaps -= steps.astype(gaps.dtype) << self._kind(self.ladder.shift)
        return gaps
