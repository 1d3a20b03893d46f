"""Paths that chance takes once in 2^60 draws, so that no sample shows them: the random bytes are played."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from support.played import Played

from dpselect import ladder as ladder_module
from dpselect import mechanisms
from dpselect.coins import exp_coin
from dpselect.mechanisms import exponential, permute_and_flip
from dpselect.privacy import NeighbouringRelation

ADD_REMOVE = NeighbouringRelation.ADD_REMOVE


# ------------------------------------------------------------------------------------------ one winner


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(("place", "winner"), [("last unit of the best", 0), ("last but one of the second", 1)])
def test_only_the_last_unit_of_a_rounded_weight_needs_more_bits(place: str, winner: int, many: bool) -> None:
    """The best candidate's weight is a whole number of units, the second one's is rounded up to one."""
    bits = 62 - 2  # two candidates
    drawn = 0 if winner == 0 else (1 << bits) + 1  # a candidate's units are counted from above
    size = ((1 << bits) + exp_coin(Fraction(1)).floor(bits)).bit_length()
    unused = (64 if many else size + -size % 8) - size
    played = Played((drawn << unused).to_bytes(8, "little"))
    measurement = exponential("1", ADD_REMOVE)
    found = measurement.release_many([1, 0], 1, played)[0] if many else measurement.release([1, 0], played)
    assert found == winner, place
    assert not played.data


def test_a_head_of_the_last_step_of_many_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last step shows heads with probability e^-64. It takes the second of two heads."""
    monkeypatch.setattr(ladder_module, "SMALL", 0)
    gaps = permute_and_flip("1", ADD_REMOVE)._gaps([100, 0])
    heads = np.zeros(gaps.ladder.last + 1, dtype=np.int64)
    heads[[0, gaps.ladder.last]] = 1
    second = Played(b"\x80" + bytes(16))  # the rest of 36 is 32 + 4: two coins, which show heads
    assert mechanisms._pick_head(gaps, heads, second) == 1
    assert mechanisms._pick_head(gaps, heads, Played(b"\x00")) == 0


@pytest.mark.parametrize(("count", "passes"), [(7, [2, 2, 2, 1]), (2, [2]), (0, [])])
def test_a_batch_is_drawn_in_passes_of_limited_size(
    count: int, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory for a million draws is that of one pass."""
    seen = []

    def pick(gaps: object, rows: int, entropy: object) -> np.ndarray:
        seen.append(rows)
        return np.zeros(rows, dtype=np.int64)

    monkeypatch.setattr(mechanisms, "_LANES", 9)
    monkeypatch.setattr(mechanisms, "_pick_rows", pick)
    assert permute_and_flip("1", ADD_REMOVE).release_many([3, 2, 1, 0], count, Played(b"")).size == count
    assert seen == passes
