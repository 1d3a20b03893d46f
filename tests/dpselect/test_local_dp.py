from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from support.entropy import FixedEntropy

from dpselect import local_dp
from dpselect.local_dp import Poll, PollMechanism
from dpselect.privacy import parse_poll_epsilon
from dpselect.shares import population_interval, respondents_interval
from psiselect.base.errors import InputError, UsageError

FALSE_ALARM = 1e-8
LN3 = parse_poll_epsilon("ln(3)")


class _Again(Exception):
    pass


def exact_law(poll: Poll, answer: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Fraction]:
    """The law of `respond`, by walking every outcome of its exact rational coins; a second round of the same loop is
    the same law again, so it is conditioned away."""
    law: dict[str, Fraction] = {}

    def walk(path: list[int]) -> None:
        weight = Fraction(1)
        taken = iter(path)
        rounds = 0

        def choose(options: list[Fraction]) -> int:
            nonlocal weight
            try:
                which = next(taken)
            except StopIteration:
                for i in range(len(options)):
                    walk([*path, i])
                raise _Again from None
            weight *= options[which]
            return which

        def uniform(_: object, bound: int) -> int:
            nonlocal rounds
            rounds += 1
            if rounds == 2:
                raise _Again
            return choose([Fraction(1, bound)] * bound)

        def coin(_: object, probability: Fraction) -> bool:
            return bool(choose([1 - probability, probability]))

        monkeypatch.setattr(local_dp, "uniform_below", uniform)
        monkeypatch.setattr(local_dp, "bernoulli", coin)
        try:
            response = poll.respond(answer, FixedEntropy())
        except _Again:
            return
        law[response] = law.get(response, Fraction(0)) + weight

    walk([])
    total = sum(law.values())
    return {r: w / total for r, w in law.items()}


def test_ln_3_is_the_articles_two_coins(monkeypatch: pytest.MonkeyPatch) -> None:
    poll = Poll.of(("yes", "no"), LN3)
    assert exact_law(poll, "yes", monkeypatch) == {"yes": Fraction(3, 4), "no": Fraction(1, 4)}
    assert exact_law(poll, "no", monkeypatch) == {"yes": Fraction(1, 4), "no": Fraction(3, 4)}


