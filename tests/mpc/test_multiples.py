"""Many numbers of one unit are read, scaled and written exactly as one fraction at a time would be."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dpselect.decimals import number, plain
from mpc.fixedpoint import FixedPoint, encode_all, parse_decimal
from mpc.multiples import Multiples
from psiselect.base.errors import InputError

_digits = st.text("0123456789", min_size=1, max_size=40)
_mantissas = st.one_of(
    _digits,
    st.builds("{}.{}".format, _digits, st.text("0123456789", max_size=40)),
    st.builds(".{}".format, _digits),
)
_exponents = st.one_of(st.just(""), st.builds("{}{}".format, st.sampled_from("eE"), st.integers(-99, 99)))
_written = st.builds("{}{}{}{}".format, st.sampled_from(["", "+", "-", " "]), _mantissas, _exponents, st.just(" "))


@given(st.lists(_written, min_size=1, max_size=6))
@example(["1", "-.5", "+2.", "3e2", "4E-3", "-0"])
def test_texts_are_read_as_fractions_read_them(texts: list[str]) -> None:
    assert Multiples.parse(enumerate(texts), str) == [parse_decimal(text, "value") for text in texts]


@pytest.mark.parametrize("text", ["", "x", "1,5", "1_000", "nan", "inf", "1e100", "0x1", "１", "1" * 41, "--1", "1 2"])
def test_other_text_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(
        InputError, match=r"^line 2: this is not a decimal number\. Write a number like 3171\.50$"
    ) as refused:
        Multiples.parse([(1, "1"), (2, text)], lambda line: f"line {line}")
    assert refused.value.term == "line 2"


@given(st.lists(st.integers(-(10**30), 10**30), max_size=6), st.integers(1, 1000), st.integers(1, 1000))
@example([0, 5, -5, 250, -1000], 1, 100)
@example([0, 1, 3, 6, -7, 300], 1, 300)
@example([3, -3, 10], 7, 1)
def test_numbers_are_written_as_fractions_are(units: list[int], top: int, bottom: int) -> None:
    many = Multiples(units, Fraction(top, bottom))
    each = [u * Fraction(top, bottom) for u in units]
    assert many == each
    assert many.texts() == [plain(value) for value in each]
    assert many.numbers() == [number(value) for value in each]
    assert [type(n) for n in many.numbers()] == [type(number(value)) for value in each]


@given(
    st.lists(st.integers(-130, 130), min_size=2, max_size=5),
    st.sampled_from([Fraction(1), Fraction(1, 10), Fraction(1, 1000)]),
    st.sampled_from([Fraction(1), Fraction(1, 100), Fraction(3, 10), Fraction(25)]),
    st.sampled_from([Fraction(12), Fraction(1, 2), Fraction(127)]),
)
@example([127, -127], Fraction(1), Fraction(1), Fraction(127))
@example([1, 128], Fraction(1), Fraction(1), Fraction(127))
@example([1, -128], Fraction(1), Fraction(1), Fraction(127))
def test_they_are_encoded_as_fractions_are(
    units: list[int], given_in: Fraction, unit: Fraction, bound: Fraction
) -> None:
    point, many = FixedPoint(unit, bound), Multiples(units, given_in)
    assert _encoded(point, many) == _encoded(point, list(many))


def _encoded(point: FixedPoint, values: Sequence[Fraction]) -> list[int] | str:
    try:
        return encode_all(point, values)
    except InputError as refused:
        return str(refused)


def test_a_piece_of_them_has_the_same_unit() -> None:
    many = Multiples([1, 2, 3], Fraction(1, 4))
    assert many[1:] == [Fraction(1, 2), Fraction(3, 4)]
    assert len(many[:2]) == 2
    assert many != [1]
    assert many != 3
