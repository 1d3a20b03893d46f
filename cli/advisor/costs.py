"""Seconds and bytes of the exact protocols, from the toolkit's own cost model, calibrated once per question."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """Seconds of one scalar multiplication on one core of this machine, measured when asked, and the cores."""

    seconds_per_multiplication: float
    cores: int


@dataclass(frozen=True)
class SetCost:
    """What one exact set protocol costs: multiplications of both parties, bytes on the wire, seconds on this machine."""

    multiplications: int
    bytes: int
    seconds: float


def tag_width(n_a: int, n_b: int) -> int:
    return math.ceil((40 + math.log2(n_a * n_b)) / 8)


def psi(n_a: int, n_b: int, machine: Calibration, *, both: bool = False) -> SetCost:
    mults = 3 * n_a + n_b
    size = 64 * n_a + tag_width(n_a, n_b) * n_b
    if both:
        mults += 3 * n_b + n_a
        size += 64 * n_b + tag_width(n_a, n_b) * n_a
    return SetCost(mults, size, mults * machine.seconds_per_multiplication / machine.cores)
