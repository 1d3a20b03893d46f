"""How much CPU time one answer takes once loaded, with this machine's speed injected.

Prints the mean, the median, the 99th percentile and the worst, of the first answer to each task and of the least of
three more, which other programs on the machine disturb less: for the worked examples, for random tasks with every
always-asked field known, and for tasks with gaps, where the three-valued logic looks at many worlds.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

# The generator of random tasks is the tests'. Their folder comes last: it has a `cli` of its own.
ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)
sys.path.append(str(ROOT / "tests"))

from support.advise_random import random_task  # noqa: E402
from support.advising import MACHINE  # noqa: E402

from cli.advisor import examples  # noqa: E402
from cli.advisor.answer import advise  # noqa: E402
from cli.advisor.fields import ALWAYS  # noqa: E402
from cli.advisor.task import FieldError  # noqa: E402


def main(count: int = 5000) -> None:
    rng = random.Random(7)
    worked = [{k: v for k, v in item["fields"].items() if v is not None} for item in examples.items()]
    for task in worked:
        advise(task, MACHINE)  # loads tables
    tasks = [("worked examples", task) for task in worked]
    for task in (random_task(rng) for _ in range(count)):
        tasks.append(("complete" if all(name in task for name in ALWAYS) else "with gaps", task))
    spent: dict[tuple[str, str], list[float]] = {}
    for kind, task in tasks:
        try:
            first, *again = (_milliseconds(task) for _ in range(4))
        except FieldError:
            continue
        spent.setdefault((kind, "first"), []).append(first)
        spent.setdefault((kind, "again"), []).append(min(again))
    print("advise, CPU milliseconds an answer (target: under 5)")
    print(f"{'tasks':<20}{'time':<8}{'number':>8}{'mean':>9}{'median':>9}{'99 %':>9}{'worst':>9}")
    for (kind, which), values in spent.items():
        ranked = sorted(values)
        row = (statistics.mean(ranked), ranked[len(ranked) // 2], ranked[int(len(ranked) * 0.99)], ranked[-1])
        print(f"{kind:<20}{which:<8}{len(ranked):>8}" + "".join(f"{value:>9.2f}" for value in row))


def _milliseconds(task: dict[str, Any]) -> float:
    start = time.process_time()
    advise(task, MACHINE)
    return (time.process_time() - start) * 1000


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
