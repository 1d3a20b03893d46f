"""The noisy winner of an approval vote whose tallies nobody knows.

Each of m servers holds an additive share of every candidate's count and adds, by itself, a share of noise:
NB(1/(m-t), z) with z = exp(-lambda) (`mpc.noise`). Inside MPyC only the position of the largest total is opened,
candidates being in a public order drawn by all servers together; of equal totals the first in that order wins.

Guarantee. Fix the order and what the t colluding servers added, c. What the m-t honest ones added is exactly one
geometric variable X_i per candidate, so the winner is argmax(u_i + c_i + X_i). Candidate i wins exactly when X_i >= T
for an integer T that depends on the other X_j, and Pr[X_i >= T] = z^max(T, 0). A neighbour moves u_i against every
other u_j by at most the range of the score, hence T by at most that, hence this probability by a factor of at most
exp(lambda * range). So with lambda = epsilon/range the release is epsilon-DP towards the t, for every order and every
c: the range is 1 for approval under add/remove (a ballot moves all counts one way, by at most 1), 2 under replace. It
is pure: no delta.

Law. With everyone honest and the order uniform the winner is argmax(u_i + NB(m/(m-t), z)), ties uniform; `winner_law`
computes it. For t = 0 that would be permute-and-flip, since NB(1, z) is geometric; t >= 1 because each server knows
its own share and sees the winner. What it costs: m/(m-t) times the variance (3 servers, t = 1: 1.5 times), and m - 1
secret comparisons for m candidates.

Why shares of the noise, and not joint random bits inside MPyC: these need a secret comparison for each bit of each
candidate's noise (tens of times the work) and are only close to the law, which adds a delta; they would save the factor
m/(m-t).
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from dpselect.privacy import NeighbouringRelation
from mpc.noise import SharedNoise
from psiselect.base.entropy import permutation

_RANGES = {NeighbouringRelation.ADD_REMOVE: 1, NeighbouringRelation.REPLACE: 2}


def vote_noise(epsilon: Fraction, neighbors: NeighbouringRelation, servers: int, colluding: int) -> SharedNoise:
    """The one-sided noise of an approval vote; epsilon protects one ballot of at most one approval a candidate."""
    return SharedNoise(servers, colluding, epsilon / _RANGES[neighbors])


def public_order(seeds: bytes, count: int) -> npt.NDArray[np.int64]:
    """The order of candidates that all servers' random bytes determine: uniform if one of them was, up to SHAKE-256.

    The last server to speak could choose among orders, which would bias ties and nothing else.
    """
    return permutation(_Expanded(seeds), count)


class _Expanded:
    """Entropy expanded from public random bytes."""

    def __init__(self, seeds: bytes) -> None:
        self._seeds, self._reads = seeds, 0

    def read(self, size: int) -> bytes:
        self._reads += 1
        label = b"psiselect/mpc/order/v1" + self._reads.to_bytes(8, "big")
        return hashlib.shake_256(label + self._seeds).digest(size)


def winner_law(scores: list[int], noise: SharedNoise) -> npt.NDArray[np.float64]:
    """Pr[candidate i wins] with every server honest and a uniform order, shape (len(scores),).

    A prediction, in floating point: the sum over k of Pr[total_i = k] times the integral over s in (0, 1) of the
    product over j != i of (Pr[total_j < k] + s * Pr[total_j = k]).

    `s` is the winner's place in the order; the product is a polynomial in it, so Gauss-Legendre nodes make it exact.
    """
    base = max(scores)
    size, z = float(noise.total_size), float(np.exp(-float(noise.exponent)))
    reach = noise.reach(len(scores))
    steps = np.arange(1, reach + 1)
    log_law = size * np.log1p(-z) + np.concatenate(([0.0], np.cumsum(np.log((size + steps - 1) / steps) + np.log(z))))
    law = np.exp(log_law)
    # Totals below the best score cannot win, since the best one's noise is never negative.
    totals = np.arange(base, base + reach)
    exactly = np.array([_at(law, totals - s) for s in scores])
    below = np.array([_at(np.concatenate(([0.0], np.cumsum(law))), totals - s) for s in scores])
    nodes, weights = np.polynomial.legendre.leggauss(len(scores) // 2 + 1)
    won = np.zeros(len(scores))
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        each = below + node * exactly
        # The product over the others, without dividing by what may be zero.
        before = np.vstack((np.ones_like(totals, dtype=float), np.cumprod(each, axis=0)[:-1]))
        after = np.vstack((np.cumprod(each[::-1], axis=0)[::-1][1:], np.ones_like(totals, dtype=float)))
        won += weight * np.sum(exactly * before * after, axis=1)
    return won


def _at(values: npt.NDArray[np.float64], index: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """values[index], and beyond the end the last one."""
    return values[np.minimum(index, len(values) - 1)]
