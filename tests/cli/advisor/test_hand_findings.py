"""Numbers beside the printed quantities, worked by hand: the table of approaches, changes, warnings, borders, words."""

from __future__ import annotations

from math import log, sqrt
from statistics import NormalDist
from typing import Any

import pytest
from support.advising import MACHINE

from cli.advisor import wording
from cli.advisor.answer import Answer, Undecided, advise
from cli.advisor.curves import charts
from cli.advisor.numbers import Limit, Numbers
from cli.advisor.task import Facts

Z = NormalDist().inv_cdf(0.975)
HOLDER = {"n_holders": 1, "trusted_curator": True, "each_holder_one_unit": False}
ALONE = {"trusted_curator": False, "each_holder_one_unit": True}
PARTIES = {"trusted_curator": False, "each_holder_one_unit": False}
WISH = {"output_privacy": "required", "exact": "not_needed", "unit_per_release": False, "epsilon_total": 1.0}
# 1000 votes, 20 options, sensitivity 1: the exponent is 1/2.
VOTE = {"function": "select_best", **HOLDER, "n_units": 1000, "n_candidates": 20}
# b = 100/(1*n): 1/5 for 500 units, so an error of ln(20)/5 = 0.6.
MEAN = {"function": "mean", **HOLDER, "n_units": 500, "bounds": [0, 100], "tolerance": {"kind": "abs", "value": 0.1}}
COUNT = {"function": "count", **HOLDER, "n_units": 1000}


def answer(task: dict[str, Any], **more: Any) -> Answer:
    fields = {name: value for name, value in {**WISH, **task, **more}.items() if value is not None}
    found = advise(fields, MACHINE)
    assert isinstance(found, Answer)
    return found


def numbers(task: dict[str, Any], **more: Any) -> Numbers:
    return Numbers(Facts({**WISH, **task, **more}, asking=frozenset()))


# The table of approaches.


@pytest.mark.parametrize(
    ("task", "label", "error"),
    [
        (COUNT, "DP_LAPLACE", log(20)),
        (VOTE, "DP_EXP", 2 * log(400)),  # the best of 20, missed with 0.05
        # Each ballot may touch every of 20 totals: b = 20/1, and each total misses with 0.05/20.
        (VOTE, "DP_LAPLACE", 20 * log(400)),
        ({**VOTE, "n_holders": 5, "trusted_curator": False}, "MPC_DP", 2 * log(400)),
        # Half of 400 answers kept with 3/4: see test_hand_numbers.
        ({"function": "count", **ALONE, "n_holders": 400, "n_units": 400, "epsilon_total": log(3)}, "DP_LOCAL",
         10 * sqrt(3) * Z),
        ({"function": "sum", "n_holders": 5, "n_units": 50, **PARTIES, "output_privacy": "not_needed",
          "exact": "required"}, "MPC_SUM", 0),
    ],
)  # fmt: skip
def test_the_error_of_an_approach(task: dict[str, Any], label: str, error: float) -> None:
    (verdict,) = (verdict for verdict in answer(task).verdicts if verdict.label == label)
    assert verdict.err95 == pytest.approx(error)


def test_the_traffic_of_an_exact_sum_and_the_cost_of_two_lists() -> None:
    exact = {"output_privacy": "not_needed", "exact": "required"}
    summed = answer({"function": "sum", "n_holders": 5, "n_units": 50, **PARTIES, "output_dim": 3}, **exact)
    assert summed.verdicts[0].bytes == 2 * 5 * 4 * 3 * 8  # a share and a partial sum, all to all; 8 bytes a number
    lists = {"function": "intersection", "n_holders": 2, "n_units": 4000, **PARTIES, "n_a": 1000, "n_b": 3000}
    for recipients, size, seconds in (("one_participant", 88_000, 0.0445), ("participants", 288_000, 0.109)):
        verdict = answer(lists, recipients=recipients, **exact).verdicts[0]
        assert (verdict.bytes, verdict.seconds) == (size, pytest.approx(seconds))  # see test_hand_numbers


# What is tolerable, and what is at stake.


