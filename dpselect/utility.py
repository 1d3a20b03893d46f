"""How good a private choice will be, from public parameters: planning, in floating point, never for a release.

The example behind every number here is the *race*: m candidates, the best k of which tie, while all others are exactly
`gap` votes behind. With x = exponent * gap and p = exp(-x), probability and loss depend on m, k and x alone:

    mechanism            exponent per vote         probability of the true winner or committee
    permute-and-flip     eps      (replace: /2)    (1 - (1-p)^m) / (m p)
    exponential          eps      (replace: /2)    1 / (1 + (m-1) p)
    subset-exponential   eps/2    (replace: /2)    1 / (1 + (C(m,k)-1) p)
    peeling              eps/k    (replace: /2)    the product over a = 1..k of the integral over t in [0,1] of
                                                   a (1-t)^(a-1) (1-p t)^(m-k)

The probability is a lower bound for every profile whose best k are at least `gap` above each other candidate: more of a
lead helps in all four (for peeling, since a round is the maximum of scores plus independent exponential noise). The
expected loss, approvals of the true best k minus those of the chosen, is that of the race itself, an example: other
profiles with that gap may lose more.

Sources: McKenna, Sheldon 2020 (arXiv 2010.12603) for permute-and-flip; McSherry, Talwar 2007 for the exponential
mechanism; the formulas for k seats follow in docs/privacy.md.
"""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dpselect import words_choices

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

MAX_QUADRATURE_SEATS = 200  # the loss of peeling needs about seats^2/2 integrals; beyond, it is simulated
SIMULATED_RUNS = 4_000


class Basis(enum.Enum):
    """What stands behind a number."""

    CLOSED_FORM = "closed form"
    QUADRATURE = "quadrature"
    SIMULATION = "simulation"


@dataclass(frozen=True, slots=True)
class UtilityEstimate:
    """A number of the race.

    Attributes:
        error: one standard error where the number is simulated; an estimate of the error where it is by quadrature.
    """

    value: float
    basis: Basis
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Race:
    """m candidates, k seats: the best k tie, all others are `gap` votes behind."""

    candidates: int
    seats: int
    gap: float

    def __post_init__(self) -> None:
        if self.candidates < 2 or not 1 <= self.seats < self.candidates:
            raise words_choices.race(self.candidates, self.seats)
        if not 0 <= self.gap < math.inf:
            raise words_choices.gap(self.gap)


# ------------------------------------------------------------------------------------------ one winner


def permute_and_flip_probability(race: Race, exponent: float) -> UtilityEstimate:
    """Probability that permute-and-flip returns the true winner of the race."""
    miss = _permute_and_flip_miss(race, exponent)
    return UtilityEstimate(1 - miss.value, Basis.CLOSED_FORM)


def permute_and_flip_loss(race: Race, exponent: float) -> UtilityEstimate:
    """Expected votes lost by permute-and-flip in the race."""
    miss = _permute_and_flip_miss(race, exponent)
    return UtilityEstimate(race.gap * miss.value, miss.basis, race.gap * miss.error)


def _permute_and_flip_miss(race: Race, exponent: float) -> UtilityEstimate:
    m, p = race.candidates, math.exp(-exponent * race.gap)
    hit = 1 / m if p == 1 else -math.expm1(m * math.log1p(-p)) / (m * p) if m * p > 1e-3 else 1.0
    if hit < 0.5:
        return UtilityEstimate(1 - hit, Basis.CLOSED_FORM)
    # 1 - hit would cancel: the integral of 1 - (1-pt)^(m-1) does not.
    value, error = _integrals(lambda t: -np.expm1((m - 1) * np.log1p(-p * t)), m * p)
    return UtilityEstimate(float(value), Basis.QUADRATURE, float(error))


def exponential_probability(race: Race, exponent: float) -> UtilityEstimate:
    """Probability that the exponential mechanism returns the true winner of the race."""
    return UtilityEstimate(1 / (1 + (race.candidates - 1) * math.exp(-exponent * race.gap)), Basis.CLOSED_FORM)


def exponential_loss(race: Race, exponent: float) -> UtilityEstimate:
    """Expected votes lost by the exponential mechanism in the race."""
    others = (race.candidates - 1) * math.exp(-exponent * race.gap)
    return UtilityEstimate(race.gap * others / (1 + others), Basis.CLOSED_FORM)


# ------------------------------------------------------------------------------------------ a committee


def subset_probability(race: Race, exponent: float) -> UtilityEstimate:
    """Probability that the exponential mechanism over sets returns the true committee of the race."""
    return UtilityEstimate(_logistic(subset_log_odds(race, exponent)), Basis.CLOSED_FORM)


