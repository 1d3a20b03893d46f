"""--resume between real processes over TLS: kill -9 at random moments, a network that fails, and what users see."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.assassin import MODES, Trial
from support.zygote import Zygote


def kill_at_random(folder: Path, seeds: range) -> int:
    """One trial a seed; returns how many processes were killed."""
    kills = 0
    with Zygote(folder) as zygote:
        for seed in seeds:
            place = folder / str(seed)
            place.mkdir()
            trial = Trial(place, zygote, seed)
            trial.run()
            kills += trial.kills
    return kills


def test_killed_sessions_end_with_the_right_result(tmp_path: Path) -> None:
    """In every other mode; the soak test has all."""
    assert kill_at_random(tmp_path, range(0, len(MODES), 2)) >= 2


@pytest.mark.soak
def test_two_hundred_killed_sessions_end_with_the_right_result(tmp_path: Path) -> None:
    assert kill_at_random(tmp_path, range(1000, 1200)) >= 200
