"""An exchange by directories on one machine, Sail and Spark: CPU of all processes, bytes and memory.

    python bench/engines.py ROWS ENGINE [ENGINE]    ENGINE: here, sail or spark; the offering side, then the other one

Half of each list is common. Prints one line for each command and one for both sides.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_TICKS = os.sysconf("SC_CLK_TCK")
_ENGINES = {
    "here": [],
    "sail": ["--engine", "sail", "--accept-plain-shuffle"],
    "spark": ["--engine", "spark", "--master", "local[2]"],
}


def measured(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Run a command of psiselect; wall seconds, CPU seconds and peak MiB of all its processes."""
    started = time.monotonic()
    whole = [sys.executable, "-m", "psiselect", "psi", *command]
    process = subprocess.Popen(whole, cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL)
    cpu: dict[str, float] = {}
    peak = 0
    while process.poll() is None:
        now = 0
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                fields = Path("/proc", name, "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == process.pid:
                cpu[name] = (int(fields[11]) + int(fields[12])) / _TICKS
                now += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        peak = max(peak, now)
        time.sleep(0.5)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return time.monotonic() - started, sum(cpu.values()), peak / 2**20


def main() -> None:
    rows, engines = int(sys.argv[1]), sys.argv[2:]
    first, second = engines[0], engines[-1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for who, start in (("own", 0), ("peer", rows // 2)):
            table = pa.table({"mail": [f"somebody.{n:012}@example.org" for n in range(start, start + rows)]})
            pq.write_table(table, folder / f"{who}.parquet")
        for who in ("globex", "acme"):
            subprocess.run([sys.executable, "-m", "psiselect", "identity", "create", who, "--out", "."], cwd=folder)
        if first == second == "here":
            report("psi local", measured(["local", "own.parquet", "peer.parquet", "--key", "mail:email"], folder))
        parties = ["--identity", "globex", "--peer", "acme.crt"], ["--identity", "acme", "--peer", "globex.crt"]
        key = ["--key", "mail:email"]
        directory = ["--directory"] if first == "here" else []
        out = ["--output", "rows.parquet"]
        offer = ["offer", *parties[0], *key, "--input", "own.parquet", "--out", "o", "--state", "s"]
        answer = ["answer", "o", *parties[1], *key, "--input", "peer.parquet", "--out", "a"]
        took = [
            measured([*offer, *directory, *_ENGINES[first]], folder),
            measured([*answer, *_ENGINES[second]], folder),
            measured(["finish", "a", "--state", "s", *out, *_ENGINES[first]], folder),
        ]
        for what, each in zip((f"offer {first}", f"answer {second}", f"finish {first}"), took, strict=True):
            report(what, each)
        report("all", (sum(t[0] for t in took), sum(t[1] for t in took), max(t[2] for t in took)))
        for place in ("o", "a"):
            size = sum(path.stat().st_size for path in (folder / place).rglob("*.parquet") if path.is_file())
            print(f"{place}: {size:,} bytes, {size / rows:.1f} for each row")


def report(what: str, took: tuple[float, float, float]) -> None:
    print(f"{what:14} wall {took[0]:7.1f} s   CPU {took[1]:7.1f} s   peak {took[2]:6.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
