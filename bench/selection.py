"""Private selection: psiselect against opendp, diffprivlib and NumPy, interleaved in one run on one machine.

Ours and opendp's draws are exact; diffprivlib's and NumPy's are floating point. Medians; `bench` extra needed. opendp
takes Python lists (made before the clock starts), all others int64 arrays. Where one peer would take minutes, it runs
fewer times, and for 10,000 draws 100 of its draws are timed and multiplied: the table says so.

    python bench/selection.py [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dpselect.committee import peeling, subset_exponential
from dpselect.mechanisms import exponential, permute_and_flip
from dpselect.privacy import NeighbouringRelation

EPSILON = 1.0
RELATION = NeighbouringRelation.ADD_REMOVE
DRAWS = 10_000
Call = Callable[[], Any]


@dataclass(frozen=True)
class Contender:
    """One line of a table: `call` is timed at most `runs` times, and counts for `factor` times as much."""

    name: str
    call: Call
    runs: int
    factor: int = 1
    note: str = ""


def median_seconds(contenders: list[Contender]) -> dict[str, float]:
    """Median of each after one warm call, rounds of all contenders in turn so that a busy spell hits all alike."""
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        if contender.runs > 1:
            contender.call()
    for turn in range(max(contender.runs for contender in contenders)):
        for contender in contenders:
            if turn < contender.runs:
                start = time.perf_counter()
                contender.call()
                times[contender.name].append((time.perf_counter() - start) * contender.factor)
    return {name: statistics.median(taken) for name, taken in times.items()}


def opendp_call(scores: np.ndarray, mechanism: str, seats: int = 1) -> Call:
    """opendp's exact noisy maximum: exponential noise is permute-and-flip, Gumbel noise the exponential mechanism.

    The factor is set as ours is (monotone scores), so that both sample the same law.
    """
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.linf_distance(T=int, monotonic=True)
    measure = dp.max_divergence() if mechanism == "permute-and-flip" else dp.zero_concentrated_divergence()
    listed = scores.tolist()
    if seats > 1:
        top = dp.m.make_noisy_top_k(*space, measure, k=seats, scale=seats / EPSILON)
        return lambda: top(listed)
    one = dp.m.make_noisy_max(*space, measure, scale=1 / EPSILON)
    return lambda: one(listed)


def diffprivlib_call(scores: np.ndarray) -> Call:
    """diffprivlib's exponential mechanism, construction not counted."""
    from diffprivlib.mechanisms import Exponential

    mechanism = Exponential(epsilon=EPSILON, sensitivity=1, utility=scores.tolist(), monotonic=True)
    return mechanism.randomise


def numpy_call(scores: np.ndarray, rng: np.random.Generator) -> Call:
    """The exponential mechanism as many write it: argmax of scores plus Gumbel noise, in doubles."""
    return lambda: int(np.argmax(EPSILON * scores + rng.gumbel(size=scores.size)))


def one_draw(scores: np.ndarray, rng: np.random.Generator, runs: int, slow_runs: int) -> list[Contender]:
    ours = permute_and_flip(EPSILON, RELATION)
    theirs = exponential(EPSILON, RELATION)
    return [
        Contender("psiselect permute-and-flip", lambda: ours.release(scores), runs),
        Contender("psiselect exponential", lambda: theirs.release(scores), runs),
        Contender("opendp permute-and-flip", opendp_call(scores, "permute-and-flip"), slow_runs),
        Contender("opendp exponential", opendp_call(scores, "exponential"), slow_runs),
        Contender(
            "diffprivlib exponential (floating point)",
            diffprivlib_call(scores),
            slow_runs,
            note="construction not counted",
        ),
        Contender("NumPy Gumbel-max (floating point)", numpy_call(scores, rng), runs),
    ]


def further_draws(scores: np.ndarray, epsilon: float | str = EPSILON) -> dict[str, float]:
    """Milliseconds of the first draw, and of each further one on the same scores."""
    result = {}
    for make in (permute_and_flip, exponential):
        measurement = make(epsilon, RELATION)
        measurement.release(scores)
        first, eleven = (
            median_seconds([Contender("x", lambda m=measurement, n=n: m.release_many(scores, n), 5)])["x"]
            for n in (1, 11)
        )
        result[f"{measurement.mechanism.value}, first"] = first
        result[f"{measurement.mechanism.value}, each further"] = max(0.0, eleven - first) / 10
    return result


