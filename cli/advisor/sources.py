"""Where the numbers come from: a thin name for each formula that another room of the toolkit owns."""

from __future__ import annotations

import functools
import math

from dpselect.local import Poll, PollMechanism
from dpselect.privacy import parse_poll_epsilon
from dpselect.utility import (
    Race,
    exponent_needed,
    exponential_loss,
    exponential_probability,
    permute_and_flip_loss,
    permute_and_flip_probability,
)

YES_NO = ("yes", "no")
SMALLEST_EPSILON = 1e-12


def laplace_err95(scale: float) -> float:
    """95 % error of Laplace noise of this scale."""
    return scale * math.log(20)


def cells_err95(scale: float, cells: int) -> float:
    """95 % error of the worst of so many cells, by the union bound (Dwork, Roth, Theorem 3.8)."""
    return scale * math.log(cells / 0.05)


# Polls: `dpselect.local` knows the response probabilities and the standard error.


def response_noise_sd(epsilon: float, n: int) -> float:
    """Of a share estimated from n yes-no randomised responses: noise alone."""
    return _poll(2, epsilon).standard_error(0.5, n)


def response_sd_max(epsilon: float, n: int) -> float:
    """The same with the drawing of the sample, at a share of one half, where it is largest."""
    return _poll(2, epsilon).standard_error(0.5, n, population=True)


def unary_sd(epsilon: float, n: int) -> float:
    """Of one rare cell's share under optimised unary encoding; it does not depend on the number of cells."""
    return Poll(YES_NO, _epsilon(epsilon), PollMechanism.UNARY).standard_error(0.0, n)


def kary_sd(epsilon: float, n: int, cells: int) -> float:
    """Of one rare cell's share under k-ary response."""
    return _poll(cells, epsilon).standard_error(0.0, n)


@functools.lru_cache(maxsize=64)
def _poll(options: int, epsilon: float) -> Poll:
    names = YES_NO if options == 2 else tuple(map(str, range(options)))
    mechanism = PollMechanism.RANDOMISED_RESPONSE if options == 2 else PollMechanism.K_ARY
    return Poll(names, _epsilon(epsilon), mechanism)


def _epsilon(epsilon: float):  # type: ignore[no-untyped-def]
    return parse_poll_epsilon(repr(max(epsilon, SMALLEST_EPSILON)))


# Choices: `dpselect.utility` has the laws; the exponent is eps/(2 sensitivity) under replace-one.


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
    # The law depends on exponent*gap alone, so one vote of gap tells the product.
    return exponent_needed(permute_and_flip_probability, Race(candidates, 1, 1.0), 0.95)


# Secure sums.


def sum_messages(parties: int) -> int:
    """Messages of an all-to-all secure sum: a share and a partial sum from everyone to everyone else."""
    return 2 * parties * (parties - 1)
