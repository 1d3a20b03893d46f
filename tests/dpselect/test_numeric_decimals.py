from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpselect.decimals import number, parse_number, plain
from psiselect.base.errors import InputError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3171.50", "6343/2"),
        ("-.5", "-1/2"),
        ("+7", "7"),
        ("1e3", "1000"),
        ("2.", "2"),
        ("1E-2", "1/100"),
        (" 4 ", "4"),
    ],
)
def test_numbers_are_exact(text: str, value: str) -> None:
    assert parse_number(text, "x") == Fraction(value)


@pytest.mark.parametrize(
    "text", ["", " ", "nan", "inf", "-inf", "1,5", "1_000", "0x10", "1e", "1e999", "--1", ".", "1/2", "٣", "1" * 50]
)
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_number(text, "row 7")
    assert str(caught.value) == "row 7 is not a decimal number like 3171.50"


@given(st.integers(-(10**12), 10**12), st.integers(0, 9))
def test_plain_text_reads_back(units: int, places: int) -> None:
    value = Fraction(units, 10**places)
    assert parse_number(plain(value), "x") == value
    assert Fraction(number(value)) == value or isinstance(number(value), float)


def test_what_has_no_decimals_is_a_fraction() -> None:
    assert plain(Fraction(1, 3)) == "1/3"
    assert plain(Fraction(-7, 4)) == "-1.75"
    assert plain(Fraction(0)) == "0"
