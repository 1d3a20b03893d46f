"""The order of the rules: where two neighbours both hold, the first one answers; other neighbours never both hold."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from support.advise_random import random_task
from support.advising import MACHINE

from cli.advisor.answer import Answer, advise
from cli.advisor.predicates import Traits, holds
from cli.advisor.rules import RULES, decide
from cli.advisor.task import Facts, NeedToKnow

BY_RULE = {rule.name: rule for rule in RULES}
ASKING = frozenset({"function"})  # all else may be assumed

# Two neighbours in the table, and a task for which both hold and no rule before them: only the order decides it.
BOTH_HOLD: dict[tuple[str, str], dict[str, Any]] = {
    ("public", "entitled"): {"function": "sum", "data_public": True, "n_holders": 1},
    ("entitled", "individual"): {"function": "individual_record", "n_holders": 1},
    ("rows", "both-demanded"): {
        "function": "row_release", "n_holders": 1, "exact": "required", "output_privacy": "required",
    },
    ("both-demanded", "tells-inputs"): {
        "function": "lookup", "n_holders": 2, "exact": "required", "output_privacy": "required",
    },
    ("joined-noisy", "joined"): {"function": "intersection_join_stats", "n_holders": 2, "output_privacy": "required"},
    ("many-lists", "fuzzy"): {"function": "lookup", "n_holders": 4, "match": "fuzzy"},
    ("fuzzy", "cheating-lists"): {
        "function": "intersection", "n_holders": 2, "match": "fuzzy", "adversary": "malicious",
    },
    ("elements", "overlap-exact"): {"function": "intersection", "n_holders": 2, "exact": "required"},
    ("overlap-exact", "overlap-noisy"): {
        "function": "intersection_size", "n_holders": 2, "exact": "required", "tolerance": {"kind": "abs", "value": 50},
    },
    ("overlap-noisy", "overlap-hopeless"): {
        "function": "intersection_size", "n_holders": 2, "output_privacy": "required",
        "tolerance": {"kind": "abs", "value": 50},
    },
    ("central-training", "training-released"): {"function": "training", "recipients": "public", "n_holders": 1},
    ("training-released", "training"): {"function": "training", "recipients": "public", "n_holders": 5},
    ("extreme-exact", "extreme"): {"function": "extreme", "n_holders": 5, "exact": "required"},
    ("extreme", "exact-holder"): {
        "function": "extreme", "n_holders": 1, "exact": "required", "output_privacy": "desired",
    },
    ("exact-holder", "two-inputs"): {
        "function": "sum", "n_holders": 2, "trusted_curator": True, "exact": "required",
    },
    ("two-inputs", "cheating"): {"function": "sum", "n_holders": 2, "exact": "required", "adversary": "malicious"},
    ("cheating", "dominated"): {
        "function": "sum", "n_holders": 5, "exact": "preferred", "adversary": "malicious",
        "dominant_possible": True, "aux_likely": True,
    },
    ("dominated", "exact-quantile"): {
        "function": "quantile", "n_holders": 5, "exact": "preferred", "dominant_possible": True, "aux_likely": True,
    },
    ("exact-winner", "exact-sum"): {"function": "select_best", "n_holders": 5, "exact": "required"},
    ("exact-sum", "unbounded"): {"function": "sum", "n_holders": 5, "exact": "required", "bounded": "no"},
    ("unbounded", "choice-central"): {
        "function": "quantile", "n_holders": 1, "n_units": 1000, "bounded": "no", "output_privacy": "required",
    },
    ("local", "together"): {
        "function": "proportion", "n_holders": 500, "n_units": 500, "each_holder_one_unit": True, "epsilon_total": 10.0,
        "output_privacy": "required",
    },
    ("together", "hopeless"): {"function": "count", "n_holders": 5, "n_units": 1000, "output_privacy": "required"},
}  # fmt: skip

# Neighbours of which no task meets both: the functions that they are for differ, or one is for choices and one is not.
NEVER_BOTH = {
    ("individual", "rows"),
    ("tells-inputs", "alone"),
    ("alone", "many-lists"),
    ("cheating-lists", "joined-noisy"),
    ("joined", "elements"),
    ("overlap-hopeless", "computing"),
    ("computing", "central-training"),
    ("training", "one-bit"),
    ("one-bit", "extreme-exact"),
    ("exact-quantile", "exact-winner"),
    ("choice-central", "number-central"),
    ("number-central", "local"),
}


def test_every_two_neighbours_have_a_task_or_never_both_hold() -> None:
    neighbours = [(first.name, second.name) for first, second in pairwise(RULES)]
    assert sorted(neighbours) == sorted([*BOTH_HOLD, *NEVER_BOTH])


@pytest.mark.parametrize(("first", "second"), BOTH_HOLD, ids=lambda name: name)
def test_of_two_that_hold_the_first_answers(first: str, second: str) -> None:
    task = BOTH_HOLD[first, second]
    facts = Facts({"epsilon_total": 1.0, **task}, asking=ASKING)
    assert holds(BY_RULE[first].when, Traits(facts))
    assert holds(BY_RULE[second].when, Traits(facts))
    assert decide(facts).name == first
    known = {"each_holder_one_unit": False, "trusted_curator": False, "exact": "not_needed", "n_units": 1000}
    known |= {"output_privacy": "not_needed", "epsilon_total": 1.0, "unit_per_release": False}
    answer = advise({**known, **task}, MACHINE)
    assert isinstance(answer, Answer)
    assert (answer.rule.name, answer.primary) == (first, BY_RULE[first].label)


def test_other_neighbours_never_both_hold() -> None:
    rng, met = random.Random(21), set[str]()
    for _ in range(3000):
        traits = Traits(Facts(random_task(rng), asking=ASKING))
        for pair in NEVER_BOTH:
            try:
                first, second = (holds(BY_RULE[name].when, traits) for name in pair)
            except NeedToKnow:
                continue
            assert not (first and second), pair
            met |= {name for name, held in zip(pair, (first, second), strict=True) if held}
    assert met == {name for pair in NEVER_BOTH for name in pair}
