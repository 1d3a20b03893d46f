"""Secure sum of 20 parties with 10,000 numbers each, as processes over mutual TLS; beside it MPyC's own sum.

Both are timed from the first process start to the last exit, on this machine, one after the other, and so is the
processor's time of all processes together, which other work on the machine hardly changes. MPyC runs plain TCP
without TLS, 20 parties, Shamir threshold 9, reading the same numbers: `mpc.sum` of `mpc.input` of a list.

    python bench/sums.py [--parties N] [--length K] [--rounds R]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from psi.identity.identity import Identity

MPYC_SUM = """
import sys
from mpyc.runtime import mpc
numbers = [int(line) for line in open(sys.argv[1])]
async def main():
    async with mpc:
        secint = mpc.SecInt(64)
        entered = mpc.input([secint(n) for n in numbers])
        totals = [mpc.sum(list(each)) for each in zip(*entered)]
        await mpc.output(totals)
mpc.run(main())
"""


def free_ports(count: int) -> list[int]:
    """Consecutive ports that nobody listens on."""
    while True:
        base = random.randrange(20_000, 31_000)
        try:
            for port in range(base, base + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return list(range(base, base + count))


def finish(started: list[subprocess.Popen[bytes]]) -> None:
    for process in started:
        if process.wait(timeout=900):
            raise SystemExit(f"a party failed: {process.args}")


def processor_seconds() -> float:
    """Of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def secure_sum(folder: Path, parties: int) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    lines = []
    for i, port in enumerate(free_ports(parties)):
        lines += ["[[party]]", f'name = "p{i}"', f'certificate = "keys/p{i}.crt"', f'address = "127.0.0.1:{port}"', ""]
    (folder / "parties.toml").write_text("\n".join(lines))
    begun, used = time.perf_counter(), processor_seconds()
    command = [sys.executable, "-m", "cli.main", "mpc", "sum", "--parties", str(folder / "parties.toml"), "--json"]
    started = []
    for i in range(parties):
        own = ["--party", f"p{i}", "--identity", str(folder / "keys" / f"p{i}"), "--values", str(folder / f"{i}.txt")]
        started.append(subprocess.Popen(command + own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    finish(started)
    return time.perf_counter() - begun, processor_seconds() - used


def mpyc_sum(folder: Path, parties: int) -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    script = folder / "mpyc_sum.py"
    script.write_text(MPYC_SUM)
    addresses = [argument for port in free_ports(parties) for argument in ("-P", f"127.0.0.1:{port}")]
    begun, used = time.perf_counter(), processor_seconds()
    started = [
        subprocess.Popen(
            [sys.executable, str(script), *addresses, "-I", str(i), "--no-log", "--no-prss", str(folder / f"{i}.txt")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for i in range(parties)
    ]
    finish(started)
    return time.perf_counter() - begun, processor_seconds() - used


def measure(parties: int, length: int, rounds: int) -> dict[str, object]:
    """Medians over interleaved rounds, in seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i in range(parties):
            Identity.create(f"p{i}", folder / "keys")
            (folder / f"{i}.txt").write_text("\n".join(str(i * k % 1000) for k in range(length)) + "\n")
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(secure_sum(folder, parties))
            theirs.append(mpyc_sum(folder, parties))
    return {
        "parties": parties,
        "length": length,
        "rounds": rounds,
        "cores": len(os.sched_getaffinity(0)),
        "psiselect_seconds": statistics.median(seconds for seconds, _ in ours),
        "psiselect_processor_seconds": statistics.median(seconds for _, seconds in ours),
        "mpyc_seconds": statistics.median(seconds for seconds, _ in theirs),
        "mpyc_processor_seconds": statistics.median(seconds for _, seconds in theirs),
    }


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parties", type=int, default=20)
    parser.add_argument("--length", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    print(json.dumps(measure(options.parties, options.length, options.rounds), indent=1))


if __name__ == "__main__":
    main()
