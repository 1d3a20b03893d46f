"""How much CPU time one answer takes once loaded, with this machine's speed injected.

Prints the mean, the median, the 99th percentile and the worst: for the worked examples, for random tasks with every
always-asked field known, and for tasks with gaps, where the three-valued logic looks at many worlds.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from pathlib import Path

# The generator of random tasks is the tests'. It takes the place of this folder on the path.
sys.path[0] = str(Path(__file__).resolve().parents[1] / "tests" / "cli")

from _advise_random import random_task  # noqa: E402

from cli.advisor import examples  # noqa: E402
from cli.advisor.answer import advise  # noqa: E402
from cli.advisor.costs import Machine  # noqa: E402
from cli.advisor.fields import ALWAYS  # noqa: E402
from cli.advisor.task import FieldError  # noqa: E402
from psi.cost import Calibration  # noqa: E402


def main(count: int = 5000) -> None:
    machine = Machine(lambda: Calibration("bench", 2, 2e-5, 1e-6, 1e-6))
    rng = random.Random(7)
    worked = [{k: v for k, v in item["fields"].items() if v is not None} for item in examples.items()]
    for task in worked:
        advise(task, machine)  # loads tables
    complete: list[float] = []
    gaps: list[float] = []
    for _ in range(count):
        task = random_task(rng)
        start = time.process_time()
        try:
            advise(task, machine)
        except FieldError:
            continue
        spent = (time.process_time() - start) * 1000
        (complete if all(name in task for name in ALWAYS) else gaps).append(spent)
    examples_spent = []
    for task in worked:
        start = time.process_time()
        advise(task, machine)
        examples_spent.append((time.process_time() - start) * 1000)
    print("advise, CPU milliseconds an answer (target: under 5)")
    print(f"{'tasks':<20}{'number':>8}{'mean':>9}{'median':>9}{'99 %':>9}{'worst':>9}")
    for name, spent in (("worked examples", examples_spent), ("complete", complete), ("with gaps", gaps)):
        ranked = sorted(spent)
        row = (statistics.mean(ranked), ranked[len(ranked) // 2], ranked[int(len(ranked) * 0.99)], ranked[-1])
        print(f"{name:<20}{len(ranked):>8}" + "".join(f"{value:>9.2f}" for value in row))


if __name__ == "__main__":
    main()
