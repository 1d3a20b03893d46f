"""Where the advisor's predicates and warnings turn, and the numbers in its commands, each worked by hand."""

from __future__ import annotations

from math import log
from typing import Any

import pytest
from support.advising import MACHINE

from cli.advisor import sources
from cli.advisor.answer import Answer, advise
from cli.advisor.curves import charts
from cli.advisor.findings import Fit, Verdict
from cli.advisor.labels import Label
from cli.advisor.predicates import Traits
from cli.advisor.svg import _Axis
from cli.advisor.task import Facts, FieldError, check_together
from cli.advisor.text import error_text

WISH = {"output_privacy": "required", "exact": "not_needed", "unit_per_release": False, "epsilon_total": 1.0}
HOLDER = {"n_holders": 1, "trusted_curator": True, "each_holder_one_unit": False, "n_units": 1000}
PARTIES = {"trusted_curator": False, "each_holder_one_unit": False, "n_units": 1000}
SHARE = {"function": "proportion", "each_holder_one_unit": True, "trusted_curator": False}
GIANT = {"function": "sum", "exact": "preferred", "dominant_possible": True, "aux_likely": True}
TWO = {"function": "sum", "n_holders": 2, "recipients": "external", "each_holder_one_unit": False}


@pytest.mark.parametrize(
    ("predicate", "task", "change"),
    [
        # Without a tolerance, five times 1.96*sqrt(3)/2/sqrt(n) must be within one half: n >= 288.1.
        ("local_good", {**SHARE, "epsilon_total": log(3), "n_holders": 289}, {"n_holders": 288}),
        # At epsilon 1/2 and n = 1000 the error is 0.123: within one half, and five times of it is not.
        ("local_good", {**SHARE, "epsilon_total": 0.5, "n_holders": 1001}, {"n_holders": 1000}),
        ("known_giant", GIANT, {"aux_likely": False}),
        ("known_giant", GIANT, {"dominant_possible": False}),
        ("known_giant", GIANT, {"exact": "required"}),
        ("two_alone", {**TWO, "recipients": "one_participant"}, {"recipients": "external"}),
        ("two_alone", {**TWO, "each_holder_one_unit": True}, {"each_holder_one_unit": False}),
        ("two_alone", {**TWO, "each_holder_one_unit": True}, {"n_holders": 3}),
        ("too_many", {**SHARE, "n_holders": 1001}, {"n_holders": 1000}),
        ("too_many", {**SHARE, "n_holders": 1001}, {"helper_servers": True}),
        ("entitled", {"function": "sum", "n_holders": 1}, {"output_privacy": "desired"}),
        ("entitled", {"function": "sum", "n_holders": 1}, {"recipients": "public"}),
        ("more_than_two", {"n_holders": 3}, {"n_holders": 2}),
        ("wants_exact", {"exact": "preferred"}, {"output_privacy": "desired"}),
    ],
)
def test_a_predicate_turns_with_one_field(predicate: str, task: dict[str, Any], change: dict[str, Any]) -> None:
    before, after = (Traits(Facts(fields, asking=frozenset())) for fields in (task, {**task, **change}))
    assert (getattr(before, predicate), getattr(after, predicate)) == (True, False)


def answer(task: dict[str, Any]) -> Answer:
    found = advise({**WISH, **task}, MACHINE)
    assert isinstance(found, Answer)
    return found


COUNTED = {"function": "count", "n_holders": 5, **PARTIES, "exact": "required", "output_privacy": "not_needed"}
LISTS = {"function": "intersection", "n_holders": 2, **PARTIES, "exact": "required", "output_privacy": "not_needed"}


@pytest.mark.parametrize(
    ("tag", "task", "change"),
    [
        ("DIFFERENCING", {**COUNTED, "releases": 2, "inputs_change": True}, {"releases": 1}),
        ("DIFFERENCING", {**COUNTED, "releases": 2, "inputs_change": True}, {"inputs_change": False}),
        ("COMPOSITION", {"function": "count", **HOLDER, "releases": 2}, {"releases": 1}),
        ("GROUP_PRIVACY", {"function": "count", **HOLDER, "max_contrib": 2}, {"max_contrib": 1}),
        ("EDGE_OUTPUT", {**COUNTED, "function": "sum", "n_units": 100}, {"n_units": 101}),
        ("SCALE", {**COUNTED, "n_holders": 101}, {"n_holders": 100}),
        ("SCALE", {**LISTS, "n_a": 5_000_000, "n_b": 5_000_000}, {"n_a": 4_999_999}),
        ("MALICIOUS", {**COUNTED, "adversary": "malicious"}, {"adversary": "semi_honest"}),
        ("DROPOUT", {**COUNTED, "always_online": False}, {"always_online": True}),
    ],
)
def test_a_warning_turns_with_one_field(tag: str, task: dict[str, Any], change: dict[str, Any]) -> None:
    given, not_given = ({w.tag for w in answer(fields).warnings} for fields in (task, {**task, **change}))
    assert (tag in given, tag in not_given) == (True, False)


