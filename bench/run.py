"""`make bench`: every benchmark, one after the other, each beside its peers in one run.

    python bench/run.py [NAME ...]        all, or only those named: group, matching, totals, selection, sums, advisor,
                                          timing, withheld, startup, front, page

Output goes to the terminal and, a file a benchmark, to bench/results/. Absolute times depend on the machine and on what
else it does; ratios within one run are what to quote.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"

# Name to arguments; the script is NAME.py.
BENCHMARKS: dict[str, list[str]] = {
    "group": [],
    "matching": ["--sizes", "16,18,20", "--plot", str(RESULTS / "matching.svg")],
    "totals": [],
    "selection": [],
    "sums": [],
    "advisor": [],
    "timing": [],
    "withheld": [],
    "startup": [],
    "front": [],
    "page": [],
}


def machine() -> str:
    """What this ran on, without its name."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
        model += f", {sum(line.startswith('processor') for line in lines)} cores"
        flags = next((line for line in lines if line.startswith("flags")), "").split()
        model += "".join(f", {flag.upper()}" for flag in ("avx2", "avx512f", "avx512ifma") if flag in flags)
    return f"{model}; Python {platform.python_version()}; {platform.system()}; {time.strftime('%Y-%m-%d')}"


def main() -> int:
    """Run what was asked for; the exit code is that of the first that failed."""
    names = sys.argv[1:] or list(BENCHMARKS)
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        lines = [f"# {machine()}\n"]
        command = [sys.executable, str(HERE / f"{name}.py"), *BENCHMARKS[name]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                lines.append(line)
                sys.stdout.write(line)
                sys.stdout.flush()
        if process.returncode:
            return process.returncode
        (RESULTS / f"{name}.txt").write_text("".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
