"""How much noise the terms of `noisy-count` ask for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from dpselect.truncated import truncation_bound


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of a run: an integer in [-bound, bound] with probability proportional to exp(-epsilon * |x|)."""

    epsilon: Fraction
    bound: int

    @classmethod
    def of(cls, epsilon: Fraction, delta: Fraction) -> Noise:
        """The least noise with which a count is (epsilon, delta)-differentially private where lists differ in one key.
        Raises UsageError for values that make no sense."""
        return cls(epsilon, truncation_bound(epsilon, delta))

    @property
    def added(self) -> int:
        """Items that each side puts into each run beyond its own, whatever the noise turns out to be."""
        return 2 * self.bound
