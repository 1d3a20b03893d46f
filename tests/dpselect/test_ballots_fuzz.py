"""Damaged ballot files: a typed error with its line, or a valid profile, and nothing else."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from support.ballot_tokens import TOKENS
from support.tables import ballots_of

from dpselect.ballots import FORMATS, Counted, OnInvalid, Rules, parse_candidates
from psiselect.base.errors import InputError

FIXTURES = Path(__file__).parent.parent / "fixtures" / "ballots"
SEEDS = {path.name: path.read_bytes() for path in sorted(FIXTURES.iterdir()) if path.name != "candidates.txt"}
NAMES = parse_candidates((FIXTURES / "candidates.txt").read_bytes())


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One to five changes: of bytes, slices, lines and tokens; or a graft from another format."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 1, 2, 8, 40)))
        lines = data.split(b"\n")
        match rng.randrange(9):
            case 0:
                data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:end] + data[at:end] * rng.choice((1, 1, 3, 50)) + data[end:]
            case 3 | 4:
                data = data[:at] + rng.choice(TOKENS) + data[at:]
            case 5:
                data = data[:at]
            case 6:
                i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
                lines[i], lines[j] = lines[j], lines[i]
                data = b"\n".join(lines)
            case 7:
                i = rng.randrange(len(lines))
                lines[i : i + 1] = rng.choice(
                    ([], [lines[i]] * 2, [rng.choice(TOKENS)], [lines[i] + rng.choice(TOKENS)])
                )
                data = b"\n".join(lines)
            case 8:
                other = rng.choice(list(SEEDS.values()))
                data = data[:at] + other[rng.randrange(len(other)) :][: rng.choice((5, 60, 500))] + data[end:]
    return data


def check(profile: Counted) -> None:
    """What every reader promises of an election."""
    names = profile.candidates
    assert 1 <= len(set(names)) == len(names)
    assert all(name and name == name.strip() and "\x1b" not in name and "\n" not in name for name in names)
    tally = profile.tally()
    assert tally.shape == (len(names),)
    assert 0 <= tally.min() <= tally.max() <= profile.voters


def attempt(data: bytes, on_invalid: OnInvalid, form: str | None) -> Counted | InputError:
    try:
        profile = ballots_of(data, Rules(NAMES if form is None else None, on_invalid), form=form).profile
    except InputError as error:
        check_error(error, data)
        return error
    check(profile)
    return profile


def check_error(error: InputError, data: bytes) -> None:
    """It names a line that the file has (or the one after its end), and would not disturb a terminal."""
    assert isinstance(error.line, int)
    assert 1 <= error.line <= len(data.decode("utf-8", "replace").splitlines()) + 1
    assert str(error).startswith("ballots")
    assert re.search(rf"(line|ballot) {error.line}: ", str(error))
    assert str(error).isprintable()


def run(count: int, seed: int) -> dict[str, int]:
    rng = random.Random(seed)
    outcomes = {"profile": 0, "error": 0, "dropped": 0}
    for number in range(count):
        data = mutate(SEEDS[rng.choice(list(SEEDS))], rng)
        form = rng.choice([None, None, None, *FORMATS])
        strict, lenient = attempt(data, OnInvalid.ERROR, form), attempt(data, OnInvalid.DROP, form)
        if isinstance(strict, Counted):
            # Nothing to drop: both rules read the same election.
            assert isinstance(lenient, Counted), number
            assert lenient == strict, number
        outcomes["profile" if isinstance(strict, Counted) else "error"] += 1
        outcomes["dropped"] += isinstance(strict, InputError) and isinstance(lenient, Counted)
    return outcomes


def test_mutated_files() -> None:
    outcomes = run(700, seed=1)
    # The mutations reach both ends, or they test nothing.
    assert min(outcomes.values()) > 30, outcomes


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 20))
def test_a_hundred_thousand_mutated_files(seed: int) -> None:
    outcomes = run(10_000, seed)
    assert min(outcomes.values()) > 500, outcomes
