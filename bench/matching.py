"""Whole runs: `psiselect psi local` (CSV in, CSV out) under both protocols beside `openmined-psi` (lists in memory, no
files) and, where an interpreter that has it is named, `spu` (CSV in, CSV out; ECDH on FourQ and on Curve25519, and RR22
and KKRT, which are no ECDH), in one go.

    python bench/matching.py [--sizes 16,18,20] [--rounds 3] [--backend auto|portable|lanes] [--plot FILE.svg]
                             [--spu PYTHON] [--json FILE] [--patience SECONDS] [--tools TEXT,TEXT]

Both parties are on this machine, lists of 2^k distinct 32-character e-mail addresses, half of them common. Every figure
is the median over rounds that alternate between the tools; each run is a process of its own, whose peak memory is what
the operating system says. A line a tool and size; from 2^18 on fewer rounds, as the line says.

    seconds        as the tool's users see it once interpreters and libraries are up: see each function
    whole_seconds  of all processes, from the first start to the last end
    cpu_seconds    of the processor, in all of them
    core_seconds   of the protocol alone: psiselect's session, and what spu's log calls "Online" at the learner

`psiselect_times_faster` and `fast_times_faster` divide a tool's `seconds` by those of the curve and of the fast
protocol; `fast_times_faster_whole` and `fast_times_faster_core` do so with the other two. --patience leaves a tool out
at larger sizes once a run of it took longer. --tools runs only those whose names hold one of the texts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

HERE = Path(__file__).parent
FAST = "psiselect fast (experimental)"


@dataclass(frozen=True)
class Measured:
    """One run of one tool."""

    seconds: float
    peak_bytes: int
    wire_bytes: int
    matches: int
    whole_seconds: float
    cpu_seconds: float
    core_seconds: float | None


def write_lists(folder: Path, size: int) -> tuple[Path, Path]:
    """Two CSV files of `size` addresses, the second half of the first list being the first half of the second."""
    draw = random.Random(size)
    paths = folder / f"a{size}.csv", folder / f"b{size}.csv"
    for path, start in zip(paths, (0, size // 2), strict=True):
        people = [f"person{n:014d}@example.org" for n in range(start, start + size)]
        draw.shuffle(people)
        path.write_text("email\n" + "\n".join(people) + "\n")
    return paths


@dataclass(frozen=True)
class Ended:
    """A command that has ended: seconds by the clock and of the processor, peak resident bytes, output."""

    seconds: float
    cpu_seconds: float
    peak: int
    output: str


def timed(command: list[str]) -> Ended:
    """Run a command. cpu_seconds: its children's too, as far as it has waited for them."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"{command[0]} failed")
    return Ended(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output)


def psiselect(a: Path, b: Path, backend: str, protocol: str = "ecdh") -> Measured:
    """The command as a user runs it: interpreter start, reading, matching, writing."""
    command = [sys.executable, "-m", "cli.main", "psi", "local", str(a), str(b), "--key", "email:email"]
    command += ["--protocol", protocol]
    command += ["--backend", backend, "--output", str(a.with_suffix(".out.csv")), "--json"]
    ended = timed(command)
    found, seconds = json.loads(ended.output), ended.seconds
    sent = found["bytes_sent"] + found["bytes_received"]
    return Measured(seconds, ended.peak, sent, found["matches"], seconds, ended.cpu_seconds, found["seconds"])


def openmined(a: Path, b: Path) -> Measured:
    """Only the protocol is timed, by the script itself: lists are in memory before and nothing is written."""
    ended = timed([sys.executable, str(HERE / "_openmined.py"), str(a), str(b)])
    found = json.loads(ended.output)
    own = found["seconds"]
    return Measured(own, ended.peak, found["bytes"], found["matches"], ended.seconds, ended.cpu_seconds, own)


def spu(python: str, a: Path, b: Path, protocol: str) -> Measured:
    """Two processes; the parties' own time, so that the start of an interpreter with a gigabyte of libraries is not
    counted. Bytes as the loopback interface counts them."""
    ended = timed([python, str(HERE / "_spu.py"), str(a), str(b), protocol])
    found, core = json.loads(ended.output.splitlines()[-1]), online(ended.output)
    whole = ended.seconds
    return Measured(found["seconds"], found["peak"], found["bytes"], found["matches"], whole, ended.cpu_seconds, core)


def online(log: str) -> float | None:
    """Seconds between the two lines of spu's log that mark the learner's protocol; None where they are not there."""
    lines = re.findall(r"^\[([^\]]+)\] .*PsiReceiver::Online\] (start|end)", log, re.MULTILINE)
    found = {mark: datetime.fromisoformat(when) for when, mark in lines}
    return (found["end"] - found["start"]).total_seconds() if len(found) == 2 else None


