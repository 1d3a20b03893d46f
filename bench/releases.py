"""Grouped counts, unknown groups and Gaussian noise: psiselect beside opendp, taking turns in one process.

The same guarantee on both sides: a person has one row, add-remove. Both draw exactly. The error is the mean of
|released - true| over all groups and runs; the table also says how large its sampling error is. Unknown groups: the
same delta, and the least number that may be shown under it. `bench` extra needed.

    python bench/releases.py [--groups 1000] [--rows 1000000] [--rounds 15] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dpselect.accounting import epsilon_of_rho
from dpselect.grouped import Cell, Group, Grouped, Persons, Statistic, gaussian_table, laplace_table
from dpselect.privacy import NeighbouringRelation
from psiselect.base.entropy import SystemEntropy

EPSILON, RHO, DELTA = Fraction(1), Fraction(1, 2), Fraction(1, 10**6)
PERSONS = Persons(NeighbouringRelation.ADD_REMOVE, 1)
Counts = dict[str, int]
Release = Callable[[Counts], dict[str, float]]


@dataclass
class Contender:
    """One line of the table."""

    name: str
    release: Release
    threshold: float | None = None
    seconds: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)

    def turn(self, counts: Counts) -> None:
        """One release, timed."""
        start = time.perf_counter()
        found = self.release(counts)
        self.seconds.append(time.perf_counter() - start)
        self.errors += [abs(value - counts[group]) for group, value in found.items()]
        self.shown.append(len(found))

    @property
    def error(self) -> tuple[float, float]:
        """The mean error and its standard error."""
        return statistics.mean(self.errors), statistics.stdev(self.errors) / math.sqrt(len(self.errors))


def ours(made: Grouped, counts: Counts) -> dict[str, float]:
    cells: dict[Group, Cell] = {(group,): Cell(rows) for group, rows in counts.items()}
    named = None if made.threshold is not None else list(cells)
    return {group: float(values[0]) for (group,), values in made.release(cells, SystemEntropy(), named).items()}


def opendp_vector(*, gaussian: bool) -> Release:
    """Noise on a vector of counts."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    if gaussian:
        space = dp.vector_domain(dp.atom_domain(T=int)), dp.l2_distance(T=float)
        noisy = dp.m.make_gaussian(*space, scale=math.sqrt(1 / (2 * float(RHO))))
    else:
        space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
        noisy = dp.m.make_laplace(*space, scale=float(1 / EPSILON))
    return lambda counts: dict(zip(counts, noisy(list(counts.values())), strict=True))


def opendp_threshold() -> tuple[Release, float]:
    """Noise on the counts of unknown groups, and the least threshold of the delta."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.map_domain(dp.atom_domain(T=str), dp.atom_domain(T=int)), dp.l01inf_distance(dp.absolute_distance(T=int))

    def make(threshold: int) -> Any:
        return dp.m.make_laplace_threshold(*space, scale=float(1 / EPSILON), threshold=threshold)

    def keeps(threshold: int) -> bool:
        return bool(make(threshold).map((1, 1, 1))[1] <= float(DELTA))

    least = next(threshold for threshold in range(1, 1000) if keeps(threshold))
    return make(least), least


def table(title: str, contenders: list[Contender], counts: Counts, rounds: int) -> dict[str, object]:
    for _ in range(rounds):
        for contender in contenders:
            contender.turn(counts)
    first = statistics.median(contenders[0].seconds)
    print(f"\n{title}, {len(counts):,} groups, {rounds} rounds in turn")
    print(f"{'':12}{'seconds':>10}{'times ours':>12}{'mean error':>12}{'+-':>8}{'shown':>8}{'threshold':>11}")
    record: dict[str, object] = {}
    for contender in contenders:
        seconds, (error, sampling) = statistics.median(contender.seconds), contender.error
        least = "" if contender.threshold is None else f"{contender.threshold:g}"
        shown = statistics.mean(contender.shown)
        print(f"{contender.name:12}{seconds:10.4f}{seconds / first:12.2f}{error:12.4f}{sampling:8.4f}", end="")
        print(f"{shown:8.0f}{least:>11}")
        record[contender.name] = {
            "seconds": seconds,
            "error": error,
            "standard_error": sampling,
            "shown": shown,
            "threshold": contender.threshold,
        }
    return record


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    drawn = np.random.default_rng(1).zipf(1.3, given.rows)
    sizes = np.bincount(drawn[drawn <= given.groups], minlength=given.groups + 1)[1:]
    counts = {f"group {number}": int(rows) for number, rows in enumerate(sizes) if rows}
    count = [Statistic.COUNT]
    named, gaussian = laplace_table(EPSILON, PERSONS, count), gaussian_table(RHO, PERSONS, count)
    found = laplace_table(EPSILON, PERSONS, count, delta=DELTA)
    unknown, least = opendp_threshold()
    results = {
        "named groups": table(
            f"named groups, discrete Laplace noise, epsilon {EPSILON}",
            [
                Contender("psiselect", lambda c: ours(named, c)),
                Contender("opendp", opendp_vector(gaussian=False)),
            ],
            counts,
            given.rounds,
        ),
        "gaussian": table(
            f"named groups, discrete Gaussian noise, rho {RHO} "
            f"(epsilon {float(epsilon_of_rho(RHO, DELTA)):.3g} at delta 1e-6)",
            [
                Contender("psiselect", lambda c: ours(gaussian, c)),
                Contender("opendp", opendp_vector(gaussian=True)),
            ],
            counts,
            given.rounds,
        ),
        "unknown groups": table(
            f"unknown groups, discrete Laplace noise, epsilon {EPSILON}, delta 1e-6",
            [
                Contender("psiselect", lambda c: ours(found, c), found.threshold),
                Contender("opendp", unknown, least),
            ],
            counts,
            given.rounds,
        ),
    }
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
