"""Paths that chance takes once in 2^60 draws, so that no sample shows them: the random bytes are played."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from support.played import Played

from dpselect import ladder as ladder_module
from dpselect import mechanisms
from dpselect.coins import exp_coin, logistic_coin
from dpselect.mechanisms import exponential, permute_and_flip
from dpselect.privacy import NeighbouringRelation
from dpselect.sampling import geometric, geometrics

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


def test_the_best_candidate_shows_heads_at_every_digit() -> None:
    """The last of 65536 digits too, which equals the first one of a coin that is sure; nothing more is flipped."""
    played = Played(b"\xff" * 4)
    assert permute_and_flip("1", ADD_REMOVE).release([1, 0], played) == 0
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


# ------------------------------------------------------------------------------------------ noise


@pytest.mark.parametrize(
    ("exponent", "digits"),
    [(64, []), (32, [True]), (32, [False]), (16, [True, False]), (16, [False, True]), (15, [True, True, True])],
)
@pytest.mark.parametrize("beyond", [0, 1, 3])
def test_noise_beyond_its_binary_digits(exponent: int, digits: list[bool], beyond: int) -> None:
    """The rest after the binary digits is above 0 with probability e^-64. Zeros show heads at the first digit of the
    coin that is not 0, ones show tails at once."""
    value = sum(1 << place for place, one in enumerate(digits) if one) + (beyond << len(digits))
    for width in (16, 64):
        played = b""
        for place, head in enumerate([*digits, *[True] * beyond, False]):
            gamma = Fraction(exponent * 2 ** min(place, len(digits)))
            coin = logistic_coin(gamma) if place < len(digits) else exp_coin(gamma)
            needed = next(index for index in range(20) if coin.digit(index, width)) + 1
            played += bytes(needed * width // 8) if head else b"\xff" * (width // 8)
        source = Played(played)
        found = geometric(source, Fraction(exponent)) if width == 64 else geometrics(source, Fraction(exponent), 1)[0]
        assert found == value
        assert not source.data


def test_only_the_lanes_that_go_beyond_grow() -> None:
    """Three draws at once, of which the middle one goes beyond once and the last one twice."""
    zeros, ones = bytes(2), b"\xff" * 2
    later = 5  # digits of 16 bits after the first one, until e^-64 has one that is not 0
    source = Played(ones + zeros * 2 + zeros * 2 * later + ones + zeros + zeros * later + ones)
    assert geometrics(source, Fraction(64), 3).tolist() == [0, 1, 2]
    assert not source.data
