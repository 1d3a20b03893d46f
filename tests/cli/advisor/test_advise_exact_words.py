"""What the advisor says agrees with what its commands do: the same range, the same person, the same worst group; and it
says it in words, without the codes of the JSON."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from support.advising import MACHINE, known

from cli.advisor import examples, wording
from cli.advisor.answer import Answer, Undecided, advise
from cli.advisor.cautions import TRIGGERS
from cli.advisor.conversation import read_answer
from cli.advisor.fields import BY_NAME
from cli.advisor.labels import Label
from cli.advisor.logic import Open, settle, telling
from cli.advisor.numbers import Numbers
from cli.advisor.report import page
from cli.advisor.scaffold import contents
from cli.advisor.task import Facts, FieldError
from cli.advisor.text import render

WISH = {"exact": "not_needed", "output_privacy": "required", "epsilon_total": 1.0, "unit_per_release": False}
HOLDER = {**WISH, "n_holders": 1, "trusted_curator": True, "n_units": 5000, "recipients": "public"}
PARTIES = {**WISH, "n_holders": 5, "trusted_curator": False, "each_holder_one_unit": False, "n_units": 5000}


def answer(**task: Any) -> Answer:
    found = advise(task, MACHINE)
    assert isinstance(found, Answer)
    return found


def shown(found: Answer) -> str:
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(render(found))
    return console.export_text()


# The commands.


@pytest.mark.parametrize("function", ["threshold", "all_agree", "equality"])
def test_a_yes_or_no_counts_one_for_each_whatever_the_bounds(function: str) -> None:
    bounds = {"bounds": [-100.0, 100.0], "bounded": "yes"}
    line = answer(**PARTIES, function=function, **bounds).steps[-1].line
    assert "--lower 0 --upper 5000 --sensitivity 1 " in line
    assert "release count" in answer(**HOLDER, function=function, **bounds).steps[-1].line


def test_to_show_only_a_yes_or_no_is_offered_with_the_error_of_its_command() -> None:
    found = answer(**PARTIES, function="sum", bounds=[-100.0, 100.0], bounded="yes")
    (change,) = [change for change in found.changes if "limit is reached" in change.edit]
    assert change.command is not None
    assert "--sensitivity 1 " in change.command


@pytest.mark.parametrize(
    ("moved", "epsilon"),
    [({"max_contrib": 5}, "1/5"), ({"score_sensitivity": 2.5}, "2/5"), ({"score_sensitivity": 0.5}, "1"), ({}, "1")],
)
def test_a_winner_drawn_together_hides_all_that_one_person_can_change(moved: dict[str, Any], epsilon: str) -> None:
    found = answer(**PARTIES, function="select_best", n_candidates=6, **moved)
    words = found.steps[-1].words
    assert words[words.index("--epsilon") + 1] == epsilon
    assert any("divided by" in note for note in found.notes) == (Fraction(epsilon) < 1)


def test_a_noisy_count_of_several_items_of_one_person_has_no_command() -> None:
    lists = {**WISH, "function": "intersection_size", "n_holders": 2, "n_a": 10**4, "n_b": 10**4}
    assert answer(**lists, max_contrib=1).steps
    several = answer(**lists, max_contrib=2)
    assert several.steps == ()
    assert several.tools


def test_a_stated_change_of_a_score_is_no_matter_of_records() -> None:
    vote = {**HOLDER, "function": "select_best", "n_candidates": 6, "max_contrib": 5}
    tags = [{w.tag for w in answer(**vote, **more).warnings} for more in ({}, {"score_sensitivity": 3.0})]
    assert ["GROUP_PRIVACY" in each for each in tags] == [True, False]
    quantile = {**HOLDER, "function": "quantile", "bounds": [0.0, 100.0], "max_contrib": 5}
    errors = {answer(**quantile, **more).setting.n.shortfall95 for more in ({}, {"score_sensitivity": 1.0})}
    assert len(errors) == 1  # a quantile has no scores that people are asked about


# What is open.


def test_one_holder_is_asked_for_people_and_not_whether_they_hold_their_own() -> None:
    facts = Facts({"function": "mean", "n_holders": 1, "each_holder_one_unit": True, "n_units": 70})
    assert Numbers(facts).n == 70
    without = {name: value for name, value in HOLDER.items() if name != "n_units"}
    found = advise(
        {**without, "function": "mean", "bounds": [0.0, 1.0], "tolerance": {"kind": "abs", "value": 0.1}}, MACHINE
    )
    assert isinstance(found, Undecided)
    assert found.field == "n_units"


def test_the_open_field_says_something() -> None:
    """Asked for is a field whose values do not all lead to the same list, where there is one."""
    given = {"function": "select_best", "trusted_curator": True, "epsilon_total": 0.3}
    found = settle(given)
    assert isinstance(found, Open)
    assert len({labels for _, labels in found.outcomes}) == 1  # how many holders there are says nothing by itself
    told = telling(found)
    assert (found.field, told.field) == ("n_holders", "exact")
    assert len({labels for _, labels in told.outcomes}) > 1
    asked = advise(given, MACHINE)
    assert isinstance(asked, Undecided)
    assert asked.field == told.field


# Groups.


@pytest.mark.parametrize(
    ("task", "label"),
    [
        (HOLDER, Label.DP_LAPLACE),
        ({**PARTIES, "n_holders": 5}, Label.MPC_DP),
        ({**WISH, "n_holders": 5000, "n_units": 5000, "each_holder_one_unit": True, "trusted_curator": False,
          "helper_servers": False}, Label.DP_LOCAL),
    ],
)  # fmt: skip
def test_the_worst_group_stands_beside_one_group_for_every_approach(task: dict[str, Any], label: Label) -> None:
    found = answer(**task, function="histogram", output_dim=8)
    assert found.primary is label
    one, worst = re.search(
        r"Off by up to ([\d.,]+) in one group, and up to ([\d.,]+) in the worst of 8", found.why
    ).groups()  # type: ignore[union-attr]
    assert float(worst.replace(",", "")) > float(one.replace(",", ""))


def test_the_worst_group_lies_within_its_error_with_noise_that_parties_add() -> None:
    """Gamma - Gamma for each group, 4000 times: at most 0.05 miss, and 0.021 are six standard errors."""
    numbers = Numbers(Facts({**PARTIES, "function": "histogram", "output_dim": 8}, asking=frozenset()))
    shape = 5 / (5 - numbers.colluding)
    rng = np.random.default_rng(5)
    noise = numbers.scale * (rng.gamma(shape, size=(4000, 8)) - rng.gamma(shape, size=(4000, 8)))
    missed = (np.abs(noise).max(axis=1) > numbers.shared_worst95).mean()
    assert 0.002 < missed < 0.05 + 0.021  # Chernoff's bound is not so far off that it says nothing


# Words.


@pytest.mark.parametrize("item", examples.items(), ids=lambda item: item["id"])
def test_codes_of_the_json_are_in_no_text(item: dict[str, Any]) -> None:
    found = advise(known(item["id"]), MACHINE)
    assert isinstance(found, Answer)
    codes = {*Label, *(trigger.tag for trigger in TRIGGERS)} - {"PSI", "COLLUSION", "SCALE", "FUZZY", "DROPOUT"}
    for text in (shown(found), page(found, "", date(2026, 1, 1))):
        assert sorted(code for code in codes if re.search(rf"\b{code}\b", text)) == []


def test_numbers_that_were_stated_are_shown_as_stated() -> None:
    assert wording.value_words(1.098612) == "1.098612"
    assert wording.value_words(2500.0) == "2,500"
    assert "<dd>1.098612</dd>" in page(answer(**known("A07")), "", date(2026, 1, 1))


def test_an_exact_sum_is_not_signed_with_the_risk_of_noise() -> None:
    text = page(answer(**known("A01")), "", date(2026, 1, 1))
    signed, details = text.split('class="details"')
    assert "Too few people for noise" not in signed
    assert "This is why noise is not recommended here" in details
    assert "Too few people for noise" not in contents(answer(**known("A01")))["README.md"]
    noisy = answer(**{**HOLDER, "function": "count", "n_units": 50, "tolerance": {"kind": "abs", "value": 1.0}})
    assert noisy.primary is Label.CHANGE_TASK
    assert "SMALL_N" in {w.tag for w in noisy.risks}


def test_charts_take_their_colours_from_the_page() -> None:
    text = page(answer(**known("A07")), "", date(2026, 1, 1))
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, re.S))
    assert 'class="curve0"' in drawn
    assert not re.search("#[0-9a-f]{3}", drawn)


def test_who_has_no_servers_is_told_of_no_tool_that_needs_them() -> None:
    alone = {**WISH, "function": "histogram", "n_holders": 10**6, "n_units": 10**6, "each_holder_one_unit": True,
             "trusted_curator": False, "output_dim": 10**6, "epsilon_total": 2.0}  # fmt: skip
    assert [tool.name for tool in answer(**alone, helper_servers=False).tools] == ["pure-LDP"]


@pytest.mark.parametrize(("holders", "two_sides"), [(2, True), (8, False)])
def test_the_two_sides_of_a_noisy_count_are_named_for_two(holders: int, two_sides: bool) -> None:
    found = answer(**WISH, function="intersection_size", n_holders=holders, n_a=10**4, n_b=10**4)
    (text,) = [w.text for w in found.warnings if w.tag == "COLLUSION"]
    assert ("two sides" in text) == two_sides


# Answers.


@pytest.mark.parametrize(
    ("field", "said", "value"),
    [
        ("function", "which option wins", "select_best"),
        ("function", "A total", "sum"),
        ("function", "total", "sum"),
        ("function", "Average", "mean"),
        ("function", "an aver", "mean"),
        ("adversary", "no", "semi_honest"),
        ("adversary", "yes", "malicious"),
        ("exact", "y", "required"),
        ("match", "2", "fuzzy"),
    ],
)
def test_an_answer_may_be_a_name_a_number_or_what_it_means(field: str, said: str, value: str) -> None:
    assert read_answer(field, said, {}) == value


@pytest.mark.parametrize(
    ("field", "said", "expected"),
    [
        ("function", "how many", "type a number from 1 to 23 or a name from the list, not 'how many'"),
        ("recipients", "no", "type a number from 1 to 5 or a name"),
        ("trusted_curator", "perhaps", "must be yes or no, not 'perhaps'"),
    ],
)
def test_an_answer_that_is_none_is_refused_in_words(field: str, said: str, expected: str) -> None:
    with pytest.raises(FieldError, match=re.escape(expected)):
        read_answer(field, said, {})


def test_every_yes_or_no_list_takes_yes_and_no() -> None:
    for field in BY_NAME.values():
        begins = {
            field.means(choice).split(",")[0].split(":")[0].split()[0] for choice in field.choices if choice != "na"
        }
        if {"yes", "no"} <= begins:
            assert {read_answer(field.name, said, {}) for said in ("yes", "no")} <= set(field.choices)