def many_draws(scores: np.ndarray, rng: np.random.Generator) -> list[Contender]:
    ours = permute_and_flip(EPSILON, RELATION)
    theirs = exponential(EPSILON, RELATION)
    each = opendp_call(scores, "permute-and-flip")
    gumbel = numpy_call(scores, rng)
    return [
        Contender("psiselect permute-and-flip", lambda: ours.release_many(scores, DRAWS), 5),
        Contender("psiselect exponential", lambda: theirs.release_many(scores, DRAWS), 5),
        Contender(
            "opendp permute-and-flip", lambda: [each() for _ in range(100)], 3, DRAWS // 100, "100 draws, times 100"
        ),
        Contender("NumPy Gumbel-max (floating point)", lambda: [gumbel() for _ in range(DRAWS)], 3),
    ]


def top_ten(scores: np.ndarray, *, with_opendp: bool) -> list[Contender]:
    subset = subset_exponential(EPSILON, RELATION, 10)
    peeled = peeling(EPSILON, RELATION, 10)
    contenders = [
        Contender("psiselect subset-exponential", lambda: subset.release(scores), 5),
        Contender("psiselect peeling (permute-and-flip)", lambda: peeled.release(scores), 5),
    ]
    if with_opendp:
        top, one = opendp_call(scores, "permute-and-flip", 10), opendp_call(scores, "permute-and-flip")
        contenders += [
            Contender("opendp noisy top-k", top, 3),
            Contender("opendp noisy max, ten times (peeling)", one, 3, 10, "one draw, times 10"),
        ]
    return contenders


def report(title: str, contenders: list[Contender]) -> dict[str, float]:
    """Print one table; ratios are against its first line."""
    found = median_seconds(contenders)
    base = next(iter(found.values()))
    print(f"\n{title}")
    for contender in contenders:
        seconds = found[contender.name]
        note = f"   ({contender.note})" if contender.note else ""
        print(f"  {contender.name:<44}{seconds * 1e3:>12.3f} ms{seconds / base:>10.1f} x{note}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out opendp's top 10 of a million (half a minute)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the seconds there too")
    options = parser.parse_args()
    rng = np.random.default_rng(2026)
    results: dict[str, dict[str, float]] = {}
    for candidates, levels, runs, slow in ((10, 100, 2000, 300), (1000, 1000, 1000, 50), (1_000_000, 10_000, 15, 3)):
        title = f"one draw, m = {candidates:,}, scores below {levels:,}, epsilon {EPSILON:g}"
        results[title] = report(title, one_draw(rng.integers(0, levels, candidates), rng, runs, slow))
    title = f"{DRAWS:,} draws, m = 1,000"
    results[title] = report(title, many_draws(rng.integers(0, 1000, 1000), rng))
    title = "top 10 of 1,000,000, scores below 10,000"
    results[title] = report(title, top_ten(rng.integers(0, 10_000, 1_000_000), with_opendp=not options.quick))
    hard = {
        "m = 1,000,000, scores below 10,000, epsilon 1": (rng.integers(0, 10_000, 1_000_000), 1),
        "m = 1,000,000, scores below 30 (all near the top), epsilon 1": (rng.integers(0, 30, 1_000_000), 1),
        "m = 1,000,000, all different, epsilon 1/10,000 (640,000 levels within 64/exponent)": (
            rng.permutation(1_000_000),
            "1/10000",
        ),
        "m = 1,000,000, all different, epsilon 1/1,000,000 (all near the top)": (
            rng.permutation(1_000_000),
            "1/1000000",
        ),
    }
    for title, (scores, epsilon) in hard.items():
        found = results[title] = further_draws(scores, epsilon)
        print(f"\npsiselect, {title}")
        for name, seconds in found.items():
            print(f"  {name:<44}{seconds * 1e3:>12.3f} ms")
    different = rng.permutation(1_000_000)
    for epsilon in ("1", "1/10000"):
        title = f"top 10 of 1,000,000, all different, epsilon {epsilon}"
        subset, peeled = subset_exponential(epsilon, RELATION, 10), peeling(epsilon, RELATION, 10)
        results[title] = report(
            title,
            [
                Contender("psiselect subset-exponential", lambda m=subset: m.release(different), 5),
                Contender("psiselect peeling (permute-and-flip)", lambda m=peeled: m.release(different), 5),
            ],
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