@pytest.mark.parametrize(
    ("task", "ending"),
    [
        ({"function": "count", **HOLDER, "epsilon_total": 2.0, "releases": 4, "max_contrib": 3},
         "--equals yes --epsilon 1/2 --neighbors replace --contributions 3"),
        ({"function": "count", **HOLDER, "epsilon_total": 2.0, "releases": 4, "unit_per_release": True},
         "--equals yes --epsilon 2 --neighbors replace"),
        ({"function": "mean", **HOLDER, "bounds": [0, 50]},
         "--lower 0 --upper 50 --n 1000 --epsilon 1 --neighbors replace"),
        ({"function": "quantile", **HOLDER, "bounds": [0, 50], "bounded": "yes"},
         "--lower 0 --upper 50 --unit 0.05 --q 0.5 --epsilon 1 --neighbors replace"),  # a thousand steps
        # An error of 10 pays for two colluders (test_hand_numbers); a party's count is up to that of all 400 units.
        ({"function": "count", "n_holders": 4, **PARTIES, "n_units": 400, "epsilon_total": 0.5,
          "tolerance": {"kind": "abs", "value": 10}},
         "--epsilon 0.5 --colluding 2 --neighbors replace --lower 0 --upper 400 --sensitivity 1 --decimals 0"),
        ({**LISTS, "function": "intersection_size", "n_a": 1000, "n_b": 3000, "exact": "not_needed",
          "output_privacy": "required"}, "--reveal noisy-count --learn me --epsilon 1 --delta 1e-9"),
    ],
)  # fmt: skip
def test_the_numbers_in_a_command(task: dict[str, Any], ending: str) -> None:
    assert answer(task).steps[-1].line.endswith(ending)


def test_a_top_k_needs_more_candidates_than_places() -> None:
    check_together({"function": "top_k", "n_candidates": 4, "output_dim": 3})
    with pytest.raises(FieldError, match="n_candidates"):
        check_together({"function": "top_k", "n_candidates": 3, "output_dim": 3})


def test_as_many_people_as_holders_where_each_holds_its_own_value() -> None:
    own = {"function": "sum", "n_holders": 5, "each_holder_one_unit": True}
    for fields in ({**own, "n_units": 5}, {**own, "n_units": 6, "each_holder_one_unit": False}, own,
                   {**own, "n_holders": 1, "n_units": 6}):  # fmt: skip
        check_together(fields)
    for units, said in ((6, "so there are 5 in the data"), (4, "fewer people than holders")):
        with pytest.raises(FieldError, match=said):
            check_together({**own, "n_units": units})


def test_a_change_is_said_with_the_error_of_the_approach_that_it_leads_to() -> None:
    # With 42 units an error of 10 pays for 21 of 42 colluding, so for two Laplace in all: 4.11 scales of 100/42. A
    # holder's noise would have 3 of them.
    two = {**SHARE, "function": "mean", "n_holders": 2, "n_units": 2, "bounds": [0, 100]}
    (first, *_) = answer({**two, "tolerance": {"kind": "abs", "value": 10}}).changes
    assert first.edit == "collect data from 42 people or more"
    assert first.effect.startswith("then secure computation with noise fits")
    assert float(first.effect.split("off by up to ")[1].split(",")[0]) == pytest.approx(4.11 * 100 / 42, rel=0.01)


def test_numbers_in_words() -> None:
    def said(tag: str, task: dict[str, Any]) -> str:
        (text,) = (warning.text for warning in answer(task).warnings if warning.tag == tag)
        return text

    clamped = {"function": "sum", **HOLDER, "bounded": "clampable", "bounds": [0, 80], "epsilon_total": 0.5}
    assert "160" in said("UNBOUNDED_SENS", clamped)  # 80/0.5
    assert "all parties but one" in said("COLLUSION", COUNTED)
    none, exact = (Verdict(Label.MPC_SUM, Fit.FITS, "", err95=error) for error in (None, 0))
    assert (error_text(none), error_text(exact)) == ("-", "exact")


def test_many_shares_of_noise_grow_like_their_square_root() -> None:
    assert sources.split_noise_err95(400.0) == pytest.approx(2 * sources.split_noise_err95(100.0))


def test_a_logarithmic_axis_and_the_other_list_of_a_chart() -> None:
    axis = _Axis(1, 10_000, 100, 500)
    assert [axis.at(value) for value in (1, 10, 100, 10_000)] == pytest.approx([100, 200, 300, 500])
    found = answer({**LISTS, "n_a": 1000, "n_b": 3000})
    seconds = charts(found.setting, dict(found.given))[-1].curves[0].points
    size, predicted = seconds[0]
    # 100 and 300 items: a tenth of what test_hand_numbers has for 1000 and 3000.
    assert (size, predicted) == (100, pytest.approx(0.00445))