@pytest.mark.parametrize("mechanism", list(PollMechanism))
@pytest.mark.parametrize("ratio", ["2", "3", "3/2"])
def test_every_response_is_epsilon_dp_with_equality(
    mechanism: PollMechanism, ratio: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("a", "b") if mechanism is PollMechanism.RANDOMISED_RESPONSE else ("a", "b", "c")
    poll = Poll.of(options, parse_poll_epsilon(f"ln({ratio})"), mechanism)
    laws = {o: exact_law(poll, o, monkeypatch) for o in options}
    assert all(sum(law.values()) == 1 for law in laws.values())
    worst = max(laws[x][r] / laws[y][r] for x, y in itertools.permutations(options, 2) for r in laws[x])
    assert worst == Fraction(ratio)
    truth, lie = poll.rates
    for option in options:
        for other in options:
            supports = sum(
                p for r, p in laws[option].items() if (r[options.index(other)] == "1" if r[0] in "01" else r == other)
            )
            assert float(supports) == pytest.approx(truth if other == option else lie)


@pytest.mark.parametrize(
    ("mechanism", "options"),
    [(None, ("yes", "no")), (PollMechanism.K_ARY, tuple("abcde")), (PollMechanism.UNARY, tuple("abc"))],
)
def test_draws_at_a_rational_epsilon_follow_the_law(
    mechanism: PollMechanism | None, options: tuple[str, ...], fixed_entropy: FixedEntropy
) -> None:
    poll = Poll.of(options, parse_poll_epsilon("0.7"), mechanism)
    z = math.exp(-0.7)
    drawn = Counter(poll.respond(options[1], fixed_entropy) for _ in range(40_000))
    if mechanism is PollMechanism.UNARY:
        lie = z / (1 + z)
        law = {
            f"{a}{b}{c}": 0.5 * (lie if a else 1 - lie) * (lie if c else 1 - lie)
            for a, b, c in itertools.product((0, 1), repeat=3)
        }
    else:
        truth = 1 / (1 + (len(options) - 1) * z)
        law = {o: truth if o == options[1] else z * truth for o in options}
    seen = [drawn[r] for r in law]
    assert sum(seen) == 40_000
    assert stats.chisquare(seen, [40_000 * p for p in law.values()]).pvalue > FALSE_ALARM


def simulate(poll: Poll, answers: list[str], entropy: FixedEntropy) -> local_dp.PollEstimate:
    return poll.estimate([poll.respond(a, entropy) for a in answers])[0]


@pytest.fixture
def without_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are exact and slow, and have tests of their own."""
    monkeypatch.setattr(local_dp, "population_interval", lambda *_: (0.0, 1.0))
    monkeypatch.setattr(local_dp, "respondents_interval", lambda *_: (0.0, 1.0))


def test_ten_thousand_respondents(fixed_entropy: FixedEntropy) -> None:
    poll = Poll.of(("yes", "no"), LN3)
    found = simulate(poll, ["yes"] * 3700 + ["no"] * 6300, fixed_entropy)
    # Six standard errors: a false alarm once in 5e8.
    assert abs(found.estimate - 0.37) < 6 * found.standard_error
    assert found.standard_error == pytest.approx(math.sqrt(3) / 2 / math.sqrt(10_000))
    assert found.standard_error < 1 / math.sqrt(10_000)  # the article's bound


def spread(poll: Poll, draw_answers: Callable[[], list[str]], polls: int, entropy: FixedEntropy) -> float:
    found = [simulate(poll, draw_answers(), entropy).estimate for _ in range(polls)]
    mean = sum(found) / polls
    return math.sqrt(sum((f - mean) ** 2 for f in found) / (polls - 1))


def check_spread(respondents: int, polls: int, entropy: FixedEntropy) -> None:
    """Observed and predicted standard error within 15 %: over 1,000 polls that is 6.7 standard deviations."""
    poll = Poll.of(("yes", "no"), LN3)
    fixed = ["yes"] * (respondents * 3 // 10) + ["no"] * (respondents - respondents * 3 // 10)
    noise = poll.standard_error(0.3, respondents)
    assert spread(poll, lambda: fixed, polls, entropy) == pytest.approx(noise, rel=0.15)
    people = random.Random(5)
    sampled = poll.standard_error(0.3, respondents, population=True)
    observed = spread(
        poll, lambda: ["yes" if people.random() < 0.3 else "no" for _ in range(respondents)], polls, entropy
    )
    assert observed == pytest.approx(sampled, rel=0.15)
    # The two are told apart: predicting one by the other would fail.
    assert sampled / noise > 1.1


@pytest.mark.usefixtures("without_intervals")
def test_predicted_standard_error_is_the_observed_one(fixed_entropy: FixedEntropy) -> None:
    check_spread(40, 1000, fixed_entropy)


@pytest.mark.usefixtures("without_intervals")
def test_predicted_standard_error_at_full_size() -> None:
    """1,000 polls of 10,000: yeses are drawn by the law that `exact_law` proves for `respond`, 3/4 and 1/4."""
    poll, n, polls, rng = Poll.of(("yes", "no"), LN3), 10_000, 1000, np.random.default_rng(7)
    for population in (False, True):
        truly = rng.binomial(n, 0.3, polls) if population else np.full(polls, 3000)
        said = rng.binomial(truly, 3 / 4) + rng.binomial(n - truly, 1 / 4)
        found = [poll.estimate(["yes"] * k + ["no"] * (n - k), population=population)[0] for k in said.tolist()]
        observed = np.std([f.estimate for f in found], ddof=1)
        assert observed == pytest.approx(found[0].standard_error, rel=0.15)
        # Six standard errors of 2,000 estimates in all: a false alarm once in 250,000 runs would be too often for
        # random seeds; these are fixed.
        assert all(abs(f.estimate - 0.3) < 6 * f.standard_error for f in found)


@pytest.mark.usefixtures("without_intervals")
def test_k_ary_and_unary_errors_are_the_observed_ones(fixed_entropy: FixedEntropy) -> None:
    for mechanism, count in ((PollMechanism.K_ARY, 3), (PollMechanism.UNARY, 5)):
        poll = Poll.of(tuple("abcdef"[:count]), parse_poll_epsilon("1"), mechanism)
        answers = ["a"] * 12 + ["b"] * 20
        observed = spread(poll, lambda answers=answers: answers, 1000, fixed_entropy)  # type: ignore[misc]
        assert observed == pytest.approx(poll.standard_error(12 / 32, 32), rel=0.15)
    # Wang et al. 2017: for a rare option the unary error is sqrt(4 e^eps / ((e^eps - 1)^2 n)).
    rare = Poll.of(tuple("abcdef"), parse_poll_epsilon("1"), PollMechanism.UNARY).standard_error(0.0, 50)
    assert rare == pytest.approx(math.sqrt(4 * math.e / ((math.e - 1) ** 2 * 50)))


def test_the_rule_takes_the_smaller_error() -> None:
    for text in ("0.5", "1", "ln(3)", "2"):
        epsilon = parse_poll_epsilon(text)
        for count in range(3, 40):
            options = tuple(f"o{i}" for i in range(count))
            errors = {
                m: Poll.of(options, epsilon, m).standard_error(0.0, 1)
                for m in (PollMechanism.K_ARY, PollMechanism.UNARY)
            }
            chosen = Poll.of(options, epsilon).mechanism
            assert errors[chosen] <= min(errors.values()) * (1 + 1e-12), (text, count)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.5, 1.5])
def test_a_confidence_lies_between_0_and_1(confidence: float) -> None:
    with pytest.raises(UsageError, match="confidence"):
        Poll.of(("yes", "no"), LN3).estimate(["yes"], confidence=confidence)


@pytest.mark.parametrize("options", [("a",), ("a", "a"), ("a", ""), ("a", "b;c"), ("a", " b"), ("a", "b\n")])
def test_unusable_options_are_refused(options: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        Poll.of(options, LN3)


def test_wrong_answers_and_responses_are_refused() -> None:
    poll = Poll.of(("yes", "no"), LN3)
    with pytest.raises(UsageError):
        poll.respond("maybe", FixedEntropy())
    with pytest.raises(InputError) as caught:
        poll.estimate(["yes", "no", "Yes"])
    assert caught.value.line == 3
    with pytest.raises(InputError):
        poll.estimate([])
    with pytest.raises(InputError):
        Poll.of(tuple("abc"), LN3, PollMechanism.UNARY).estimate(["101", "11"])
    with pytest.raises(UsageError):
        Poll.of(tuple("abc"), LN3, PollMechanism.RANDOMISED_RESPONSE)


@pytest.mark.parametrize("text", ["1e-17", "9e-10", "1/2000000000"])
def test_an_epsilon_that_leaves_noise_alone_is_refused(text: str) -> None:
    with pytest.raises(
        UsageError, match=r"at least 1e-9, not .* rough estimate would take about ([2-9]\*)?10\^[0-9]+ responses"
    ):
        Poll.of(("yes", "no"), parse_poll_epsilon(text))


@pytest.mark.parametrize("mechanism", list(PollMechanism))
def test_the_smallest_epsilon_still_gives_numbers(mechanism: PollMechanism) -> None:
    """The estimate is off by billions, as its standard error says; neither divides by zero."""
    poll = Poll.of(("yes", "no"), parse_poll_epsilon("1e-9"), mechanism)
    unary = mechanism is PollMechanism.UNARY
    (found, _) = poll.estimate(["10"] * 3 + ["01"] if unary else ["yes"] * 3 + ["no"])
    gap = 1e-9 / 4 if unary else 1e-9 / 2  # (1 - z)/(2 + 2z) and (1 - z)/(1 + z)
    assert found.estimate == pytest.approx(0.25 / gap, rel=1e-6)
    assert found.standard_error == pytest.approx(0.25 / gap, rel=1e-6)
    assert found.interval == (0, 1)


def test_the_standard_error_is_the_formula() -> None:
    """Epsilon ln 3 and two options: the noise of one respondent has the variance (3/16)/(1/2)^2."""
    poll = Poll.of(("yes", "no"), LN3)
    for share, held in ((0.3, 0.3), (0.9, 0.9), (1.0, 1.0), (1.5, 1.0), (2.5, 1.0), (0.0, 0.0), (-0.5, 0.0)):
        assert poll.standard_error(share, 400) == pytest.approx(math.sqrt(0.75 / 400))
        sampled = math.sqrt((0.75 + held * (1 - held)) / 400)
        assert poll.standard_error(share, 400, population=True) == pytest.approx(sampled)


@pytest.mark.parametrize(("share", "held"), [(1.5, 1.0), (-0.5, 0.0)])
def test_the_standard_error_of_a_share_beyond_the_ends_is_that_of_the_end(share: float, held: float) -> None:
    poll = Poll.of(tuple("abcd"), LN3, PollMechanism.UNARY)
    assert poll.standard_error(share, 10) == poll.standard_error(held, 10)


def test_an_option_that_nobody_sent_is_estimated_too() -> None:
    poll = Poll.of(tuple("abc"), LN3, PollMechanism.K_ARY)  # 3/5 for the true option, 1/5 for each other
    assert [found.estimate for found in poll.estimate(["a", "a", "b", "a"])] == pytest.approx([11 / 8, 1 / 8, -1 / 2])


def test_the_interval_is_for_the_respondents_or_for_their_population() -> None:
    poll, responses = Poll.of(("yes", "no"), LN3), ["yes"] * 6 + ["no"] * 4
    for population, bounds in ((False, respondents_interval), (True, population_interval)):
        found = poll.estimate(responses, population=population, confidence=0.9)
        assert [one.interval for one in found] == [bounds(seen, 10, 0.75, 0.25, 0.9) for seen in (6, 4)]


@pytest.mark.parametrize(
    ("mechanism", "form"),
    [
        (PollMechanism.UNARY, "3 digits, each 0 or 1: one digit for each option"),
        (PollMechanism.K_ARY, "one of these: a, b, c"),
    ],
)
def test_the_form_of_a_response_is_said(mechanism: PollMechanism, form: str) -> None:
    poll = Poll.of(tuple("abc"), LN3, mechanism)
    assert poll.form == form
    with pytest.raises(InputError, match=f"response 1 must be {form}"):
        poll.estimate(["d"])


def test_a_rough_estimate_takes_a_hundred_over_the_square_of_epsilon() -> None:
    with pytest.raises(UsageError, match=r"about 4\*10\^22 responses"):
        Poll.of(("yes", "no"), parse_poll_epsilon("5e-11"))


def test_ten_thousand_options_are_the_most() -> None:
    options = tuple(map(str, range(10_000)))
    assert len(Poll.of(options, LN3).options) == 10_000
    with pytest.raises(UsageError, match="2 to 10,000 possible answers"):
        Poll.of((*options, "more"), LN3)
