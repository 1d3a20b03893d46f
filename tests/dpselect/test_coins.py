from __future__ import annotations

from fractions import Fraction

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpselect.coins import Coin, _exp_interval, exp_coin, exp_floor, logistic_coin, logistic_floor

gammas = st.one_of(
    st.fractions(min_value=Fraction(1, 10**12), max_value=200, max_denominator=10**12),
    st.builds(Fraction, st.integers(1, 10**30), st.integers(10**28, 10**40)),
)


def independent_floor(gamma: Fraction, bits: int, *, logistic: bool) -> int:
    """By MPFR, whose functions are correctly rounded; far more digits than asked."""
    with gmpy2.context(precision=bits + 400):
        power = gmpy2.exp(gmpy2.mpfr(gmpy2.mpq(gamma.numerator, gamma.denominator)))
        value = 1 / (1 + power) if logistic else 1 / power
        return int(gmpy2.floor(value * gmpy2.mpfr(2) ** bits))


@settings(max_examples=300, deadline=None)
@given(gammas, st.sampled_from([4, 16, 64, 65, 256, 1000]))
def test_floors_agree_with_mpfr(gamma: Fraction, bits: int) -> None:
    assert exp_floor(gamma, bits) == independent_floor(gamma, bits, logistic=False)
    assert logistic_floor(gamma, bits) == independent_floor(gamma, bits, logistic=True)


def test_a_floor_next_to_an_integer_is_refined() -> None:
    # exp(-gamma) is 2^-8 * (17 +- 2^-200) here: the first 100 bits alone do not decide the floor.
    with gmpy2.context(precision=400):
        gamma = -gmpy2.log(gmpy2.mpfr(17) / 256)
        exact = Fraction(*gamma.as_integer_ratio())
    tiny = Fraction(1, 1 << 200)
    assert exp_floor(exact - tiny, 8) == 17
    assert exp_floor(exact + tiny, 8) == 16


def test_ends_of_the_range() -> None:
    assert exp_floor(Fraction(0), 10) == 1024
    assert logistic_floor(Fraction(0), 10) == 512
    assert exp_floor(Fraction(10**9), 64) == 0
    assert logistic_floor(Fraction(10**9), 64) == 0


@pytest.mark.parametrize("coin", [exp_coin(Fraction(1, 3)), exp_coin(Fraction(7)), logistic_coin(Fraction(2, 5))])
@pytest.mark.parametrize("width", [4, 8, 16, 64])
def test_digits_spell_the_floor(coin: Coin, width: int) -> None:
    spelled = 0
    for index in range(5):
        spelled = (spelled << width) | coin.digit(index, width)
        assert spelled == coin.floor((index + 1) * width)


def test_one_is_written_with_all_ones() -> None:
    assert [exp_coin(Fraction(0)).digit(index, 4) for index in range(3)] == [15, 15, 15]


def proven_error(gamma: Fraction, precision: int) -> int:
    """The bound that the module derives, for the least number of halvings that make x at most 2^-8."""
    x, halvings = gamma, 0
    while x > Fraction(1, 256):
        x, halvings = x / 2, halvings + 1
    terms, term = 0, 1 << precision
    while term:
        terms += 1
        term = int(term * x / terms)
    error = 2 * terms + 2
    for _ in range(halvings):
        error = 2 * error + 2
    return error


@settings(max_examples=300, deadline=None)
@given(gammas | st.sampled_from([Fraction(255, 128) * Fraction(2) ** k for k in range(-12, 24)]), st.integers(1, 200))
def test_an_interval_holds_the_power_and_is_as_wide_as_the_proof_asks(gamma: Fraction, precision: int) -> None:
    """Above 2^precision and below 0 there is nothing to hold. Where the proof's premise fails, nothing is said."""
    low, high = _exp_interval(gamma, precision)
    with gmpy2.context(precision=precision + 400):
        power = gmpy2.exp(-gmpy2.mpfr(gmpy2.mpq(gamma.numerator, gamma.denominator))) * gmpy2.mpfr(2) ** precision
        assert low <= power <= high
    error, whole = proven_error(gamma, precision), 1 << precision
    if error * error >> precision:
        assert low <= 0 < whole <= high
    else:
        assert low <= 0 or high >= whole or high - low >= 2 * error
