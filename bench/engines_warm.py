"""An exchange by directories in sessions of engines that stay open: CPU of all processes, bytes and memory.

    python bench/engines_warm.py ROWS FIRST SECOND [PASSES]    FIRST, SECOND: here, sail or spark

Half of each list is common. A pass is an offer, an answer and its `finish`; the first one is cold. Spark runs as
`local[2]` with 2 GB and the settings of the command. Prints one line for each step, after `psi local` for the same
rows, unless BENCH_NO_LOCAL is in the environment. With BENCH_BYTES, it also counts the bytes of Spark's shuffles.
ROWS may be several numbers with commas between them: for each but the first, one pass follows in the same sessions.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# Sail is started as the tests start it. Their folder comes last: it has folders named like the packages.
sys.path[0] = str(Path(__file__).resolve().parents[1])
sys.path.append(str(Path(sys.path[0]) / "tests"))

from support import sail  # noqa: E402

import psiselect  # noqa: E402
from psi.distributed import engines  # noqa: E402

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Meter:
    """CPU seconds and resident MiB of all processes of this session of the system; those that ended count as they were
    seen last."""

    def __init__(self) -> None:
        self._cpu: dict[str, float] = {}
        self.peak: dict[str, float] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    def cpu(self) -> float:
        self._look()
        return sum(self._cpu.values())

    def _look(self) -> None:
        memory: dict[str, float] = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                head, rest = Path("/proc", name, "stat").read_text().rsplit(")", 1)
                fields, kind = rest.split(), head.partition("(")[2]
                if int(fields[3]) == os.getsid(0):
                    self._cpu[name] = (int(fields[11]) + int(fields[12])) / _TICKS
                    shared = int(Path("/proc", name, "statm").read_text().split()[2])
                    own = (int(fields[21]) - (shared if kind != "java" else 0)) * _PAGE / 2**20
                    memory[kind] = memory.get(kind, 0.0) + own
        memory["all"] = sum(memory.values())
        for kind, size in memory.items():
            self.peak[kind] = max(self.peak.get(kind, 0.0), size)

    def _watch(self) -> None:
        while True:
            self._look()
            time.sleep(0.3)


@contextlib.contextmanager
def spark(folder: Path) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    given = {"spark.driver.memory": "2g", "spark.local.dir": str(folder)}
    if "BENCH_BYTES" in os.environ:
        given |= {"spark.eventLog.enabled": "true", "spark.eventLog.dir": f"file:{folder}"}
        given |= {"spark.eventLog.compress": "false"}
    builder = SparkSession.builder.master("local[2]").appName("bench")
    for name, value in {**engines.settings("local[2]"), **given}.items():
        builder = builder.config(name, value)
    found = builder.getOrCreate()
    yield found
    found.stop()


def shuffled(folder: Path) -> int:
    """Bytes of all shuffles so far, by the log of events."""
    total = 0
    for path in folder.rglob("*"):
        if path.is_file() and (path.name.startswith(("local-", "events_", "app-"))):
            for line in path.read_text(errors="replace").splitlines():
                if '"Event":"SparkListenerTaskEnd"' in line:
                    with contextlib.suppress(ValueError):
                        metrics = json.loads(line).get("Task Metrics") or {}
                        total += metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
    return total


def written(rows: int, start: int, path: Path) -> None:
    """A table of keys with these numbers, from `start`."""
    with pq.ParquetWriter(path, pa.schema([("mail", pa.string())])) as file:
        for first in range(start, start + rows, 1 << 18):
            numbers = pa.array(range(first, min(first + (1 << 18), start + rows))).cast(pa.string())
            mails = pc.binary_join_element_wise("somebody.", pc.utf8_lpad(numbers, 12, padding="0"), "@example.org", "")
            file.write_table(pa.table({"mail": mails}))


def same_rows(place: Path) -> str:
    """What two results have in common that have the same rows."""
    mails = pq.read_table(place)["mail"].combine_chunks().sort()
    return hashlib.sha256("\n".join(mails.to_pylist()).encode()).hexdigest()[:16]


class Bench:
    """Two parties, each on one machine or on an engine whose session stays open."""

    def __init__(self, folder: Path, first: str, second: str, ends: contextlib.ExitStack) -> None:
        self.folder, self.first, self.second, self.ends = folder, first, second, ends
        self.people = {who: psiselect.Identity.create(who, folder) for who in ("globex", "acme")}
        self.meter = Meter()
        self.sessions: dict[str, Any] = {}

    def timed(self, what: str, call: Callable[[], Any]) -> Any:
        """What the call gives, and CPU seconds."""
        cpu, wall = self.meter.cpu(), time.monotonic()
        found = call()
        took = self.meter.cpu() - cpu
        peak = ", ".join(f"{kind} {size:.0f}" for kind, size in sorted(self.meter.peak.items()))
        print(f"{what:24} wall {time.monotonic() - wall:7.1f} s   CPU {took:7.1f} s   MiB: {peak}", flush=True)
        self.meter.peak.clear()
        return found, took

    def start(self) -> None:
        for engine, start in (("spark", spark), ("sail", lambda _: sail.session())):
            if engine in (self.first, self.second):
                (self.folder / engine).mkdir()
                self.sessions[engine], _ = self.timed(
                    f"start {engine}",
                    lambda start=start, engine=engine: self.ends.enter_context(start(self.folder / engine)),
                )

    def on(self, engine: str) -> dict[str, Any]:
        """Arguments that say where a party works."""
        if engine == "here":
            return {}
        more: dict[str, Any] = {"session": self.sessions[engine]}
        if engine == "sail":
            key = self.folder / "task.key"
            key.touch(0o600)
            key.write_text("5a" * 32)
            (self.folder / "shared").mkdir(exist_ok=True)
            more |= {"accept_plain_shuffle": True, "engine_workdir": self.folder / "shared", "task_key": key}
        return more

    def local(self, own: Path, peer: Path, output: Path) -> None:
        """Both parties in this process, the learner's rows not written and written."""
        self.timed("psi local", lambda: psiselect.match(own, peer, key="mail:email"))
        self.timed("psi local --output", lambda: psiselect.match(own, peer, key="mail:email", output=output))
        print(f"rows {same_rows(output)}")

    def exchange(self, name: str, rows: int, own: Path, peer: Path) -> None:
        """One pass."""
        first, second, people = self.first, self.second, self.people
        place = self.folder / f"pass-{name}"
        place.mkdir()
        sizes = [shuffled(self.folder)]
        directory = {} if first != "here" else {"directory": True}
        rest = {"session": self.sessions[first]} if first != "here" else {}
        output = place / ("rows" if rest else "rows.parquet")
        steps: dict[str, Callable[[], Any]] = {
            f"offer {first}": lambda: psiselect.offer(
                own, key="mail:email", identity=people["globex"], peer=self.folder / "acme.crt",
                out=place / "o", state=place / "s", **self.on(first), **directory,
            ),
            f"answer {second}": lambda: psiselect.answer(
                place / "o", peer, key="mail:email", identity=people["acme"], peer=self.folder / "globex.crt",
                out=place / "a", **self.on(second),
            ),
            f"finish {first}": lambda: psiselect.finish(
                place / "a", state=place / "s", identity=people["globex"], peer=self.folder / "acme.crt",
                output=output, **rest,
            ),
        }  # fmt: skip
        total, found, work = 0.0, None, 0
        for what, call in steps.items():
            found, took = self.timed(f"{name} {what}", call)
            total += took
            sizes.append(shuffled(self.folder))
            work = max(work, sum(path.stat().st_size for path in place.rglob("s.work/**/*.parquet")))
        print(f"{name} all                                      CPU {total:7.1f} s   {found.count} matches")
        print(f"{name} rows {same_rows(output)}, {found.matched_rows} matched rows")
        for what, size in (
            ("shuffled by offer", sizes[1] - sizes[0]),
            ("shuffled by answer", sizes[2] - sizes[1]),
            ("shuffled by finish", sizes[3] - sizes[2]),
            ("offer", sum(path.stat().st_size for path in (place / "o").rglob("*.parquet"))),
            ("answer", sum(path.stat().st_size for path in (place / "a").rglob("*.parquet"))),
            ("work directory of the learner", work),
        ):
            print(f"{name} {what}: {size / rows:.1f} bytes for each row", flush=True)


def main() -> None:
    many, first, second = [int(rows) for rows in sys.argv[1].split(",")], *sys.argv[2:4]
    passes = int(sys.argv[4]) if len(sys.argv) > 4 else 2
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        bench = Bench(folder, first, second, ends)
        for place, rows in enumerate(many):
            own, peer = folder / f"own-{rows}.parquet", folder / f"peer-{rows}.parquet"
            written(rows, 0, own)
            written(rows, rows // 2, peer)
            if not place:
                if "BENCH_NO_LOCAL" not in os.environ:
                    bench.local(own, peer, folder / "local.parquet")
                bench.start()
            for number in range(1 if place else passes):
                bench.exchange(f"{rows}-{number}", rows, own, peer)


if __name__ == "__main__":
    if os.getsid(0) != os.getpid():
        os.setsid() if os.getpgrp() != os.getpid() else None
    main()
