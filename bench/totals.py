"""`sum` beside `count`: whole `psi local` commands on the same two lists, taking turns; half of the keys are common.

python bench/totals.py [--bits 16] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUM = ("--reveal", "sum", "--value", "amount")
COUNT = ("--reveal", "count")


def write_lists(folder: Path, size: int) -> int:
    """Two lists with 32-character e-mails, and what the common ones' values add up to, in hundredths."""
    draw, total = random.Random(1), 0
    for name, first in (("a", 0), ("b", size // 2)):
        with (folder / f"{name}.csv").open("w") as file:
            file.write("email,amount\n")
            for number in range(first, first + size):
                cents = draw.randrange(-(10**6), 10**6)
                file.write(f"someone{number:010d}@example-x.org,{cents / 100:.2f}\n")
                total += cents if name == "b" and number < size else 0
    return total


def run(folder: Path, mode: tuple[str, ...]) -> tuple[float, dict[str, object]]:
    command = [sys.executable, "-m", "cli.main", "psi", "local", folder / "a.csv", folder / "b.csv", "--key", "email"]
    start = time.perf_counter()
    done = subprocess.run([*map(str, command), *mode, "--json"], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, json.loads(done.stdout)


def main() -> None:
    """Print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bits", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    size = 1 << options.bits
    with tempfile.TemporaryDirectory() as name:
        total = write_lists(Path(name), size)
        run(Path(name), SUM)  # compiles the kernel where that was not done
        counts, sums, ratios = [], [], []
        for _ in range(options.rounds):
            seconds, found = run(Path(name), COUNT)
            if found["matches"] != size // 2:
                raise SystemExit(f"wrong count: {found['matches']}")
            counts.append(seconds)
            seconds, found = run(Path(name), SUM)
            if (found["matches"], round(float(str(found["sum_exact"])) * 100)) != (size // 2, total):
                raise SystemExit(f"wrong result: {found['matches']}, {found['sum_exact']}")
            sums.append(seconds)
            ratios.append(sums[-1] / counts[-1])
    count, whole = statistics.median(counts), statistics.median(sums)
    print(f"2^{options.bits} items a side, half common, {options.rounds} rounds in turn")
    print(f"count {count:.2f} s   sum {whole:.2f} s   sum/count {statistics.median(ratios):.2f} (median of ratios)")


if __name__ == "__main__":
    main()
