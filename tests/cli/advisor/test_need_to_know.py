"""What is still open: the labels listed for each answer to the open question are all that can come."""

from __future__ import annotations

import random
from typing import Any

import pytest
from support.advise_random import random_task
from support.advising import MACHINE

from cli.advisor.answer import Undecided, advise
from cli.advisor.fields import ALWAYS, BY_NAME, FUNCTIONS
from cli.advisor.logic import Open, consistent, settle
from cli.advisor.rules import Rule
from cli.advisor.task import Facts


def test_a_sum_of_five_can_end_in_a_secure_sum() -> None:
    undecided = advise({"function": "sum", "n_holders": 5}, MACHINE)
    assert isinstance(undecided, Undecided)
    listed = {label for _, labels in undecided.outcomes for label in labels}
    assert {"MPC_SUM", "MPC_DP", "CHANGE_TASK", "DP_LAPLACE", "NO_PET"} <= listed


def missing_labels(tasks: int, fillings: int, seed: int) -> list[tuple[dict[str, Any], Any, str]]:
    """For open tasks, completed at random in the fields that are never assumed: labels that were not listed."""
    rng, missing = random.Random(seed), []
    for _ in range(tasks):
        full = random_task(rng, complete=True)
        full["function"] = rng.choice(FUNCTIONS)
        given = {name: value for name, value in full.items() if name not in ALWAYS or rng.random() < 0.6}
        given["function"] = full["function"]
        if not consistent(given):
            continue
        found = settle(given)
        if not isinstance(found, Open):
            continue
        outcomes = dict(enumerate(found.outcomes))
        for _ in range(fillings):
            other = random_task(rng, complete=True)
            value, labels = outcomes[rng.randrange(len(outcomes))]
            task = {**{name: other[name] for name in ALWAYS}, **given, found.field: value}
            if task["each_holder_one_unit"] and task["n_holders"] > 1 and "n_units" not in given:
                task["n_units"] = task["n_holders"]
            if not consistent(task):
                continue
            decided = settle(task)
            assert isinstance(decided, Rule), Facts(task)
            if decided.label not in labels:
                missing.append((given, (found.field, value), str(decided.label)))
    return missing


def test_no_label_is_missing() -> None:
    assert missing_labels(60, 8, 31) == []


@pytest.mark.parametrize(("known", "unknown"), [("n_units", "n_holders"), ("n_holders", "n_units")])
def test_as_many_holders_as_people_are_tried(known: str, unknown: str) -> None:
    """Four people with a value each are four holders, though none of the numbers that are tried for all tasks is 4."""
    task = {"function": "mean", known: 4, "each_holder_one_unit": True, "trusted_curator": False,
            "recipients": "participants", "output_privacy": "not_needed", "exact": "required"}  # fmt: skip
    assert consistent({**task, unknown: 4})
    found = settle(task)
    labels = {found.label} if isinstance(found, Rule) else {label for _, labels in found.outcomes for label in labels}
    assert "MPC_SUM" in labels
    assert settle({**task, unknown: 4}, ALWAYS) == settle({**task, "n_holders": 4, "n_units": 4})


@pytest.mark.soak
def test_no_label_is_missing_from_many() -> None:
    assert missing_labels(1500, 20, 32) == []


def test_the_extremes_are_allowed_values() -> None:
    from cli.advisor.task import check

    for field in BY_NAME.values():
        for value in field.extremes:
            assert check(field.name, value) == value
