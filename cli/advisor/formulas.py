"""Formulas that exist nowhere else in the toolkit; each names its source and is tested against simulation.

Where a product module has a formula, it is used from there (`sources.py`). All errors are at 95 % unless said
otherwise.
"""

from __future__ import annotations

import math
from statistics import NormalDist

LN20 = math.log(20)
Z95 = 1.959963984540054


def randomised_sets(shared: int, own: int, epsilon: float) -> tuple[float, float]:
    """Expected precision and recall of the best epsilon-DP report of which of my `own` items are shared, item by item.

    Each membership bit goes through binary randomised response, the optimal mechanism for one bit (Kairouz, Oh,
    Viswanath
    2016): a bit is kept with p = e^eps/(1 + e^eps). Recall is p; precision is the ratio of the expected numbers. This
    is
    the kindest case: only my own items are candidates, and one changed item of the peer changes one bit.
    """
    keep = 1 / (1 + math.exp(-epsilon))
    right, wrong = shared * keep, (own - shared) * (1 - keep)
    return (right / (right + wrong) if right + wrong else 0.0), keep


def exponential_sets(shared: int, own: int, epsilon: float) -> tuple[float, float, float]:
    """Expected precision and recall of the exponential mechanism over all 2^own subsets, and log10 of the
    probability of exactly the right set.

    Score: minus the size of the symmetric difference from the true intersection, sensitivity 1. The law exp(eps*u/2)
    factorises over items: each bit is wrong with probability 1/(1 + e^(eps/2)). (McSherry, Talwar 2007.)
    """
    precision, recall = randomised_sets(shared, own, epsilon / 2)
    return precision, recall, own * math.log10(recall)


def em_shortfall95(candidates: int, exponent: float) -> float:
    """With probability 0.95 the exponential mechanism's choice is at most so far below the best (Dwork, Roth, Cor.
    3.12).
    """
    return math.log(candidates / 0.05) / exponent


def em_gap_needed95(candidates: int, exponent: float) -> float:
    """The lead over all rivals at which the exponential mechanism finds the winner in 95 % of draws: its law,
    inverted.
    """
    return math.log(19 * (candidates - 1)) / exponent


def sets_shortfall95(candidates: int, seats: int, exponent: float) -> float:
    """How far the worst member of a committee may lie below the best who is left out, with probability 95 %, when a
    set of loss u is drawn with weight exp(-exponent*u): the union bound over all sets.
    """
    log_sets = math.lgamma(candidates + 1) - math.lgamma(seats + 1) - math.lgamma(candidates - seats + 1)
    return (log_sets + LN20) / exponent


def normal_quantile(probability: float) -> float:
    """Of the standard normal law."""
    return NormalDist().inv_cdf(probability)


def unanimity(n: int, p: float) -> float:
    """P(all n vote alike) when each says yes with probability p, independently."""
    return float(p**n + (1 - p) ** n)


def lone_dissenter(n: int, p: float) -> float:
    """P(exactly one of n differs from all others): that one and everybody else are known to the dissenter."""
    return float(n * p ** (n - 1) * (1 - p) + n * (1 - p) ** (n - 1) * p)


def unknown_key_threshold(epsilon: float, delta: float, contributions: int, replace: bool) -> float:
    """Noisy count from which a key that is not public may be shown (Laplace thresholding, as described by
    Desfontaines).
    """
    factor = 2 if replace else 1
    return 1 + factor * contributions * math.log(contributions / (2 * delta)) / epsilon


def advanced_composition(epsilon: float, releases: int, delta: float) -> float:
    """Total epsilon of `releases` epsilon-DP releases at the stated delta (Dwork, Roth, Theorem 3.20)."""
    return epsilon * math.sqrt(2 * releases * math.log(1 / delta)) + releases * epsilon * math.expm1(epsilon)


def laplace_err95(scale: float) -> float:
    """Error of Laplace noise: Pr[|noise| > t] = e^(-t/scale). The continuous limit of what is released (Dwork,
    Roth).
    """
    return scale * LN20


def split_cells_err95(shape: float, cells: int) -> float:
    """At most this, in units of the scale, is the error of the worst of so many cells whose noise n parties add when t
    may collude; shape = n/(n - t). Chernoff's bound on Gamma(shape) - Gamma(shape), and the union bound over cells."""
    wanted = math.log(2 * cells / 0.05)

    def exponent(error: float) -> float:
        best = (math.hypot(shape, error) - shape) / error
        return error * best + shape * math.log1p(-best * best)

    low, high = 1e-9, 1.0
    while exponent(high) < wanted:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if exponent(middle) < wanted else (low, middle)
    return high


def cells_err95(scale: float, cells: int) -> float:
    """Error of the worst of so many cells, by the union bound (Dwork, Roth, Theorem 3.8)."""
    return scale * math.log(cells / 0.05)


def sum_messages(parties: int) -> int:
    """Messages of an all-to-all secure sum: a share and a partial sum from everyone to everyone else (article, S1)."""
    return 2 * parties * (parties - 1)
