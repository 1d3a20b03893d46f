"""How each field of the vector code holds numbers, said once more for tests; and rows that are hard on fields."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from psi.group.curve25519.suite import FIELD_PRIME as P

LIMBS = 5
TESTED = ["doubles", "ifma-generic"]  # fields that any processor can run


def structured() -> list[int]:
    """Numbers of 256 bits with much carrying in them: limbs of all ones and of zeros in each radix that a field has,
    2^k - 1 to 2^k + 1, and the neighbours of 0, p, 2^255, 2p and 2^256."""
    found = {(1 << k) + d for k in range(257) for d in (-1, 0, 1)}
    for radix in (51, 52):
        ones = (1 << radix) - 1
        for chosen in range(1 << LIMBS):
            number = sum(ones << (radix * k) for k in range(LIMBS) if chosen >> k & 1)
            found |= {number + d for d in (-1, 0, 1)}
            found |= {number | 1 << 255, number & ((1 << 255) - 1)}
    found |= {edge + d for edge in (0, P, 1 << 255, 2 * P, 1 << 256) for d in range(-40, 41)}
    return sorted(number for number in found if 0 <= number < 1 << 256)


@dataclass(frozen=True)
class Holding:
    """A field's limbs: weights 2^(radix k), `least` to `most`, and `top` for limb 4.

    dirty: bits of limbs 0 to 3 that the field must not look at.
    """

    radix: int
    least: int
    most: int
    top: int
    dtype: type[np.float64 | np.uint64]
    dirty: int = 0

    def patterns(self, rng: random.Random, count: int) -> list[list[int]]:
        """`count` (at most 8) elements of carried limbs: at the bounds, alternating, random, or zero."""
        bounds = [self.most] * (LIMBS - 1) + [self.top]
        lows = [self.least] * (LIMBS - 1) + [-self.top if self.least else 0]
        mixed = [[bounds[k] if k % 2 == odd else lows[k] for k in range(LIMBS)] for odd in (0, 1)]
        drawn = [
            [rng.choice((low, high, rng.randint(low, high))) for low, high in zip(lows, bounds, strict=True)]
            for _ in range(8)
        ]
        return rng.sample([bounds, lows, *mixed, [0] * LIMBS, *drawn], count)

    def zeros(self) -> list[list[int]]:
        """p, and -p where limbs have signs."""
        low = (1 << self.radix) - 1
        top = P >> (self.radix * (LIMBS - 1))
        p = [low - 18, low, low, low, top]
        return [p, [-limb for limb in p]] if self.least else [p]

    def of(self, value: int) -> list[int]:
        """Carried limbs of a number below 2^255."""
        mask, limbs = (1 << self.radix) - 1, []
        for _ in range(LIMBS - 1):
            limb = value & mask
            limb -= (1 << self.radix) if limb > self.most else 0
            limbs.append(limb)
            value = (value - limb) >> self.radix
        if value > self.top:  # signed: the last limb goes round
            limbs[0] += 19
            value -= 1 << self.radix
        return [*limbs, value]

    def fill(self, array: np.ndarray, elements: list[list[int]], rng: random.Random) -> None:
        """Lay one element a lane into five vectors."""
        for lane, limbs in enumerate(elements):
            for k, limb in enumerate(limbs):
                noise = rng.getrandbits(64) & self.dirty if k < LIMBS - 1 else 0
                array.view(self.dtype)[k, lane] = limb | noise if noise else limb

    def value(self, array: np.ndarray, lane: int, *, carried: bool = False) -> int:
        """The number in one lane, modulo p. `carried`: check that its limbs are."""
        held = array.view(self.dtype)[:, lane]
        assert np.array_equal(held, np.trunc(held))
        limbs = [int(limb) for limb in held]
        clean = [limb & ~self.dirty for limb in limbs[:-1]] if self.dirty else limbs[:-1]
        if carried:
            assert all(self.least <= limb <= self.most for limb in clean), limbs
            assert abs(limbs[-1]) <= self.top, limbs
        return sum(limb << (self.radix * k) for k, limb in enumerate([*clean, limbs[-1]])) % P

    def values(self, array: np.ndarray, *, carried: bool = False) -> list[int]:
        """One number a lane."""
        return [self.value(array, lane, carried=carried) for lane in range(array.shape[1])]


_CARRIED = 2**50 + 2**14
_HOLDINGS = {
    "doubles": Holding(51, -_CARRIED, _CARRIED, _CARRIED, np.float64),
    "ifma": Holding(52, 0, 2**52 - 1, 2**47 + 2**10, np.uint64, dirty=2**64 - 2**52),
}


def holding(field: str) -> Holding:
    return _HOLDINGS[field.removesuffix("-generic")]
