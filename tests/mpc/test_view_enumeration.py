"""Secrecy, decided by counting: every choice of the honest parties' randomness, modulo a small M.

A vector's components are shared independently, so one run over a vector as long as there are choices enumerates them
all: component i is shared with the i-th choice. The protocol that runs is the product's own.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from support.mpc_network import NAMES, Network, roster, terms

from mpc.messages import Message
from mpc.securesum import SecureSum
from mpc.sharing import Modulus

M = 3
PARTIES = NAMES[:4]
FREE = 3  # shares that a party draws; its fourth follows from its value


class Choices:
    """Entropy for one party: component i of its j-th share is digit j of the i-th choice of all honest parties."""

    def __init__(self, columns: list[np.ndarray]) -> None:
        self.columns = columns

    def read(self, size: int) -> bytes:
        if size == 32:
            return bytes(32)  # the seed of the terms
        return self.columns.pop(0).astype("<u8").tobytes()


def view(inputs: dict[str, int], coalition: tuple[str, str], coalition_draws: int) -> np.ndarray:
    """Every column is what the coalition sees under one choice: shares it receives, then partial sums."""
    honest = [p for p in PARTIES if p not in coalition]
    count = M ** (FREE * len(honest))
    digits = np.array(list(itertools.product(range(M), repeat=FREE * len(honest)))).T
    assert digits.shape == (FREE * len(honest), count)
    people, agreed = roster(4), terms(length=count, modulus=M)
    made = {}
    for name in PARTIES:
        if name in honest:
            at = FREE * honest.index(name)
            columns = [digits[at + j] for j in range(FREE)]
        else:
            columns = [np.full(count, coalition_draws) for _ in range(FREE)]
        made[name] = SecureSum(people, name, agreed, [inputs[name]] * count, Choices(columns))
    network = Network(made)
    network.connect_all()
    network.run()
    ring = Modulus(M)
    seen = {
        (sender, item.peer, item.frame.type): ring.unpack(item.frame.payload)
        for sender, item in network.log
        if item.frame.type in (Message.SHARE, Message.PARTIAL)
    }
    total = sum(inputs.values()) % M
    assert all(m.totals is not None and set(m.totals.tolist()) == {total} for m in made.values())
    shares = [seen[h, c, Message.SHARE] for h in honest for c in coalition]
    partials = [seen[p, next(q for q in coalition if q != p), Message.PARTIAL] for p in PARTIES]
    return np.array(shares + partials)


def law(columns: np.ndarray) -> tuple[tuple[tuple[int, ...], int], ...]:
    """The distribution: each distinct view with the number of choices that lead to it."""
    found, counts = np.unique(columns, axis=1, return_counts=True)
    return tuple(sorted((tuple(map(int, v)), int(c)) for v, c in zip(found.T, counts, strict=True)))


@pytest.mark.parametrize("coalition", list(itertools.combinations(PARTIES, 2)))
def test_two_of_four_see_the_same_law_for_all_inputs_of_the_others_with_equal_sum(coalition: tuple[str, str]) -> None:
    honest = [p for p in PARTIES if p not in coalition]
    by_sum: dict[int, set[object]] = {}
    for a, b in itertools.product(range(M), repeat=2):
        inputs = {honest[0]: a, honest[1]: b, coalition[0]: 1, coalition[1]: 2}
        by_sum.setdefault((a + b) % M, set()).add(law(view(inputs, coalition, coalition_draws=1)))
    assert {s: len(laws) for s, laws in by_sum.items()} == dict.fromkeys(range(M), 1)
    # And the laws do tell different sums apart, as they must: the test can fail.
    assert len(set.union(*by_sum.values())) == M


def bounded_view(a: int, b: int, bound: int) -> dict[tuple[int, ...], int]:
    """The article's way: three shares drawn from -bound..bound, the fourth is the rest; the two honest parties are
    first and second, the coalition third and fourth. Each keeps one drawn share and sends the others on."""
    counts: dict[tuple[int, ...], int] = {}
    draws = list(itertools.product(range(-bound, bound + 1), repeat=3))
    for own_a, ab, ac in draws:
        ad = a - own_a - ab - ac
        for own_b, ba, bc in draws:
            bd = b - own_b - ba - bc
            seen = (ac, ad, bc, bd, own_a + ba, own_b + ab)  # shares received; partial sums but for known addends
            counts[seen] = counts.get(seen, 0) + 1
    return counts


def test_the_articles_bounded_shares_fail() -> None:
    # Equal sums, other inputs: the laws differ, and some views exclude one of the inputs outright.
    first, second = bounded_view(3, 1, 1), bounded_view(0, 4, 1)
    assert first != second
    assert any(v not in second for v in first)


def test_the_articles_shares_modulo_m_pass_the_same_count() -> None:
    # The same counting with uniform shares modulo M, by hand: what fails above is the bound and nothing else.
    def uniform_view(a: int, b: int) -> dict[tuple[int, ...], int]:
        counts: dict[tuple[int, ...], int] = {}
        draws = list(itertools.product(range(M), repeat=3))
        for own_a, ab, ac in draws:
            for own_b, ba, bc in draws:
                ad, bd = (a - own_a - ab - ac) % M, (b - own_b - ba - bc) % M
                seen = (ac, ad, bc, bd, (own_a + ba) % M, (own_b + ab) % M)
                counts[seen] = counts.get(seen, 0) + 1
        return counts

    assert uniform_view(0, 1) == uniform_view(2, 2)
