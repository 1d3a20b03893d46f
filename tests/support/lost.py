"""Exchanges on a Spark of several processes, parts of which are killed: a process of its own, which may be killed too.

    python -m support.lost FOLDER MASTER SECRET HOW:TASK ...

HOW and TASK: as `support.attempts` has them; `none:` ends nothing. In FOLDER it writes these:

    local, events, all.log  what Spark writes
    shown                   what Spark shows by HTTP
    noted                   what must stand in none of them
    found                   what each exchange found
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support import attempts, spark
from support.on_engine import OWN, Both

CANARY = "canary-4f1c@example.org"
SPECULATIVE = {
    "spark.speculation": "true",
    "spark.speculation.interval": "200ms",
    "spark.speculation.task.duration.threshold": "1s",
}


def main() -> None:
    folder, master, secret, *steps = sys.argv[1:]
    place = Path(folder)
    more = spark.of_several_processes(place) | ({"spark.authenticate.secret": secret} if secret else {})
    if any(step.startswith("slow") for step in steps):
        more |= SPECULATIVE
    with spark.session(place, master, **more) as session, pytest.MonkeyPatch.context() as patch:
        attempts.note(patch, place / "noted")
        driver = session.sparkContext._gateway.proc.pid, os.getpid()
        for number, step in enumerate(steps):
            how, _, task = step.partition(":")
            home = place / f"exchange-{number}"
            home.mkdir()
            both = Both(home, session)
            mails = [*OWN, CANARY, CANARY, "", "no at"]
            pq.write_table(pa.table({"mail": mails, "name": [str(n) for n in range(64)]}), home / "own.parquet")
            with (place / "noted").open("a") as file:
                print((home / "task.key").read_text(), file=file)
            with pytest.MonkeyPatch.context() as own:
                if task:
                    attempts.interrupt(own, task, home / "marker", how, driver)
                found = both.found("engine", "engine")
            with (place / "found").open("a") as file:
                counts = [found.count, found.matched_rows, found.own_size, found.peer_size]
                rows = sorted(pq.read_table(found.output)["name"].to_pylist())
                print(json.dumps([counts, rows, both.left]), file=file)
            for name, content in shown(session.sparkContext.uiWebUrl):
                (place / "shown").mkdir(exist_ok=True)
                (place / "shown" / f"{number}-{name}").write_bytes(content)


def shown(address: str) -> Iterator[tuple[str, bytes]]:
    """The REST answers of a Spark and its pages of settings and plans."""
    (about,) = json.loads(fetched(f"{address}/api/v1/applications"))
    each = f"{address}/api/v1/applications/{about['id']}"
    plans = fetched(f"{each}/sql?details=true&planDescription=true&length=1000")
    for name in ("environment", "allexecutors", "jobs", "stages?details=true", "storage/rdd"):
        yield f"rest-{name.partition('?')[0].replace('/', '-')}", fetched(f"{each}/{name}")
    yield "rest-sql", plans
    for plan in json.loads(plans):
        yield f"page-plan-{plan['id']}", fetched(f"{address}/SQL/execution/?id={plan['id']}")
    yield "page-environment", fetched(f"{address}/environment/")


def fetched(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=120) as answer:
        content: bytes = answer.read()
    return content


if __name__ == "__main__":
    main()
