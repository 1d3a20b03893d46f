"""Formulas that exist nowhere else in the toolkit; each names its source and is tested against simulation.

Where a product module has a formula, it is used from there (`sources.py`). All errors are at 95 % unless said otherwise.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

LN20 = math.log(20)
Z95 = 1.959963984540054


def randomised_sets(shared: int, own: int, epsilon: float) -> tuple[float, float]:
    """Expected precision and recall of the best epsilon-DP report of which of my `own` items are shared, item by item.

    Each membership bit goes through binary randomised response, the optimal mechanism for one bit (Kairouz, Oh, Viswanath
    2016): a bit is kept with p = e^eps/(1 + e^eps). Recall is p; precision is the ratio of the expected numbers. This is
    the kindest case: only my own items are candidates, and one changed item of the peer changes one bit.
    """
    keep = 1 / (1 + math.exp(-epsilon))
    right, wrong = shared * keep, (own - shared) * (1 - keep)
    return (right / (right + wrong) if right + wrong else 0.0), keep


def exponential_sets(shared: int, own: int, epsilon: float) -> tuple[float, float, float]:
    """Expected precision and recall of the exponential mechanism over all 2^own subsets, and P(exactly the right set).

    Score: minus the size of the symmetric difference from the true intersection, sensitivity 1. The law exp(eps*u/2)
    factorises over items: each bit is wrong with probability 1/(1 + e^(eps/2)). (McSherry, Talwar 2007.)
    """
    precision, recall = randomised_sets(shared, own, epsilon / 2)
    return precision, recall, math.exp(own * math.log(recall))


def em_shortfall95(candidates: int, exponent: float) -> float:
    """With probability 0.95 the exponential mechanism's choice is at most so far below the best (Dwork, Roth, Cor. 3.12)."""
    return math.log(candidates / 0.05) / exponent


def em_gap_needed95(candidates: int, exponent: float) -> float:
    """The lead over all rivals at which the exponential mechanism finds the winner in 95 % of draws: its law, inverted."""
    return math.log(19 * (candidates - 1)) / exponent


def one_bit_mean_sd(width: float, n: int, epsilon: float) -> float:
    """Largest standard deviation of a mean of n values, each sent as one randomised bit.

    A value is rounded at random to one end of its range, then goes through randomised response (Duchi, Jordan,
    Wainwright 2018, one dimension): sd <= width*(e^eps + 1)/(e^eps - 1)/(2*sqrt(n)), sampling and noise together.
    """
    return width / (2 * math.tanh(epsilon / 2) * math.sqrt(n))


def clamp_error(exceeding_excess: float, clamp: float, epsilon: float) -> float:
    """Expected error of a clamped sum of non-negatives: what is cut off plus the Laplace noise C/eps."""
    return exceeding_excess + clamp / epsilon


def unanimity(n: int, p: float) -> float:
    """P(all n vote alike) when each says yes with probability p, independently."""
    return float(p**n + (1 - p) ** n)


def lone_dissenter(n: int, p: float) -> float:
    """P(exactly one of n differs from all others): that one and everybody else are known to the dissenter."""
    return float(n * p ** (n - 1) * (1 - p) + n * (1 - p) ** (n - 1) * p)


def unknown_key_threshold(epsilon: float, delta: float, contributions: int, replace: bool) -> float:
    """Noisy count from which a key that is not public may be shown (Laplace thresholding, as described by Desfontaines)."""
    factor = 2 if replace else 1
    return 1 + factor * contributions * math.log(contributions / (2 * delta)) / epsilon


def advanced_composition(epsilon: float, releases: int, delta: float) -> float:
    """Total epsilon of `releases` epsilon-DP releases at the stated delta (Dwork, Roth, Theorem 3.20)."""
    return epsilon * math.sqrt(2 * releases * math.log(1 / delta)) + releases * epsilon * math.expm1(epsilon)


def split_noise_err95(shape: float) -> float:
    """95 % quantile of |G - G'|, G and G' independent Gamma(shape, 1): all n parties' shares when t may collude.

    Each of n parties adds Gamma(1/(n-t), b) minus Gamma(1/(n-t), b), so the shares of any n - t add up to Laplace(b)
    (infinitely divisible; arXiv 2110.06559), and those of all n to shape n/(n-t). In units of b; interpolated from a
    table computed by quadrature, relative error below 1e-4 for shapes from 1 to 1e6, normal beyond.
    """
    shapes, quantiles = _split_noise_table()
    if shape > shapes[-1]:
        return Z95 * math.sqrt(2 * shape)
    return float(np.exp(np.interp(math.log(shape), np.log(shapes), np.log(quantiles))))


def split_noise_shape(err95: float) -> float:
    """The largest shape whose error is at most err95 (in units of b); 0 when even one Laplace is too much."""
    shapes, quantiles = _split_noise_table()
    if err95 < quantiles[0]:
        return 0.0
    if err95 > quantiles[-1]:
        return (err95 / Z95) ** 2 / 2
    return float(np.exp(np.interp(math.log(err95), np.log(quantiles), np.log(shapes))))


@functools.cache
def _split_noise_table() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Shapes from 1 to 1e6 and the 95 % quantile for each."""
    shapes = np.exp(np.linspace(0, math.log(1e6), 120))
    return shapes, np.array([_split_noise_quantile(float(shape)) for shape in shapes])


def _split_noise_quantile(shape: float) -> float:
    # G - G' is N(0, 2V) with V from Gamma(shape), so P(|X| > x) is the mean of erfc(x / (2 sqrt(V))): the trapezoid rule
    # in log V (it converges exponentially: the density falls off on both sides), then Newton's method.
    spread = 12 / math.sqrt(shape)
    y = np.linspace(math.log(shape) - min(spread * 3, 40), math.log(shape) + min(spread, 5), 240)
    weight = np.exp(shape * y - np.exp(y) - math.lgamma(shape)) * (y[1] - y[0])
    scale = 2 * np.exp(y / 2)
    x = Z95 * math.sqrt(2 * shape)
    for _ in range(6):
        tail = sum(w * math.erfc(x / s) for w, s in zip(weight, scale, strict=True))
        slope = float(np.dot(weight, -2 / math.sqrt(math.pi) * np.exp(-((x / scale) ** 2)) / scale))
        x -= (tail - 0.05) / slope
    return float(x)
