"""The truncated law against its definition, from everything that the sampler can do; and its (epsilon, delta)."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
from support.entropy import FixedEntropy

from dpselect import truncated
from dpselect.coins import Coin, exp_floor
from dpselect.sampling import discrete_laplace, flip_on, uniform_below
from dpselect.truncated import truncated_laplace, truncation_bound
from psiselect.base.entropy import Entropy
from psiselect.base.errors import UsageError

CERTIFIED = 400  # bits to which probabilities are known here
SLACK = Fraction(1, 1 << 300)
PARAMETERS = [("1", "1e-6"), ("0.5", "1e-6"), ("0.1", "1e-6"), ("2", "1e-9"), ("1/3", "0.01"), ("5", "0.3")]


def pair(epsilon: str, delta: str) -> tuple[Fraction, Fraction]:
    return Fraction(epsilon), Fraction(delta)


class Rejected(Exception):
    """A draw that would start again."""


def law(monkeypatch: pytest.MonkeyPatch, epsilon: Fraction, bound: int, bits: int = 7) -> dict[int, Fraction]:
    """The sampler's output law, from the sampler: it is run once on every value that its uniform integer may have, and
    a flip counts with the probability of its coin. Exact up to 2^-CERTIFIED."""
    weight: dict[int, Fraction] = {}
    mass = Fraction(0)
    spun: list[int] = []

    def every(entropy: Entropy, below: int) -> int:
        spun.append(below)
        if len(spun) > 1:
            raise Rejected
        return value

    def heads(entropy: Entropy, coin: Coin, known: int) -> bool:
        nonlocal mass
        rest = coin.floor(CERTIFIED) - (coin.floor(known) << (CERTIFIED - known))
        mass = Fraction(rest, 1 << (CERTIFIED - known))
        return True

    with monkeypatch.context() as patch:
        patch.setattr(truncated, "uniform_below", every)
        patch.setattr(truncated, "flip_on", heads)
        value, below = 0, 1
        while value < below:
            spun.clear()
            mass = Fraction(1)
            drawn = truncated_laplace(FixedEntropy(), epsilon, bound, bits=bits)
            weight[drawn] = weight.get(drawn, Fraction(0)) + mass
            below, value = spun[0], value + 1
    total = sum(weight.values())
    return {x: w / total for x, w in weight.items()}


def divergence(one: dict[int, Fraction], other: dict[int, Fraction], epsilon: Fraction) -> Fraction:
    """max over all sets S of one(S) - e^epsilon other(S): the excess of each outcome, added up."""
    growth = Fraction(1 << CERTIFIED, exp_floor(epsilon, CERTIFIED))
    return sum((max(Fraction(0), p - growth * other.get(x, Fraction(0))) for x, p in one.items()), Fraction(0))


def shifted(of: dict[int, Fraction], by: int) -> dict[int, Fraction]:
    return {x + by: p for x, p in of.items()}


def loss(of: dict[int, Fraction], epsilon: Fraction) -> Fraction:
    """The delta that a count under this noise needs: neighbouring lists have counts that differ by -1, 0 or 1."""
    return max(divergence(of, shifted(of, by), epsilon) for by in (-1, 0, 1))


@pytest.mark.parametrize(("epsilon", "delta"), PARAMETERS)
def test_law_is_the_definition(monkeypatch: pytest.MonkeyPatch, epsilon: str, delta: str) -> None:
    e, d = pair(epsilon, delta)
    bound = truncation_bound(e, d)
    found = law(monkeypatch, e, bound)
    assert sorted(found) == list(range(-bound, bound + 1))
    weights = {x: Fraction(exp_floor(e * abs(x), CERTIFIED), 1 << CERTIFIED) for x in found}
    total = sum(weights.values())
    assert all(abs(found[x] - weights[x] / total) < SLACK for x in found)


@pytest.mark.parametrize(("epsilon", "delta"), PARAMETERS)
def test_neighbouring_counts_satisfy_epsilon_delta_and_no_less_noise_would(
    monkeypatch: pytest.MonkeyPatch, epsilon: str, delta: str
) -> None:
    e, d = pair(epsilon, delta)
    bound = truncation_bound(e, d)
    found = law(monkeypatch, e, bound)
    assert loss(found, e) <= d
    # Tight: the delta is that of the formula, the end of the range; and one step less of range is too little.
    assert abs(loss(found, e) - found[-bound]) < SLACK
    alpha = Fraction(exp_floor(e, CERTIFIED), 1 << CERTIFIED)
    assert abs(found[bound] - alpha**bound * (1 - alpha) / (1 + alpha - 2 * alpha ** (bound + 1))) < SLACK
    assert loss(law(monkeypatch, e, bound - 1), e) > d
    # And the law's own delta goes with no smaller epsilon.
    assert loss(found, e * Fraction(99, 100)) > found[bound]


@pytest.mark.parametrize(("epsilon", "delta"), PARAMETERS)
def test_planted_errors_in_the_truncation_are_noticed(
    monkeypatch: pytest.MonkeyPatch, epsilon: str, delta: str
) -> None:
    e, d = pair(epsilon, delta)
    bound = truncation_bound(e, d)
    right = law(monkeypatch, e, bound)
    # What lies beyond the range is put at its ends instead of drawn again.
    alpha = Fraction(exp_floor(e, CERTIFIED), 1 << CERTIFIED)
    clamped = {x: (1 - alpha) / (1 + alpha) * alpha ** abs(x) for x in right}
    for end in (-bound, bound):
        clamped[end] = alpha**bound / (1 + alpha)
    assert loss(clamped, e) > right[bound]
    # One end is missing.
    lopsided = {x: p / (1 - right[bound]) for x, p in right.items() if x != bound}
    assert loss(lopsided, e) > right[bound]
    # Sectors are accepted whole, as if the coin of their last unit always showed heads.
    ends = truncated._sector_ends(e, bound, 7)
    widths = [b - a for a, b in zip((0, *ends), ends, strict=False)]
    assert loss({x: Fraction(w, ends[-1]) for x, w in zip(right, widths, strict=True)}, e) > right[bound]


def test_bounds_of_the_specification() -> None:
    for delta, bounds in (("1e-6", (109, 25, 14)), ("1e-9", (178, 39, 20))):
        assert tuple(truncation_bound(*pair(e, delta)) for e in ("0.1", "0.5", "1")) == bounds


@pytest.mark.parametrize("epsilon", ["1/1000", "0.02", "0.3", "1", "4", "30"])
@pytest.mark.parametrize("delta", ["1e-12", "1e-5", "0.2", "0.7", "0.999"])
def test_bound_against_high_precision_floating_point(epsilon: str, delta: str) -> None:
    e, d = pair(epsilon, delta)
    with mpmath.workprec(300):
        alpha = mpmath.exp(-mpmath.mpf(e.numerator) / e.denominator)

        def formula(t: int) -> mpmath.mpf:
            return alpha**t * (1 - alpha) / (1 + alpha - 2 * alpha ** (t + 1))

        t = truncation_bound(e, d)
        assert formula(t) <= mpmath.mpf(d.numerator) / d.denominator < formula(t - 1)


@pytest.mark.parametrize(
    ("epsilon", "delta", "words"),
    [("0", "0.1", "epsilon"), ("-1", "0.1", "epsilon"), ("1", "0", "delta must be"), ("1", "1", "delta must be"),
     ("1e-9", "1e-6", "larger than 65,536")],
)  # fmt: skip
def test_parameters_without_meaning_are_refused(epsilon: str, delta: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        truncation_bound(*pair(epsilon, delta))


def test_draws_agree_with_rejection_from_the_unbounded_law() -> None:
    """Another sampler with the same law: two samples of 20,000 differ in no cell by more than Hoeffding allows at 1e-9
    (15 cells, two sides)."""
    entropy, bound, draws = FixedEntropy("truncated"), 7, 20_000
    e = Fraction(2, 5)
    mine = [truncated_laplace(entropy, e, bound) for _ in range(draws)]
    theirs: list[int] = []
    while len(theirs) < draws:
        if abs(x := discrete_laplace(entropy, e)) <= bound:
            theirs.append(x)
    slack = 2 * float(mpmath.sqrt(mpmath.log(4 * 15 / 1e-9) * draws / 2))
    for x in range(-bound, bound + 1):
        assert abs(mine.count(x) - theirs.count(x)) < slack
    assert set(mine) <= set(range(-bound, bound + 1))


def test_helpers_are_the_products_own() -> None:
    """The law above replaces these two names in the module; were they renamed, it would replace nothing."""
    assert truncated.uniform_below is uniform_below
    assert truncated.flip_on is flip_on


def exact_delta(epsilon: Fraction, bound: int) -> Fraction:
    """What a bound gives, up to 2^-CERTIFIED."""
    alpha, power = (Fraction(exp_floor(epsilon * times, CERTIFIED), 1 << CERTIFIED) for times in (1, bound))
    return power * (1 - alpha) / (1 + alpha - 2 * alpha * power)


# The last five are searched for: there, one unit more or less at any end of an interval decides wrongly.
CLOSE = [(Fraction(number, 7), 2 + number % 5) for number in range(1, 13)]
CLOSE += [(Fraction(text), bound) for text, bound in (("0.45", 3), ("0.32", 2), ("0.3", 2), ("0.26", 3), ("1.67", 2))]


@pytest.mark.parametrize("bits", range(58, 72))
def test_the_bound_is_decided_right_next_to_where_it_changes(bits: int) -> None:
    """Deltas that are above or below that of a bound by 2^-58 to 2^-71 of it: 64 bits do not decide the closest."""
    for epsilon, bound in CLOSE:
        exact = exact_delta(epsilon, bound)
        assert truncation_bound(epsilon, exact * (1 + Fraction(1, 1 << bits))) == bound
        assert truncation_bound(epsilon, exact * (1 - Fraction(1, 1 << bits))) == bound + 1


def test_the_largest_bound_is_65536() -> None:
    epsilon = Fraction(1, 10_000)
    exact = exact_delta(epsilon, 65_536)
    assert truncation_bound(epsilon, exact * (1 + Fraction(1, 1 << 50))) == 65_536
    with pytest.raises(UsageError, match=r"65,?536"):
        truncation_bound(epsilon, exact * (1 - Fraction(1, 1 << 50)))
