"""Polls in which every respondent randomises: local differential privacy, no trusted collector.

Three ways to answer, each epsilon-DP for every single respondent, whatever anyone else does:

    randomised response    two options: the true one with probability e^eps/(1 + e^eps). At eps = ln 3 that is 3/4, the
                           article's two coins (tails: the truth; heads: what a second coin says). Warner 1965
    k-ary response         k options: the true one with probability e^eps/(e^eps + k - 1), else one of the others
    optimised unary        a bit for each option: the true one's is a fair coin, any other's is 1 with probability
                           1/(e^eps + 1). Better than k-ary when k >= 3e^eps + 2. Wang et al., USENIX Security 2017

Responses are drawn with exact coins; estimates are computed from responses alone and use floating point freely.
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from dpselect import words_numbers
from dpselect.coins import exp_floor, logistic_coin
from dpselect.privacy import Epsilon
from dpselect.sampling import bernoulli, bernoulli_exp, flip, uniform_below
from dpselect.shares import population_interval, respondents_interval
from psiselect.base.entropy import Entropy

MAX_OPTIONS = 10_000
MIN_EPSILON = Fraction(1, 10**9)
YES_NO = ("yes", "no")


class PollMechanism(enum.Enum):
    """How a respondent randomises."""

    RANDOMISED_RESPONSE = "randomised-response"
    K_ARY = "k-ary"
    UNARY = "optimised-unary"


@dataclass(frozen=True, slots=True)
class PollEstimate:
    """An option's share of the respondents. It is from 0 to 1, but an unbiased estimate may fall outside.

    Attributes:
        standard_error: of the noise alone, for these respondents. With `population`, also of drawing them at random.
        interval: holds the true share of this option alone, at the confidence asked for or more; see `dpselect.shares`.
    """

    option: str
    estimate: float
    standard_error: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Poll:
    """The options of a question, and how respondents answer it.

    Raises:
        UsageError: there are fewer than two options, an option is repeated or unusable, the mechanism does not fit, or
            epsilon is below 1e-9.
    """

    options: tuple[str, ...]
    epsilon: Epsilon
    mechanism: PollMechanism

    def __post_init__(self) -> None:
        if not 2 <= len(self.options) <= MAX_OPTIONS:
            raise words_numbers.options_number(MAX_OPTIONS, len(self.options))
        if len(set(self.options)) != len(self.options):
            raise words_numbers.option_twice()
        if any(not o.strip() or o != o.strip() or not o.isprintable() or ";" in o for o in self.options):
            raise words_numbers.option_text()
        if self.mechanism is PollMechanism.RANDOMISED_RESPONSE and len(self.options) != 2:
            raise words_numbers.two_options(len(self.options))
        if self.epsilon.value < MIN_EPSILON:
            # The standard error is about 1/(epsilon * sqrt(responses)) at two options, and more at others.
            needed = 100 / float(self.epsilon.value) ** 2
            raise words_numbers.noise_alone(self.epsilon.text, needed)

    @classmethod
    def of(cls, options: Sequence[str], epsilon: Epsilon, mechanism: PollMechanism | None = None) -> Poll:
        """With no mechanism named: the one with the smaller error, by a rule of public parameters."""
        if mechanism is None:
            mechanism = _better(len(options), epsilon)
        return cls(tuple(options), epsilon, mechanism)

    def respond(self, answer: str, entropy: Entropy) -> str:
        """The randomised response to a true answer: an option, or for unary one bit for each option in order.

        To answer again spends epsilon again. So keep the response, and send the same one again.

        Raises:
            UsageError: the answer is not an option.
        """
        self.require_option(answer)
        truth = self.options.index(answer)
        if self.mechanism is PollMechanism.UNARY:
            bits = (bernoulli(entropy, Fraction(1, 2)) if i == truth else self._lie(entropy) for i in self._indices)
            return "".join("1" if bit else "0" for bit in bits)
        while True:
            # Each option is proposed alike; the true one is taken at once, any other with probability e^-eps. So they
            # come out as 1 : e^-eps : ... : e^-eps, and how long it takes says nothing about the truth.
            proposed = uniform_below(entropy, len(self.options))
            accepted = self._discount(entropy)
            if proposed == truth or accepted:
                return self.options[proposed]

    def require_option(self, answer: str) -> None:
        """Raises UsageError for an answer that is not an option."""
        if answer not in self.options:
            raise words_numbers.answer(self.options)

    def estimate(
        self, responses: Sequence[str], *, confidence: float = 0.95, population: bool = False
    ) -> tuple[PollEstimate, ...]:
        """Unbiased shares, an entry an option. Raises InputError for no responses or one that is none."""
        total = len(responses)
        if not total:
            raise words_numbers.no_responses()
        if not 0 < confidence < 1:
            raise words_numbers.confidence()
        counts = self._counts(responses)
        truth, lie = self.rates
        bounds = population_interval if population else respondents_interval
        intervals: dict[int, tuple[float, float]] = {}
        made = []
        for option in self.options:
            seen = counts.get(option, 0)
            share = (seen / total - lie) / self._gap
            error = self.standard_error(share, total, population=population)
            if seen not in intervals:
                intervals[seen] = bounds(seen, total, truth, lie, confidence)
            made.append(PollEstimate(option, share, error, intervals[seen]))
        return tuple(made)

    def standard_error(self, share: float, total: int, *, population: bool = False) -> float:
        """Of the estimate of one option that a `share` of `total` respondents holds."""
        truth, lie = self.rates
        held = min(1.0, max(0.0, share))
        noise = (held * truth * (1 - truth) + (1 - held) * lie * (1 - lie)) / self._gap**2
        return math.sqrt((noise + (held * (1 - held) if population else 0.0)) / total)

    @property
    def form(self) -> str:
        """What a response looks like, in words."""
        if self.mechanism is PollMechanism.UNARY:
            return words_numbers.digits(len(self.options))
        return words_numbers.one_option(self.options)

    def accepts(self, response: str) -> bool:
        """Whether `response` is one that a respondent of this poll can give."""
        if self.mechanism is PollMechanism.UNARY:
            return len(response) == len(self.options) and not set(response) - {"0", "1"}
        return response in self._known

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.options)

    @cached_property
    def rates(self) -> tuple[float, float]:
        """The probability that a response supports an option: when it is the true one, and when it is not."""
        z = self._z
        if self.mechanism is PollMechanism.UNARY:
            return 0.5, z / (1 + z)
        truth = 1 / (1 + (len(self.options) - 1) * z)
        return truth, z * truth

    @property
    def _gap(self) -> float:
        """How much more likely a response supports an option when it is the true one; exact also at small epsilons."""
        z = self._z
        one_less = float(1 - 1 / self.epsilon.ratio) if self.epsilon.ratio else -math.expm1(-self.epsilon.value)
        return one_less / (2 * (1 + z) if self.mechanism is PollMechanism.UNARY else 1 + (len(self.options) - 1) * z)

    @property
    def _indices(self) -> range:
        return range(len(self.options))

    @property
    def _z(self) -> float:
        return float(1 / self.epsilon.ratio) if self.epsilon.ratio else math.exp(-self.epsilon.value)

    def _discount(self, entropy: Entropy) -> bool:
        """True with probability e^-eps, exactly."""
        ratio = self.epsilon.ratio
        return bernoulli(entropy, 1 / ratio) if ratio else bernoulli_exp(entropy, self.epsilon.value)

    def _lie(self, entropy: Entropy) -> bool:
        """True with probability 1/(e^eps + 1), exactly."""
        ratio = self.epsilon.ratio
        return bernoulli(entropy, 1 / (1 + ratio)) if ratio else flip(entropy, logistic_coin(self.epsilon.value))

    def _counts(self, responses: Sequence[str]) -> Mapping[str, int]:
        tallied = Counter(responses)
        for response in tallied:
            if not self.accepts(response):
                where = responses.index(response) + 1
                raise words_numbers.response(where, self.form)
        if self.mechanism is not PollMechanism.UNARY:
            return tallied
        support = [0] * len(self.options)
        for response, times in tallied.items():
            for index, bit in enumerate(response):
                support[index] += times if bit == "1" else 0
        return dict(zip(self.options, support, strict=True))


def _better(options: int, epsilon: Epsilon) -> PollMechanism:
    """k-ary while k < 3e^eps + 2, that is while (k - 2) * e^-eps < 3, decided without rounding."""
    if options == 2:
        return PollMechanism.RANDOMISED_RESPONSE
    if epsilon.ratio:
        fewer = options - 2 < 3 * epsilon.ratio
    else:
        fewer = (options - 2) * exp_floor(epsilon.value, 128) < 3 << 128
    return PollMechanism.K_ARY if fewer else PollMechanism.UNARY
