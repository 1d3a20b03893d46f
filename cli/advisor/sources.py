"""Where the numbers come from: a thin name for each formula that another room of the toolkit owns."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from dpselect import numeric
from dpselect.committee import peeling, subset_exponential
from dpselect.grid import Grid
from dpselect.local_dp import MAX_OPTIONS, MIN_EPSILON, Poll, PollMechanism
from dpselect.mechanisms import Mechanism
from dpselect.planning import ASSUMED_GAP, committee_rule
from dpselect.privacy import Epsilon, NeighbouringRelation, parse_poll_epsilon
from dpselect.scores import Declared, ScoreBound
from dpselect.utility import (
    Race,
    exponential_loss,
    exponential_probability,
    permute_and_flip_loss,
    permute_and_flip_probability,
)
from mpc.noise import SharedNoise

LN2 = math.log(2)
MANY_SEATS = 200  # from here on both ways of drawing a committee are allowed for
MANY_SETS = 2_000_000  # entries; the commands stop at half of that
YES_NO = ("yes", "no")
STEPS = 1_000_000  # of a value's range, when a number's error is predicted
HONEST = 100  # parties that do not collude, in the table of split noise; only the ratio matters


# Noisy numbers: `dpselect.numeric` knows what one unit can change and the scale of the noise.


@functools.lru_cache(maxsize=256)
def measurement(function: str, width: float, epsilon: float, contributions: int, n: int) -> numeric.Measurement:
    """What `psiselect release` would use, under replace-one. A count's or a cell's width is 1 unless bounds say
    otherwise.
    """
    budget, replace = exact(epsilon), NeighbouringRelation.REPLACE
    if function == "histogram":
        return numeric.histogram(budget, replace, categories=YES_NO, contributions=contributions)
    if function not in ("sum", "mean", "proportion", "intersection_sum"):
        return numeric.count(budget, replace, contributions=contributions)
    span = exact(width)
    grid = Grid(Fraction(0), span, span if function == "proportion" else span / STEPS)
    if function in ("mean", "proportion"):
        return numeric.mean(budget, replace, grid, rows=n, contributions=contributions)
    return numeric.sum_(budget, replace, grid, contributions=contributions)


@functools.lru_cache(maxsize=256)
def noise_scale(function: str, width: float, epsilon: float, contributions: int, n: int) -> float:
    """The Laplace scale of `measurement`."""
    return float(measurement(function, width, epsilon, contributions, n).scale)


def stated_error95(function: str, width: float, epsilon: float, contributions: int, n: int, cells: int) -> float:
    """The error at 95 % as `psiselect release` states it: of discrete noise, so whole numbers for counts."""
    found = measurement(function, width, epsilon, contributions, n)
    miss = Fraction(1, 20 * (cells if function == "histogram" else 1))
    return float(found.noise.error(miss) * found.unit)


def exact(value: float) -> Fraction:
    """A float by its shortest text, as the commands read it."""
    return Fraction(repr(value))


# Noise that several parties add together: `mpc.noise` knows the law of all shares.


def shared_noise_err95(parties: int, colluding: int, epsilon: float) -> float:
    """The error at 95 % of a count (sensitivity 1) as `psiselect mpc sum --epsilon` states it."""
    return SharedNoise(parties, colluding, exact(epsilon)).error95()


@functools.lru_cache(maxsize=256)
def split_noise_err95(shape: float) -> float:
    """95 % error, in units of the Laplace scale, of the noise of all n parties when t may collude; shape = n/(n - t).

    In the continuous limit, interpolated between values that `mpc.noise` computes; growing like its square root
    beyond 100.
    """
    shapes, quantiles = _split_noise_table()
    if shape >= shapes[-1]:
        return float(quantiles[-1] * math.sqrt(shape / shapes[-1]))
    return float(np.exp(np.interp(math.log(shape), np.log(shapes), np.log(quantiles))))


@functools.lru_cache(maxsize=256)
def split_noise_shape(err95: float) -> float:
    """The largest shape whose error is at most err95 (in units of the scale); 0 when even one Laplace is too much."""
    shapes, quantiles = _split_noise_table()
    if err95 < quantiles[0]:
        return 0.0
    if err95 >= quantiles[-1]:
        return float(shapes[-1] * (err95 / quantiles[-1]) ** 2)
    return float(np.exp(np.interp(math.log(err95), np.log(quantiles), np.log(shapes))))


@functools.cache
def _split_noise_table() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    shapes, quantiles = [1.0], [math.log(20)]
    for parties in sorted({round(HONEST * 100 ** (i / 32)) for i in range(1, 33)}):
        steps = max(16, 256 * HONEST // parties)  # of the scale; half a step is taken off: the law counts whole ones up
        noise = SharedNoise(parties, parties - HONEST, Fraction(1, steps))
        shapes.append(parties / HONEST)
        quantiles.append((noise.error95() - 0.5) / steps)
    return np.array(shapes), np.array(quantiles)


# Polls: `dpselect.local_dp` knows the response probabilities and the standard error.


def response_noise_sd(epsilon: float, n: int) -> float:
    """Of a share estimated from n yes-no randomised responses: noise alone."""
    return _error(_poll, 2, epsilon, 0.5, n)


def response_sd_max(epsilon: float, n: int) -> float:
    """The same with the drawing of the sample, at a share of one half, where it is largest."""
    return _error(_poll, 2, epsilon, 0.5, n, population=True)


def cell_sd(epsilon: float, n: int, cells: int, share: float) -> float:
    """The same for one cell of several that has this share, by the better of the two encodings (Wang et al. 2017)."""
    few = cells <= MAX_OPTIONS and (cells - 2) * math.exp(-epsilon) < 3
    return _error(_poll if few else _unary, cells, epsilon, share, n)


def unary_sd(epsilon: float, n: int) -> float:
    """Of one rare cell's share under optimised unary encoding; it does not depend on the number of cells."""
    return _error(_unary, 2, epsilon, 0.0, n)


