"""Random tasks for the advisor: mostly sensible, sometimes contradictory, with gaps or without."""

from __future__ import annotations

import random
from typing import Any

from cli.advisor.fields import FIELDS, Kind


def random_task(rng: random.Random, *, complete: bool = False) -> dict[str, Any]:
    """Fields with values of their kinds; half of the tasks have no gaps, a tenth may contradict themselves."""
    gaps = rng.choice((0.0, 0.0, 0.1, 0.4)) * (not complete)
    task = {field.name: _value(field, rng) for field in FIELDS if rng.random() >= gaps}
    if rng.random() < 0.9:
        _reconcile(task, rng)
    return task


def _value(field: Any, rng: random.Random) -> Any:
    if field.kind is Kind.CHOICE:
        return rng.choice(field.choices)
    if field.kind is Kind.BOOL:
        return rng.random() < (0.1 if field.name == "data_public" else 0.5)
    if field.kind is Kind.INT:
        return max(int(field.low or 0), round(10 ** rng.uniform(0, rng.choice((1, 3, 6, 9)))))
    if field.kind is Kind.FLOAT:
        return min(field.high or 1e6, 10 ** rng.uniform(-4, rng.choice((1, 3, 6))))
    if field.kind is Kind.PAIR:
        low = rng.choice((0.0, 0.0, 1.0, -5.0, 10 ** rng.uniform(-3, 6)))
        return [low, low + rng.choice((1.0, 10 ** rng.uniform(-3, 7)))]
    return {"kind": rng.choice(("abs", "rel")), "value": 10 ** rng.uniform(-4, 5)}


def _reconcile(task: dict[str, Any], rng: random.Random) -> None:
    if "n_units" in task:
        task["n_holders"] = min(task.get("n_holders", 1), task["n_units"])
        if task.get("each_holder_one_unit") and task["n_holders"] > 1:
            task["n_units"] = task["n_holders"]
    if "bounds" in task:
        task["bounds"] = [0.0, 1.0] if task.get("function") == "proportion" else [0.0, rng.choice((1.0, 100.0, 1e5))]
    if task.get("function") == "proportion":
        for name in ("expected_value", "tolerance"):
            task.pop(name, None)
    if task.get("function") == "top_k" and task.get("n_candidates"):
        task["output_dim"] = min(task.get("output_dim", 1), task["n_candidates"] - 1)
