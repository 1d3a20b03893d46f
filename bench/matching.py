"""Whole runs: `psiselect psi local` (CSV in, CSV out) beside `openmined-psi` (lists in memory, no files) and, where an
interpreter that has it is named, `spu` (CSV in, CSV out; ECDH on FourQ, and RR22, which is no ECDH), in one go.

    python bench/matching.py [--sizes 16,18,20] [--rounds 3] [--backend auto|portable|lanes] [--plot FILE.svg]
                             [--spu PYTHON] [--json FILE]

Both parties are on this machine, lists of 2^k distinct 32-character e-mail addresses, half of them common. Every figure
is the median over rounds that alternate between the tools; each run is a process of its own, whose peak memory is what
the operating system says. A line a tool and size; from 2^18 on fewer rounds, as the line says.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Measured:
    """One run of one tool."""

    seconds: float
    peak_bytes: int
    wire_bytes: int
    matches: int


def write_lists(folder: Path, size: int) -> tuple[Path, Path]:
    """Two CSV files of `size` addresses, the second half of the first list being the first half of the second."""
    draw = random.Random(size)
    paths = folder / f"a{size}.csv", folder / f"b{size}.csv"
    for path, start in zip(paths, (0, size // 2), strict=True):
        people = [f"person{n:014d}@example.org" for n in range(start, start + size)]
        draw.shuffle(people)
        path.write_text("email\n" + "\n".join(people) + "\n")
    return paths


def timed(command: list[str]) -> tuple[float, int, str]:
    """Seconds, peak resident bytes of the process, its output."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{command[0]} failed")
    return seconds, usage.ru_maxrss * 1024, output


def psiselect(a: Path, b: Path, backend: str, protocol: str = "ecdh") -> Measured:
    """The command as a user runs it: interpreter start, reading, matching, writing."""
    command = [sys.executable, "-m", "cli.main", "psi", "local", str(a), str(b), "--key", "email:email"]
    command += ["--protocol", protocol]
    command += ["--backend", backend, "--output", str(a.with_suffix(".out.csv")), "--json"]
    seconds, peak, output = timed(command)
    found = json.loads(output)
    return Measured(seconds, peak, found["bytes_sent"] + found["bytes_received"], found["matches"])


def openmined(a: Path, b: Path) -> Measured:
    """Only the protocol is timed, by the script itself: lists are in memory before and nothing is written."""
    _, peak, output = timed([sys.executable, str(HERE / "_openmined.py"), str(a), str(b)])
    found = json.loads(output)
    return Measured(found["seconds"], peak, found["bytes"], found["matches"])


def spu(python: str, a: Path, b: Path, protocol: str) -> Measured:
    """Two processes; the parties' own time, so that the start of an interpreter with a gigabyte of libraries is not
    counted. Bytes as the loopback interface counts them."""
    _, _, output = timed([python, str(HERE / "_spu.py"), str(a), str(b), protocol])
    found = json.loads(output.splitlines()[-1])
    return Measured(found["seconds"], found["peak"], found["bytes"], found["matches"])


def plot(rows: list[dict[str, object]], target: Path) -> None:
    """Seconds against list size, both axes logarithmic, a line a tool."""
    from matplotlib.figure import Figure

    axes = (figure := Figure(figsize=(6, 4), layout="constrained")).add_subplot()
    for tool in dict.fromkeys(row["tool"] for row in rows):
        of_tool = [row for row in rows if row["tool"] == tool]
        sizes = [1 << int(str(row["size"]).removeprefix("2^")) for row in of_tool]
        axes.plot(sizes, [row["seconds"] for row in of_tool], marker="o", label=tool)
    axes.set(
        xscale="log", yscale="log", xlabel="items in each list", ylabel="seconds", title="Both parties on one machine"
    )
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(target)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="16", help="exponents of two, with commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--plot", type=Path, help="draw seconds against list size here (PNG or SVG)")
    parser.add_argument("--json", type=Path, help="write the medians here")
    parser.add_argument(
        "--spu",
        default=os.environ.get("PSISELECT_SPU_PYTHON"),
        help="an interpreter that has spu, to run it beside [default: $PSISELECT_SPU_PYTHON]",
    )
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for exponent in map(int, options.sizes.split(",")):
            a, b = write_lists(Path(folder), 1 << exponent)
            tools = {
                f"psiselect ({options.backend})": lambda a=a, b=b: psiselect(a, b, options.backend),
                "openmined-psi (GCS)": lambda a=a, b=b: openmined(a, b),
            }
            for protocol in ("ecdh-fourq", "rr22") if options.spu else ():
                tools[f"spu {protocol}"] = lambda a=a, b=b, protocol=protocol: spu(options.spu, a, b, protocol)
            runs: dict[str, list[Measured]] = {tool: [] for tool in tools}
            rounds = max(1, options.rounds >> max(0, exponent - 16) // 2)
            for _ in range(rounds):
                for tool, run in tools.items():
                    runs[tool].append(run())
            for tool, measured in runs.items():
                if any(run.matches != 1 << (exponent - 1) for run in measured):
                    raise SystemExit(f"{tool}: wrong answer")
                seconds = statistics.median(run.seconds for run in measured)
                rows.append(
                    {
                        "size": f"2^{exponent}",
                        "tool": tool,
                        "runs": rounds,
                        "seconds": round(seconds, 2),
                        "items_per_second": round(2 * (1 << exponent) / seconds),
                        "bytes_per_item": round(measured[0].wire_bytes / (1 << exponent), 1),
                        "peak_mib": round(statistics.median(run.peak_bytes for run in measured) / 2**20),
                    }
                )
            ours, *others = runs.values()
            for row, theirs in zip(rows[-len(others) :], others, strict=True):
                ratio = statistics.median(y.seconds / x.seconds for x, y in zip(ours, theirs, strict=True))
                row["psiselect_times_faster"] = round(ratio, 2)
            for row in rows[-len(runs) :]:
                sys.stdout.write(json.dumps(row) + "\n")
                sys.stdout.flush()
    if options.plot:
        plot(rows, options.plot)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