@pytest.mark.parametrize(
    ("task", "limit", "source"),
    [
        ({**COUNT, "tolerance": {"kind": "abs", "value": 7}, "expected_value": 100}, 7, Limit.TOLERANCE),
        ({**COUNT, "tolerance": {"kind": "rel", "value": 0.2}, "expected_value": 100}, 20, Limit.TOLERANCE),
        ({**COUNT, "tolerance": {"kind": "rel", "value": 0.2}}, 100, Limit.TYPICAL),  # of half of 1000
        ({**COUNT, "expected_value": 100}, 10, Limit.EXPECTED),
        (COUNT, 500, Limit.HALF),
        ({**MEAN, "bounds": [20, 100], "tolerance": None}, 40, Limit.HALF),
        ({**MEAN, "function": "sum", "bounds": [20, 100], "tolerance": None}, 40 * 500, Limit.HALF),
        # A middling mean or sum lies at half of the bound that is farther from 0.
        ({**MEAN, "bounds": [-100, 20], "tolerance": {"kind": "rel", "value": 0.1}}, 5, Limit.TYPICAL),
        ({**MEAN, "function": "sum", "tolerance": {"kind": "rel", "value": 0.1}}, 0.1 * 50 * 500, Limit.TYPICAL),
        ({**COUNT, "function": "histogram", "output_dim": 8, "tolerance": {"kind": "rel", "value": 0.1}}, 12.5,
         Limit.TYPICAL),  # 1000 units in 8 cells
        ({"function": "intersection_size", "n_a": 300, "n_b": 900}, 150, Limit.HALF),  # half of the shorter list
        ({"function": "intersection_sum", "n_a": 300, "n_b": 900, "bounds": [0, 4]}, 600, Limit.HALF),
    ],
)  # fmt: skip
def test_what_is_tolerable(task: dict[str, Any], limit: float, source: Limit) -> None:
    found = numbers(task)
    assert (found.limit, found.limit_source) == (pytest.approx(limit), source)
    assert found.fits(found.limit)
    assert not found.fits(found.limit * 1.001)


def test_what_is_at_stake_in_a_choice() -> None:
    assert numbers(VOTE, score_gap=30.0, expected_value=200).at_stake == 30
    assert numbers(VOTE, expected_value=200).at_stake == 200
    assert numbers(VOTE).at_stake == 1000
    assert numbers(COUNT, function="quantile").at_stake == 250  # a median that may be a quartile is none


def test_who_adds_the_noise_of_several() -> None:
    assert numbers(COUNT, n_holders=1).noise_parties == 2
    assert numbers(COUNT, n_holders=1000).noise_parties == 1000
    assert numbers(COUNT, n_holders=1001).noise_parties == 2  # two servers
    assert numbers(COUNT, n_holders=7, function="intersection_size").noise_parties == 2


# What would make a task fit. Proposals are rounded up, to three digits or (errors, epsilon) to two.


def proposed(task: dict[str, Any], **more: Any) -> list[str]:
    return [change.edit for change in answer(task, **more).changes]


def test_changes_to_a_mean() -> None:
    edits = proposed(MEAN)
    assert edits[0] == "collect data from 3,000 people or more"  # 500*ln(20)/5/0.1 = 2995.7
    assert "accept an error of 0.6, 19 times in 20" in edits
    assert edits[2].startswith("use epsilon 6,")  # 0.599/0.1
    assert not any("epsilon" in edit for edit in proposed(MEAN, tolerance={"kind": "abs", "value": 0.01}))  # 60: no


def test_fewer_releases() -> None:
    # 40 releases share epsilon 1: an error of 40*ln(20) = 119.8 where 30 is tolerable; 10 have ln(20)*10 = 29.96.
    assert "give out at most 10 results from this epsilon" in proposed(COUNT, releases=40, expected_value=300)


def test_larger_groups() -> None:
    # 10 % of what is expected is an error of ln(20)*10 = 29.96: 299.6, rounded up.
    edits = proposed(COUNT, epsilon_total=0.1, expected_value=50)
    assert any("about 300 people are expected" in edit for edit in edits)


def test_a_lead_and_more_ranks() -> None:
    assert any("a lead of 12 votes" in edit for edit in proposed(VOTE, score_gap=4.0))  # 2*ln(400) = 11.98
    # Of a quantile on 1000 points: 2*ln(20000)/1 = 19.8 ranks, a quarter of 80 units.
    quantile = {"function": "quantile", **HOLDER, "bounds": [0, 1], "bounded": "yes", "n_units": 50}
    assert "collect data from 80 people or more" in proposed(quantile)


def test_a_clamp_leaves_half_of_the_error_for_what_is_cut_off() -> None:
    unlimited = {
        "function": "sum",
        **HOLDER,
        "n_units": 500,
        "bounded": "no",
        "tolerance": {"kind": "abs", "value": 60},
    }
    assert proposed(unlimited)[0].startswith("cut values off at 10 ")  # 60/2/ln(20) = 10.01
    mean = {**unlimited, "function": "mean", "tolerance": {"kind": "abs", "value": 0.2}}
    assert proposed(mean)[0].startswith("cut values off at 10 ")  # 0.2/2*500/ln(20) = 16.7: one digit, rounded down


def test_a_million_alone() -> None:
    # Each adds noise: error Z*sqrt(n)/2*... falls as 1/sqrt(n), so four times the units for half of the error.
    share = {"function": "proportion", **ALONE, "n_holders": 10_000, "n_units": 10_000, "epsilon_total": log(3)}
    error = Z * sqrt(3) / 2 / 100
    edits = proposed(share, tolerance={"kind": "abs", "value": error / 2})
    assert edits[0] == "collect data from 40,100 people or more"  # 40,000 and a little


def test_parties_with_a_value_each_need_units_in_proportion() -> None:
    # Two of two Laplace shares stay hidden from each other: 95 % within 4.11 scales of 100/n. So 50*4.11 = 205 where
    # 10 is tolerable, and the error falls as 1/n.
    two = {"function": "mean", **ALONE, "n_holders": 2, "n_units": 2, "bounds": [0, 100]}
    assert proposed(two, tolerance={"kind": "abs", "value": 10})[0] == "collect data from 42 people or more"


