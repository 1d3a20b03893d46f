"""A benchmark of the project's own code runs: `make bench` is too long for each change, and code moves on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.checkout import environment

BENCH = Path(__file__).parents[1] / "bench"


def test_the_advisors_benchmark_runs() -> None:
    run = [sys.executable, str(BENCH / "advisor.py"), "20"]
    done = subprocess.run(run, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {line.split("  ")[0] for line in done.stdout.splitlines()[2:]} == {
        "worked examples",
        "with gaps",
        "complete",
    }
