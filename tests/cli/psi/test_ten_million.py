"""Ten million against ten million, by two processes over mutual TLS: right, in bounded memory, as predicted.

Heavy (minutes and gigabytes of disk), so by `make soak` only. PSISELECT_SOAK_ROWS makes it smaller.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from psi.identity.identity import Identity

ROWS = int(os.environ.get("PSISELECT_SOAK_ROWS", 10_000_000))
MEMORY_LIMIT = 51 * ROWS  # half a gigabyte for ten million: the keys alone do not fit
PEAK_BYTES = 1.5 * 10**9


def write_list(path: Path, start: int) -> None:
    """Addresses of 32 characters, in an order of their own (a multiplicative permutation of the numbers)."""
    step = 7_368_787  # a prime, so coprime to ROWS unless ROWS is a multiple of it
    with path.open("w") as file:
        file.write("email\n")
        for base in range(0, ROWS, 100_000):
            numbers = (start + i * step % ROWS for i in range(base, min(base + 100_000, ROWS)))
            file.write("".join(f"person{n:014d}@example.org\n" for n in numbers))


class Watched:
    """A process, its output, and its peak memory as the kernel counts it."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.peak = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        status = Path(f"/proc/{self.process.pid}/status")
        while self.process.poll() is None:
            if found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text()):
                self.peak = max(self.peak, 1024 * int(found[1]))
            time.sleep(0.2)

    def result(self) -> dict[str, object]:
        out, err = self.process.communicate()
        assert self.process.returncode == 0, err
        found: dict[str, object] = json.loads(out)
        return found


@pytest.mark.soak
def test_ten_million_against_ten_million(tmp_path: Path) -> None:
    assert Path("/proc/self/status").exists(), "this check reads peak memory as Linux reports it"
    for name in ("a", "b"):
        Identity.create(name, tmp_path)
    write_list(tmp_path / "a.csv", 0)
    write_list(tmp_path / "b.csv", ROWS // 2)
    common = ("--key", "email:email", "--memory-limit", MEMORY_LIMIT, "--workdir", tmp_path, "--timeout", 600, "--json")
    predicted = Watched(
        "psi", "estimate", "--own", ROWS, "--peer", ROWS, "--memory-limit", MEMORY_LIMIT, "--key-bytes", 32, "--json"
    ).result()
    listener = Watched(
        *("psi", "listen", "--address", "127.0.0.1:0", "--identity", tmp_path / "a", "--peer", tmp_path / "b.crt"),
        *("--input", tmp_path / "a.csv", *common),
    )
    where = next(line.split()[2] for line in listener.process.stderr or () if line.startswith("listening on"))
    caller = Watched(
        *("psi", "connect", where, "--identity", tmp_path / "b", "--peer", tmp_path / "a.crt"),
        *("--input", tmp_path / "b.csv", "--output", tmp_path / "out.csv", *common),
    )
    found = caller.result()
    other = listener.result()
    figures = {
        "peak_bytes": (listener.peak, caller.peak),
        "seconds": found["seconds"],
        "predicted_seconds": predicted["seconds"],
        "disk": found["disk_bytes"],
        "predicted_disk": predicted["disk_bytes"],
    }
    sys.stderr.write(json.dumps(figures) + "\n")
    assert found["matches"] == ROWS - ROWS // 2
    assert other["transcript"] == found["transcript"]
    with (tmp_path / "out.csv").open() as file:
        assert sum(1 for _ in file) == ROWS - ROWS // 2 + 1
    assert max(listener.peak, caller.peak) < PEAK_BYTES, figures
    assert 0.75 <= predicted["disk_bytes"] / max(1, found["disk_bytes"]) <= 1.25, figures
    assert 1 / 1.5 <= predicted["seconds"] / found["seconds"] <= 1.5, figures


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["packed", "folder of Parquet"])
def test_ten_million_rows_of_other_kinds(tmp_path: Path, kind: str) -> None:
    """A packed CSV file, and parts of Parquet, within the memory limit: every row is there, as distinct keys show."""
    assert Path("/proc/self/status").exists(), "this check reads peak memory as Linux reports it"
    plain = tmp_path / "a.csv"
    write_list(plain, 0)
    if kind == "packed":
        place = tmp_path / "a.csv.gz"
        with plain.open("rb") as source, gzip.open(place, "wb", compresslevel=1) as target:
            shutil.copyfileobj(source, target, 1 << 20)
    else:
        place = tmp_path / "parts"
        place.mkdir()
        table = arrow_csv.read_csv(plain)
        for part in range(8):
            some = table.slice(part * len(table) // 8, (part + 1) * len(table) // 8 - part * len(table) // 8)
            pq.write_table(some, place / f"part-{part}.parquet")
        del table
    plain.unlink()
    watched = Watched(
        *("psi", "check", place, "--key", "email:email", "--memory-limit", MEMORY_LIMIT, "--workdir", tmp_path),
        "--json",
    )
    found: dict[str, Any] = watched.result()
    sys.stderr.write(json.dumps({"kind": kind, "peak_bytes": watched.peak}) + "\n")
    assert found["rows_with_key"] == found["keys"][0]["distinct"] == ROWS
    assert watched.peak < PEAK_BYTES
