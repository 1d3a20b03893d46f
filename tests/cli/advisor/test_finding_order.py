"""The order of the findings of an approach: where two neighbours both hold, the first one is what the table says."""

from __future__ import annotations

from typing import Any

import pytest
from support.advising import MACHINE

from cli.advisor.approaches import APPROACHES
from cli.advisor.labels import Label
from cli.advisor.predicates import Traits, holds
from cli.advisor.predictions import Setting
from cli.advisor.task import Facts

# A task for which two neighbours hold and none before them, and the beginning of the first one: how the
# approach fits, and why.
Row = tuple[str, dict[str, Any], str]

HIDE, EXACT, CHEAT = {"output_privacy": "required"}, {"exact": "required"}, {"adversary": "malicious"}
OWN = {"each_holder_one_unit": True, "n_holders": 50, "n_units": 50}


def within(value: float) -> dict[str, Any]:
    return {"tolerance": {"kind": "abs", "value": value}}


# fmt: off
LISTS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"function": "sum", "n_holders": 3}, "no: this is for items of two lists"),
    ({"function": "lookup", "n_holders": 3, "match": "fuzzy"}, "no: this is for two lists, and there are 3"),
    ({"function": "intersection_join_stats", "n_holders": 2, "match": "fuzzy"}, "no: this finds equal items only"),
    ({"function": "intersection_join_stats", "n_holders": 2, **CHEAT}, "no: statistics need"),
    ({"function": "lookup", "n_holders": 2, **CHEAT, **HIDE}, "no: this assumes that both"),
)
ROWS: tuple[Row, ...] = (
    *(("PSI", task, text) for task, text in LISTS),
    *(("PSI_AGG", task, text) for task, text in LISTS),
    ("PSI", {"function": "intersection", "n_holders": 2, **HIDE}, "no: the items themselves name people"),
    ("PSI_AGG", {"function": "intersection", "n_holders": 2, **HIDE}, "no: a count does not say which"),
    ("PSI_AGG", {"function": "intersection_size", "n_holders": 2, **HIDE}, "no: an exact number hides nobody"),
    ("MPC_SUM", {"function": "custom", "n_holders": 1}, "no: this is not a sum"),
    ("MPC_SUM", {"function": "count", "n_holders": 2, **CHEAT}, "no: with two parties, the sum minus one's own"),
    ("MPC_SUM", {"function": "count", "n_holders": 5, **CHEAT, **HIDE}, "no: nothing checks the inputs"),
    ("MPC_SUM", {"function": "count", "n_holders": 5, **HIDE}, "no: an exact total hides nobody"),
    ("MPC_THRESHOLD", {"function": "custom", "n_holders": 1}, "no: a yes or no does not answer this"),
    ("MPC_THRESHOLD", {"function": "all_agree", "n_holders": 1, **HIDE}, "no: there is one holder"),
    ("MPC_THRESHOLD", {"function": "all_agree", "n_holders": 5, **HIDE}, "no: an exact result hides nobody"),
    ("MPC_OTHER", {"function": "individual_record", "n_holders": 1}, "no: the result is the private data itself"),
    ("MPC_OTHER", {"function": "all_agree", "n_holders": 1, **HIDE}, "no: there is one holder"),
    ("MPC_OTHER", {"function": "select_best", "n_holders": 5, **HIDE}, "no: an exact result hides nobody"),
    ("DP_LAPLACE", {"function": "select_best", "n_candidates": 6, "score_gap": 1000.0, "n_holders": 1},
     "gap: each of 6 totals"),
    ("DP_LAPLACE", {"function": "select_best", "n_candidates": 6, "score_gap": 1.0, "n_holders": 1},
     "no: each of 6 totals"),
    ("DP_LAPLACE", {"function": "quantile", "bounded": "no", "n_holders": 1}, "no: noise on a number does not answer"),
    ("DP_LAPLACE", {"function": "count", "bounded": "no", "n_holders": 1, **within(1)}, "no: one person can change it"),
    ("DP_LAPLACE", {"function": "count", "n_holders": 1, **EXACT, **within(1)}, "no: off by up to 3, 19"),
    ("DP_LAPLACE", {"function": "count", "n_holders": 5, **EXACT, **within(9)}, "no: off by up to 3, and no"),
    ("DP_EXP", {"function": "lookup", "n_holders": 2, "n_a": 100, "n_b": 100}, "no: at epsilon 1, a share"),
    ("DP_EXP", {"function": "extreme", "n_holders": 1, "score_gap": 1.0}, "no: noise hides the extreme itself"),
    ("DP_EXP", {"function": "quantile", "n_holders": 1, "score_gap": 1.0, **EXACT}, "no: up to 19.8 ranks off"),
    ("DP_EXP", {"function": "quantile", "n_holders": 5, "score_gap": 1000.0, **EXACT}, "no: the choice is drawn"),
    ("DP_LOCAL", {"function": "lookup", "n_holders": 2, "n_a": 100, "n_b": 100}, "no: at epsilon 1, a share"),
    ("DP_LOCAL", {"function": "top_k", "n_holders": 5}, "no: the holders have other people's data"),
    ("DP_LOCAL", {"function": "quantile", **OWN}, "no: if each voter adds noise"),
    ("DP_LOCAL", {"function": "inference", **OWN, "bounded": "no"}, "no: this is not a count"),
    ("DP_LOCAL", {"function": "count", **OWN, "bounded": "no", **within(1)}, "no: one person can change it"),
    ("DP_LOCAL", {"function": "count", **OWN, **EXACT, **within(1)}, "no: off by up to 13.3, 19"),
    ("DP_LOCAL", {"function": "count", **OWN, **EXACT, **within(20), "trusted_curator": True}, "no: off by up to 13"),
    ("MPC_DP", {"function": "intersection_join_stats", "n_holders": 5}, "gap: noise is added in a computation"),
    ("MPC_DP", {"function": "custom", "n_holders": 1}, "no: with noise this is of no use"),
    ("MPC_DP", {"function": "quantile", "n_holders": 1, "bounded": "no"}, "no: there is one holder"),
    ("MPC_DP", {"function": "quantile", "n_holders": 5, "bounded": "no", "score_gap": 1.0}, "no: one person"),
    ("MPC_DP", {"function": "count", "n_holders": 2, **EXACT, **within(1)}, "no: off by up to 4.1"),
    ("MPC_DP", {"function": "count", **OWN, "n_holders": 2000, "n_units": 2000, **EXACT, **within(9)}, "no: off by"),
    ("NO_PET", {"data_public": True, "n_holders": 2, "function": "sum"}, "fits: everybody may see the inputs"),
    ("NO_PET", {"function": "sum", "n_holders": 5, **HIDE}, "no: nobody may see all the data"),
    ("NO_PET", {"function": "sum", "n_holders": 1, **HIDE}, "no: an exact result hides nobody"),
)
# Neighbours that never both hold, or that say the same. The number is that of the first, from 0.
NO_DIFFERENCE = {
    ("MPC_SUM", 1),  # one holder, two holders
    ("MPC_SUM", 5), ("MPC_SUM", 6), ("MPC_SUM", 7),  # all that speaks against a total is said together
    ("MPC_OTHER", 0), ("DP_LAPLACE", 1), ("DP_LAPLACE", 2), ("DP_EXP", 2), ("MPC_DP", 1),  # other functions
    ("MPC_DP", 2),
    ("DP_LAPLACE", 0), ("DP_EXP", 0), ("DP_LOCAL", 0), ("MPC_DP", 0),  # without sizes there is no second reason
    ("MPC_DP", 7), ("MPC_DP", 8),  # a choice has one reason
    ("MPC_DP", 9),  # a choice that holds so far does fit
}
# fmt: on


def setting(task: dict[str, Any]) -> Setting:
    return Setting(Traits(Facts({"n_units": 1000, "epsilon_total": 1.0, **task}, asking=frozenset())), MACHINE)


def first(label: str, made: Setting) -> int:
    return next(i for i, finding in enumerate(APPROACHES[Label(label)]) if holds(finding.when, made.t))


@pytest.mark.parametrize(("label", "task", "beginning"), ROWS)
def test_of_two_findings_that_hold_the_first_is_said(label: str, task: dict[str, Any], beginning: str) -> None:
    made, findings = setting(task), APPROACHES[Label(label)]
    at = first(label, made)
    assert holds(findings[at + 1].when, made.t)
    found = findings[at].verdict(Label(label), made)
    assert f"{found.fit.name.lower()}: {found.reason}".startswith(beginning)


def test_every_two_neighbours_have_a_task_or_make_no_difference() -> None:
    decided = {(label, first(label, setting(task))) for label, task, _ in ROWS}
    # The last finding of each approach holds always, and only where nothing else does.
    pairs = {(str(label), i) for label, findings in APPROACHES.items() for i in range(len(findings) - 2)}
    assert decided | NO_DIFFERENCE == pairs
    assert decided & NO_DIFFERENCE == set()
