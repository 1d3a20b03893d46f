"""The rules and the table of approaches are made of the same predicates, and agree except where it is said here."""

from __future__ import annotations

import ast
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.advise_random import random_task
from support.advising import MACHINE

from cli.advisor import predicates
from cli.advisor.approaches import APPROACHES, judge
from cli.advisor.case import Case
from cli.advisor.fields import ALWAYS, BY_NAME
from cli.advisor.findings import Fit
from cli.advisor.logic import consistent, settle, tried, worlds
from cli.advisor.predicates import Traits, Unless, holds, predicate
from cli.advisor.rules import RULES, Rule, decide
from cli.advisor.task import Facts, FieldError, Given, NeedToKnow, check_together

NAMED = {name: value for name, value in vars(Traits).items() if isinstance(value, predicate)}
IN_RULES = [rule.when for rule in RULES]
IN_TABLE = [finding.when for findings in APPROACHES.values() for finding in findings]


def cases(count: int, seed: int) -> Iterator[tuple[Case, Given]]:
    """Random tasks that are decided, without what is printed of them."""
    rng = random.Random(seed)
    for _ in range(count):
        task = random_task(rng)
        try:
            check_together(task)
            rule = settle(task)
        except FieldError:
            continue
        if isinstance(rule, Rule):
            yield Case(Traits(Facts(task, asking=frozenset())), MACHINE, rule), task


# Predicates that only one of the two needs. The rules weigh wishes against each other; the table shows each by itself.
# The table tells functions apart that one rule covers.
ONLY_IN_RULES = {
    *("entitled", "exact_serves", "exact_will_do", "noisy_training", "helpers", "known_giant", "local_good"),
    *("general", "must_hide", "must_be_exact", "takes_several", "tells_inputs"),
}
ONLY_IN_TABLE = {
    *("additive", "overlap_number", "selection", "summable", "options_known", "sizes_known", "compared_here"),
    *("curator", "exact_required", "hides_output", "hiding_required", "local_fits", "tallies_fit"),
}


def test_rules_and_table_are_made_of_the_same_predicates() -> None:
    rules, table = ({condition.name for when in lists for condition in when} for lists in (IN_RULES, IN_TABLE))
    assert rules | table <= NAMED.keys()
    assert rules - table == ONLY_IN_RULES
    assert table - rules == ONLY_IN_TABLE


def test_each_predicate_is_explained_and_used() -> None:
    folder = Path(predicates.__file__).parent
    used = {
        node.attr
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    assert [name for name in NAMED if name not in used] == []
    assert all(predicate.__doc__ for predicate in NAMED.values())


def test_a_predicate_and_its_opposite() -> None:
    traits = Traits(Facts({"function": "sum", "n_holders": 1}, asking=frozenset()))
    assert traits.central is True
    assert holds((Traits.central, Traits.additive, Unless(Traits.over_lists)), traits)
    assert not holds((Traits.central, Unless(Traits.additive)), traits)
    assert not holds((Traits.over_lists,), traits)
    assert holds((), traits)


def test_conditions_are_tried_in_order_and_no_further_than_needed() -> None:
    """So that an unknown field is asked for only where it can matter."""
    traits = Traits(Facts({"function": "sum"}, asking=frozenset({"match"})))
    assert not holds((Traits.over_lists, Traits.fuzzy), traits)
    with pytest.raises(NeedToKnow, match=r"^match$"):
        holds((Traits.fuzzy, Traits.over_lists), traits)


def test_every_approach_ends_in_a_verdict_and_no_finding_hides_another() -> None:
    assert RULES[-1].when == ()
    for label, findings in APPROACHES.items():
        assert findings[-1].when == (), label
        assert all(finding.when for finding in findings[:-1]), label


def test_every_finding_can_be_the_verdict() -> None:
    """No dead finding: random tasks reach them all."""
    every = {(label, i) for label, findings in APPROACHES.items() for i in range(len(findings))}
    reached: set[tuple[str, int]] = set()
    for case, _ in cases(6000, 5):
        if reached == every:
            break
        for label, findings in APPROACHES.items():
            try:
                reached.add((label, next(i for i, f in enumerate(findings) if holds(f.when, case.t))))
            except NeedToKnow:
                continue
    assert every - reached == set()


def disagreement(case: Case, given: Given) -> str | None:
    """Why the table may say that the recommended approach does not fit; None where it has no such reason."""
    t, rule = case.t, case.rule.name
    if rule == "dominated" and t.selects:
        return "one bit is recommended in place of a choice"
    if given.get("epsilon_total") is None:
        return "the epsilon is unknown and does not matter to the rule"
    if given.get("n_units") is None:
        return "the number of units is unknown and does not matter to the rule"
    return None


def test_the_table_agrees_with_the_rules() -> None:
    """The recommended approach fits by the table too, at least partly, but for the reasons above."""
    seen = set()
    for case, given in cases(4000, 99):
        own = next(verdict for verdict in judge(case) if verdict.label is case.label)
        if own.fit is Fit.NO:
            why = disagreement(case, given)
            assert why, (case.rule.name, own.reason, given)
            seen.add(why)
    assert len(seen) >= 2, "fewer reasons are left: take them out above"


def settled_anew(given: dict[str, Any], asking: frozenset[str]) -> Iterator[str]:
    """The rule of each world, every one of them decided from the first rule on."""
    try:
        yield decide(Facts(given, asking)).name
        return
    except NeedToKnow as unknown:
        field = BY_NAME[unknown.field]
    for value in tried(field, given):
        world = {**given, field.name: value}
        if consistent(world):
            yield from settled_anew(world, asking)


def test_going_on_at_the_rule_reached_is_deciding_anew() -> None:
    """What was computed before a field was known is kept only where it does not depend on the field."""
    rng, seen = random.Random(77), 0
    for _ in range(60):
        task = random_task(rng)
        given = {name: value for name, value in task.items() if rng.random() < 0.5}
        asking = ALWAYS | {"match", "adversary", "bounded", "helper_servers", "tolerance", "recipients"}
        if consistent(given):
            anew = list(itertools.islice(settled_anew(given, asking), 120))
            assert [rule.name for rule in itertools.islice(worlds(given, asking), 120)] == anew
            seen += len(anew)
    assert seen > 2000


def test_a_field_that_was_looked_for_is_read_again() -> None:
    facts = Facts({"function": "sum"})
    assert facts.unread("n_holders")
    assert not facts.known("output_privacy")
    assert not facts.unread("output_privacy")
    assert not facts.unread("releases")  # it has its default, which something may have read
    told = facts.told("n_holders", 3)
    assert (told.n_holders, told.known("n_holders"), facts.known("n_holders")) == (3, True, False)
    assert not told.unread("output_privacy")