def plot(rows: list[dict[str, object]], target: Path) -> None:
    """Seconds of whole processes against list size, by the clock and of the processor; dashed, those of the protocol
    alone. Both axes are logarithmic, and a tool is a line."""
    from matplotlib.figure import Figure

    exponents = sorted({int(str(row["size"]).removeprefix("2^")) for row in rows})
    figure = Figure(figsize=(10, 5), layout="constrained")
    by_clock, of_processor = figure.subplots(1, 2, sharey=True)
    for tool in dict.fromkeys(row["tool"] for row in rows):
        of_tool = [row for row in rows if row["tool"] == tool]
        sizes = [1 << int(str(row["size"]).removeprefix("2^")) for row in of_tool]
        (line,) = by_clock.plot(sizes, [row["whole_seconds"] for row in of_tool], marker="o", label=tool)
        of_processor.plot(sizes, [row["cpu_seconds"] for row in of_tool], marker="o")
        cores = [row["core_seconds"] for row in of_tool]
        if None not in cores:
            by_clock.plot(sizes, cores, marker=".", linestyle="--", linewidth=1, color=line.get_color())
    for axes, title in ((by_clock, "by the clock (dashed: the protocol alone)"), (of_processor, "of the processor")):
        axes.set(xscale="log", yscale="log", xlabel="items in each list", title=title)
        axes.set_xticks([1 << exponent for exponent in exponents])
        axes.set_xticklabels([f"2^{exponent}" for exponent in exponents])
        axes.minorticks_off()
        axes.grid(True, which="both", alpha=0.3)
    by_clock.set_ylabel("seconds of all processes of both parties")
    figure.legend(loc="outside lower center", ncols=3, fontsize="small")
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
    parser.add_argument("--patience", type=float, default=float("inf"), metavar="SECONDS")
    parser.add_argument("--tools", default="", help="parts of the names of tools to run, with commas [default: all]")
    options = parser.parse_args()
    wanted = options.tools.split(",")
    rows: list[dict[str, object]] = []
    slow: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        for exponent in map(int, options.sizes.split(",")):
            a, b = write_lists(Path(folder), 1 << exponent)
            tools: dict[str, Callable[[], Measured]] = {
                f"psiselect ({options.backend})": lambda a=a, b=b: psiselect(a, b, options.backend),
                FAST: lambda a=a, b=b: psiselect(a, b, options.backend, "fast"),
                "openmined-psi (GCS)": lambda a=a, b=b: openmined(a, b),
            }
            for protocol in ("ecdh-fourq", "ecdh-25519", "rr22", "kkrt") if options.spu else ():
                tools[f"spu {protocol}"] = lambda a=a, b=b, protocol=protocol: spu(options.spu, a, b, protocol)
            tools = {
                tool: run for tool, run in tools.items() if tool not in slow and any(text in tool for text in wanted)
            }
            runs: dict[str, list[Measured]] = {tool: [] for tool in tools}
            rounds = max(1, options.rounds >> max(0, exponent - 16) // 2)
            for _ in range(rounds):
                for tool, run in tools.items():
                    runs[tool].append(run())
            for tool, measured in runs.items():
                if any(run.matches != 1 << (exponent - 1) for run in measured):
                    raise SystemExit(f"{tool}: wrong answer")
                seconds = statistics.median(run.seconds for run in measured)
                cores = [run.core_seconds for run in measured if run.core_seconds is not None]
                if max(run.whole_seconds for run in measured) > options.patience:
                    slow.add(tool)
                rows.append(
                    {
                        "size": f"2^{exponent}",
                        "tool": tool,
                        "runs": rounds,
                        "seconds": round(seconds, 2),
                        "whole_seconds": round(statistics.median(run.whole_seconds for run in measured), 2),
                        "cpu_seconds": round(statistics.median(run.cpu_seconds for run in measured), 2),
                        "core_seconds": round(statistics.median(cores), 2) if len(cores) == rounds else None,
                        "items_per_second": round(2 * (1 << exponent) / seconds),
                        "bytes_per_item": round(measured[0].wire_bytes / (1 << exponent), 1),
                        "peak_mib": round(statistics.median(run.peak_bytes for run in measured) / 2**20),
                    }
                )
            for row in rows[-len(runs) :]:
                theirs = runs[str(row["tool"])]
                for name, ours, figure in (
                    ("psiselect_times_faster", f"psiselect ({options.backend})", "seconds"),
                    ("fast_times_faster", FAST, "seconds"),
                    ("fast_times_faster_whole", FAST, "whole_seconds"),
                    ("fast_times_faster_core", FAST, "core_seconds"),
                ):
                    if ours not in runs or ours == row["tool"] or row[figure] is None:
                        continue
                    pairs = zip(runs[ours], theirs, strict=True)
                    row[name] = round(statistics.median(getattr(y, figure) / getattr(x, figure) for x, y in pairs), 2)
                sys.stdout.write(json.dumps(row) + "\n")
                sys.stdout.flush()
    if options.plot:
        plot(rows, options.plot)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
