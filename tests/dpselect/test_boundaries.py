"""Boundaries of numbers and counts: the last that is allowed and the first that is not, ends of the integer types, and
the last of several that are alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.entropy import FixedEntropy
from support.played import Played

from cli.release import command as release_command
from dpselect import local_dp, numeric
from dpselect.accounting import PureDp
from dpselect.approval import not_private_tally
from dpselect.ballots import Profile
from dpselect.coins import exp_floor
from dpselect.committee import _subset, _top, subset_exponential
from dpselect.grid import Grid
from dpselect.local_dp import Poll, PollMechanism
from dpselect.mechanisms import exponential, permute_and_flip
from dpselect.numeric import Released
from dpselect.privacy import NeighbouringRelation, ln_upper, parse_epsilon, parse_fraction, parse_poll_epsilon
from dpselect.quantile import quantile
from dpselect.sampling import bernoulli, geometrics, uniform_below, uniforms_below
from dpselect.scores import Declared, ScoreBound, Scores, take
from dpselect.threshold import above_threshold
from dpselect.truncated import truncation_bound
from psiselect.base.errors import InputError, UsageError
from psiselect.releases import numbers as release_numbers
from psiselect.releases.common import default_unit

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
ONE, TINY = Fraction(1), Fraction(1, 10**30)
TOP = 2**63 - 1


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numeric, "discrete_laplace", lambda *_: 0)


# ------------------------------------------------------------------------------------------ bounds and cells


@pytest.mark.parametrize(
    ("value", "units"),
    [
        (Fraction(-1), -4), (-1 - TINY, -4), (Fraction(-100), -4), (-1 + TINY, -4),
        (Fraction(5, 2), 10), (Fraction(5, 2) + TINY, 10), (Fraction(10**40), 10), (Fraction(5, 2) - TINY, 10),
        (Fraction(1, 8), 0), (Fraction(3, 8), 2), (Fraction(-1, 8), 0), (Fraction(-3, 8), -2),  # halves, to even
        (Fraction(1, 8) + TINY, 1), (Fraction(1, 8) - TINY, 0), (Fraction(0), 0),
    ],
)  # fmt: skip
def test_a_value_is_clamped_and_rounded(value: Fraction, units: int) -> None:
    assert Grid(Fraction(-1), Fraction(5, 2), Fraction(1, 4)).snap(value) == units


def test_a_value_on_a_bound_is_not_clamped() -> None:
    measurement = numeric.sum_(ONE, REPLACE, Grid(Fraction(0), Fraction(3), ONE))
    for rows, clamped in (([0, 3], 0), ([-TINY, 3 + TINY], 2), ([0, 3 + TINY], 1)):
        assert measurement.release([Fraction(v) for v in rows], FixedEntropy()).private_clamped == clamped


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("total", [2**53 + 1, TOP, TOP + 1, 2**64 - 1, 2**64, -TOP - 1, -TOP - 2, 3**80])
def test_sums_beyond_any_machine_word_are_exact(total: int) -> None:
    grid = Grid(Fraction(-(10**40)), Fraction(10**40), ONE)
    rows = [Fraction(total - 5), Fraction(2), Fraction(3)]
    assert numeric.sum_(ONE, ADD_REMOVE, grid).release(rows, FixedEntropy()).values == (total,)
    assert numeric.mean(ONE, REPLACE, grid, rows=3).release(rows, FixedEntropy()).values == (Fraction(total, 3),)
    assert numeric.mean(ONE, ADD_REMOVE, grid).release(rows, FixedEntropy()).values == (Fraction(total, 3),)
    if total > 0:
        assert numeric.count(ONE, ADD_REMOVE).release(total, FixedEntropy()) == Released((Fraction(total),), 0)


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize(
    ("value", "cell"),
    [(-TINY, None), (0, 0), (10 - TINY, 0), (10, 1), (20 - TINY, 1), (20, 2), (30, 2), (30 + TINY, None)],
)
def test_a_bin_has_its_lower_edge_and_the_last_one_both(value: Fraction, cell: int | None) -> None:
    measurement = numeric.histogram(ONE, REPLACE, edges=[Fraction(e) for e in (0, 10, 20, 30)])
    released = measurement.release([Fraction(value)], FixedEntropy())
    assert released.values == tuple(int(number == cell) for number in range(3))
    assert released.private_clamped == (cell is None)


@pytest.mark.parametrize("rows", [0, -1, -7])
def test_a_private_mean_of_no_rows_or_fewer_counts_one(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = iter([3, rows])
    monkeypatch.setattr(numeric, "discrete_laplace", lambda *_: next(noise))
    measurement = numeric.mean(ONE, ADD_REMOVE, Grid(Fraction(0), Fraction(20), ONE))
    assert measurement.release([], FixedEntropy()).values == (13,)


@pytest.mark.parametrize("noise", [1000, -1000])
def test_means_stay_within_their_bounds(noise: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numeric, "discrete_laplace", lambda *_: noise)
    grid = Grid(Fraction(1, 3), Fraction(7, 2), Fraction(1, 2))
    for measurement in (numeric.mean(ONE, REPLACE, grid, rows=2), numeric.mean(ONE, ADD_REMOVE, grid)):
        (mean,) = measurement.release([ONE, ONE], FixedEntropy()).values
        assert grid.lower <= mean <= grid.upper


def test_the_unit_by_default_is_the_largest_that_gives_the_steps() -> None:
    assert default_unit(Fraction(1000), 1000) == 1
    assert default_unit(Fraction(1000) - TINY, 1000) == Fraction(1, 10)
    assert default_unit(Fraction(10**9), 1000) == 1
    assert default_unit(Fraction(1), 1000) == Fraction(1, 1000)


# ------------------------------------------------------------------------------------------ ends of the integer types


@pytest.mark.parametrize("value", [TOP, -TOP - 1, TOP + 1, -TOP - 2, 2**64 - 1, 2**256 - 1, 1 - 2**256])
def test_scores_up_to_256_bits_are_taken_exactly(value: int) -> None:
    for scores in ([value, 0], [Fraction(value), 0], [Fraction(value), Fraction(1, 2)][:1]):
        taken = take(scores)
        assert (int(taken.units[0]), taken.denominator) == (value, 1)
        assert (taken.units.dtype == np.int64) is (-(2**63) <= value < 2**63)


@pytest.mark.parametrize("value", [2**256, -(2**256)])
def test_scores_of_257_bits_are_refused(value: int) -> None:
    for scores in ([value], [0, value], [Fraction(value), 0], [Fraction(value // 2), Fraction(1, 3)]):
        with pytest.raises(InputError, match="Round the scores"):
            take(scores)


def test_a_common_denominator_has_128_bits_at_most() -> None:
    assert take([Fraction(1, 2**128 - 1)]).denominator == 2**128 - 1
    for scores in ([Fraction(1, 2**128)], [Fraction(1, 2**127), Fraction(1, 3)]):
        with pytest.raises(InputError, match="too many digits after the decimal point"):
            take(scores)
    assert take([Decimal("1e75")]).units[0] == 10**75
    with pytest.raises(InputError, match="too many digits"):
        take([Decimal("1e76")])


ENDS = [
    [TOP, TOP - 1],
    [TOP + 1, TOP],
    [-TOP - 1, -TOP],
    [TOP, -TOP - 1],
    [TOP + 1, -TOP - 2],
    [2**64 - 1, 2**64 - 2],
    [2**64, 2**64 - 1],
]


@pytest.mark.parametrize("scores", ENDS)
@pytest.mark.parametrize("kind", ["list", "uint64", "int64"])
def test_the_better_of_two_at_the_ends_wins(scores: list[int], kind: str) -> None:
    """At an exponent of 1000 the other wins with probability e^-1000."""
    data: Any = scores
    if kind != "list":
        limits = np.iinfo(kind)
        if not all(limits.min <= score <= limits.max for score in scores):
            scores = [int(limits.max), int(limits.max) - 1]
        data = np.array(scores, dtype=kind)
    best = scores.index(max(scores))
    for make in (permute_and_flip, exponential):
        measurement = make(1000, ADD_REMOVE)
        assert measurement.release(data, FixedEntropy()) == best
        assert measurement.release_many(data, 3, FixedEntropy()).tolist() == [best] * 3
    worst = [*scores, min(scores)]
    taken = np.array(worst, dtype=kind) if kind != "list" else worst
    assert best in subset_exponential(4000, ADD_REMOVE, 2).release(taken, FixedEntropy())


@pytest.mark.parametrize("value", [2**61, 2**62 - 1, 2**62, TOP, TOP + 1, 2**64, -(2**62), -TOP - 1, -TOP - 2])
def test_ranks_are_exact_at_the_ends(value: int) -> None:
    """Rows at, just below and just above a grid point; the grid has halves, so that both sides are multiplied."""
    grid = [Fraction(value) - Fraction(1, 2), Fraction(value), Fraction(value) + Fraction(1, 2)]
    measurement = quantile("1", REPLACE, "1/2", grid)
    scores = measurement.scores([value - 1, value, value, value + 1])
    assert [Fraction(int(unit), scores.denominator) for unit in scores.units] == [
        Fraction(-3, 2),
        0,
        Fraction(-3, 2),
    ]
    assert measurement.point(1) == value


@pytest.mark.parametrize("power", [60, 61, 62, 63, 64])
def test_ranks_are_exact_for_a_quantile_with_large_terms(power: int) -> None:
    """A rank is multiplied by a term of q, and three rows times 2^62 are more than 63 bits hold."""
    q = Fraction(1, 1 << power)
    scores = quantile("1", REPLACE, q, [0, 1, 2]).scores([0, 0, 0, 1, 2])
    below_and_above = [(0, 2), (3, 1), (4, 0)]
    expected = [-abs((1 - q) * below - q * above) for below, above in below_and_above]
    assert [Fraction(int(unit), scores.denominator) for unit in scores.units] == expected


@pytest.mark.parametrize("bound", [2**62, 2**62 + 1, TOP])
def test_uniform_numbers_end_below_their_bound(bound: int) -> None:
    """The largest number that is taken, and the one after it, which is drawn again."""
    bits = (bound - 1).bit_length()
    last = (bound - 1 << 64 - bits).to_bytes(8, "little")
    beyond = b"" if bound == 1 << bits else (bound << 64 - bits).to_bytes(8, "little")
    assert uniforms_below(Played(beyond + last), np.array([bound])).tolist() == [bound - 1]
    assert uniform_below(Played(beyond + last), bound) == bound - 1


def test_rational_coins_at_their_ends() -> None:
    assert not bernoulli(FixedEntropy(), Fraction(0))
    assert bernoulli(FixedEntropy(), Fraction(1))
    assert bernoulli(Played(b"\x00"), Fraction(1, 256))
    assert not bernoulli(Played(b"\x01"), Fraction(1, 256))
    assert not bernoulli(Played(b"\xff"), Fraction(255, 256))


def test_noise_of_the_smallest_exponent_that_64_bits_hold() -> None:
    assert geometrics(FixedEntropy(), Fraction(1, 2**50), 3).dtype == np.int64
    with pytest.raises(UsageError):
        geometrics(FixedEntropy(), Fraction(1, 2**51), 3)


# ------------------------------------------------------------------------------------------ several alike


def test_every_one_of_several_alike_can_win() -> None:
    """The first and the last of those that tie too. Missed by chance less than once in 1e13 (9/10)^300."""
    for make in (permute_and_flip, exponential):
        measurement = make(1000, ADD_REMOVE)
        source = FixedEntropy("alike")
        for tied in ([0] * 10, [5] * 10 + [0], [0] + [5] * 10):
            winners = {index for index, score in enumerate(tied) if score == max(tied)}
            assert {measurement.release(tied, source) for _ in range(300)} == winners
            assert set(measurement.release_many(tied, 300, source).tolist()) == winners


def test_the_best_of_several_alike_are_found_by_index() -> None:
    for units in ([5, 7, 5, 7, 5], [5] * 5, [1, 2, 3, 4, 5], [5, 4, 3, 2, 1]):
        ranked = sorted(range(5), key=lambda index: (-units[index], index))
        for seats in range(1, 6):
            for kind in (np.int64, np.uint64, object):
                assert _top(Scores(np.array(units, dtype=kind), 1), seats).tolist() == ranked[:seats]


@pytest.mark.parametrize(("size", "wanted"), [(0, 0), (3, 0), (3, 3), (5, 2)])
def test_a_subset_has_its_size_and_reaches_both_ends(size: int, wanted: int) -> None:
    """Each member is missed 200 times by chance at (3/5)^200."""
    source = FixedEntropy("subset")
    drawn = [_subset(source, size, wanted) for _ in range(200)]
    assert {len(found) for found in drawn} == {wanted}
    assert set().union(*drawn) == (set(range(size)) if wanted else set())


def test_the_last_seat_is_tied_or_not() -> None:
    profile = Profile(("a", "b", "c", "d"), {(0,): 3, (1,): 2, (2,): 2, (3,): 1})
    expected = {1: (("a",), ()), 2: (("a", "b", "c"), ("b", "c")), 3: (("a", "b", "c"), ()), 4: (tuple("abcd"), ())}
    for seats, (winners, tied) in expected.items():
        tally = not_private_tally(profile, seats)
        assert (tally.winners, tally.tied) == (winners, tied)


@pytest.mark.parametrize(
    ("threshold", "first"), [(4, 4), (Fraction(7, 2), 4), (Fraction(-7, 2), -3), (-4, -4), (4 + TINY, 5)]
)
def test_an_answer_on_the_threshold_is_above(threshold: Fraction, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpselect.threshold.discrete_laplace", lambda *_: 0)
    measurement = above_threshold("1", None, threshold, Declared(ScoreBound.of(1, monotone=True)))
    assert measurement.release([first - 1, first, first + 1], FixedEntropy()) == 1
    assert measurement.release([first - 1], FixedEntropy()) is None


# ------------------------------------------------------------------------------------------ the largest that is allowed


def refused(call: Callable[[], object], kind: type[Exception] = UsageError) -> bool:
    try:
        call()
    except kind:
        return True
    return False


def test_numbers_of_cells_options_and_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numeric, "MAX_CELLS", 3)
    assert len(numeric.histogram(ONE, REPLACE, categories="abc").cells) == 3
    assert len(numeric.histogram(ONE, REPLACE, edges=[Fraction(e) for e in range(4)]).cells) == 3
    assert refused(lambda: numeric.histogram(ONE, REPLACE, categories="abcd"))
    assert refused(lambda: numeric.histogram(ONE, REPLACE, edges=[Fraction(e) for e in range(5)]))
    monkeypatch.undo()
    names = [str(number) for number in range(100_001)]
    assert len(numeric.histogram(ONE, REPLACE, categories=names[1:]).cells) == 100_000
    assert refused(lambda: numeric.histogram(ONE, REPLACE, categories=names))
    monkeypatch.setattr(local_dp, "MAX_OPTIONS", 3)
    epsilon = parse_poll_epsilon("1")
    assert len(Poll.of(tuple("abc"), epsilon).options) == 3
    assert refused(lambda: Poll.of(tuple("abcd"), epsilon))
    assert refused(lambda: Poll.of(("a",), epsilon))


@pytest.mark.parametrize(("upper", "refusal"), [("4", False), ("5", True)])
def test_a_grid_of_a_quantile_has_a_limit(
    upper: str, refusal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_numbers, "_MAX_GRID", 5)  # 0, 1, 2, 3, 4
    (tmp_path / "t.csv").write_text("v\n1\n")
    words = [
        str(tmp_path / "t.csv"),
        "--column",
        "v",
        "--lower",
        "0",
        "--upper",
        upper,
        "--unit",
        "1",
        "--epsilon",
        "1",
    ]

    def call() -> None:
        release_command.command.main(["quantile", *words, "--plan"], standalone_mode=False)

    assert refused(call) is refusal


def test_the_rule_for_polls_changes_exactly_where_it_says() -> None:
    """k-ary while k < 3 e^epsilon + 2: at ln(3) that is below 11 options, at 0.7 below 8.04."""
    for epsilon, last in (("ln(3)", 10), ("ln(10/3)", 11), ("0.7", 8)):
        parsed = parse_poll_epsilon(epsilon)
        for count, mechanism in ((last, PollMechanism.K_ARY), (last + 1, PollMechanism.UNARY)):
            assert Poll.of([f"o{i}" for i in range(count)], parsed).mechanism is mechanism
    assert Poll.of(("yes", "no"), parse_poll_epsilon("1e-9")).mechanism is PollMechanism.RANDOMISED_RESPONSE


def power_of_e(gamma: Fraction) -> Fraction:
    """exp(-gamma), rounded down at its 300th bit."""
    return Fraction(exp_floor(gamma, 300), 2**300)


def test_the_logarithm_is_the_least_multiple_that_is_enough() -> None:
    unit = Fraction(1, 2**64)
    for ratio in (Fraction(3), Fraction(3, 2), Fraction(1001, 1000), Fraction(10**9)):
        bound = ln_upper(ratio)
        assert (bound / unit).denominator == 1
        assert power_of_e(bound) * ratio <= 1
        assert power_of_e(bound - 2 * unit) * ratio > 1


def test_epsilon_ends_above_zero() -> None:
    assert parse_epsilon("1e-30") == Fraction(1, 10**30)
    assert parse_fraction("0", "delta") == 0
    for text in ("0", "0.000", "0/7", "0e5"):
        assert refused(lambda text=text: parse_epsilon(text))
    assert refused(lambda: parse_poll_epsilon("ln(1)"))
    assert parse_poll_epsilon("ln(1.000001)").value > 0


def test_group_sizes_and_contributions_begin_at_one() -> None:
    assert PureDp(ONE).for_group(1) == PureDp(ONE)
    assert refused(lambda: PureDp(ONE).for_group(0))
    assert numeric.count(ONE, REPLACE, contributions=1).scale == 1
    grid = Grid(Fraction(0), ONE, ONE)
    for make in (
        lambda: numeric.count(ONE, REPLACE, contributions=0),
        lambda: numeric.sum_(ONE, REPLACE, grid, contributions=0),
        lambda: numeric.sum_(ONE, REPLACE, grid, contributions=-1),
        lambda: numeric.mean(ONE, REPLACE, grid, rows=1, contributions=0),
        lambda: numeric.mean(ONE, ADD_REMOVE, grid, contributions=0),
        lambda: numeric.histogram(ONE, REPLACE, categories="a", contributions=0),
    ):
        assert refused(make)


def test_truncated_noise_reaches_no_further_than_its_limit() -> None:
    """The bound that is returned is enough and one less is not: at epsilon 1."""

    def delta(bound: int) -> float:
        z = math.exp(-1)
        return z**bound * (1 - z) / (1 + z - 2 * z ** (bound + 1))

    for wanted in ("0.01", "0.001", "0.3"):
        bound = truncation_bound(ONE, Fraction(wanted))
        assert delta(bound) <= float(wanted) < delta(bound - 1)
