"""A million ballots of each format: the right tally, within 300 MB."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.checkout import environment

from psiselect.elections.ballots import load
from psiselect.tables import Table

NAMES = [f"Candidate {number:02}" for number in range(20)]
_READ = """
import json, resource, sys
from pathlib import Path
from psiselect.tables import Table
from psiselect.elections.ballots import load
names = Path("names.txt") if sys.argv[2] == "names" else None
found = load(Table(Path(sys.argv[1])), candidates=names).profile
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([found.voters, found.tally().tolist(), peak]))
"""
Row = Callable[[int, list[int]], str]
_LISTED = "".join(f"# ALTERNATIVE NAME {number}: {name}\n" for number, name in enumerate(NAMES, 1))


def groups(_: int, ballot: list[int]) -> str:
    others = [str(k + 1) for k in range(20) if k not in ballot]
    return f"1: {{{','.join(str(k + 1) for k in ballot)}}},{{{','.join(others)}}}"


# By file: what is above the ballots, a ballot, what is below.
FORMATS: dict[str, tuple[str, Row, str]] = {
    "list.csv": ("voter_id,approved\n", lambda n, b: f'v{n},"{", ".join(NAMES[k] for k in b)}"', ""),
    "columns.csv": (
        ",".join(f"approved_{k}" for k in range(8)) + "\n",
        lambda _, b: ",".join([*(NAMES[k] for k in b), *[""] * (8 - len(b))]),
        "",
    ),
    "matrix.csv": (",".join(NAMES) + "\n", lambda _, b: ",".join("1" if k in b else "0" for k in range(20)), ""),
    "e.cat": (f"# DATA TYPE: cat\n# NUMBER ALTERNATIVES: 20\n# NUMBER CATEGORIES: 2\n{_LISTED}", groups, ""),
    "e.toc": (f"# DATA TYPE: toc\n# NUMBER ALTERNATIVES: 20\n{_LISTED}", groups, ""),
    "e.pb": (
        "META\nkey;value\nvote_type;approval\nPROJECTS\nproject_id\n" + "\n".join(NAMES) + "\nVOTES\nvoter_id;vote\n",
        lambda n, b: f"{n};{','.join(NAMES[k] for k in b)}",
        "",
    ),
    "e.blt": (
        "20 1\n",
        lambda _, b: " ".join(["1", *(str(k + 1) for k in b), "0"]),
        "0\n" + "".join(f'"{name}"\n' for name in NAMES) + '"Town"\n',
    ),
    "e.abc.yaml": ("num_cand: 20\nprofile:\n", lambda _, b: f"- [{', '.join(map(str, b))}]", ""),
}


def in_a_process(folder: Path, name: str, names: str) -> tuple[int, list[int], int]:
    """Voters, the tally, and the peak of memory in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, name, names],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    voters, tally, peak = json.loads(done.stdout)
    return voters, tally, peak


def here(folder: Path, name: str, names: str) -> tuple[int, list[int], int]:
    """Voters and the tally."""
    candidates = folder / "names.txt" if names == "names" else None
    found = load(Table(folder / name), candidates=candidates).profile
    return found.voters, found.tally().tolist(), 0


def check(folder: Path, name: str, count: int, read: Callable[[Path, str, str], tuple[int, list[int], int]]) -> int:
    """Write so many ballots, read them, compare the tally; the peak of memory in KiB."""
    head, row, tail = FORMATS[name]
    rng = np.random.default_rng(1)
    few = [sorted(rng.choice(20, size, replace=False).tolist()) for size in rng.integers(0, 9, 5000)]
    with (folder / name).open("w") as file:
        file.write(head)
        file.writelines(row(number, few[number % 5000]) + "\n" for number in range(count))
        file.write(tail)
    (folder / "names.txt").write_text("\n".join(NAMES) + "\n")
    names = "names" if name in ("list.csv", "columns.csv") else "none"
    voters, tally, peak = read(folder, name, names)
    each = np.bincount(np.arange(count) % 5000, minlength=5000)
    expected = [sum(int(each[number]) for number, ballot in enumerate(few) if k in ballot) for k in range(20)]
    assert (voters, tally) == (count, expected)
    return peak


@pytest.mark.parametrize("name", FORMATS)
def test_twenty_thousand_ballots(name: str, tmp_path: Path) -> None:
    check(tmp_path, name, 20_000, here)


@pytest.mark.soak
@pytest.mark.parametrize("name", FORMATS)
def test_a_million_ballots_in_300_mb(name: str, tmp_path: Path) -> None:
    assert check(tmp_path, name, 1_000_000, in_a_process) < 300_000


@pytest.mark.soak
def test_ten_million_ballots_of_a_matrix(tmp_path: Path) -> None:
    assert check(tmp_path, "matrix.csv", 10_000_000, in_a_process) < 300_000
