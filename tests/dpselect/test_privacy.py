from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import gmpy2
import pytest

from dpselect.privacy import NeighbouringRelation, ln_upper, parse_epsilon, parse_fraction, parse_poll_epsilon
from psiselect.base.errors import UsageError

TENTH = Fraction(1, 10)


@pytest.mark.parametrize("value", ["0.1", " 0.1 ", "1/10", "1e-1", ".1", "0.10", 0.1, Decimal("0.1"), TENTH, "10e-2"])
def test_a_tenth_is_a_tenth(value: Any) -> None:
    assert parse_epsilon(value) == TENTH


@pytest.mark.parametrize(
    "value",
    [
        *("", "x", "-1", "0", "0.0", "nan", "inf", "1/0", "1_0", "0x1", "1e999", "9" * 31, "٣", "ln(3)", "1,5", "1 /2"),
        *(0, 0.0, -0.5, float("nan"), float("inf"), Decimal("NaN"), Fraction(-1, 2), True, None, b"1", [1], "+1"),
    ],
)
def test_what_is_no_epsilon(value: Any) -> None:
    with pytest.raises(UsageError, match="epsilon"):
        parse_epsilon(value)


def test_fractions_name_their_field() -> None:
    assert parse_fraction("0", "gap") == 0
    with pytest.raises(UsageError, match="gap"):
        parse_fraction("-1", "gap")


def test_relations() -> None:
    assert NeighbouringRelation.parse("add-remove") is NeighbouringRelation.ADD_REMOVE
    assert NeighbouringRelation.parse("replace") is NeighbouringRelation.REPLACE
    with pytest.raises(UsageError, match=r"^neighbors must be 'add-remove' .* or 'replace'"):
        NeighbouringRelation.parse("swap")


@pytest.mark.parametrize("ratio", [Fraction(3), Fraction(1001, 1000), Fraction(7, 2), Fraction(10**20), Fraction(2)])
def test_logarithms_are_rounded_up_and_by_little(ratio: Fraction) -> None:
    with gmpy2.context(precision=300):
        true = Fraction(*gmpy2.log(gmpy2.mpq(ratio.numerator, ratio.denominator)).as_integer_ratio())
    assert 0 <= ln_upper(ratio) - true < Fraction(1, 1 << 63)


def test_poll_epsilons() -> None:
    poll = parse_poll_epsilon("ln(3)")
    assert poll.ratio == 3
    assert float(poll.value) == pytest.approx(math.log(3))
    assert parse_poll_epsilon("ln( 7/2 )").ratio == Fraction(7, 2)
    plain = parse_poll_epsilon("1.1")
    assert (plain.value, plain.ratio) == (Fraction(11, 10), None)


@pytest.mark.parametrize("text", ["ln(1)", "ln(0.5)", "ln(x)", "ln(-3)", "ln()", "log(3)", "ln(3", "ln(ln(3))"])
def test_what_is_no_poll_epsilon(text: str) -> None:
    with pytest.raises(UsageError):
        parse_poll_epsilon(text)
