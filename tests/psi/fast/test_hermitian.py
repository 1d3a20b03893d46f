"""The code: the curve, the theorem's premises, and its distance looked for where light words are."""

from __future__ import annotations

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.symbols import slow_product

from psi.fast import hermitian
from psi.fast.hermitian import DISTANCE, SYMBOLS, WORD_SYMBOLS, functions, generator, points, rows_of_bits
from psi.oblivious.field import F16
from psiselect.base.packed import U8

PRODUCTS = np.array([[slow_product(F16, a, b) for b in range(16)] for a in range(16)], np.uint8)
INVERSE = [0, *(int(np.flatnonzero(PRODUCTS[a] == 1)[0]) for a in range(1, 16))]


def words_times(words: U8, matrix: U8) -> U8:
    """(n, k) times (k, m) over F_16, by tables."""
    return np.bitwise_xor.reduce(PRODUCTS[words[:, :, None], matrix[None]], axis=1)


def reduced(matrix: U8, columns: list[int]) -> tuple[U8, int]:
    """The matrix with steps at some of these columns, in their order, and how many steps there are."""
    matrix, rank = matrix.copy(), 0
    for column in columns:
        rows = np.flatnonzero(matrix[rank:, column])
        if not len(rows):
            continue
        matrix[[rank, rank + rows[0]]] = matrix[[rank + rows[0], rank]]
        matrix[rank] = PRODUCTS[matrix[rank], INVERSE[matrix[rank, column]]]
        for row in range(len(matrix)):
            if row != rank:
                matrix[row] ^= PRODUCTS[matrix[row, column], matrix[rank]]
        rank += 1
        if rank == len(matrix):
            break
    return matrix, rank


def weights(words: U8) -> list[int]:
    return np.count_nonzero(words, axis=1).tolist()


def test_the_curve_has_64_affine_points() -> None:
    assert len(set(points())) == 64
    for x, y in points():
        left = x_to(y, 4) ^ y
        assert left == x_to(x, 5)
    assert points() == sorted(points())


def x_to(x: int, exponent: int) -> int:
    out = 1
    for _ in range(exponent):
        out = int(PRODUCTS[out, x])
    return out


def test_the_functions_are_all_with_a_pole_of_order_21_at_most() -> None:
    """Pole orders are the numbers 4i + 5j: sixteen up to 21, all different. By Riemann and Roch there are no more
    functions: 21 - 6 + 1, since 21 > 2 * 6 - 2."""
    orders = [4 * i + 5 * j for i, j in functions()]
    assert orders == sorted({4 * i + 5 * j for i in range(6) for j in range(5) if 4 * i + 5 * j <= 21})
    assert len(orders) == WORD_SYMBOLS == hermitian.DEGREE - 6 + 1
    assert all(j < 4 for _, j in functions())


def test_the_generator_is_the_functions_at_the_points() -> None:
    assert generator().shape == (16, 53)
    for row, (i, j) in zip(generator(), functions(), strict=True):
        assert row.tolist() == [PRODUCTS[x_to(x, i), x_to(y, j)] for x, y in points()[:SYMBOLS]]


def test_words_have_different_code_words() -> None:
    assert reduced(generator(), list(range(SYMBOLS)))[1] == WORD_SYMBOLS
    assert 4 * WORD_SYMBOLS == 64
    assert 4 * DISTANCE == 128


def test_every_function_is_bounded_by_its_pole() -> None:
    """The evaluations at all 64 points: a function whose highest pole is of order r has at most r zeros."""
    every = np.array([[PRODUCTS[x_to(x, i), x_to(y, j)] for x, y in points()] for i, j in functions()], np.uint8)
    drawn = np.frombuffer(FixedEntropy("functions").read(16 * 16 * 200), np.uint8).reshape(-1, 200, 16) & 15
    for last, (i, j) in enumerate(functions()):
        words = drawn[last].copy()
        words[:, last + 1 :], words[:, last] = 0, 1
        zeros = 64 - np.array(weights(words_times(words, every)))
        assert zeros.max() <= 4 * i + 5 * j


@pytest.mark.parametrize("count", [150, pytest.param(20000, marks=pytest.mark.soak)])
def test_words_that_vanish_at_fifteen_symbols_are_heavy_all_the_same(count: int) -> None:
    """There light words are: with 15 zeros forced, a code word of weight below 32 would need 7 more."""
    order = np.argsort(np.frombuffer(FixedEntropy("sets").read(8 * 53 * count), "<u8").reshape(count, 53), axis=1)
    lightest = 53
    for columns in order.tolist():
        matrix, rank = reduced(generator(), columns[:15])
        words = matrix[rank:]
        assert not words[:, columns[:15]].any()
        lightest = min(lightest, *weights(words))
    assert lightest >= DISTANCE
    assert lightest < 40


def test_there_is_a_word_as_light_as_the_bound_allows() -> None:
    """The bound is met: the product of five lines x = a has 20 zeros; with a line through one more point, up to 21."""
    found = []
    for skipped in range(16):
        lines = [a for a in range(16) if a != skipped][:5]
        values = np.ones(SYMBOLS, np.uint8)
        for a in lines:
            values = PRODUCTS[values, np.array([x for x, _ in points()[:SYMBOLS]], np.uint8) ^ a]
        found.append(int(np.count_nonzero(values)))
    assert min(found) == SYMBOLS - 20


def test_rows_of_bits_are_the_code_in_bits() -> None:
    drawn = np.frombuffer(FixedEntropy("words").read(8 * 20), np.uint8).reshape(20, 8)
    words = np.stack([drawn & 15, drawn >> 4], axis=2).reshape(20, 16)
    code = words_times(words, generator())
    factors = np.arange(53, dtype=np.uint8) & 15
    for given, expected in ((None, code), (factors, PRODUCTS[code, factors])):
        rows = rows_of_bits(given)
        for word, symbols in zip(drawn, expected, strict=True):
            chosen = np.flatnonzero(np.unpackbits(word, bitorder="little"))
            row = np.bitwise_xor.reduce(rows[chosen], axis=0).astype("<u8").view(np.uint8)
            assert np.stack([row & 15, row >> 4], axis=1).reshape(-1)[:53].tolist() == symbols.tolist()
            assert not np.unpackbits(row, bitorder="little")[212:].any()
