"""The order of 64-bit numbers: as NumPy's own stable one, whichever bits the numbers share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psiselect.base import sorting

ENDS = [0, 1, 0xFFFF, 1 << 16, (1 << 32) - 1, 1 << 32, (1 << 48) - 1, 1 << 48, 1 << 63, (1 << 64) - 1]


def check(numbers: list[int] | sorting.U64) -> None:
    given = np.array(numbers, np.uint64)
    before = given.copy()
    found = sorting.order(given)
    assert found.dtype == np.int64
    assert np.array_equal(given, before)
    assert found.tolist() == sorted(range(len(given)), key=[int(number) for number in given].__getitem__)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(ENDS) | st.integers(0, (1 << 64) - 1), max_size=40))
def test_any_numbers_at_all(numbers: list[int]) -> None:
    check(numbers)


@pytest.mark.parametrize("shift", [0, 16, 32, 48])
def test_numbers_that_differ_in_sixteen_bits_only(shift: int) -> None:
    """So each step, and the last look at those that share the upper bits, decides alone; with repeats."""
    draw = np.random.default_rng(shift)
    some = draw.integers(0, 1 << 16, 5_000, np.uint64)
    check(some << np.uint64(shift))
    check((some << np.uint64(shift)) | np.uint64(0x1234_5678_9ABC_DEF0 & ~(0xFFFF << shift)))


@pytest.mark.parametrize("bits", [1, 16, 17, 31, 32, 33, 40, 63])
def test_numbers_that_use_few_bits(bits: int) -> None:
    """Whichever bits the steps look at, all of them count."""
    check(np.random.default_rng(bits).integers(0, 1 << bits, 3_000, np.uint64))
    check([(1 << bits) - 1, 0, 1, (1 << bits) - 1, (1 << bits) >> 1])


def test_few_different_numbers_stay_in_their_order() -> None:
    draw = np.random.default_rng(5)
    check(draw.choice(np.array(ENDS, np.uint64), 3_000))
    check([7] * 1_000)


def test_long_spread_numbers() -> None:
    numbers = np.random.default_rng(6).integers(0, (1 << 64) - 1, 1 << 18, np.uint64, endpoint=True)
    upper = numbers >> np.uint64(32)
    assert len(np.unique(upper)) < len(upper), "some must share their upper bits"
    assert np.array_equal(sorting.order(numbers), np.argsort(numbers, kind="stable"))
    assert np.array_equal(sorting.order(np.sort(numbers)[::-1]), np.arange(len(numbers))[::-1])
