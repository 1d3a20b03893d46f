"""Every way to release something, drawn at a moderate epsilon and compared with its exact law.

The exponents and laws are worked by hand here and not taken from the measurement. Each cell of a comparison has a
false-alarm rate of at most 1e-9 (`support.laws.FALSE_ALARM`); there are about 300 cells.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import math
import pkgutil
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from support.entropy import FixedEntropy
from support.laws import assert_frequencies, two_sided

import dpselect
from dpselect import numeric
from dpselect.approval import elect
from dpselect.ballots import Profile
from dpselect.committee import peeling, subset_exponential
from dpselect.gaussian import DiscreteGaussian
from dpselect.grid import Grid
from dpselect.grouped import Cell, Grouped, Persons, Statistic, gaussian_table, laplace_table
from dpselect.local_dp import Poll, PollMechanism
from dpselect.mechanisms import Mechanism, exponential, permute_and_flip
from dpselect.numeric import DiscreteLaplace, Invalid
from dpselect.privacy import NeighbouringRelation, parse_poll_epsilon
from dpselect.quantile import quantile
from dpselect.scores import Declared, ScoreBound
from dpselect.threshold import above_threshold
from psiselect.base.entropy import Entropy

ADD_REMOVE, REPLACE = NeighbouringRelation.ADD_REMOVE, NeighbouringRelation.REPLACE
DRAWS = 2000
Law = dict[Hashable, float]


def numbers(*texts: object) -> list[Fraction]:
    return [Fraction(str(text)) for text in texts]


def fractions(*values: object) -> tuple[Fraction, ...]:
    return tuple(numbers(*values))


@dataclass(frozen=True)
class Path:
    """One way to release: the class that releases, one draw, and the probability of each outcome."""

    of: type
    draw: Callable[[Entropy], Hashable]
    law: Law


def noisy(measurement: Any, data: object, exact: Fraction | int, exponent: float, unit: object = 1) -> Path:
    """A number with discrete Laplace noise, in steps of `unit` around `exact`."""
    step = Fraction(str(unit))
    law: Law = {exact + x * step: p for x, p in two_sided(exponent, 3).items()}
    return Path(type(measurement), lambda entropy: measurement.release(data, entropy).values[0], law)


def public_mean() -> Path:
    """Rows 0, 1, 3, 3 (and 9, which counts as 3) of five: noise of exponent 1/3 on the sum 10, and the mean stays
    within 0 and 3."""
    measurement = numeric.mean(Fraction(1), REPLACE, Grid(*numbers(0, 3, 1)), rows=5)
    law: Law = {}
    for x, p in two_sided(1 / 3, 100).items():
        mean = min(Fraction(3), max(Fraction(0), Fraction(10 + x, 5)))
        law[mean] = law.get(mean, 0.0) + p
    data = numbers(0, 1, 3, 3, 9)
    return Path(type(measurement), lambda entropy: measurement.release(data, entropy).values[0], law)


def private_mean() -> Path:
    """Rows 0, 2, 2 with bounds 0 and 2: noise of exponent 1 on the sum around 1, and of exponent 1 on the count."""
    measurement = numeric.mean(Fraction(2), ADD_REMOVE, Grid(*numbers(0, 2, 1)))
    law: Law = {}
    one = two_sided(1, 40)
    for (x, p), (y, q) in itertools.product(one.items(), repeat=2):
        mean = min(Fraction(2), max(Fraction(0), 1 + Fraction(1 + x, max(1, 3 + y))))
        law[mean] = law.get(mean, 0.0) + p * q
    common = {mean: p for mean, p in law.items() if p > 0.002}
    data = numbers(0, 2, 2)
    return Path(type(measurement), lambda entropy: measurement.release(data, entropy).values[0], common)


def cells(measurement: Any, data: Iterable[object], exact: tuple[int, ...], exponent: float) -> Path:
    """Counts whose noise is independent: the joint law of all cells."""
    listed = list(data)
    law: Law = {
        tuple(count + x for count, (x, _) in zip(exact, noise, strict=True)): math.prod(p for _, p in noise)
        for noise in itertools.product(two_sided(exponent, 1).items(), repeat=len(exact))
    }
    return Path(type(measurement), lambda entropy: measurement.release(listed, entropy).values, law)


def vector() -> Path:
    noise = DiscreteLaplace(Fraction(3), 2)
    law: Law = {(5 + x, 5 + y): p * q for (x, p), (y, q) in itertools.product(two_sided(1.5, 1).items(), repeat=2)}
    return Path(DiscreteLaplace, lambda entropy: tuple(noise.release([5, 5], entropy)), law)


def heads_law(gaps: dict[str, float]) -> Law:
    """Permute-and-flip by its definition: coins exp(-gap) for all, and a uniform one of the heads."""
    law = dict.fromkeys(gaps, 0.0)
    for coins in itertools.product((False, True), repeat=len(gaps)):
        chance = math.prod(
            math.exp(-gap) if head else 1 - math.exp(-gap) for gap, head in zip(gaps.values(), coins, strict=True)
        )
        up = [name for name, head in zip(gaps, coins, strict=True) if head]
        for name in up:
            law[name] += chance / len(up)
    return dict(law)


def weights_law(gaps: dict[Any, float]) -> Law:
    """The exponential mechanism by its definition."""
    whole = sum(math.exp(-gap) for gap in gaps.values())
    return {name: math.exp(-gap) / whole for name, gap in gaps.items()}


def peeled_law(gaps: dict[str, float]) -> Law:
    """Two rounds of permute-and-flip; the order of the two is not shown."""
    law: Law = {}
    for first, p in heads_law(gaps).items():
        rest = {name: gap for name, gap in gaps.items() if name != first}
        best = min(rest.values())
        for second, q in heads_law({name: gap - best for name, gap in rest.items()}).items():
            both = tuple(sorted((str(first), str(second))))
            law[both] = law.get(both, 0.0) + p * q
    return law


# Approvals 5, 4, 2 in this order; under replace each vote weighs epsilon/2.
VOTES = Profile(("Ada", "Ben", "Cem"), {(0,): 5, (1,): 4, (2,): 2})


def named(measurement: Any, law: Law) -> Path:
    """An election: winners by name."""

    def draw(entropy: Entropy) -> Hashable:
        winners = elect(VOTES, measurement, entropy)
        return winners[0] if len(winners) == 1 else winners

    return Path(type(measurement), draw, law)


def set_law(weight: float) -> Law:
    """Pairs of Ada 5, Ben 4, Cem 2: the loss is that of the best outside over the worst inside."""
    return weights_law({("Ada", "Ben"): 0.0, ("Ada", "Cem"): 2 * weight, ("Ben", "Cem"): 3 * weight})


def threshold(*, monotone: bool) -> Path:
    """Answers 1 and 3 against the threshold 2: summed over the noise of the threshold and of each answer."""
    measurement = above_threshold("4", ADD_REMOVE, 2, Declared(ScoreBound.of(1, monotone=monotone)))
    answers = two_sided(2 if monotone else 1, 60)
    law: dict[Hashable, float] = {0: 0.0, 1: 0.0, None: 0.0}
    for t, p in two_sided(2, 30).items():
        up = [sum(q for x, q in answers.items() if answer + x >= 2 + t) for answer in (1, 3)]
        law[0] += p * up[0]
        law[1] += p * (1 - up[0]) * up[1]
        law[None] += p * (1 - up[0]) * (1 - up[1])
    return Path(type(measurement), lambda entropy: measurement.release([1, 3], entropy), law)


def middle(mechanism: Mechanism, law_of: Callable[[dict[Any, float]], Law]) -> Path:
    """The median of 0, 2, 2, 4, 4 on the grid 0, 2, 4, under add-remove: a rank that is g off weighs exp(-g)."""
    measurement = quantile("1", ADD_REMOVE, "1/2", [0, 2, 4], mechanism)
    scores = {Fraction(0): 2.0, Fraction(2): 0.5, Fraction(4): 1.5}  # half the difference of rows above and below
    data = numbers(0, 2, 2, 4, 4)
    law = law_of({point: off - 0.5 for point, off in scores.items()})
    return Path(type(measurement), lambda entropy: measurement.release(data, entropy), law)


def answered(mechanism: PollMechanism, options: str) -> Path:
    """The second option is the truth, at epsilon 1."""
    poll, z = Poll.of(tuple(options), parse_poll_epsilon("1"), mechanism), math.exp(-1)
    if mechanism is PollMechanism.UNARY:
        lie = z / (1 + z)
        law: Law = {
            "".join(bits): 0.5 * math.prod(lie if b == "1" else 1 - lie for i, b in enumerate(bits) if i != 1)
            for bits in itertools.product("01", repeat=len(options))
        }
    else:
        truth = 1 / (1 + (len(options) - 1) * z)
        law = {option: truth if option == options[1] else z * truth for option in options}
    return Path(Poll, lambda entropy: poll.respond(options[1], entropy), law)


def grid(*texts: object) -> Grid:
    return Grid(*numbers(*texts))


def gaussian_law(variance: float, reach: int) -> dict[int, float]:
    """By its definition."""
    whole = sum(math.exp(-x * x / (2 * variance)) for x in range(-200, 201))
    return {x: math.exp(-x * x / (2 * variance)) / whole for x in range(-reach, reach + 1)}


def gaussian(variance: Fraction, reach: int) -> Path:
    noise = DiscreteGaussian(1 / (2 * variance), 1)
    law: Law = {7 + x: p for x, p in gaussian_law(float(variance), reach).items()}
    return Path(DiscreteGaussian, lambda entropy: noise.release([7], entropy)[0], law)


def table(measurement: Grouped, noise: dict[int, float], named: bool) -> Path:
    """Groups of 4 rows and of 1 row, with this noise on each count."""
    held = {("a",): Cell(4), ("b",): Cell(1)}
    least = measurement.threshold
    law: Law = {}
    for (x, p), (y, q) in itertools.product(noise.items(), repeat=2):
        shown = tuple(v for v in (("a", 4 + x), ("b", 1 + y)) if least is None or v[1] >= least)
        law[shown] = law.get(shown, 0.0) + p * q

    def draw(entropy: Entropy) -> Hashable:
        found = measurement.release(held, entropy, [("a",), ("b",)] if named else None)
        return tuple((group, int(values[0])) for (group,), values in found.items())

    return Path(Grouped, draw, {outcome: p for outcome, p in law.items() if p > 0.002})


COUNTS = [Statistic.COUNT]
ONE = Fraction(1)
PATHS: dict[str, Path] = {
    "noise on several numbers": vector(),
    "count": noisy(numeric.count(ONE, ADD_REMOVE), 100, 100, 1),
    "count, three rows each": noisy(numeric.count(Fraction(2), REPLACE, contributions=3), 100, 100, 2 / 3),
    "sum, replace": noisy(numeric.sum_(Fraction(2), REPLACE, grid(1, 3, 1)), numbers(0, 2, 9), 6, 1),
    "sum, add-remove": noisy(
        numeric.sum_(ONE, ADD_REMOVE, grid(-1, "0.5", "0.5")), numbers(-9, 1), Fraction(-1, 2), 0.5, "0.5"
    ),
    "sum, rows dropped": noisy(
        numeric.sum_(Fraction(3), REPLACE, grid(2, 3, 1), invalid=Invalid.DROP), numbers(2, 3), 5, 1
    ),
    "sum, two rows each": noisy(
        numeric.sum_(Fraction(2), REPLACE, grid(1, 3, 1), contributions=2), numbers(0, 2, 9), 6, 1 / 3
    ),
    "mean, public n": public_mean(),
    "mean, private n": private_mean(),
    "histogram of categories": cells(
        numeric.histogram(Fraction(3), REPLACE, categories="abc"), "abcaa", (3, 1, 1), 1.5
    ),
    "histogram of bins": cells(
        numeric.histogram(Fraction(2), ADD_REMOVE, edges=numbers(0, 1, 2, 3)), numbers(0, 1, 1, 3, 7), (1, 2, 1), 2
    ),
    "histogram, two rows each": cells(
        numeric.histogram(Fraction(4), ADD_REMOVE, categories="ab", contributions=2), "ab", (1, 1), 2
    ),
    "winner, permute-and-flip": named(permute_and_flip("2", REPLACE), heads_law({"Ada": 0, "Ben": 1, "Cem": 3})),
    "winner, exponential": named(exponential("1", ADD_REMOVE), weights_law({"Ada": 0, "Ben": 1, "Cem": 3})),
    "committee, subsets": named(subset_exponential("2", ADD_REMOVE, 2), set_law(1)),
    "committee, subsets, replace": named(subset_exponential("2", REPLACE, 2), set_law(0.5)),
    "committee, peeling": named(peeling("2", REPLACE, 2), peeled_law({"Ada": 0, "Ben": 0.5, "Cem": 1.5})),
    "threshold, monotone": threshold(monotone=True),
    "threshold": threshold(monotone=False),
    "median, exponential": middle(Mechanism.EXPONENTIAL, weights_law),
    "median, permute-and-flip": middle(Mechanism.PERMUTE_AND_FLIP, heads_law),
    "gaussian": gaussian(Fraction(7, 2), 4),
    "gaussian, narrow": gaussian(Fraction(1, 3), 2),
    "gaussian, wide": gaussian(Fraction(40), 9),
    "table of named groups": table(
        laplace_table(Fraction(2), Persons(REPLACE, 1), COUNTS), two_sided(1, 30), named=True
    ),
    "table of found groups": table(
        laplace_table(ONE, Persons(ADD_REMOVE, 1), COUNTS, delta=Fraction(1, 10)), two_sided(1, 30), named=False
    ),
    "table of found groups, gaussian": table(
        gaussian_table(Fraction(1, 4), Persons(ADD_REMOVE, 1), COUNTS, delta=Fraction(1, 10)),
        gaussian_law(2, 30),
        named=False,
    ),
    "two answers": answered(PollMechanism.RANDOMISED_RESPONSE, "ny"),
    "k-ary answers": answered(PollMechanism.K_ARY, "abcd"),
    "unary answers": answered(PollMechanism.UNARY, "abc"),
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_every_release_follows_its_law(path: Path, fixed_entropy: FixedEntropy) -> None:
    assert_frequencies(path.law, [path.draw(fixed_entropy) for _ in range(DRAWS)])


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_every_release_takes_its_bits_from_the_given_entropy(path: Path) -> None:
    """Twice the same bits give the same. With other bits, 100 draws are the same by chance once in 1e12: no outcome
    has a probability above 0.85, so two draws agree with probability 0.75 at most."""
    assert max(path.law.values()) < 0.85
    one, again, other = ([path.draw(source) for _ in range(100)] for source in map(FixedEntropy, ("a", "a", "b")))
    assert one == again
    assert one != other


def test_every_class_that_releases_is_compared() -> None:
    """A new class with a release needs a line in PATHS."""
    modules = [importlib.import_module(m.name) for m in pkgutil.walk_packages(dpselect.__path__, "dpselect.")]
    classes = {cls for module in modules for cls in vars(module).values() if inspect.isclass(cls)}
    releasing = {
        cls
        for cls in classes
        if cls.__module__.startswith("dpselect.")
        and any(hasattr(cls, method) for method in ("release", "respond"))
        and not any(getattr(getattr(cls, name), "__isabstractmethod__", False) for name in dir(cls))
    }
    assert releasing == {path.of for path in PATHS.values()}


def test_the_comparison_sees_missing_one_sided_and_shared_noise(fixed_entropy: FixedEntropy) -> None:
    """The faults that these tests are for, planted in the draws."""
    law, pairs = two_sided(1, 3), cells(numeric.histogram(ONE, ADD_REMOVE, categories="ab"), "ab", (1, 1), 1).law
    draws = [numeric.count(ONE, ADD_REMOVE).release(0, fixed_entropy).values[0] for _ in range(DRAWS)]
    assert_frequencies(law, draws)
    for wrong in ([0] * DRAWS, [abs(x) for x in draws], [2 * x for x in draws]):
        with pytest.raises(AssertionError):
            assert_frequencies(law, wrong)
    with pytest.raises(AssertionError):
        assert_frequencies(pairs, [(1 + x, 1 + x) for x in draws])
