"""The advisor names `--protocol fast` where it applies and is faster, with its risks, and never in a command."""

from __future__ import annotations

from typing import Any

import pytest
from support.advising import MACHINE

from cli.advisor.answer import Answer, advise
from psi.fast.parameters import MAX_ITEMS

TASK: dict[str, Any] = {
    "function": "intersection", "n_holders": 2, "n_a": 1_000_000, "n_b": 1_000_000, "recipients": "one_participant",
    "exact": "required", "output_privacy": "not_needed", "trusted_curator": False, "each_holder_one_unit": False,
}  # fmt: skip


def answer(**changes: Any) -> Answer:
    found = advise({**TASK, **changes}, MACHINE)
    assert isinstance(found, Answer)
    return found


def said(found: Answer) -> list[str]:
    return [note for note in found.notes if "--protocol fast" in note]


def test_a_million_items_are_faster_by_it() -> None:
    found = answer()
    (note,) = said(found)
    # 20 ms and 10 us for each pair of items. On the curve a side has 2,000,000 times 20 us on two cores, and more.
    assert "10 s and 39.2 MB in place of 21.5 s and 74 MB" in note
    assert "experimental and not reviewed" in note
    assert "a learner that cheats can learn all of it" in note
    assert "--protocol" not in " ".join(step.line for step in found.steps)
    assert note in found.to_json()["notes"]
    assert {p.quantity for p in found.predictions} >= {
        "psi_bytes by the fast protocol, one side learns", "psi_seconds by the fast protocol, one side learns",
    }  # fmt: skip


def test_where_both_learn_there_are_two_runs() -> None:
    (note,) = said(answer(recipients="participants"))
    assert "20 s and 78.4 MB in place of 43 s and 148 MB" in note


@pytest.mark.parametrize(
    "changes",
    [
        {"function": "intersection_size"},
        {"function": "intersection_sum"},
        {"adversary": "malicious"},
        {"match": "fuzzy"},
        {"n_holders": 3},
        {"n_a": MAX_ITEMS + 1},
        {"n_b": MAX_ITEMS + 1},
        {"n_a": None},
        {"n_b": None},
        {"data_public": True},
        {"n_a": 100, "n_b": 100},  # the curve is faster
    ],
)
def test_it_is_not_named_where_it_cannot_run_or_is_slower(changes: dict[str, Any]) -> None:
    assert not said(answer(**changes))


def test_the_longest_list_is_named() -> None:
    assert said(answer(n_a=MAX_ITEMS, n_b=MAX_ITEMS))
