"""The front door: how long `import psiselect` takes, and the same rows matched from a frame and from a Parquet file.

    python bench/front.py [--rows 1000000] [--rounds 3] [--imports 15] [--forms 'polars frame,pandas frame']

Imports are timed by `-X importtime` in fresh processes, warm: the median of `import psiselect`, and which modules it
loads. Matching is `psiselect.match` of two lists of distinct addresses, half of them common, both parties on this
machine. Forms take turns, so that what else the machine does hits all alike; the figures are medians of processor time
and of wall time, and their ratios to the Parquet file.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq

import psiselect

_TOTAL = re.compile(r"import time:\s+\d+ \|\s+(\d+) \| psiselect$", re.MULTILINE)


def imported(rounds: int) -> list[float]:
    """Milliseconds of `import psiselect`, once per process."""
    found = []
    for _ in range(rounds):
        command = [sys.executable, "-X", "importtime", "-c", "import psiselect"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        (microseconds,) = _TOTAL.findall(done.stderr)
        found.append(int(microseconds) / 1000)
    return found


def lists(rows: int) -> tuple[pa.Table, pa.Table]:
    """Two lists, the second half of the first being the first half of the second, with a column beside the key."""
    return tuple(  # type: ignore[return-value]
        pa.table({"email": [f"person{n:014d}@example.org" for n in range(start, start + rows)], "n": range(rows)})
        for start in (0, rows // 2)
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--imports", type=int, default=15)
    parser.add_argument("--forms", help="only these, separated by commas, beside the Parquet file")
    options = parser.parse_args()

    times = imported(options.imports)
    print(f"import psiselect: median {statistics.median(times):.1f} ms, most {max(times):.1f} ms of {len(times)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, second = lists(options.rows)
        pq.write_table(first, folder / "a.parquet")
        pq.write_table(second, folder / "b.parquet")
        forms: dict[str, Callable[[str], Any]] = {"Parquet file": lambda side: folder / f"{side}.parquet"}
        for library, read in (("polars frame", polars.read_parquet), ("pandas frame", pandas.read_parquet)):
            frames = {side: read(folder / f"{side}.parquet") for side in "ab"}
            forms[library] = lambda side, frames=frames: frames[side]  # type: ignore[misc]
        tables = {"a": first, "b": second}
        forms["pyarrow table"] = lambda side: tables[side]
        chosen = options.forms.split(",") if options.forms else list(forms)
        forms = {form: table for form, table in forms.items() if form in ("Parquet file", *chosen)}
        wall: dict[str, list[float]] = {form: [] for form in forms}
        work: dict[str, list[float]] = {form: [] for form in forms}
        for _ in range(options.rounds):
            for form, table in forms.items():
                began, spent = time.perf_counter(), time.process_time()
                found = psiselect.match(table("a"), table("b"), key="email:email")
                wall[form].append(time.perf_counter() - began)
                work[form].append(time.process_time() - spent)
                if found.count != options.rows // 2 or found.rows.num_rows != options.rows // 2:
                    raise SystemExit("the matches are wrong")
    base_wall, base_work = (statistics.median(kind["Parquet file"]) for kind in (wall, work))
    for form in forms:
        seconds, busy = statistics.median(wall[form]), statistics.median(work[form])
        print(
            f"{options.rows:,} rows, {form:13}  {seconds:6.2f} s ({seconds / base_wall:.2f}), "
            f"processors {busy:6.2f} s ({busy / base_work:.2f})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
