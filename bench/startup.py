"""How long it takes until something happens: `import psiselect`, and the command's overviews, beside Python alone.

    python bench/startup.py [--rounds 15]

Each round starts every process once, so that all rows see the same load. Medians, with the quickest in brackets. The
first round, which fills the file cache, does not count. What is loaded is in tests/cli/test_loaded.py.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "python -c 'import psiselect'": ("-c", "import psiselect"),
    "psiselect --version": ("-m", "cli.main", "--version"),
    "psiselect --help": ("-m", "cli.main", "--help"),
    "psiselect psi --help": ("-m", "cli.main", "psi", "--help"),
    "psiselect psi verify --help": ("-m", "cli.main", "psi", "verify", "--help"),
    "psiselect psi connect --help": ("-m", "cli.main", "psi", "connect", "--help"),
    "psiselect vote winner --help": ("-m", "cli.main", "vote", "winner", "--help"),
    "psiselect budget show --help": ("-m", "cli.main", "budget", "show", "--help"),
}


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment)


def seconds(arguments: tuple[str, ...]) -> float:
    before = time.perf_counter()
    start(*arguments)
    return time.perf_counter() - before


def import_seconds() -> float:
    """What `-X importtime` says of `import psiselect`, with all that it imports."""
    lines = start("-X", "importtime", "-c", "import psiselect").stderr
    (micros,) = re.findall(r"\|\s*(\d+) \| psiselect$", lines, flags=re.MULTILINE)
    return int(micros) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    measured: dict[str, list[float]] = {name: [] for name in ("import psiselect (-X importtime)", *COMMANDS)}
    for number in range(rounds + 1):
        found = [import_seconds(), *map(seconds, COMMANDS.values())]
        for times, one in zip(measured.values(), found, strict=True):
            times.extend([one] * (number > 0))
    for name, times in measured.items():
        print(f"{name:34} {1000 * statistics.median(times):8.1f} ms  ({1000 * min(times):.1f})")


if __name__ == "__main__":
    main()
