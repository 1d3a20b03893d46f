"""Random tables, with duplicates and blanks, in every mode and for every learner, against a plain computation."""

from __future__ import annotations

import functools
import itertools
import random
from fractions import Fraction
from pathlib import Path

import pytest
from support.jobs import agreed, specs

from psi.agreement.modes import Learner, Reveal, Side
from psi.group.curve25519.backend import Backend, load_backend
from psi.session import local
from psi.session.job import Job, Memory
from psi.tables import open_source
from psiselect.base.entropy import SystemEntropy

KEYS = specs("key:text")
NOISE = {"epsilon": Fraction(1), "delta": Fraction(1, 10**6)}
REACH = 14
MODES = [
    (reveal, learn, padded)
    for reveal, learn, padded in itertools.product(Reveal, Learner, (False, True))
    if (reveal, learn) != (Reveal.NOISY_COUNT, Learner.BOTH)
]


@functools.cache
def backend() -> Backend:
    return load_backend("auto")


def table(path: Path, draw: random.Random, most: int) -> tuple[list[str], list[int]]:
    """Rows with keys that are blank now and then, and repeat; and their amounts, in hundredths, blank where 0."""
    pool = draw.randint(1, 2 * most)
    rows = [draw.choice(["", " ", f"Key {draw.randrange(pool)}"]) if draw.random() < 0.2 else
            f"key {draw.randrange(pool)}" for _ in range(draw.randint(0, most))]  # fmt: skip
    amounts = [draw.choice([0, draw.randint(-(10**7), 10**7)]) for _ in rows]
    written = zip(range(len(rows)), rows, [f"{amount / 100:.2f}" if amount else "" for amount in amounts], strict=True)
    path.write_text("n,key,amount\n" + "".join(f"{n},{key},{amount}\n" for n, key, amount in written))
    return rows, amounts


def check_pair(folder: Path, seed: int, most: int) -> None:
    draw = random.Random(seed)
    reveal, learn, padded = MODES[seed % len(MODES)]
    tables = {side: table(folder / f"{side.value}.csv", draw, most) for side in Side}
    rows = {side: tables[side][0] for side in Side}
    keys = {side: {row.strip().lower() for row in rows[side]} - {""} for side in Side}
    common = keys[Side.CONNECT] & keys[Side.LISTEN]
    least = draw.choice([None, None, 1, len(common) or 1, len(common) + 1])
    bound = max(1, *(len(found) for found in keys.values())) + draw.randint(0, most) if padded else None
    special = {Reveal.NOISY_COUNT: NOISE, Reveal.SUM: {"value_decimals": 2, "value_max": "1000000000"}}
    terms = agreed(KEYS, reveal, learn, chunk=500, min_matches=least, pad_to=bound, **special.get(reveal, {}))
    jobs = {side: Job(open_source(folder / f"{side.value}.csv"), KEYS, side, terms, Memory.default(),
                      value="amount") for side in Side}  # fmt: skip
    results = local.run(jobs, backend(), SystemEntropy())
    for side, result in results.items():
        outcome = result.outcome
        assert (result.own_size, result.peer_size) == tuple(bound or len(keys[s]) for s in (side, side.other))
        if side not in learn.receivers:
            assert not outcome.learnt
        elif reveal is Reveal.NOISY_COUNT:
            assert outcome.matches is None
            if outcome.withheld:
                assert least is not None
                assert len(common) - REACH < least
            else:
                assert abs(outcome.noisy_count - len(common)) <= REACH
        elif least is not None and len(common) < least:
            assert outcome.withheld
            assert outcome.matches is None
        else:
            assert outcome.matches == len(common)
            if reveal is Reveal.SUM:
                listed = zip(*tables[side.other], strict=True)
                assert outcome.total == sum(amount for row, amount in listed if row.strip().lower() in common)
            if reveal is Reveal.MATCHES:
                wanted = sum(row.strip().lower() in common for row in rows[side])
                assert jobs[side].count_rows(outcome) == wanted


@pytest.mark.parametrize("seed", range(2 * len(MODES)))
def test_random_pairs_in_every_mode(tmp_path: Path, seed: int) -> None:
    check_pair(tmp_path, seed, 60)


@pytest.mark.soak
def test_a_thousand_random_pairs_in_every_mode(tmp_path: Path) -> None:
    for seed in range(1000):
        check_pair(tmp_path, 1_000_000 + seed, 3000)