def subset_log_odds(race: Race, exponent: float) -> float:
    """ln(P/(1-P)) of `subset_probability`: comparable also where P rounds to 0 or 1."""
    return -_log_other_sets(race, exponent)


def subset_loss(race: Race, exponent: float) -> UtilityEstimate:
    """Expected votes lost by the exponential mechanism over sets: every set but the true one weighs the same."""
    m, k = race.candidates, race.seats
    other = _logistic(_log_other_sets(race, exponent))
    # Members not in the true committee, on average over the other sets: k(m-k)/m over all, none in the true one.
    wrong = k * (m - k) / m / -math.expm1(-_log_choose(m, k))
    return UtilityEstimate(race.gap * other * wrong, Basis.CLOSED_FORM)


def _log_other_sets(race: Race, exponent: float) -> float:
    """ln of the weight of all other sets, when the true one weighs 1."""
    sets = _log_choose(race.candidates, race.seats)
    return sets + math.log(-math.expm1(-sets)) - exponent * race.gap


def peeling_probability(race: Race, exponent: float) -> UtilityEstimate:
    """Probability that k rounds of permute-and-flip return the true committee of the race."""
    log, error = _peeling_log(race, exponent)
    return UtilityEstimate(math.exp(log), Basis.QUADRATURE, math.exp(log) * error)


def peeling_log_odds(race: Race, exponent: float) -> float:
    """ln(P/(1-P)) of `peeling_probability`: comparable also where P rounds to 0 or 1."""
    log, _ = _peeling_log(race, exponent)
    return log - math.log(-math.expm1(log)) if log < 0 else math.inf


def _peeling_log(race: Race, exponent: float) -> tuple[float, float]:
    """ln of the probability, and its error."""
    m, k, p = race.candidates, race.seats, math.exp(-exponent * race.gap)
    miss, error = _round_miss(np.arange(1, k + 1), np.full(k, m - k), p)
    hit = np.maximum(1 - miss, 2.0**-53)
    return float(np.where(miss < 0.5, np.log1p(-miss), np.log(hit)).sum()), float((error / hit).sum())


def peeling_loss(race: Race, exponent: float) -> UtilityEstimate:
    """Expected votes lost by k rounds of permute-and-flip in the race.

    A Markov chain says how many of the best candidates are left. For up to `MAX_QUADRATURE_SEATS` seats it is computed;
    for more seats it is simulated, with a fixed seed.
    """
    p = math.exp(-exponent * race.gap)
    wrong = _chain(race, p) if race.seats <= MAX_QUADRATURE_SEATS else _simulated_chain(race, p)
    return UtilityEstimate(race.gap * wrong.value, wrong.basis, race.gap * wrong.error)


def _round_miss(best: Ints, others: Ints, p: float) -> tuple[Floats, Floats]:
    """Probability, and its error, that a round picks one of the `others`, who show heads with probability p each, while
    `best` candidates tie at the top: others * p * the integral of (1-t)^best (1-pt)^(others-1). Shapes (states,)."""

    def integrand(t: Floats) -> Floats:
        logs = np.outer(best, np.log1p(-t)) + np.outer(np.maximum(others - 1, 0), np.log1p(-p * t))
        return np.asarray(np.exp(logs))

    value, error = _integrals(integrand, float(best.max() + p * others.max()))
    return np.minimum(others * p * value, 1.0), others * p * error


def _chain(race: Race, p: float) -> UtilityEstimate:
    """Expected members of the committee that are not among the best."""
    k, m = race.seats, race.candidates
    chances = np.zeros(k + 1)  # of how many of the best are left
    chances[k] = 1.0
    wrong = error = 0.0
    for done in range(k):
        best = np.arange(max(1, k - done), k + 1)
        miss, off = _round_miss(best, m - done - best, p)
        wrong += float(chances[best] @ miss)
        error += float(chances[best] @ off)
        hit = chances[best] * (1 - miss)
        chances[best] -= hit
        chances[best - 1] += hit
    return UtilityEstimate(wrong, Basis.QUADRATURE, error)


def _simulated_chain(race: Race, p: float) -> UtilityEstimate:
    """`_chain` by `SIMULATED_RUNS` runs of a fixed seed, with the standard error."""
    generator = np.random.default_rng(0)
    best = np.full(SIMULATED_RUNS, race.seats)
    for done in range(race.seats):
        others = race.candidates - race.seats - (done - (race.seats - best))
        heads = generator.binomial(others, p)
        best -= generator.random(SIMULATED_RUNS) * (best + heads) < best
    wrong = best.astype(np.float64)
    return UtilityEstimate(float(wrong.mean()), Basis.SIMULATION, float(wrong.std() / math.sqrt(SIMULATED_RUNS)))


