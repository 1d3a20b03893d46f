"""Whether all orders of a few things are equally likely, by exact binomial bounds."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence

from support.laws import FALSE_ALARM

DRAWS = 700  # fewer would leave a cell of 24 empty too often


@functools.cache
def _bounds(draws: int, cells: int, alarm: float) -> tuple[int, int]:
    """The least and the most that one of so many equally likely cells may hold: below and above lies less than
    `alarm`/2 each of the binomial law, computed exactly."""
    whole, tail = cells**draws, round(alarm * 2**80)
    weights = [math.comb(draws, k) * (cells - 1) ** (draws - k) for k in range(draws + 1)]

    def skipped(ordered: Iterable[int]) -> int:
        sums = itertools.accumulate(ordered)
        return sum(1 for _ in itertools.takewhile(lambda total: (total << 81) < whole * tail, sums))

    return skipped(weights), draws - skipped(reversed(weights))


def assert_equally_likely(seen: Iterable[Hashable], cells: Iterable[Hashable], alarm: float = FALSE_ALARM) -> None:
    """Each cell, and no other, as often as any other. Fails by chance with probability below `alarm` in all."""
    counts, known = Counter(seen), list(cells)
    least, most = _bounds(counts.total(), len(known), alarm / len(known))
    assert least > 0
    assert set(counts) <= set(known)
    assert {cell: counts[cell] for cell in known if not least <= counts[cell] <= most} == {}


def assert_uniform_orders(draw: Callable[[], Sequence[Hashable]], things: Sequence[Hashable]) -> None:
    """All orders of the things are equally likely, and so are all places of each one: the second has fewer cells and
    sees smaller faults. Fails by chance with probability below 5e-9."""
    orders = [tuple(draw()) for _ in range(DRAWS)]
    assert_equally_likely(orders, itertools.permutations(things))
    for place in range(len(things)):
        assert_equally_likely([order[place] for order in orders], things)
