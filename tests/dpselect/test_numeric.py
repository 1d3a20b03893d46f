from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import mpmath
import pytest
from support.entropy import FixedEntropy

from dpselect import numeric
from dpselect.grid import Grid
from dpselect.numeric import DiscreteLaplace, Invalid, unbounded
from dpselect.privacy import NeighbouringRelation
from psiselect.base.errors import UsageError

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
ONE = Fraction(1)
GRIDS = [
    Grid(Fraction(0), Fraction(3), ONE),
    Grid(Fraction(-2), Fraction(1), ONE),
    Grid(Fraction(2), Fraction(5), ONE),
    Grid(Fraction(-1, 2), Fraction(7, 10), Fraction(1, 10)),
]
Rows = tuple[Fraction, ...]


def neighbours(values: list[Fraction], relation: NeighbouringRelation, most: int) -> Iterator[tuple[Rows, Rows]]:
    """Every pair of neighbours with up to `most` rows."""
    for size in range(1, most + 1):
        for rows in itertools.product(values, repeat=size):
            if relation is ADD_REMOVE:
                yield rows, rows[1:]
                yield rows[1:], rows
            else:
                yield from ((rows, (other, *rows[1:])) for other in values)


class Silent:
    """A stand-in for the noise: shows the integers that noise would be added to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(numeric, "discrete_laplace", lambda *_: 0)

    def moved(self, release: Callable[[Rows], numeric.Released], unit: Fraction, a: Rows, b: Rows) -> Fraction:
        before, after = release(a).values, release(b).values
        return sum((abs(x - y) for x, y in zip(before, after, strict=True)), Fraction(0)) / unit


@pytest.mark.parametrize("relation", [ADD_REMOVE, REPLACE])
@pytest.mark.parametrize("grid", GRIDS)
def test_a_sum_moves_by_the_sensitivity_at_most_and_sometimes(
    grid: Grid, relation: NeighbouringRelation, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurement, silent = numeric.sum_(ONE, relation, grid), Silent(monkeypatch)
    # Values inside, on and far beyond the bounds, and between two steps of the unit.
    values = [grid.lower - 100, grid.lower, (grid.lower + grid.upper) / 2 + Fraction(1, 33), grid.upper, grid.upper + 7]
    moves = {
        silent.moved(lambda rows: measurement.release(rows, FixedEntropy()), grid.unit, a, b)
        for a, b in neighbours(values, relation, 3)
    }
    assert max(moves) == measurement.noise.sensitivity


@pytest.mark.parametrize("relation", [ADD_REMOVE, REPLACE])
def test_a_histogram_moves_by_the_sensitivity(relation: NeighbouringRelation, monkeypatch: pytest.MonkeyPatch) -> None:
    measurement, silent = numeric.histogram(ONE, relation, edges=[Fraction(e) for e in (0, 1, 2)]), Silent(monkeypatch)
    values = [Fraction(v) for v in (-1, 0, 1, 2, 3)]
    moves = {
        silent.moved(lambda rows: measurement.release(rows, FixedEntropy()), ONE, a, b)
        for a, b in neighbours(values, relation, 3)
    }
    assert max(moves) == measurement.noise.sensitivity == (2 if relation is REPLACE else 1)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_dropped_row_is_within_the_sensitivity_of_a_replaced_one(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    measurement, silent = numeric.sum_(ONE, REPLACE, grid, invalid=Invalid.DROP), Silent(monkeypatch)
    values: list[Rows] = [(), (grid.lower,), (grid.upper,)]  # () is a row that could not be read
    moves = {
        silent.moved(lambda rows: measurement.release(rows, FixedEntropy()), grid.unit, a, b)
        for a, b in itertools.product(values, repeat=2)
    }
    assert max(moves) == measurement.noise.sensitivity


def test_both_halves_of_a_private_mean_are_within_their_sensitivities(monkeypatch: pytest.MonkeyPatch) -> None:
    for grid in GRIDS:
        measurement = numeric.mean(Fraction(1, 3), ADD_REMOVE, grid)
        assert isinstance(measurement, numeric.PrivateMean)
        assert measurement.noise.epsilon + measurement.count.epsilon == Fraction(1, 3)
        middle = grid.middle
        moves = [abs(grid.snap(value) - middle) for value in (grid.lower - 9, grid.lower, grid.upper, grid.upper + 9)]
        assert max(moves) == measurement.noise.sensitivity
        assert measurement.count.sensitivity == 1


@pytest.mark.parametrize("grid", GRIDS)
def test_a_public_mean_moves_by_its_sensitivity_and_rows_without_a_value_count_as_the_middle(
    grid: Grid, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurement = numeric.mean(ONE, REPLACE, grid, rows=3)
    assert isinstance(measurement, numeric.PublicMean)
    Silent(monkeypatch)

    def total(*values: Fraction) -> Fraction:
        return 3 * measurement.release(values, FixedEntropy()).values[0] / grid.unit

    assert total() == 3 * grid.middle
    assert total(grid.upper) == grid.high + 2 * grid.middle
    # Three bounds on one side are within the bounds, so nothing but the values moves the mean.
    assert total(*[grid.upper] * 3) - total(grid.lower, grid.upper, grid.upper) == measurement.noise.sensitivity


def test_a_public_mean_is_the_noisy_sum_over_n(fixed_entropy: FixedEntropy, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [Fraction(v) for v in (3800, 2514, 2982, 3390)]
    grid = Grid(Fraction(0), Fraction(5000), ONE)
    measurement = numeric.mean(ONE, REPLACE, grid, rows=4)
    assert measurement.sensitivity == 1250
    # The advisor's figure: (hi - lo)/(n eps) * ln 20.
    assert float(measurement.error95 or 0) == pytest.approx(1250 * math.log(20), rel=1e-3)
    Silent(monkeypatch)
    assert measurement.release(values, fixed_entropy).values == (Fraction("3171.5"),)
    private = numeric.mean(ONE, ADD_REMOVE, grid, rows=4)
    assert private.release(values, fixed_entropy).values == (Fraction("3171.5"),)


@pytest.mark.parametrize("epsilon", ["1", "0.1", "1/3", "7"])
@pytest.mark.parametrize("sensitivity", [1, 2, 5000])
def test_error_is_the_quantile_of_the_noise(epsilon: str, sensitivity: int) -> None:
    noise = DiscreteLaplace(Fraction(epsilon), sensitivity)
    z = math.exp(-float(noise.exponent))
    for miss in (Fraction(1, 20), Fraction(1, 2), Fraction(3, 7), Fraction(1, 1000)):
        e = noise.error(miss)

        def beyond(x: int) -> float:
            return 2 * z ** (x + 1) / (1 + z)

        assert beyond(e) <= float(miss) * (1 + 1e-9)
        assert e == 0 or beyond(e - 1) > float(miss) * (1 - 1e-9)


@pytest.mark.parametrize("noise", [DiscreteLaplace(Fraction(1, 3), 1), DiscreteLaplace(Fraction(2), 5)])
@pytest.mark.parametrize("bits", [16, 64])
def test_a_tail_is_the_probability_rounded_up(noise: DiscreteLaplace, bits: int) -> None:
    assert [noise.tail(at, bits) for at in (-7, 0)] == [1 << bits] * 2  # what is certain
    with mpmath.workprec(200):
        z = mpmath.exp(-mpmath.mpf(noise.exponent.numerator) / noise.exponent.denominator)
        for at in (1, 2, 9, 40):
            exact = 2**bits * z**at / (1 + z)
            assert exact < noise.tail(at, bits) < exact + 2.01


def test_errors_of_all_cells_and_of_a_mean_are_worked_from_the_noise() -> None:
    epsilon = Fraction(1, 1000)
    cells = numeric.histogram(epsilon, ADD_REMOVE, categories=["a", "b"])
    # 2 z^(e + 1)/(1 + z) is about z^(e + 1/2): 1000 ln 20 is 2995.7, and 1000 ln 40 is 3688.9.
    assert cells.error95 == 2996
    assert cells.error95_all == 3689
    assert cells.sensitivity == cells.unit == 1
    # With noise that is wider than the bounds, the width of the bounds is the error.
    for rows in (10, 10**4):
        narrow = numeric.mean(epsilon, ADD_REMOVE, Grid(Fraction(2), Fraction(5), ONE), rows=rows)
        assert narrow.error95 == 3


def test_contributions_multiply_the_noise() -> None:
    one, three = numeric.count(ONE, ADD_REMOVE), numeric.count(ONE, ADD_REMOVE, contributions=3)
    assert three.scale == 3 * one.scale
    assert one.privacy_map(3) == 3
    grid = GRIDS[0]
    assert numeric.sum_(ONE, REPLACE, grid, contributions=4).sensitivity == 12
    assert numeric.histogram(ONE, REPLACE, categories=["a", "b"], contributions=2).noise.sensitivity == 4
    private = numeric.mean(ONE, ADD_REMOVE, Grid(Fraction(0), Fraction(10), ONE), contributions=3)
    assert isinstance(private, numeric.PrivateMean)
    assert (private.noise.sensitivity, private.count.sensitivity) == (15, 3)
    assert numeric.mean(ONE, REPLACE, Grid(Fraction(0), Fraction(10), ONE), rows=2, contributions=3).sensitivity == 15


def test_histogram_cells() -> None:
    measurement = numeric.histogram(Fraction(10**6), REPLACE, edges=[Fraction(e) for e in (0, 10, 20)])
    values = [Fraction(v) for v in ("-0.001", "0", "9.999", "10", "20", "20.001")]
    # With an epsilon of a million the noise is 0 but for probability e^-500000.
    released = measurement.release(values, FixedEntropy())
    assert released.values == (2, 2)
    assert released.private_clamped == 2
    named = numeric.histogram(Fraction(10**6), REPLACE, categories=["yes", "no"])
    assert named.release(["no", "no", "maybe"], FixedEntropy()).values == (0, 2)


@pytest.mark.parametrize(
    "measurement",
    [
        numeric.sum_(ONE, REPLACE, GRIDS[0]),
        numeric.mean(ONE, REPLACE, GRIDS[0], rows=5),
        numeric.mean(ONE, ADD_REMOVE, GRIDS[0]),
    ],
    ids=lambda m: type(m).__name__,
)
def test_clamping_is_counted_and_not_part_of_the_release(measurement: numeric.Sum) -> None:
    """With the same random bits, rows beyond the bounds and rows on the bounds give the same release; only the private
    count tells them apart, and a release is one number."""
    beyond, within = [[Fraction(v) for v in rows] for rows in ((-1, 0, 3, 4, 5), (0, 0, 3, 3, 3))]
    for seed in "abcdef":
        clamped, plain = (measurement.release(rows, FixedEntropy(seed)) for rows in (beyond, within))
        assert clamped.values == plain.values
        assert len(clamped.values) == 1
        assert (clamped.private_clamped, plain.private_clamped) == (3, 0)


def test_rows_of_no_cell_are_counted_and_not_part_of_the_release() -> None:
    measurement = numeric.histogram(ONE, REPLACE, categories="ab")
    for seed in "abcdef":
        beyond, within = (measurement.release(rows, FixedEntropy(seed)) for rows in ("abcd", "ab"))
        assert beyond.values == within.values
        assert len(beyond.values) == 2
        assert (beyond.private_clamped, within.private_clamped) == (2, 0)


def test_an_unbounded_sum_is_refused_with_the_arithmetic() -> None:
    text = str(unbounded(ONE))
    assert "2,995,732" in text  # 1,000,000 * ln 20
    assert "With --lower 0 and --upper 100, the noise is only up to about 299.6." in text
    assert "Choose B so that you expect a larger value in only about 1 row" in text
    assert "29,957,3" in str(unbounded(Fraction(1, 10)))


def test_the_least_that_is_accepted() -> None:
    assert numeric.mean(ONE, REPLACE, GRIDS[0], rows=1).sensitivity == 3
    assert numeric.histogram(ONE, REPLACE, edges=[ONE, Fraction(2)]).cells == ("1..2",)


@pytest.mark.parametrize(
    "make",
    [
        lambda: numeric.count(ONE, REPLACE, contributions=0),
        lambda: numeric.sum_(ONE, REPLACE, GRIDS[0], contributions=0),
        lambda: numeric.mean(ONE, ADD_REMOVE, GRIDS[0], contributions=0),
        lambda: numeric.histogram(ONE, REPLACE, categories=["a"], contributions=0),
    ],
)
def test_no_contributions_are_refused_as_such(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError, match=r"^--contributions must be"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Grid(ONE, ONE, ONE),
        lambda: Grid(ONE, Fraction(2), Fraction(0)),
        lambda: Grid(ONE, Fraction(2), Fraction(-1)),
        lambda: Grid(Fraction(0), Fraction(1), Fraction(10)),
        lambda: numeric.count(Fraction(0), REPLACE),
        lambda: DiscreteLaplace(ONE, 0),
        lambda: DiscreteLaplace(Fraction(-1), 1),
        lambda: numeric.count(ONE, REPLACE, contributions=0),
        lambda: numeric.mean(ONE, REPLACE, GRIDS[0]),
        lambda: numeric.mean(ONE, ADD_REMOVE, GRIDS[0], rows=0),
        lambda: numeric.histogram(ONE, REPLACE),
        lambda: numeric.histogram(ONE, REPLACE, categories=["a", "a"]),
        lambda: numeric.histogram(ONE, REPLACE, edges=[ONE, ONE]),
        lambda: numeric.histogram(ONE, REPLACE, edges=[ONE]),
        lambda: numeric.histogram(ONE, REPLACE, edges=[ONE, Fraction(2)], categories=["a"]),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(UsageError):
        make()
