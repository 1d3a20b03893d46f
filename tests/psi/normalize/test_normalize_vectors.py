"""Every rule gives what its published vectors say, whole column at once and a value at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from psi.normalize import FIRST, RULES

FILES = sorted((Path(__file__).parents[2] / "vectors" / "normalize").glob("*.json"))
GROUPS = [
    pytest.param(
        vectors["rule"], vectors["version"], group, id=f"{vectors['rule']}/{vectors['version']}-{group['options']}"
    )
    for vectors in (json.loads(file.read_text()) for file in FILES)
    for group in vectors["groups"]
]


def test_every_rule_has_vectors() -> None:
    first = {f"{name}-1" for name, rule in FIRST.items() if RULES[name] is not rule}
    assert {file.stem for file in FILES} == set(RULES) | first


@pytest.mark.parametrize(("rule", "version", "group"), GROUPS)
def test_vectors(rule: str, version: int, group: dict[str, Any]) -> None:
    rules = RULES if RULES[rule].version == version else FIRST
    made = rules[rule].of(group["options"])
    assert made.version == version
    assert made.digest().hex() == group["digest"]
    inputs = [case["input"] for case in group["cases"]]
    whole = made.apply(pa.array(inputs, pa.string()))
    reasons = {int(row): str(reason) for reason, rows in whole.unreadable.items() for row in rows}
    for row, case in enumerate(group["cases"]):
        alone = made.apply(pa.array([case["input"]], pa.string()))
        assert whole.values[row].as_py() == alone.values[0].as_py() == case.get("canonical"), case
        assert reasons.get(row) == case.get("reason"), case
        assert [str(reason) for reason in alone.unreadable] == [case[k] for k in case if k == "reason"], case
    assert whole.blank_count == sum(c.get("canonical") is None and "reason" not in c for c in group["cases"])