# ------------------------------------------------------------------------------------------ which exponent is enough

Probability: TypeAlias = Callable[[Race, float], UtilityEstimate]


def exponent_needed(probability: Probability, race: Race, target: float) -> float:
    """The least exponent per vote at which the probability reaches the target, to a relative 1e-9 and not below.

    Args:
        probability: of the true winner or committee, for a race and an exponent.
        race: its gap must be above 0, because at 0 no exponent is enough.
        target: above the probability of a uniform choice, and below 1.

    Raises:
        UsageError: the gap or the target is out of range.
    """
    if race.gap == 0:
        raise words_choices.no_gap()
    if not probability(race, 0.0).value < target < 1:
        raise words_choices.target(target)
    low, high = 0.0, 1 / race.gap
    while probability(race, high).value < target:
        low, high = high, 2 * high
        if high * race.gap > 1e6:
            raise words_choices.target_too_high(target)
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if probability(race, middle).value >= target else (middle, high)
    return high


# ------------------------------------------------------------------------------------------ whole profiles


def permute_and_flip_law(gaps: npt.ArrayLike, exponent: float) -> Floats:
    """Probabilities of permute-and-flip, by quadrature, for display and tests. Errors stay below 1e-12.

    Each is p_i times the integral over t in [0,1] of the product over j != i of (1 - p_j t).

    Args:
        gaps: from the best score, shape (m,).
        exponent: per vote.
    """
    distance = np.asarray(gaps, np.float64)
    levels, index, counts = np.unique(distance, return_inverse=True, return_counts=True)
    p = np.exp(-exponent * levels)
    nodes, weights = _panels(float(counts @ p))
    logs = np.log1p(-np.outer(p, nodes))
    product = counts @ logs
    return np.asarray((p * (np.exp(product - logs) @ weights))[index])


def exponential_law(gaps: npt.ArrayLike, exponent: float) -> Floats:
    """Probabilities of the exponential mechanism for gaps from the best score, shape (m,)."""
    weights = np.exp(-exponent * np.asarray(gaps, np.float64))
    return np.asarray(weights / weights.sum())


def subset_profile_loss(scores: npt.ArrayLike, seats: int, exponent: float) -> float:
    """Expected loss of the exponential mechanism over sets, for a whole profile.

    All sets whose best missing candidate and worst member are the same share a weight. Their members between these two
    have a known average.
    """
    ranked = np.sort(np.asarray(scores, np.float64))[::-1]
    m = len(ranked)
    before = np.concatenate([[0.0], np.cumsum(ranked)])
    logs, losses = [0.0], [0.0]
    for out in range(seats):
        for taken in range(seats, m):
            free, between = seats - 1 - out, taken - out - 1
            logs.append(_log_choose(between, free) - exponent * (ranked[out] - ranked[taken]))
            average = (before[taken] - before[out + 1]) / between if between else 0.0
            losses.append(before[seats] - before[out] - free * average - ranked[taken])
    weights = np.exp(np.array(logs) - max(logs))
    return float(weights @ np.array(losses) / weights.sum())


# ------------------------------------------------------------------------------------------ numerics


def _integrals(integrand: Callable[[Floats], Floats], decay: float) -> tuple[Floats, Floats]:
    """Integrals over [0,1], and an estimate of their errors: nodes in, values of shape (..., nodes) out. The integrands
    must be smooth and change by a factor of e over stretches of 1/decay or more."""
    values, coarser = (
        np.asarray(integrand(nodes) @ weights) for nodes, weights in (_panels(decay), _panels(decay, 24))
    )
    return values, np.abs(values - coarser)


def _panels(decay: float, order: int = 40) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on panels that halve towards 0, down to a width of about 1/decay."""
    nodes, weights = _legendre(order)
    halvings = max(0, math.ceil(math.log2(max(decay, 1.0)))) + 1
    ends = np.concatenate([[0.0], 0.5 ** np.arange(halvings, -1, -1)])
    half = np.diff(ends) / 2
    middle = (ends[1:] + ends[:-1]) / 2
    return (middle[:, None] + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()


@functools.lru_cache(maxsize=4)
def _legendre(order: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(order)


def _log_choose(n: int, k: int) -> float:
    """ln of the binomial coefficient; exact integers while they are small, else by ln Gamma (relative error 1e-9)."""
    if min(k, n - k) <= 64:
        return math.log(math.comb(n, k))
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _logistic(x: float) -> float:
    """e^x / (1 + e^x)."""
    return 1 / (1 + math.exp(-x)) if x > -700 else math.exp(max(x, -745.0))
