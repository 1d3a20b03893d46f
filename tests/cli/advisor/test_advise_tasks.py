"""The advisor against the worked examples and against our own labelled tasks."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from support.advising import MACHINE

from cli.advisor import examples
from cli.advisor.answer import Answer, advise

FOLDER = Path(__file__).parent / "tasks"
OWN = {path.stem: tomllib.loads(path.read_text()) for path in sorted(FOLDER.glob("*.toml"))}
# Labelled before the first run; docs/advisor-tasks.md says why the advisor answers otherwise.
DISAGREEMENTS = {"exposure-keys": "PSI", "scram-cyber-loss": "MPC_THRESHOLD"}


def decided(fields: dict[str, Any]) -> Answer:
    found = advise({name: value for name, value in fields.items() if value is not None}, MACHINE)
    assert isinstance(found, Answer)
    return found


@pytest.mark.parametrize("item", examples.items(), ids=lambda item: item["id"])
def test_worked_example(item: dict[str, Any]) -> None:
    answer = decided(item["fields"])
    assert answer.primary == item["expected"]
    tags = {warning.tag for warning in answer.warnings}
    assert tags >= set(item["must_warn"])
    assert tags <= set(item["must_warn"]) | set(item["may_warn"])
    for wanted in item["expected_numbers"]:
        name = wanted["quantity"].split()[0].rstrip(",")
        found = [p for p in answer.predictions if p.quantity.startswith(name)]
        near = [p for p in found if p.value == pytest.approx(wanted["value"], rel=wanted["rel_tol"])]
        assert near, f"{wanted['quantity']}: {[(p.quantity, p.value) for p in found]}"


# Fields that do not bear on an example's answer, with other values; each may change without changing the label.
IRRELEVANT: dict[str, list[Any]] = {
    "outlier_sensitive": [True, False],
    "inputs_change": [True, False],
    "always_online": [False],
    "anonymous_participants": [True],
    "ids_enumerable": [True],
    "delta": [1e-6],
    "domain_known": [True, False],
}
BY_BRANCH: dict[str, dict[str, list[Any]]] = {
    "A01": {"n_a": [5], "epsilon_total": [0.1, 10.0], "recipients": ["external", "public"], "aux_likely": [True]},
    "A02": {"exact": ["not_needed"], "n_holders": [9, 5], "bounded": ["yes", "na"], "adversary": ["semi_honest"]},
    "A03": {"epsilon_total": [0.1, 10.0], "releases": [5], "recipients": ["public"], "dominant_possible": [True]},
    "A04": {"exact": ["not_needed"], "output_privacy": ["desired"], "n_units": [30, 100], "epsilon_total": [0.01]},
    "A05": {"exact": ["preferred"], "n_units": [100], "output_privacy": ["desired"], "epsilon_total": [3.0]},
    "A06": {"epsilon_total": [0.1, 10.0], "recipients": ["public"], "aux_likely": [False], "n_units": [400]},
    "A07": {"recipients": ["public"], "aux_likely": [True], "dominant_possible": [True], "n_units": [20_000]},
    "A08": {"epsilon_total": [0.1, 10.0], "n_units": [10, 10**7], "dominant_possible": [False]},
    "A09": {"recipients": ["external"], "n_units": [300, 10**6], "score_gap": [20, None], "n_candidates": [2, 1000]},
    "A10": {"epsilon_total": [0.1, 10.0], "score_gap": [None, 5], "n_candidates": [3], "recipients": ["public"]},
    "A11": {"exact": ["not_needed"], "epsilon_total": [0.1], "n_a": [1, 10**8], "output_privacy": ["desired"]},
    "A12": {"aux_likely": [False], "n_units": [40_000], "recipients": ["participants"], "expected_value": [5000]},
}


@pytest.mark.parametrize("item", examples.items(), ids=lambda item: item["id"])
def test_irrelevant_fields_do_not_change_the_label(item: dict[str, Any]) -> None:
    for name, values in (IRRELEVANT | BY_BRANCH[item["id"]]).items():
        for value in values:
            fields = {**item["fields"], name: value}
            if name == "n_holders":
                fields["n_units"] = value
            elif name == "n_units" and fields["each_holder_one_unit"] and fields["n_holders"] > 1:
                fields["n_holders"] = value
            assert decided(fields).primary == item["expected"], f"{name}={value}"


def test_there_are_enough_own_tasks() -> None:
    assert len(OWN) >= 30


@pytest.mark.parametrize("name", OWN)
def test_own_task(name: str) -> None:
    task = OWN[name]
    answer = decided(task["fields"])
    assert answer.primary == DISAGREEMENTS.get(name, task["expected"])
    if name not in DISAGREEMENTS:
        assert {warning.tag for warning in answer.warnings} >= set(task["must_warn"])
    else:
        assert answer.primary != task["expected"], "no disagreement any more: mend the page"


def test_disagreements_are_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "advisor-tasks.md").read_text()
    assert f"{len(OWN) - len(DISAGREEMENTS)} of {len(OWN)}" in page
    for name, task in OWN.items():
        assert task["title"] in page
        assert (name in DISAGREEMENTS) == (
            f"**{DISAGREEMENTS.get(name)}**" in next(line for line in page.splitlines() if task["title"] in line)
        )
