"""`psiselect psi local` on long-tailed, partly non-ASCII strings, against sorted sets of bytes and against `comm -12`.

Lists are text files, one string a line, which is what `comm` reads. The shapes are those of real lists: lengths and
frequencies with long tails, names in several scripts, look-alikes that only normalisation would join (composed and
decomposed accents, case, zero-width marks), inner and outer spaces, quotes and commas.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LETTERS = "an ber ka li mo ra ta shi éa ñu ßo ży łą ğı øy čk жа но ри мя αλ ων 東 京 李 王 さ く 한 글 ال نور אב"
ODDITIES = ("e\u0301", "u\u0308", "\u200d", "👩\u200d🔬", "🦊", "ﬁ", "ſ", "İ", "\u00a0", *"',;\"-._@%")
SYLLABLES = (*LETTERS.split(), *ODDITIES)
MARKS = ("", "", "", " ", "  ", "\t", "\\", "\u2028")


def long_tailed(rng: random.Random) -> str:
    """A string of 1 to some hundred syllables; short ones, and the first syllables, are the most frequent."""
    count = min(300, int(rng.paretovariate(1.1)) + 1)
    picked = [SYLLABLES[min(len(SYLLABLES) - 1, int(rng.expovariate(0.12)))] for _ in range(count)]
    text = rng.choice(MARKS).join(picked)
    tail = str(int(rng.paretovariate(0.4)) % 10**9) if rng.random() < 0.8 else ""
    whole = (text.upper() if rng.random() < 0.1 else text) + tail
    return whole if whole.strip() else "x"  # blanks never match here, and do for comm


def write_lists(folder: Path, size: int) -> tuple[Path, Path]:
    """Two files of `size` lines with repeats, in an order of their own each."""
    rng = random.Random(f"against comm {size}")
    pool = [long_tailed(rng) for _ in range(3 * size)]
    paths = folder / "a.txt", folder / "b.txt"
    for path in paths:
        path.write_bytes(b"".join(rng.choice(pool).encode() + b"\n" for _ in range(size)))
    return paths


def lines(raw: bytes) -> list[bytes]:
    return raw.removesuffix(b"\n").split(b"\n") if raw else []


def comm(folder: Path, *paths: Path) -> list[bytes]:
    environment = {**os.environ, "LC_ALL": "C"}
    ordered = []
    for path in paths:
        ordered.append(folder / f"{path.stem}.sorted")
        subprocess.run(["sort", "-u", "-o", ordered[-1], path], check=True, env=environment)
    return lines(subprocess.run(["comm", "-12", *ordered], check=True, capture_output=True, env=environment).stdout)


@pytest.mark.skipif(not (shutil.which("comm") and shutil.which("sort")), reason="needs coreutils")
@pytest.mark.parametrize("size", [3_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_local_run_gives_what_comm_gives(tmp_path: Path, size: int) -> None:
    first, second = write_lists(tmp_path, size)
    output = tmp_path / "common.csv"
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "cli.main", "psi", "local", first, second),
            *("--key", "value:raw", "--output", output, "--json"),
        ],
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)

    own, peer = (lines(path.read_bytes()) for path in (first, second))
    both = set(own) & set(peer)
    common = sorted(both)
    with output.open(newline="", encoding="utf-8") as file:
        header, *written = csv.reader(file)
    assert header == ["value"]
    matched = [row[0].encode() for row in written]
    assert matched == [line for line in own if line in both]  # own order, repeats too
    assert sorted(set(matched)) == common == comm(tmp_path, first, second)
    assert report["matches"] == len(common)
    assert report["matched_rows"] == len(matched) > len(common) > size // 10
    assert sum(not line.isascii() for line in common) > len(common) // 10
    assert max(map(len, common)) > 300
