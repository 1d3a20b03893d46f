"""Noise that nobody knows: each party adds a share, and what the honest ones add is enough.

Let z = exp(-lambda). NB(r, z) is the negative binomial law Pr[x] = (1-z)^r * r(r+1)...(r+x-1)/x! * z^x for any rational
size r > 0; independent NB(r, z) and NB(s, z) add up to NB(r+s, z), since the generating function is
((1-z)/(1-z*s))^r. NB(1, z) is the geometric law, and the difference of two geometric ones is the discrete Laplace law.

Of n parties t may collude, telling each other what they added. Each adds NB(1/(n-t), z) - NB(1/(n-t), z). The n-t
honest ones then add exactly a discrete Laplace variable of parameter z, whatever the others do; with sensitivity D in
units and lambda = epsilon/D the sum is epsilon-DP towards the t. A participant who sees the result knows its own share,
so t >= 1 whenever participants see it. That is paid for: with everyone honest the noise is
NB(n/(n-t), z) - NB(n/(n-t), z), which `error95` measures. Sources: arXiv 2110.06559, section 4.1; Goryczka, Xiong 2015.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from dpselect.sampling import geometrics, uniforms_below
from mpc import words
from psiselect.base.entropy import Entropy

WRAP_BITS = 40  # a sum leaves the agreed range with probability below 2^-40
_MAX_MEAN = 1 << 12  # of one geometric draw: the sampler's steps grow with it
_MIN_MEAN = 1 << 4
_MAX_DRAWS = 1 << 24  # of the urn, for a whole vector
_GRID_MEAN = 1 << 12


@dataclass(frozen=True, slots=True)
class SharedNoise:
    """The noise of n parties of whom t may collude, at exponent lambda per unit."""

    parties: int
    colluding: int
    exponent: Fraction

    def __post_init__(self) -> None:
        if not 1 <= self.colluding < self.parties:
            raise words.colluding(self.colluding, self.parties)
        if self.exponent <= 0:
            raise words.no_noise()

    @property
    def share_size(self) -> Fraction:
        """r of one party's negative binomials."""
        return Fraction(1, self.parties - self.colluding)

    @property
    def total_size(self) -> Fraction:
        """r of the sum of all parties' shares."""
        return self.parties * self.share_size

    def two_sided(self, entropy: Entropy, count: int) -> list[int]:
        """`count` independent shares of discrete Laplace noise, exactly distributed."""
        both = negative_binomials(entropy, self.share_size, self.exponent, 2 * count)
        return [int(v) for v in both[:count] - both[count:]]

    def one_sided(self, entropy: Entropy, count: int) -> list[int]:
        """`count` independent shares of geometric noise, exactly distributed, all >= 0."""
        return [int(v) for v in negative_binomials(entropy, self.share_size, self.exponent, count)]

    def reach(self, count: int) -> int:
        """A number of units that none of `count` sums of all shares, one- or two-sided, passes, but for probability
        2^-41.

        For X of NB(R, z) and s = z^(-1/2): Pr[X > B] <= E[s^X] s^-B = (1 + sqrt z)^R * z^(B/2) <= 2^R e^(-lambda B/2).
        With two signs and `count` sums, B = (2 ln 2/lambda) * (R + 41 + log2(2 count)) will do; ln 2 < 7/10.
        """
        bits = self.total_size + WRAP_BITS + 1 + (2 * count).bit_length()
        return math.ceil(Fraction(7, 5) * bits / self.exponent)

    def error95(self) -> float:
        """What the noise of all parties together stays within, in units, at 95 %.

        The least whole number of units where that is at most 2^12 mean steps, else by scaling from there. A
        prediction: it is computed in floating point, by inverting the characteristic function on a grid.
        """
        mean = 1 / self.exponent
        if mean <= _GRID_MEAN:
            return _two_sided_quantile(float(self.total_size), float(self.exponent))
        return float(mean / _GRID_MEAN) * _two_sided_quantile(float(self.total_size), 1 / _GRID_MEAN)


def negative_binomials(entropy: Entropy, size: Fraction, exponent: Fraction, count: int) -> npt.NDArray[np.int64]:
    """`count` independent draws of NB(size, exp(-exponent)), 0 < size <= 1, dtype int64; exact.

    The same construction as `dpselect.sampling.negative_binomial`, for many draws at once: geometric totals are split
    by Polya's urn, in which drawing number d + 1 comes up ours with probability (size + ours)/(d + 1).
    """
    if not 0 < size <= 1:
        raise words.share_size(size)
    totals = geometrics(entropy, exponent, count)
    if size == 1:
        return totals
    order = np.argsort(-totals, kind="stable")
    descending = totals[order]
    ours = np.zeros(count, np.int64)
    drawn = 0
    # Lanes are sorted by their totals, so those that still draw are always the first ones.
    while active := int(np.searchsorted(-descending, -drawn, side="left")):
        bounds = np.full(active, size.denominator * (drawn + 1), np.int64)
        ours[:active] += uniforms_below(entropy, bounds) < size.numerator + size.denominator * ours[:active]
        drawn += 1
    shares = np.empty(count, np.int64)
    shares[order] = ours
    return shares


def widest_sensitivity(epsilon: Fraction, count: int) -> int:
    """The largest sensitivity, in units, for which `count` shares are drawn in reasonable time; beyond it the unit is
    coarsened (a unit this small is below a thousandth of the noise, unless the vector is very long)."""
    mean = max(_MIN_MEAN, min(_MAX_MEAN, _MAX_DRAWS // (2 * count)))
    return max(1, int(mean * epsilon))


def coarsening(span: Fraction, unit: Fraction, widest: int) -> int:
    """By how much to multiply the unit so that `span` has at most `widest` units: 1, 2, 5, 10, 20, 50, ..."""
    steps: Iterator[int] = (step * 10**power for power in itertools.count() for step in (1, 2, 5))
    return next(factor for factor in steps if span <= widest * unit * factor)


def _two_sided_quantile(size: float, exponent: float) -> float:
    """The least e with Pr[|X - Y| > e] <= 0.05 for independent X, Y of NB(size, exp(-exponent))."""
    needed = 2 * (2 / exponent) * math.log(2) * (size + 45)
    points = 1 << max(8, math.ceil(math.log2(needed)))
    angle = 2 * math.pi * np.arange(points // 2 + 1) / points
    z = math.exp(-exponent)
    squared = 1 - 2 * z * np.cos(angle) + z * z
    characteristic = ((1 - z) ** 2 / squared) ** size
    law = np.fft.irfft(characteristic, points)
    inside = law[0] + 2 * np.cumsum(law[1 : points // 2])
    return 0.0 if law[0] >= 0.95 else float(np.searchsorted(inside, 0.95 - 1e-12) + 1)