# Warnings.


def warned(tag: str, task: dict[str, Any], **more: Any) -> str:
    (text,) = (caution.text for caution in answer(task, **more).warnings if caution.tag == tag)
    return text


def test_numbers_in_warnings() -> None:
    small = warned("SMALL_N", MEAN)
    assert "0.599" in small  # ln(20)/5
    assert "2,996" in small  # 500*0.599/0.1
    shared = warned("COMPOSITION", COUNT, releases=4)
    assert "Each gets 0.25" in shared
    assert "40" in warned("COMPOSITION", COUNT, releases=40, unit_per_release=True)
    keys = warned("UNKNOWN_DOMAIN", {**COUNT, "function": "histogram"}, domain_known=False, delta=1e-6)
    assert "27.2" in keys  # 1 + 2*ln(1/2e-6)
    assert "14.1" in keys
    lists = {"function": "lookup", "n_holders": 4, "n_units": 4000, **PARTIES, "n_a": 1000, "n_b": 3000}
    assert "6" in warned("MULTI_PARTY", lists, exact="required", output_privacy="not_needed")  # 4*3/2 pairs
    two = {**lists, "n_holders": 2, "ids_enumerable": True}
    assert "2.43" in warned("LOW_ENTROPY", two, exact="required", output_privacy="not_needed")  # 10^10*21 us
    five = {"function": "all_agree", **ALONE, "n_holders": 5, "n_units": 5}
    edge = warned("EDGE_OUTPUT", five, output_privacy="not_needed")
    assert "77 %" in edge  # 0.95^5
    assert "20 %" in edge  # 5*0.05*0.95^4 = 0.2036


def test_a_lead_that_is_too_small_is_warned_of_with_its_odds() -> None:
    # 2*ln(19*19) = 11.78; 1/(1 + 19*e^-2) = 0.28.
    text = warned("SMALL_N", VOTE, score_gap=4.0)
    assert "11.8" in text
    assert "28 %" in text


# Borders of an open question, curves, and how numbers are written.


def test_the_border_of_an_open_number() -> None:
    # A share with noise of scale 1/n against a tolerance of 0.01: ln(20)/n, so from 300 units on.
    fields = {**WISH, "function": "proportion", **HOLDER, "tolerance": {"kind": "abs", "value": 0.01}}
    found = advise(fields, MACHINE)
    assert isinstance(found, Undecided)
    assert (found.field, [value for value, _ in found.outcomes]) == ("n_units", ["below 300", "300 or more"])


def test_curves_follow_the_formula() -> None:
    by_epsilon, by_units = charts(answer(MEAN).setting, {**WISH, **MEAN})
    for epsilon, error in by_epsilon.curves[0].points:
        assert error == pytest.approx(log(20) * 100 / 500 / epsilon, rel=1e-5)
    for units, error in by_units.curves[0].points:
        assert error == pytest.approx(log(20) * 100 / units, rel=1e-5)
    assert [points[0][0] for points in (by_epsilon.curves[0].points, by_units.curves[0].points)] == [0.01, 5]
    assert [points[-1][0] for points in (by_epsilon.curves[0].points, by_units.curves[0].points)] == [10, 50_000]
    assert (by_epsilon.here, by_units.here, by_epsilon.level) == (1.0, 500, 0.1)


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (wording.number, 0.123456, "0.123"), (wording.number, 12.345, "12.3"), (wording.number, 1234.5, "1,234"),
        (wording.number, 0, "0"), (wording.number, 1e15, "1.00e+15"), (wording.number, 9e-5, "9.00e-05"),
        (wording.number, float("inf"), "without limit"), (wording.number, 0.5, "0.5"), (wording.number, 100, "100"),
        (wording.whole, 2.01, "3"), (wording.whole, 1234, "1,234"), (wording.count, 1234567, "1,234,567"),
        (wording.percent, 0.5, "50 %"), (wording.percent, 0.05, "5.0 %"), (wording.percent, 0.95, "95.0 %"),
        (wording.percent, 0.9995, "over 99.9 %"), (wording.percent, 1, "over 99.9 %"), (wording.percent, 0, "0.0 %"),
        (wording.percent, 0.0004, "4.0e-02 %"), (wording.size, 999, "999 bytes"), (wording.size, 1000, "1 KB"),
        (wording.size, 88_000, "88 KB"), (wording.size, 5e15, "5,000 TB"), (wording.duration, 119, "119 s"),
        (wording.duration, 120, "2 minutes"), (wording.duration, 7200, "2 hours"),
        (wording.duration, 172_800, "2 days"), (wording.duration, 0.01, "0.01 s"), (wording.duration, 0.0099, "9.9 ms"),
    ],
)  # fmt: skip
def test_numbers_as_people_read_them(write: Any, value: float, text: str) -> None:
    assert write(value) == text
