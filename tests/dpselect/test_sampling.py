"""The samplers against laws computed another way. Each comparison has FALSE_ALARM for each of its cells."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Hashable
from fractions import Fraction

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.laws import FALSE_ALARM
from support.played import Played

from dpselect.coins import exp_coin, logistic_coin
from dpselect.sampling import (
    CoinTable,
    bernoulli,
    bernoulli_exp,
    binomial_exp,
    discrete_laplace,
    discrete_laplaces,
    flip_on,
    geometric,
    geometrics,
    negative_binomial,
    uniform_below,
    uniforms_below,
)
from psiselect.base.entropy import Entropy
from psiselect.base.errors import UsageError


def close(counts: Counter[Hashable], total: int, probability: Callable[[int], float], cells: range) -> None:
    log = math.log(2 / FALSE_ALARM)
    for cell in cells:
        expected = total * probability(cell)
        slack = log / 3 + math.sqrt(log * log / 9 + 2 * expected * log)  # Bernstein
        assert abs(counts[cell] - expected) <= slack, (cell, counts[cell], expected)


@pytest.mark.parametrize("bound", [1, 2, 3, 255, 256, 257, 1000])
def test_uniform_below_gives_every_value_equally(bound: int) -> None:
    """Over all inputs of the bytes it reads first: each value equally often, the rest is rejected."""
    size = ((bound - 1).bit_length() + 7) // 8
    seen: Counter[int] = Counter()
    for value in range(256**size):
        try:
            seen[uniform_below(Played(value.to_bytes(size, "little")), bound)] += 1
        except EOFError:
            continue
    assert set(seen) == set(range(bound))
    assert len(set(seen.values())) == 1


def test_uniforms_below_are_uniform_for_each_bound(fixed_entropy: FixedEntropy) -> None:
    bounds = np.array([1, 2, 3, 7, 1 << 40, (1 << 62) + 1] * 20_000).reshape(6, -1)
    drawn = uniforms_below(fixed_entropy, bounds)
    assert drawn.shape == bounds.shape
    assert (drawn >= 0).all()
    assert (drawn < bounds).all()
    for bound in (1, 2, 3, 7):
        close(Counter(drawn[bounds == bound].tolist()), 20_000, lambda _, b=bound: 1 / b, range(bound))
    for bound in (1 << 40, (1 << 62) + 1):
        eighths = Counter((drawn[bounds == bound] * np.float64(8) // bound).tolist())
        close(eighths, 20_000, lambda _: 1 / 8, range(8))


def test_rational_coin(fixed_entropy: FixedEntropy) -> None:
    heads = Counter(int(bernoulli(fixed_entropy, Fraction(2, 7))) for _ in range(20_000))
    close(heads, 20_000, lambda cell: (5 / 7, 2 / 7)[cell], range(2))


@pytest.mark.parametrize("width", [4, 8, 16, 32, 64])
@pytest.mark.parametrize("gamma", [Fraction(0), Fraction(1, 1000), Fraction(1, 3), Fraction(5)])
def test_coin_of_a_power_of_e(width: int, gamma: Fraction, fixed_entropy: FixedEntropy) -> None:
    p = math.exp(-gamma)
    total = 20_000
    single = Counter(int(bernoulli_exp(fixed_entropy, gamma, width=width)) for _ in range(total))
    table = CoinTable([exp_coin(gamma), exp_coin(Fraction(1))])
    lanes = table.flips(fixed_entropy, np.tile([0, 1], total), rows=2, width=width)
    for heads in (single, Counter(lanes[1, ::2].astype(int).tolist())):
        close(heads, total, lambda cell: (1 - p, p)[cell], range(2))


def test_four_bit_digits_decide_as_long_ones_do() -> None:
    """All inputs of three 4-bit digits: the flip is U < p wherever these decide it, and asks for more where U and p
    agree on all twelve bits, and only there."""
    coin = exp_coin(Fraction(1, 3))
    first = coin.floor(12)
    undecided = []
    for digits in itertools.product(range(16), repeat=3):
        u = digits[0] << 8 | digits[1] << 4 | digits[2]
        try:
            assert CoinTable([coin]).flips(Played(bytes(digits)), np.array([0]), width=4)[0, 0] == (u < first)
        except EOFError:
            undecided.append(u)
    assert undecided == [first]


def test_flip_on_ends_a_flip() -> None:
    coin = exp_coin(Fraction(1, 3))
    digit = coin.floor(67) & ((1 << 64) - 1)
    rest = (coin.floor(131) & ((1 << 64) - 1)).to_bytes(8, "little")
    assert flip_on(Played((digit - 1).to_bytes(8, "little")), coin, 3)
    assert not flip_on(Played((digit + 1).to_bytes(8, "little")), coin, 3)
    with pytest.raises(EOFError):
        flip_on(Played(digit.to_bytes(8, "little") + rest), coin, 3)


@pytest.mark.parametrize("width", [4, 64])
@pytest.mark.parametrize(
    ("count", "gamma"),
    [(1, Fraction(1, 2)), (13, Fraction(1, 3)), (20, Fraction(1)), (200, Fraction(4)), (70, Fraction(1, 50))],
)
def test_binomial(width: int, count: int, gamma: Fraction, fixed_entropy: FixedEntropy) -> None:
    p = math.exp(-gamma)
    runs = 20_000
    table = CoinTable([exp_coin(Fraction(1, 9)), exp_coin(gamma)])
    drawn = table.heads(fixed_entropy, np.tile([3, count], (runs, 1)), width=width)[:, 1]

    def law(heads: int) -> float:
        return math.comb(count, heads) * p**heads * (1 - p) ** (count - heads)

    close(Counter(drawn.tolist()), runs, law, range(count + 1))
    single = Counter(binomial_exp(fixed_entropy, count, gamma, width=width) for _ in range(2000))
    close(single, 2000, law, range(count + 1))


def test_a_binomial_asks_for_new_digits_of_p(monkeypatch: pytest.MonkeyPatch, fixed_entropy: FixedEntropy) -> None:
    """With 4-bit digits and 10^4 lanes, some lane agrees with p on 12 bits, and so needs the fourth digit (chance of
    none: (1 - 2^-12)^10000 = 0.09 a run, below 1e-10 in ten)."""
    asked: set[int] = set()
    table = CoinTable([exp_coin(Fraction(1, 3))])
    digits = table.digits
    monkeypatch.setattr(table, "digits", lambda index, width: asked.add(index) or digits(index, width))
    for _ in range(10):
        table.heads(fixed_entropy, np.array([10_000]), width=4)
    assert asked >= {0, 1, 2, 3}


def test_a_wrong_later_digit_is_noticed(fixed_entropy: FixedEntropy) -> None:
    """The refinement matters: with every digit after the first taken as 0, the count is off by far more than chance."""

    class Truncated(CoinTable):
        def digits(self, index: int, width: int):  # type: ignore[no-untyped-def]
            return super().digits(index, width) * (index == 0)

    gamma, runs = Fraction(1, 3), 200_000
    p = math.exp(-gamma)
    slack = math.sqrt(runs * p * (1 - p)) * 6.5
    right, wrong = (
        kind([exp_coin(gamma)]).heads(fixed_entropy, np.array([runs]), width=4)[0] for kind in (CoinTable, Truncated)
    )
    assert abs(right - runs * p) < slack < abs(wrong - runs * p)


def test_the_binomial_of_a_sure_coin() -> None:
    assert binomial_exp(Played(b""), 1000, Fraction(0)) == 1000
    assert CoinTable([exp_coin(Fraction(0))]).heads(FixedEntropy(), np.array([1000])).tolist() == [1000]


GEOMETRIC: list[Callable[[Entropy, Fraction, int], list[int]]] = [
    lambda entropy, exponent, count: [geometric(entropy, exponent) for _ in range(count)],
    lambda entropy, exponent, count: geometrics(entropy, exponent, count).tolist(),
    lambda entropy, exponent, count: geometrics(entropy, exponent, count, width=4).tolist(),
]


@pytest.mark.parametrize("draw", GEOMETRIC)
@pytest.mark.parametrize("exponent", [Fraction(1, 5), Fraction(1), Fraction(7, 2), Fraction(100)])
def test_geometric(draw: Callable[..., list[int]], exponent: Fraction, fixed_entropy: FixedEntropy) -> None:
    z = math.exp(-exponent)
    total = 20_000
    counts = Counter(draw(fixed_entropy, exponent, total))
    assert min(counts) == 0
    close(counts, total, lambda g: (1 - z) * z**g, range(40))


def test_the_digits_of_a_geometric_multiply_to_its_law() -> None:
    """The identity behind the sampler, with exact coins: (1 - z) z^g as a product of digit probabilities and a rest."""
    exponent = Fraction(1, 5)
    bits = 200
    one = 1 << bits
    steps = 9  # 2^9/5 >= 64
    for value in (0, 1, 37, 511, 512, 1300):
        low, rest = value % 2**steps, value >> steps
        product = Fraction(1)
        for j in range(steps):
            p = Fraction(logistic_coin(exponent * 2**j).floor(bits), one)
            product *= p if low >> j & 1 else 1 - p
        q = Fraction(exp_coin(exponent * 2**steps).floor(bits), one)
        product *= q**rest * (1 - q)
        z = Fraction(exp_coin(exponent).floor(bits), one)
        assert abs(product - (1 - z) * z**value) < Fraction(1, 1 << 180)


@pytest.mark.parametrize("vectorised", [False, True])
def test_discrete_laplace_is_two_sided(vectorised: bool, fixed_entropy: FixedEntropy) -> None:
    exponent, total = Fraction(1, 2), 20_000
    z = math.exp(-exponent)
    drawn = (
        discrete_laplaces(fixed_entropy, exponent, total).tolist()
        if vectorised
        else [discrete_laplace(fixed_entropy, exponent) for _ in range(total)]
    )
    close(Counter(drawn), total, lambda x: (1 - z) / (1 + z) * z ** abs(x), range(-15, 16))


def test_shares_of_a_negative_binomial(fixed_entropy: FixedEntropy) -> None:
    size, exponent, total = Fraction(1, 3), Fraction(1, 2), 20_000
    z = math.exp(-exponent)
    shares = [negative_binomial(fixed_entropy, size, exponent) for _ in range(3 * total)]

    def one(x: int) -> float:
        return math.exp(math.lgamma(x + 1 / 3) - math.lgamma(1 / 3) - math.lgamma(x + 1)) * (1 - z) ** (1 / 3) * z**x

    close(Counter(shares), 3 * total, one, range(20))
    together = Counter(map(sum, zip(shares[::3], shares[1::3], shares[2::3], strict=True)))
    close(together, total, lambda g: (1 - z) * z**g, range(20))


def test_a_share_of_size_1_is_the_whole() -> None:
    drawn = [negative_binomial(FixedEntropy(f"{seed}"), Fraction(1), Fraction(1, 9)) for seed in range(20)]
    assert drawn == [geometric(FixedEntropy(f"{seed}"), Fraction(1, 9)) for seed in range(20)]
    assert max(drawn) > 3


@pytest.mark.parametrize(
    "call",
    [
        lambda: geometric(FixedEntropy(), Fraction(0)),
        lambda: geometric(FixedEntropy(), Fraction(-1)),
        lambda: geometrics(FixedEntropy(), Fraction(1, 2**60), 3),
        lambda: negative_binomial(FixedEntropy(), Fraction(3, 2), Fraction(1)),
        lambda: negative_binomial(FixedEntropy(), Fraction(0), Fraction(1)),
    ],
)
def test_senseless_noise_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        call()