def kary_sd(epsilon: float, n: int, cells: int) -> float:
    """Of one rare cell's share under k-ary response."""
    return _error(_poll, cells, epsilon, 0.0, n)


def _error(
    make: Callable[[int, float], Poll], options: int, epsilon: float, share: float, n: int, population: bool = False
) -> float:
    """A poll's standard error. Below the least epsilon of a poll the error grows like 1/epsilon."""
    used = max(epsilon, float(MIN_EPSILON))
    return make(options, used).standard_error(share, n, population=population) * used / epsilon


@functools.lru_cache(maxsize=64)
def _poll(options: int, epsilon: float) -> Poll:
    names = YES_NO if options == 2 else tuple(map(str, range(options)))
    mechanism = PollMechanism.RANDOMISED_RESPONSE if options == 2 else PollMechanism.K_ARY
    return Poll(names, _epsilon(epsilon), mechanism)


@functools.lru_cache(maxsize=64)
def _unary(options: int, epsilon: float) -> Poll:
    del options  # the error does not depend on their number
    return Poll(YES_NO, _epsilon(epsilon), PollMechanism.UNARY)


def _epsilon(epsilon: float) -> Epsilon:
    return parse_poll_epsilon(repr(epsilon))


# Choices: `dpselect.utility` has the laws; the exponent is eps/(2 sensitivity) under replace-one.


@functools.lru_cache(maxsize=1024)
def draws_sets(candidates: int, seats: int, epsilon: Fraction, moved: float, gap: float | None) -> bool | None:
    """Does the command draw a whole committee at once, rather than one member after another? None: not looked at, as
    the odds of so many seats take long to compute.
    """
    if seats > MANY_SEATS:
        return None
    log2_sets = (math.lgamma(candidates + 1) - math.lgamma(seats + 1) - math.lgamma(candidates - seats + 1)) / LN2
    if seats * min(candidates - seats, log2_sets) > MANY_SETS:  # far too many to sample, and slow to count
        return False
    score = Declared(ScoreBound.of(exact(moved), monotone=False))
    sets = subset_exponential(epsilon, NeighbouringRelation.REPLACE, seats, score)
    if not sets.fits(candidates):
        return False
    peeled = peeling(epsilon, NeighbouringRelation.REPLACE, seats, score)
    race = Race(candidates, seats, float(ASSUMED_GAP * moved if gap is None else gap))
    return committee_rule(race, sets, peeled)[0] is Mechanism.SUBSET_EXPONENTIAL


def em_winner(candidates: int, gap: float, exponent: float) -> float:
    """P(the true winner) by the exponential mechanism, all rivals `gap` behind."""
    return exponential_probability(Race(candidates, 1, gap), exponent).value


def pf_winner(candidates: int, gap: float, exponent: float) -> float:
    """The same by permute-and-flip."""
    return permute_and_flip_probability(Race(candidates, 1, gap), exponent).value


def em_loss(candidates: int, gap: float, exponent: float) -> float:
    """Expected votes lost by the exponential mechanism in that race."""
    return exponential_loss(Race(candidates, 1, gap), exponent).value


def pf_loss(candidates: int, gap: float, exponent: float) -> float:
    """Expected votes lost by permute-and-flip in that race."""
    return permute_and_flip_loss(Race(candidates, 1, gap), exponent).value


def pf_gap_needed95(candidates: int, exponent: float) -> float:
    """The lead at which permute-and-flip finds the true winner in 95 % of draws."""
    return _pf_needed(candidates) / exponent


@functools.lru_cache(maxsize=1024)
def _pf_needed(candidates: int) -> float:
    # The law depends on x = exponent*gap alone, and the miss falls nearly like e^-x: a few steps of that are enough.
    x = math.log(19 * (candidates - 1))
    for _ in range(40):
        step = math.log((1 - pf_winner(candidates, x, 1.0)) / 0.05)
        x += step
        if abs(step) < 1e-9:
            break
    return x
