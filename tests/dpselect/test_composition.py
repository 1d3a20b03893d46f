"""Tight composition lies between what is known to be lost and the simple sum."""

from __future__ import annotations

import importlib
import math
import sys
from fractions import Fraction

import pytest

from dpselect import composition
from dpselect.accounting import Cost
from dpselect.composition import tight_epsilon
from psiselect.base.errors import UsageError

DELTA = Fraction(1, 10**6)


def lost(epsilon: float, times: int, at: float) -> float:
    """delta(at) of as many randomised responses, whose losses add up: by the binomial law."""
    truth = math.exp(epsilon) / (1 + math.exp(epsilon))
    return sum(
        math.comb(times, k)
        * truth**k
        * (1 - truth) ** (times - k)
        * max(0.0, 1 - math.exp(at - (2 * k - times) * epsilon))
        for k in range(times + 1)
    )


@pytest.mark.parametrize(("epsilon", "times"), [("1/10", 30), ("1/2", 40), ("1/10", 400)])
def test_it_is_the_epsilon_of_randomised_responses(epsilon: str, times: int) -> None:
    """These are the worst releases of their epsilon: nothing below is true, and little above is needed."""
    found = tight_epsilon([Cost(Fraction(epsilon))] * times, DELTA)
    assert found is not None
    assert found < times * Fraction(epsilon)
    one = float(Fraction(epsilon))
    assert lost(one, times, float(found)) <= float(DELTA)
    assert lost(one, times, float(found) * 0.98) > float(DELTA)


def test_deltas_count_too() -> None:
    without = tight_epsilon([Cost(Fraction(1, 10))] * 50, DELTA)
    some = tight_epsilon([Cost(Fraction(1, 10), DELTA / 100)] * 50, DELTA)
    assert without is not None
    assert some is not None
    assert without < some
    assert tight_epsilon([Cost(Fraction(1, 10), DELTA / 10)] * 50, DELTA) is None


def test_what_cannot_be_improved_is_not_shown() -> None:
    assert tight_epsilon([], DELTA) is None
    assert tight_epsilon([Cost(Fraction(0))], DELTA) is None
    assert tight_epsilon([Cost(Fraction(10**5))], DELTA) is None
    assert tight_epsilon([Cost(Fraction(1, k)) for k in range(1, 200)], DELTA) is None
    for delta in (Fraction(0), Fraction(1)):
        with pytest.raises(UsageError):
            tight_epsilon([Cost(Fraction(1))], delta)


def test_too_many_different_costs_are_not_even_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The denominators of 100,000 old entries have 30 digits each: their sum would take minutes."""

    def add(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(composition, "sum", add, raising=False)
    assert tight_epsilon([Cost(Fraction(1, 10**30 + k)) for k in range(101)], DELTA) is None


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "dp_accounting"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "dp_accounting", None)  # importing it raises ImportError
    with pytest.raises(ImportError):
        importlib.import_module("dp_accounting.pld")
    with pytest.raises(UsageError, match=r"pip install 'psiselect\[accounting\]'. Or leave out --delta") as caught:
        tight_epsilon([Cost(Fraction(1))] * 2, DELTA)
    assert caught.value.term == "delta"
    assert tight_epsilon([Cost(Fraction(1))], DELTA) is None  # one release is what it is
    assert tight_epsilon([], DELTA) is None  # nothing to compose
