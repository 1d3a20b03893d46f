"""How long it takes until something happens: `import psiselect`, and the command's overviews, beside Python alone.

    python bench/startup.py [--rounds 15]

Each round starts every process once, so that all rows see the same load. Medians by the clock, with the quickest in
brackets, and of the processor. The first round, which fills the file cache, does not count. What is loaded is in
tests/cli/test_loaded.py.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
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


def session(folder: Path) -> tuple[str, ...]:
    """A session of two rows a side, from files to a file."""
    tables = [folder / "a.csv", folder / "b.csv"]
    for table, names in zip(tables, ("ann bob", "bob cyd"), strict=True):
        table.write_text("email\n" + "".join(f"{name}@x.example\n" for name in names.split()))
    output = ("--output", str(folder / "out.csv"))
    return ("-m", "cli.main", "psi", "local", *map(str, tables), "--key", "email:email", *output)


def seconds(arguments: tuple[str, ...]) -> tuple[float, float]:
    """By the clock, and of the processor."""
    before, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    start(*arguments)
    after, now = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    return after - before, now.ru_utime - used.ru_utime + now.ru_stime - used.ru_stime


def import_seconds() -> float:
    """What `-X importtime` says of `import psiselect`, with all that it imports."""
    lines = start("-X", "importtime", "-c", "import psiselect").stderr
    (micros,) = re.findall(r"\|\s*(\d+) \| psiselect$", lines, flags=re.MULTILINE)
    return int(micros) / 1e6


def show(name: str, times: Sequence[float], more: str = "") -> None:
    print(f"{name:34} {1000 * statistics.median(times):8.1f} ms  ({1000 * min(times):.1f}) {more}".rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    imported: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        commands = COMMANDS | {"psiselect psi local, 2 rows a side": session(Path(folder))}
        measured: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for number in range(rounds + 1):
            found = import_seconds(), [seconds(command) for command in commands.values()]
            if number:
                imported.append(found[0])
                for times, one in zip(measured.values(), found[1], strict=True):
                    times.append(one)
    show("import psiselect (-X importtime)", imported)
    for name, times in measured.items():
        clock, processor = zip(*times, strict=True)
        show(name, clock, f"{1000 * statistics.median(processor):8.1f} ms of the processor")


if __name__ == "__main__":
    main()
