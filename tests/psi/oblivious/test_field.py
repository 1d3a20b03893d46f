"""F_2 and F_16 on planes against symbols one by one, and these against the field's own laws."""

from __future__ import annotations

import numpy as np
import pytest
from support.symbols import drawn, slow_product, symbols_of

from psi.oblivious.field import F2, F16, Field, multiply, power

FIELDS = [F2, F16]


@pytest.mark.parametrize("field", FIELDS)
def test_products_are_those_of_polynomials_and_make_a_field(field: Field) -> None:
    for a in range(field.size):
        for b in range(field.size):
            assert multiply(field, a, b) == slow_product(field, a, b)
        if a:
            assert sorted(multiply(field, a, b) for b in range(field.size)) == list(range(field.size))


def test_alpha_generates_the_field_and_powers_are_products() -> None:
    assert {power(F16, 2, k) for k in range(15)} == set(range(1, 16))
    assert power(F16, 7, 0) == 1
    assert power(F16, 7, 3) == slow_product(F16, 7, slow_product(F16, 7, 7))


@pytest.mark.parametrize("field", FIELDS)
def test_scaling_is_a_product_of_each_symbol(field: Field) -> None:
    planes = drawn((field.size, field.degree, 5))
    factors = np.arange(field.size, dtype=np.uint8)
    scaled = symbols_of(field.scale(planes, factors))
    for row, factor in zip(zip(symbols_of(planes), scaled, strict=True), range(field.size), strict=True):
        assert [slow_product(field, factor, int(s)) for s in row[0]] == row[1].tolist()


@pytest.mark.parametrize("field", FIELDS)
def test_a_fold_is_two_sums(field: Field) -> None:
    streams = drawn((field.size, field.degree, 3))
    total, weighted = (symbols_of(planes) for planes in field.fold(streams))
    symbols = symbols_of(streams)
    for place in range(24):
        plain, products = 0, 0
        for x in range(field.size):
            plain ^= int(symbols[x, place])
            products ^= slow_product(field, x, int(symbols[x, place]))
        assert (total[place], weighted[place]) == (plain, products)
