"""An exchange by directories in sessions of engines that stay open: CPU of all processes, bytes and memory.

    python bench/engines_warm.py ROWS FIRST SECOND [PASSES]    FIRST, SECOND: here, sail or spark

Half of each list is common. A pass is an offer, an answer and its `finish`; the first one is cold. Spark runs as
`local[2]` with 2 GB, encrypted, with 8 parts of each shuffle. Prints one line for each step, and `psi local` first if
both sides are `here`.
"""

from __future__ import annotations

import contextlib
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
import pyarrow.parquet as pq

# Sail is started as the tests start it. Their folder comes last: it has folders named like the packages.
sys.path[0] = str(Path(__file__).resolve().parents[1])
sys.path.append(str(Path(sys.path[0]) / "tests"))

from support import sail  # noqa: E402

import psiselect  # noqa: E402

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

    builder = SparkSession.builder.master("local[2]").appName("bench")
    for name, value in {
        "spark.driver.memory": "2g",
        "spark.io.encryption.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.sql.shuffle.partitions": "8",
        "spark.local.dir": str(folder),
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file:{folder}",
        "spark.eventLog.compress": "false",
    }.items():
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


def main() -> None:
    rows, first, second = int(sys.argv[1]), *sys.argv[2:4]
    passes = int(sys.argv[4]) if len(sys.argv) > 4 else 2
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name, contextlib.ExitStack() as ends:
        folder = Path(name)
        for who, start in (("own", 0), ("peer", rows // 2)):
            table = pa.table({"mail": [f"somebody.{n:012}@example.org" for n in range(start, start + rows)]})
            pq.write_table(table, folder / f"{who}.parquet")
        people = {who: psiselect.Identity.create(who, folder) for who in ("globex", "acme")}
        meter = Meter()

        def timed(what: str, call: Callable[[], Any]) -> Any:
            cpu, wall = meter.cpu(), time.monotonic()
            found = call()
            took = meter.cpu() - cpu
            peak = ", ".join(f"{kind} {size:.0f}" for kind, size in sorted(meter.peak.items()))
            print(f"{what:24} wall {time.monotonic() - wall:7.1f} s   CPU {took:7.1f} s   MiB: {peak}", flush=True)
            meter.peak.clear()
            return found, took

        sessions = {}
        for engine, start in (("spark", spark), ("sail", lambda _: sail.session())):
            if engine in (first, second):
                (folder / engine).mkdir()
                sessions[engine], _ = timed(
                    f"start {engine}", lambda start=start, engine=engine: ends.enter_context(start(folder / engine))
                )
        if first == second == "here":
            lists = folder / "own.parquet", folder / "peer.parquet"
            timed("psi local", lambda: psiselect.match(*lists, key="mail:email"))

        def on(engine: str) -> dict[str, Any]:
            more = {"session": sessions[engine]} if engine != "here" else {}
            if engine == "sail":
                key = folder / "task.key"
                key.touch(0o600)
                key.write_text("5a" * 32)
                (folder / "shared").mkdir(exist_ok=True)
                more |= {"accept_plain_shuffle": True, "engine_workdir": folder / "shared", "task_key": key}
            return more

        for number in range(passes):
            place = folder / f"pass-{number}"
            place.mkdir()
            before, total = shuffled(folder), 0.0
            directory = {} if first != "here" else {"directory": True}
            _, took = timed(
                f"{number} offer {first}",
                lambda place=place, directory=directory: psiselect.offer(
                    folder / "own.parquet", key="mail:email", identity=people["globex"], peer=folder / "acme.crt",
                    out=place / "o", state=place / "s", **on(first), **directory,
                ),
            )  # fmt: skip
            total, after_offer = total + took, shuffled(folder)
            _, took = timed(
                f"{number} answer {second}",
                lambda place=place: psiselect.answer(
                    place / "o", folder / "peer.parquet", key="mail:email", identity=people["acme"],
                    peer=folder / "globex.crt", out=place / "a", **on(second),
                ),
            )  # fmt: skip
            total, after_answer = total + took, shuffled(folder)
            rest = {"session": sessions[first]} if first != "here" else {}
            found, took = timed(
                f"{number} finish {first}",
                lambda place=place, rest=rest: psiselect.finish(
                    place / "a", state=place / "s", identity=people["globex"], peer=folder / "acme.crt",
                    output=place / ("rows" if rest else "rows.parquet"), **rest,
                ),
            )  # fmt: skip
            total, after = total + took, shuffled(folder)
            print(f"{number} all                                      CPU {total:7.1f} s   {found.count} matches")
            for what, size in (
                ("shuffled by offer", after_offer - before),
                ("shuffled by answer", after_answer - after_offer),
                ("shuffled by finish", after - after_answer),
                ("offer", sum(path.stat().st_size for path in (place / "o").rglob("*.parquet"))),
                ("answer", sum(path.stat().st_size for path in (place / "a").rglob("*.parquet"))),
            ):
                print(f"{number} {what}: {size / rows:.1f} bytes for each row", flush=True)


if __name__ == "__main__":
    if os.getsid(0) != os.getpid():
        os.setsid() if os.getpgrp() != os.getpid() else None
    main()
